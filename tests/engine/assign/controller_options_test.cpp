#include "engine/assign/controller_options.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace busproof::assign {
namespace {

using domain::Device;
using domain::PciTarget;
using pci::ControllerModel;

const topology::MachineRule& machine_of(RootKind root) {
  return topology::rule_for(root == RootKind::HostBridge ? topology::Family::Pseries : topology::Family::Q35);
}

bool is_root(const OptionRule& rule) {
  return rule.model == ControllerModel::PciRoot || rule.model == ControllerModel::PcieRoot;
}

/// A controller that has exactly what its row says it must.
Device lawful(const OptionRule& rule) {
  Device device;
  device.kind = domain::DeviceKind::Controller;
  domain::Controller& controller = device.controller.emplace();
  controller.pci_model = rule.model;
  controller.index = is_root(rule) && rule.root == RootKind::Any ? 0 : 3;
  controller.model_name = rule.names[0];
  PciTarget& target = controller.target;
  if (rule.target_index == Need::Must) target.index = 2;
  if (rule.bus_nr == Need::Must) target.bus_nr = 100;
  if (rule.chassis_nr == Need::Must) target.chassis_nr = 3;
  if (rule.chassis == Need::Must) target.chassis = 3;
  if (rule.port == Need::Must) target.port = 8;
  return device;
}

struct Option {
  std::string_view name;
  Need OptionRule::* need;
  void (*set)(PciTarget&);
  void (*clear)(PciTarget&);
};
const auto kOptions = std::to_array<Option>({
    {"targetIndex", &OptionRule::target_index, [](PciTarget& t) { t.index = 2; },
     [](PciTarget& t) { t.index.reset(); }},
    {"busNr", &OptionRule::bus_nr, [](PciTarget& t) { t.bus_nr = 9; }, [](PciTarget& t) { t.bus_nr.reset(); }},
    {"numaNode", &OptionRule::node, [](PciTarget& t) { t.node = 0; }, [](PciTarget& t) { t.node.reset(); }},
    {"chassisNr", &OptionRule::chassis_nr, [](PciTarget& t) { t.chassis_nr = 9; },
     [](PciTarget& t) { t.chassis_nr.reset(); }},
    {"chassis", &OptionRule::chassis, [](PciTarget& t) { t.chassis = 9; }, [](PciTarget& t) { t.chassis.reset(); }},
    {"port", &OptionRule::port, [](PciTarget& t) { t.port = 9; }, [](PciTarget& t) { t.port.reset(); }},
    {"hotplug", &OptionRule::hotplug, [](PciTarget& t) { t.hotplug = domain::Switch::Off; },
     [](PciTarget& t) { t.hotplug = domain::Switch::Absent; }},
});

Result<void> check(const Device& device, RootKind root) {
  domain::Domain domain;
  domain.machine = "q35";
  return check_pci_options(device, domain, machine_of(root));
}

TEST(ControllerOptions, EveryModelIsContentWithWhatItsRowAsksFor) {
  for (const OptionRule& rule : kOptionRules) EXPECT_TRUE(check(lawful(rule), rule.root)) << to_string(rule.model);
}

TEST(ControllerOptions, EveryOptionIsJudgedByItsRow) {
  for (const OptionRule& rule : kOptionRules)
    for (const Option& option : kOptions) {
      Device with = lawful(rule);
      option.set(with.controller->target);
      const auto checked = check(with, rule.root);
      EXPECT_EQ(checked.has_value(), rule.*option.need != Need::MustNot) << to_string(rule.model) << " " << option.name;
      if (!checked) {
        EXPECT_EQ(checked.error().rule, "E209");
      }
      Device without = lawful(rule);
      option.clear(without.controller->target);
      const auto missed = check(without, rule.root);
      EXPECT_EQ(missed.has_value(), rule.*option.need != Need::Must) << to_string(rule.model) << " " << option.name;
      if (!missed) {
        EXPECT_EQ(missed.error().rule, "E211");
      }
    }
}

TEST(ControllerOptions, EveryModelKnowsItsDeviceNames) {
  for (const OptionRule& rule : kOptionRules) {
    Device device = lawful(rule);
    device.controller->model_name = rule.names[0].empty() ? "pci-bridge" : "x3130-upstream-of-another";
    EXPECT_EQ(check(device, rule.root).error().rule, rule.names[0].empty() ? "E209" : "E210") << to_string(rule.model);
    if (rule.names[1].empty()) continue;
    device.controller->model_name = rule.names[1];
    EXPECT_TRUE(check(device, rule.root)) << rule.names[1];
  }
}

TEST(ControllerOptions, SayWhatLibvirtSays) {
  Device port = lawful(option_rule(ControllerModel::PcieRootPort, RootKind::Any));
  port.controller->target.chassis_nr = 1;
  EXPECT_EQ(check(port, RootKind::Any).error().message,
            "unsupported configuration: Option 'chassisNr' is not valid for PCI controller with index '3', model "
            "'pcie-root-port' and modelName 'pcie-root-port'");
  Device root = lawful(option_rule(ControllerModel::PcieRoot, RootKind::Any));
  root.controller->target.port = 1;
  EXPECT_EQ(check(root, RootKind::Any).error().message,
            "unsupported configuration: Option 'port' is not valid for PCI controller with index '0', model "
            "'pcie-root' and modelName 'none'");
}

TEST(ControllerOptions, EveryRangeEndsWhereItsRowSays) {
  for (const RangeRule& rule : kRangeRules)
    for (const int number : {rule.min - 1, rule.min, rule.max, rule.max + 1}) {
      Device device = lawful(option_rule(ControllerModel::PciBridge, RootKind::Any));
      device.controller->index = number == 0 ? 0 : 3;  // target index 0 is for the controller with index 0
      device.controller->target.*rule.number = number;
      const auto checked = check_pci_ranges(device);
      EXPECT_EQ(checked.has_value(), number >= rule.min && number <= rule.max) << rule.name << " " << number;
      if (!checked) {
        EXPECT_EQ(checked.error().rule, "E208");
      }
    }
}

TEST(ControllerOptions, TargetIndexZeroGoesWithIndexZero) {
  Device bridge = lawful(option_rule(ControllerModel::PciRoot, RootKind::HostBridge));
  bridge.controller->target.index = 0;
  EXPECT_EQ(check_pci_ranges(bridge).error().rule, "E213");
  bridge.controller->index = 0;
  EXPECT_TRUE(check_pci_ranges(bridge));
  bridge.controller->target.index = 1;
  EXPECT_EQ(check_pci_ranges(bridge).error().rule, "E213");
}

TEST(ControllerOptions, TheFirstHostBridgeHasNoNode) {
  Device bridge = lawful(option_rule(ControllerModel::PciRoot, RootKind::HostBridge));
  bridge.controller->target.node = 0;
  EXPECT_TRUE(check(bridge, RootKind::HostBridge));
  bridge.controller->target.index = 0;
  EXPECT_EQ(check(bridge, RootKind::HostBridge).error().rule, "E209");
  bridge.controller->index = 0;
  EXPECT_EQ(check_pci_ranges(bridge).error().rule, "E214");
}

TEST(ControllerOptions, IndexesEndAt255AndRootsHaveNoAddress) {
  Device bridge = lawful(option_rule(ControllerModel::PciBridge, RootKind::Any));
  bridge.controller->index = 256;
  EXPECT_EQ(check_pci_ranges(bridge).error().rule, "E205");
  Device root = lawful(option_rule(ControllerModel::PcieRoot, RootKind::Any));
  root.address = domain::PciAddress{};
  EXPECT_EQ(check_pci_ranges(root).error().rule, "E203");
}

TEST(ControllerOptions, ThePciHoleIsTheChipsetsRootsAlone) {
  Device root = lawful(option_rule(ControllerModel::PcieRoot, RootKind::Any));
  root.controller->has_pcihole64 = true;
  EXPECT_TRUE(check(root, RootKind::Any));
  domain::Domain domain;
  domain.machine = "virt";
  EXPECT_EQ(check_pci_options(root, domain, topology::rule_for(topology::Family::ArmVirt)).error().message,
            "unsupported configuration: Setting the 64-bit PCI hole size is not supported for machine 'virt'");
}

TEST(ControllerOptions, OnlyARootHasIndexZero) {
  Device bridge = lawful(option_rule(ControllerModel::PciBridge, RootKind::Any));
  bridge.controller->index = 0;
  EXPECT_EQ(check(bridge, RootKind::Any).error().message,
            "unsupported configuration: Index for 'pci-bridge' controllers must be > 0");
}

TEST(ControllerOptions, AControllerWithoutModelIsRefused) {
  Device device = lawful(option_rule(ControllerModel::PciBridge, RootKind::Any));
  device.controller->pci_model.reset();
  EXPECT_EQ(check(device, RootKind::Any).error().rule, "E221");
}

}  // namespace
}  // namespace busproof::assign
