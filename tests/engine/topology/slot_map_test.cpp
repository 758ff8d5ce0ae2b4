#include "engine/topology/slot_map.h"

#include <gtest/gtest.h>

namespace busproof::topology {
namespace {

using pci::ControllerModel;

SlotWish endpoint(SlotKind kind) {
  SlotWish wish;
  wish.kind = kind;
  wish.endpoint_seating = true;
  return wish;
}

SlotWish controller(ControllerModel model) {
  SlotWish wish;
  wish.kind = rule_for(model).asks_for;
  wish.shares_slot = rule_for(model).shares_slot;
  return wish;
}

SlotMap map_of(std::initializer_list<ControllerModel> models) {
  std::vector<Bus> buses;
  for (const ControllerModel model : models) buses.push_back(bus_of(model));
  return SlotMap(std::move(buses));
}

Seat find_and_take(SlotMap& map, const SlotWish& wish) {
  const auto seat = map.find(wish);
  if (!seat) return {0, 999, 0, 0};
  map.take(*seat, wish, Origin::Chosen);
  return *seat;
}

TEST(SlotMap, SeatsAnEndpointInTheLowestFreeSlot) {
  SlotMap map = map_of({ControllerModel::PciRoot});
  EXPECT_EQ(find_and_take(map, endpoint(SlotKind::PciDevice)), (Seat{0, 0, 1, 0}));
  EXPECT_EQ(find_and_take(map, endpoint(SlotKind::PciDevice)), (Seat{0, 0, 2, 0}));
}

TEST(SlotMap, SkipsASlotOfWhichAnyFunctionIsTaken) {
  SlotMap map = map_of({ControllerModel::PciRoot});
  map.take({0, 0, 1, 5}, endpoint(SlotKind::PciDevice), Origin::Xml);
  EXPECT_EQ(find_and_take(map, endpoint(SlotKind::PciDevice)), (Seat{0, 0, 2, 0}));
}

TEST(SlotMap, NeverSeatsAnEndpointOnPcieRootUnasked) {
  SlotMap map = map_of({ControllerModel::PcieRoot, ControllerModel::PcieRootPort});
  EXPECT_EQ(find_and_take(map, endpoint(SlotKind::PcieDevice)), (Seat{0, 1, 0, 0}));
  EXPECT_EQ(map.find(endpoint(SlotKind::PcieDevice)), std::nullopt);
}

TEST(SlotMap, SeatsAnIntegratedDeviceOnPcieRootOnly) {
  SlotMap map = map_of({ControllerModel::PcieRoot, ControllerModel::PcieRootPort});
  SlotWish iommu = endpoint(SlotKind::PcieDevice);
  iommu.integrated = true;
  EXPECT_EQ(find_and_take(map, iommu), (Seat{0, 0, 1, 0}));
  EXPECT_EQ(obstacle(map.buses()[1], 1, iommu, Origin::Xml), Obstacle::NotIntegrated);
}

TEST(SlotMap, PacksRootPortsIntoTheFunctionsOfOneSlot) {
  SlotMap map = map_of({ControllerModel::PcieRoot});
  const SlotWish port = controller(ControllerModel::PcieRootPort);
  for (std::uint8_t function = 0; function < 8; ++function)
    EXPECT_EQ(find_and_take(map, port), (Seat{0, 0, 1, function}));
  EXPECT_EQ(find_and_take(map, port), (Seat{0, 0, 2, 0}));
}

TEST(SlotMap, ARootPortNeverJoinsASlotOpenedByAnEndpoint) {
  SlotMap map = map_of({ControllerModel::PcieRoot});
  map.take({0, 0, 1, 1}, endpoint(SlotKind::PcieDevice), Origin::Xml);
  EXPECT_EQ(find_and_take(map, controller(ControllerModel::PcieRootPort)), (Seat{0, 0, 2, 0}));
}

TEST(SlotMap, ARootPortJoinsASlotOpenedByItsLikeAtTheLowestFreeFunction) {
  SlotMap map = map_of({ControllerModel::PcieRoot});
  const SlotWish port = controller(ControllerModel::PcieRootPort);
  map.take({0, 0, 1, 0}, port, Origin::Xml);
  map.take({0, 0, 1, 1}, endpoint(SlotKind::PcieDevice), Origin::Xml);
  EXPECT_EQ(find_and_take(map, port), (Seat{0, 0, 1, 2}));
}

TEST(SlotMap, AWantedFunctionStillNeedsAnEmptySlot) {
  SlotMap map = map_of({ControllerModel::PciRoot});
  map.take({0, 0, 1, 0}, endpoint(SlotKind::PciDevice), Origin::Xml);
  SlotWish ehci = endpoint(SlotKind::PciDevice);
  ehci.function = 7;
  EXPECT_EQ(find_and_take(map, ehci), (Seat{0, 0, 2, 7}));
}

TEST(SlotMap, ExplicitEndpointsSitWhereverSomeEndpointWould) {
  const Bus port = bus_of(ControllerModel::PcieRootPort);
  EXPECT_EQ(obstacle(port, 1, endpoint(SlotKind::PciDevice), Origin::Xml), std::nullopt);
  EXPECT_EQ(obstacle(port, 1, endpoint(SlotKind::PciDevice), Origin::Chosen), Obstacle::WrongKind);
  EXPECT_EQ(obstacle(bus_of(ControllerModel::PcieRoot), 0, controller(ControllerModel::PciBridge), Origin::Xml),
            std::nullopt);
  EXPECT_EQ(obstacle(bus_of(ControllerModel::PcieRoot), 0, controller(ControllerModel::PcieToPciBridge), Origin::Xml),
            Obstacle::WrongKind);
  EXPECT_EQ(obstacle(bus_of(ControllerModel::PcieExpanderBus), 1, endpoint(SlotKind::PcieDevice), Origin::Xml),
            Obstacle::WrongKind);
}

TEST(SlotMap, TheRootPortForABridgeTakesNothingElse) {
  const Bus port = root_port_for_bridge();
  EXPECT_EQ(obstacle(port, 1, controller(ControllerModel::PcieToPciBridge), Origin::Chosen), std::nullopt);
  EXPECT_EQ(obstacle(port, 1, endpoint(SlotKind::PcieDevice), Origin::Xml), Obstacle::WrongKind);
}

TEST(SlotMap, IsFullOnlyWhenEverySlotOfEveryBusIs) {
  SlotMap map = map_of({ControllerModel::PcieRootPort, ControllerModel::PcieRootPort});
  map.take({0, 0, 0, 0}, endpoint(SlotKind::PcieDevice), Origin::Xml);
  EXPECT_FALSE(map.is_full());
  map.take({0, 1, 0, 3}, endpoint(SlotKind::PcieDevice), Origin::Xml);
  EXPECT_TRUE(map.is_full());
}

TEST(SlotMap, AnIsolatedDeviceTakesAnEmptyBusAndItsGroupFollowsIt) {
  SlotMap map = map_of({ControllerModel::PciRoot, ControllerModel::PciRoot});
  map.take({0, 0, 1, 0}, endpoint(SlotKind::PciDevice), Origin::Xml);
  SlotWish isolated = endpoint(SlotKind::PciDevice);
  isolated.group = 7;
  EXPECT_EQ(find_and_take(map, isolated), (Seat{0, 1, 1, 0}));
  EXPECT_EQ(find_and_take(map, isolated), (Seat{0, 1, 2, 0}));
  EXPECT_EQ(find_and_take(map, endpoint(SlotKind::PciDevice)), (Seat{0, 0, 2, 0}));
  SlotWish other = isolated;
  other.group = 8;
  EXPECT_EQ(map.find(other), std::nullopt);
}

TEST(SlotMap, ALockedBusNeverChangesItsGroup) {
  Bus root = bus_of(ControllerModel::PciRoot);
  root.group_locked = true;
  SlotMap map({root});
  SlotWish isolated = endpoint(SlotKind::PciDevice);
  isolated.group = 7;
  EXPECT_EQ(map.find(isolated), std::nullopt);
}

TEST(SlotMap, AnExplicitDeviceOfAnotherGroupEndsTheIsolation) {
  SlotMap map = map_of({ControllerModel::PciRoot, ControllerModel::PciRoot});
  SlotWish isolated = endpoint(SlotKind::PciDevice);
  isolated.group = 7;
  map.take({0, 1, 1, 0}, isolated, Origin::Xml);
  map.take({0, 1, 2, 0}, endpoint(SlotKind::PciDevice), Origin::Xml);
  EXPECT_EQ(map.buses()[1].group, 0U);
}

TEST(SeatText, ShowsABusBeyond255) { EXPECT_EQ(to_string(Seat{0, 256, 1, 7}), "0000:100:01.7"); }

}  // namespace
}  // namespace busproof::topology
