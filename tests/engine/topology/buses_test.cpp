#include "engine/topology/buses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/machine_builder.h"

namespace busproof::topology {
namespace {

using enum pci::ControllerModel;
using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::at;
using testing_support::guest;
using testing_support::interface;
using testing_support::pci_controller;

TEST(Buses, AreSortedByIndexWhateverTheOrderOfTheXml) {
  const Buses buses = buses_of(guest("q35", {{2, PcieRootPort, 0, 1, 1}, {1, PcieRootPort, 0, 1, 0}}));
  ASSERT_EQ(buses.all.size(), 3U);
  EXPECT_EQ(buses.all[1].index, 1U);
  EXPECT_EQ(buses.all[1].controller, 2U);
  EXPECT_EQ(buses.all[2].model, PcieRootPort);
}

TEST(Buses, KnowTheirParentAndTheirPlaceOnIt) {
  const Buses buses = buses_of(guest("q35", {{1, PcieRootPort, 0, 2, 0}, {2, PcieToPciBridge, 1, 0, 0}}));
  EXPECT_EQ(buses.all[0].parent, std::nullopt);
  EXPECT_EQ(buses.all[2].parent, 1U);
  EXPECT_EQ(buses.all[1].occupants.at(*buses.all[2].occupant).makes, 2U);
}

TEST(Buses, ListOccupantsBySlotAndFunction) {
  domain::Domain domain = guest("pc", {});
  domain.devices.push_back(interface("c", at(0, 4, 1)));
  domain.devices.push_back(interface("b", at(0, 4, 0, domain::Switch::On)));
  domain.devices.push_back(interface("a", at(0, 3, 0)));
  const Buses buses = buses_of(domain);
  ASSERT_EQ(buses.all[0].occupants.size(), 3U);
  EXPECT_EQ(buses.all[0].occupants[0].device, 3U);
  EXPECT_EQ(buses.all[0].occupants[1].device, 2U);
  EXPECT_TRUE(buses.all[0].occupants[1].multifunction);
  EXPECT_EQ(buses.all[0].occupants[2].device, 1U);
}

TEST(Buses, HaveTheNodeOfTheExpanderThatLeadsToThem) {
  domain::Domain domain = guest("q35", {{1, PcieExpanderBus, 0, 4, 0, 100}, {2, PcieRootPort, 1, 0, 0}});
  domain.devices[1].controller->target.node = 1;
  const Buses buses = buses_of(domain);
  EXPECT_EQ(node_of(domain, buses, buses.all[2]), 1);
  EXPECT_EQ(node_of(domain, buses, buses.all[0]), std::nullopt);
}

TEST(Buses, HaveTheNodeOfAHostBridgeOfPseriesOfWhichTheDeviceTreeTells) {
  domain::Domain domain = guest("pseries", {{1, PciRoot, 0, 0, 0}});
  domain.arch = "ppc64";
  domain.has_acpi = false;
  domain.devices[1].controller->target.node = 2;
  domain.devices[1].address = {};
  const Buses buses = buses_of(domain);
  EXPECT_EQ(node_of(domain, buses, buses.all[1]), 2);
  EXPECT_TRUE(buses.tells_nodes());
}

TEST(Buses, NobodyLooksAtASlotWithoutFunctionZero) {
  domain::Domain domain = guest("pc", {});
  domain.devices.push_back(interface("a", at(0, 5, 3)));
  EXPECT_TRUE(buses_of(domain).all[0].occupants[0].unseen);
  domain.devices.push_back(interface("b", at(0, 5, 0)));
  EXPECT_FALSE(buses_of(domain).all[0].occupants[1].unseen);
}

TEST(Buses, TheChipsetOpensItsOwnSlot) {
  domain::Domain domain = guest("pc", {});
  domain.devices.push_back(interface("a", at(0, 1, 2)));
  EXPECT_FALSE(buses_of(domain).all[0].occupants[0].unseen);
}

TEST(Buses, PassOverADeviceOnABusThatNobodyMakes) {
  domain::Domain domain = guest("pc", {});
  domain.devices.push_back(interface("a", at(7, 1, 0)));
  EXPECT_THAT(buses_of(domain).all[0].occupants, IsEmpty());
}

TEST(Buses, CountFreeSlotsWithoutTheChipsetsOwn) {
  domain::Domain domain = guest("pc", {{1, PciBridge, 0, 2, 0}});
  for (unsigned slot = 3; slot <= 0x1d; ++slot) domain.devices.push_back(interface("a", at(0, slot, 0)));
  const Buses buses = buses_of(domain);
  EXPECT_THAT(free_slots(buses, 0), ElementsAre(0x1e, 0x1f));
  EXPECT_EQ(free_slots(buses, 1).size(), 31U);
}

TEST(Buses, ARootPortHasOneSlot) {
  domain::Domain domain = guest("q35", {{1, PcieRootPort, 0, 2, 0}});
  EXPECT_THAT(free_slots(buses_of(domain), 1), ElementsAre(0));
  domain.devices.push_back(interface("a", at(1, 0, 0)));
  EXPECT_THAT(free_slots(buses_of(domain), 1), IsEmpty());
}

TEST(Buses, ControllersThatSitOnEachOtherHaveNoRoot) {
  const Buses buses = buses_of(guest("pc", {{1, PciBridge, 2, 1, 0}, {2, PciBridge, 1, 1, 0}}));
  EXPECT_EQ(buses.all[1].parent, 2U);
  EXPECT_EQ(buses.all[2].parent, 1U);
}

}  // namespace
}  // namespace busproof::topology
