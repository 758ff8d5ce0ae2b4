#include "engine/topology/buses.h"

#include <algorithm>
#include <bitset>
#include <tuple>
#include <utility>
#include <variant>

#include "engine/topology/chipset_rules.h"
#include "engine/topology/controller_rules.h"

namespace busproof::topology {
namespace {

/// Whether the device is a controller that makes a bus; one that is not completed yet need not say which.
bool makes_bus(const domain::Device& device) {
  return is_pci_controller(device) && device.controller->index && device.controller->pci_model;
}

/// The place of the bus with that index; nothing if there is none.
std::optional<std::size_t> find_bus(const std::vector<GuestBus>& all, std::uint32_t index) {
  const auto bus = std::ranges::lower_bound(all, index, {}, &GuestBus::index);
  if (bus == all.end() || bus->index != index) return std::nullopt;
  return static_cast<std::size_t>(bus - all.begin());
}

/// Where the device sits; nothing for what has no place on a PCI bus.
const domain::PciAddress* seated(const domain::Device& device) {
  const auto* address = std::get_if<domain::PciAddress>(&device.address);
  return address != nullptr && address->at ? address : nullptr;
}

/// Whether function 0 of the slot belongs to the chipset.
bool is_of_chipset(std::optional<Family> family, const GuestBus& bus, unsigned slot) {
  return bus.index == 0 && std::ranges::any_of(kReservedFunctions, [&](const ReservedFunction& reserved) {
           return family == reserved.family && reserved.place.slot == slot && reserved.place.function == 0;
         });
}

/// Sorted occupants: a slot's function 0, if there is one, comes first.
void mark_unseen(GuestBus& bus, std::optional<Family> family) {
  std::optional<unsigned> open_slot;
  for (Occupant& occupant : bus.occupants) {
    const unsigned slot = occupant.at.slot();
    if (occupant.at.function() == 0 || is_of_chipset(family, bus, slot)) open_slot = slot;
    occupant.unseen = open_slot != slot;
  }
}

}  // namespace

Buses buses_of(const domain::Domain& domain) {
  Buses buses{.family = family_of(domain.arch, domain.machine), .has_acpi = domain.has_acpi};
  auto& all = buses.all;
  for (std::size_t i = 0; i < domain.devices.size(); ++i) {
    const domain::Device& device = domain.devices[i];
    if (!makes_bus(device)) continue;
    GuestBus bus{.index = *device.controller->index, .model = *device.controller->pci_model, .controller = i};
    const auto bus_nr = device.controller->target.bus_nr;
    if (bus.is_expander() && bus_nr && *bus_nr >= 0 && std::cmp_less_equal(*bus_nr, pci::kBusMax))
      bus.bus_nr = static_cast<std::uint8_t>(*bus_nr);
    all.push_back(std::move(bus));
  }
  std::ranges::sort(all, {}, [](const GuestBus& bus) { return std::tuple(bus.index, bus.controller); });
  const auto repeated = std::ranges::unique(all, {}, &GuestBus::index);
  all.erase(repeated.begin(), repeated.end());

  for (std::size_t i = 0; i < domain.devices.size(); ++i) {
    const domain::Device& device = domain.devices[i];
    const auto* address = seated(device);
    if (address == nullptr) continue;
    const auto on = find_bus(all, address->at->bus());
    if (!on) continue;
    Occupant occupant{.device = i, .at = *address->at, .multifunction = address->multifunction == domain::Switch::On};
    if (makes_bus(device)) {
      const auto made = find_bus(all, *device.controller->index);
      if (made && all[*made].controller == i) occupant.makes = made;
    }
    all[*on].occupants.push_back(occupant);
  }
  for (std::size_t place = 0; place < all.size(); ++place) {
    std::ranges::sort(all[place].occupants, {},
                      [](const Occupant& o) { return std::tuple(o.at.slot(), o.at.function(), o.device); });
    mark_unseen(all[place], buses.family);
    for (std::size_t i = 0; i < all[place].occupants.size(); ++i) {
      if (const auto made = all[place].occupants[i].makes) {
        all[*made].parent = place;
        all[*made].occupant = i;
      }
    }
  }
  return buses;
}

const GuestBus* host_bus(const Buses& buses, const GuestBus& bus) {
  const GuestBus* at = &bus;
  for (std::size_t steps = 0; steps < buses.all.size(); ++steps) {
    if (at->is_expander() || !at->parent) return at;
    at = &buses.all[*at->parent];
  }
  return nullptr;
}

std::optional<int> node_of(const domain::Domain& domain, const Buses& buses, const GuestBus& bus) {
  const GuestBus* host = host_bus(buses, bus);
  return host == nullptr ? std::nullopt : domain.devices[host->controller].controller->target.node;
}

std::vector<std::uint8_t> free_slots(const Buses& buses, std::size_t bus) {
  const GuestBus& self = buses.all[bus];
  std::bitset<pci::kSlotCount> taken;
  for (const Occupant& occupant : self.occupants) taken.set(occupant.at.slot());
  const SlotRange range = rule_for(self.model).slots;
  std::vector<std::uint8_t> free;
  for (std::uint8_t slot = range.min; slot <= range.max; ++slot)
    if (!taken[slot] && !is_of_chipset(buses.family, self, slot)) free.push_back(slot);
  return free;
}

}  // namespace busproof::topology
