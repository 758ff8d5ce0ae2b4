#include "engine/assign/virtio_serial_ports.h"

#include "engine/topology/virtio_serial_ports.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::VirtioSerialAddress;
using topology::VirtioSerialPorts;

/// The ports, and the list to which controllers are added when all are taken.
class Switchboard {
 public:
  explicit Switchboard(ControllerList& controllers) : controllers_(controllers) {
    for (const Device& device : controllers.devices())
      if (device.controller->type == ControllerType::VirtioSerial)
        ports.add(*device.controller->index, device.controller->ports.value_or(VirtioSerialPorts::kDefaultCount));
  }

  void take_any(VirtioSerialPorts::Lowest lowest) {
    if (ports.take_any(lowest)) return;
    const std::uint32_t index = controllers_.lowest_free(ControllerType::VirtioSerial);
    controllers_.ensure(ControllerType::VirtioSerial, index);
    ports.add(index, VirtioSerialPorts::kDefaultCount);
    ports.take_any(lowest);
  }

  VirtioSerialPorts ports;

 private:
  ControllerList& controllers_;
};

bool is_complete(const Device& device) {
  const auto* address = std::get_if<VirtioSerialAddress>(&device.address);
  return address != nullptr && topology::names_port(*address);
}

Result<void> reserve_written(const DeviceLists& devices, VirtioSerialPorts& ports) {
  for (std::size_t kind = 0; kind < domain::kDeviceKindCount; ++kind) {
    const DeviceList& list = devices[static_cast<DeviceKind>(kind)];
    for (const Device& device : list)
      if (is_complete(device))
        if (auto reserved = ports.reserve(std::get<VirtioSerialAddress>(device.address)); !reserved)
          return std::unexpected(about(reserved.error(), list, device));
  }
  return {};
}

/// A free port of that controller, whichever it is.
Result<void> take_on(std::uint32_t controller, VirtioSerialPorts& ports) {
  if (auto taken = ports.take_on(controller); !taken) return std::unexpected(taken.error());
  return {};
}

Result<void> place_console(const Device& console, Switchboard& board) {
  // libvirt asks controller 0 here whichever the console names, and forgets the answer.
  if (std::holds_alternative<VirtioSerialAddress>(console.address)) return take_on(0, board.ports);
  board.take_any(VirtioSerialPorts::Lowest::ForConsoles);
  return {};
}

Result<void> place_channel(Device& channel, Switchboard& board) {
  if (const auto* address = std::get_if<VirtioSerialAddress>(&channel.address))
    return take_on(address->controller, board.ports);
  channel.address = domain::NoAddress{};
  board.take_any(VirtioSerialPorts::Lowest::ForChannels);
  return {};
}

}  // namespace

Result<void> place_virtio_serial_ports(DeviceLists& devices, ControllerList& controllers) {
  Switchboard board(controllers);
  if (auto reserved = reserve_written(devices, board.ports); !reserved) return reserved;
  DeviceList& consoles = devices[DeviceKind::Console];
  for (const Device& console : consoles) {
    if (console.target_type != "virtio" || is_complete(console)) continue;
    if (auto placed = place_console(console, board); !placed)
      return std::unexpected(about(placed.error(), consoles, console));
  }
  DeviceList& channels = devices[DeviceKind::Channel];
  for (Device& channel : channels) {
    if (channel.target_type != "virtio" || is_complete(channel)) continue;
    if (auto placed = place_channel(channel, board); !placed)
      return std::unexpected(about(placed.error(), channels, channel));
  }
  return {};
}

}  // namespace busproof::assign
