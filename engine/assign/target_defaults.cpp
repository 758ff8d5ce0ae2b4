#include "engine/assign/target_defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "engine/topology/controller_rules.h"
#include "engine/topology/machine_rules.h"

namespace busproof::assign {
namespace {

using domain::Controller;
using domain::Device;
using domain::Domain;
using pci::ControllerModel;

/// An expander takes the number two below the lowest one in use: one for itself, one for the bus below it.
constexpr int kBusNumberStep = 2;
constexpr int kBusNumberEnd = 256;
/// QEMU knows 32 host bridges on pseries; the first is the machine's own.
constexpr int kTargetIndexMax = 31;

struct Numbering {
  int lowest_bus_nr = kBusNumberEnd;
  std::array<bool, kTargetIndexMax + 1> target_index_used{};
  bool several_roots = false;

  explicit Numbering(const Domain& domain)
      : several_roots(topology::family_of(domain.arch, domain.machine) == topology::Family::Pseries) {
    for (const Device& device : domain.devices) {
      if (!device.controller || device.controller->type != domain::ControllerType::Pci) continue;
      const domain::PciTarget& target = device.controller->target;
      if (target.bus_nr) lowest_bus_nr = std::min(lowest_bus_nr, *target.bus_nr);
      // libvirt knows a host bridge by its model name, which most get only when it is their turn.
      if (!device.controller->model_name.empty()) take_target_index(target);
    }
  }

  void take_target_index(const domain::PciTarget& target) {
    if (several_roots && target.index && *target.index >= 0 && *target.index <= kTargetIndexMax)
      target_index_used[static_cast<std::size_t>(*target.index)] = true;
  }
};

/// Where the controller sits; a root, which sits nowhere, counts as 00:00.0.
struct OwnPlace {
  std::uint32_t bus = 0, slot = 0, function = 0;
};

/// libvirt takes the numbers of a controller's address for PCI ones whatever its type: of all types they lie in the
/// same memory, the PCI one being four numbers, segment first. Source: measured, a root port and a downstream port with
/// an address of each type that libvirt 9.0.0 accepts there.
struct ReadAsPci {
  OwnPlace operator()(const domain::PciAddress& address) const {
    if (!address.at) return {};
    return {address.at->bus(), address.at->slot(), address.at->function()};
  }
  OwnPlace operator()(const domain::DriveAddress& address) const { return {address.bus, address.target, address.unit}; }
  OwnPlace operator()(const domain::VirtioSerialAddress& address) const { return {address.bus, address.port, 0}; }
  OwnPlace operator()(const domain::CcidAddress& address) const { return {address.slot, 0, 0}; }
  OwnPlace operator()(const domain::UsbAddress& address) const {
    const auto level = [&](std::size_t i) { return i < address.port.size() ? address.port[i] : 0; };
    return {level(0), level(1), level(2)};
  }
  /// By now it has a register, and the mark of having one is read as the slot.
  OwnPlace operator()(const domain::SpaprVioAddress& /*address*/) const { return {0, 1, 0}; }
  OwnPlace operator()(const domain::DimmAddress& address) const {
    const std::uint64_t base = address.base.value_or(0);
    return {0, static_cast<std::uint32_t>(base), static_cast<std::uint32_t>(base >> 32U)};
  }
  template <class Other>
  OwnPlace operator()(const Other& /*address*/) const {
    return {};
  }
};

OwnPlace place_of(const Device& device) { return std::visit(ReadAsPci(), device.address); }

Result<void> number_expander(Controller& controller, const OwnPlace& place, Numbering& numbering) {
  int& lowest = numbering.lowest_bus_nr;
  if (lowest <= kBusNumberStep)
    return refused("E217",
                   fmt::format("unsupported configuration: No free busNr lower than current lowest busNr is available "
                               "to auto-assign to bus {}. Must be manually assigned",
                               place.bus),
                   fmt::format("busNr {} is the lowest in use; write <target busNr='N'/> with a number of its own, "
                               "1-254",
                               lowest));
  lowest -= kBusNumberStep;
  controller.target.bus_nr = lowest;
  return {};
}

Result<void> number_host_bridge(Controller& controller, const OwnPlace& place, Numbering& numbering) {
  if (controller.index == 0) {
    controller.target.index = 0;
    return {};
  }
  auto& used = numbering.target_index_used;
  const auto* const free = std::find(used.begin() + 1, used.end(), false);
  if (free == used.end())
    return refused("E218", fmt::format("unsupported configuration: No usable target index found for {}", place.bus),
                   "a pseries guest has at most 31 PCI host bridges");
  controller.target.index = static_cast<int>(free - used.begin());
  return {};
}

Result<void> fill_target(Controller& controller, const OwnPlace& place, Numbering& numbering) {
  domain::PciTarget& target = controller.target;
  const int index = static_cast<int>(controller.index.value_or(0));
  switch (*controller.pci_model) {
    case ControllerModel::PciBridge:
      if (!target.chassis_nr) target.chassis_nr = index;
      break;
    case ControllerModel::PcieRootPort:
      if (!target.chassis) target.chassis = index;
      if (!target.port) target.port = static_cast<int>(place.slot * pci::kFunctionCount + place.function);
      break;
    case ControllerModel::PcieSwitchDownstreamPort:
      if (!target.chassis) target.chassis = index;
      if (!target.port) target.port = static_cast<int>(place.slot);
      break;
    case ControllerModel::PciExpanderBus:
    case ControllerModel::PcieExpanderBus:
      if (!target.bus_nr) return number_expander(controller, place, numbering);
      break;
    case ControllerModel::PciRoot:
      if (numbering.several_roots && !target.index) return number_host_bridge(controller, place, numbering);
      break;
    default:
      break;
  }
  return {};
}

std::string_view device_name(ControllerModel model, bool several_roots) {
  if (model == ControllerModel::PciRoot && several_roots) return "spapr-pci-host-bridge";
  return topology::rule_for(model).device_name;
}

Result<void> check_bridge_order(const Controller& controller, const OwnPlace& place) {
  const std::uint32_t index = controller.index.value_or(0);
  if (controller.pci_model != ControllerModel::PciBridge || index > place.bus) return {};
  return refused("E219",
                 fmt::format("unsupported configuration: PCI controller at index {0} (0x{0:02x}) has bus='0x{1:02x}', "
                             "but index must be larger than bus",
                             index, place.bus),
                 fmt::format("give it an index above {}, or put it on a bus with a lower number", place.bus));
}

Result<void> fill_controller(Controller& controller, const OwnPlace& place, Numbering& numbering) {
  if (controller.model_name.empty())
    controller.model_name = device_name(*controller.pci_model, numbering.several_roots);
  if (auto filled = fill_target(controller, place, numbering); !filled) return filled;
  numbering.take_target_index(controller.target);
  return check_bridge_order(controller, place);
}

}  // namespace

Result<void> fill_target_defaults(Domain& domain) {
  Numbering numbering(domain);
  for (Device& device : domain.devices) {
    if (!device.controller || device.controller->type != domain::ControllerType::Pci) continue;
    if (auto filled = fill_controller(*device.controller, place_of(device), numbering); !filled)
      return std::unexpected(about(filled.error(), domain, device));
  }
  return {};
}

}  // namespace busproof::assign
