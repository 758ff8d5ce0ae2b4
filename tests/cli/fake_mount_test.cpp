// Programs that know nothing of busproof, on a model of a host that is served as a file system.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using testing::HasSubstr;

constexpr std::string_view kMountedHost =
    "host small kernel=6.12\n"
    "00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
    "01:00.0 8086:15f3 020000 flr driver=igc\n";

class FakeMount : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("small.txt", kMountedHost);
    ASSERT_EQ(folder_.run("fake new small.txt -o small.json").code, 0);
    const Ran tried = run("true");
    if (tried.code == 3) GTEST_SKIP() << tried.err;
    ASSERT_EQ(tried.code, 0) << tried.err;
  }
  [[nodiscard]] Ran run(const std::string& what) const {
    return folder_.run("fake exec --host-model small.json " + what);
  }
  [[nodiscard]] bool is_installed(const std::string& program) const {
    return folder_.shell("command -v " + program).code == 0;
  }
  Folder folder_;
};

TEST_F(FakeMount, LspciShowsTheModelsDevices) {
  if (!is_installed("lspci")) GTEST_SKIP() << "no lspci";
  const Ran ran = run("lspci -n -k");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("00:01.0 0604: 8086:460d\n"));
  EXPECT_THAT(ran.out, HasSubstr("01:00.0 0200: 8086:15f3\n"));
  EXPECT_THAT(ran.out, HasSubstr("Kernel driver in use: igc\n"));
}

TEST_F(FakeMount, AShellBindsAndTheModelKeepsIt) {
  const Ran ran =
      run("sh -c 'cd /sys/bus/pci/devices/0000:01:00.0 && echo pci-stub > driver_override && "
          "echo 0000:01:00.0 > driver/unbind && cat driver_override && ls -d driver 2>/dev/null || echo unbound'");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "pci-stub\nunbound\n");
  const Ran shown = folder_.run("fake show small.json");
  EXPECT_THAT(shown.out, HasSubstr("pci-stub"));
}

TEST_F(FakeMount, DriverctlHandsADeviceToVfio) {
  if (!is_installed("driverctl") || !is_installed("modprobe")) GTEST_SKIP() << "no driverctl, or no modprobe";
  const Ran ran = run("driverctl --nosave set-override 0000:01:00.0 vfio-pci");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(run("driverctl list-overrides").out, "0000:01:00.0 vfio-pci\n");
  EXPECT_EQ(run("driverctl --nosave unset-override 0000:01:00.0").code, 0);
  EXPECT_THAT(run("driverctl list-devices").out, HasSubstr("0000:01:00.0 igc\n"));
}

TEST_F(FakeMount, RefusalsHaveTheKernelsErrno) {
  const Ran ran = run("sh -c 'echo 0000:01:00.0 | tee /sys/bus/pci/drivers/igc/bind'");
  EXPECT_THAT(ran.err, HasSubstr("Device or resource busy"));
  EXPECT_THAT(run("cat /sys/bus/pci/rescan").err, HasSubstr("Permission denied"));
  EXPECT_THAT(run("sh -c 'cat < /sys/bus/pci/devices/0000:02:00.0/vendor'").err, HasSubstr("o such file"));
}

TEST_F(FakeMount, GivesTheExitCodeOfTheCommand) {
  EXPECT_EQ(run("sh -c 'exit 7'").code, 7);
  EXPECT_EQ(run("sh -c 'kill -KILL $$'").code, 137);
  EXPECT_THAT(run("no-such-program").err, HasSubstr("cannot run no-such-program: No such file or directory"));
}

TEST_F(FakeMount, IsServedAtAFolderUntilItIsInterrupted) {
  const Ran ran = folder_.shell(
      "mkdir mnt && { " BUSPROOF_COMMAND
      " fake mount --host-model small.json mnt 2>said & } && "
      "for i in $(seq 300); do [ -e mnt/bus ] && break; sleep 0.1; done; "
      "cat mnt/bus/pci/devices/0000:01:00.0/device; echo none > mnt/bus/pci/devices/0000:01:00.0/driver_override; "
      "kill -TERM $!; wait $!; echo $?; ls mnt");
  EXPECT_EQ(ran.out, "0x15f3\n0\n") << ran.err;
  EXPECT_THAT(folder_.read("said"), HasSubstr("small.json is at mnt"));
  EXPECT_THAT(folder_.run("fake show small.json").out, HasSubstr("none"));
}

TEST_F(FakeMount, SaysWhereItCannotMount) {
  const Ran ran = folder_.run("fake mount --host-model small.json no-such-folder");
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("no-such-folder"));
}

}  // namespace
}  // namespace busproof::cli_tests
