#include "engine/domain/domain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace busproof::domain {
namespace {

constexpr std::array<std::string_view, kDeviceKindCount> kKindNames = {
    "disk",    "interface", "sound", "hostdev",    "video",    "controller", "smartcard", "serial", "parallel",
    "channel", "console",   "input", "filesystem", "watchdog", "memballoon", "rng",       "nvram",  "hub",
    "shmem",   "tpm",       "panic", "memory",     "redirdev", "iommu",      "vsock",
};

constexpr std::array<std::string_view, kControllerTypeCount> kControllerTypeNames = {
    "ide", "fdc", "scsi", "sata", "virtio-serial", "ccid", "usb", "pci", "xenbus", "isa",
};

/// Whether the device sits, or may sit, on that controller, which is none of PCI.
bool sits_on(const Device& device, ControllerType type, std::uint32_t index) {
  if (const auto* serial = std::get_if<VirtioSerialAddress>(&device.address))
    return type == ControllerType::VirtioSerial && serial->controller == index;
  if (const auto* card = std::get_if<CcidAddress>(&device.address))
    return type == ControllerType::Ccid && card->controller == index;
  if (std::holds_alternative<NoAddress>(device.address)) {
    if (device.target_type == "virtio") return type == ControllerType::VirtioSerial;  // which one, libvirt forgets
    if (device.kind == DeviceKind::Smartcard) return type == ControllerType::Ccid && index == 0;
  }
  if (!device.drive || device.drive->controller != index) return false;
  return (device.kind == DeviceKind::Disk ? std::string_view(device.bus) : device.type) == to_string(type);
}

/// The highest bus that the device makes or sits on; -1 for one that has nothing to do with PCI.
int highest_bus(const Device& device) {
  int highest = -1;
  if (const auto* pci = std::get_if<PciAddress>(&device.address))  // one meant to sit beyond the last bus has no place
    highest = pci->at ? pci->at->bus() : pci::kBusMax + 1;
  if (device.controller && device.controller->type == ControllerType::Pci && device.controller->index)
    highest = std::max(highest, static_cast<int>(*device.controller->index));
  return highest;
}

/// The device of the XML for which libvirt added that controller, as far as can be told: the last one on it; of PCI the
/// one that reaches farthest, since a bus is added only after all others. Null when there is none.
const Device* cause_of(const Domain& domain, const Device& added) {
  if (!added.controller || !added.controller->index) return nullptr;
  const Device* cause = nullptr;
  for (const Device& device : domain.devices) {
    if (device.element == kNoElement) continue;
    if (added.controller->type != ControllerType::Pci) {
      if (sits_on(device, added.controller->type, *added.controller->index)) cause = &device;
    } else if (highest_bus(device) > (cause == nullptr ? 0 : highest_bus(*cause))) {
      cause = &device;
    }
  }
  return cause;
}

}  // namespace

std::string_view to_string(DeviceKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::string_view to_string(ControllerType type) { return kControllerTypeNames[static_cast<std::size_t>(type)]; }

bool is_pci_controller(const Device& device) {
  return device.controller && device.controller->type == ControllerType::Pci;
}

bool lacks_place(const Device& device) {
  const auto* pci = std::get_if<PciAddress>(&device.address);
  return (pci != nullptr && !pci->at) || std::holds_alternative<NoAddress>(device.address);
}

std::string display_name(const DeviceNames& names, std::size_t ordinal) {
  for (const std::string_view name : {names.alias, names.mac, names.target})
    if (!name.empty()) return fmt::format("{} {}", to_string(names.kind), name);
  if (names.controller && names.index)
    return fmt::format("{} {} {}", to_string(names.kind), to_string(*names.controller), *names.index);
  return fmt::format("{} #{}", to_string(names.kind), ordinal);
}

std::string display_name(const Device& device, std::size_t ordinal) {
  DeviceNames names{.kind = device.kind,
                    .alias = device.alias,
                    .mac = device.mac,
                    .target = device.target,
                    .controller = {},
                    .index = {}};
  if (device.controller) {
    names.controller = device.controller->type;
    names.index = device.controller->index;
  }
  return display_name(names, ordinal);
}

std::string display_name(const Domain& domain, const Device& device) {
  std::size_t ordinal = 1;
  for (const Device& other : domain.devices) {
    if (&other == &device) break;
    if (other.kind == device.kind) ++ordinal;
  }
  return display_name(device, ordinal);
}

Error about(Error error, const Device& device, std::string name) {
  error.device = std::move(name);
  if (device.element != kNoElement) error.offset = device.offset;
  return error;
}

Error about(Error error, const Domain& domain, const Device& device) {
  const Device* cause = device.element == kNoElement ? cause_of(domain, device) : nullptr;
  if (cause == nullptr) return about(std::move(error), device, display_name(domain, device));
  return about(std::move(error), *cause,
               fmt::format("{}, added for {}", display_name(domain, device), display_name(domain, *cause)));
}

}  // namespace busproof::domain
