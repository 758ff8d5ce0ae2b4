#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kDescription =
    "host small kernel=6.12\n"
    "00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
    "01:00.0 10de:2204 030000 pm driver=nouveau boot-vga\n";

class FakeHost : public testing::Test {
 protected:
  FakeHost() {
    folder_.write("small.txt", kDescription);
    EXPECT_EQ(folder_.run("fake new small.txt -o small.json").code, 0);
  }
  [[nodiscard]] Ran run(const std::string& what, std::string_view input = "") const {
    return folder_.run("fake run --host-model small.json " + what, input);
  }
  Folder folder_;
};

TEST_F(FakeHost, IsMadeFromADescription) {
  EXPECT_EQ(folder_.run("fake new small.txt").out, folder_.read("small.json"));
  const Ran wrong = folder_.run("fake new -", "host x kernel=6.1\n00:01.0 nonsense\n");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, StartsWith("<stdin>"));
}

TEST_F(FakeHost, IsShown) {
  const Ran ran = folder_.run("fake show small.json");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("small: Linux 6.12 (rules of 6.12), IOMMU\nADDRESS "));
  EXPECT_THAT(ran.out, HasSubstr("not loaded: "));
  EXPECT_THAT(ran.out, HasSubstr(" vfio_pci"));
  EXPECT_EQ(Json::parse(folder_.run("fake show small.json --format json").out)["devices"].size(), 2u);
}

TEST_F(FakeHost, IsChangedInPlaceByASequenceOfCommands) {
  EXPECT_EQ(run("modprobe vfio-pci").out, "modprobe vfio-pci: ok\n");
  EXPECT_EQ(run("write bus/pci/devices/0000:01:00.0/driver_override vfio-pci").code, 0);
  EXPECT_EQ(run("write bus/pci/drivers/nouveau/unbind 0000:01:00.0").code, 0);
  EXPECT_EQ(run("write bus/pci/drivers_probe 0000:01:00.0").code, 0);
  EXPECT_EQ(run("readlink bus/pci/devices/0000:01:00.0/driver").out,
            "readlink bus/pci/devices/0000:01:00.0/driver: ../../../../bus/pci/drivers/vfio-pci\n");
  EXPECT_THAT(folder_.run("host list --host-model small.json").out, HasSubstr("vfio-pci (override)"));
  EXPECT_EQ(run("reboot").code, 0);
  EXPECT_THAT(folder_.run("host list --host-model small.json").out, HasSubstr("nouveau"));
}

TEST_F(FakeHost, SaysWithWhatTheKernelRefuses) {
  const Ran ran = run("write bus/pci/drivers/nouveau/bind 0000:01:00.0");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.out, "write bus/pci/drivers/nouveau/bind 0000:01:00.0: EBUSY\n");
  const Json answers = Json::parse(run("read bus/pci/devices/none/vendor --format json").out);
  EXPECT_EQ(answers[0]["result"], "ENOENT");
  EXPECT_EQ(run("unplug 0000:7f:00.0").out, "unplug 0000:7f:00.0: ENODEV\n");
}

TEST_F(FakeHost, DoesAScript) {
  const Ran ran = run("--script -",
                      "# the override, and back\n"
                      "write bus/pci/devices/0000:01:00.0/driver_override none\n"
                      "\n"
                      "write bus/pci/devices/0000:01:00.0/driver_override \"\\n\"\n"
                      "read bus/pci/devices/0000:01:00.0/driver_override\n"
                      "wait 5\n"
                      "unplug 0000:01:00.0\n"
                      "list bus/pci/devices\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "write bus/pci/devices/0000:01:00.0/driver_override none: ok\n"
            "write bus/pci/devices/0000:01:00.0/driver_override \"\\n\": ok\n"
            "read bus/pci/devices/0000:01:00.0/driver_override: (null)\n"
            "wait 5: ok\n"
            "unplug 0000:01:00.0: ok\n"
            "list bus/pci/devices: 0000:00:01.0\n");
}

TEST_F(FakeHost, MeetsTheFaultsOfAScript) {
  folder_.write("faults.txt", "write */driver_override #2 fail EIO\n");
  const std::string twice =
      "write bus/pci/devices/0000:01:00.0/driver_override a\nwrite bus/pci/devices/0000:01:00.0/driver_override b\n";
  const Ran ran = run("--script - --faults faults.txt", twice);
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.out, HasSubstr("driver_override a: ok\n"));
  EXPECT_THAT(ran.out, HasSubstr("driver_override b: EIO\n"));
}

TEST_F(FakeHost, StaysAsItIsWhenOnlyTried) {
  const std::string before = folder_.read("small.json");
  EXPECT_EQ(run("--dry-run modprobe vfio-pci").code, 0);
  EXPECT_EQ(folder_.read("small.json"), before);
}

TEST_F(FakeHost, SaysWhatIsNoOperation) {
  EXPECT_THAT(run("frobnicate x").err,
              HasSubstr("there is no operation 'frobnicate'\n  remedy: operations are kill, list"));
  EXPECT_THAT(run("--script -", "wait 1\nwait soon\n").err, HasSubstr("line 2: 'soon' is no number of milliseconds"));
  for (const char* words : {"read", "reboot now", "unplug x", "read a b", "write a b c", ""})
    EXPECT_EQ(run(words).code, 2) << words;
}

}  // namespace
}  // namespace busproof::cli_tests
