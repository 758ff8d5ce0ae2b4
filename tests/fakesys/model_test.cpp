// The kernel's rules one by one, on small hosts made for each. Where a recording shows a rule too, kernel_truth_test
// has it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "fakesys/fake_kernel.h"
#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

constexpr std::string_view kTwoNics = R"(host test kernel=6.1
00:00.0 8086:29c0 060000
00:01.0 8086:a110 060400 port=root bus=01 acs driver=pcieport multifunction
00:01.1 8086:a110 060400 port=root bus=02 acs driver=pcieport
01:00.0 8086:10fb 020000 flr driver=ixgbe
02:00.0 8086:10fb 020000 flr driver=ixgbe
)";
constexpr std::string_view kNicAddress = "0000:01:00.0";

FakeKernel kernel_of(std::string_view description) {
  auto host = new_host(description);
  EXPECT_TRUE(host.has_value()) << host.error().message;
  return FakeKernel(std::move(*host));
}

/// "ok", or the errno's name, "+pending" behind it if the call was left behind.
std::string write(FakeKernel& kernel, std::string_view path, std::string_view value) {
  const auto answer = kernel.write(path, value);
  return answer ? "ok" : errno_name(answer.error().error) + (answer.error().pending ? "+pending" : "");
}
std::string driver_of(FakeKernel& kernel, std::string_view device) {
  const auto name = host::link_name(kernel, "bus/pci/devices/" + std::string(device) + "/driver");
  return name ? *name : "none";
}
std::string attribute(FakeKernel& kernel, std::string_view device, std::string_view name) {
  const auto text = kernel.read("bus/pci/devices/" + std::string(device) + "/" + std::string(name));
  return text ? *text : errno_name(text.error().error);
}
void override_with(FakeKernel& kernel, std::string_view device, std::string_view driver) {
  ASSERT_EQ(write(kernel, "bus/pci/devices/" + std::string(device) + "/driver_override", driver), "ok");
}
void to_vfio(FakeKernel& kernel, std::string_view device) {
  ASSERT_TRUE(kernel.load_module("vfio-pci"));
  override_with(kernel, device, "vfio-pci");
  if (driver_of(kernel, device) != "none") {
    ASSERT_EQ(write(kernel, "bus/pci/devices/" + std::string(device) + "/driver/unbind", device), "ok");
  }
  ASSERT_EQ(write(kernel, "bus/pci/drivers_probe", device), "ok");
  ASSERT_EQ(driver_of(kernel, device), "vfio-pci");
}

/// The device opened as a guest does it. Gives the handle of the device.
int open_device(FakeKernel& kernel, std::string_view device) {
  Model& model = kernel.host().model;
  const HostAddress address = *HostAddress::parse(device);
  int container = 0, group = 0, opened = 0;
  EXPECT_EQ(model.open_container(container), 0);
  EXPECT_EQ(model.open_group(model.device(model.find(address)).group, group), 0);
  EXPECT_EQ(model.set_container(group, container), 0);
  EXPECT_EQ(model.set_iommu(container, 1), 0);
  EXPECT_EQ(model.open_vfio_device(group, address, opened), 0);
  return opened;
}

TEST(FakeBinding, ADeviceGoesToTheDriverThatItsOverrideNames) {
  auto kernel = kernel_of(kTwoNics);
  EXPECT_EQ(driver_of(kernel, kNicAddress), "ixgbe");
  to_vfio(kernel, kNicAddress);
  EXPECT_EQ(attribute(kernel, kNicAddress, "driver_override"), "vfio-pci");
}

TEST(FakeBinding, UnbindOfADeviceThatAnotherDriverHoldsIsNoSuchDevice) {
  auto kernel = kernel_of(kTwoNics);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pcieport/unbind", kNicAddress), "ENODEV");
  EXPECT_EQ(driver_of(kernel, kNicAddress), "ixgbe");
}

TEST(FakeBinding, BindOfABoundDeviceIsBusy) {
  auto kernel = kernel_of(kTwoNics);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/ixgbe/bind", kNicAddress), "EBUSY");
}

TEST(FakeBinding, Linux4_19SaysNoSuchDeviceForEveryBindThatFails) {
  auto kernel = kernel_of(kTwoNics);
  kernel.host().model.profile = profile_for("4.19");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/ixgbe/bind", kNicAddress), "ENODEV");
}

TEST(FakeBinding, LoadingADriverBindsTheUnboundDevicesThatNameIt) {
  auto kernel = kernel_of(kTwoNics);
  override_with(kernel, kNicAddress, "pci-stub");
  ASSERT_EQ(write(kernel, "bus/pci/drivers/ixgbe/unbind", kNicAddress), "ok");
  ASSERT_TRUE(kernel.load_module("pci_stub"));
  EXPECT_EQ(driver_of(kernel, kNicAddress), "pci-stub");
}

TEST(FakeBinding, LoadingADriverBindsNothingWhileAutoprobeIsOff) {
  auto kernel = kernel_of(kTwoNics);
  override_with(kernel, kNicAddress, "pci-stub");
  ASSERT_EQ(write(kernel, "bus/pci/drivers/ixgbe/unbind", kNicAddress), "ok");
  ASSERT_EQ(write(kernel, "bus/pci/drivers_autoprobe", "0"), "ok");
  ASSERT_TRUE(kernel.load_module("pci_stub"));
  EXPECT_EQ(driver_of(kernel, kNicAddress), "none");
}

TEST(FakeBinding, ADynamicIdTakesEveryUnboundTwin) {
  auto kernel = kernel_of(kTwoNics);
  ASSERT_TRUE(kernel.load_module("pci_stub"));
  for (const char* device : {"0000:01:00.0", "0000:02:00.0"}) write(kernel, "bus/pci/drivers/ixgbe/unbind", device);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/new_id", "8086 10fb"), "ok");
  EXPECT_EQ(driver_of(kernel, "0000:01:00.0"), "pci-stub");
  EXPECT_EQ(driver_of(kernel, "0000:02:00.0"), "pci-stub");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/new_id", "8086 10fb"), "EEXIST");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/remove_id", "8086 10fb"), "ok");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/remove_id", "8086 10fb"), "ENODEV");
  EXPECT_EQ(driver_of(kernel, "0000:01:00.0"), "pci-stub");
}

TEST(FakeBinding, Linux4_19KeepsADynamicIdTwice) {
  auto kernel = kernel_of(kTwoNics);
  kernel.host().model.profile = profile_for("4.19");
  ASSERT_TRUE(kernel.load_module("pci_stub"));
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/new_id", "8086 10fb"), "ok");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pci-stub/new_id", "8086 10fb"), "ok");
}

TEST(FakeBinding, VfioRefusesADeviceWithoutGroupAndBindTellsWhy) {
  auto kernel = kernel_of("host test kernel=6.12 iommu=off\n00:02.0 8086:10d3 020000 driver=e1000e\n");
  ASSERT_TRUE(kernel.load_module("vfio_pci"));
  override_with(kernel, "0000:00:02.0", "vfio-pci");
  ASSERT_EQ(write(kernel, "bus/pci/drivers/e1000e/unbind", "0000:00:02.0"), "ok");
  EXPECT_EQ(write(kernel, "bus/pci/drivers_probe", "0000:00:02.0"), "ok");
  EXPECT_EQ(driver_of(kernel, "0000:00:02.0"), "none");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/vfio-pci/bind", "0000:00:02.0"), "EINVAL");
}

TEST(FakeVfio, UnbindOfAnOpenDeviceWaitsForItsUser) {
  auto kernel = kernel_of(kTwoNics);
  to_vfio(kernel, kNicAddress);
  const int guest = open_device(kernel, kNicAddress);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/vfio-pci/unbind", kNicAddress), "ETIMEDOUT+pending");
  EXPECT_EQ(driver_of(kernel, kNicAddress), "none");
  EXPECT_EQ(attribute(kernel, kNicAddress, "uevent"), "ETIMEDOUT");  // waits too, on late releases of 6.1
  kernel.host().model.close_vfio(guest);
  EXPECT_THAT(attribute(kernel, kNicAddress, "uevent"), testing::Not(testing::HasSubstr("DRIVER=")));
}

TEST(FakeVfio, AnOverrideWaitsForTheDeviceLockWhereTheProfileSaysSo) {
  for (const bool waits : {true, false}) {
    auto kernel = kernel_of(kTwoNics);
    to_vfio(kernel, kNicAddress);
    kernel.host().model.profile.override_takes_lock = waits;
    open_device(kernel, kNicAddress);
    write(kernel, "bus/pci/drivers/vfio-pci/unbind", kNicAddress);
    EXPECT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/driver_override", "\n"), waits ? "ETIMEDOUT+pending" : "ok");
  }
}

TEST(FakeVfio, NoNativeDriverIsBoundInAGroupInUse) {
  auto kernel = kernel_of(
      "host test kernel=6.12\n00:02.0 8086:10d3 020000 multifunction driver=e1000e\n"
      "00:02.1 8086:10d3 020000 driver=e1000e\n");
  to_vfio(kernel, "0000:00:02.0");
  ASSERT_EQ(write(kernel, "bus/pci/drivers/e1000e/unbind", "0000:00:02.1"), "ok");
  open_device(kernel, "0000:00:02.0");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/e1000e/bind", "0000:00:02.1"), "EBUSY");
  EXPECT_EQ(write(kernel, "bus/pci/drivers_probe", "0000:00:02.1"), "EINVAL");
  EXPECT_FALSE(kernel.host().model.host_crashed);
}

TEST(FakeVfio, BeforeLinux5_19ANativeDriverInAGroupInUseCrashesTheHost) {
  auto kernel = kernel_of(
      "host test kernel=5.15\n00:02.0 8086:10d3 020000 multifunction driver=e1000e\n"
      "00:02.1 8086:10d3 020000 driver=e1000e\n");
  to_vfio(kernel, "0000:00:02.0");
  ASSERT_EQ(write(kernel, "bus/pci/drivers/e1000e/unbind", "0000:00:02.1"), "ok");
  open_device(kernel, "0000:00:02.0");
  write(kernel, "bus/pci/drivers/e1000e/bind", "0000:00:02.1");
  EXPECT_TRUE(kernel.host().model.host_crashed);
}

TEST(FakeVfio, AGroupStaysOpenAsLongAsADeviceOfItIs) {
  auto kernel = kernel_of(kTwoNics);
  to_vfio(kernel, kNicAddress);
  Model& model = kernel.host().model;
  const int number = model.device(model.find(*HostAddress::parse(kNicAddress))).group;
  int container = 0, group = 0, device = 0, second = 0;
  model.open_container(container);
  model.open_group(number, group);
  model.set_container(group, container);
  model.set_iommu(container, 3);
  ASSERT_EQ(model.open_vfio_device(group, *HostAddress::parse(kNicAddress), device), 0);
  EXPECT_EQ(model.close_vfio(group), 0);
  EXPECT_EQ(model.close_vfio(container), 0);
  EXPECT_EQ(model.open_group(number, second), EBUSY);
  EXPECT_TRUE(*kernel.vfio_group_in_use(static_cast<unsigned>(number)));
  EXPECT_EQ(model.close_vfio(device), 0);
  EXPECT_EQ(model.open_group(number, second), 0);
}

TEST(FakeHotplug, ADeviceThatComesBackHasForgottenItsOverride) {
  auto kernel = kernel_of(kTwoNics);
  override_with(kernel, kNicAddress, "vfio-pci");
  ASSERT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/remove", "1"), "ok");
  EXPECT_EQ(attribute(kernel, kNicAddress, "vendor"), "ENOENT");
  ASSERT_EQ(write(kernel, "bus/pci/rescan", "1"), "ok");
  EXPECT_EQ(attribute(kernel, kNicAddress, "driver_override"), "(null)");
  EXPECT_EQ(driver_of(kernel, kNicAddress), "ixgbe");
}

TEST(FakeHotplug, ABridgeTakesWithItAllThatIsBehindIt) {
  auto kernel = kernel_of(kTwoNics);
  ASSERT_EQ(write(kernel, "bus/pci/devices/0000:00:01.0/remove", "1"), "ok");
  EXPECT_EQ(*kernel.list("bus/pci/devices"),
            (std::vector<std::string>{"0000:00:00.0", "0000:00:01.1", "0000:02:00.0"}));
  EXPECT_EQ(*kernel.list("class/pci_bus"), (std::vector<std::string>{"0000:00", "0000:02"}));
}

TEST(FakeSriov, VirtualFunctionsComeAndGoWithTheirNumber) {
  auto kernel = kernel_of(
      "host test kernel=6.12\n00:01.0 8086:a110 060400 port=root bus=01 acs driver=pcieport\n"
      "01:00.0 1b36:0010 010802 flr driver=nvme vfs=4\n");
  EXPECT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/sriov_numvfs", "5"), "ERANGE");
  EXPECT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/sriov_numvfs", "2"), "ok");
  EXPECT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/sriov_numvfs", "3"), "EBUSY");
  EXPECT_EQ(driver_of(kernel, "0000:01:00.2"), "nvme");
  EXPECT_EQ(*host::link_name(kernel, "bus/pci/devices/0000:01:00.2/physfn"), "0000:01:00.0");
  EXPECT_EQ(write(kernel, "bus/pci/devices/0000:01:00.0/sriov_numvfs", "0"), "ok");
  EXPECT_EQ(attribute(kernel, "0000:01:00.1", "vendor"), "ENOENT");
  EXPECT_EQ(kernel.now().count(), 1000);
}

TEST(FakeGroups, ConventionalDevicesAreOneGroupWithTheirBridge) {
  auto kernel = kernel_of(
      "host test\n00:01.0 8086:a110 060400 port=root bus=01 acs driver=pcieport\n"
      "01:00.0 1b21:1080 060401 port=to-pci bus=02\n02:00.0 8086:100e 020000 conventional driver=e1000\n"
      "02:01.0 8086:100e 020000 conventional driver=e1000\n");
  EXPECT_EQ(*kernel.list("bus/pci/devices/0000:02:00.0/iommu_group/devices"),
            (std::vector<std::string>{"0000:01:00.0", "0000:02:00.0", "0000:02:01.0"}));
}

TEST(FakeCopy, WhatIsDoneToACopyShowsInNoOther) {
  auto kernel = kernel_of(kTwoNics);
  FakeKernel copy = kernel;
  to_vfio(copy, kNicAddress);
  EXPECT_EQ(driver_of(kernel, kNicAddress), "ixgbe");
  EXPECT_EQ(driver_of(copy, kNicAddress), "vfio-pci");
}

TEST(FakePciback, TakesWhatItWasToldToOrWhatAnOverrideNamesItFor) {
  auto kernel = kernel_of(
      "host xen kernel=6.3\n05:00.0 8086:10d3 020000\n06:00.0 8086:10d3 020000\n"
      "module xen_pciback drivers=pciback\n");
  const std::string folder = "bus/pci/drivers/pciback/";
  EXPECT_EQ(write(kernel, folder + "bind", "0000:05:00.0"), "ENODEV");
  EXPECT_EQ(write(kernel, folder + "new_slot", "05:00"), "EINVAL");
  EXPECT_EQ(write(kernel, folder + "new_slot", "0000:05:00.0\n"), "ok");
  EXPECT_EQ(driver_of(kernel, "0000:05:00.0"), "none");
  EXPECT_EQ(write(kernel, folder + "bind", "0000:05:00.0"), "ok");
  EXPECT_EQ(*kernel.read(folder + "slots"), "0000:05:00.0");
  EXPECT_EQ(write(kernel, folder + "remove_slot", "05:00.0"), "ok");
  EXPECT_EQ(write(kernel, folder + "remove_slot", "05:00.0"), "ENOENT");
  EXPECT_EQ(driver_of(kernel, "0000:05:00.0"), "pciback");
  override_with(kernel, "0000:06:00.0", "pciback");
  EXPECT_EQ(write(kernel, "bus/pci/drivers_probe", "0000:06:00.0"), "ok");
  EXPECT_EQ(driver_of(kernel, "0000:06:00.0"), "pciback");
}

TEST(FakePciback, TakesWholeSlotsAndIsKeptInItsHost) {
  auto kernel = kernel_of("host xen kernel=6.3\n05:00.0 8086:10d3 020000\nmodule xen_pciback drivers=pciback\n");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pciback/new_slot", "0000:05:1f.*"), "ok");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/pciback/remove_slot", "0000:05:1f.7"), "ok");
  auto again = load_host(save_host(kernel.host()));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->model.seized.size(), 7u);
}

TEST(FakeCopy, ACallUnderWayGoesOnInBoth) {
  auto kernel = kernel_of(kTwoNics);
  to_vfio(kernel, kNicAddress);
  const int guest = open_device(kernel, kNicAddress);
  write(kernel, "bus/pci/drivers/vfio-pci/unbind", kNicAddress);
  FakeKernel copy = kernel;
  copy.host().model.close_vfio(guest);
  EXPECT_FALSE(copy.host().model.any_under_way());
  EXPECT_TRUE(kernel.host().model.any_under_way());
}

TEST(FakeReboot, ForgetsOverridesDynamicIdsAndUsers) {
  auto kernel = kernel_of(kTwoNics);
  to_vfio(kernel, kNicAddress);
  open_device(kernel, kNicAddress);
  FakeKernel after(rebooted(kernel.host()));
  EXPECT_EQ(driver_of(after, kNicAddress), "ixgbe");
  EXPECT_EQ(attribute(after, kNicAddress, "driver_override"), "(null)");
}

TEST(FakeTime, ARemoveThatTakesItsTimeIsWaitedFor) {
  auto kernel = kernel_of(kTwoNics);
  kernel.host().model.hang_remove("ixgbe", 5000);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/ixgbe/unbind", kNicAddress), "ok");
  EXPECT_EQ(kernel.now().count(), 5000);
}

TEST(FakeTime, ARemoveThatNeverEndsIsLeftBehindAtTheDeadline) {
  auto kernel = kernel_of(kTwoNics);
  kernel.host().model.hang_remove("ixgbe", -1);
  EXPECT_EQ(write(kernel, "bus/pci/drivers/ixgbe/unbind", kNicAddress), "ETIMEDOUT+pending");
  EXPECT_EQ(write(kernel, "bus/pci/drivers/ixgbe/unbind", "0000:02:00.0"), "ETIMEDOUT+pending");
  kernel.host().model.hang_remove("ixgbe", 0);
  EXPECT_FALSE(kernel.host().model.any_under_way());
}

TEST(FakeFiles, AMissingDirectoryIsNoEmptyList) {
  auto kernel = kernel_of(kTwoNics);
  EXPECT_EQ(kernel.list("kernel/no_such").error().error, ENOENT);
  EXPECT_EQ(kernel.list("bus/pci/drivers_autoprobe").error().error, ENOTDIR);
  EXPECT_EQ(kernel.read_link("bus/pci").error().error, EINVAL);
}

TEST(FakeModules, AreRefusedAsTheyShouldBe) {
  auto kernel = kernel_of(
      "host test\n00:02.0 8086:10d3 020000\nmodule good drivers=good available\n"
      "module bad prohibited\nmodule broken available error=ENOEXEC\n");
  EXPECT_TRUE(kernel.load_module("good"));
  EXPECT_EQ(kernel.load_module("bad").error().error, EPERM);
  EXPECT_EQ(kernel.load_module("broken").error().error, ENOEXEC);
  EXPECT_EQ(kernel.load_module("absent").error().error, ENOENT);
}

TEST(HostFiles, AreRefusedWithAReason) {
  EXPECT_FALSE(load_host("").has_value());
  EXPECT_FALSE(load_host("{}").has_value());
  EXPECT_FALSE(load_host(R"({"format":"busproof-host","version":99})").has_value());
  const std::string whole = save_host(*new_host(kTwoNics));
  EXPECT_FALSE(load_host(whole.substr(0, whole.size() / 2)).has_value());
  std::string twisted = whole;
  twisted.replace(twisted.find("\"driver\":\"ixgbe\""), 16, "\"driver\":\"other\"");
  EXPECT_FALSE(load_host(twisted).has_value());
}

TEST(NewHost, NamesTheLineThatIsWrong) {
  EXPECT_THAT(new_host("host a\n00:00.0 8086 060000\n").error().message,
              testing::HasSubstr("line 2: 8086 is not VENDOR:DEVICE"));
  EXPECT_THAT(new_host("00:20.0 8086:1 060000\n").error().message, testing::HasSubstr("line 1"));
  EXPECT_THAT(new_host("00:01.1 8086:1234 020000\n").error().message, testing::HasSubstr("multifunction"));
  EXPECT_THAT(new_host("00:01.0 8086:1234 060400 port=root\n").error().message, testing::HasSubstr("bus=NN"));
  EXPECT_THAT(new_host("00:01.0 8086:1234 02000\n").error().message, testing::HasSubstr("02000 is no class"));
  EXPECT_THAT(new_host("00:01.0 8086:1234 020000 numa=x\n").error().message, testing::HasSubstr("numa=x is no number"));
}

TEST(NewHost, UnderstandsEveryWordOrSaysWhichItDoesNot) {
  const auto why = [](const char* description) { return new_host(description).error().message; };
  EXPECT_EQ(why("host a\n00:01.0 8086:1234 020000 frl\n"), "line 2: the word 'frl' means nothing here");
  EXPECT_EQ(why("host a kernl=6.1\n"), "line 1: the word 'kernl' means nothing here");
  EXPECT_EQ(why("module m driver=m\n"), "line 1: the word 'driver' means nothing here");
  EXPECT_EQ(why("00:01.0 8086:1234 020000 driver=\n"), "line 1: driver= lacks what it is");
  EXPECT_EQ(why("# nothing\n"), "it describes nothing: a line begins with host, or an address");
}

TEST(NewHost, FillsSlotsThatNobodyHas) {
  const auto host = new_host("00:01.0 8086:10d3 020000\nfill ports=1 functions=1 8086:10fb 020000\n");
  ASSERT_TRUE(host.has_value()) << host.error().message;
  std::vector<std::string> addresses;
  for (const Slot slot : host->model.by_address())
    addresses.push_back(to_string(host->model.device(slot).function->address));
  EXPECT_THAT(addresses, testing::ElementsAre("0000:00:01.0", "0000:00:02.0", "0000:01:00.0"));
}

}  // namespace
}  // namespace busproof::fakesys
