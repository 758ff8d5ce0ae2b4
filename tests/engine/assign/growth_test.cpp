#include "engine/assign/growth.h"

#include <gtest/gtest.h>

namespace busproof::assign {
namespace {

using pci::ControllerModel;
using topology::SlotKind;
using topology::SlotMap;
using topology::SlotWish;

SlotMap map_of(std::initializer_list<ControllerModel> models) {
  std::vector<topology::Bus> buses;
  for (const ControllerModel model : models) buses.push_back(topology::bus_of(model));
  return SlotMap(std::move(buses));
}

SlotWish wish_for(SlotKind kind) {
  SlotWish wish;
  wish.kind = kind;
  return wish;
}

std::vector<ControllerModel> models(const Growth& growth) {
  std::vector<ControllerModel> found;
  for (const auto& bus : growth.added) found.push_back(bus.model);
  return found;
}

TEST(Growth, AConventionalDeviceGetsABridgeWhereOneCanBePlugged) {
  const auto growth = grow(map_of({ControllerModel::PciRoot}), wish_for(SlotKind::PciDevice), 1, Roots::One);
  ASSERT_TRUE(growth);
  EXPECT_EQ(models(*growth), std::vector{ControllerModel::PciBridge});
  EXPECT_EQ(growth->bus, 1U);
}

TEST(Growth, APurePcieGuestGetsARootPortWithABridgeAndTheDeviceMovesUpOneBus) {
  const auto growth = grow(map_of({ControllerModel::PcieRoot}), wish_for(SlotKind::PciDevice), 1, Roots::One);
  ASSERT_TRUE(growth);
  EXPECT_EQ(models(*growth), (std::vector{ControllerModel::PcieRootPort, ControllerModel::PcieToPciBridge}));
  EXPECT_EQ(growth->bus, 2U);
  EXPECT_FALSE(growth->added[0].accepts.takes_endpoints());
}

TEST(Growth, WithTwoOrMoreBusesMissingTheDeviceStaysWhereItIs) {
  const auto two = grow(map_of({ControllerModel::PcieRoot}), wish_for(SlotKind::PciDevice), 2, Roots::One);
  ASSERT_TRUE(two);
  EXPECT_EQ(models(*two), (std::vector{ControllerModel::PcieRootPort, ControllerModel::PcieToPciBridge}));
  EXPECT_EQ(two->bus, 2U);
  const auto three = grow(map_of({ControllerModel::PcieRoot}), wish_for(SlotKind::PciDevice), 3, Roots::One);
  ASSERT_TRUE(three);
  EXPECT_EQ(models(*three),
            (std::vector{ControllerModel::PcieRootPort, ControllerModel::PcieToPciBridge, ControllerModel::PciBridge}));
  EXPECT_EQ(three->bus, 3U);
}

TEST(Growth, PcieDevicesAndUpstreamPortsGetRootPorts) {
  for (const SlotKind kind : {SlotKind::PcieDevice, SlotKind::UpstreamPort}) {
    const auto growth = grow(map_of({ControllerModel::PcieRoot}), wish_for(kind), 2, Roots::One);
    ASSERT_TRUE(growth);
    EXPECT_EQ(models(*growth), (std::vector{ControllerModel::PcieRootPort, ControllerModel::PcieRootPort}));
  }
}

TEST(Growth, AMachineWithSeveralRootsGrowsByRoots) {
  const auto growth = grow(map_of({ControllerModel::PciRoot}), wish_for(SlotKind::PciDevice), 2, Roots::Several);
  ASSERT_TRUE(growth);
  EXPECT_EQ(models(*growth), (std::vector{ControllerModel::PciRoot, ControllerModel::PciRoot}));
}

TEST(Growth, RefusesToAddABusForControllersAndSaysForWhich) {
  const struct {
    SlotKind kind;
    const char* model;
  } cases[] = {{SlotKind::RootPort, "pcie-root-port"},        {SlotKind::DownstreamPort, "pcie-switch-downstream-port"},
               {SlotKind::DmiBridge, "dmi-to-pci-bridge"},    {SlotKind::PciExpander, "pci-expander-bus"},
               {SlotKind::PcieExpander, "pcie-expander-bus"}, {SlotKind::Bridge, "pci-bridge"}};
  for (const auto& [kind, model] : cases) {
    const auto growth = grow(map_of({ControllerModel::PcieRoot}), wish_for(kind), 1, Roots::One);
    ASSERT_FALSE(growth) << model;
    EXPECT_EQ(growth.error().rule, "E312");
    EXPECT_EQ(growth.error().message,
              std::string("internal error: a PCI slot is needed to connect a PCI controller model='") + model +
                  "', but none is available, and it cannot be automatically added");
    EXPECT_FALSE(growth.error().remedy.empty());
  }
}

TEST(Growth, NamesTheConnectFlagsOfWhatHasNoControllerName) {
  const auto bridge = grow(map_of({ControllerModel::PcieRoot}), wish_for(SlotKind::PcieBridge), 1, Roots::One);
  ASSERT_FALSE(bridge);
  EXPECT_EQ(bridge.error().rule, "E313");
  EXPECT_TRUE(bridge.error().message.ends_with("connect flags 2000"));
  const auto none = grow(map_of({ControllerModel::PcieRoot}), wish_for(SlotKind::None), 1, Roots::One);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.ends_with("connect flags 00"));
}

}  // namespace
}  // namespace busproof::assign
