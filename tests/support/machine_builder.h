#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"

namespace busproof::testing_support {

/// A PCI controller: index, model, and the place it sits on; busNr for expander buses.
struct ControllerAt {
  std::uint32_t index = 0;
  pci::ControllerModel model{};
  unsigned bus = 0, slot = 0, function = 0;
  std::optional<int> bus_nr{};
};

inline domain::PciAddress at(unsigned bus, unsigned slot, unsigned function,
                             domain::Switch multifunction = domain::Switch::Absent) {
  return {.at = pci::GuestAddress::make(0, static_cast<std::uint8_t>(bus), slot, function),
          .multifunction = multifunction,
          .zpci = {}};
}

inline domain::Device pci_controller(const ControllerAt& wish) {
  domain::Device device;
  device.kind = domain::DeviceKind::Controller;
  device.controller.emplace();
  device.controller->index = wish.index;
  device.controller->pci_model = wish.model;
  device.controller->target.bus_nr = wish.bus_nr;
  if (wish.index != 0) device.address = at(wish.bus, wish.slot, wish.function);
  return device;
}

inline domain::Device interface(std::string mac, domain::PciAddress address) {
  domain::Device device;
  device.kind = domain::DeviceKind::Interface;
  device.mac = std::move(mac);
  device.model = "virtio";
  device.address = address;
  return device;
}

/// An x86 guest with ACPI: its root bus, and these controllers.
inline domain::Domain guest(std::string machine, const std::vector<ControllerAt>& controllers) {
  domain::Domain domain;
  domain.name = "guest";
  domain.arch = "x86_64";
  domain.has_acpi = true;
  const bool express = machine == "q35";
  domain.machine = std::move(machine);
  domain.devices.push_back(
      pci_controller({.index = 0, .model = express ? pci::ControllerModel::PcieRoot : pci::ControllerModel::PciRoot}));
  for (const ControllerAt& controller : controllers) domain.devices.push_back(pci_controller(controller));
  return domain;
}

}  // namespace busproof::testing_support
