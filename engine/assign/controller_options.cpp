#include "engine/assign/controller_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace busproof::assign {
namespace {

using domain::Controller;
using domain::Device;
using domain::PciTarget;
using pci::ControllerModel;
using topology::Trait;

constexpr std::uint32_t kIndexMax = 255;

Result<void> check_range(const RangeRule& rule, const Controller& controller) {
  const auto& number = controller.target.*rule.number;
  if (!number || (*number >= rule.min && *number <= rule.max)) return {};
  return refused("E208",
                 fmt::format("unsupported configuration: PCI controller {} '{}' out of range - must be {}-{}",
                             rule.name, *number, rule.min, rule.max),
                 "write a number in that range, or leave it to libvirt");
}

/// Only the controller with index 0 is the machine's own, and only that has target index 0.
Result<void> check_target_index(const Controller& controller) {
  const auto& target_index = controller.target.index;
  if (!target_index || (*controller.index == 0) == (*target_index == 0)) return {};
  return refused("E213",
                 "unsupported configuration: Only the PCI controller with index 0 can have target index 0, and vice "
                 "versa",
                 *controller.index == 0 ? "write target index 0" : "write a target index of 1-30");
}

// --- Which options a model has

/// The controller as libvirt's texts on options end.
std::string told(const Controller& controller) {
  return fmt::format("PCI controller with index '{}', model '{}' and modelName '{}'", *controller.index,
                     to_string(*controller.pci_model), controller.model_name.empty() ? "none" : controller.model_name);
}

Refusal not_valid(std::string_view option, const Controller& controller) {
  return refused("E209",
                 fmt::format("unsupported configuration: Option '{}' is not valid for {}", option, told(controller)),
                 fmt::format("remove it: a {} has no {}", to_string(*controller.pci_model), option));
}

Refusal not_set(std::string_view option, const Controller& controller) {
  return refused("E211",
                 fmt::format("internal error: Required option '{}' is not set for {}", option, told(controller)),
                 fmt::format("a {} needs its {}", to_string(*controller.pci_model), option));
}

Result<void> check_option(std::string_view option, Need need, bool is_set, const Controller& controller) {
  if (need == Need::Must && !is_set) return not_set(option, controller);
  if (need == Need::MustNot && is_set) return not_valid(option, controller);
  return {};
}

Result<void> check_model_name(const OptionRule& rule, const Controller& controller) {
  const bool has_name = !rule.names[0].empty();
  if (auto checked =
          check_option("modelName", has_name ? Need::Must : Need::MustNot, !controller.model_name.empty(), controller);
      !checked)
    return checked;
  if (!has_name || std::ranges::find(rule.names, controller.model_name) != rule.names.end()) return {};
  return refused(
      "E210", fmt::format("unsupported configuration: Option 'modelName' has invalid value for {}", told(controller)),
      fmt::format("write <model name='{}'/>, or leave it to libvirt", rule.names[0]));
}

Result<void> check_index(const OptionRule& rule, const Controller& controller) {
  if (rule.root == RootKind::HostBridge || pci::is_root(controller.pci_model) == (*controller.index == 0)) return {};
  return refused("E202",
                 fmt::format("unsupported configuration: Index for '{}' controllers must be {}",
                             to_string(*controller.pci_model), pci::is_root(controller.pci_model) ? "0" : "> 0"),
                 "index 0 is the machine's root, and only that");
}

Result<void> check_pci_hole(const Controller& controller, const domain::Domain& domain,
                            const topology::MachineRule& machine) {
  if (!controller.has_pcihole64 || !pci::is_root(controller.pci_model)) return {};
  if (machine.traits.contains(Trait::PciHole64) && machine.root == controller.pci_model) return {};
  return refused("E220",
                 fmt::format("unsupported configuration: Setting the 64-bit PCI hole size is not supported for machine "
                             "'{}'",
                             domain.machine),
                 "remove <pcihole64>");
}

/// The host bridge that the machine starts with has no node either.
Need node_need(const OptionRule& rule, const Controller& controller) {
  return rule.root == RootKind::HostBridge && controller.target.index == 0 ? Need::MustNot : rule.node;
}

Result<void> check_options(const OptionRule& rule, const Controller& controller, const domain::Domain& domain,
                           const topology::MachineRule& machine) {
  const PciTarget& target = controller.target;
  if (auto checked = check_model_name(rule, controller); !checked) return checked;
  if (auto checked = check_index(rule, controller); !checked) return checked;
  if (auto checked = check_option("targetIndex", rule.target_index, target.index.has_value(), controller); !checked)
    return checked;
  if (auto checked = check_pci_hole(controller, domain, machine); !checked) return checked;
  constexpr auto kNames =
      std::to_array<std::string_view>({"busNr", "numaNode", "chassisNr", "chassis", "port", "hotplug"});
  const std::array<std::pair<Need, bool>, kNames.size()> options = {{
      {rule.bus_nr, target.bus_nr.has_value()},
      {node_need(rule, controller), target.node.has_value()},
      {rule.chassis_nr, target.chassis_nr.has_value()},
      {rule.chassis, target.chassis.has_value()},
      {rule.port, target.port.has_value()},
      {rule.hotplug, target.hotplug != domain::Switch::Absent},
  }};
  for (std::size_t i = 0; i < options.size(); ++i)
    if (auto checked = check_option(kNames[i], options[i].first, options[i].second, controller); !checked)
      return checked;
  return {};
}

}  // namespace

Result<void> check_pci_ranges(const Device& device) {
  const Controller& controller = *device.controller;
  if (pci::is_root(controller.pci_model) && device.address.index() != 0)
    return refused("E203", "unsupported configuration: pci-root and pcie-root controllers should not have an address",
                   "remove the <address> element");
  if (*controller.index > kIndexMax)
    return refused("E205",
                   fmt::format("unsupported configuration: PCI controller index {} too high, maximum is {}",
                               *controller.index, kIndexMax),
                   "use an index of 1-255, or leave index out");
  for (const RangeRule& rule : kRangeRules) {
    if (auto checked = check_range(rule, controller); !checked) return checked;
    if (rule.number == &PciTarget::index)
      if (auto checked = check_target_index(controller); !checked) return checked;
  }
  if (controller.target.node && *controller.index == 0)
    return refused("E214",
                   "unsupported configuration: The PCI controller with index=0 can't be associated with a NUMA node",
                   "use an expander bus to tie devices to a node");
  return {};
}

Result<void> check_pci_options(const Device& controller, const domain::Domain& domain,
                               const topology::MachineRule& machine) {
  if (!controller.controller->pci_model)
    return refused("E221", "internal error: PCI controller model was not set correctly", "write a model");
  const RootKind root = machine.traits.contains(Trait::ManyRoots) ? RootKind::HostBridge : RootKind::Any;
  return check_options(option_rule(*controller.controller->pci_model, root), *controller.controller, domain, machine);
}

}  // namespace busproof::assign
