// Scenarios T-70 to T-98: what hangs, dies, vanishes, or is somebody else's.

#include "engine/host/records.h"
#include "engine/host/virtual_functions.h"
#include "tests/host/machine.h"

namespace busproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kTwoNics = R"(host nics kernel=6.18
00:01.0 8086:10d3 020000 flr driver=e1000e
00:02.0 8086:100e 020000 flr driver=e1000
)";

TEST(HostScenario, T70_AnUnbindThatHangs) {
  TestMachine host(kTwoNics);
  host.fake().host().model.hang_remove("e1000e", 120'000);
  EXPECT_EQ(host.detach({"00:01.0"}), "rolled-back timeout");
  EXPECT_EQ(host.last->outcome.devices[0].residual, Flag::Pending);
  EXPECT_EQ(host.detach({"00:01.0"}), "refused busy-operation");
  EXPECT_EQ(host.detach({"00:02.0"}), "done");  // of another group
  // T-99: as long as the driver has not let go, nobody probes.
  const auto early = recover(host.machine());
  ASSERT_TRUE(early.has_value());
  ASSERT_EQ(early->journals.size(), 1u);
  host.fake().wait(std::chrono::minutes(3));
  const auto late = recover(host.machine());
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  EXPECT_THAT(host.journals.files(), IsEmpty());
  EXPECT_EQ(host.lists(), "1/0");
}

TEST(HostScenario, T71_AReattachWhileAGuestHasIt) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  const int group =
      static_cast<int>(*look_at(host.fake(), at("00:01.0"), *std::make_unique<std::vector<std::string>>())->group);
  auto& model = host.fake().host().model;
  int container = 0, file = 0, device = 0;
  ASSERT_EQ(model.open_container(container), 0);
  ASSERT_EQ(model.open_group(group, file), 0);
  ASSERT_EQ(model.set_container(file, container), 0);
  ASSERT_EQ(model.set_iommu(container, 1), 0);
  ASSERT_EQ(model.open_vfio_device(file, at("00:01.0"), device), 0);
  host.writes();
  EXPECT_EQ(host.reattach({"00:01.0"}), "refused group-busy");
  EXPECT_THAT(host.writes(), IsEmpty());
  Request forced = TestMachine::request(Operation::Reattach, {"00:01.0"});
  forced.force = true;
  EXPECT_EQ(host.ended(forced), "failed timeout");
  EXPECT_THAT(host.last->plan.overridden, testing::SizeIs(1));
  // The guest ends: all that waited goes through, and the device comes home.
  ASSERT_EQ(model.close_vfio(device), 0);
  ASSERT_EQ(model.close_vfio(file), 0);
  ASSERT_EQ(model.close_vfio(container), 0);
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T73_ALossOfPower) {
  TestMachine host(kHostLv);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0", "00:03.0"}), "done");
  host.break_with({"any * #1 power-loss"});
  static_cast<void>(scan(host.kernel()));
  host.break_with({});
  const auto recovery = recover(host.machine());
  ASSERT_TRUE(recovery.has_value());
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:01.0"), "iwlwifi/-");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T74_AllOnesBeforeTheStart) {
  TestMachine host(kTwoNics);
  host.fake().host().model.kill(at("00:01.0"));
  EXPECT_EQ(host.prepare("dom1", {"00:01.0"}), "refused device-not-responding");
  EXPECT_EQ(host.reset({"00:01.0"}), "refused device-not-responding");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T75_DeadAfterItsReset) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  host.break_with({"link */physfn #1 dead 0000:00:01.0"});  // looked for right after the reset
  Request stop{.operation = Operation::Release};
  stop.owner = Owner{"qemu", "dom1"};
  stop.reset = ResetPolicy::Always;
  EXPECT_EQ(host.ended(stop), "failed dead-after-reset");
  EXPECT_EQ(host.flags("00:01.0"), "quarantined");
  EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
  EXPECT_NE(host.prepare("dom2", {"00:01.0"}), "done");
}

TEST(HostScenario, T76_SurpriseRemovalInUse) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.prepare("dom1", {"00:01.0", "00:02.0"}), "done");
  host.fake().host().model.vanish(at("00:01.0"));
  host.writes();
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.lists(), "0/0");
  EXPECT_EQ(host.state("00:02.0"), "e1000/-");
  for (const std::string& line : host.writes()) EXPECT_THAT(line, testing::Not(HasSubstr("0000:00:01.0")));
}

TEST(HostScenario, T77_AnotherCardAtTheSameAddress) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  host.break_with({"any * #1 swap 0000:00:01.0"});
  static_cast<void>(scan(host.kernel()));
  host.writes();
  EXPECT_EQ(host.reattach({"00:01.0"}), "refused identity-changed");
  EXPECT_THAT(host.writes(), IsEmpty());
  ASSERT_TRUE(recover(host.machine(), {at("00:01.0")}).has_value());
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T78_RemovedAndFoundAgain) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:00:01.0/remove", "1"));
  ASSERT_TRUE(host.fake().write("bus/pci/rescan", "1"));
  ASSERT_EQ(host.state("00:01.0"), "e1000e/-");
  const auto situation = survey(host.machine(), {});
  const auto findings = check_ledger(*situation);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind, LedgerFinding::Kind::GivenBack);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
}

TEST(HostScenario, T79_APhysicalFunctionWithVirtualOnes) {
  TestMachine host(kHostNic);
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", "4"));
  EXPECT_EQ(host.detach({"0a:00.0"}), "refused pf-has-vfs");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, T80_NoVirtualFunctionIsTakenFromAGuest) {
  TestMachine host(kHostNic);
  ASSERT_EQ(set_virtual_functions(host.machine(), at("0a:00.0"), 2)->count, 2u);
  ASSERT_EQ(host.state("0a:00.2"), "-/-");  // no driver of the host was offered it
  ASSERT_EQ(host.fake().read("bus/pci/devices/0000:0a:00.0/sriov_drivers_autoprobe"), "1");
  ASSERT_EQ(host.prepare("dom1", {"0a:00.2"}), "done");
  host.writes();
  const auto refused = set_virtual_functions(host.machine(), at("0a:00.0"), 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::InUse);
  EXPECT_EQ(refused.error().message, "its virtual function 0000:0a:00.2 is with dom1");
  EXPECT_THAT(host.writes(), IsEmpty());
  ASSERT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(set_virtual_functions(host.machine(), at("0a:00.0"), 0)->count, 0u);
}

TEST(HostScenario, ProbingThatAnInterruptedChangeLeftOffIsRestored) {
  const std::string autoprobe = "bus/pci/devices/0000:0a:00.0/sriov_drivers_autoprobe";
  TestMachine host(kHostNic, {"write */sriov_numvfs #1 crash-after"});
  EXPECT_FALSE(set_virtual_functions(host.machine(), at("0a:00.0"), 2).has_value());
  ASSERT_EQ(host.fake().read(autoprobe), "0");
  host.break_with({});
  const auto recovered = recover(host.machine());
  ASSERT_TRUE(recovered.has_value());
  ASSERT_EQ(recovered->journals.size(), 1u);
  EXPECT_EQ(recovered->journals[0].name, "vfs-0000:0a:00.0");
  EXPECT_EQ(recovered->journals[0].end, RecoveredJournal::End::Undone);
  EXPECT_EQ(host.fake().read(autoprobe), "1");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(HostScenario, ProbingThatCannotBeSetBackIsKept) {
  TestMachine host(kHostNic, {"write */sriov_drivers_autoprobe #2 lie"});
  const auto made = set_virtual_functions(host.machine(), at("0a:00.0"), 2);
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made->warnings, ElementsAre("sriov_drivers_autoprobe could not be set back to 1"));
  EXPECT_EQ(set_virtual_functions(host.machine(), at("0a:00.0"), 0)->count, 0u);
  EXPECT_EQ(host.fake().read("bus/pci/devices/0000:0a:00.0/sriov_drivers_autoprobe"), "1");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(HostScenario, ProbingThatIsSwitchedOffTooLateIsRestoredThen) {
  const std::string autoprobe = "bus/pci/devices/0000:0a:00.0/sriov_drivers_autoprobe";
  TestMachine host(kHostNic, {"write */sriov_drivers_autoprobe #1 block 50ms"});
  const auto made = set_virtual_functions(host.machine(), at("0a:00.0"), 2);
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made->warnings, ElementsAre("the write to sriov_drivers_autoprobe has not come back (pending)"));
  const auto waiting = recover(host.machine());
  ASSERT_TRUE(waiting.has_value());
  ASSERT_EQ(waiting->journals.size(), 1u);
  EXPECT_EQ(waiting->journals[0].end, RecoveredJournal::End::Pending);
  host.kernel().wait(std::chrono::milliseconds(100));
  ASSERT_EQ(host.fake().read(autoprobe), "0");
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_EQ(host.fake().read(autoprobe), "1");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(HostScenario, ARefusedCountSaysWhatIsStillSwitchedOff) {
  TestMachine host(kHostNic, {"write */sriov_numvfs #1 fail ENOSPC", "write */sriov_drivers_autoprobe #2 fail EIO"});
  const auto failed = set_virtual_functions(host.machine(), at("0a:00.0"), 2);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().error, ENOSPC);
  EXPECT_THAT(failed.error().hints,
              ElementsAre("0000:0a:00.0: write-failed: sriov_drivers_autoprobe could not be set back to 1: "
                          "Input/output error"));
}

TEST(HostScenario, T81_AnUnboundPhysicalFunctionMakesNone) {
  TestMachine host(kHostNic);
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/mlx5_core/unbind", "0000:0a:00.0"));
  const auto failed = set_virtual_functions(host.machine(), at("0a:00.0"), 4);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Code::WriteFailed);
  EXPECT_EQ(failed.error().error, ENOENT);
  EXPECT_THAT(failed.error().hints, ElementsAre("its driver is not bound, or has no SR-IOV support"));
}

TEST(HostScenario, T82_FewerThanAskedForIsSaid) {
  TestMachine host(kHostNic, {"write */sriov_numvfs #1 lie"});  // a driver that makes none and says that all is well
  const auto made = set_virtual_functions(host.machine(), at("0a:00.0"), 4);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->count, 0u);
  EXPECT_THAT(made->warnings, ElementsAre("the driver made 0 of 4"));
}

TEST(HostScenario, T91_OneChangeOfTheTopologyAtATime) {
  TestMachine host(kHostNic);
  const auto other = host.journals.lock("topology");
  const auto refused = set_virtual_functions(host.machine(), at("0a:00.0"), 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::BusyOperation);
}

TEST(HostScenario, T83_ReadOnlySysfs) {
  TestMachine host(kTwoNics, {"write */driver_override #1 fail EROFS"});
  EXPECT_EQ(host.detach({"00:01.0"}), "rolled-back write-failed");
  EXPECT_EQ(host.last->outcome.primary->error, EROFS);
  EXPECT_THAT(host.last->outcome.primary->hints, ElementsAre(HasSubstr("read-only")));
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
}

TEST(HostScenario, T85_ARivalClearsTheOverride) {
  const std::string rival = "write bus/pci/drivers_probe #1 rival bus/pci/devices/0000:00:01.0/driver_override \\n";
  TestMachine once(kTwoNics, {rival});
  EXPECT_EQ(once.detach({"00:01.0"}), "done");
  EXPECT_EQ(once.state("00:01.0"), "vfio-pci/vfio-pci");
  TestMachine twice(kTwoNics, {rival,
                               "write bus/pci/drivers_probe #2 rival "
                               "bus/pci/devices/0000:00:01.0/driver_override \\n"});
  EXPECT_EQ(twice.detach({"00:01.0"}), "rolled-back conflict");
  EXPECT_EQ(twice.state("00:01.0"), "e1000e/-");
}

TEST(HostScenario, T86_TwoProgramsAtOnce) {
  TestMachine host(kTwoNics);
  const auto first = host.journals.lock("0000:00:01.0");
  EXPECT_EQ(host.detach({"00:01.0"}), "refused busy-operation");
  EXPECT_EQ(host.detach({"00:02.0"}), "done");
  EXPECT_THAT(host.writes(), testing::Not(testing::Contains(HasSubstr("0000:00:01.0"))));
}

TEST(HostScenario, T87_TheHostLivesOnIt) {
  const std::string text =
      "host box kernel=6.12\n00:02.0 1cc1:8201 010802 driver=nvme\n"
      "file /proc/self/mountinfo 22 1 259:2 / / rw shared:1 - ext4 /dev/nvme0n1p2 rw\n"
      "link dev/block/259:2 ../../devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1/nvme0n1p2\n";
  TestMachine host(text);
  EXPECT_EQ(host.detach({"00:02.0"}), "refused host-critical");
  EXPECT_THAT(host.last.error().message, HasSubstr("/ on nvme0n1p2"));
  EXPECT_THAT(host.writes(), IsEmpty());
  Request forced = TestMachine::request(Operation::Detach, {"00:02.0"});
  forced.force = true;
  EXPECT_EQ(host.ended(forced), "done");
  ASSERT_EQ(host.last->plan.overridden.size(), 1u);
  EXPECT_EQ(host.last->plan.overridden[0].code, Code::HostCritical);
}

TEST(HostScenario, T88_ANativeProbeThatIsTriedLater) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  // The driver asks to be tried later, and has the device five seconds after that.
  host.break_with({"write bus/pci/drivers_probe #1 block 5000ms"});
  EXPECT_EQ(host.reattach({"00:01.0"}), "failed timeout");
  host.kernel().wait(std::chrono::seconds(6));
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  TestMachine again(kTwoNics);
  ASSERT_EQ(again.detach({"00:01.0"}), "done");
  again.break_with({"write bus/pci/drivers_probe #1 lie", "write */e1000e/bind #1 fail EAGAIN",
                    "read */uevent #5 rival bus/pci/drivers_probe 0000:00:01.0"});
  EXPECT_EQ(again.reattach({"00:01.0"}), "done");
  EXPECT_EQ(again.state("00:01.0"), "e1000e/-");
}

TEST(HostScenario, WhatWasOnAStubWithoutOverrideGoesBackToIt) {
  TestMachine host("host stubbed kernel=6.18\n0000:0a:00.0 8086:10d3 020000 flr driver=e1000e\n");
  ASSERT_EQ(host.detach({"0a:00.0"}), "done");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/driver_override", "\n"));
  ASSERT_TRUE(drop_entry(host.ledger, at("0a:00.0")));
  Request to_pci_stub = TestMachine::request(Operation::Detach, {"0a:00.0"});
  to_pci_stub.devices[0].driver.model = "pci-stub";
  ASSERT_EQ(host.ended(to_pci_stub), "done");
  ASSERT_EQ(host.state("0a:00.0"), "pci-stub/pci-stub");
  host.writes();
  ASSERT_EQ(host.reattach({"0a:00.0"}), "done");
  EXPECT_EQ(host.state("0a:00.0"), "vfio-pci/-");
  EXPECT_THAT(host.writes(),
              ElementsAre("0000:0a:00.0/driver_override=vfio-pci", "drivers/pci-stub/unbind=0000:0a:00.0",
                          "drivers_probe=0000:0a:00.0", "0000:0a:00.0/driver_override="));
}

TEST(HostScenario, AFailedMoveFromOneStubToAnotherLeavesTheFirst) {
  TestMachine host("host stubbed kernel=6.18\n0000:0a:00.0 8086:10d3 020000 flr driver=e1000e\n");
  ASSERT_EQ(host.detach({"0a:00.0"}), "done");
  ASSERT_TRUE(host.fake().write("bus/pci/devices/0000:0a:00.0/driver_override", "\n"));
  ASSERT_TRUE(drop_entry(host.ledger, at("0a:00.0")));
  host.break_with({"write bus/pci/drivers_probe #1 lie", "write bus/pci/drivers/pci-stub/bind #1 fail EIO"});
  Request to_pci_stub = TestMachine::request(Operation::Detach, {"0a:00.0"});
  to_pci_stub.devices[0].driver.model = "pci-stub";
  EXPECT_EQ(host.ended(to_pci_stub), "rolled-back bind-failed");
  EXPECT_EQ(host.state("0a:00.0"), "vfio-pci/-");
}

TEST(HostScenario, AStubThatTakesItAgainOnItsWayHomeIsLeft) {
  TestMachine host("host stubbed kernel=6.18\n0000:0a:00.0 8086:10d3 020000 flr driver=e1000e\n");
  ASSERT_EQ(host.detach({"0a:00.0"}), "done");
  ASSERT_TRUE(host.fake().write("bus/pci/drivers/vfio-pci/unbind", "0000:0a:00.0"));
  ASSERT_EQ(host.state("0a:00.0"), "-/vfio-pci");
  host.break_with({"write */driver_override #1 rival bus/pci/drivers_probe 0000:0a:00.0"});
  EXPECT_EQ(host.reattach({"0a:00.0"}), "failed conflict");
  EXPECT_EQ(host.state("0a:00.0"), "e1000e/-");
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(HostScenario, T89_TheNativeDriverIsLoadedToGiveBack) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  auto [error, tasks] = host.fake().host().model.rmmod_tasks("e1000e");
  ASSERT_EQ(error, 0);
  host.fake().host().model.call(std::move(tasks));
  EXPECT_EQ(host.reattach({"00:01.0"}), "done");
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
}

TEST(HostScenario, T90_NoResetMethod) {
  TestMachine host(kHostGpu);
  EXPECT_EQ(host.reset({"01:00.0"}), "refused no-reset-method");
  EXPECT_THAT(host.last.error().hints, ElementsAre(HasSubstr("0000:01:00.1")));
}

TEST(HostScenario, T93_TheStubsModuleWasUnloaded) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  auto [error, tasks] = host.fake().host().model.rmmod_tasks("vfio_pci");
  ASSERT_EQ(error, 0);
  host.fake().host().model.call(std::move(tasks));
  ASSERT_EQ(host.state("00:01.0"), "-/vfio-pci");
  EXPECT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  EXPECT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
}

TEST(HostScenario, T95_ASecondStartAfterTheFirstOneCrashed) {
  TestMachine host(kTwoNics);
  host.break_with({"write bus/pci/drivers_probe #1 crash-after"});
  host.prepare("dom1", {"00:01.0"});
  ASSERT_TRUE(host.kernel().crashed());
  ASSERT_EQ(host.state("00:01.0"), "vfio-pci/vfio-pci");
  ASSERT_EQ(host.journals.files().size(), 1u);
  host.break_with({});
  EXPECT_EQ(host.prepare("dom1", {"00:01.0"}), "done");
  EXPECT_EQ(host.last->recovered.size(), 1u);
  EXPECT_EQ(host.stop("dom1"), "done");
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
}

TEST(HostScenario, T96_AnotherDeviceVanishesWhileTheHostIsRead) {
  for (std::uint32_t nth = 1; nth < 40; ++nth) {
    TestMachine host(kTwoNics, {"any * #" + std::to_string(nth) + " vanish 0000:00:02.0"});
    Request reset = TestMachine::request(Operation::Reset, {"00:01.0"});
    EXPECT_EQ(host.ended(reset), "refused native-bound") << nth;
    reset.force = true;
    EXPECT_EQ(host.ended(reset), "done") << nth;
  }
}

TEST(HostScenario, T97_DetachInALongDomain) {
  TestMachine host("host vmd kernel=6.12\n10000:e1:00.0 8086:0953 010802 flr driver=nvme\n");
  EXPECT_EQ(host.detach({"10000:e1:00.0"}), "done");
  EXPECT_EQ(host.state("10000:e1:00.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(host.reattach({"10000:e1:00.0"}), "done");
  EXPECT_EQ(host.state("10000:e1:00.0"), "nvme/-");
}

TEST(HostScenario, T98_OneOfThreeIsAbsent) {
  TestMachine host(kHostLv);
  EXPECT_EQ(host.prepare("dom1", {"00:01.0", "00:1f.7", "00:02.0"}), "refused no-such-device");
  EXPECT_EQ(host.last.error().device, "0000:00:1f.7");
  EXPECT_THAT(host.writes(), IsEmpty());
}

TEST(HostScenario, F30_AFullDiskForTheJournalRefusesToStart) {
  TestMachine host(kTwoNics);
  class FullStore final : public Store {
   public:
    Answer<std::vector<std::string>> list() override { return std::vector<std::string>(); }
    Answer<std::string> read(const std::string&) override { return std::unexpected(Failure{ENOENT}); }
    Answer<void> append(const std::string&, std::string_view) override { return std::unexpected(Failure{ENOSPC}); }
    Answer<void> replace(const std::string&, std::string_view) override { return std::unexpected(Failure{ENOSPC}); }
    Answer<void> remove(const std::string&) override { return {}; }
    Answer<void> try_to_write() override { return std::unexpected(Failure{ENOSPC}); }
    Answer<std::unique_ptr<Lock>> lock(const std::string&) override { return std::unique_ptr<Lock>(); }
  } full;
  const auto ended = perform({host.kernel(), full, host.ledger}, TestMachine::request(Operation::Detach, {"00:01.0"}));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->outcome.end, Outcome::End::Failed);
  EXPECT_EQ(ended->outcome.primary->code, Code::JournalFailed);
  const auto no_ledger =
      perform({host.kernel(), host.journals, full}, TestMachine::request(Operation::Detach, {"00:01.0"}));
  EXPECT_EQ(no_ledger->outcome.primary->code, Code::LedgerFailed);
  EXPECT_THAT(host.writes(), IsEmpty());
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(Journal, ATornLastRecordIsAsIfItHadNotBeenWritten) {
  TestMachine host(kTwoNics);
  host.break_with({"write */driver_override #1 crash-after"});
  host.detach({"00:01.0"});
  ASSERT_EQ(host.journals.files().size(), 1u);
  const auto [name, text] = *host.journals.files().begin();
  ASSERT_TRUE(host.journals.replace(name, text.substr(0, text.size() - 5)));
  const auto states = read_journals(host.journals);
  ASSERT_TRUE(states.has_value());
  EXPECT_TRUE(states->front().torn);
  EXPECT_FALSE(states->front().issued.has_value());
  host.break_with({});
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(Journal, OfWhichNothingCanBeReadKeepsItsDeviceFromOthers) {
  TestMachine host(kTwoNics);
  host.break_with({"write */driver_override #1 crash-after"});
  host.detach({"00:01.0"});
  host.break_with({});
  const auto [name, text] = *host.journals.files().begin();
  ASSERT_TRUE(host.journals.replace(name, "garbage"));
  EXPECT_EQ(host.detach({"00:01.0"}), "refused busy-operation");
  EXPECT_EQ(host.journals.files().at(name), "garbage");  // kept, for whoever can make something of it
  EXPECT_EQ(host.detach({"00:02.0"}), "done");
  EXPECT_THAT(survey(host.machine(), {})->unreadable_journals, ElementsAre(name));
  const auto recovery = recover(host.machine());
  ASSERT_EQ(recovery->journals.size(), 1u);
  EXPECT_EQ(recovery->journals[0].end, RecoveredJournal::End::Damaged);
  EXPECT_THAT(recovery->journals[0].troubles[0].message, HasSubstr("damaged from its beginning on"));
}

TEST(Journal, OfALaterVersionSaysSo) {
  TestMachine host(kTwoNics);
  ASSERT_TRUE(host.journals.replace("detach-0000:00:01.0", record_of(R"({"version":3,"steps":[]})")));
  EXPECT_THAT(recover(host.machine())->journals[0].troubles[0].message, HasSubstr("a later version of busproof"));
  ASSERT_TRUE(host.journals.remove("detach-0000:00:01.0"));
  ASSERT_TRUE(host.ledger.replace("0000:00:01.0", record_of(R"({"version":2})")));
  EXPECT_EQ(host.detach({"00:02.0"}), "refused ledger-failed");
  EXPECT_THAT(host.last.error().message, HasSubstr("a later version of busproof"));
}

TEST(Journal, IsNotDealtWithWhileAWriteOfItIsUnderWay) {
  // F-05: the write of the override hangs, and lands when everybody has given it up.
  TestMachine host(kTwoNics, {"write */driver_override #1 block 90000ms"});
  EXPECT_EQ(host.detach({"00:01.0"}), "rolled-back timeout");
  const auto early = recover(host.machine());
  ASSERT_EQ(early->journals.size(), 1u);
  EXPECT_EQ(early->journals[0].end, RecoveredJournal::End::Pending);
  host.kernel().wait(std::chrono::minutes(2));
  ASSERT_EQ(host.state("00:01.0"), "e1000e/vfio-pci");  // it has happened after all
  ASSERT_TRUE(recover(host.machine()).has_value());
  EXPECT_EQ(host.state("00:01.0"), "e1000e/-");
  EXPECT_THAT(host.journals.files(), IsEmpty());
}

TEST(Ledger, ADamagedFileIsNamed) {
  TestMachine host(kTwoNics);
  ASSERT_EQ(host.detach({"00:01.0"}), "done");
  std::string text = host.ledger.files().begin()->second;
  text[20] ^= 1;
  ASSERT_TRUE(host.ledger.replace("0000:00:01.0", text));
  EXPECT_EQ(host.reattach({"00:01.0"}), "refused ledger-failed");
  EXPECT_THAT(host.last.error().message, HasSubstr("0000:00:01.0 is damaged"));
  EXPECT_THAT(host.last.error().hints, testing::Contains(HasSubstr("recover --forget 0000:00:01.0")));
  EXPECT_FALSE(recover(host.machine()).has_value());
  const auto forgotten = recover(host.machine(), {at("00:01.0")});
  ASSERT_TRUE(forgotten.has_value());
  EXPECT_EQ(forgotten->ledger[0].kind, LedgerFinding::Kind::Forgotten);
  EXPECT_EQ(host.lists(), "0/0");
}

TEST(Ledger, IsNotDisturbedByFilesOfOthers) {
  TestMachine host(kTwoNics);
  ASSERT_TRUE(host.ledger.replace("README", "whatever"));
  ASSERT_TRUE(host.journals.replace("README", "whatever"));
  EXPECT_EQ(host.detach({"00:01.0"}), "done");
  EXPECT_THAT(survey(host.machine(), {})->unreadable_journals, IsEmpty());
}

TEST(DriverChoice, TheSpecsWorkedExampleOfVariants) {
  constexpr std::string_view kDevice = "pci:v000010DEd00002342sv000010DEsd000016EBbc03sc02i00";
  std::string aliases =
      "alias pci:v000010DEd00002342sv*sd*bc*sc*i* nouveau\n"
      "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
      "alias vfio_pci:v000010DEd00002342sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci\n"
      "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
      "alias vfio_pci:v000010DEd0000234*sv*sd*bc*sc*i* odd_vfio_pci\n";
  EXPECT_THAT(*vfio_variants(kDevice, aliases),
              ElementsAre(VariantMatch{"nvgrace_gpu_vfio_pci", 5}, VariantMatch{"vfio_pci", 7}));
  aliases += "alias vfio_pci:v000010DEd00002342sv000010DEsd000016EBbc*sc*i* vendor_x_vfio_pci\n";
  EXPECT_EQ(vfio_variants(kDevice, aliases)->front(), (VariantMatch{"vendor_x_vfio_pci", 3}));
  EXPECT_EQ(vfio_variants("usb:v1234", aliases).error().code, Code::Unreadable);
}

TEST(HostScenario, TwoOperationsTakeTurns) {
  // Two programs, each on its own device, in every order of their steps: neither sees anything of the other.
  for (std::uint32_t turn = 1; turn < 40; ++turn) {
    TestMachine host(kTwoNics);
    host.break_with({"any * #" + std::to_string(turn) + " rival bus/pci/drivers/e1000/unbind 0000:00:02.0"});
    EXPECT_EQ(host.detach({"00:01.0"}), "done") << turn;
    host.break_with({});
    EXPECT_EQ(host.detach({"00:02.0"}), "done") << turn;
    EXPECT_EQ(host.reattach({"00:01.0"}), "done") << turn;
    EXPECT_EQ(host.state("00:01.0"), "e1000e/-") << turn;
  }
}

}  // namespace
}  // namespace busproof::host
