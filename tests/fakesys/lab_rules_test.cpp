// Rules that the lab (tests/lab) showed: what a Linux 6.1.192 in QEMU answers to what no recording asks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fakesys/modules.h"
#include "fakesys/race.h"
#include "fakesys/recorded_tree.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

namespace fs = std::filesystem;

class KernelTruthLab : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path tree = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth/linux-6.1/sysfs-q35-intel.json";
    if (!fs::exists(tree)) GTEST_SKIP() << "no ../shared/kernel-truth";
    std::ifstream file(tree);
    auto loaded = load_tree(std::string(std::istreambuf_iterator<char>(file), {}));
    ASSERT_TRUE(loaded.has_value());
    host_.emplace(*std::move(loaded));
    host_->model.listening = true;
  }

  int write(const std::string& path, std::string_view data) {
    const auto file = open_file(*host_, path, {.writing = true});
    if (file.error != 0) return file.error;
    const IoResult result = write_file(*host_, file.value, data);
    return result.waiting != 0 ? EAGAIN : result.error;
  }
  std::string read(const std::string& path) {
    const auto file = open_file(*host_, path, {.reading = true});
    if (file.error != 0) return errno_name(file.error);
    const IoResult result = read_file(*host_, file.value);
    if (result.waiting != 0) return "waits";
    return result.error == 0 ? result.data : errno_name(result.error);
  }
  std::optional<Host> host_;
};

constexpr const char* kNic = "bus/pci/devices/0000:01:00.0/";
std::string nic(const char* name) { return std::string(kNic) + name; }

TEST_F(KernelTruthLab, SwitchesOfPowerTakeTwoWords) {
  EXPECT_EQ(write(nic("power/wakeup"), "disabled\n"), 0);
  EXPECT_EQ(read(nic("power/wakeup")), "disabled\n");
  for (const char* text : {"1", "enabled ", " enabled", "\n", "on"}) EXPECT_EQ(write(nic("power/async"), text), EINVAL);
  EXPECT_EQ(read(nic("power/async")), "enabled\n");
  EXPECT_EQ(write(nic("power/autosuspend_delay_ms"), "1"), EIO);
}

TEST_F(KernelTruthLab, ParametersTakeFlagsAndNumbers) {
  EXPECT_EQ(write("module/vfio_pci/parameters/nointxmask", "10 "), 0);
  EXPECT_EQ(read("module/vfio_pci/parameters/nointxmask"), "Y\n");
  EXPECT_EQ(write("module/vfio_pci/parameters/nointxmask", "2"), EINVAL);
  EXPECT_EQ(write("module/vfio_iommu_type1/parameters/dma_entry_limit", "0x10"), 0);
  EXPECT_EQ(read("module/vfio_iommu_type1/parameters/dma_entry_limit"), "16\n");
  EXPECT_EQ(write("module/vfio_iommu_type1/parameters/dma_entry_limit", "-1"), EINVAL);
}

TEST_F(KernelTruthLab, ALinkThatCannotSleepSaysNothingOfIt) {
  const std::string path = "bus/pci/devices/0000:a2:00.0/link/l0s_aspm";
  EXPECT_EQ(write(path, "1"), 0);
  EXPECT_EQ(read(path), "0\n");
  EXPECT_EQ(write(path, "2"), EINVAL);
}

TEST_F(KernelTruthLab, AnAlignmentOfAPageIsTooLong) {
  EXPECT_EQ(write("bus/pci/resource_alignment", std::string(4095, '1')), EINVAL);
}

TEST_F(KernelTruthLab, MemoryOfACardIsNotReadAndPortsAreByOneTwoOrFour) {
  EXPECT_EQ(read(nic("resource0")), "EIO");
  EXPECT_EQ(write(nic("resource0"), "1"), EIO);
  const auto ports = open_file(*host_, nic("resource2"), {.reading = true});
  ASSERT_EQ(ports.error, 0);
  EXPECT_EQ(read_at(*host_, ports.value, 0, 4).count, 4u);
  EXPECT_EQ(read_at(*host_, ports.value, 0, 3).error, EINVAL);
  EXPECT_EQ(read_at(*host_, ports.value, 4096, 4).count, 0u);
}

TEST_F(KernelTruthLab, EventsMayBringTheirOwnIdAndVariables) {
  const std::string id = "12345678-1234-1234-1234-123456789abc";
  EXPECT_EQ(write(nic("uevent"), "add " + id), 0);
  EXPECT_EQ(write(nic("uevent"), "change " + id + " A=1 B=2"), 0);
  EXPECT_EQ(write(nic("uevent"), "add x"), EINVAL);
  EXPECT_EQ(write(nic("uevent"), "add " + id + " A"), EINVAL);
  EXPECT_EQ(write(nic("uevent"), "add " + id + " A="), EINVAL);
  EXPECT_EQ(write("module/vfio/uevent", "add"), 0);
  EXPECT_EQ(write("module/vfio/uevent", "Add"), EINVAL);
  host_->model.take_uevents();
  EXPECT_EQ(write("class/pci_bus/0000:01/uevent", "change"), 0);
  const auto events = host_->model.take_uevents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(to_string(events.front()), "change pci_bus /devices/pci0000:00/0000:00:03.0/pci_bus/0000:01");
}

TEST_F(KernelTruthLab, AMethodOfResetIsNamedAndThereAreSixAtMost) {
  const std::string edu = "bus/pci/devices/0000:03:00.0/reset_method";
  EXPECT_EQ(write(edu, "bus bus bus bus bus bus"), 0);
  EXPECT_EQ(write(edu, "bus bus bus bus bus bus bus"), EINVAL);
  EXPECT_EQ(write(edu, "bus \n"), 0);
  EXPECT_EQ(write(edu, "bus \t"), EINVAL);
}

TEST_F(KernelTruthLab, ARomIsSwitchedByYesAndNo) {
  EXPECT_EQ(write(nic("rom"), "1"), 0);
  EXPECT_NE(read(nic("rom")), "EINVAL");
  EXPECT_EQ(write(nic("rom"), "x"), EINVAL);
  EXPECT_NE(read(nic("rom")), "EINVAL");
  EXPECT_EQ(write(nic("rom"), "0"), 0);
  EXPECT_EQ(read(nic("rom")), "EINVAL");
  const auto rom = open_file(*host_, nic("rom"), {.reading = true, .writing = true});
  ASSERT_EQ(rom.error, 0);
  EXPECT_EQ(write_at(*host_, rom.value, 1u << 30, "1").error, EFBIG);
  EXPECT_EQ(read_at(*host_, rom.value, 1u << 30, 4).error, 0);
}

TEST_F(KernelTruthLab, ARomOfOlderKernelsIsSwitchedOffByAZeroAndOneMoreByte) {
  host_->model.profile.rom_takes_words = false;
  EXPECT_EQ(write(nic("rom"), "1"), 0);
  EXPECT_EQ(write(nic("rom"), "0"), 0);
  EXPECT_NE(read(nic("rom")), "EINVAL");
  EXPECT_EQ(write(nic("rom"), "0x"), 0);
  EXPECT_EQ(read(nic("rom")), "EINVAL");
}

TEST_F(KernelTruthLab, ModesGoWithTheirDevice) {
  const auto mode_of_override = [&] { return stat_file(*host_, nic("driver_override")).value.mode; };
  ASSERT_EQ(change_mode(*host_, nic("driver_override"), 0666), 0);
  EXPECT_EQ(mode_of_override(), 0100666u);
  ASSERT_EQ(write(nic("remove"), "1"), 0);
  ASSERT_EQ(write("bus/pci/rescan", "1"), 0);
  EXPECT_EQ(mode_of_override(), 0100644u);
}

TEST_F(KernelTruthLab, ModesAreOfDirectoriesAndNodesToo) {
  const std::string folder = "bus/pci/devices/0000:01:00.0";
  ASSERT_EQ(change_mode(*host_, folder, 0700), 0);
  EXPECT_EQ(stat_file(*host_, folder).value.mode, 040700u);
  EXPECT_EQ(open_file(*host_, nic("vendor"), {.reading = true}, Caller::Nobody).error, EACCES);
  EXPECT_EQ(open_file(*host_, nic("vendor"), {.reading = true}).error, 0);
  ASSERT_EQ(change_mode(*host_, "/dev/vfio/vfio", 0600), 0);
  EXPECT_EQ(stat_file(*host_, "/dev/vfio/vfio").value.mode, 020600u);
}

TEST_F(KernelTruthLab, VirtualFunctionsThatOutlivedTheirCardAreInTheWayOfNewOnes) {
  const std::string card = "bus/pci/devices/0000:04:00.0/";
  ASSERT_EQ(write(card + "sriov_numvfs", "1"), 0);
  ASSERT_EQ(write(card + "remove", "1"), 0);
  ASSERT_EQ(write("bus/pci/rescan", "1"), 0);
  EXPECT_EQ(read(card + "sriov_numvfs"), "0\n");
  EXPECT_EQ(write(card + "sriov_numvfs", "1"), ENOENT);
  EXPECT_EQ(read(card + "sriov_numvfs"), "0\n");
}

TEST_F(KernelTruthLab, AGroupWithANodeIsInTheClassesOfVfio) {
  using testing::ElementsAre, testing::IsEmpty;
  EXPECT_THAT(list_directory(*host_, "class/vfio").value, IsEmpty());
  EXPECT_EQ(stat_file(*host_, "/dev/vfio").value.size, 60u);
  ASSERT_EQ(write(nic("driver_override"), "vfio-pci"), 0);
  ASSERT_EQ(write(nic("driver/unbind"), "0000:01:00.0"), 0);
  ASSERT_EQ(write("bus/pci/drivers_probe", "0000:01:00.0"), 0);
  EXPECT_THAT(list_directory(*host_, "class/vfio").value, ElementsAre("14"));
  EXPECT_EQ(fakesys::read_link(*host_, "class/vfio/14").value, "../../devices/virtual/vfio/14");
  EXPECT_THAT(list_directory(*host_, "class/vfio-dev").value, ElementsAre("vfio0"));
  EXPECT_EQ(fakesys::read_link(*host_, "class/vfio-dev/vfio0").value,
            "../../devices/pci0000:00/0000:00:03.0/0000:01:00.0/vfio-dev/vfio0");
  EXPECT_EQ(stat_file(*host_, "/dev/vfio").value.size, 80u);
}

TEST_F(KernelTruthLab, MessagesOfAVirtualFunctionAreANumberThatNoDriverTakes) {
  ASSERT_EQ(write("bus/pci/devices/0000:04:00.0/sriov_numvfs", "1"), 0);
  const std::string count = "bus/pci/devices/0000:04:00.1/sriov_vf_msix_count";
  EXPECT_EQ(write(count, "4"), EOPNOTSUPP);
  EXPECT_EQ(write(count, "-1"), EINVAL);
  EXPECT_EQ(write(count, "many"), EINVAL);
}

TEST_F(KernelTruthLab, WhatIsThereIsNotMadeExclusively) {
  EXPECT_EQ(open_file(*host_, nic("vendor"), {.writing = true, .creating = true, .exclusive = true}).error, EEXIST);
  EXPECT_EQ(open_file(*host_, nic("none"), {.writing = true, .creating = true, .exclusive = true}).error, EACCES);
}

TEST_F(KernelTruthLab, ABridgeWhoseSlotsAreTakenStaysEnabledOnceMoreForEachTry) {
  const std::string bridge = "bus/pci/devices/0000:05:00.0/";
  EXPECT_EQ(read(bridge + "enable"), "1\n");
  EXPECT_EQ(write("bus/pci/drivers_probe", "0000:05:00.0"), 0);
  EXPECT_EQ(read(bridge + "enable"), "2\n");
  EXPECT_EQ(write("bus/pci/drivers/shpchp/bind", "0000:05:00.0"), ENODEV);
  EXPECT_EQ(read(bridge + "enable"), "3\n");
}

TEST_F(KernelTruthLab, AnyBoardOfE1000eIsGoodForANewId) {
  EXPECT_EQ(write("bus/pci/drivers/e1000e/new_id", "1234 11e8 ffffffff ffffffff 0 0 1"), 0);
  EXPECT_EQ(write("bus/pci/drivers/e1000e/new_id", "1234 11e9 ffffffff ffffffff 0 0 11"), EINVAL);
}

TEST_F(KernelTruthLab, NvmeLetsGoOfWhatIsNoController) {
  EXPECT_EQ(write("bus/pci/drivers/nvme/new_id", "1234 11e8"), 0);
  host_->model.advance(20);
  EXPECT_EQ(read_link(*host_, "bus/pci/devices/0000:03:00.0/driver").error, ENOENT);
}

TEST_F(KernelTruthLab, APciExpressSlotSaysThatThereIsNothingToSwitch) {
  EXPECT_EQ(read("bus/pci/slots/0-1/attention"), "0\n");
  EXPECT_EQ(write("bus/pci/slots/0-1/attention", "1"), 0);
  EXPECT_EQ(write("bus/pci/slots/0-1/power", "1"), ENODEV);
  EXPECT_EQ(write("bus/pci/slots/0-1/power", "0"), 0);
  EXPECT_EQ(write("bus/pci/slots/0-1/power", "0"), ENODEV);
}

TEST_F(KernelTruthLab, AnEventTextOfALockedDeviceIsWaitedFor) {
  auto& model = host_->model;
  const Slot slot = model.find(*HostAddress::parse("0000:01:00.0"));
  ASSERT_FALSE(model
                   .call({{.step = Step::Lock, .device = model.ref(slot)},
                          {.step = Step::Sleep, .number = 5000},
                          {.step = Step::Unlock, .device = model.ref(slot)}})
                   .done);
  EXPECT_EQ(read(nic("uevent")), "waits");
  EXPECT_EQ(write(nic("power/control"), "on"), EAGAIN);
  EXPECT_EQ(read(nic("vendor")), "0x8086\n");
}

TEST_F(KernelTruthLab, LinksLeadToDirectoriesThatNobodyLookedInto) {
  EXPECT_EQ(stat_file(*host_, nic("firmware_node")).value.mode, 0040755u);
  EXPECT_EQ(read("bus/pci/slots/0/module"), "EISDIR");
  EXPECT_EQ(write("bus/pci/slots/0/module", "1"), EISDIR);
}

TEST_F(KernelTruthLab, TheIommuOfADeviceIsTheRecordedOne) {
  EXPECT_EQ(list_directory(*host_, nic("iommu")).value,
            (std::vector<std::string>{"devices", "intel-iommu", "power", "subsystem", "uevent"}));
}

TEST_F(KernelTruthLab, NobodyWaitsForASupplierOnceADriverHasHadTheDevice) {
  const std::string edu = "bus/pci/devices/0000:03:00.0/";
  EXPECT_EQ(read(edu + "waiting_for_supplier"), "0\n");
  EXPECT_EQ(write(edu + "driver_override", "vfio-pci"), 0);
  EXPECT_EQ(write("bus/pci/drivers_probe", "0000:03:00.0"), 0);
  EXPECT_EQ(write(edu + "driver/unbind", "0000:03:00.0"), 0);
  EXPECT_EQ(read(edu + "waiting_for_supplier"), "ENOENT");
  EXPECT_EQ(write(edu + "remove", "1"), 0);
  EXPECT_EQ(write("bus/pci/rescan", "1"), 0);
  EXPECT_EQ(read(edu + "waiting_for_supplier"), "0\n");
  EXPECT_EQ(read(nic("waiting_for_supplier")), "ENOENT");
}

TEST_F(KernelTruthLab, ADeviceThatWasAllowedToSleepIsInD0OnceItIsWoken) {
  const std::string edu = "bus/pci/devices/0000:03:00.0/";
  EXPECT_EQ(write(edu + "power/control", "on"), 0);
  EXPECT_EQ(read(edu + "power_state"), "unknown\n");
  EXPECT_EQ(write(edu + "power/control", "auto"), 0);
  EXPECT_EQ(read(edu + "power_state"), "unknown\n");
  EXPECT_EQ(write(edu + "power/control", "on"), 0);
  EXPECT_EQ(read(edu + "power_state"), "D0\n");
}

TEST_F(KernelTruthLab, TheSmbusDriverLeavesEnabledWhatItRefuses) {
  const std::string edu = "bus/pci/devices/0000:03:00.0/";
  EXPECT_EQ(write(edu + "driver_override", "i801_smbus"), 0);
  EXPECT_EQ(write("bus/pci/drivers/i801_smbus/bind", "0000:03:00.0"), ENODEV);
  EXPECT_EQ(read(edu + "enable"), "1\n");
}

TEST_F(KernelTruthLab, AModuleIsNotLoadedBeforeWhatItNeeds) {
  const auto rmmod = [&](const char* name) {
    auto [error, tasks] = host_->model.rmmod_tasks(name);
    host_->model.call(std::move(tasks));
    return error;
  };
  EXPECT_EQ(rmmod("vfio_pci"), 0);
  EXPECT_EQ(rmmod("vfio_pci_core"), 0);
  EXPECT_EQ(insmod(*host_, "vfio_pci", "").first, ENOENT);
  EXPECT_EQ(insmod(*host_, "vfio_pci_core", "").first, 0);
  EXPECT_EQ(insmod(*host_, "vfio_pci", "").first, 0);
}

TEST_F(KernelTruthLab, ParametersOfAModuleThatIsLoadedAgainHaveTheirDefaults) {
  const auto reload = [&](const char* parameters) {
    host_->model.call(host_->model.rmmod_tasks("vfio_pci").second);
    auto [error, tasks] = insmod(*host_, "vfio_pci", parameters);
    host_->model.call(std::move(tasks));
    return error;
  };
  EXPECT_EQ(reload("disable_idle_d3=1 nointxmask bogus=7"), 0);
  EXPECT_EQ(read("module/vfio_pci/parameters/disable_idle_d3"), "Y\n");
  EXPECT_EQ(read("module/vfio_pci/parameters/nointxmask"), "Y\n");
  EXPECT_EQ(reload("disable_idle_d3=maybe"), EINVAL);
  EXPECT_EQ(read("module/vfio_pci/parameters/disable_idle_d3"), "ENOENT");
  EXPECT_EQ(reload(""), 0);
  EXPECT_EQ(read("module/vfio_pci/parameters/disable_idle_d3"), "N\n");
  EXPECT_EQ(read("module/vfio_pci/parameters/nointxmask"), "N\n");
}

TEST_F(KernelTruthLab, TheFolderOfNodesGoesWithVfio) {
  EXPECT_EQ(list_directory(*host_, "/dev/vfio").value, (std::vector<std::string>{"vfio"}));
  for (const char* module : {"vfio_pci", "vfio_pci_core", "vfio_iommu_type1", "vfio"})
    host_->model.call(host_->model.rmmod_tasks(module).second);
  EXPECT_EQ(list_directory(*host_, "/dev/vfio").error, ENOENT);
}

TEST_F(KernelTruthLab, AVfKeepsItsNumberWhileOthersGo) {
  const std::string pf = "bus/pci/devices/0000:04:00.0/";
  EXPECT_EQ(write(pf + "sriov_numvfs", "2"), 0);
  host_->model.call({{.step = Step::RemoveVf,
                      .device = host_->model.ref(host_->model.find(*HostAddress::parse("0000:04:00.0"))),
                      .number = 0}});
  EXPECT_EQ(read_link(*host_, pf + "virtfn0").error, ENOENT);
  EXPECT_EQ(read_link(*host_, pf + "virtfn1").value, "../0000:04:00.2");
}

TEST_F(KernelTruthLab, ARaceInWhichAllWaitGoesOnWithTime) {
  const std::string numvfs = "bus/pci/devices/0000:04:00.0/sriov_numvfs";
  Race race;
  race.racers = {{numvfs, "1", Caller::Root}, {numvfs, "0", Caller::Root}};
  race.clean_up = {{numvfs, "0", Caller::Root}};
  race.watched = {"0000:04:00.1"};
  const RaceOutcomes outcomes = run_race(*host_, race);
  EXPECT_EQ(outcomes.results, (std::set<std::string>{"ok | ok"}));
}

TEST_F(KernelTruthLab, ADriverThatWasNotLoadedAtBootHasBoundNothing) {
  host_->model.unload_at_boot("nvme");
  const std::string nvme = "bus/pci/devices/0000:a1:00.0/";
  EXPECT_EQ(read_link(*host_, nvme + "driver").error, ENOENT);
  EXPECT_EQ(read(nvme + "enable"), "0\n");
  EXPECT_EQ(write("bus/pci/drivers_probe", "0000:a1:00.0"), 0);
  EXPECT_EQ(read_link(*host_, nvme + "driver").error, ENOENT);
}

TEST_F(KernelTruthLab, AResetOfABusWakesAllThatIsBehindItHoweverFar) {
  EXPECT_EQ(read("bus/pci/devices/0000:0d:02.0/power_state"), "unknown\n");
  EXPECT_EQ(write("bus/pci/devices/0000:00:04.0/reset_subordinate", "1"), 0);
  EXPECT_EQ(read("bus/pci/devices/0000:0d:02.0/power_state"), "D0\n");
}

TEST_F(KernelTruthLab, ABridgeThatWasDisabledGetsDmaBackWithTheFirstDeviceBehindIt) {
  constexpr std::uint16_t kBusMaster = 0x04;
  const auto command = [&](std::string_view name) {
    return host_->model.device(host_->model.find(name)).config.word(kCommand) & kBusMaster;
  };
  const std::string bridge = "bus/pci/devices/0000:0c:01.0/enable";
  ASSERT_EQ(write(bridge, "0"), 0);
  EXPECT_EQ(command("0000:0c:01.0"), 0);
  ASSERT_EQ(write(bridge, "1"), 0);
  EXPECT_EQ(command("0000:0c:01.0"), 0);
  ASSERT_EQ(write("bus/pci/devices/0000:0d:02.0/enable", "1"), 0);
  EXPECT_EQ(command("0000:0c:01.0"), kBusMaster);
}

TEST_F(KernelTruthLab, APortWithoutPinHasNoInterruptOnceItsMessagesAreOff) {
  const std::string port = "bus/pci/devices/0000:07:00.0/";
  EXPECT_NE(read(port + "irq"), "0\n");
  ASSERT_EQ(write(port + "driver/unbind", "0000:07:00.0"), 0);
  EXPECT_EQ(read(port + "irq"), "0\n");
}

TEST_F(KernelTruthLab, ASlotThatComesBackCannotHaveTheNameThatItIsFirstMadeWith) {
  using testing::AllOf, testing::Contains, testing::Not;
  const auto names = [&] { return list_directory(*host_, "bus/pci/slots").value; };
  ASSERT_EQ(write("bus/pci/devices/0000:00:03.6/remove", "1"), 0);
  EXPECT_THAT(names(), Not(Contains("0-8")));
  ASSERT_EQ(write("bus/pci/rescan", "1"), 0);
  EXPECT_THAT(names(), AllOf(Contains("0-12"), Not(Contains("0-8"))));
  ASSERT_EQ(write("bus/pci/devices/0000:00:03.4/remove", "1"), 0);
  ASSERT_EQ(write("bus/pci/rescan", "1"), 0);
  EXPECT_THAT(names(), AllOf(Contains("0-8"), Not(Contains("0-5")), Contains("1"), Contains("31")));
}

TEST_F(KernelTruthLab, APortsOwnSlotGoesWithItsDriverAndIsMadeOnce) {
  using testing::Contains, testing::Not;
  ASSERT_EQ(write("bus/pci/drivers/pcieport/unbind", "0000:a0:00.0"), 0);
  EXPECT_THAT(list_directory(*host_, "bus/pci/slots").value, Not(Contains("0-1")));
  ASSERT_EQ(write("bus/pci/drivers/pcieport/bind", "0000:a0:00.0"), 0);
  EXPECT_THAT(list_directory(*host_, "bus/pci/slots").value, Contains("0-1"));
}

TEST_F(KernelTruthLab, VirtualFunctionsGoBeforeTheVfioDeviceOfTheirCard) {
  host_->model.profile = profile_for("6.12");
  host_->model.vfio_enable_sriov = true;
  const std::string card = "bus/pci/devices/0000:04:00.0/";
  ASSERT_EQ(write(card + "driver_override", "vfio-pci"), 0);
  ASSERT_EQ(write(card + "driver/unbind", "0000:04:00.0"), 0);
  ASSERT_EQ(write("bus/pci/drivers_probe", "0000:04:00.0"), 0);
  ASSERT_EQ(write(card + "sriov_numvfs", "1"), 0);
  host_->model.take_uevents();
  write(card + "driver/unbind", "0000:04:00.0");  // takes a second
  const auto of_card = [](const Uevent& event) {
    return event.function != nullptr && to_string(event.function->address) == "0000:04:00.0";
  };
  const auto events = host_->model.take_uevents();
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(std::ranges::none_of(events, of_card));
  host_->model.advance(2000);
  EXPECT_TRUE(std::ranges::any_of(host_->model.take_uevents(), of_card));
}

TEST_F(KernelTruthLab, AnIdThatNoDeviceCouldHaveIsNoDuplicateOfOneThatItEndsLike) {
  const std::string driver = "bus/pci/drivers/pci-stub/";
  EXPECT_EQ(write(driver + "new_id", "8086 10d4"), 0);
  EXPECT_EQ(write(driver + "new_id", "8086 10d4"), EEXIST);
  EXPECT_EQ(write(driver + "new_id", "18086 10d4"), 0);
  EXPECT_EQ(write(driver + "remove_id", "18086 10d4"), 0);
}

}  // namespace
}  // namespace busproof::fakesys
