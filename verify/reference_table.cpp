#include "verify/reference_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "verify/reference_lists.h"

namespace busproof::verify::reference {
namespace {

using pci::ControllerModel;

std::string spelled(const Spot& spot) {
  return fmt::format("0000:{:02x}:{:02x}.{:x}", spot.bus, spot.slot, spot.function);
}

}  // namespace

Table::Table(const std::vector<domain::Device>& controllers, bool express_root, Growth growth)
    : may_grow_(growth == Growth::Allowed) {
  std::uint32_t count = 0;
  for (const domain::Device& each : controllers)
    if (is_pci(each)) count = std::max(count, *each.controller->index + 1);
  for (std::uint32_t i = 0; i < count; ++i)
    add(express_root ? ControllerModel::PcieRootPort : ControllerModel::PciBridge);
  for (const domain::Device& each : controllers)
    if (is_pci(each)) buses_[*each.controller->index].model = *each.controller->pci_model;
}

void Table::add(ControllerModel model, bool for_bridge_only) {
  buses_.push_back({.model = model, .for_bridge_only = for_bridge_only, .slots = {}});
}

bool Table::all_full() const {
  return std::ranges::all_of(buses_, [](const Bus& bus) {
    const ControllerRow& row = row_of(bus.model);
    for (unsigned slot = row.first_slot; slot <= row.last_slot; ++slot)
      if (bus.slots[slot].functions == 0) return false;
    return true;
  });
}

bool Table::slot_unused(std::uint32_t bus, std::uint8_t slot) const {
  return bus < buses_.size() && buses_[bus].slots[slot].functions == 0;
}

bool Table::accepts(const Bus& bus, std::uint32_t index, const Guest& guest) const {
  if (bus.for_bridge_only) return guest.asked.kind == Kind::ExpressBridge;
  if (!guest.asked.integrated) return accepts_unasked(row_of(bus.model), guest.asked.kind);
  const auto& accepted = row_of(bus.model).accepts;
  return index == 0 && std::ranges::find(accepted, guest.asked.kind) != accepted.end();
}

std::optional<Error> Table::take(const Spot& at, const Guest& guest) {
  Bus::Slot& slot = buses_[at.bus].slots[at.slot];
  const auto bit = static_cast<std::uint8_t>(1U << at.function);
  if ((slot.functions & bit) != 0)
    return refused("E305", "XML error: Attempted double use of PCI Address " + spelled(at)).error();
  if (slot.functions == 0) slot.aggregate = guest.aggregates;
  slot.functions |= bit;
  return std::nullopt;
}

std::optional<Error> Table::take_written(Spot& at, const Guest& guest) {
  const Spot written = at;
  if (may_grow_ && at.bus >= buses_.size())
    if (auto error = grow(guest, at.bus)) return error;
  if (at.bus >= buses_.size())
    return refused("E302", fmt::format("XML error: Invalid PCI address {}. Only PCI buses up to {} are available",
                                       spelled(written), buses_.size() - 1))
        .error();
  if (guest.asked.integrated && at.bus != 0)
    return refused("E307", "XML error: The device needs to be an integrated device (bus=0): " + spelled(written))
        .error();
  const Bus& bus = buses_[at.bus];
  const ControllerRow& row = row_of(bus.model);
  const bool fits =
      bus.for_bridge_only ? guest.asked.kind == Kind::ExpressBridge : accepts_written(row, guest.asked.kind);
  if (!fits)
    return refused("E306", fmt::format("XML error: The device at PCI address {} cannot be plugged into the PCI "
                                       "controller with index='{}'",
                                       spelled(written), at.bus))
        .error();
  if (at.slot < row.first_slot)
    return refused("E303", "XML error: Invalid PCI address " + spelled(written) + ". slot must be >= 1").error();
  if (at.slot > row.last_slot)
    return refused("E304", "XML error: Invalid PCI address " + spelled(written) + ". slot must be <= 0").error();
  return take(at, guest);
}

Result<Spot> Table::take_first(const Guest& guest) {
  const auto seat = [&](Spot spot) -> Result<Spot> {
    if (auto error = take(spot, guest)) return std::unexpected(*error);
    return spot;
  };
  for (std::uint32_t index = 0; index < buses_.size(); ++index) {
    const Bus& bus = buses_[index];
    if (!accepts(bus, index, guest)) continue;
    const ControllerRow& row = row_of(bus.model);
    for (std::uint8_t slot = row.first_slot; slot <= row.last_slot; ++slot) {
      const Bus::Slot& state = bus.slots[slot];
      if (state.functions == 0) return seat({index, slot, guest.function});
      if (!guest.aggregates || !state.aggregate) continue;
      for (std::uint8_t function = 0; function < pci::kFunctionCount; ++function)
        if ((state.functions & (1U << function)) == 0) return seat({index, slot, function});
    }
  }
  if (!may_grow_) return refused("E311", "internal error: No more available PCI slots");
  auto bus = static_cast<std::uint32_t>(buses_.size());
  if (auto error = grow(guest, bus)) return std::unexpected(*error);
  return seat({bus, row_of(buses_[bus].model).first_slot, guest.function});
}

std::optional<Error> Table::grow(const Guest& guest, std::uint32_t& bus) {
  const Kind kind = guest.asked.kind;
  auto missing = bus + 1 - static_cast<std::uint32_t>(buses_.size());
  if (kind == Kind::Conventional) {
    const bool has_room_for_bridge = std::ranges::any_of(buses_, [](const Bus& each) {
      return !each.for_bridge_only && accepts_unasked(row_of(each.model), Kind::Bridge);
    });
    if (!has_room_for_bridge) {
      if (missing == 1) {
        ++missing;
        ++bus;
      }
      add(ControllerModel::PcieRootPort, true);
      add(ControllerModel::PcieToPciBridge);
      missing -= 2;
    }
    while (missing-- > 0) add(ControllerModel::PciBridge);
    return std::nullopt;
  }
  if (kind == Kind::Express || kind == Kind::Upstream) {
    while (missing-- > 0) add(ControllerModel::PcieRootPort);
    return std::nullopt;
  }
  if (kind == Kind::None || kind == Kind::ExpressBridge)
    return refused("E313", "internal error: Cannot automatically add a new PCI bus for a device with connect flags")
        .error();
  return refused("E312",
                 "internal error: a PCI slot is needed to connect a PCI controller, but none is available, and "
                 "it cannot be automatically added")
      .error();
}

}  // namespace busproof::verify::reference
