#include "engine/assign/seat_check.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "engine/topology/controller_rules.h"

namespace busproof::assign {
namespace {

using topology::Bus;
using topology::Obstacle;
using topology::Origin;
using topology::Seat;
using topology::SlotKind;
using topology::SlotMap;
using topology::SlotWish;

/// A wrong address is the user's fault, or ours.
std::string_view prefix(Origin origin) { return origin == Origin::Xml ? "XML error" : "internal error"; }

Refusal does_not_fit(Obstacle problem, Origin origin, const Seat& asked, const Seat& seat, const SlotWish& wish) {
  const std::string address = to_string(asked);
  if (problem == Obstacle::NotIntegrated)
    return refused("E307",
                   fmt::format("{}: The device at PCI address {} needs to be an integrated device (bus=0)",
                               prefix(origin), address),
                   "put it on bus 0 and keep a slot free there");
  // libvirt lets a bridge go wherever a conventional device may, and so asks for that (spec 2.3).
  const bool is_written_bridge = wish.kind == SlotKind::Bridge && origin == Origin::Xml;
  const std::string_view required = topology::required_name(is_written_bridge ? SlotKind::PciDevice : wish.kind);
  return refused("E306",
                 fmt::format("{}: The device at PCI address {} cannot be plugged into the PCI controller with "
                             "index='{}'. It requires a controller that accepts a {}.",
                             prefix(origin), address, seat.bus, required),
                 fmt::format("choose a bus that accepts a {}, or leave the address to libvirt", required));
}

Refusal no_such_slot(Origin origin, const Seat& asked, const Seat& seat, const Bus& bus) {
  const bool too_low = seat.slot < bus.slots.min;
  return refused(too_low ? "E303" : "E304",
                 fmt::format("{}: Invalid PCI address {}. slot must be {} {}", prefix(origin), to_string(asked),
                             too_low ? ">=" : "<=", too_low ? bus.slots.min : bus.slots.max),
                 fmt::format("bus {} ({}) has slots {:#04x}-{:#04x}", seat.bus, to_string(bus.model), bus.slots.min,
                             bus.slots.max));
}

}  // namespace

Refusal no_buses() {
  return refused("E310", "XML error: No PCI buses available",
                 "this machine type has no PCI bus; choose another one (q35, pc), or remove the device");
}

Result<void> check_seat(const SlotMap& map, const Seat& asked, const Seat& seat, const SlotWish& wish, Origin origin) {
  if (map.bus_count() == 0) return no_buses();
  if (seat.segment != 0)
    return refused(
        "E301",
        fmt::format("{}: Invalid PCI address {}. Only PCI domain 0 is available", prefix(origin), to_string(asked)),
        "write domain='0x0000'; a guest has one PCI domain");
  if (seat.bus >= map.bus_count())
    return refused("E302",
                   fmt::format("{}: Invalid PCI address {}. Only PCI buses up to {} are available", prefix(origin),
                               to_string(asked), map.bus_count() - 1),
                   fmt::format("add a PCI controller with index {}, or use a bus that exists", seat.bus));
  const Bus& bus = map.buses()[seat.bus];
  if (const auto problem = obstacle(bus, seat.bus, wish, origin))
    return does_not_fit(*problem, origin, asked, seat, wish);
  if (seat.slot < bus.slots.min || seat.slot > bus.slots.max) return no_such_slot(origin, asked, seat, bus);
  return {};
}

Refusal taken_twice(const Seat& asked, Origin origin, std::string remedy) {
  return refused("E305", fmt::format("{}: Attempted double use of PCI Address {}", prefix(origin), to_string(asked)),
                 std::move(remedy));
}

}  // namespace busproof::assign
