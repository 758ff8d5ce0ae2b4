#include "engine/assign/headroom.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <variant>

#include "engine/assign/seat_wish.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "engine/topology/controller_rules.h"
#include "engine/topology/machine_rules.h"

namespace busproof::assign {
namespace {

using domain::Device;
using domain::Domain;
using pci::ControllerModel;
using topology::Buses;
using topology::GuestBus;
using topology::SlotKind;

Device controller_of(ControllerModel model) {
  Device device;
  device.kind = domain::DeviceKind::Controller;
  device.model = to_string(model);
  device.controller.emplace();
  device.controller->pci_model = model;
  return device;
}

Device card_of(std::string_view model) {
  Device device;
  device.kind = domain::DeviceKind::Interface;
  device.type = "user";
  device.model = model;
  device.address = domain::PciAddress{};  // asks for PCI where the machine would choose another transport
  return device;
}

bool has_express_root(const Buses& buses) {
  return !buses.all.empty() && buses.all[0].model == ControllerModel::PcieRoot;
}

/// A device of the class as a user would add it.
Device sample_of(PlugClass of, const Buses& buses) {
  switch (of) {
    case PlugClass::PcieEndpoint:
      return card_of("virtio");
    case PlugClass::Conventional:
      return card_of("e1000");
    case PlugClass::RootPort:
      return controller_of(ControllerModel::PcieRootPort);
    case PlugClass::Expander:
      break;
  }
  return controller_of(has_express_root(buses) ? ControllerModel::PcieExpanderBus : ControllerModel::PciExpanderBus);
}

Domain with(const Domain& domain, const Device& device, std::uint32_t count) {
  Domain more = domain;
  more.devices.insert(more.devices.end(), count, device);
  return more;
}

// --- Cold

/// Which error speaks of which limit.
struct LimitRule {
  std::string_view error;
  PlugLimit limit;
};
constexpr std::array kLimitRules = {
    LimitRule{"E311", PlugLimit::Slot},      LimitRule{"E312", PlugLimit::Slot},
    LimitRule{"E205", PlugLimit::BusNumber}, LimitRule{"E208", PlugLimit::BusNumber},
    LimitRule{"E217", PlugLimit::BusNumber}, LimitRule{"E218", PlugLimit::BusNumber},
    LimitRule{"E206", PlugLimit::Machine},   LimitRule{"E207", PlugLimit::Machine},
    LimitRule{"E310", PlugLimit::Machine},
};

PlugLimit limit_of(const Error& error) {
  const auto rule = std::ranges::find(kLimitRules, error.rule, &LimitRule::error);
  return rule == kLimitRules.end() ? PlugLimit::Libvirt : rule->limit;
}

/// The most for which `holds`; it holds for fewer, and not for more. `max` is beyond all that could be.
std::uint32_t last_that_holds(std::uint32_t max, const std::function<bool(std::uint32_t)>& holds) {
  std::uint32_t good = 0, bad = 1;
  while (bad < max && holds(bad)) {
    good = bad;
    bad *= 2;
  }
  while (bad - good > 1) {
    const std::uint32_t middle = good + (bad - good) / 2;
    (holds(middle) ? good : bad) = middle;
  }
  return good;
}

/// Buses for which the guest has no number.
std::ptrdiff_t lost_count(const topology::BusNumbers& numbers) {
  return std::ranges::count_if(numbers.number, [](const auto& number) { return !number; });
}

std::ptrdiff_t lost_count(const domain::PlacedDomain& placed) {
  return lost_count(topology::number_buses(topology::buses_of(placed.domain())));
}

/// Slots that libvirt gives to conventional devices without adding a bus.
std::uint32_t conventional_slots(const Buses& buses) {
  std::size_t slots = 0;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    const auto& rule = topology::rule_for(buses.all[i].model);
    if (rule.accepts.contains(SlotKind::PciDevice) && rule.seating == topology::Seating::Auto)
      slots += topology::free_slots(buses, i).size();
  }
  return static_cast<std::uint32_t>(slots);
}

/// libvirt's rehearsal refuses some numbers of conventional devices and takes greater ones, so those are tried one by
/// one once there is no slot; of the others, what is refused once stays refused.
std::uint32_t accepted_count(PlugClass of, const Buses& buses, const std::function<bool(std::uint32_t)>& accepts) {
  constexpr std::uint32_t kMoreThanThereCanBe = 16384;
  if (of != PlugClass::Conventional) return last_that_holds(kMoreThanThereCanBe, accepts);
  const std::uint32_t slots = conventional_slots(buses);
  std::uint32_t count = slots > 1 && accepts(slots - 1) ? slots - 1 : 0;
  while (accepts(count + 1)) ++count;
  return count;
}

void count_cold(const domain::PlacedDomain& placed, const Device& sample, ClassHeadroom& row) {
  const Domain& domain = placed.domain();
  const auto assigned = [&](std::uint32_t count) { return assign(with(domain, sample, count)); };
  row.cold.count = accepted_count(row.of, topology::buses_of(domain),
                                  [&](std::uint32_t count) { return assigned(count).has_value(); });
  const Error refusal = assigned(row.cold.count + 1).error();
  row.cold.limit = limit_of(refusal);
  row.cold.why = refusal.message;
  if (row.cold.limit == PlugLimit::Slot && assigned(row.cold.count + 2)) {
    row.cold.limit = PlugLimit::Libvirt;
    row.cold.why += "; libvirt keeps a slot for a device that is not there, and accepts two more";
  }
  const std::ptrdiff_t lost_before = lost_count(placed);
  const auto is_seen = [&](std::uint32_t count) {
    const auto assignment = assigned(count);
    return assignment && lost_count(assignment->placed) == lost_before;
  };
  row.cold_seen =
      row.cold.count == 0 || is_seen(row.cold.count) ? row.cold.count : last_that_holds(row.cold.count + 1, is_seen);
}

// --- Hot

constexpr SlotKind hot_kind_of(PlugClass of) {
  if (of == PlugClass::PcieEndpoint) return SlotKind::PcieDevice;
  return of == PlugClass::Conventional ? SlotKind::PciDevice : SlotKind::None;
}

/// Whether QEMU takes a device there, which libvirt finds out only by asking it.
/// Source: libvirt 9.0.0 takes hotplug='off' of ports into account, and not that of the root bus; without ACPI QEMU 7.2
/// has no hot-plug on the root bus of an i440fx.
bool hotplug_is_on(const Domain& domain, const Buses& buses, const GuestBus& bus) {
  if (domain.devices[bus.controller].controller->target.hotplug == domain::Switch::Off) return false;
  return buses.family != topology::Family::I440fx || bus.index != 0 || buses.has_acpi;
}

Room hot_room(const Domain& domain, const Buses& buses, PlugClass of) {
  const SlotKind kind = hot_kind_of(of);
  if (kind == SlotKind::None) return {0, PlugLimit::Libvirt, "libvirt plugs no PCI controller into a running guest"};
  std::uint32_t free_on = 0, free_off = 0, suited = 0;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    const auto& rule = topology::rule_for(buses.all[i].model);
    if (!rule.accepts.contains(kind) || rule.plug == topology::Plug::Cold) continue;
    ++suited;
    const auto free = static_cast<std::uint32_t>(topology::free_slots(buses, i).size());
    (hotplug_is_on(domain, buses, buses.all[i]) ? free_on : free_off) += free;
  }
  const bool is_express = of == PlugClass::PcieEndpoint;
  const PlugLimit limit = is_express ? PlugLimit::Port : PlugLimit::Slot;
  if (free_off > 0)
    return {free_on, PlugLimit::HotplugOff,
            "the other free slots are on buses where hot-plug is off: hotplug='off', or no <acpi/>"};
  if (suited == 0)
    return {0, is_express && !has_express_root(buses) ? PlugLimit::Machine : limit,
            is_express ? "there is no root or downstream port" : "there is no bus for conventional devices"};
  return {free_on, limit, is_express ? "every root and downstream port has its device" : "every slot has its device"};
}

// --- More

/// Controllers that make room, in the order in which they are tried: the first ones once, the last one as often as
/// needed.
struct Extension {
  PlugClass of;
  std::vector<ControllerModel> once;
  ControllerModel each;
};
const std::vector<Extension>& extensions() {
  using enum ControllerModel;
  static const std::vector<Extension> kExtensions = {
      {PlugClass::PcieEndpoint, {}, PcieRootPort},
      {PlugClass::PcieEndpoint, {PcieSwitchUpstreamPort}, PcieSwitchDownstreamPort},
      {PlugClass::PcieEndpoint, {PcieExpanderBus}, PcieRootPort},
      {PlugClass::Conventional, {}, PciBridge},
      {PlugClass::Conventional, {}, PcieToPciBridge},
      {PlugClass::Conventional, {PcieRootPort}, PcieToPciBridge},
      {PlugClass::Conventional, {PciExpanderBus}, PciBridge},
      {PlugClass::RootPort, {}, PcieExpanderBus},
  };
  return kExtensions;
}

/// Whether every bus there was has the number that it had, and every new one has one.
bool keeps_numbers(const domain::PlacedDomain& before, const domain::PlacedDomain& after) {
  const Buses was = topology::buses_of(before.domain()), is = topology::buses_of(after.domain());
  const auto old_numbers = topology::number_buses(was), new_numbers = topology::number_buses(is);
  for (std::size_t i = 0; i < was.all.size(); ++i) {
    const auto same = std::ranges::find(is.all, was.all[i].index, &GuestBus::index);
    if (same == is.all.end()) return false;
    if (new_numbers.number[static_cast<std::size_t>(same - is.all.begin())] != old_numbers.number[i]) return false;
  }
  return lost_count(new_numbers) == lost_count(old_numbers);
}

std::uint32_t count_of(const domain::PlacedDomain& placed, PlugClass of, PlugTime time) {
  const Buses buses = topology::buses_of(placed.domain());
  if (time == PlugTime::Hot) return hot_room(placed.domain(), buses, of).count;
  ClassHeadroom row{.of = of, .cold = {}, .hot = {}};
  count_cold(placed, sample_of(of, buses), row);
  return row.cold_seen;
}

std::vector<Device> added_controllers(const Domain& before, const Domain& after) {
  std::vector<Device> added;
  for (const Device& device : after.devices) {
    if (!is_pci_controller(device)) continue;
    const bool was_there = std::ranges::any_of(before.devices, [&](const Device& old) {
      return is_pci_controller(old) && old.controller->index == device.controller->index;
    });
    if (!was_there) added.push_back(device);
  }
  return added;
}

/// Functions that no new controller may take, `more` among them.
KeptFree closed_places(const Domain& domain, KeptFree more) {
  for (const Device& device : domain.devices)
    if (const auto* pci = std::get_if<domain::PciAddress>(&device.address))
      std::ranges::copy(functions_to_close(*pci), std::back_inserter(more));
  std::ranges::sort(more);
  const auto repeated = std::ranges::unique(more);
  more.erase(repeated.begin(), repeated.end());
  return more;
}

std::optional<MoreRoom> room_with(const domain::PlacedDomain& placed, const std::vector<ControllerModel>& models,
                                  PlugClass of, PlugTime time) {
  Domain wish = placed.domain();
  for (const ControllerModel model : models) wish.devices.push_back(controller_of(model));
  for (const KeptFree& kept_free : {KeptFree{}, places_before_bridges(placed.domain())}) {
    const auto assignment = assign(wish, Explain::No, {}, closed_places(placed.domain(), kept_free));
    if (!assignment || !keeps_numbers(placed, assignment->placed)) continue;
    return MoreRoom{added_controllers(placed.domain(), assignment->placed.domain()),
                    count_of(assignment->placed, of, time)};
  }
  return std::nullopt;
}

/// How many of the last controller are tried at most: more there cannot be on one domain.
constexpr std::uint32_t kEachMax = pci::kBusMax;

/// The fewest of one extension; nothing when more of it no longer help.
std::optional<MoreRoom> extended(const domain::PlacedDomain& placed, const Extension& extension, PlugTime time,
                                 std::uint32_t wanted) {
  std::uint32_t before = count_of(placed, extension.of, time);
  std::vector<ControllerModel> models = extension.once;
  for (std::uint32_t each = 1; each <= kEachMax; ++each) {
    models.push_back(extension.each);
    auto more = room_with(placed, models, extension.of, time);
    if (!more) return std::nullopt;
    if (more->count >= wanted) return more;
    if (each > extension.once.size() + 1 && more->count <= before) return std::nullopt;
    before = more->count;
    // Each adds the same, so most of the tries can be left out.
    if (time == PlugTime::Hot && extension.of == PlugClass::PcieEndpoint && wanted > more->count + 1) {
      const std::uint32_t skipped = std::min(wanted - more->count - 1, kEachMax - each);
      models.insert(models.end(), skipped, extension.each);
      each += skipped;
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<ClassHeadroom> headroom(const domain::PlacedDomain& placed) {
  const Buses buses = topology::buses_of(placed.domain());
  std::vector<ClassHeadroom> rows;
  for (const PlugClass of :
       {PlugClass::PcieEndpoint, PlugClass::Conventional, PlugClass::RootPort, PlugClass::Expander}) {
    ClassHeadroom row{.of = of, .cold = {}, .hot = hot_room(placed.domain(), buses, of)};
    if ((of == PlugClass::PcieEndpoint || of == PlugClass::RootPort) && !has_express_root(buses))
      row.cold = {0, PlugLimit::Machine, "this machine has no PCI Express"};
    else
      count_cold(placed, sample_of(of, buses), row);
    rows.push_back(std::move(row));
  }
  return rows;
}

PlugClass native_class(const domain::PlacedDomain& placed) {
  return has_express_root(topology::buses_of(placed.domain())) ? PlugClass::PcieEndpoint : PlugClass::Conventional;
}

std::optional<MoreRoom> more_room(const domain::PlacedDomain& placed, PlugClass of, PlugTime time,
                                  std::uint32_t wanted) {
  if (time == PlugTime::Hot && hot_kind_of(of) == SlotKind::None) return std::nullopt;
  if (count_of(placed, of, time) >= wanted) return std::nullopt;
  std::optional<MoreRoom> best;
  for (const Extension& extension : extensions()) {
    if (extension.of != of) continue;
    auto more = extended(placed, extension, time, wanted);
    if (more && (!best || more->controllers.size() < best->controllers.size())) best = std::move(more);
  }
  return best;
}

KeptFree functions_to_close(const domain::PciAddress& of_device) {
  KeptFree closed;
  if (!of_device.at) return closed;
  const auto close = [&](unsigned function) {
    closed.push_back(*pci::GuestAddress::make(0, of_device.at->bus(), of_device.at->slot(), function));
  };
  if (of_device.at->function() != 0)
    close(0);
  else if (of_device.multifunction != domain::Switch::On)
    for (unsigned function = 1; function < pci::kFunctionCount; ++function) close(function);
  return closed;
}

KeptFree places_before_bridges(const Domain& domain) {
  std::map<std::uint8_t, pci::GuestAddress> last;  // bridge, by bus
  for (const Device& device : domain.devices) {
    const auto* pci = std::get_if<domain::PciAddress>(&device.address);
    if (!is_pci_controller(device) || pci == nullptr || !pci->at) continue;
    const auto [bridge, is_first] = last.try_emplace(pci->at->bus(), *pci->at);
    if (!is_first) bridge->second = std::max(bridge->second, *pci->at);
  }
  KeptFree places;
  for (const auto& [bus, bridge] : last)
    for (unsigned slot = 0; slot <= bridge.slot(); ++slot)
      for (unsigned function = 0; function < pci::kFunctionCount; ++function)
        if (const auto at = *pci::GuestAddress::make(0, bus, slot, function); at < bridge) places.push_back(at);
  return places;
}

}  // namespace busproof::assign
