// Scenarios T-30 to T-63: what goes wrong, groups, overrides, variants.

#include "tests/host/machine.h"
#include "verify/host_invariants.h"

namespace busproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// vfio-pci does not take 0000:00:02.0: the probe is silent about it, and the driver itself says why.
const std::vector<std::string> kSecondProbeFails = {"write bus/pci/drivers_probe #2 lie",
                                                    "write */vfio-pci/bind #1 fail EINVAL"};

TEST(HostScenario, T30_TheSecondDetachFails) {
  TestMachine host(kHostLv, kSecondProbeFails);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0"}), "rolled-back bind-failed");
  EXPECT_EQ(host.last->outcome.primary->device, "0000:00:02.0");
  EXPECT_EQ(host.last->outcome.primary->error, EINVAL);
  EXPECT_THAT(host.last->outcome.secondary, IsEmpty());
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.state("00:02.0"), "i915/-");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_THAT(host.journals.files(), IsEmpty());
  EXPECT_THAT(host.writes(), ElementsAre("0000:00:01.0/driver_override=vfio-pci", "drivers/iwlwifi/unbind=0000:00:01.0",
                                         "drivers_probe=0000:00:01.0", "0000:00:02.0/driver_override=vfio-pci",
                                         "drivers/i915/unbind=0000:00:02.0", "drivers_probe=0000:00:02.0",
                                         "drivers/vfio-pci/bind=0000:00:02.0",
                                         "0000:00:02.0/driver_override=", "drivers_probe=0000:00:02.0",
                                         "0000:00:01.0/driver_override=", "drivers/vfio-pci/unbind=0000:00:01.0",
                                         "drivers_probe=0000:00:01.0"));
}

TEST(HostScenario, T31_AFailedResetRollsBack) {
  TestMachine host(kHostLv, {"write */reset #1 fail EIO"});
  Request start = TestMachine::request(Operation::Prepare, {"00:01.0"});
  start.owner = Owner{"qemu", "dom1"};
  start.devices[0].driver.model = "pci-stub";
  start.reset = ResetPolicy::Always;
  EXPECT_EQ(host.ended(start), "rolled-back reset-failed");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.lists(), "0/0");
}

/// Two virtual functions of H-NIC as interfaces of a guest.
Request two_interfaces() {
  Request start = TestMachine::request(Operation::Prepare, {"0a:00.2", "0a:00.3"});
  start.owner = Owner{"qemu", "dom1"};
  start.devices[0].net = NetWish{"52:54:00:00:00:01", 10};
  start.devices[1].net = NetWish{"52:54:00:00:00:02", 20};
  return start;
}

TEST(HostScenario, T32_SettingsOfVirtualFunctionsGoBackTogether) {
  TestMachine host(kHostNic);
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", "2"));
  ASSERT_EQ(host.state("0a:00.3"), "mlx5_core/-");
  const auto first = place_of_vf(host.fake(), at("0a:00.2")), second = place_of_vf(host.fake(), at("0a:00.3"));
  ASSERT_TRUE(first && second) << (first ? "" : first.error().message);
  EXPECT_EQ(first->index, 0u);
  EXPECT_EQ(second->index, 1u);
  host.vf_net.settings[*first] = {"02:00:00:00:00:aa", 7};
  host.vf_net.settings[*second] = {"00:00:00:00:00:00", 0};
  const auto before = host.vf_net.settings;

  host.vf_net.refused = {"vlan 20"};
  EXPECT_EQ(host.ended(two_interfaces()), "rolled-back write-failed");
  EXPECT_EQ(host.last->outcome.primary->device, "0000:0a:00.3");
  EXPECT_EQ(host.vf_net.settings, before);
  EXPECT_EQ(host.state("0a:00.2"), "mlx5_core/-");
  EXPECT_EQ(host.state("0a:00.3"), "mlx5_core/-");
  EXPECT_EQ(host.lists(), "0/0");

  host.vf_net.refused.clear();
  EXPECT_EQ(host.ended(two_interfaces()), "done");
  EXPECT_EQ(host.vf_net.settings[*first], (VfSettings{"52:54:00:00:00:01", 10}));
  EXPECT_EQ(host.vf_net.settings[*second], (VfSettings{"52:54:00:00:00:02", 20}));
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.vf_net.settings, before);
}

TEST(HostScenario, ADriverThatKnowsNoWayBackToNoAddressIsGivenOneOfNobody) {
  TestMachine host(kHostNic);
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", "1"));
  Request start = TestMachine::request(Operation::Prepare, {"0a:00.2"});
  start.owner = Owner{"qemu", "dom1"};
  start.devices[0].net = NetWish{"52:54:00:00:00:01", std::nullopt};
  ASSERT_EQ(host.ended(start), "done");
  host.vf_net.refused = {"00:00:00:00:00:00"};
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.vf_net.settings.begin()->second, (VfSettings{"02:00:00:00:00:00", 0}));
}

TEST(HostScenario, AGuestsInterfaceMustBeAVirtualFunction) {
  TestMachine host(kHostNic);
  Request start = TestMachine::request(Operation::Prepare, {"0a:00.0"});
  start.owner = Owner{"qemu", "dom1"};
  start.devices[0].net = NetWish{"52:54:00:00:00:01", std::nullopt};
  EXPECT_EQ(host.ended(start), "refused not-assignable");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(VfSettings, AreReadAsIpShowsThem) {
  constexpr std::string_view kShown =
      R"([{"ifname":"enp10s0f0","vfinfo_list":[)"
      R"({"vf":0,"address":"52:54:00:00:00:01","vlan_list":[{"vlan":10}],"spoofchk":true},)"
      R"({"vf":1,"mac":"00:00:00:00:00:00"}]}])";
  EXPECT_EQ(vf_settings_of(kShown, 0), (VfSettings{"52:54:00:00:00:01", 10}));
  EXPECT_EQ(vf_settings_of(kShown, 1), (VfSettings{"00:00:00:00:00:00", 0}));
  EXPECT_EQ(vf_settings_of(kShown, 2), std::nullopt);
  EXPECT_EQ(vf_settings_of("[]", 0), std::nullopt);
  EXPECT_EQ(vf_settings_of("Device \"x\" does not exist.", 0), std::nullopt);
}

TEST(HostScenario, T33_TheRollbackItselfFails) {
  auto faults = kSecondProbeFails;
  faults.emplace_back("write bus/pci/drivers_probe #4 lie");
  faults.emplace_back("write */iwlwifi/bind #1 fail ENOMEM");
  TestMachine host(kHostLv, faults);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0"}), "rolled-back bind-failed");
  EXPECT_EQ(host.last->outcome.primary->device, "0000:00:02.0");
  ASSERT_EQ(host.last->outcome.secondary.size(), 1u);
  EXPECT_EQ(host.last->outcome.secondary[0].code, Code::NativeProbeFailed);
  EXPECT_EQ(host.last->outcome.secondary[0].device, "0000:00:01.0");
  EXPECT_EQ(host.flags("00:01.0"), "native-probe-failed");
  EXPECT_EQ(host.state("00:01.0"), "-/-");
  // And another try succeeds.
  EXPECT_EQ(host.reattach({"00:01.0"}), "done");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T34_TheHandOverFails) {
  TestMachine host(kHostGpu);
  Request start = TestMachine::request(Operation::Prepare, {"01:00.0"});
  start.owner = Owner{"qemu", "dom1"};
  start.group = GroupPolicy::Companions;
  ASSERT_EQ(host.ended(start), "done");
  EXPECT_EQ(host.lists(), "0/2");
  host.writes();
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.state("01:00.0"), "nouveau/-");
  EXPECT_EQ(host.state("01:00.1"), "snd_hda_intel/-");
  EXPECT_EQ(host.writes().front(), "0000:01:00.0/driver_override=");
}

TEST(HostScenario, T35_ASilentProbeFailureIsNoticed) {
  TestMachine host(kHostLv, {"write bus/pci/drivers_probe #1 lie", "write */vfio-pci/bind #1 lie"});
  EXPECT_EQ(host.detach({"00:01.0"}), "rolled-back bind-failed");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T36_TheStubIsMissing) {
  TestMachine host(std::string(kHostLv) + "module vfio_pci error=ENOENT available\n");
  EXPECT_EQ(host.detach({"00:01.0"}), "refused driver-not-found");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T37_TheStubIsProhibited) {
  TestMachine host(std::string(kHostLv) + "module vfio_pci drivers=vfio-pci prohibited\n");
  EXPECT_EQ(host.detach({"00:01.0"}), "refused driver-prohibited");
  EXPECT_THAT(host.last.error().hints, ElementsAre(HasSubstr("blacklist vfio_pci")));
  EXPECT_THAT(host.writes(), IsEmpty());
  // What the kernel itself refuses is neither missing nor forbidden.
  TestMachine refused(std::string(kHostLv) + "module vfio_pci drivers=vfio-pci available error=ENOKEY\n");
  EXPECT_EQ(refused.detach({"00:01.0"}), "refused driver-refused");
}

TEST(HostScenario, T40_ANativeSiblingBlocks) {
  TestMachine host(kHostGpu);
  EXPECT_EQ(host.detach({"01:00.0"}), "refused group-not-viable");
  EXPECT_THAT(host.last.error().message, HasSubstr("because of 0000:01:00.1 (native)"));
  EXPECT_THAT(host.last.error().hints, ElementsAre(HasSubstr("is on snd_hda_intel")));
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, WhatCannotBeReadIsNotTakenForAbsent) {
  for (const char* attribute : {"driver", "driver_override", "iommu_group"}) {
    TestMachine host(kHostGpu, {std::string("any *0000:01:00.0/") + attribute + " #1 fail EIO"});
    Request wish = host.request(Operation::Detach, {"01:00.0"});
    wish.group = GroupPolicy::Companions;
    EXPECT_EQ(host.ended(wish), "refused unreadable") << attribute;
    EXPECT_THAT(host.writes(), IsEmpty()) << attribute;
  }
}

TEST(HostScenario, AMemberThatCannotBeReadBlocksItsGroup) {
  TestMachine host(kHostGpu, {"any *0000:01:00.1/driver #1 fail EIO"});
  EXPECT_EQ(host.detach({"01:00.0"}), "refused group-not-viable");
  EXPECT_THAT(host.last.error().hints, ElementsAre(HasSubstr("0000:01:00.1: could not be read just now")));
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, AGroupWhoseMembersCannotBeListedIsNotGivenAway) {
  TestMachine host(kHostGpu, {"any kernel/iommu_groups/*/devices #1 fail EACCES"});
  EXPECT_EQ(host.detach({"01:00.0"}), "refused unreadable");
  EXPECT_THAT(host.writes(), IsEmpty());
}

/// The GPU goes, and its audio function along.
Request with_companion() {
  Request detach = TestMachine::request(Operation::Detach, {"01:00.0"});
  detach.group = GroupPolicy::Companions;
  return detach;
}

TEST(HostScenario, T41_CompanionsGoAlong) {
  TestMachine host(kHostGpu);
  EXPECT_EQ(host.ended(with_companion()), "done");
  EXPECT_THAT(host.writes(),
              ElementsAre("0000:01:00.1/driver_override=vfio-pci", "drivers/snd_hda_intel/unbind=0000:01:00.1",
                          "drivers_probe=0000:01:00.1", "0000:01:00.0/driver_override=vfio-pci",
                          "drivers/nouveau/unbind=0000:01:00.0", "drivers_probe=0000:01:00.0"));
  EXPECT_EQ(host.reattach({"01:00.1", "01:00.0"}), "done");
  EXPECT_EQ(host.writes().front(), "0000:01:00.0/driver_override=");
  EXPECT_EQ(host.state("01:00.0"), "nouveau/-");
  EXPECT_EQ(host.state("01:00.1"), "snd_hda_intel/-");
}

TEST(HostScenario, T42_HotUnplugOfOneOfTwo) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.prepare("dom1", {"01:00.0", "01:00.1"}), "done");
  EXPECT_EQ(host.stop("dom1", {"01:00.1"}), "done");
  EXPECT_EQ(host.flags("01:00.1"), "deferred-giveback");
  EXPECT_EQ(host.state("01:00.1"), "vfio-pci/vfio-pci");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.state("01:00.0"), "nouveau/-");
  EXPECT_EQ(host.state("01:00.1"), "snd_hda_intel/-");
  EXPECT_EQ(host.lists(), "0/0");
}

/// A guest: a process that has the group and a container open.
void open_group(fakesys::FakeKernel& kernel, int group) {
  int container = 0, file = 0;
  ASSERT_EQ(kernel.host().model.open_container(container), 0);
  ASSERT_EQ(kernel.host().model.open_group(group, file), 0);
  ASSERT_EQ(kernel.host().model.set_container(file, container), 0);
}

TEST(HostScenario, T43_OlderKernelsStopAtANativeDriverInALiveGroup) {
  std::string text(kHostGpu);
  text.replace(text.find("6.18"), 4, "5.15");
  TestMachine host(text);
  ASSERT_EQ(host.prepare("dom1", {"01:00.0", "01:00.1"}), "done");
  open_group(host.fake(), 14);
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:01:00.1/driver_override", "\n"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/vfio-pci/unbind", "0000:01:00.1"));
  static_cast<void>(host.fake().write("bus/pci/drivers_probe", "0000:01:00.1"));  // nobody is left to say how it went
  EXPECT_TRUE(host.fake().host().model.host_crashed);
  // F-40: busproof never does that.
  TestMachine careful(text);
  ASSERT_EQ(careful.prepare("dom1", {"01:00.0", "01:00.1"}), "done");
  open_group(careful.fake(), 14);
  EXPECT_EQ(careful.stop("dom1", {"01:00.1"}), "done");
  EXPECT_EQ(careful.flags("01:00.1"), "deferred-giveback");
  EXPECT_FALSE(careful.fake().host().model.host_crashed);
}

TEST(HostScenario, T44_ANativeDriverIsKeptOutOfALiveGroup) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.prepare("dom1", {"01:00.0", "01:00.1"}), "done");
  open_group(host.fake(), 14);
  // What libvirt does when one of two is unplugged, and why GRP-22 is there.
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:01:00.1/driver_override", "\n"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/vfio-pci/unbind", "0000:01:00.1"));
  EXPECT_EQ(host.fake().write("bus/pci/drivers_probe", "0000:01:00.1").error().error, EINVAL);
  EXPECT_EQ(host.state("01:00.1"), "-/-");
}

TEST(HostScenario, T45_AForeignHolderOfTheGroup) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.ended(with_companion()), "done");
  open_group(host.fake(), 14);
  host.writes();
  EXPECT_EQ(host.reattach({"01:00.0"}), "refused group-busy");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, WhatAProcessHoldsIsTakenToNoOtherDriver) {
  TestMachine host(kHostGpu);
  ASSERT_EQ(host.ended(with_companion()), "done");
  open_group(host.fake(), 14);
  host.writes();
  Request other = TestMachine::request(Operation::Detach, {"01:00.0"});
  other.devices.front().driver.model = "pci-stub";
  EXPECT_EQ(host.ended(other), "refused group-busy");
  EXPECT_THAT(host.writes(), IsEmpty());
  EXPECT_EQ(host.ended(with_companion()), "already") << "it is where it is to be";
}

TEST(HostScenario, NoForceBringsADriverOfTheHostToAnOpenGroup) {
  std::string text(kHostGpu);
  text.replace(text.find("6.18"), 4, "5.15");
  TestMachine host(text);
  ASSERT_EQ(host.ended(with_companion()), "done");
  open_group(host.fake(), 14);
  Request forced = TestMachine::request(Operation::Reattach, {"01:00.1"});
  forced.force = true;
  EXPECT_EQ(host.ended(forced), "failed group-busy");
  EXPECT_FALSE(host.fake().host().model.host_crashed);
  EXPECT_EQ(host.state("01:00.1"), "-/-");
  EXPECT_EQ(host.flags("01:00.1"), "deferred-giveback");
}

TEST(HostScenario, T46_PhysicalAndVirtualFunctionInOneGroup) {
  TestMachine host(
      "host nic kernel=6.18\n"
      "0a:00.0 15b3:101d 020000 flr multifunction driver=mlx5_core vfs=2 offset=2 stride=1 vf=101e\n");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", "1"));
  const auto inventory = scan(host.fake());
  ASSERT_NE(find(*inventory, at("0a:00.2")), nullptr);
  if (find(*inventory, at("0a:00.2"))->group != find(*inventory, at("0a:00.0"))->group)
    host.fake().host().model.join_group(host.fake().host().model.find(at("0a:00.2")),
                                        static_cast<int>(*find(*inventory, at("0a:00.0"))->group));
  EXPECT_EQ(host.detach({"0a:00.2"}), "refused pf-in-group");
}

TEST(HostScenario, T47_AnUnboundSiblingIsBoundMeanwhile) {
  const std::string text =
      "host box kernel=6.18\n"
      "01:00.0 8086:10d3 020000 flr multifunction driver=e1000e group=3\n"
      "01:00.1 8086:10d3 020000 group=3\n";
  const std::string rival = "write bus/pci/drivers_probe #1 rival bus/pci/drivers/e1000e/bind 0000:01:00.1";
  TestMachine host(text);
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/e1000e/unbind", "0000:01:00.1"));
  host.break_with({rival});
  EXPECT_EQ(host.detach({"01:00.0"}), "rolled-back group-not-viable");
  EXPECT_EQ(host.state("01:00.0"), "e1000e/-");

  TestMachine careful(text);
  ASSERT_TRUE(careful.fake().write("bus/pci/drivers/e1000e/unbind", "0000:01:00.1"));
  careful.break_with({"write bus/pci/drivers_probe #1 rival bus/pci/drivers_probe 0000:01:00.1"});
  Request detach = TestMachine::request(Operation::Detach, {"01:00.0"});
  detach.group = GroupPolicy::StubCompanions;
  EXPECT_EQ(careful.ended(detach), "done");
  EXPECT_EQ(careful.state("01:00.0"), "vfio-pci/vfio-pci");
}

/// The first virtual function of H-NIC, found and on mlx5_core.
void make_vf(TestMachine& host, const char* count = "1") {
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", count));
  ASSERT_EQ(host.state("0a:00.2"), "mlx5_core/-");
}

TEST(HostScenario, T50_TheVariantIsChosen) {
  TestMachine host(kHostNic);
  make_vf(host);
  EXPECT_EQ(host.detach({"0a:00.2"}), "done");
  EXPECT_EQ(host.state("0a:00.2"), "mlx5_vfio_pci/mlx5_vfio_pci");
  EXPECT_EQ(host.reattach({"0a:00.2"}), "done");
  EXPECT_EQ(host.state("0a:00.2"), "mlx5_core/-");
}

TEST(HostScenario, T51_AnExplicitModel) {
  TestMachine host(kHostNic);
  make_vf(host);
  Request detach = TestMachine::request(Operation::Detach, {"0a:00.2"});
  detach.devices[0].driver.model = "vfio-pci";
  EXPECT_EQ(host.ended(detach), "done");
  EXPECT_EQ(host.state("0a:00.2"), "vfio-pci/vfio-pci");
}

TEST(HostScenario, T52_NoAliasFile) {
  std::string text(kHostNic);
  text.resize(text.find("alias"));
  TestMachine host(text);
  make_vf(host);
  EXPECT_EQ(host.detach({"0a:00.2"}), "done");
  EXPECT_EQ(host.state("0a:00.2"), "vfio-pci/vfio-pci");
  EXPECT_THAT(host.last->plan.notes, ElementsAre(HasSubstr("there is no modules.alias")));
}

TEST(HostScenario, T53_DashesAndUnderscores) {
  TestMachine host(
      "host box kernel=6.18\n01:00.0 10de:2342 030200 driver=nouveau\n"
      "module nvgrace_gpu_vfio_pci drivers=nvgrace-gpu-vfio-pci needs=vfio available\n");
  Request detach = TestMachine::request(Operation::Detach, {"01:00.0"});
  detach.devices[0].driver.model = "nvgrace_gpu_vfio_pci";
  host.ended(detach);
  EXPECT_THAT(host.writes(), testing::Contains("0000:01:00.0/driver_override=nvgrace-gpu-vfio-pci"));
}

TEST(HostScenario, T54_NotAVfioDriver) {
  TestMachine host(
      "host box kernel=6.18\n01:00.0 8086:10d3 020000 driver=igb\nmodule e1000e drivers=e1000e available\n");
  Request detach = TestMachine::request(Operation::Detach, {"01:00.0"});
  detach.devices[0].driver.model = "e1000e";
  EXPECT_EQ(host.ended(detach), "rolled-back not-a-vfio-driver");
  EXPECT_EQ(host.state("01:00.0"), "igb/-");
}

TEST(HostScenario, T55_AnOverrideThatWasThereBeforeIsLeft) {
  TestMachine host("host box kernel=6.18\n01:00.0 8086:10d3 020000 driver=e1000e\nmodule vfio_pci drivers=vfio-pci\n");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/e1000e/unbind", "0000:01:00.0"));
  ASSERT_TRUE(host.fake().load_module("vfio-pci"));
  ASSERT_TRUE(host.fake().write("bus/pci/drivers_probe", "0000:01:00.0"));
  ASSERT_EQ(host.state("01:00.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(host.prepare("dom1", {"01:00.0"}), "done");
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.state("01:00.0"), "vfio-pci/vfio-pci");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T56_AForeignOverrideComesBackExactly) {
  TestMachine host(kHostLv);
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:00:01.0/driver_override", "iwlwifi"));
  EXPECT_EQ(host.detach({"00:01.0"}), "done");
  EXPECT_THAT(host.last->plan.notes, testing::Contains(HasSubstr("was 'iwlwifi' before")));
  EXPECT_EQ(host.reattach({"00:01.0"}), "done");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/iwlwifi");
}

TEST(HostScenario, T57_ClearingAnOverrideWritesANewline) {
  const Step clear{Step::Kind::SetOverride, at("00:01.0"), "vfio-pci", ""};
  EXPECT_EQ(value_of(clear), "\n");
  TestMachine host(kHostLv);
  ASSERT_TRUE(host.fake().write(path_of(clear), "vfio-pci"));
  ASSERT_TRUE(host.fake().write(path_of(clear), value_of(clear)));
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
}

Request to_pci_stub(std::string_view device) {
  Request detach = TestMachine::request(Operation::Detach, {device});
  detach.devices[0].driver.model = "pci-stub";
  return detach;
}

TEST(HostScenario, T58_WithoutOverridesTheStubIsGivenTheIdForAMoment) {
  TestMachine host(kHostOld);
  EXPECT_EQ(host.ended(to_pci_stub("03:00.0")), "done");
  EXPECT_THAT(host.writes(), ElementsAre("drivers/pci-stub/new_id=8086 10fb", "drivers/ixgbe/unbind=0000:03:00.0",
                                         "drivers/pci-stub/bind=0000:03:00.0", "drivers/pci-stub/remove_id=8086 10fb"));
  EXPECT_EQ(link_name(host.fake(), "bus/pci/devices/0000:03:00.0/driver"), "pci-stub");
  EXPECT_EQ(link_name(host.fake(), "bus/pci/devices/0000:04:00.0/driver"), "ixgbe");  // untouched, because bound
  EXPECT_THAT(verify::state_of(host.fake(), host.journals, host.ledger).dynamic_ids, IsEmpty());
  EXPECT_EQ(host.ended(to_pci_stub("03:00.0")), "already");
  EXPECT_EQ(host.reattach({"03:00.0"}), "done");
  EXPECT_THAT(host.writes(), ElementsAre("drivers/pci-stub/unbind=0000:03:00.0", "drivers_probe=0000:03:00.0"));
  EXPECT_EQ(link_name(host.fake(), "bus/pci/devices/0000:03:00.0/driver"), "ixgbe");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T59_WithoutOverridesAnUnboundTwinWouldBeTakenToo) {
  TestMachine host(kHostOld);
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/ixgbe/unbind", "0000:04:00.0"));
  EXPECT_EQ(host.ended(to_pci_stub("03:00.0")), "refused shared-id");
  EXPECT_THAT(host.last.error().message, HasSubstr("0000:04:00.0"));
  EXPECT_THAT(host.writes(), IsEmpty());
  Request forced = to_pci_stub("03:00.0");
  forced.force = true;
  EXPECT_EQ(host.ended(forced), "done");
  EXPECT_THAT(host.last->plan.overridden, ElementsAre(testing::Field(&Trouble::code, Code::SharedId)));
  // A device without a driver is taken by the id alone.
  TestMachine unbound(kHostOld);
  for (const char* device : {"0000:03:00.0", "0000:04:00.0"})
    ASSERT_TRUE(unbound.fake().write("bus/pci/drivers/ixgbe/unbind", device));
  Request both = to_pci_stub("03:00.0");
  both.devices.push_back(to_pci_stub("04:00.0").devices[0]);
  EXPECT_EQ(unbound.ended(both), "done");
  EXPECT_EQ(link_name(unbound.fake(), "bus/pci/devices/0000:03:00.0/driver"), "pci-stub");
  EXPECT_EQ(unbound.reattach({"03:00.0", "04:00.0"}), "done");
  EXPECT_EQ(link_name(unbound.fake(), "bus/pci/devices/0000:03:00.0/driver"), std::unexpected(Failure{ENOENT}));
}

TEST(HostScenario, WithoutOverridesAStubIsGoneBackToByItsId) {
  TestMachine host(kHostOld);
  ASSERT_EQ(host.ended(to_pci_stub("03:00.0")), "done");
  ASSERT_TRUE(drop_entry(host.ledger, at("03:00.0")));
  Request to_vfio = TestMachine::request(Operation::Detach, {"03:00.0"});
  to_vfio.devices[0].driver.model = "vfio-pci";
  ASSERT_EQ(host.ended(to_vfio), "done");
  host.writes();
  EXPECT_EQ(host.reattach({"03:00.0"}), "done");
  EXPECT_THAT(host.writes(), ElementsAre("drivers/pci-stub/new_id=8086 10fb", "drivers/vfio-pci/unbind=0000:03:00.0",
                                         "drivers/pci-stub/bind=0000:03:00.0", "drivers/pci-stub/remove_id=8086 10fb"));
  EXPECT_EQ(link_name(host.fake(), "bus/pci/devices/0000:03:00.0/driver"), "pci-stub");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T60_AnIdThatStaysInTheTableIsReportedAndTriedAgain) {
  TestMachine host(kHostOld, {"write */remove_id #1 fail EIO", "write */remove_id #2 fail EIO"});
  EXPECT_EQ(host.ended(to_pci_stub("03:00.0")), "rolled-back write-failed");
  EXPECT_EQ(link_name(host.fake(), "bus/pci/devices/0000:03:00.0/driver"), "ixgbe");
  EXPECT_EQ(host.flags("03:00.0"), "id-leaked");
  const auto findings = check_ledger(*survey(host.machine(), {}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].text,
            "its id 8086 10fb is left in the table of pci-stub, which takes every device that has it");
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_THAT(verify::state_of(host.fake(), host.journals, host.ledger).dynamic_ids, IsEmpty());
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T61_XenTakesPciback) {
  TestMachine host("host xen kernel=6.3\n05:00.0 8086:10d3 020000 driver=e1000e\nmodule xen_pciback drivers=pciback\n");
  Request detach = TestMachine::request(Operation::Detach, {"05:00.0"});
  detach.devices[0].driver.backend = Backend::Libxl;
  EXPECT_EQ(host.ended(detach), "done");
  EXPECT_EQ(host.state("05:00.0"), "pciback/pciback");
  EXPECT_THAT(host.writes(), testing::Not(testing::Contains(HasSubstr("new_slot"))));
}

TEST(HostScenario, T62_KvmIsRefused) {
  TestMachine host(kHostLv);
  Request start = TestMachine::request(Operation::Prepare, {"00:01.0"});
  start.owner = Owner{"qemu", "dom1"};
  start.devices[0].driver = {.backend = Backend::Qemu, .name = "kvm"};
  EXPECT_EQ(host.ended(start), "refused backend-unsupported");
  // Up to libvirt 5.6 it was pci-stub.
  start.devices[0].driver.era = Era::Legacy;
  EXPECT_EQ(host.ended(start), "done");
  EXPECT_EQ(host.state("00:01.0"), "pci-stub/pci-stub");
}

TEST(HostScenario, T63_NoIommu) {
  TestMachine host("host box kernel=6.12 iommu=off\n01:00.0 8086:10d3 020000 driver=e1000e\n");
  EXPECT_EQ(host.prepare("dom1", {"01:00.0"}), "refused backend-unsupported");
  EXPECT_THAT(host.last.error().message, HasSubstr("no IOMMU groups"));
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, DriverThatComesBeforeTheOverrideIsSetToNoneIsNoSuccess) {
  TestMachine host(kHostLv, {"write */driver_override #1 rival bus/pci/drivers_probe 0000:00:03.0"});
  ASSERT_TRUE(host.fake().load_module("pci-stub"));
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:00:03.0/driver_override", "pci-stub"));
  Request detach = TestMachine::request(Operation::Detach, {"00:03.0"});
  detach.devices[0].driver.model = "none";
  EXPECT_EQ(host.ended(detach), "rolled-back conflict");
  EXPECT_EQ(host.state("00:03.0"), "pci-stub/pci-stub");
  EXPECT_EQ(host.flags("00:03.0"), "no entry");
}

}  // namespace
}  // namespace busproof::host
