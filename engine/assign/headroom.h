#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"

/// How many more devices a placed domain has room for, what stops the next one, and what would make room.
namespace busproof::assign {

enum class PlugClass : std::uint8_t { PcieEndpoint, Conventional, RootPort, Expander };
inline constexpr std::array<std::string_view, 4> kPlugClassNames = {"pcie-endpoint", "conventional", "root-port",
                                                                    "expander"};
constexpr std::string_view to_string(PlugClass of) { return kPlugClassNames[static_cast<std::size_t>(of)]; }

/// Cold: into the config, for the next start; hot: into the running guest.
enum class PlugTime : std::uint8_t { Cold, Hot };

/// What the next device runs into.
enum class PlugLimit : std::uint8_t {
  Slot,        ///< no slot is left that it, or the bridge it needs, could take
  Port,        ///< no empty root or downstream port is left
  BusNumber,   ///< no bus number or controller index is left
  HotplugOff,  ///< there is room, where hot-plug is switched off
  Machine,     ///< the machine has none of that kind
  Libvirt,     ///< libvirt refuses although there is room
};
constexpr std::string_view to_string(PlugLimit limit) {
  constexpr std::string_view kNames[] = {"slot", "port", "bus-number", "hotplug-off", "machine", "libvirt"};
  return kNames[static_cast<std::size_t>(limit)];
}

struct Room {
  std::uint32_t count = 0;
  PlugLimit limit{};
  std::string why;  ///< what the next one would be told; without full stop
};

struct ClassHeadroom {
  PlugClass of{};
  Room cold;  ///< so many at once are accepted by assign(), and one more is not
  /// How many of them the guest would have: libvirt accepts buses for which the guest has no number.
  std::uint32_t cold_seen = 0;
  Room hot;  ///< so many empty slots take one in the running guest, by libvirt's rules
};

/// One row a class, in the order of PlugClass.
std::vector<ClassHeadroom> headroom(const domain::PlacedDomain& placed);

/// What people plug into such a machine: PCI Express endpoints, or conventional devices where it has no PCI Express.
PlugClass native_class(const domain::PlacedDomain& placed);

/// Controllers that make room.
struct MoreRoom {
  std::vector<domain::Device> controllers;  ///< with index, model and address
  std::uint32_t count = 0;                  ///< the headroom after that
};

/// The fewest controllers after which there is room for at least `wanted`, none of the devices having moved and none of
/// the buses having another number in the guest. Nothing if no such are known, or none are needed.
std::optional<MoreRoom> more_room(const domain::PlacedDomain& placed, PlugClass of, PlugTime time,
                                  std::uint32_t wanted);

/// The functions of a device's slot that nobody can be given without the guest noticing: a further one would set the
/// multifunction bit of function 0, and a new function 0 would show the guest what it could not see without.
KeptFree functions_to_close(const domain::PciAddress& of_device);

/// On each bus every function before its last bridge, taken or not: a new bridge there would give the buses behind it
/// other numbers.
KeptFree places_before_bridges(const domain::Domain& domain);

}  // namespace busproof::assign
