#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/domain/domain.h"

/// How many USB ports each model of controller has (QEMU's numbers, as libvirt knows them).
namespace busproof::topology {

struct UsbControllerRule {
  std::string_view model;   ///< empty where libvirt leaves it to QEMU
  std::uint32_t ports;      ///< 0: its ports are those of its master, or it is no controller at all
  bool ports_are_settable;  ///< by the ports attribute
};

// clang-format off
inline constexpr auto kUsbControllerRules = std::to_array<UsbControllerRule>({
  {"",               2, false},
  {"piix3-uhci",     2, false},
  {"piix4-uhci",     2, false},
  {"vt82c686b-uhci", 2, false},
  {"ehci",           6, false},
  {"ich9-ehci1",     6, false},
  {"ich9-uhci1",     0, false},
  {"ich9-uhci2",     0, false},
  {"ich9-uhci3",     0, false},
  {"pci-ohci",       3, false},
  {"nec-xhci",       4, true},
  {"qemu-xhci",      4, true},
  {"none",           0, false},
  {"",               2, false},  // libvirt's guess where it knows no default model (s390x)
});
// clang-format on

inline constexpr std::uint32_t kUsbHubPorts = 8;
/// Levels of an address: a port of the controller and hubs behind hubs.
inline constexpr std::size_t kUsbLevels = 4;

/// The ports of a USB controller.
constexpr std::uint32_t usb_port_count(const domain::Device& controller) {
  for (const UsbControllerRule& rule : kUsbControllerRules)
    if (rule.model == controller.model)
      return rule.ports_are_settable ? controller.controller->ports.value_or(rule.ports) : rule.ports;
  return 0;
}

}  // namespace busproof::topology
