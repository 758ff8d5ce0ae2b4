#include "fakesys/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "fakesys/attributes.h"
#include "fakesys/place_parts.h"

namespace busproof::fakesys {
namespace {

Node bus_node(const Host& host, const Bus& bus) {
  return {.place = Place::BusDir,
          .device = bus.bridge == kNoSlot ? DeviceRef{} : host.model.ref(bus.bridge),
          .number = bus.number,
          .segment = bus.segment,
          .recorded = named(host.facts->buses, bus_name(bus.segment, bus.number))};
}
const RecordedDirectory* recorded_group(const Host& host, int number) {
  const auto found = std::ranges::find(host.facts->groups, number, [](const auto& pair) { return pair.first; });
  return found == host.facts->groups.end() ? nullptr : &found->second;
}
Node module_node(const Host& host, int index) {
  return {.place = Place::ModuleDir,
          .number = index,
          .recorded = host.model.modules()[static_cast<std::size_t>(index)]->recorded.get()};
}
std::optional<int> loaded_module(const Host& host, std::string_view name) {
  const auto modules = host.model.modules();
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (modules[i]->name == name && modules[i]->loaded) return static_cast<int>(i);
  }
  return std::nullopt;
}
std::string device_link(const Device& device, std::string_view from) {
  return up_from(from) + device_path(*device.function);
}

struct FixedEntry {
  Place within;
  std::string_view name;
  Place leads_to;
  bool (*exists)(const Host&) = nullptr;  ///< null: always
};
/// The directory of device nodes goes with the last of them.
bool has_vfio(const Host& host) {
  const Module* vfio = host.model.find_module("vfio");
  return vfio != nullptr && vfio->loaded;
}
bool has_vfio_dev(const Host& host) { return has_vfio(host) && host.model.profile.vfio_dev; }
constexpr std::array kFixed = {
    FixedEntry{Place::Sys, "bus", Place::Bus},
    FixedEntry{Place::Sys, "class", Place::Class},
    FixedEntry{Place::Sys, "devices", Place::DevicesRoot},
    FixedEntry{Place::Sys, "kernel", Place::Kernel},
    FixedEntry{Place::Sys, "module", Place::Modules},
    FixedEntry{Place::Bus, "pci", Place::BusPci},
    FixedEntry{Place::BusPci, "devices", Place::Devices},
    FixedEntry{Place::BusPci, "drivers", Place::Drivers},
    FixedEntry{Place::BusPci, "slots", Place::Slots},
    FixedEntry{Place::Class, "pci_bus", Place::ClassPciBus},
    FixedEntry{Place::Class, "iommu", Place::ClassIommu},
    FixedEntry{Place::Class, "net", Place::ClassNet},
    FixedEntry{Place::Class, "vfio", Place::ClassVfio, has_vfio},
    FixedEntry{Place::Class, "vfio-dev", Place::ClassVfioDev, has_vfio_dev},
    FixedEntry{Place::Kernel, "iommu_groups", Place::Groups},
    FixedEntry{Place::Dev, "vfio", Place::DevVfio, has_vfio},
};

/// Places of which none of them is are not looked for in all.
constexpr auto kHasFixed = [] {
  std::array<bool, kPlaceCount> has{};
  for (const FixedEntry& fixed : kFixed) has[static_cast<std::size_t>(fixed.within)] = true;
  return has;
}();

bool is_there(const Host& host, const Node& node, const FixedEntry& fixed) {
  return fixed.within == node.place && (fixed.exists == nullptr || fixed.exists(host));
}

/// A group that a process could open: it has a device on a VFIO driver.
bool has_node(const Host& host, int number) {
  const Group* group = host.model.group(number);
  return group != nullptr && group->vfio_devices > 0;
}
std::string vfio_dev_name(const Device& device) { return fmt::format("vfio{}", device.vfio_index); }

std::string interface_name(const Host& host, int number) {
  const auto& names = host.facts->interface_names;
  const auto renamed = std::ranges::find(names, number, [](const auto& entry) { return entry.first; });
  return renamed == names.end() ? fmt::format("eth{}", number) : renamed->second;
}

std::optional<int> interface_number(const Host& host, std::string_view name) {
  const auto& names = host.facts->interface_names;
  const auto renamed =
      std::ranges::find(names, name, [](const auto& entry) -> std::string_view { return entry.second; });
  if (renamed != names.end()) return renamed->first;
  const auto number = number_behind(name, "eth");
  return number && interface_name(host, *number) == name ? number : std::nullopt;
}

std::optional<Entry> find_bus_entry(const Host& host, const Node& node, std::string_view name) {
  if (name == "device") {
    if (node.device.slot != kNoSlot) {
      const std::string bridge = to_string(device_of(host, node).function->address);
      return link(device_node(host, node.device.slot), "../../../" + bridge);
    }
    const Node above{.place = Place::HostBridge, .number = node.number, .segment = node.segment};
    return link(above, "../../../pci" + bus_name(node.segment, static_cast<std::uint8_t>(node.number)));
  }
  if (name == "subsystem") return link(at(Place::ClassPciBus), up_from(path_of(host, node)) + "class/pci_bus");
  if (name == "power" && node.recorded != nullptr) {
    return directory({.place = Place::Recorded, .recorded = node.recorded->directory("power")});
  }
  return std::nullopt;
}

std::optional<Entry> find_driver_entry(const Host& host, const Node& node, std::string_view name) {
  const Driver& driver = host.model.driver(node.number);
  const std::string path = "bus/pci/drivers/" + driver.name;
  if (name == "module" && !driver.module.empty()) {
    const auto module = loaded_module(host, driver.module);
    return link(module ? std::optional(module_node(host, *module)) : std::nullopt,
                up_from(path) + "module/" + driver.module);
  }
  const Slot slot = host.model.find(name);
  if (slot == kNoSlot || host.model.device(slot).driver != node.number || !host.model.device(slot).link_visible) {
    return std::nullopt;
  }
  return link(device_node(host, slot), device_link(host.model.device(slot), path));
}

std::optional<Entry> find_module_entry(const Host& host, const Node& node, std::string_view name) {
  const Module& module = *host.model.modules()[static_cast<std::size_t>(node.number)];
  Node below = node;
  if (name == "drivers" && !module.drivers.empty()) {
    below.place = Place::ModuleDrivers;
    below.recorded = nullptr;
    return directory(below);
  }
  const RecordedDirectory* part = node.recorded == nullptr ? nullptr : node.recorded->directory(name);
  if (name == "parameters") {
    below.place = Place::ModuleParameters;
    below.recorded = part;
    return entry_names(host, below).empty() ? std::nullopt : std::optional(directory(below));
  }
  if (part == nullptr) return std::nullopt;
  return directory({.place = Place::Recorded, .recorded = part});
}

std::optional<Entry> find_special(const Host& host, const Node& node, std::string_view name) {
  const Model& model = host.model;
  switch (node.place) {
    case Place::Devices: {
      const Slot slot = model.find(name);
      if (slot == kNoSlot) return std::nullopt;
      return link(device_node(host, slot), device_link(model.device(slot), "bus/pci/devices"));
    }
    case Place::Drivers: {
      const int driver = model.find_driver(name);
      return driver == kNone ? std::nullopt : std::optional(directory(driver_node(host, driver)));
    }
    case Place::Driver:
      return find_driver_entry(host, node, name);
    case Place::Slots:
      for (std::size_t i = 0; i < model.slots().size(); ++i) {
        const HotplugSlot& slot = model.slots()[i];
        if (slot.name != name || !model.slot_present(slot)) continue;
        return directory({.place = Place::SlotDir, .number = static_cast<int>(i), .recorded = slot.recorded.get()});
      }
      return std::nullopt;
    case Place::SlotDir:
      if (node.recorded == nullptr || name != "module" || !model.profile.slot_module_link) return std::nullopt;
      if (const auto* target = named(node.recorded->links, name)) return recorded_link(host, *target);
      return std::nullopt;
    case Place::ClassPciBus:
      for (const Bus* bus : model.buses()) {
        if (bus_name(bus->segment, bus->number) != name) continue;
        const Node target = bus_node(host, *bus);
        return link(target, "../../" + path_of(host, target));
      }
      return std::nullopt;
    case Place::ClassIommu:
      if (named(host.facts->iommus, name) == nullptr) return std::nullopt;
      return recorded_link(host, fmt::format("../../devices/virtual/iommu/{}", name));
    case Place::ClassVfio: {
      const auto number = number_behind(name, "");
      if (!number || !has_node(host, *number)) return std::nullopt;
      return recorded_link(host, fmt::format("../../devices/virtual/vfio/{}", name));
    }
    case Place::ClassVfioDev:
      for (const Slot slot : model.in_order()) {
        const Device& device = model.device(slot);
        if (!device.vfio_dev_visible || vfio_dev_name(device) != name) continue;
        const Node target{.place = Place::VfioDev, .device = model.ref(slot)};
        return link(target, fmt::format("../../{}/vfio-dev/{}", device_path(*device.function), name));
      }
      return std::nullopt;
    case Place::ClassNet:
    case Place::DeviceNet: {
      const auto number = interface_number(host, name);
      if (!number) return std::nullopt;
      for (const Slot slot : model.in_order()) {
        const Device& device = model.device(slot);
        if (std::ranges::find(device.net, *number) == device.net.end()) continue;
        const auto& recorded = device.function->recorded;
        const Node target{.place = Place::Interface,
                          .device = model.ref(slot),
                          .number = *number,
                          .recorded = recorded ? named(recorded->interfaces, name) : nullptr};
        if (node.place == Place::ClassNet) return link(target, "../../" + path_of(host, target));
        return node.device == target.device ? std::optional(directory(target)) : std::nullopt;
      }
      return std::nullopt;
    }
    case Place::Interface:
      if (name == "device")
        return link(device_node(host, node.device.slot),
                    "../../../" + to_string(device_of(host, node).function->address));
      return std::nullopt;
    case Place::DevicesRoot:
    case Place::HostBridge:
    case Place::DeviceBuses:
      break;
    case Place::DeviceDir:
      return find_device_entry(host, node, name);
    case Place::BusDir:
      return find_bus_entry(host, node, name);
    case Place::DeviceVirtio: {
      if (name != "net") return std::nullopt;
      Node below = node;
      below.place = Place::DeviceNet;
      return directory(below);
    }
    case Place::VfioDevs: {
      if (name != vfio_dev_name(device_of(host, node))) return std::nullopt;
      Node below = node;
      below.place = Place::VfioDev;
      return directory(below);
    }
    case Place::Groups: {
      const auto number = number_behind(name, "");
      return number && model.group(*number) != nullptr ? std::optional(directory(group_node(*number))) : std::nullopt;
    }
    case Place::GroupDir:
      if (name != "devices") return std::nullopt;
      return directory({.place = Place::GroupDevices, .number = node.number});
    case Place::GroupDevices: {
      const Slot slot = model.find(name);
      if (slot == kNoSlot || model.device(slot).group != node.number) return std::nullopt;
      return link(device_node(host, slot), "../../../../" + device_path(*model.device(slot).function));
    }
    case Place::Modules: {
      const auto module = loaded_module(host, name);
      return module ? std::optional(directory(module_node(host, *module))) : std::nullopt;
    }
    case Place::ModuleDir:
      return find_module_entry(host, node, name);
    case Place::ModuleDrivers: {
      if (!name.starts_with("pci:")) return std::nullopt;
      const int driver = model.find_driver(name.substr(4));
      if (driver == kNone) return std::nullopt;
      return link(driver_node(host, driver), "../../../bus/pci/drivers/" + model.driver(driver).name);
    }
    case Place::DevVfio: {
      constexpr unsigned kOwnerOnly = 020600;
      constexpr unsigned kEverybody = 020666;
      const auto number = number_behind(name, "");
      if (number && has_node(host, *number)) return Entry{.kind = Entry::Kind::CharacterDevice, .mode = kOwnerOnly};
      if (name != "vfio" || !has_vfio(host)) return std::nullopt;
      return Entry{.kind = Entry::Kind::CharacterDevice, .mode = kEverybody};
    }
    case Place::Recorded:
    case Place::DevicePart:
      if (node.recorded == nullptr) return std::nullopt;
      if (const RecordedDirectory* part = node.recorded->directory(name)) {
        return directory({.place = Place::Recorded, .recorded = part});
      }
      if (const std::string* target = named(node.recorded->links, name)) return recorded_link(host, *target);
      return std::nullopt;
    default:
      return std::nullopt;
  }
  // What is below the root buses: host bridges, their devices and buses.
  for (const Bus* bus : model.buses()) {
    const bool root = bus->bridge == kNoSlot;
    if (node.place == Place::DevicesRoot && root && name == "pci" + bus_name(bus->segment, bus->number)) {
      return directory({.place = Place::HostBridge,
                        .number = bus->number,
                        .segment = bus->segment,
                        .recorded = named(host.facts->host_bridges, name)});
    }
    if (node.place == Place::DeviceBuses) {
      const bool mine =
          node.device.slot == bus->bridge && (!root || (node.segment == bus->segment && node.number == bus->number));
      if (mine && name == bus_name(bus->segment, bus->number)) return directory(bus_node(host, *bus));
    }
    if (node.place != Place::HostBridge || !root || node.segment != bus->segment || node.number != bus->number)
      continue;
    if (name == "pci_bus")
      return directory({.place = Place::DeviceBuses, .number = node.number, .segment = node.segment});
    const Slot slot = model.find(name);
    if (slot != kNoSlot && std::ranges::find(bus->devices, slot) != bus->devices.end())
      return directory(device_node(host, slot));
    if (node.recorded == nullptr) return std::nullopt;
    if (const std::string* target = named(node.recorded->links, name)) return recorded_link(host, *target);
    if (const RecordedDirectory* part = node.recorded->directory(name)) {
      return directory({.place = Place::Recorded, .recorded = part});
    }
  }
  return std::nullopt;
}

/// Entries that are neither fixed nor attributes.
void list_special(const Host& host, const Node& node, Names& names) {
  const Model& model = host.model;
  switch (node.place) {
    case Place::Devices:
      for (const Slot slot : model.by_address()) names.push_back(to_string(model.device(slot).function->address));
      break;
    case Place::Drivers:
      for (const int driver : model.drivers()) names.push_back(model.driver(driver).name);
      break;
    case Place::Driver:
      if (!model.driver(node.number).module.empty()) names.emplace_back("module");
      for (const DeviceRef& bound : model.driver(node.number).bound) {
        const Slot slot = model.alive(bound);
        if (slot != kNoSlot && model.device(slot).link_visible)
          names.push_back(to_string(model.device(slot).function->address));
      }
      break;
    case Place::Slots:
      for (const HotplugSlot& slot : model.slots()) {
        if (model.slot_present(slot)) names.push_back(slot.name);
      }
      break;
    case Place::SlotDir:
      if (find_special(host, node, "module")) names.emplace_back("module");
      break;
    case Place::ClassPciBus:
      for (const Bus* bus : model.buses()) names.push_back(bus_name(bus->segment, bus->number));
      break;
    case Place::ClassIommu:
      for (const auto& [name, recorded] : host.facts->iommus) names.push_back(name);
      break;
    case Place::ClassVfioDev:
      for (const Slot slot : model.in_order())
        if (model.device(slot).vfio_dev_visible) names.push_back(vfio_dev_name(model.device(slot)));
      break;
    case Place::ClassNet:
      for (const Slot slot : model.in_order()) {
        for (const int number : model.device(slot).net) names.push_back(interface_name(host, number));
      }
      break;
    case Place::DeviceNet:
      for (const int number : device_of(host, node).net) names.push_back(interface_name(host, number));
      break;
    case Place::Interface:
      names.emplace_back("device");
      break;
    case Place::DevicesRoot:
    case Place::HostBridge:
    case Place::DeviceBuses:
      for (const Bus* bus : model.buses()) {
        const bool root = bus->bridge == kNoSlot;
        const bool mine = node.device.slot == bus->bridge && node.segment == bus->segment && node.number == bus->number;
        if (node.place == Place::DevicesRoot && root) names.push_back("pci" + bus_name(bus->segment, bus->number));
        if (node.place == Place::DeviceBuses && (root ? mine : node.device.slot == bus->bridge)) {
          names.push_back(bus_name(bus->segment, bus->number));
        }
        if (node.place != Place::HostBridge || !root || !mine) continue;
        names.emplace_back("pci_bus");
        for (const Slot slot : bus->devices) names.push_back(to_string(model.device(slot).function->address));
        if (node.recorded == nullptr) continue;
        for (const auto& [name, target] : node.recorded->links) names.push_back(name);
        for (const auto& [name, part] : node.recorded->directories) {
          if (name != "pci_bus") names.push_back(name);
        }
        names.insert(names.end(), node.recorded->other_directories.begin(), node.recorded->other_directories.end());
      }
      break;
    case Place::DeviceDir:
      list_device(host, node, names);
      break;
    case Place::BusDir:
      names.insert(names.end(), {"device", "subsystem"});
      if (node.recorded != nullptr) names.emplace_back("power");
      break;
    case Place::DeviceVirtio:
      names.emplace_back("net");
      break;
    case Place::VfioDevs:
      names.push_back(vfio_dev_name(device_of(host, node)));
      break;
    case Place::Groups:
      for (const int number : model.groups()) names.push_back(std::to_string(number));
      break;
    case Place::GroupDir:
      names.emplace_back("devices");
      break;
    case Place::GroupDevices:
      for (const Slot slot : model.group(node.number)->members)
        names.push_back(to_string(model.device(slot).function->address));
      break;
    case Place::Modules:
      for (const Module* module : model.modules()) {
        if (module->loaded) names.push_back(module->name);
      }
      break;
    case Place::ModuleDir:
      for (const std::string_view name : {"drivers", "parameters"}) {
        if (find_module_entry(host, node, name)) names.emplace_back(name);
      }
      if (node.recorded == nullptr) break;
      for (const auto& [name, part] : node.recorded->directories) {
        if (name != "drivers" && name != "parameters") names.push_back(name);
      }
      names.insert(names.end(), node.recorded->other_directories.begin(), node.recorded->other_directories.end());
      break;
    case Place::ModuleDrivers:
      for (const std::string& driver : model.modules()[static_cast<std::size_t>(node.number)]->drivers) {
        if (model.find_driver(driver) != kNone) names.push_back("pci:" + driver);
      }
      break;
    case Place::ClassVfio:
    case Place::DevVfio:
      for (const int number : model.groups())
        if (has_node(host, number)) names.push_back(std::to_string(number));
      if (node.place == Place::DevVfio && find_special(host, node, "vfio")) names.emplace_back("vfio");
      break;
    case Place::Recorded:
    case Place::DevicePart:
      if (node.recorded == nullptr) break;
      for (const auto& [name, part] : node.recorded->directories) names.push_back(name);
      for (const auto& [name, target] : node.recorded->links) names.push_back(name);
      names.insert(names.end(), node.recorded->other_directories.begin(), node.recorded->other_directories.end());
      break;
    default:
      break;
  }
}

/// Whether an attribute that only the capture knows is there now.
bool recorded_attribute_exists(const Host& host, const Node& node, std::string_view name) {
  const bool of_device = node.place == Place::DeviceDir || node.place == Place::DevicePower;
  return !of_device || has_recorded(host, node, name);
}

}  // namespace

Node device_node(const Host& host, Slot slot) {
  return {.place = Place::DeviceDir,
          .device = host.model.ref(slot),
          .recorded = host.model.device(slot).function->recorded.get()};
}

std::optional<Entry> find_entry(const Host& host, const Node& node, std::string_view name) {
  if (const AttributeRow* row = attribute_row(node.place, name)) {
    if (row->exists == nullptr || row->exists(host, node)) return Entry{.kind = Entry::Kind::Attribute, .row = row};
    if (!row->else_recorded) return std::nullopt;
  }
  if (kHasFixed[static_cast<std::size_t>(node.place)])
    for (const FixedEntry& fixed : kFixed)
      if (is_there(host, node, fixed) && fixed.name == name) return directory(at(fixed.leads_to));
  if (auto special = find_special(host, node, name)) return special;
  const RecordedDirectory* recorded = node.place == Place::BusPci ? &host.facts->bus : node.recorded;
  if (node.place == Place::GroupDir) recorded = recorded_group(host, node.number);
  const RecordedAttribute* attribute = recorded == nullptr ? nullptr : recorded->attribute(name);
  if (attribute == nullptr || !recorded_attribute_exists(host, node, name)) return std::nullopt;
  return Entry{.kind = Entry::Kind::Attribute, .recorded = attribute};
}

std::vector<std::string> entry_names(const Host& host, const Node& node) {
  Names names;
  for (const AttributeRow& row : attribute_rows(node.place)) {
    if (row.exists == nullptr || row.exists(host, node)) names.emplace_back(row.name);
  }
  for (const FixedEntry& fixed : kFixed) {
    if (is_there(host, node, fixed)) names.emplace_back(fixed.name);
  }
  list_special(host, node, names);
  const RecordedDirectory* recorded = node.place == Place::BusPci ? &host.facts->bus : node.recorded;
  if (recorded != nullptr) {
    for (const RecordedAttribute& attribute : recorded->attributes) {
      const auto entry = find_entry(host, node, attribute.name);
      if (entry && entry->recorded == &attribute) names.push_back(attribute.name);
    }
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

std::string path_of(const Host& host, const Node& node) {
  const auto of_device = [&] { return device_path(*device_of(host, node).function); };
  switch (node.place) {
    case Place::DeviceDir:
      return of_device();
    case Place::DevicePower:
      return of_device() + "/power";
    case Place::Driver:
      return "bus/pci/drivers/" + host.model.driver(node.number).name;
    case Place::BusDir: {
      const std::string name = bus_name(node.segment, static_cast<std::uint8_t>(node.number));
      const std::string above = node.device.slot == kNoSlot ? "devices/pci" + name : of_device();
      return above + "/pci_bus/" + name;
    }
    case Place::Interface: {
      const std::string_view virtio = virtio_name(device_of(host, node));
      return fmt::format("{}{}{}/net/{}", of_device(), virtio.empty() ? "" : "/", virtio,
                         interface_name(host, node.number));
    }
    case Place::GroupDir:
      return fmt::format("kernel/iommu_groups/{}", node.number);
    case Place::SlotDir:
      return "bus/pci/slots/" + host.model.slots()[static_cast<std::size_t>(node.number)].name;
    case Place::ModuleParameters:
      return "module/" + host.model.modules()[static_cast<std::size_t>(node.number)]->name + "/parameters";
    default:
      return fmt::format("place/{}/{}/{}", static_cast<int>(node.place), node.device.slot, node.number);
  }
}

}  // namespace busproof::fakesys
