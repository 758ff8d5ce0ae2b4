#include "engine/topology/slot_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace busproof::topology {

std::string to_string(const Seat& seat) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", seat.segment, seat.bus, seat.slot, seat.function);
}

Bus bus_of(pci::ControllerModel model, bool hotplug_off) {
  const ControllerRule& rule = rule_for(model);
  Bus bus;
  bus.model = model;
  bus.slots = rule.slots;
  bus.seating = rule.seating;
  bus.plug = hotplug_off ? Plug::Cold : rule.plug;
  bus.accepts = rule.accepts;
  return bus;
}

Bus root_port_for_bridge() {
  Bus bus = bus_of(pci::ControllerModel::PcieRootPort);
  bus.accepts = {SlotKind::PcieBridge};
  bus.seating = Seating::ByUser;
  bus.plug = Plug::Cold;
  return bus;
}

std::optional<Obstacle> obstacle(const Bus& bus, std::uint32_t index, const SlotWish& wish, Origin origin) {
  if (wish.integrated && index != 0) return Obstacle::NotIntegrated;
  if (origin == Origin::Xml) {
    const bool is_endpoint = wish.kind == SlotKind::PciDevice || wish.kind == SlotKind::PcieDevice;
    const bool sits_like_one = is_endpoint || wish.kind == SlotKind::Bridge;
    if (sits_like_one && bus.accepts.takes_endpoints()) return std::nullopt;
  } else if (wish.endpoint_seating && bus.seating == Seating::ByUser && !wish.integrated) {
    return Obstacle::ByUserOnly;
  }
  if (!bus.accepts.contains(wish.kind)) return Obstacle::WrongKind;
  return std::nullopt;
}

SlotMap::SlotMap(std::vector<Bus> buses)
    : buses_(std::move(buses)),
      takes_a_bridge_(
          std::ranges::any_of(buses_, [](const Bus& bus) { return bus.accepts.contains(SlotKind::Bridge); })) {}

void SlotMap::add_bus(const Bus& bus) {
  takes_a_bridge_ = takes_a_bridge_ || bus.accepts.contains(SlotKind::Bridge);
  buses_.push_back(bus);
}

bool SlotMap::slot_in_use(std::uint32_t bus, std::uint8_t slot) const { return buses_[bus].slot[slot].functions != 0; }

bool SlotMap::is_full() const { return std::ranges::all_of(buses_, &Bus::is_full); }

bool SlotMap::is_taken(const Seat& seat) const {
  return (buses_[seat.bus].slot[seat.slot].functions >> seat.function & 1U) != 0;
}

std::optional<Seat> SlotMap::find_on(std::uint32_t index, const SlotWish& wish, unsigned from) const {
  const Bus& bus = buses_[index];
  if (obstacle(bus, index, wish, Origin::Chosen)) return std::nullopt;
  if (bus.is_full() && !wish.shares_slot) return std::nullopt;
  for (unsigned number = std::max<unsigned>(bus.slots.min, from); number <= bus.slots.max; ++number) {
    const Bus::Slot& slot = bus.slot[number];
    const auto slot_number = static_cast<std::uint8_t>(number);
    if (slot.functions == 0) return Seat{0, index, slot_number, wish.function.value_or(0)};
    if (!wish.shares_slot || !slot.shared) continue;
    const auto function = static_cast<std::uint8_t>(std::countr_one(slot.functions));
    if (function < pci::kFunctionCount) return Seat{0, index, slot_number, function};
  }
  return std::nullopt;
}

std::optional<Seat> SlotMap::find(const SlotWish& wish) {
  // The function wanted does not matter to the cursor: it needs an empty slot, as function 0 does.
  const auto same_search = [&wish](const Cursor& cursor) {
    return cursor.wish.kind == wish.kind && cursor.wish.endpoint_seating == wish.endpoint_seating &&
           cursor.wish.shares_slot == wish.shares_slot && cursor.wish.integrated == wish.integrated &&
           cursor.wish.group == wish.group;
  };
  auto cursor = std::ranges::find_if(cursors_, same_search);
  if (cursor == cursors_.end()) cursor = cursors_.insert(cursors_.end(), Cursor{wish});
  for (; cursor->bus < bus_count(); ++cursor->bus, cursor->slot = 0) {
    if (buses_[cursor->bus].group != wish.group) continue;
    if (const auto seat = find_on(cursor->bus, wish, cursor->slot)) {
      cursor->slot = seat->slot;
      return seat;
    }
  }
  for (std::uint32_t index = 0; wish.group != 0 && index < bus_count(); ++index) {
    if (!buses_[index].is_empty() || buses_[index].group_locked) continue;
    if (const auto seat = find_on(index, wish, 0)) return seat;
  }
  return std::nullopt;
}

void SlotMap::take(const Seat& seat, const SlotWish& wish, Origin origin) {
  assert(seat.bus < bus_count() && !is_taken(seat));
  Bus& bus = buses_[seat.bus];
  const IsolationGroup group_before = bus.group;
  if (bus.is_empty() && !bus.group_locked) {
    bus.group = wish.group;  // the first device decides for its whole bus
  } else if (bus.group != wish.group && origin == Origin::Xml) {
    bus.group = 0;  // the user mixed groups: isolation is gone
  }
  if (bus.group != group_before) cursors_.clear();
  Bus::Slot& slot = bus.slot[seat.slot];
  if (slot.functions == 0) {
    slot.shared = wish.shares_slot;
    ++bus.taken_slots;
  }
  slot.functions = static_cast<std::uint8_t>(slot.functions | 1U << seat.function);
}

}  // namespace busproof::topology
