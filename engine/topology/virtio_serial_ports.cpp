#include "engine/topology/virtio_serial_ports.h"

#include <fmt/format.h>

namespace busproof::topology {

using domain::VirtioSerialAddress;

std::optional<std::uint32_t> VirtioSerialPorts::Ports::take_first_free(Lowest lowest) {
  std::uint32_t& port = lowest == Lowest::ForConsoles ? next_for_consoles_ : next_for_channels_;
  while (has(port) && is_taken(port)) ++port;
  if (!has(port)) return std::nullopt;
  take(port);
  return port;
}

void VirtioSerialPorts::add(std::uint32_t controller, std::uint32_t port_count) {
  open_for_consoles_.insert(controller);
  open_for_channels_.insert(controller);
  ports_.try_emplace(controller, port_count);
}

Result<void> VirtioSerialPorts::reserve(const VirtioSerialAddress& address) {
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

std::optional<VirtioSerialAddress> VirtioSerialPorts::take_any(Lowest lowest) {
  std::set<std::uint32_t>& open = lowest == Lowest::ForConsoles ? open_for_consoles_ : open_for_channels_;
  while (!open.empty()) {
    const std::uint32_t controller = *open.begin();
    if (const auto port = ports_.at(controller).take_first_free(lowest))
      return VirtioSerialAddress{controller, 0, *port};
    open.erase(open.begin());
  }
  return std::nullopt;
}

Result<VirtioSerialAddress> VirtioSerialPorts::take_on(std::uint32_t controller) {
  const auto found = ports_.find(controller);
  if (found == ports_.end())
    return refused("E317", fmt::format("internal error: virtio-serial controller {} not available", controller),
                   fmt::format("add <controller type='virtio-serial' index='{}'/>", controller));
  const auto port = found->second.take_first_free(Lowest::ForChannels);
  if (!port)
    return refused("E317",
                   fmt::format("XML error: Unable to find a free port on virtio-serial controller {}", controller),
                   "use another controller, or give it more ports with ports='N'");
  return VirtioSerialAddress{controller, 0, *port};
}

}  // namespace busproof::topology
