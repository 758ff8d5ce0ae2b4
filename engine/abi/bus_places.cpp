#include "engine/abi/bus_places.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <variant>

#include "engine/topology/usb_ports.h"
#include "engine/topology/virtio_serial_ports.h"

namespace busproof::abi {
namespace {

using domain::CcidAddress;
using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::DimmAddress;
using domain::Domain;
using domain::NoAddress;
using domain::VirtioSerialAddress;
using topology::VirtioSerialPorts;

bool says_nothing(const Device& device) { return std::holds_alternative<NoAddress>(device.address); }

void give_usb_ports(const Domain& domain, BusPlaces& places) {
  auto given = topology::give_usb_ports(domain);
  if (!given) return;
  for (auto& [device, address] : given->of_device) places.of_device.emplace(device, std::move(address));
  places.of_added_hubs = std::move(given->of_added_hubs);
  places.of_added_inputs = std::move(given->of_added_inputs);
}

bool wants_serial_port(const Device& device) {
  if (device.kind != DeviceKind::Console && device.kind != DeviceKind::Channel) return false;
  const auto* address = std::get_if<VirtioSerialAddress>(&device.address);
  // What libvirt chooses for a console that names its controller it forgets.
  const bool names_controller = address != nullptr && device.kind == DeviceKind::Channel;
  return device.target_type == "virtio" &&
         (says_nothing(device) || (names_controller && !topology::names_port(*address)));
}

void give_serial_ports(const Domain& domain, BusPlaces& places) {
  if (std::ranges::none_of(domain.devices, wants_serial_port)) return;
  VirtioSerialPorts ports;
  for (const Device& device : domain.devices) {
    if (device.controller && device.controller->type == ControllerType::VirtioSerial)
      ports.add(device.controller->index.value_or(0),
                device.controller->ports.value_or(VirtioSerialPorts::kDefaultCount));
  }
  // One that is there twice was refused; here it is one.
  for (const Device& device : domain.devices)
    if (const auto* address = std::get_if<VirtioSerialAddress>(&device.address))
      if (topology::names_port(*address)) static_cast<void>(ports.reserve(*address));
  for (const DeviceKind kind : {DeviceKind::Console, DeviceKind::Channel}) {
    const auto lowest =
        kind == DeviceKind::Console ? VirtioSerialPorts::Lowest::ForConsoles : VirtioSerialPorts::Lowest::ForChannels;
    for (std::size_t i = 0; i < domain.devices.size(); ++i) {
      const Device& device = domain.devices[i];
      if (device.kind != kind || !wants_serial_port(device)) continue;
      if (const auto* address = std::get_if<VirtioSerialAddress>(&device.address)) {
        if (const auto taken = ports.take_on(address->controller)) places.of_device.emplace(i, *taken);
      } else if (const auto taken = ports.take_any(lowest)) {
        places.of_device.emplace(i, *taken);
      }
    }
  }
}

/// Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomainDefMaybeAddSmartcardController(): behind the last one that
/// the first controller has.
void give_smartcard_slots(const Domain& domain, BusPlaces& places) {
  std::uint32_t next = 0;
  for (const Device& device : domain.devices)
    if (const auto* address = std::get_if<CcidAddress>(&device.address); address != nullptr && address->controller == 0)
      next = std::max(next, address->slot + 1);
  for (std::size_t i = 0; i < domain.devices.size(); ++i)
    if (domain.devices[i].kind == DeviceKind::Smartcard && says_nothing(domain.devices[i]))
      places.of_device.emplace(i, CcidAddress{0, next++});
}

/// Source: libvirt 9.0.0 src/qemu/qemu_domain.c, qemuAssignMemoryDeviceSlot(): the lowest that is free.
void give_memory_slots(const Domain& domain, BusPlaces& places) {
  std::set<std::uint32_t> taken;
  for (const Device& device : domain.devices)
    if (const auto* address = std::get_if<DimmAddress>(&device.address)) taken.insert(address->slot);
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < domain.devices.size(); ++i) {
    const Device& device = domain.devices[i];
    const bool is_module = device.kind == DeviceKind::Memory && (device.model == "dimm" || device.model == "nvdimm");
    if (!is_module || !says_nothing(device)) continue;
    while (taken.contains(next)) ++next;
    places.of_device.emplace(i, DimmAddress{next++, {}});
  }
}

}  // namespace

BusPlaces bus_places(const Domain& placed) {
  BusPlaces places;
  give_usb_ports(placed, places);
  give_serial_ports(placed, places);
  give_smartcard_slots(placed, places);
  give_memory_slots(placed, places);
  return places;
}

}  // namespace busproof::abi
