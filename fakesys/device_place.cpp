// A device's directory: what is there besides the model's own attributes.

#include <array>
#include <ranges>

#include "fakesys/place_parts.h"

namespace busproof::fakesys {
namespace {

/// A directory or attribute that is there only while the driver is that was bound when the host was recorded.
bool of_boot_driver(const Host& host, const Device& device) {
  return device.link_visible && host.model.driver(device.driver).name == device.function->boot.driver;
}

bool is_of_driver(std::string_view attribute) { return attribute == "pools" || attribute == "remapped_nvme"; }

/// Attributes of the PF's record that its VFs have not.
bool is_only_physical(std::string_view attribute) {
  constexpr std::array kOnlyPhysical = {"dma_mask_bits_of_driver", "remove", "rescan", "rom"};
  return attribute.starts_with("sriov_") || attribute.starts_with("aer_") || attribute.starts_with("reset") ||
         std::ranges::find(kOnlyPhysical, attribute) != kOnlyPhysical.end() || is_of_driver(attribute);
}

bool uses_messages(const Device& device) {
  if (const auto msix = device.config.capability(kMsix)) return (device.config.byte(*msix + 3) & 0x80) != 0;
  const auto msi = device.config.capability(kMsi);
  return msi && (device.config.byte(*msi + 2) & 0x01) != 0;
}

bool has_other_directory(const Host& host, const Device& device, std::string_view name) {
  const auto& recorded = device.function->recorded;
  if (recorded == nullptr || device.function->is_virtual) return false;
  if (name == "net") return !device.net.empty() && virtio_name(device).empty();
  // What a device can be woken by stays when its driver goes.
  if (name == "wakeup" ? !device.wakeable || !device.bound_before : !of_boot_driver(host, device)) return false;
  return std::ranges::find(recorded->other_directories, name) != recorded->other_directories.end();
}

struct DeviceLink {
  std::string_view name;
  std::optional<Entry> (*find)(const Host&, const Node&);
};

/// From a device's directory to `directory`, below /sys, and what is called `name` in there.
std::string path_from_device(const Device& device, std::string_view directory, std::string_view name) {
  constexpr std::string_view kUp = "../";
  std::size_t steps = 3;
  for (const Function* above = device.function->parent.get(); above != nullptr; above = above->parent.get()) ++steps;
  std::string path;
  path.reserve(steps * kUp.size() + directory.size() + name.size());
  for (; steps > 0; --steps) path.append(kUp);
  return path.append(directory).append(name);
}

std::optional<Entry> driver_link(const Host& host, const Node& node) {
  const Device& device = device_of(host, node);
  if (!device.link_visible) return std::nullopt;
  return link(driver_node(host, device.driver),
              path_from_device(device, "bus/pci/drivers/", host.model.driver(device.driver).name));
}
std::optional<Entry> group_link(const Host& host, const Node& node) {
  const Device& device = device_of(host, node);
  if (device.group == kNone) return std::nullopt;
  return link(group_node(device.group), path_from_device(device, "kernel/iommu_groups/", std::to_string(device.group)));
}
std::optional<Entry> physfn_link(const Host& host, const Node& node) {
  const Device& device = device_of(host, node);
  if (!device.physfn) return std::nullopt;
  const Slot slot = host.model.find(*device.physfn);
  return link(slot == kNoSlot ? std::nullopt : std::optional(device_node(host, slot)),
              "../" + to_string(*device.physfn));
}
std::optional<Entry> subsystem_link(const Host& host, const Node& node) {
  return link(at(Place::BusPci), path_from_device(device_of(host, node), "bus/", "pci"));
}
constexpr std::array kDeviceLinks = {DeviceLink{"driver", driver_link}, DeviceLink{"iommu_group", group_link},
                                     DeviceLink{"physfn", physfn_link}, DeviceLink{"subsystem", subsystem_link}};

/// Links of the record that no model moves: "iommu", "firmware_node".
bool is_still_link(const Device& device, std::string_view name) {
  if (std::ranges::find(kDeviceLinks, name, &DeviceLink::name) != kDeviceLinks.end()) return false;
  if (name == "iommu") return device.group != kNone;
  return !device.function->is_virtual && !name.starts_with("virtfn");
}

}  // namespace

bool has_recorded(const Host& host, const Node& node, std::string_view name) {
  const Device& device = device_of(host, node);
  if (node.place == Place::DevicePower) return device.wakeable || !name.starts_with("wakeup");
  if (device.function->is_virtual && is_only_physical(name)) return false;
  return !is_of_driver(name) || of_boot_driver(host, device);
}

/// "virtio1" of "virtio1/net".
std::string_view virtio_name(const Device& device) {
  if (device.function->recorded == nullptr) return {};
  const std::string_view net = device.function->recorded->net_directory;
  return net.starts_with("virtio") ? net.substr(0, net.find('/')) : std::string_view();
}

std::optional<Entry> find_device_entry(const Host& host, const Node& node, std::string_view name) {
  const Device& device = device_of(host, node);
  const auto* rule = std::ranges::find(kDeviceLinks, name, &DeviceLink::name);
  if (rule != kDeviceLinks.end()) return rule->find(host, node);
  const auto number = device.function->sriov ? number_behind(name, "virtfn") : std::nullopt;
  for (const HostAddress& address : device.virtfns) {
    if (number != number_of_vf(*device.function, address)) continue;
    const Slot slot = host.model.find(address);
    return link(slot == kNoSlot ? std::nullopt : std::optional(device_node(host, slot)), "../" + to_string(address));
  }
  Node below = node;
  const auto& recorded = device.function->recorded;
  if (name == "power") {
    below.place = Place::DevicePower;
    below.recorded = recorded ? recorded->directory("power") : nullptr;
    return directory(below);
  }
  if (name == "pci_bus" && host.model.child_bus(node.device.slot) != nullptr) {
    below.place = Place::DeviceBuses;
    below.recorded = nullptr;
    return directory(below);
  }
  if (name == "vfio-dev" && device.vfio_dev_visible) {
    below.place = Place::VfioDevs;
    below.recorded = nullptr;
    return directory(below);
  }
  if (name == "net" && !device.net.empty() && virtio_name(device).empty()) {
    below.place = Place::DeviceNet;
    below.recorded = nullptr;
    return directory(below);
  }
  if (!device.net.empty() && name == virtio_name(device)) {
    below.place = Place::DeviceVirtio;
    below.recorded = nullptr;
    return directory(below);
  }
  const Bus* bus = name.contains(':') ? host.model.child_bus(node.device.slot) : nullptr;
  if (bus != nullptr) {
    const Slot child = host.model.find(name);
    if (child != kNoSlot && std::ranges::find(bus->devices, child) != bus->devices.end())
      return directory(device_node(host, child));
  }
  if (recorded == nullptr) return std::nullopt;
  if (const RecordedDirectory* part = recorded->directory(name); part != nullptr) {
    if (name == "pci_bus" || (name == "msi_irqs" && !uses_messages(device))) return std::nullopt;
    below.place = Place::DevicePart;
    below.recorded = part;
    return directory(below);
  }
  if (has_other_directory(host, device, name)) {
    below.place = Place::Recorded;
    below.recorded = nullptr;
    return directory(below);
  }
  if (const std::string* target = named(recorded->links, name); target != nullptr && is_still_link(device, name)) {
    return recorded_link(host, *target);
  }
  return std::nullopt;
}

void list_device(const Host& host, const Node& node, Names& names) {
  const Device& device = device_of(host, node);
  for (const DeviceLink& rule : kDeviceLinks) {
    if (rule.find(host, node)) names.emplace_back(rule.name);
  }
  for (const HostAddress& address : device.virtfns) {
    if (device.function->sriov) names.push_back(fmt::format("virtfn{}", number_of_vf(*device.function, address)));
  }
  names.emplace_back("power");
  if (device.vfio_dev_visible) names.emplace_back("vfio-dev");
  if (const Bus* below = host.model.child_bus(node.device.slot); below != nullptr) {
    names.emplace_back("pci_bus");
    for (const Slot child : below->devices) names.push_back(to_string(host.model.device(child).function->address));
  }
  const auto& recorded = device.function->recorded;
  if (!device.net.empty()) names.emplace_back(virtio_name(device).empty() ? "net" : virtio_name(device));
  if (recorded == nullptr) return;
  for (const auto& [name, part] : recorded->directories) {
    if (name == "power" || name == "pci_bus" || (name == "msi_irqs" && !uses_messages(device))) continue;
    names.push_back(name);
  }
  for (const std::string& name : recorded->other_directories) {
    if (name != "net" && name != virtio_name(device) && has_other_directory(host, device, name)) names.push_back(name);
  }
  for (const auto& [name, target] : recorded->links) {
    if (is_still_link(device, name)) names.push_back(name);
  }
}

}  // namespace busproof::fakesys
