#include "engine/domain/domain.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/domain/placed_domain.h"

namespace busproof::domain {
namespace {

Device device(DeviceKind kind) {
  Device made;
  made.kind = kind;
  return made;
}

Device pci_controller(std::optional<std::uint32_t> index) {
  Device made = device(DeviceKind::Controller);
  made.controller.emplace().index = index;
  return made;
}

TEST(DisplayName, IsTheAliasBeforeAllElse) {
  Device nic = device(DeviceKind::Interface);
  nic.mac = "52:54:00:aa:bb:cc";
  nic.target = "vnet0";
  nic.alias = "ua-net0";
  EXPECT_EQ(display_name(nic, 1), "interface ua-net0");
  nic.alias.clear();
  EXPECT_EQ(display_name(nic, 1), "interface 52:54:00:aa:bb:cc");
  nic.mac.clear();
  EXPECT_EQ(display_name(nic, 1), "interface vnet0");
}

TEST(DisplayName, NamesControllersByTypeAndIndex) {
  EXPECT_EQ(display_name(pci_controller(3), 7), "controller pci 3");
  EXPECT_EQ(display_name(pci_controller(std::nullopt), 7), "controller #7");
}

TEST(DisplayName, CountsWhatHasNoNameAmongItsKind) {
  Domain domain;
  domain.devices = {device(DeviceKind::Video), device(DeviceKind::Rng), device(DeviceKind::Video)};
  EXPECT_EQ(display_name(domain, domain.devices[2]), "video #2");
  EXPECT_EQ(display_name(domain, domain.devices[1]), "rng #1");
}

TEST(KindNames, AreTheElementsOfEveryKind) {
  EXPECT_EQ(to_string(DeviceKind::Disk), "disk");
  EXPECT_EQ(to_string(DeviceKind::Memballoon), "memballoon");
  EXPECT_EQ(to_string(DeviceKind::Vsock), "vsock");
  EXPECT_EQ(static_cast<std::size_t>(DeviceKind::Vsock) + 1, kDeviceKindCount);
}

TEST(ControllerTypeNames, AreTheirAttributes) {
  EXPECT_EQ(to_string(ControllerType::Ide), "ide");
  EXPECT_EQ(to_string(ControllerType::VirtioSerial), "virtio-serial");
  EXPECT_EQ(to_string(ControllerType::Isa), "isa");
}

TEST(AddressTypeNames, AreTheirAttributes) {
  EXPECT_EQ(type_name(NoAddress{}), "none");
  EXPECT_EQ(type_name(PciAddress{}), "pci");
  EXPECT_EQ(type_name(SpaprVioAddress{}), "spapr-vio");
  EXPECT_EQ(type_name(CcwAddress{}), "ccw");
  EXPECT_EQ(type_name(UnassignedAddress{}), "unassigned");
}

TEST(AsPlaced, TakesADomainThatLacksNothing) {
  Domain domain;
  domain.devices = {pci_controller(0), device(DeviceKind::Video)};
  domain.devices[1].address = PciAddress{pci::GuestAddress::make(0, 0, 2, 0)};
  const auto placed = as_placed(domain);
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->domain(), domain);
}

TEST(AsPlaced, NamesTheDeviceThatStillAsksForAnAddress) {
  Domain domain;
  domain.devices = {device(DeviceKind::Video), device(DeviceKind::Video)};
  domain.devices[1].address = PciAddress{};
  domain.devices[1].element = 4;
  domain.devices[1].offset = 99;
  const auto placed = as_placed(domain);
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().device, "video #2");
  EXPECT_EQ(placed.error().offset, 99U);
}

TEST(AsPlaced, NamesTheControllerWithoutIndex) {
  Domain domain;
  domain.devices = {pci_controller(0), pci_controller(std::nullopt)};
  const auto placed = as_placed(domain);
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().device, "controller #2");
  EXPECT_EQ(placed.error().offset, std::nullopt);
}

}  // namespace
}  // namespace busproof::domain
