#include "engine/abi/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include "engine/abi/machine_names.h"
#include "engine/abi/rules.h"
#include "engine/base/ascii.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "engine/topology/chipset_rules.h"
#include "engine/topology/controller_rules.h"
#include "engine/topology/device_rules.h"

namespace busproof::abi {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using pci::ControllerModel;
using topology::GuestBus;
using topology::Loss;
using topology::Occupant;

/// The domain and what follows from it; every check looks at this and adds what it finds.
struct Scene {
  const domain::Domain& domain;
  const HostFacts& facts;
  const topology::Buses& buses;
  const topology::BusNumbers& numbers;
  Findings findings{};

  [[nodiscard]] const Device& device(const Occupant& occupant) const { return domain.devices[occupant.device]; }
  [[nodiscard]] const domain::Controller& controller(const GuestBus& bus) const {
    return *domain.devices[bus.controller].controller;
  }
  [[nodiscard]] bool is_express() const {
    return !buses.all.empty() && buses.all[0].model == ControllerModel::PcieRoot;
  }

  void report(RuleId rule, const Device& at, std::string change) {
    Finding finding = finding_of(rule);
    finding.device = display_name(domain, at);
    finding.change = std::move(change);
    finding.place.offset = at.offset;
    findings.push_back(std::move(finding));
  }

  /// Calls `check(bus, occupant)` for every device that has a place.
  template <class Check>
  void for_each_occupant(Check check) {
    for (const GuestBus& bus : buses.all)
      for (const Occupant& occupant : bus.occupants) check(bus, occupant);
  }
};

void function_zero_missing(Scene& scene) {
  scene.for_each_occupant([&](const GuestBus&, const Occupant& occupant) {
    if (occupant.unseen)
      scene.report(RuleId::FunctionZeroMissing, scene.device(occupant),
                   fmt::format("{}, and nothing on function 0", to_string(occupant.at)));
  });
}

void multifunction_missing(Scene& scene) {
  for (const GuestBus& bus : scene.buses.all) {
    const Occupant* first = nullptr;  // of the slot, when it is function 0
    for (const Occupant& occupant : bus.occupants) {
      if (occupant.at.function() == 0) first = &occupant;
      if (first == nullptr || first->at.slot() != occupant.at.slot() || occupant.at.function() == 0) continue;
      if (!first->multifunction)
        scene.report(RuleId::MultifunctionMissing, scene.device(*first),
                     fmt::format("{}, and {} is in use", to_string(first->at), to_string(occupant.at)));
      first = nullptr;
    }
  }
}

void buses_lost(Scene& scene) {
  for (const topology::LostBus& lost : scene.numbers.lost) {
    if (lost.loss == Loss::NoFunctionZero) continue;  // function_zero_missing() says it
    RuleId rule = RuleId::BusUnreachable;
    if (lost.loss == Loss::PastLimit) rule = RuleId::BusNumbersOverflow;
    if (lost.loss == Loss::NumberTaken) rule = RuleId::BusNumbersMeet;
    scene.report(rule, scene.domain.devices[scene.buses.all[lost.bus].controller],
                 describe(scene.buses, scene.numbers, lost));
  }
}

void device_out_of_reach(Scene& scene) {
  if (!scene.numbers.predicted) return;
  for (std::size_t i = 0; i < scene.buses.all.size(); ++i) {
    if (scene.numbers.number[i]) continue;
    for (const Occupant& occupant : scene.buses.all[i].occupants)
      if (!occupant.makes && !occupant.unseen)
        scene.report(
            RuleId::DeviceOutOfReach, scene.device(occupant),
            fmt::format("{}, and the guest does not have bus {}", to_string(occupant.at), scene.buses.all[i].index));
  }
}

/// A number in a controller's target that no two controllers may share.
struct UniqueNumber {
  std::optional<int> domain::PciTarget::* field;
  RuleId rule;
  std::string_view name;
};
constexpr std::array kUniqueNumbers = {
    UniqueNumber{&domain::PciTarget::chassis, RuleId::ChassisRepeated, "chassis"},
    UniqueNumber{&domain::PciTarget::chassis_nr, RuleId::ChassisNrRepeated, "chassisNr"},
    UniqueNumber{&domain::PciTarget::bus_nr, RuleId::BusNrRepeated, "busNr"},
};

void numbers_repeated(Scene& scene) {
  for (const UniqueNumber& row : kUniqueNumbers) {
    std::map<int, const GuestBus*> first;
    for (const GuestBus& bus : scene.buses.all) {
      const auto number = scene.controller(bus).target.*row.field;
      if (!number) continue;
      const auto [owner, fresh] = first.try_emplace(*number, &bus);
      if (!fresh)
        scene.report(row.rule, scene.domain.devices[bus.controller],
                     fmt::format("{} {} is that of controller pci {}", row.name, *number, owner->second->index));
    }
  }
}

void chassis_zero(Scene& scene) {
  for (const GuestBus& bus : scene.buses.all)
    if (bus.model == ControllerModel::PciBridge && scene.controller(bus).target.chassis_nr == 0)
      scene.report(RuleId::ChassisZero, scene.domain.devices[bus.controller], "chassisNr 0");
}

void passed_through_nodes(Scene& scene) {
  scene.for_each_occupant([&](const GuestBus& bus, const Occupant& occupant) {
    const Device& device = scene.device(occupant);
    const bool passed = device.kind == DeviceKind::Hostdev || device.kind == DeviceKind::Interface;
    if (!passed || !device.host_address) return;
    const auto node = topology::node_of(scene.domain, scene.buses, bus);
    const bool is_unknown = !node && scene.domain.numa_cell_count > 1;
    if (is_unknown)
      scene.report(RuleId::NodeUnknown, device, fmt::format("host device {}", to_string(*device.host_address)));
    const auto card = scene.facts.node_of_card.find(*device.host_address);
    const auto cell = is_unknown ? scene.facts.node_of_cell.end() : scene.facts.node_of_cell.find(node.value_or(0));
    if (card != scene.facts.node_of_card.end() && cell != scene.facts.node_of_cell.end() &&
        card->second != cell->second)
      scene.report(
          RuleId::FarFromNode, device,
          fmt::format("host device {} is on node {}, the guest's {} on node {}", to_string(*device.host_address),
                      card->second, node ? fmt::format("node {}", *node) : std::string("memory"), cell->second));
  });
}

bool takes_hotplug(const Scene& scene, const GuestBus& bus) {
  return topology::rule_for(bus.model).plug == topology::Plug::Hot &&
         scene.controller(bus).target.hotplug != domain::Switch::Off;
}

/// Slots of the bus that nothing sits in; the chipset's are taken.
bool has_free_slot(const Scene& scene, const GuestBus& bus) {
  const auto slots = topology::rule_for(bus.model).slots;
  for (unsigned slot = slots.min; slot <= slots.max; ++slot) {
    const bool taken = std::ranges::any_of(bus.occupants, [&](const Occupant& o) { return o.at.slot() == slot; });
    const bool chipset = bus.index == 0 && std::ranges::any_of(topology::kReservedFunctions, [&](const auto& row) {
                           return row.family == scene.buses.family && row.place.slot == slot;
                         });
    if (!taken && !chipset) return true;
  }
  return false;
}

void no_hotplug_room(Scene& scene) {
  if (!scene.numbers.predicted || scene.buses.all.empty() || scene.buses.all[0].index != 0) return;
  const auto wanted = scene.is_express() ? topology::SlotKind::PcieDevice : topology::SlotKind::PciDevice;
  for (std::size_t i = 0; i < scene.buses.all.size(); ++i) {
    const GuestBus& bus = scene.buses.all[i];
    if (scene.numbers.number[i] && takes_hotplug(scene, bus) &&
        topology::rule_for(bus.model).accepts.contains(wanted) && has_free_slot(scene, bus))
      return;
  }
  Finding finding = finding_of(RuleId::NoHotplugRoom);
  finding.change = scene.is_express() ? "every port that takes hot-plug is in use" : "every slot is in use";
  scene.findings.push_back(std::move(finding));
}

/// Devices of which there is a PCI Express model that does the same.
bool has_express_sibling(const Device& device) {
  if (device.kind == DeviceKind::Interface) return true;
  if (device.model == "virtio-transitional") return true;
  return device.controller &&
         (device.controller->type == ControllerType::Usb || device.controller->type == ControllerType::Scsi);
}

void conventional_on_express(Scene& scene) {
  if (!scene.is_express()) return;
  scene.for_each_occupant([&](const GuestBus& bus, const Occupant& occupant) {
    const Device& device = scene.device(occupant);
    if (bus.index == 0 || device.host_address || occupant.makes) return;
    if (has_express_sibling(device) && topology::wants(device) == topology::Want::Conventional)
      scene.report(RuleId::ConventionalOnExpress, device,
                   fmt::format("{} at {}", device.model, to_string(occupant.at)));
  });
}

/// Ports are left out: empty ones are what hot-plug needs.
bool is_for_others(ControllerModel model) {
  using enum ControllerModel;
  return model == PciBridge || model == DmiToPciBridge || model == PcieToPciBridge || model == PciExpanderBus ||
         model == PcieExpanderBus || model == PcieSwitchUpstreamPort;
}

/// A channel or console that leaves its port to libvirt may sit on any.
bool sits_on(const Device& device, ControllerType type, std::uint32_t index) {
  if (type == ControllerType::VirtioSerial) {
    const bool is_open = std::holds_alternative<domain::NoAddress>(device.address) && device.target_type == "virtio";
    const auto* port = std::get_if<domain::VirtioSerialAddress>(&device.address);
    return is_open || (port != nullptr && port->controller == index);
  }
  const bool scsi = device.kind == DeviceKind::Disk ? device.bus == "scsi" : device.kind == DeviceKind::Hostdev;
  const auto* drive = std::get_if<domain::DriveAddress>(&device.address);
  if (drive != nullptr) return scsi && drive->controller == index;
  return scsi && device.drive && device.drive->controller == index;
}

void controller_unused(Scene& scene) {
  for (const GuestBus& bus : scene.buses.all)
    if (bus.occupants.empty() && is_for_others(bus.model))
      scene.report(RuleId::ControllerUnused, scene.domain.devices[bus.controller],
                   std::string(to_string(bus.model)) + " with nothing on it");
  for (const Device& device : scene.domain.devices) {
    if (!device.controller || !device.controller->index) continue;
    const ControllerType type = device.controller->type;
    if (type != ControllerType::Scsi && type != ControllerType::VirtioSerial) continue;
    const bool used = std::ranges::any_of(
        scene.domain.devices, [&](const Device& other) { return sits_on(other, type, *device.controller->index); });
    if (!used) scene.report(RuleId::ControllerUnused, device, std::string(to_string(type)) + " with nothing on it");
  }
}

bool belongs_to_chipset(const Scene& scene, const Device& device, const pci::GuestAddress& at) {
  return std::ranges::any_of(topology::kFixedControllers, [&](const topology::FixedController& row) {
    return row.family == scene.buses.family && device.controller && device.controller->type == row.type &&
           row.place.slot == at.slot() && row.place.function == at.function();
  });
}

void chipset_slot(Scene& scene) {
  scene.for_each_occupant([&](const GuestBus& bus, const Occupant& occupant) {
    const bool reserved = bus.index == 0 && std::ranges::any_of(topology::kReservedFunctions, [&](const auto& row) {
                            return row.family == scene.buses.family && row.place.slot == occupant.at.slot();
                          });
    if (reserved && !belongs_to_chipset(scene, scene.device(occupant), occupant.at))
      scene.report(RuleId::ChipsetSlot, scene.device(occupant), to_string(occupant.at));
  });
}

/// Devices that people plug into running guests.
bool is_pluggable(DeviceKind kind) {
  using enum DeviceKind;
  return kind == Disk || kind == Interface || kind == Hostdev || kind == Filesystem;
}

void not_hotpluggable(Scene& scene) {
  scene.for_each_occupant([&](const GuestBus& bus, const Occupant& occupant) {
    if (is_pluggable(scene.device(occupant).kind) && !takes_hotplug(scene, bus))
      scene.report(RuleId::NotHotpluggable, scene.device(occupant),
                   fmt::format("{} is on a {}{}", to_string(occupant.at), to_string(bus.model),
                               topology::rule_for(bus.model).plug == topology::Plug::Hot ? " with hotplug='off'" : ""));
  });
}

bool is_known_nic(std::string_view model) {
  return std::ranges::any_of(topology::kDeviceRules, [&](const topology::DeviceRule& row) {
    return row.kind == DeviceKind::Interface && !row.model.empty() && equal_ignoring_case(row.model, model);
  });
}

void nic_oddities(Scene& scene) {
  for (const Device& device : scene.domain.devices) {
    if (device.kind != DeviceKind::Interface || device.type == "hostdev") continue;
    if (!device.model.empty() && !is_known_nic(device.model))
      scene.report(RuleId::NicModelUnknown, device, fmt::format("model '{}'", device.model));
    const bool off = std::holds_alternative<domain::DriveAddress>(device.address) ||
                     std::holds_alternative<domain::UsbAddress>(device.address) ||
                     std::holds_alternative<domain::IsaAddress>(device.address) ||
                     std::holds_alternative<domain::CcidAddress>(device.address) ||
                     std::holds_alternative<domain::VirtioSerialAddress>(device.address);
    if (off) scene.report(RuleId::NicOffBus, device, fmt::format("address of type '{}'", type_name(device.address)));
  }
}

void index_below_parent(Scene& scene) {
  for (const GuestBus& bus : scene.buses.all)
    if (bus.parent && scene.buses.all[*bus.parent].index >= bus.index)
      scene.report(RuleId::IndexBelowParent, scene.domain.devices[bus.controller],
                   fmt::format("sits on bus {}", scene.buses.all[*bus.parent].index));
}

void port_differs(Scene& scene) {
  scene.for_each_occupant([&](const GuestBus&, const Occupant& occupant) {
    const Device& device = scene.device(occupant);
    if (!device.controller || device.controller->pci_model != ControllerModel::PcieRootPort) return;
    const auto port = device.controller->target.port;
    const int expected = occupant.at.slot() * 8 + occupant.at.function();
    if (port && *port != expected)
      scene.report(RuleId::PortDiffers, device, fmt::format("port {:#x} at {}", *port, to_string(occupant.at)));
  });
}

void machine_alias(Scene& scene) {
  if (!is_machine_alias(scene.domain.machine)) return;
  Finding finding = finding_of(RuleId::MachineAlias);
  finding.change = fmt::format("machine '{}'", scene.domain.machine);
  scene.findings.push_back(std::move(finding));
}

constexpr std::array kChecks = {
    function_zero_missing, multifunction_missing, buses_lost,      device_out_of_reach,     numbers_repeated,
    chassis_zero,          passed_through_nodes,  no_hotplug_room, conventional_on_express, controller_unused,
    chipset_slot,          not_hotpluggable,      nic_oddities,    index_below_parent,      port_differs,
    machine_alias};

}  // namespace

Findings lint(const domain::PlacedDomain& placed, const topology::NumberedBuses& numbered, const HostFacts& facts) {
  Scene scene{placed.domain(), facts, numbered.buses, numbered.numbers};
  for (const auto check : kChecks) check(scene);
  std::ranges::sort(scene.findings);
  return std::move(scene.findings);
}

Findings lint_unplaced(const domain::PlacedDomain& placed, const Unplaced& unplaced) {
  Findings findings;
  for (const Device& device : placed.domain().devices) {
    const auto* pci = std::get_if<domain::PciAddress>(&device.address);
    if (pci == nullptr || !unplaced.contains(device)) continue;
    Finding finding = finding_of(RuleId::Unplaced);
    finding.device = display_name(placed.domain(), device);
    finding.change = fmt::format("now {}", to_string(*pci->at));
    finding.place.offset = device.offset;
    findings.push_back(std::move(finding));
  }
  std::ranges::sort(findings);
  return findings;
}

Finding refusal_finding(const Error& error) {
  Finding finding = finding_of(RuleId::Refused);
  finding.device = error.device;
  finding.change = error.message;
  finding.remedy = error.remedy;
  finding.place.offset = error.offset.value_or(0);
  return finding;
}

}  // namespace busproof::abi
