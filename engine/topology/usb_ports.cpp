#include "engine/topology/usb_ports.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/topology/machine_rules.h"
#include "engine/topology/usb_rules.h"

namespace busproof::topology {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using domain::UsbAddress;
using Path = std::vector<std::uint32_t>;

bool is_usb_controller(const Device& device) {
  return device.controller && device.controller->type == ControllerType::Usb;
}

// --- Who uses a port

/// A port is said when its first number is not 0; further ones end at the last that is not.
Path usb_path_of(const Device& device) {
  const auto* address = std::get_if<UsbAddress>(&device.address);
  if (address == nullptr || address->port.empty() || address->port.front() == 0) return {};
  Path path = address->port;
  while (path.size() > 1 && path.back() == 0) path.pop_back();
  return path;
}

std::optional<std::uint32_t> usb_bus_of(const Device& device) {
  const auto* address = std::get_if<UsbAddress>(&device.address);
  if (address == nullptr) return std::nullopt;
  return address->bus;
}

/// The order in which libvirt gives ports to devices; hubs come before all.
constexpr auto kUserOrder =
    std::to_array({DeviceKind::Hostdev, DeviceKind::Disk, DeviceKind::Controller, DeviceKind::Input, DeviceKind::Serial,
                   DeviceKind::Sound, DeviceKind::Redirdev});

bool uses_port(const Device& device) {
  switch (device.kind) {
    case DeviceKind::Hostdev:
      return device.type == "usb";
    case DeviceKind::Disk:
    case DeviceKind::Input:
      return device.bus == "usb";
    case DeviceKind::Controller:
      return device.controller->type == ControllerType::Ccid;
    case DeviceKind::Serial:
      return device.target_type == "usb-serial";
    case DeviceKind::Sound:
      return device.model == "usb";
    case DeviceKind::Redirdev:
      return true;
    default:
      return false;
  }
}

struct UsbUsers {
  std::vector<const Device*> hubs;
  std::vector<const Device*> devices;  ///< null: an input that libvirt adds
};

bool is_usb_input(const Device& device, std::string_view type) {
  return device.kind == DeviceKind::Input && device.bus == "usb" && device.type == type;
}

/// The keyboard and mouse that libvirt adds to a guest with graphics; no mouse beside a tablet.
std::size_t implied_input_count(const Domain& domain) {
  const auto* machine = machine_rule(domain.arch, domain.machine);
  if (!domain.has_graphics || machine == nullptr || !machine->traits.contains(Trait::AddsUsbInputs)) return 0;
  const auto has = [&](std::string_view type) {
    return std::ranges::any_of(domain.devices, [&](const Device& device) { return is_usb_input(device, type); });
  };
  return (has("keyboard") ? 0U : 1U) + (has("mouse") || has("tablet") ? 0U : 1U);
}

UsbUsers users_of(const Domain& domain) {
  UsbUsers users;
  for (const Device& device : domain.devices)
    if (device.kind == DeviceKind::Hub) users.hubs.push_back(&device);
  for (const DeviceKind kind : kUserOrder) {
    for (const Device& device : domain.devices)
      if (device.kind == kind && uses_port(device)) users.devices.push_back(&device);
    if (kind == DeviceKind::Input) users.devices.resize(users.devices.size() + implied_input_count(domain));
  }
  return users;
}

// --- The ports

/// The ports of a controller or hub, and the hubs on them. Ports are only ever taken.
class UsbHub {
 public:
  explicit UsbHub(std::size_t port_count) : taken_(port_count), hubs_(port_count) {}

  [[nodiscard]] bool has(std::uint32_t port) const { return port >= 1 && port <= taken_.size(); }
  [[nodiscard]] bool is_taken(std::uint32_t port) const { return taken_[port - 1]; }
  void take(std::uint32_t port) { taken_[port - 1] = true; }
  [[nodiscard]] UsbHub* hub_at(std::uint32_t port) const { return hubs_[port - 1].get(); }
  void put_hub(std::uint32_t port) { hubs_[port - 1] = std::make_unique<UsbHub>(kUsbHubPorts); }

  /// A free port of this hub, else of the first hub behind it that has one. `level` counts from 0.
  bool find_free(Path& path, std::size_t level) {
    if (is_full_) return false;
    if (const auto port = first_free()) {
      path.push_back(*port);
      return true;
    }
    if (level + 1 < kUsbLevels)
      for (std::uint32_t port = 1; port <= hubs_.size(); ++port) {
        if (hub_at(port) == nullptr) continue;
        path.push_back(port);
        if (hub_at(port)->find_free(path, level + 1)) return true;
        path.pop_back();
      }
    is_full_ = true;
    return false;
  }
  void forget_that_it_is_full() { is_full_ = false; }

 private:
  [[nodiscard]] std::optional<std::uint32_t> first_free() const {
    const auto free = std::ranges::find(taken_, false);
    if (free == taken_.end()) return std::nullopt;
    return static_cast<std::uint32_t>(free - taken_.begin()) + 1;
  }

  std::vector<bool> taken_;
  std::vector<std::unique_ptr<UsbHub>> hubs_;
  bool is_full_ = false;  ///< with everything behind it; found by looking, undone by a new hub
};

std::string port_text(std::span<const std::uint32_t> path) { return fmt::format("{}", fmt::join(path, ".")); }

/// A port, and the hub or controller that it belongs to.
struct HubPort {
  UsbHub* hub;
  std::uint32_t number;
};

class UsbBuses {
 public:
  Result<void> add(const Device& controller) {
    const std::uint32_t ports = usb_port_count(controller);
    if (ports == 0 || buses_.try_emplace(*controller.controller->index, ports).second) return {};
    return refused("E319",
                   fmt::format("XML error: Duplicate USB controllers with index {}", *controller.controller->index),
                   "give each its own index, or leave index out");
  }

  Result<void> put_hub(std::uint32_t bus, const Path& path) {
    const auto port = find(bus, path);
    if (!port) return std::unexpected(port.error());
    if (port->hub->hub_at(port->number) != nullptr)
      return refused("E319", fmt::format("XML error: Duplicate USB hub on bus {} port {}", bus, port_text(path)),
                     "use another port, or leave the <address> out");
    port->hub->take(port->number);
    port->hub->put_hub(port->number);
    reopen(bus, path);
    return {};
  }

  Result<void> reserve(std::uint32_t bus, const Path& path) {
    const auto port = find(bus, path);
    if (!port) return std::unexpected(port.error());
    if (port->hub->is_taken(port->number))
      return refused("E319", fmt::format("XML error: Duplicate USB address bus {} port {}", bus, port_text(path)),
                     "use another port, or leave the <address> out");
    port->hub->take(port->number);
    return {};
  }

  /// Takes a free port of that bus, or of the first bus that has one.
  Result<UsbAddress> take_free(std::optional<std::uint32_t> bus) {
    if (bus && !buses_.contains(*bus))
      return refused("E319",
                     fmt::format("XML error: USB bus {} requested but no controller with that index is present", *bus),
                     fmt::format("add <controller type='usb' index='{}'/>", *bus));
    auto at = bus ? buses_.find(*bus) : buses_.lower_bound(first_open_);
    const auto end = bus ? std::next(at) : buses_.end();
    for (; at != end; ++at) {
      UsbAddress address{at->first, {}};
      if (at->second.find_free(address.port, 0)) {
        find(address.bus, address.port)->hub->take(address.port.back());
        return address;
      }
      if (!bus) first_open_ = at->first;
    }
    return refused("E319", "internal error: No free USB ports", "add a USB controller or hub");
  }

 private:
  Result<HubPort> find(std::uint32_t bus, const Path& path) {
    const auto controller = buses_.find(bus);
    if (controller == buses_.end())
      return refused("E319", fmt::format("XML error: Missing USB bus {}", bus),
                     fmt::format("add <controller type='usb' index='{}'/>", bus));
    UsbHub* hub = &controller->second;
    for (const std::uint32_t port : std::span(path).first(path.size() - 1)) {
      if (!hub->has(port))
        return refused(
            "E319",
            fmt::format("XML error: port {} out of range in USB address bus: {} port: {}", port, bus, port_text(path)),
            "use a lower port");
      hub = hub->hub_at(port);
      if (hub == nullptr)
        return refused("E319",
                       fmt::format("XML error: there is no hub at port {} in USB address bus: {} port: {}", port, bus,
                                   port_text(path)),
                       fmt::format("add <hub type='usb'> with that port to bus {}", bus));
    }
    if (!hub->has(path.back()))
      return refused("E319",
                     fmt::format("XML error: requested USB port {} not present on USB bus {}", port_text(path), bus),
                     "use a lower port");
    return HubPort{hub, path.back()};
  }

  /// What leads to a new hub has room again.
  void reopen(std::uint32_t bus, const Path& path) {
    UsbHub* hub = &buses_.at(bus);
    hub->forget_that_it_is_full();
    for (const std::uint32_t port : std::span(path).first(path.size() - 1)) {
      hub = hub->hub_at(port);
      hub->forget_that_it_is_full();
    }
    first_open_ = std::min(first_open_, bus);
  }

  std::map<std::uint32_t, UsbHub> buses_;
  std::uint32_t first_open_ = 0;  ///< buses before it are full
};

// --- The play

bool has_usb(const Domain& domain) {
  return std::ranges::any_of(domain.devices,
                             [](const Device& device) { return is_usb_controller(device) && device.model != "none"; });
}

Result<void> check_usb_is_enabled(const Domain& domain, const UsbUsers& users) {
  if (users.hubs.size() + users.devices.size() == 0 || has_usb(domain)) return {};
  const Error error =
      refused(
          "E227",
          "unsupported configuration: USB is disabled for this domain, but USB devices are present in the domain XML",
          "add a USB controller, or remove the USB devices")
          .error();
  if (!users.hubs.empty()) return std::unexpected(about(error, domain, *users.hubs.front()));
  if (users.devices.front() != nullptr) return std::unexpected(about(error, domain, *users.devices.front()));
  return std::unexpected(error);
}

std::size_t port_count(const Domain& domain, const UsbUsers& users) {
  std::size_t count = users.hubs.size() * kUsbHubPorts;
  for (const Device& device : domain.devices)
    if (is_usb_controller(device)) count += usb_port_count(device);
  return count;
}

/// Hubs that libvirt adds: each costs a port and brings eight.
std::size_t missing_hub_count(const Domain& domain, const UsbUsers& users) {
  const std::size_t wanted = users.hubs.size() + users.devices.size();
  const std::size_t available = port_count(domain, users);
  constexpr std::size_t kGain = kUsbHubPorts - 1;
  return wanted > available ? (wanted - available + kGain) / kGain : 0;
}

Result<void> put_written(const Domain& domain, const UsbUsers& users, UsbBuses& buses) {
  for (const Device& device : domain.devices)
    if (is_usb_controller(device))
      if (auto added = buses.add(device); !added) return std::unexpected(about(added.error(), domain, device));
  for (const Device* hub : users.hubs)
    if (const Path path = usb_path_of(*hub); !path.empty())
      if (auto put = buses.put_hub(*usb_bus_of(*hub), path); !put)
        return std::unexpected(about(put.error(), domain, *hub));
  for (const Device* device : users.devices) {
    const Path path = device == nullptr ? Path() : usb_path_of(*device);
    if (path.empty()) continue;
    if (auto reserved = buses.reserve(*usb_bus_of(*device), path); !reserved)
      return std::unexpected(about(reserved.error(), domain, *device));
  }
  return {};
}

Result<UsbAddress> place_hub(std::optional<std::uint32_t> bus, UsbBuses& buses) {
  auto address = buses.take_free(bus);
  if (!address) return address;
  if (auto put = buses.put_hub(address->bus, address->port); !put) return std::unexpected(put.error());
  return address;
}

std::size_t device_index(const Device& device, const Domain& domain) {
  return static_cast<std::size_t>(&device - domain.devices.data());
}

/// No port is left for a hub that libvirt would add: the last of those that want one is one too many.
Result<void> blame_last(const Domain& domain, const UsbUsers& users, Error error) {
  const auto& wanting = users.devices.empty() ? users.hubs : users.devices;
  if (wanting.empty()) return std::unexpected(std::move(error));
  return std::unexpected(about(std::move(error), domain, *wanting.back()));
}

Result<void> place_hubs(const Domain& domain, const UsbUsers& users, UsbBuses& buses, UsbPorts& given) {
  for (const Device* hub : users.hubs) {
    if (!usb_path_of(*hub).empty()) continue;
    auto placed = place_hub(usb_bus_of(*hub), buses);
    if (!placed) return std::unexpected(about(placed.error(), domain, *hub));
    given.of_device.emplace(device_index(*hub, domain), *std::move(placed));
  }
  for (std::size_t missing = missing_hub_count(domain, users); missing > 0; --missing) {
    auto placed = place_hub(std::nullopt, buses);
    if (!placed) return blame_last(domain, users, placed.error());
    given.of_added_hubs.push_back(*std::move(placed));
  }
  return {};
}

/// A device with an address of another type is left alone.
bool wants_port(const Device& device) {
  const bool may = device.address.index() == 0 || std::holds_alternative<UsbAddress>(device.address);
  return may && usb_path_of(device).empty();
}

Result<void> place_devices(const Domain& domain, const UsbUsers& users, UsbBuses& buses, UsbPorts& given) {
  for (const Device* device : users.devices) {
    if (device != nullptr && !wants_port(*device)) continue;
    auto taken = buses.take_free(device == nullptr ? std::nullopt : usb_bus_of(*device));
    if (!taken) return std::unexpected(device == nullptr ? taken.error() : about(taken.error(), domain, *device));
    if (device == nullptr)
      given.of_added_inputs.push_back(*std::move(taken));
    else
      given.of_device.emplace(device_index(*device, domain), *std::move(taken));
  }
  return {};
}

}  // namespace

Result<UsbPorts> give_usb_ports(const Domain& domain) {
  const UsbUsers users = users_of(domain);
  if (auto checked = check_usb_is_enabled(domain, users); !checked) return std::unexpected(checked.error());
  UsbBuses buses;
  if (auto put = put_written(domain, users, buses); !put) return std::unexpected(put.error());
  UsbPorts given;
  if (auto placed = place_hubs(domain, users, buses, given); !placed) return std::unexpected(placed.error());
  if (auto placed = place_devices(domain, users, buses, given); !placed) return std::unexpected(placed.error());
  return given;
}

}  // namespace busproof::topology
