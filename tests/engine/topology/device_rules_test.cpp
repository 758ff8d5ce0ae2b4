#include "engine/topology/device_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace busproof::topology {
namespace {

using domain::Device;
using domain::DeviceKind;

/// A device that the row's columns describe; columns that fit anything get a name that no other row has.
Device device_for(const DeviceRule& row) {
  Device device;
  device.kind = row.kind;
  device.model = row.model.empty() ? "some-other-model" : std::string(row.model);
  const std::string subject = row.subject.empty() ? "some-other-subject" : std::string(row.subject);
  device.type = device.bus = device.driver = device.target_type = subject;
  if (row.kind == DeviceKind::Controller) {
    device.controller.emplace();
    device.controller->type = domain::ControllerType::Xenbus;
    device.controller->index = 1;
    for (const auto type : {domain::ControllerType::Ide, domain::ControllerType::Sata, domain::ControllerType::Fdc,
                            domain::ControllerType::Ccid, domain::ControllerType::Scsi,
                            domain::ControllerType::VirtioSerial, domain::ControllerType::Usb})
      if (to_string(type) == row.subject) device.controller->type = type;
  }
  return device;
}

TEST(DeviceRules, EveryRowDecidesTheDeviceItDescribes) {
  for (const DeviceRule& row : kDeviceRules)
    EXPECT_EQ(wants(device_for(row)), row.want) << to_string(row.kind) << " " << row.subject << " " << row.model;
}

TEST(DeviceRules, ADeviceOfAKindWithoutRowsWantsNothing) {
  for (const DeviceKind kind : {DeviceKind::Smartcard, DeviceKind::Hub, DeviceKind::Tpm, DeviceKind::Panic,
                                DeviceKind::Redirdev, DeviceKind::Nvram, DeviceKind::Parallel}) {
    Device device;
    device.kind = kind;
    EXPECT_EQ(wants(device), Want::Nothing) << to_string(kind);
    EXPECT_EQ(seating_step(device), std::nullopt) << to_string(kind);
  }
}

TEST(DeviceRules, NicModelsAreNamedWithoutRegardToCase) {
  Device nic;
  nic.kind = DeviceKind::Interface;
  nic.model = "AM79C970A";
  EXPECT_EQ(wants(nic), Want::Conventional);
  nic.model = "E1000E";
  EXPECT_EQ(wants(nic), Want::Express);
  nic.model = "pcnet";  // libvirt does not know it
  EXPECT_EQ(wants(nic), Want::Express);
}

TEST(DeviceRules, TheFirstIdeControllerIsNeverSearchedAPlaceFor) {
  Device ide;
  ide.kind = DeviceKind::Controller;
  ide.controller.emplace();
  ide.controller->type = domain::ControllerType::Ide;
  ide.controller->index = 0;
  EXPECT_EQ(wants(ide), Want::Nothing);
  ide.controller->index = 1;
  EXPECT_EQ(wants(ide), Want::Conventional);
}

TEST(SeatingStep, HostdevInterfacesAreSeatedWithTheHostdevs) {
  Device nic;
  nic.kind = DeviceKind::Interface;
  nic.type = "hostdev";
  EXPECT_EQ(seating_step(nic), SeatingStep::Hostdevs);
  nic.type = "network";
  EXPECT_EQ(seating_step(nic), SeatingStep::Interfaces);
}

TEST(SeatingStep, PciControllersComeFirstAndTheOthersAfterSound) {
  Device controller;
  controller.kind = DeviceKind::Controller;
  controller.controller.emplace();
  EXPECT_EQ(seating_step(controller), SeatingStep::PciControllers);
  controller.controller->type = domain::ControllerType::Scsi;
  EXPECT_EQ(seating_step(controller), SeatingStep::OtherControllers);
  EXPECT_LT(SeatingStep::Sounds, SeatingStep::OtherControllers);
  EXPECT_LT(SeatingStep::OtherControllers, SeatingStep::Disks);
}

TEST(Usb2Function, IsFixedForEachOfTheFour) {
  Device usb;
  usb.kind = DeviceKind::Controller;
  usb.controller.emplace();
  usb.controller->type = domain::ControllerType::Usb;
  const auto function_of = [&](const char* model) {
    usb.model = model;
    return usb2_function(usb);
  };
  EXPECT_EQ(function_of("ich9-ehci1"), 7);
  EXPECT_EQ(function_of("ich9-uhci1"), 0);
  EXPECT_EQ(function_of("ich9-uhci2"), 1);
  EXPECT_EQ(function_of("ich9-uhci3"), 2);
  EXPECT_EQ(function_of("piix3-uhci"), std::nullopt);
}

}  // namespace
}  // namespace busproof::topology
