#include "engine/assign/virtio_serial_ports.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::VirtioSerialAddress;

constexpr std::uint32_t kDefaultPortCount = 31;

/// Port 0 of a controller is kept for consoles.
enum class LowestPort : std::uint8_t { ForConsoles = 0, ForChannels = 1 };

/// The ports of one controller; they are only ever taken.
class Ports {
 public:
  explicit Ports(std::uint32_t count) : count_(count) {}

  [[nodiscard]] bool has(std::uint32_t port) const { return port < count_; }
  [[nodiscard]] bool is_taken(std::uint32_t port) const { return taken_.contains(port); }
  void take(std::uint32_t port) { taken_.insert(port); }
  std::optional<std::uint32_t> first_free(LowestPort lowest) {
    std::uint32_t& port = lowest == LowestPort::ForConsoles ? next_for_consoles_ : next_for_channels_;
    while (has(port) && is_taken(port)) ++port;
    if (!has(port)) return std::nullopt;
    return port;
  }

 private:
  std::uint32_t count_;
  std::set<std::uint32_t> taken_;
  std::uint32_t next_for_consoles_ = static_cast<std::uint32_t>(LowestPort::ForConsoles);
  std::uint32_t next_for_channels_ = static_cast<std::uint32_t>(LowestPort::ForChannels);
};

class Switchboard {
 public:
  explicit Switchboard(ControllerList& controllers) : controllers_(controllers) {
    for (const Device& device : controllers.devices())
      if (device.controller->type == ControllerType::VirtioSerial)
        add(*device.controller->index, device.controller->ports.value_or(kDefaultPortCount));
  }

  Result<void> reserve(const VirtioSerialAddress& address) {
    const auto found = ports_.find(address.controller);
    if (found == ports_.end())
      return refused("E317", fmt::format("XML error: virtio serial controller {} is missing", address.controller),
                     fmt::format("add <controller type='virtio-serial' index='{}'/>", address.controller));
    if (!found->second.has(address.port))
      return refused(
          "E317",
          fmt::format("XML error: virtio serial controller {} does not have port {}", address.controller, address.port),
          "use a lower port, or give the controller more with ports='N'");
    if (found->second.is_taken(address.port))
      return refused("E317",
                     fmt::format("XML error: virtio serial port {} on controller {} is already occupied", address.port,
                                 address.controller),
                     "use another port, or leave the <address> out");
    found->second.take(address.port);
    return {};
  }

  /// Takes the first free port of any controller, adding one when all are full.
  void take_any(LowestPort lowest) {
    std::set<std::uint32_t>& open = lowest == LowestPort::ForConsoles ? open_for_consoles_ : open_for_channels_;
    while (!open.empty()) {
      Ports& ports = ports_.at(*open.begin());
      if (const auto port = ports.first_free(lowest)) return ports.take(*port);
      open.erase(open.begin());
    }
    const std::uint32_t index = controllers_.lowest_free(ControllerType::VirtioSerial);
    controllers_.ensure(ControllerType::VirtioSerial, index);
    add(index, kDefaultPortCount).take(static_cast<std::uint32_t>(lowest));
  }

  Result<void> take_on(std::uint32_t controller) {
    const auto found = ports_.find(controller);
    if (found == ports_.end())
      return refused("E317", fmt::format("internal error: virtio-serial controller {} not available", controller),
                     fmt::format("add <controller type='virtio-serial' index='{}'/>", controller));
    const auto port = found->second.first_free(LowestPort::ForChannels);
    if (!port)
      return refused("E317",
                     fmt::format("XML error: Unable to find a free port on virtio-serial controller {}", controller),
                     "use another controller, or give it more ports with ports='N'");
    found->second.take(*port);
    return {};
  }

 private:
  Ports& add(std::uint32_t index, std::uint32_t port_count) {
    open_for_consoles_.insert(index);
    open_for_channels_.insert(index);
    return ports_.try_emplace(index, port_count).first->second;
  }

  ControllerList& controllers_;
  std::map<std::uint32_t, Ports> ports_;
  std::set<std::uint32_t> open_for_consoles_, open_for_channels_;
};

/// libvirt takes port 0 for "not said".
bool is_complete(const Device& device) {
  const auto* address = std::get_if<VirtioSerialAddress>(&device.address);
  return address != nullptr && address->port != 0;
}

Result<void> reserve_written(const DeviceLists& devices, Switchboard& board) {
  for (std::size_t kind = 0; kind < domain::kDeviceKindCount; ++kind) {
    const DeviceList& list = devices[static_cast<DeviceKind>(kind)];
    for (const Device& device : list)
      if (is_complete(device))
        if (auto reserved = board.reserve(std::get<VirtioSerialAddress>(device.address)); !reserved)
          return std::unexpected(about(reserved.error(), list, device));
  }
  return {};
}

Result<void> place_console(const Device& console, Switchboard& board) {
  // libvirt asks controller 0 here whichever the console names, and forgets the answer.
  if (std::holds_alternative<VirtioSerialAddress>(console.address)) return board.take_on(0);
  board.take_any(LowestPort::ForConsoles);
  return {};
}

Result<void> place_channel(Device& channel, Switchboard& board) {
  if (const auto* address = std::get_if<VirtioSerialAddress>(&channel.address))
    return board.take_on(address->controller);
  channel.address = domain::NoAddress{};
  board.take_any(LowestPort::ForChannels);
  return {};
}

}  // namespace

Result<void> place_virtio_serial_ports(DeviceLists& devices, ControllerList& controllers) {
  Switchboard board(controllers);
  if (auto reserved = reserve_written(devices, board); !reserved) return reserved;
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
