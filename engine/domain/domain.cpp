#include "engine/domain/domain.h"

#include <fmt/format.h>

#include <array>
#include <utility>

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

}  // namespace

std::string_view to_string(DeviceKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::string_view to_string(ControllerType type) { return kControllerTypeNames[static_cast<std::size_t>(type)]; }

std::string display_name(const Device& device, std::size_t ordinal) {
  const std::string_view element = to_string(device.kind);
  if (!device.alias.empty()) return fmt::format("{} {}", element, device.alias);
  if (!device.mac.empty()) return fmt::format("{} {}", element, device.mac);
  if (!device.target.empty()) return fmt::format("{} {}", element, device.target);
  if (device.controller && device.controller->index)
    return fmt::format("{} {} {}", element, to_string(device.controller->type), *device.controller->index);
  return fmt::format("{} #{}", element, ordinal);
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
  return about(std::move(error), device, display_name(domain, device));
}

}  // namespace busproof::domain
