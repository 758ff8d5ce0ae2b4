#include "engine/topology/controller_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace busproof::topology {
namespace {

using pci::ControllerModel;

TEST(ControllerRules, RowsStandInTheOrderOfTheModels) {
  for (const ControllerRule& rule : kControllerRules) EXPECT_EQ(&rule_for(rule.model), &rule);
}

TEST(ControllerRules, EveryControllerButTheRootsIsAcceptedBySomeBus) {
  for (const ControllerRule& rule : kControllerRules) {
    if (rule.asks_for == SlotKind::None) continue;
    const bool accepted = std::ranges::any_of(
        kControllerRules, [&](const ControllerRule& bus) { return bus.accepts.contains(rule.asks_for); });
    EXPECT_TRUE(accepted) << to_string(rule.model);
  }
}

TEST(ControllerRules, OnlyTheRootsAskForNoSlotAndHaveNoDeviceName) {
  for (const ControllerRule& rule : kControllerRules) {
    const bool is_root = rule.model == ControllerModel::PciRoot || rule.model == ControllerModel::PcieRoot;
    EXPECT_EQ(rule.asks_for == SlotKind::None, is_root) << to_string(rule.model);
    EXPECT_EQ(rule.device_name.empty(), is_root) << to_string(rule.model);
  }
}

TEST(ControllerRules, BusesHaveTheSlotsTheirHardwareHas) {
  const auto expect_slots = [](ControllerModel model, SlotRange slots) {
    EXPECT_EQ(rule_for(model).slots, slots) << to_string(model);
  };
  expect_slots(ControllerModel::PciRoot, {1, 31});
  expect_slots(ControllerModel::PcieRoot, {1, 31});
  expect_slots(ControllerModel::PciBridge, {1, 31});
  expect_slots(ControllerModel::DmiToPciBridge, {0, 31});
  expect_slots(ControllerModel::PcieToPciBridge, {1, 31});
  expect_slots(ControllerModel::PcieRootPort, {0, 0});
  expect_slots(ControllerModel::PcieSwitchUpstreamPort, {0, 31});
  expect_slots(ControllerModel::PcieSwitchDownstreamPort, {0, 0});
  expect_slots(ControllerModel::PciExpanderBus, {0, 31});
  expect_slots(ControllerModel::PcieExpanderBus, {0, 31});
}

TEST(ControllerRules, OnlyRootPortsShareASlot) {
  for (const ControllerRule& rule : kControllerRules)
    EXPECT_EQ(rule.shares_slot, rule.model == ControllerModel::PcieRootPort) << to_string(rule.model);
}

TEST(ControllerRules, HotplugIsWhereLibvirtOffersIt) {
  for (const ControllerRule& rule : kControllerRules) {
    const bool cold = rule.model == ControllerModel::PcieRoot || rule.model == ControllerModel::DmiToPciBridge ||
                      rule.model == ControllerModel::PcieSwitchUpstreamPort ||
                      rule.model == ControllerModel::PcieExpanderBus;
    EXPECT_EQ(rule.plug == Plug::Cold, cold) << to_string(rule.model);
    EXPECT_EQ(rule.seating == Seating::ByUser, cold) << to_string(rule.model);
  }
}

TEST(RequiredName, IsWhatLibvirtCallsTheMissingController) {
  EXPECT_EQ(required_name(SlotKind::PciDevice), "standard PCI device");
  EXPECT_EQ(required_name(SlotKind::PcieDevice), "PCI Express device");
  EXPECT_EQ(required_name(SlotKind::RootPort), "pcie-root-port");
  EXPECT_EQ(required_name(SlotKind::UpstreamPort), "pcie-switch-upstream-port");
  EXPECT_EQ(required_name(SlotKind::DownstreamPort), "pcie-switch-downstream-port");
  EXPECT_EQ(required_name(SlotKind::DmiBridge), "dmi-to-pci-bridge");
  EXPECT_EQ(required_name(SlotKind::PciExpander), "pci-expander-bus");
  EXPECT_EQ(required_name(SlotKind::PcieExpander), "pcie-expander-bus");
  EXPECT_EQ(required_name(SlotKind::Bridge), "pci-bridge");
  EXPECT_EQ(required_name(SlotKind::PcieBridge), "pcie-to-pci-bridge");
}

TEST(KindSet, HoldsWhatWasPutInAndNeverNone) {
  constexpr KindSet kinds{SlotKind::PcieDevice, SlotKind::RootPort};
  EXPECT_TRUE(kinds.contains(SlotKind::PcieDevice));
  EXPECT_TRUE(kinds.takes_endpoints());
  EXPECT_FALSE(kinds.contains(SlotKind::PciDevice));
  EXPECT_FALSE(kinds.contains(SlotKind::None));
  EXPECT_FALSE(KindSet{SlotKind::RootPort}.takes_endpoints());
}

}  // namespace
}  // namespace busproof::topology
