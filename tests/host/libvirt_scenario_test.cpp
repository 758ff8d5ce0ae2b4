// Scenarios T-02 to T-22 of the host binding specification: what libvirt's own tests do.

#include "tests/host/machine.h"

namespace busproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(HostScenario, T02_DetachThree) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.detach({"00:01.0"}), "done");
  EXPECT_EQ(host.lists(), "1/0");
  EXPECT_EQ(host.detach({"00:02.0"}), "done");
  EXPECT_EQ(host.lists(), "2/0");
  EXPECT_EQ(host.detach({"00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "3/0");
  for (const char* device : {"00:01.0", "00:02.0", "00:03.0"}) EXPECT_EQ(host.state(device), "vfio-pci/vfio-pci");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(HostScenario, T03_ResetOfWhatVfioHasWritesNothing) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.detach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  host.writes();
  EXPECT_EQ(host.reset({"00:01.0", "00:02.0", "00:03.0"}), "already");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T03b_ResetOfWhatWasNotDetached) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.reset({"00:01.0"}), "refused native-bound");
  EXPECT_EQ(host.reset({"00:02.0"}), "refused native-bound");
  EXPECT_EQ(host.reset({"00:03.0"}), "done");
  EXPECT_THAT(host.writes(), ElementsAre("0000:00:03.0/reset=1"));
}

TEST(HostScenario, T04_ReattachThree) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.detach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.reattach({"00:01.0"}), "done");
  EXPECT_EQ(host.lists(), "2/0");
  EXPECT_EQ(host.reattach({"00:02.0"}), "done");
  EXPECT_EQ(host.reattach({"00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.state("00:02.0"), "i915/-");
  EXPECT_EQ(host.state("00:03.0"), "-/-");
}

TEST(HostScenario, T05_ManagedRoundTrip) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "0/3");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.state("00:02.0"), "i915/-");
  EXPECT_EQ(host.state("00:03.0"), "-/-");
}

TEST(HostScenario, T06_MixedStaysAsTheAdministratorLeftIt) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.detach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "0/3");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.lists(), "3/0");
  EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(host.reattach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
}

TEST(HostScenario, T07_Unmanaged) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.detach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0", "00:03.0"}, false), "done");
  EXPECT_EQ(host.lists(), "0/3");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.lists(), "3/0");
  EXPECT_EQ(host.reattach({"00:01.0", "00:02.0", "00:03.0"}), "done");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T08_UnmanagedNotDetached) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0"}, false), "refused unmanaged-not-detached");
  EXPECT_THAT(host.last.error().message, HasSubstr("must be manually detached"));
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T09_ConflictWithTheSameDomain) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0"}), "done");
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0"}), "refused in-use");
  EXPECT_EQ(host.lists(), "0/2");
}

TEST(HostScenario, T10_ConflictWithAnotherDomainOrDriver) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  EXPECT_EQ(host.prepare("dom2", {"00:01.0"}), "refused in-use");
  Request xen = TestMachine::request(Operation::Prepare, {"00:01.0"});
  xen.owner = Owner{"xen", "dom1"};
  EXPECT_EQ(host.ended(xen), "refused in-use");
  EXPECT_EQ(host.detach({"00:01.0"}), "refused in-use");
  EXPECT_EQ(host.reattach({"00:01.0"}), "refused in-use");
  EXPECT_EQ(host.reset({"00:01.0"}), "refused in-use");
  EXPECT_EQ(host.lists(), "0/1");
}

TEST(HostScenario, T11_StopByAStrangerTakesNothing) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  EXPECT_EQ(host.stop("dom2", {"00:01.0"}), "already");
  EXPECT_EQ(host.lists(), "0/1");
  EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
}

TEST(HostScenario, T12_GroupConflict) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"0001:01:00.0"}), "done");
  host.writes();
  EXPECT_EQ(host.prepare("dom2", {"0001:01:00.1"}), "refused in-use");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T13_GroupOfTheSameOwner) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"0001:01:00.0"}), "done");
  EXPECT_EQ(host.prepare("dom1", {"0001:01:00.1"}), "done");
  EXPECT_EQ(host.lists(), "0/2");
}

TEST(HostScenario, MemberThatWasTakenFromItsGuestKeepsTheGroupFromThatGuestToo) {
  TestMachine host(kHostGpu);
  Request sound = TestMachine::request(Operation::Prepare, {"01:00.1"});
  sound.owner = Owner{"qemu", "a"};
  sound.group = GroupPolicy::Ignore;
  ASSERT_EQ(host.ended(sound), "done");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:01:00.1/driver_override", "\n"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/vfio-pci/unbind", "0000:01:00.1"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers_probe", "0000:01:00.1"));
  ASSERT_EQ(host.state("01:00.1"), "snd_hda_intel/-");
  EXPECT_EQ(host.prepare("a", {"01:00.0"}), "refused group-not-viable");
  EXPECT_EQ(host.state("01:00.0"), "nouveau/-");
}

TEST(HostScenario, T14_AcsIsAHintAndNoRefusalWhereThereAreGroups) {
  TestMachine host(kHostLv);
  const auto inventory = scan(host.fake());
  EXPECT_EQ(find(*inventory, at("0005:80:00.0"))->config.port_type, pci::PortType::PcieToPci);
  EXPECT_EQ(find(*inventory, at("0001:00:00.0"))->config.port_type, pci::PortType::RootPort);
  for (const char* device : {"0005:90:01.0", "0001:01:00.0"}) {
    Request assign = TestMachine::request(Operation::Prepare, {device});
    assign.owner = Owner{"qemu", "dom1"};
    EXPECT_TRUE(plan_request(host.machine(), assign).has_value()) << device;
  }
}

TEST(HostScenario, T15_ReattachOfWhatIsNativeWritesNothing) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.reattach({"0a:01.0"}), "already");
  EXPECT_THAT(host.writes(), IsEmpty());
  EXPECT_EQ(host.state("0a:01.0"), "i915/-");
}

TEST(HostScenario, T16_UnboundByHandThenReattached) {
  TestMachine host(kHostLv);
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/i915/unbind", "0000:0a:01.0"));
  EXPECT_EQ(host.reattach({"0a:01.0"}), "done");
  EXPECT_EQ(host.state("0a:01.0"), "i915/-");
}

TEST(HostScenario, T17_UnboundStaysUnbound) {
  TestMachine host(kHostLv);
  Request detach = TestMachine::request(Operation::Detach, {"0a:02.0"});
  detach.group = GroupPolicy::Ignore;  // 0a:01.0 of its group is on i915
  EXPECT_EQ(host.ended(detach), "done");
  EXPECT_EQ(host.state("0a:02.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(host.reattach({"0a:02.0"}), "done");
  EXPECT_EQ(host.state("0a:02.0"), "-/-");
}

TEST(HostScenario, T18_ReattachOfWhatNobodyKnowsAndNobodyWants) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.reattach({"0a:03.0"}), "done");
  EXPECT_EQ(host.state("0a:03.0"), "-/-");
}

Request disk(Operation operation, std::string_view device, std::uint32_t number, bool managed) {
  Request wish = TestMachine::request(operation, {device});
  wish.owner = Owner{"qemu", "dom1"};
  wish.devices[0].managed = managed;
  wish.devices[0].namespaces = {number};
  return wish;
}

TEST(HostScenario, T19_NvmeControllersAreCountedByTheirNamespaces) {
  TestMachine host(kHostLv);
  Request start = disk(Operation::Prepare, "01:00.0", 1, true);
  start.devices[0].namespaces = {1, 2};
  start.devices.push_back({at("02:00.0"), {}, false, {1}});
  EXPECT_EQ(host.ended(start), "refused unmanaged-not-detached");
  EXPECT_EQ(host.last.error().device, "0000:02:00.0");
  ASSERT_EQ(host.detach({"02:00.0"}), "done");
  EXPECT_EQ(host.ended(start), "done");
  EXPECT_EQ(host.lists(), "0/2");
  EXPECT_EQ(host.ended(disk(Operation::Release, "01:00.0", 1, true)), "done");
  EXPECT_EQ(host.lists(), "0/2");
  EXPECT_EQ(host.ended(disk(Operation::Release, "02:00.0", 1, true)), "done");
  EXPECT_EQ(host.lists(), "1/1");
  EXPECT_EQ(host.ended(disk(Operation::Release, "01:00.0", 2, true)), "done");
  EXPECT_EQ(host.lists(), "1/0");
  EXPECT_EQ(host.state("01:00.0"), "nvme/-");
  EXPECT_EQ(host.state("02:00.0"), "vfio-pci/vfio-pci");
}

TEST(HostScenario, T20_BridgesAreRefused) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.prepare("dom1", {"0001:00:00.0"}), "refused not-assignable");
  EXPECT_EQ(host.detach({"0001:00:00.0"}), "refused not-assignable");
  EXPECT_EQ(host.reset({"0001:00:00.0"}), "refused not-assignable");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T21_ARestartedProgramKnowsWhoHasWhat) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0", "00:03.0"}), "done");
  const auto recovery = recover(host.machine());
  ASSERT_TRUE(recovery.has_value());
  EXPECT_THAT(recovery->ledger, IsEmpty());
  EXPECT_EQ(host.lists(), "0/3");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:02.0"), "i915/-");
}

TEST(HostScenario, T22_TwiceInOneDomain) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:01.0"}), "refused duplicate-device");
  EXPECT_THAT(host.writes(), IsEmpty());
}

}  // namespace
}  // namespace busproof::host
