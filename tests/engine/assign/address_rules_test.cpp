#include "engine/assign/address_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace busproof::assign {
namespace {

using domain::DeviceKind;

/// One address of every type, in the order of AddressType.
const auto kAddresses = std::to_array<domain::DeviceAddress>(
    {domain::NoAddress{}, domain::PciAddress{}, domain::DriveAddress{}, domain::VirtioSerialAddress{},
     domain::CcidAddress{}, domain::UsbAddress{}, domain::SpaprVioAddress{}, domain::VirtioS390Address{},
     domain::CcwAddress{}, domain::VirtioMmioAddress{}, domain::IsaAddress{}, domain::DimmAddress{},
     domain::UnassignedAddress{}});

/// A device that the row fits.
domain::Device device_of(const AddressRule& rule) {
  domain::Device device;
  device.kind = rule.kind;
  device.model = rule.model;
  if (rule.kind == DeviceKind::Disk)
    device.bus = rule.subject;
  else if (rule.kind == DeviceKind::Serial)
    device.target_type = rule.subject;
  else
    device.type = rule.subject;
  return device;
}

TEST(AddressRules, EveryRowTakesItsTypesAndRefusesAllOthers) {
  for (const AddressRule& rule : kAddressRules)
    for (const domain::DeviceAddress& address : kAddresses) {
      domain::Device device = device_of(rule);
      device.address = address;
      const auto checked = check_address_type(device, rule.when);
      EXPECT_EQ(checked.has_value(), rule.may_have.contains(type_of(address)))
          << to_string(rule.kind) << " " << rule.subject << rule.model << " with " << type_name(address);
      if (checked) continue;
      EXPECT_EQ(checked.error().rule, "E114");
      EXPECT_EQ(checked.error().message.find('{'), std::string::npos) << checked.error().message;
      EXPECT_FALSE(checked.error().remedy.empty());
    }
}

TEST(AddressRules, ARowSpeaksOnlyAtItsTime) {
  domain::Device watchdog = device_of(*std::ranges::find(kAddressRules, DeviceKind::Watchdog, &AddressRule::kind));
  watchdog.address = domain::DriveAddress{};
  EXPECT_TRUE(check_address_type(watchdog, When::Common));
  EXPECT_FALSE(check_address_type(watchdog, When::Driver));
}

TEST(AddressRules, ADeviceWithoutRowMayHaveAny) {
  domain::Device interface;
  interface.kind = DeviceKind::Interface;
  interface.type = "user";
  interface.address = domain::DriveAddress{};
  for (const When when : {When::Before, When::Whole, When::Common, When::Driver})
    EXPECT_TRUE(check_address_type(interface, when));
}

TEST(AddressRules, TheRemedyNamesWhatWouldWork) {
  domain::Device hostdev;
  hostdev.kind = DeviceKind::Hostdev;
  hostdev.type = "scsi_host";
  hostdev.address = domain::UsbAddress{};
  EXPECT_EQ(check_address_type(hostdev, When::Common).error().remedy,
            "use <address type='pci' or type='ccw'>, or remove the element");
}

}  // namespace
}  // namespace busproof::assign
