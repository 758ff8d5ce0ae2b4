// Faults as a script: each kind does what its name says, and prints and reads back as the same line.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fakesys/faulty_kernel.h"
#include "fakesys/new_host.h"

namespace busproof::fakesys {
namespace {

using std::chrono::milliseconds;

constexpr const char* kOverride = "bus/pci/devices/0000:00:02.0/driver_override";

FaultyKernel kernel_with(const std::string& fault) {
  auto host = new_host("host test kernel=6.12\n00:02.0 8086:10d3 020000 flr driver=e1000e\n00:03.0 8086:10d3 020000\n");
  std::vector<Fault> script;
  if (!fault.empty()) script.push_back(*parse_fault(fault));
  return {FakeKernel(std::move(*host)), std::move(script)};
}

TEST(Faults, PrintAndReadBack) {
  for (const std::string line :
       {"write */driver_override #2 fail EBUSY", "any * #1 fail-after-effect EIO", "read *uevent #3 lie",
        "write *unbind #1 block 5000ms", "write *unbind #1 block forever", "write * #4 crash-before",
        "write * #4 crash-after", "any * #9 power-loss", "write *probe #1 rival bus/pci/rescan 1\\n",
        "list * #1 vanish 0000:00:02.0", "link * #1 swap 0000:00:02.0", "load vfio* #1 dead 0000:00:02.0"}) {
    const auto fault = parse_fault(line);
    ASSERT_TRUE(fault.has_value()) << fault.error().message;
    EXPECT_EQ(to_text(*fault), line);
  }
}

TEST(Faults, ThatAreNoneAreRefused) {
  for (const std::string line : {"", "write", "write * 1 fail EIO", "write * #0 fail EIO", "write * #1 explode",
                                 "peek * #1 lie", "write * #1 fail ENOSUCH", "write * #1 vanish nobody"}) {
    EXPECT_FALSE(parse_fault(line).has_value()) << line;
  }
}

TEST(Faults, AFailureHasNoEffect) {
  auto kernel = kernel_with("write *driver_override #1 fail EACCES");
  EXPECT_EQ(kernel.write(kOverride, "vfio-pci").error().error, EACCES);
  EXPECT_EQ(*kernel.read(kOverride), "(null)");
  EXPECT_TRUE(kernel.write(kOverride, "vfio-pci"));
}

TEST(Faults, AFailureAfterTheEffectHasOne) {
  auto kernel = kernel_with("write *driver_override #1 fail-after-effect EIO");
  EXPECT_EQ(kernel.write(kOverride, "vfio-pci").error().error, EIO);
  EXPECT_EQ(*kernel.read(kOverride), "vfio-pci");
}

TEST(Faults, ALieSaysItIsDone) {
  auto kernel = kernel_with("write *driver_override #1 lie");
  EXPECT_TRUE(kernel.write(kOverride, "vfio-pci"));
  EXPECT_EQ(*kernel.read(kOverride), "(null)");
}

TEST(Faults, ABlockedWriteMayTakeEffectLater) {
  auto kernel = kernel_with("write *driver_override #1 block 500ms");
  EXPECT_TRUE(kernel.write(kOverride, "vfio-pci").error().pending);
  EXPECT_EQ(*kernel.read(kOverride), "(null)");
  kernel.wait(milliseconds(500));
  EXPECT_EQ(*kernel.read(kOverride), "vfio-pci");
}

TEST(Faults, AfterACrashNothingMoreIsDone) {
  auto before = kernel_with("write * #1 crash-before");
  EXPECT_EQ(before.write(kOverride, "a").error().error, EINTR);
  EXPECT_EQ(before.write(kOverride, "b").error().error, EINTR);
  EXPECT_EQ(*before.kernel().read(kOverride), "(null)");
  auto after = kernel_with("write * #1 crash-after");
  EXPECT_FALSE(after.write(kOverride, "a").has_value());
  EXPECT_TRUE(after.crashed());
  EXPECT_EQ(*after.kernel().read(kOverride), "a");
}

TEST(Faults, ALossOfPowerForgetsWhatTheKernelKnew) {
  auto kernel = kernel_with("write *unbind #1 power-loss");
  ASSERT_TRUE(kernel.write(kOverride, "vfio-pci"));
  EXPECT_FALSE(kernel.write("bus/pci/drivers/e1000e/unbind", "0000:00:02.0").has_value());
  EXPECT_TRUE(kernel.lost_power());
  EXPECT_EQ(*kernel.kernel().read(kOverride), "(null)");
}

TEST(Faults, ARivalComesFirst) {
  auto kernel = kernel_with("write *unbind #1 rival bus/pci/drivers/e1000e/unbind 0000:00:02.0");
  EXPECT_EQ(kernel.write("bus/pci/drivers/e1000e/unbind", "0000:00:02.0").error().error, ENODEV);
}

TEST(Faults, ADeviceMayVanishDieOrBeSwapped) {
  auto gone = kernel_with("read * #1 vanish 0000:00:02.0");
  EXPECT_EQ(gone.read("bus/pci/devices/0000:00:02.0/vendor").error().error, ENOENT);
  auto dead = kernel_with("read * #1 dead 0000:00:02.0");
  EXPECT_EQ(*dead.read_bytes("bus/pci/devices/0000:00:02.0/config", 0, 4), "\xff\xff\xff\xff");
  auto swapped = kernel_with("read * #1 swap 0000:00:02.0");
  EXPECT_EQ(*swapped.read("bus/pci/devices/0000:00:02.0/device"), "0x10d2");
}

TEST(Faults, EveryAccessIsWrittenDown) {
  auto kernel = kernel_with("");
  static_cast<void>(kernel.read(kOverride));
  static_cast<void>(kernel.write(kOverride, "a b\n"));
  ASSERT_EQ(kernel.accesses().size(), 2u);
  EXPECT_EQ(to_text(kernel.accesses()[1]), "write bus/pci/devices/0000:00:02.0/driver_override a\\sb\\n -> ok");
}

}  // namespace
}  // namespace busproof::fakesys
