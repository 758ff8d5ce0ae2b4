#include "engine/assign/target_defaults.h"

#include <gtest/gtest.h>

#include <utility>

namespace busproof::assign {
namespace {

using domain::Device;
using domain::Domain;
using pci::ControllerModel;

Device controller(std::uint32_t index, ControllerModel model, unsigned bus = 0, unsigned slot = 1,
                  unsigned function = 0) {
  Device device;
  device.kind = domain::DeviceKind::Controller;
  device.controller.emplace();
  device.controller->index = index;
  device.controller->pci_model = model;
  if (index != 0)
    device.address =
        domain::PciAddress{pci::GuestAddress::make(0, static_cast<std::uint8_t>(bus), slot, function), {}, {}};
  return device;
}

Device expander(std::uint32_t index, std::optional<int> bus_nr) {
  Device device = controller(index, ControllerModel::PciExpanderBus);
  device.controller->target.bus_nr = bus_nr;
  return device;
}

Domain domain_with(std::vector<Device> devices, const char* arch = "x86_64", const char* machine = "q35") {
  Domain domain;
  domain.arch = arch;
  domain.machine = machine;
  domain.devices = std::move(devices);
  return domain;
}

const domain::PciTarget& target_of(const Domain& domain, std::size_t device) {
  return domain.devices[device].controller->target;
}

TEST(TargetDefaults, ARootPortsPortIsItsSlotAndFunction) {
  Domain domain = domain_with({controller(3, ControllerModel::PcieRootPort, 0, 2, 5)});
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).chassis, 3);
  EXPECT_EQ(target_of(domain, 0).port, 0x15);
  EXPECT_EQ(domain.devices[0].controller->model_name, "pcie-root-port");
}

TEST(TargetDefaults, ADownstreamPortsPortIsItsSlotAlone) {
  Domain domain = domain_with({controller(4, ControllerModel::PcieSwitchDownstreamPort, 2, 6)});
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).chassis, 4);
  EXPECT_EQ(target_of(domain, 0).port, 6);
}

TEST(TargetDefaults, ThePortIsReadFromAnAddressOfAnyType) {
  const auto ports_at = [](domain::DeviceAddress address) {
    Domain domain = domain_with(
        {controller(3, ControllerModel::PcieRootPort), controller(4, ControllerModel::PcieSwitchDownstreamPort)});
    for (Device& device : domain.devices) device.address = address;
    EXPECT_TRUE(fill_target_defaults(domain));
    return std::pair(target_of(domain, 0).port.value(), target_of(domain, 1).port.value());
  };
  EXPECT_EQ(ports_at(domain::DriveAddress{.controller = 0, .bus = 0, .target = 5, .unit = 6}), std::pair(46, 5));
  EXPECT_EQ(ports_at(domain::VirtioSerialAddress{.controller = 0, .bus = 0, .port = 9}), std::pair(72, 9));
  EXPECT_EQ(ports_at(domain::CcidAddress{.controller = 0, .slot = 3}), std::pair(0, 0));
  EXPECT_EQ(ports_at(domain::UsbAddress{.bus = 2, .port = {3, 4, 5}}), std::pair(37, 4));
  EXPECT_EQ(ports_at(domain::SpaprVioAddress{0x2000}), std::pair(8, 1));
  EXPECT_EQ(ports_at(domain::DimmAddress{.slot = 2, .base = 0x700000003}), std::pair(31, 3));
  EXPECT_EQ(ports_at(domain::VirtioMmioAddress{}), std::pair(0, 0));
}

TEST(TargetDefaults, ABridgesChassisNumberIsItsIndex) {
  Domain domain = domain_with({controller(9, ControllerModel::PciBridge)});
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).chassis_nr, 9);
}

TEST(TargetDefaults, WhatIsWrittenIsNeverComputedAgain) {
  Device port = controller(3, ControllerModel::PcieRootPort, 0, 2, 5);
  port.controller->target.chassis = 77;
  port.controller->target.port = 1;
  port.controller->model_name = "ioh3420";
  Domain domain = domain_with({port});
  const Domain before = domain;
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(domain, before);
}

TEST(TargetDefaults, ExpandersAreNumberedDownwardsByTwoFromTheLowestAnywhere) {
  Domain domain = domain_with({expander(1, {}), expander(2, 100), expander(3, {})}, "x86_64", "pc");
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).bus_nr, 98);
  EXPECT_EQ(target_of(domain, 2).bus_nr, 96);
}

TEST(TargetDefaults, TheFirstExpanderWithoutNumberGets254) {
  Domain domain = domain_with({expander(1, {}), expander(2, {})}, "x86_64", "pc");
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).bus_nr, 254);
  EXPECT_EQ(target_of(domain, 1).bus_nr, 252);
}

TEST(TargetDefaults, RefusesWhenNoLowerBusNumberIsLeft) {
  Domain domain = domain_with({expander(1, {}), expander(2, 2)}, "x86_64", "pc");
  const auto filled = fill_target_defaults(domain);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().rule, "E217");
  EXPECT_EQ(filled.error().message,
            "unsupported configuration: No free busNr lower than current lowest busNr is available to auto-assign to "
            "bus 0. Must be manually assigned");
}

TEST(TargetDefaults, RefusesABridgeOnABusNotBelowItsIndex) {
  Domain domain = domain_with({controller(1, ControllerModel::PciBridge, 1)}, "x86_64", "pc");
  const auto filled = fill_target_defaults(domain);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().rule, "E219");
  EXPECT_EQ(filled.error().message,
            "unsupported configuration: PCI controller at index 1 (0x01) has bus='0x01', but index must be larger than "
            "bus");
}

TEST(TargetDefaults, PseriesHostBridgesTakeTheLowestTargetIndexThatANamedOneDoesNotHave) {
  Device second = controller(2, ControllerModel::PciRoot);
  second.controller->target.index = 1;
  second.controller->model_name = "spapr-pci-host-bridge";
  Domain domain = domain_with(
      {controller(0, ControllerModel::PciRoot), controller(1, ControllerModel::PciRoot), second}, "ppc64", "pseries");
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 0).index, 0);
  EXPECT_EQ(target_of(domain, 1).index, 2);
  EXPECT_EQ(domain.devices[0].controller->model_name, "spapr-pci-host-bridge");
}

TEST(TargetDefaults, AHostBridgeWithoutNameDoesNotHoldItsTargetIndexYetAsInLibvirt) {
  Device second = controller(2, ControllerModel::PciRoot);
  second.controller->target.index = 1;
  Domain domain = domain_with(
      {controller(0, ControllerModel::PciRoot), controller(1, ControllerModel::PciRoot), second}, "ppc64", "pseries");
  ASSERT_TRUE(fill_target_defaults(domain));
  EXPECT_EQ(target_of(domain, 1).index, 1);
}

TEST(TargetDefaults, RefusesThe33rdHostBridge) {
  std::vector<Device> roots;
  for (std::uint32_t index = 0; index <= 32; ++index) roots.push_back(controller(index, ControllerModel::PciRoot));
  Domain domain = domain_with(std::move(roots), "ppc64", "pseries");
  const auto filled = fill_target_defaults(domain);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().rule, "E218");
}

}  // namespace
}  // namespace busproof::assign
