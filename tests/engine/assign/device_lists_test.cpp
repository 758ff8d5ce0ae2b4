#include "engine/assign/device_lists.h"

#include <gtest/gtest.h>

#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::DeviceKind;

DeviceList list_of(DeviceKind kind, std::string_view xml) { return of_kind(*read({.devices = xml}), kind); }

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
  DeviceList disks =
      list_of(DeviceKind::Disk,
              "<disk><target dev='vdc' bus='virtio'/></disk><disk><target dev='vda' bus='virtio'/></disk>"
              "<disk><target dev='sdb' bus='scsi'/></disk><disk><target dev='vdb' bus='virtio'/></disk>"
              "<disk><target dev='sda' bus='virtio'/></disk>");
  sort_disks(disks);
  EXPECT_EQ(targets(disks), "vda sda vdb vdc sdb");
}

TEST(SortControllers, GroupsByFirstOccurrenceAndOrdersByIndex) {
  DeviceList controllers =
      list_of(DeviceKind::Controller,
              "<controller type='scsi' index='1'/><controller type='pci' index='2' model='pci-bridge'/>"
              "<controller type='scsi' index='0'/><controller type='pci' index='1' model='pci-bridge'/>");
  sort_controllers(controllers);
  EXPECT_EQ(names(controllers), "scsi 0, scsi 1, pci 1 pci-bridge, pci 2 pci-bridge");
}

TEST(SortControllers, PutsAMasterBeforeItsCompanions) {
  DeviceList controllers = list_of(DeviceKind::Controller,
                                   "<controller type='usb' index='0' model='ich9-uhci2'/>"
                                   "<controller type='usb' index='0' model='ich9-uhci1'/>"
                                   "<controller type='usb' index='0' model='ich9-ehci1'/>");
  sort_controllers(controllers);
  EXPECT_EQ(names(controllers), "usb 0 ich9-ehci1, usb 0 ich9-uhci2, usb 0 ich9-uhci1");
}

TEST(SortControllers, LeavesOneWithoutIndexBehindTheLastSoFar) {
  DeviceList controllers =
      list_of(DeviceKind::Controller,
              "<controller type='scsi' index='5'/><controller type='scsi'/><controller type='scsi' index='3'/>");
  sort_controllers(controllers);
  EXPECT_EQ(names(controllers), "scsi 3, scsi 5, scsi -");
}

TEST(SortVideos, MovesThePrimaryToTheFront) {
  DeviceList videos =
      list_of(DeviceKind::Video, "<video><model type='qxl'/></video><video><model type='vga' primary='yes'/></video>");
  sort_videos(videos);
  EXPECT_EQ(videos[0].model, "vga");
}

TEST(ControllerList, GivesTheLowestFreeIndexOfTheType) {
  DeviceList controllers = list_of(DeviceKind::Controller,
                                   "<controller type='scsi'/><controller type='scsi' index='0'/>"
                                   "<controller type='scsi'/><controller type='sata'/>");
  ControllerList(controllers).number_all();
  EXPECT_EQ(names(controllers), "scsi 1, scsi 0, scsi 2, sata 0");
}

TEST(ControllerList, LetsACompanionJoinTheSetBeforeIt) {
  DeviceList controllers =
      list_of(DeviceKind::Controller,
              "<controller type='usb' model='ich9-ehci1'/><controller type='usb' model='ich9-uhci1'/>"
              "<controller type='usb' model='ich9-uhci1'/>");
  ControllerList(controllers).number_all();
  EXPECT_EQ(names(controllers), "usb 0 ich9-ehci1, usb 0 ich9-uhci1, usb 1 ich9-uhci1");
}

TEST(ControllerList, AddsOnlyWhatIsMissing) {
  DeviceList controllers = list_of(DeviceKind::Controller, "<controller type='scsi' index='0'/>");
  ControllerList list(controllers);
  list.ensure(ControllerType::Scsi, 0, "lsilogic");
  list.ensure(ControllerType::Scsi, 2, "virtio-scsi");
  EXPECT_EQ(names(controllers), "scsi 0, scsi 2 virtio-scsi");
  EXPECT_EQ(list.lowest_free(ControllerType::Scsi), 1U);
}

}  // namespace
}  // namespace busproof::assign
