#include "verify/host_hunt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "verify/host_history.h"
#include "verify/hunts.h"

namespace busproof::verify {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kHost = R"(host test kernel=6.12
00:01.0 8086:a110 060400 port=root bus=01 acs driver=pcieport
01:00.0 8086:10d3 020000 flr driver=e1000e
00:02.0 8086:a110 060400 port=root bus=02 acs driver=pcieport
02:00.0 10de:2204 030000 multifunction driver=nouveau
02:00.1 10de:1aef 040300 driver=snd_hda_intel
)";

HostWorld world(std::string_view description = kHost) {
  return {.kernel = fakesys::FakeKernel(*fakesys::new_host(description))};
}

HostStep step(std::string_view lines) { return parse_host_steps(lines)->at(0); }

/// "vfio-pci/vfio-pci": driver and override.
std::string binding(const HostWorld& world, std::string_view device) {
  const auto state = state_of(world);
  const host::Binding& its = device_in(state, *host::HostAddress::parse(device))->binding;
  return its.driver.value_or("-") + "/" + its.override_to.value_or("-");
}

TEST(HostCommand, ReadsWhatItWrites) {
  for (const std::string_view lines :
       {"detach 0000:01:00.0 driver=pci-stub group=companions force\n", "reattach 0000:01:00.0 reprobe\n",
        "prepare dom1 0000:01:00.0 0000:02:00.0 group=ignore unmanaged reset=always\n", "release dom1\n",
        "release dom1 0000:01:00.0\n", "reset 0000:01:00.0\n", "recover\n", "vfs 0000:01:00.0 4\n", "commit dom1\n",
        "close dom1\n", "load vfio_pci\n", "unload vfio_pci\n", "swap 0000:01:00.0\n",
        "world write bus/pci/drivers_probe 0000:01:00.0\n", "world reboot\n",
        "fault write * #2 fail EBUSY\ncrash torn 14\nrehearse\ndetach 0000:01:00.0\nbeside 12,5 recover\n",
        "detach 0000:01:00.0\nbeside - reattach 0000:01:00.0\n"}) {
    const auto steps = parse_host_steps(lines);
    ASSERT_TRUE(steps) << lines << steps.error().message;
    EXPECT_EQ(to_text(steps->at(0)), lines);
  }
}

TEST(HostCommand, RefusesLinesThatAreNone) {
  const auto refusal = [](std::string_view lines) { return parse_host_steps(lines).error().message; };
  EXPECT_EQ(refusal("explode 0000:01:00.0\n"), "'explode 0000:01:00.0': no such command");
  EXPECT_EQ(refusal("detach\n"), "'detach': something is missing at the end");
  EXPECT_EQ(refusal("detach 0000:01:00.0 gently\n"), "'detach 0000:01:00.0 gently': 'gently' is not known");
  EXPECT_EQ(refusal("crash sometimes 3\n"), "'crash sometimes 3': a crash is before, after, torn or full, and N");
  EXPECT_EQ(refusal("beside 3 recover\n"), "'beside 3 recover': nothing comes before it");
  EXPECT_EQ(refusal("fault write * #1 lie\n"), "'fault': no operation follows it");
}

TEST(HostRun, OfTwoThatWantTheSameDeviceOneIsTold) {
  // The second begins when the first has made 200 accesses and holds the lock.
  const StepRun run = run_step(world(), step("detach 0000:01:00.0\nbeside 200,500 prepare dom1 0000:01:00.0\n"));
  ASSERT_TRUE(run.first.performance);
  ASSERT_TRUE(run.second->refusal);
  EXPECT_EQ(run.second->refusal->code, host::Code::BusyOperation);
  EXPECT_EQ(binding(run.world, "0000:01:00.0"), "vfio-pci/vfio-pci");
}

TEST(HostRun, OneAfterTheOtherBothSucceed) {
  const StepRun run = run_step(world(), step("detach 0000:01:00.0\nbeside - prepare dom1 0000:01:00.0\n"));
  ASSERT_TRUE(run.first.performance);
  ASSERT_TRUE(run.second->performance);
  EXPECT_EQ(state_of(run.world).ledger.begin()->second.owner->domain, "dom1");
}

TEST(HostRun, CrashLeavesAJournal) {
  const StepRun all = run_step(world(), step("detach 0000:01:00.0\n"));
  bool left_one = false;
  for (std::size_t at = 1; at < all.accesses.size() && !left_one; ++at) {
    const StepRun run = run_step(world(), step("crash before " + std::to_string(at) + "\ndetach 0000:01:00.0\n"));
    EXPECT_TRUE(run.first.crashed);
    left_one = !run.world.journals.empty();
  }
  EXPECT_TRUE(left_one);
}

TEST(HostRun, WhatWasLateHappensAfterwards) {
  const StepRun run = run_step(world(), step("fault write */unbind #1 block 70000ms\ndetach 0000:01:00.0\n"));
  EXPECT_EQ(binding(run.world, "0000:01:00.0"), "e1000e/vfio-pci");
  EXPECT_EQ(binding(run.later, "0000:01:00.0"), "-/vfio-pci");
}

TEST(HostHunt, ReplaysAHistoryFromItsFiles) {
  const auto hunt = make_host_hunt({});
  const std::string host(kHost);
  const auto held = hunt->replay({{"host.txt", host}, {"script.txt", "detach 0000:01:00.0\nreattach 0000:01:00.0\n"}});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_THAT(*held, IsEmpty());
  const std::string model = fakesys::save_host(*fakesys::new_host(kHost));
  EXPECT_TRUE(hunt->replay({{"host.json", model}, {"script.txt", "detach 0000:01:00.0\n"}}));
  EXPECT_FALSE(hunt->replay({{"host.txt", host}, {"script.txt", "nonsense\n"}}));
  EXPECT_FALSE(hunt->replay({{"host.txt", "nonsense\n"}, {"script.txt", "recover\n"}}));
  EXPECT_FALSE(hunt->replay({{"script.txt", "recover\n"}}));
  EXPECT_FALSE(hunt->replay({}));
}

TEST(HostHunt, MakesTheSameCaseOfASeedEachTime) {
  Tally once, again;
  const auto hunt = make_host_hunt({});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    hunt->run(seed, once);
    make_host_hunt({})->run(seed, again);
  }
  EXPECT_EQ(once.classes(), again.classes());
}

TEST(HostHunt, HappensToTheHostOfAUser) {
  HuntSetup setup{.host_model = fakesys::save_host(*fakesys::new_host(kHost))};
  const auto hunts = make_hunts(setup);
  ASSERT_EQ(hunts.size(), 1U);
  Tally tally;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Breaches broken = hunts[0]->run(seed, tally);
    EXPECT_TRUE(broken.empty()) << broken[0].law << ": " << broken[0].words;
  }
  EXPECT_EQ(tally.count("kernel", "6.12"), 40U);
  EXPECT_EQ(tally.count("largest group", "2"), 40U);
}

TEST(HostHunt, KnowsEveryLawOfTheDesignThatSpeaksOfHosts) {
  std::string numbers;
  for (const LawRow& law : host_law_rows()) numbers += std::string(law.number) + "; ";
  for (const std::string_view law : {"law 9", "law 10", "law 11"}) EXPECT_THAT(numbers, HasSubstr(std::string(law)));
  for (int number = 1; number <= 20; ++number)
    EXPECT_THAT(numbers, HasSubstr("INV-" + std::to_string(number) + ";")) << "nobody looks at it";
}

}  // namespace
}  // namespace busproof::verify
