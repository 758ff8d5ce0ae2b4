// INV-10, exhaustively: a crash at every access of an operation, and at every access of its recovery; single faults at
// every access; two operations that take turns.

#include "tests/host/machine.h"
#include "verify/crash_point.h"
#include "verify/rehearsal.h"

namespace busproof::host {
namespace {

using verify::CrashPoint;
using verify::HostRun;
using verify::HostState;
using verify::Life;
using verify::MortalKernel;
using verify::MortalStore;

/// The plan of a request, its drivers loaded.
BindingPlan planned(TestMachine& host, const Request& request) {
  auto plan = plan_request(host.machine(), request);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : to_string(plan.error()));
  EXPECT_TRUE(load_drivers(host.fake(), *plan).has_value());
  plan = plan_request(host.machine(), request);
  EXPECT_TRUE(plan->modules.empty());
  return *std::move(plan);
}

void expect_laws(const BindingPlan& plan, const HostState& before, const HostState& after, const std::string& what) {
  const std::vector<fakesys::AccessRecord> none;
  const HostRun run{plan, before, after, none};
  for (const verify::HostLaw& law : verify::host_laws()) {
    const auto violations = law.check(run);
    EXPECT_TRUE(violations.empty()) << what << ": INV-" << law.number << ": " << violations.front().device << ' '
                                    << violations.front().what;
  }
}

enum class Twice : std::uint8_t { No, Yes };

/// Crashes the operation at each access and recovers; or crashes its recovery at each access, too, and recovers again.
void sweep(TestMachine& host, const BindingPlan& plan, Twice twice) {
  const HostState before = verify::state_of(host.fake(), host.journals, host.ledger);
  const auto journals_before = host.journals.files(), ledger_before = host.ledger.files();
  std::size_t points = 0;
  for (const auto when : {CrashPoint::When::Before, CrashPoint::When::After, CrashPoint::When::Torn}) {
    for (std::size_t at = 1;; ++at) {
      fakesys::FakeKernel kernel = host.fake();
      MemoryStore journals(journals_before), ledger(ledger_before);
      Life life({at, when});
      {
        MortalKernel mortal(kernel, life);
        MortalStore mortal_journals(journals, life), mortal_ledger(ledger, life);
        execute({mortal, mortal_journals, mortal_ledger}, plan);
      }
      if (!life.dead()) break;
      ++points;
      const auto crashed_journals = journals.files(), crashed_ledger = ledger.files();
      for (std::size_t again = 0;; ++again) {
        fakesys::FakeKernel second = kernel;
        MemoryStore second_journals(crashed_journals), second_ledger(crashed_ledger);
        Life second_life({again, again == 0 ? CrashPoint::When::Never : when});
        {
          MortalKernel mortal(second, second_life);
          MortalStore mortal_journals(second_journals, second_life), mortal_ledger(second_ledger, second_life);
          static_cast<void>(recover_journals({mortal, mortal_journals, mortal_ledger}, nullptr));
        }
        if (again != 0 && !second_life.dead()) break;
        ASSERT_TRUE(recover_journals({second, second_journals, second_ledger}, nullptr).has_value());
        const HostState after = verify::state_of(second, second_journals, second_ledger);
        expect_laws(plan, before, after, "crash at " + std::to_string(at) + ", then at " + std::to_string(again));
        EXPECT_TRUE(second_journals.files().empty());
        if (testing::Test::HasFailure()) return;
        if (twice == Twice::No) break;
      }
    }
  }
  EXPECT_GT(points, 60u);
}

Request companions(Operation operation) {
  Request request = TestMachine::request(operation, {"01:00.0"});
  request.group = GroupPolicy::Companions;
  if (operation == Operation::Prepare) request.owner = Owner{"qemu", "dom1"};
  return request;
}

TEST(CrashSweep, T72_OfADetachOfTwo) {
  TestMachine host(kHostGpu);
  sweep(host, planned(host, companions(Operation::Detach)), Twice::No);
}

TEST(CrashSweep, OfAReattachOfTwo) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.ended(companions(Operation::Detach)), "done");
  sweep(host, planned(host, TestMachine::request(Operation::Reattach, {"01:00.0", "01:00.1"})), Twice::No);
}

TEST(CrashSweep, OfAPrepareOfTwo) {
  TestMachine host(kHostGpu);
  sweep(host, planned(host, companions(Operation::Prepare)), Twice::No);
}

TEST(CrashSweep, OfAReleaseOfTwo) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.ended(companions(Operation::Prepare)), "done");
  Request release{.operation = Operation::Release};
  release.owner = Owner{"qemu", "dom1"};
  sweep(host, planned(host, release), Twice::No);
}

TEST(CrashSweep, OfADetachByIdAndOfItsRecovery) {
  TestMachine host(kHostOld);
  Request detach = TestMachine::request(Operation::Detach, {"03:00.0"});
  detach.devices[0].driver.model = "pci-stub";
  sweep(host, planned(host, detach), Twice::Yes);
  const auto rehearsal = verify::rehearse(host.fake(), {}, {}, planned(host, detach), detach);
  EXPECT_EQ(rehearsal.broken.size(), 0u) << to_text(rehearsal);
}

TEST(CrashSweep, OfADetachAndOfItsRecovery) {
  TestMachine host(kHostNic);
  sweep(host, planned(host, TestMachine::request(Operation::Detach, {"0a:00.0"})), Twice::Yes);
}

TEST(CrashSweep, OfAReattachAndOfItsRecovery) {
  TestMachine host(kHostNic);
  ASSERT_EQ(host.detach({"0a:00.0"}), "done");
  sweep(host, planned(host, TestMachine::request(Operation::Reattach, {"0a:00.0"})), Twice::Yes);
}

TEST(CrashSweep, OfAPrepareAndOfItsRecovery) {
  TestMachine host(kHostNic);
  Request start = TestMachine::request(Operation::Prepare, {"0a:00.0"});
  start.owner = Owner{"qemu", "dom1"};
  sweep(host, planned(host, start), Twice::Yes);
}

TEST(CrashSweep, OfAReleaseAndOfItsRecovery) {
  TestMachine host(kHostNic);
  ASSERT_EQ(host.prepare("dom1", {"0a:00.0"}), "done");
  Request release{.operation = Operation::Release};
  release.owner = Owner{"qemu", "dom1"};
  sweep(host, planned(host, release), Twice::Yes);
}

TEST(Rehearsal, NoSingleFaultLosesADevice) {
  TestMachine host(kHostGpu);
  const BindingPlan detach = planned(host, companions(Operation::Detach));
  const auto away = verify::rehearse(host.fake(), {}, {}, detach, companions(Operation::Detach));
  EXPECT_GT(away.runs, 300u);
  EXPECT_EQ(away.broken.size(), 0u) << to_text(away);

  ASSERT_EQ(host.ended(companions(Operation::Detach)), "done");
  const Request reattach = TestMachine::request(Operation::Reattach, {"01:00.0", "01:00.1"});
  const auto back = verify::rehearse(host.fake(), {}, host.ledger.files(), planned(host, reattach), reattach);
  EXPECT_EQ(back.broken.size(), 0u) << to_text(back);
}

TEST(Rehearsal, NoSingleFaultLosesAGuestsDevice) {
  TestMachine host(kHostGpu);
  const Request prepare = companions(Operation::Prepare);
  const auto start = verify::rehearse(host.fake(), {}, {}, planned(host, prepare), prepare);
  EXPECT_EQ(start.broken.size(), 0u) << to_text(start);
  ASSERT_EQ(host.ended(companions(Operation::Prepare)), "done");
  Request release{.operation = Operation::Release};
  release.owner = Owner{"qemu", "dom1"};
  const auto stop = verify::rehearse(host.fake(), {}, host.ledger.files(), planned(host, release), release);
  EXPECT_EQ(stop.broken.size(), 0u) << to_text(stop);
}

TEST(Rehearsal, ADriverThatCannotBeLoadedLosesNoDevice) {
  TestMachine host(kHostNic);
  const Request detach = TestMachine::request(Operation::Detach, {"0a:00.0"});
  const auto whole = verify::rehearse_request(host.fake(), {}, {}, detach);
  ASSERT_TRUE(whole) << to_string(whole.error());
  EXPECT_EQ(whole->broken.size(), 0u) << to_text(*whole);
  // Of these, nine are of the one load: missing, prohibited, broken, late, never, and with a crash around it.
  TestMachine loaded(kHostNic);
  ASSERT_TRUE(loaded.fake().load_module("vfio-pci"));
  EXPECT_EQ(whole->runs, verify::rehearse_request(loaded.fake(), {}, {}, detach)->runs + 9);
}

TEST(Rehearsal, SaysInWordsWhatWasLost) {
  // A plan that nobody would make: it leaves its device without a driver and tells nobody.
  TestMachine host(kHostLv);
  const Request detach = TestMachine::request(Operation::Detach, {"00:01.0"});
  BindingPlan plan = planned(host, detach);
  plan.devices[0].entry_after.reset();
  const auto rehearsal = verify::rehearse(host.fake(), {}, {}, plan, detach);
  EXPECT_THAT(to_text(rehearsal), testing::HasSubstr("no fault: INV-1: 0000:00:01.0 is lost: driver vfio-pci"));
}

TEST(HostScenario, INV19_DetachAndReattachIsTheWayThereAndBack) {
  for (const std::string_view text : {kHostLv, kHostGpu, kHostNic}) {
    TestMachine host(text);
    const auto inventory = *scan(host.fake());
    const HostState before = verify::state_of(host.fake(), host.journals, host.ledger);
    for (const HostDevice& device : inventory.devices) {
      if (is_bridge(device)) continue;
      const std::string name = to_string(device.address);
      Request detach = TestMachine::request(Operation::Detach, {name});
      detach.group = GroupPolicy::Ignore;
      ASSERT_EQ(host.ended(detach), "done") << name;
      // INV-9: the second time nothing is written.
      host.writes();
      EXPECT_EQ(host.ended(detach), "already") << name;
      EXPECT_TRUE(host.writes().empty()) << name;
      ASSERT_EQ(host.reattach({name}), "done") << name;
      EXPECT_EQ(verify::state_of(host.fake(), host.journals, host.ledger).devices, before.devices) << name;
      EXPECT_TRUE(host.ledger.files().empty());
    }
  }
}

TEST(HostScenario, T94_TheDryRunIsWhatIsWritten) {
  TestMachine host(kHostGpu);
  const auto dry = plan_request(host.machine(), companions(Operation::Detach));
  EXPECT_TRUE(host.writes().empty());
  EXPECT_THAT(to_text(*dry),
              testing::StartsWith("load module vfio_pci\n0000:01:00.1: driver_override: (unset) -> vfio-pci\n"));
  ASSERT_EQ(host.ended(companions(Operation::Detach)), "done");
  std::vector<std::string> expected;
  for (const Step& step : dry->steps) {
    std::string path = path_of(step);
    if (path.empty()) continue;
    for (const std::string_view prefix : {"bus/pci/devices/", "bus/pci/"})
      if (path.starts_with(prefix)) path.erase(0, prefix.size());
    expected.push_back(path + "=" + value_of(step));
  }
  EXPECT_EQ(host.writes(), expected);
}

TEST(BindingPlan, IsTurnedRoundAndComparedAsAValue) {
  TestMachine host(kHostGpu);
  const BindingPlan plan = planned(host, companions(Operation::Detach));
  const BindingPlan undo = inverse(plan);
  EXPECT_EQ(undo.operation, Operation::Reattach);
  EXPECT_EQ(undo.devices.front().address, at("01:00.0"));
  EXPECT_EQ(to_text(undo),
            "0000:01:00.0: driver_override: vfio-pci -> (unset)\n"
            "0000:01:00.0: unbind from vfio-pci\n"
            "0000:01:00.0: probe, to be bound to nouveau\n"
            "0000:01:00.1: driver_override: vfio-pci -> (unset)\n"
            "0000:01:00.1: unbind from vfio-pci\n"
            "0000:01:00.1: probe, to be bound to snd_hda_intel\n");
  EXPECT_EQ(plan, planned(host, companions(Operation::Detach)));
  EXPECT_NE(plan, undo);
}

}  // namespace
}  // namespace busproof::host
