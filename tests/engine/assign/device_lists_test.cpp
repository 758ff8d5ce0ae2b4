#include "engine/assign/device_lists.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::DeviceKind;

DeviceLists lists_of(std::string_view xml) { return DeviceLists(read({.devices = xml})->devices); }

std::string targets(const DeviceList& disks) {
  std::string text;
  for (const domain::Device& disk : disks) text += (text.empty() ? "" : " ") + disk.target;
  return text;
}

/// "pci 1, pci -": the controllers by type and index.
std::string names(const DeviceList& controllers) {
  std::string text;
  for (const domain::Device& device : controllers) {
    const auto& index = device.controller->index;
    text += (text.empty() ? "" : ", ") + std::string(to_string(device.controller->type)) + " " +
            (index ? std::to_string(*index) : "-");
    if (!device.model.empty()) text += " " + device.model;
  }
  return text;
}

TEST(TargetNumber, CountsLettersAsLibvirtDoes) {
  EXPECT_EQ(target_number("vda"), 0U);
  EXPECT_EQ(target_number("sdz"), 25U);
  EXPECT_EQ(target_number("hdaa"), 26U);
  EXPECT_EQ(target_number("xvdba"), 52U);
  EXPECT_EQ(target_number("sda1"), 0U);
}

TEST(TargetNumber, RefusesWhatIsNoDiskName) {
  for (const char* name : {"", "vd", "disk0", "vdA", "sda1x", "nvme0n1", "sdzzzzzzzzzzzz"})
    EXPECT_EQ(target_number(name), std::nullopt) << name;
}

TEST(SortDisks, GroupsByBusAndOrdersByNumber) {
  DeviceLists devices = lists_of(
      "<disk><target dev='vdc' bus='virtio'/></disk><disk><target dev='vda' bus='virtio'/></disk>"
      "<disk><target dev='sdb' bus='scsi'/></disk><disk><target dev='vdb' bus='virtio'/></disk>"
      "<disk><target dev='sda' bus='virtio'/></disk>");
  sort_disks(devices[DeviceKind::Disk]);
  EXPECT_EQ(targets(devices[DeviceKind::Disk]), "vda sda vdb vdc sdb");
}

TEST(SortControllers, GroupsByFirstOccurrenceAndOrdersByIndex) {
  DeviceLists devices = lists_of(
      "<controller type='scsi' index='1'/><controller type='pci' index='2' model='pci-bridge'/>"
      "<controller type='scsi' index='0'/><controller type='pci' index='1' model='pci-bridge'/>");
  sort_controllers(devices[DeviceKind::Controller]);
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "scsi 0, scsi 1, pci 1 pci-bridge, pci 2 pci-bridge");
}

TEST(SortControllers, PutsAMasterBeforeItsCompanions) {
  DeviceLists devices = lists_of(
      "<controller type='usb' index='0' model='ich9-uhci2'/>"
      "<controller type='usb' index='0' model='ich9-uhci1'/>"
      "<controller type='usb' index='0' model='ich9-ehci1'/>");
  sort_controllers(devices[DeviceKind::Controller]);
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "usb 0 ich9-ehci1, usb 0 ich9-uhci2, usb 0 ich9-uhci1");
}

TEST(SortControllers, LeavesOneWithoutIndexBehindTheLastSoFar) {
  DeviceLists devices =
      lists_of("<controller type='scsi' index='5'/><controller type='scsi'/><controller type='scsi' index='3'/>");
  sort_controllers(devices[DeviceKind::Controller]);
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "scsi 3, scsi 5, scsi -");
}

TEST(DeviceLists, JoinKindsInLibvirtsOrder) {
  DeviceLists devices = lists_of(
      "<controller type='scsi' index='0'/><disk><target dev='vda' bus='virtio'/></disk>"
      "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>");
  domain::Device added;
  added.kind = DeviceKind::Disk;
  added.target = "vdb";
  devices.add(added);
  const auto all = std::move(devices).joined();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].target, "vda");
  EXPECT_EQ(all[1].target, "vdb");
  EXPECT_EQ(all[2].mac, "52:54:00:00:00:01");
  EXPECT_EQ(all[3].controller->type, ControllerType::Scsi);
}

TEST(SortVideos, MovesThePrimaryToTheFront) {
  DeviceLists devices = lists_of("<video><model type='qxl'/></video><video><model type='vga' primary='yes'/></video>");
  sort_videos(devices[DeviceKind::Video]);
  EXPECT_EQ(devices[DeviceKind::Video][0].get().model, "vga");
}

TEST(ControllerList, GivesTheLowestFreeIndexOfTheType) {
  DeviceLists devices = lists_of(
      "<controller type='scsi'/><controller type='scsi' index='0'/>"
      "<controller type='scsi'/><controller type='sata'/>");
  ControllerList(devices).number_all();
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "scsi 1, scsi 0, scsi 2, sata 0");
}

TEST(ControllerList, LetsACompanionJoinTheSetBeforeIt) {
  DeviceLists devices = lists_of(
      "<controller type='usb' model='ich9-ehci1'/><controller type='usb' model='ich9-uhci1'/>"
      "<controller type='usb' model='ich9-uhci1'/>");
  ControllerList(devices).number_all();
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "usb 0 ich9-ehci1, usb 0 ich9-uhci1, usb 1 ich9-uhci1");
}

TEST(ControllerList, AddsOnlyWhatIsMissing) {
  DeviceLists devices = lists_of("<controller type='scsi' index='0'/>");
  ControllerList list(devices);
  list.ensure(ControllerType::Scsi, 0, "lsilogic");
  list.ensure(ControllerType::Scsi, 2, "virtio-scsi");
  EXPECT_EQ(names(devices[DeviceKind::Controller]), "scsi 0, scsi 2 virtio-scsi");
  EXPECT_EQ(list.lowest_free(ControllerType::Scsi), 1U);
}

}  // namespace
}  // namespace busproof::assign
