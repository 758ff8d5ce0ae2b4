#include "verify/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/abi/diff.h"
#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "verify/placement_compare.h"
#include "verify/reference_rules.h"

namespace busproof::verify {
namespace {

using domain::Device;
using domain::Domain;
using domain::PciAddress;
using domain::Switch;
using pci::GuestAddress;

const PciAddress* place_of(const Device& device) {
  const auto* address = std::get_if<PciAddress>(&device.address);
  return address != nullptr && address->at ? address : nullptr;
}

/// The first console may be the first serial port shown a second time: no device of its own.
bool is_mirror(const Device& device) { return device.kind == domain::DeviceKind::Console; }

/// Devices whose PCI address libvirt drops (spec 1.5); a video of type none and a memory module are measured.
bool may_lose_its_address(const Device& device) {
  using enum domain::DeviceKind;
  return device.kind == Channel || device.kind == Console || device.kind == Hub ||
         (device.kind == Input && device.bus != "virtio") || (device.kind == Video && device.model == "none") ||
         (device.kind == Memory && (device.model == "dimm" || device.model == "nvdimm"));
}

/// What libvirt stores on s390x and does not read back: one USB controller is "none" by default and there is another,
/// or it is not the first: "USB is disabled for this domain". Measured.
bool is_unreadable_to_libvirt(const Domain& domain) {
  std::size_t controllers = 0;
  bool disabled = false, disabled_late = false;
  for (const Device& device : domain.devices) {
    if (!device.controller || device.controller->type != domain::ControllerType::Usb) continue;
    ++controllers;
    disabled = disabled || device.model == "none";
    disabled_late = disabled_late || (device.model == "none" && device.controller->index != 0U);
  }
  return disabled_late || (disabled && controllers > 1);
}

/// The bus that the way up from this one ends at. Those of different host bridges may have the same number.
std::size_t root_of(const topology::Buses& buses, std::size_t bus) {
  while (buses.all[bus].parent) bus = *buses.all[bus].parent;
  return bus;
}

/// What the device asked for when its place was found. A host device asks for something else once it has one.
std::optional<reference::Asked> asked_by(const Device& device, bool express, bool had_place) {
  if (had_place || device.kind != domain::DeviceKind::Hostdev) return reference::asked_by(device, express);
  Device bare = device;
  bare.address = domain::NoAddress{};
  return reference::asked_by(bare, express);
}

std::string name_in(const Assigned& assigned, const Device& device) {
  return display_name(assigned.placed.domain(), device);
}

std::uint32_t highest_bus(const Domain& domain) {
  std::uint32_t highest = 0;
  for (const Device& device : domain.devices)
    if (device.controller && device.controller->type == domain::ControllerType::Pci)
      highest = std::max(highest, device.controller->index.value_or(0));
  return highest;
}

template <class Key, class Value>
using SortedPairs = std::vector<std::pair<Key, Value>>;

/// Stable: of several of one key the first counts.
template <class Key, class Value>
void sort_by_key(SortedPairs<Key, Value>& pairs) {
  std::ranges::stable_sort(pairs, {}, &std::pair<Key, Value>::first);
}

/// What goes with the key; null: nothing.
template <class Key, class Value>
const Value* value_at(const SortedPairs<Key, Value>& pairs, const Key& key) {
  const auto found = std::ranges::lower_bound(pairs, key, {}, &std::pair<Key, Value>::first);
  return found != pairs.end() && found->first == key ? &found->second : nullptr;
}

/// Who sits at the address; null: nobody.
const Device* owner_of(const Assigned& assigned, const GuestAddress& at) {
  const Device* const* owner = value_at(assigned.seats, at);
  return owner == nullptr ? nullptr : *owner;
}

bool was_written(const Assigned& assigned, const Device& device) {
  return std::ranges::any_of(
      assigned.same, [&](const auto& pair) { return pair.second == &device && place_of(*pair.first) != nullptr; });
}

/// What libvirt added is known by its alias, once it has one, else by what it is: kind, model, a controller's type and
/// index.
struct AddedName {
  std::uint64_t what = 0;  ///< all of it that is no text
  std::string_view model{}, alias{};
  friend auto operator<=>(const AddedName&, const AddedName&) = default;
};
AddedName added_name(const Device& device) {
  constexpr unsigned kKindShift = 48, kTypeShift = 40;
  AddedName name{static_cast<std::uint64_t>(device.kind) << kKindShift, device.model, device.alias};
  if (!device.alias.empty() || !device.controller) return name;
  name.what |= (static_cast<std::uint64_t>(device.controller->type) + 1) << kTypeShift;
  if (device.controller->index) name.what |= std::uint64_t{*device.controller->index} + 1;
  return name;
}

/// Whether both have the same devices, in whatever order.
bool same_devices(const std::vector<Device>& some, const std::vector<Device>& others) {
  const auto sorted = [](const std::vector<Device>& devices) {
    std::vector<std::pair<std::pair<std::uint32_t, AddedName>, const Device*>> keyed;
    keyed.reserve(devices.size());
    for (const Device& device : devices) keyed.emplace_back(std::pair(device.element, added_name(device)), &device);
    std::ranges::stable_sort(keyed, {}, [](const auto& pair) -> const auto& { return pair.first; });
    return keyed;
  };
  return std::ranges::equal(sorted(some), sorted(others),
                            [](const auto& a, const auto& b) { return *a.second == *b.second; });
}

template <class Value>
void compare(Violations& found, const std::string& device, std::string_view what, const std::optional<Value>& before,
             const std::optional<Value>& after) {
  if (before && before != after)
    found.push_back({device, fmt::format("{} was {} and is {}", what, *before,
                                         after ? fmt::format("{}", *after) : std::string("gone"))});
}

}  // namespace

Assigned::Assigned(const Domain& the_wish, const domain::PlacedDomain& the_placed)
    : wish(the_wish), placed(the_placed), numbered(topology::numbered_buses(the_placed.domain())) {
  SortedPairs<std::uint32_t, const Device*> by_element;
  SortedPairs<AddedName, const Device*> by_name;
  for (const Device& device : placed.domain().devices) {
    if (device.element != domain::kNoElement)
      by_element.emplace_back(device.element, &device);
    else
      by_name.emplace_back(added_name(device), &device);
    if (const PciAddress* address = place_of(device); address != nullptr && !is_mirror(device))
      seats.emplace_back(*address->at, &device);
  }
  sort_by_key(by_element);
  sort_by_key(by_name);
  sort_by_key(seats);
  same.reserve(wish.devices.size());
  const auto pair_up = [&](const Device& device, const Device* const* found) {
    if (found != nullptr) same.emplace_back(&device, *found);
  };
  for (const Device& device : wish.devices) {
    if (device.element != domain::kNoElement)
      pair_up(device, value_at(by_element, device.element));
    else
      pair_up(device, value_at(by_name, added_name(device)));
  }
}

std::string to_string(const Violations& violations) {
  std::string text;
  for (const auto& [device, what] : violations)
    text += device.empty() ? fmt::format("{}\n", what) : fmt::format("{}: {}\n", device, what);
  return text;
}

Violations assigning_again_changes_nothing(const Assigned& assigned) {
  const Domain& once = assigned.placed.domain();
  const auto twice = assign::assign(once);
  if (!twice) return {{"", "its own answer is refused: " + twice.error().message}};
  const Domain& again = twice->placed.domain();
  Violations found;
  if (once.devices == again.devices) return found;
  // libvirt sorts its controllers anew whenever it reads them (spec 4.14 rule 5a).
  if (same_devices(once.devices, again.devices)) return found;
  for (const std::string& difference : differences(once, again)) found.push_back({"", difference});
  if (once.devices.size() != again.devices.size())
    found.push_back({"", fmt::format("{} devices become {}", once.devices.size(), again.devices.size())});
  if (found.empty()) found.push_back({"", "something other than the PCI places changes"});
  return found;
}

Violations addresses_stay(const Assigned& assigned) {
  Violations found;
  const std::uint32_t highest = highest_bus(assigned.wish);
  for (const auto& [before, after] : assigned.same) {
    const PciAddress* address = place_of(*before);
    // libvirt itself moves a device to the next bus where it has to make the one that was written (spec 4.10 rule 4).
    if (address == nullptr || address->at->bus() > highest || may_lose_its_address(*before)) continue;
    const PciAddress* now = place_of(*after);
    if (now == nullptr)
      found.push_back({name_in(assigned, *after), fmt::format("loses its address {}", to_string(*address->at))});
    else if (*now->at != *address->at)
      found.push_back({name_in(assigned, *after),
                       fmt::format("moves from {} to {}", to_string(*address->at), to_string(*now->at))});
  }
  return found;
}

Violations multifunction_stays(const Assigned& assigned) {
  Violations found;
  for (const auto& [before, after] : assigned.same) {
    const PciAddress* address = place_of(*before);
    const PciAddress* now = place_of(*after);
    if (address == nullptr || now == nullptr || address->multifunction == Switch::Absent) continue;
    if (now->multifunction == address->multifunction) continue;
    found.push_back(
        {name_in(assigned, *after), fmt::format("at {} loses what its multifunction says", to_string(*now->at))});
  }
  return found;
}

Violations no_shared_function(const Assigned& assigned) {
  Violations found;
  for (std::size_t i = 1; i < assigned.seats.size(); ++i) {
    const auto& [at, device] = assigned.seats[i];
    if (const Device* owner = owner_of(assigned, at); owner != device)
      found.push_back(
          {name_in(assigned, *device), fmt::format("sits on {} at {}", name_in(assigned, *owner), to_string(at))});
  }
  return found;
}

Violations every_place_fits(const Assigned& assigned) {
  Violations found;
  const Domain& domain = assigned.placed.domain();
  const auto express = reference::is_express_machine(domain);
  if (!express) return found;
  std::map<std::uint32_t, pci::ControllerModel> models;
  for (const Device& device : domain.devices)
    if (device.controller && device.controller->pci_model)
      models[*device.controller->index] = *device.controller->pci_model;
  std::set<const Device*> by_user;
  for (const auto& [before, after] : assigned.same)
    if (place_of(*before) != nullptr) by_user.insert(after);
  for (const Device& device : domain.devices) {
    const PciAddress* address = place_of(device);
    const auto asked = asked_by(device, *express, by_user.contains(&device));
    if (address == nullptr || !asked || is_mirror(device)) continue;
    const auto bus = models.find(address->at->bus());
    const auto complain = [&](std::string_view what) {
      found.push_back({name_in(assigned, device), fmt::format("sits at {}, {}", to_string(*address->at), what)});
    };
    if (bus == models.end()) {
      complain("on a bus that does not exist");
      continue;
    }
    const reference::ControllerRow& row = reference::row_of(bus->second);
    if (address->at->slot() < row.first_slot || address->at->slot() > row.last_slot)
      complain("in a slot that its bus does not have");
    if (asked->kind == reference::Kind::None) continue;
    // The chipset's own devices, those that libvirt seats beside them, and a USB2 controller that joins its set ask no
    // bus whether it takes them.
    const bool joins_its_set = reference::usb2_function(device).has_value();
    const bool chosen = !by_user.contains(&device) && address->at->bus() != 0 && !joins_its_set;
    if (chosen ? !accepts_unasked(row, asked->kind) : !accepts_written(row, asked->kind))
      complain(fmt::format("which a {} does not take", to_string(bus->second)));
  }
  return found;
}

Violations function_zero_leads(const Assigned& assigned) {
  Violations found;
  std::set<const Device*> lacking;
  for (const auto& [at, device] : assigned.seats) {
    if (at.function() == 0) continue;
    const Device* zero = owner_of(assigned, *GuestAddress::make(at.segment(), at.bus(), at.slot(), 0));
    if (zero != nullptr) {
      if (place_of(*zero)->multifunction == Switch::Absent && lacking.insert(zero).second)
        found.push_back({name_in(assigned, *zero), fmt::format("lacks multifunction='on' although {} sits at {}",
                                                               name_in(assigned, *device), to_string(at))});
      continue;
    }
    // The chipset has function 0 of its own slots, and an EHCI controller without its companions sits alone on function
    // 7: libvirt puts both there.
    const bool of_chipset = at.bus() == 0 && (at.slot() == 1 || at.slot() == 0x1f);
    if (of_chipset || reference::usb2_function(*device) || was_written(assigned, *device)) continue;
    found.push_back(
        {name_in(assigned, *device), fmt::format("was put at {}, whose slot has no function 0", to_string(at))});
  }
  return found;
}

Violations bus_numbers_follow_the_tree(const Assigned& assigned) {
  Violations found;
  const auto& [buses, numbers] = assigned.numbered;
  if (!numbers.predicted) return found;
  std::map<std::pair<std::size_t, unsigned>, std::size_t> taken;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    if (!numbers.number[i]) continue;
    const unsigned number = *numbers.number[i];
    const auto describe = [&](std::size_t bus) {
      return fmt::format("bus {} ({})", buses.all[bus].index, to_string(buses.all[bus].model));
    };
    if (const auto [other, is_new] = taken.try_emplace({root_of(buses, i), number}, i); !is_new)
      found.push_back({describe(i), fmt::format("has number {}, and so has {}", number, describe(other->second))});
    const auto parent = buses.all[i].parent;
    if (parent && numbers.number[*parent] && *numbers.number[*parent] >= number)
      found.push_back({describe(i), fmt::format("has number {}, not above that of {}", number, describe(*parent))});
    if (parent && !numbers.number[*parent])
      found.push_back({describe(i), fmt::format("has number {} below a bus that has none", number)});
    if (buses.all[i].is_expander() && buses.all[i].bus_nr && number < *buses.all[i].bus_nr)
      found.push_back({describe(i), fmt::format("has number {}, below its busNr", number)});
  }
  const bool loses = std::ranges::any_of(numbers.number, [](const auto& number) { return !number; });
  if (loses && topology::number_warnings(assigned.placed).empty())
    found.push_back({"", "the guest loses a bus, and nothing says so"});
  return found;
}

Violations chosen_bus_numbers_descend(const Assigned& assigned) {
  Violations found;
  int lowest = 256;
  for (const Device& device : assigned.wish.devices)
    if (device.controller) lowest = std::min(lowest, device.controller->target.bus_nr.value_or(256));
  std::set<const Device*> by_user;
  for (const auto& [before, after] : assigned.same)
    if (before->controller && before->controller->target.bus_nr) by_user.insert(after);
  std::set<int> chosen;
  for (const Device& device : assigned.placed.domain().devices) {
    if (!device.controller || !device.controller->target.bus_nr || by_user.contains(&device)) continue;
    const int number = *device.controller->target.bus_nr;
    if (number < 1 || number >= lowest || !chosen.insert(number).second)
      found.push_back({name_in(assigned, device), fmt::format("was given busNr {}, not below all others", number)});
  }
  return found;
}

Violations controllers_keep_their_numbers(const Assigned& assigned) {
  Violations found;
  for (const auto& [before, after] : assigned.same) {
    if (!before->controller || !after->controller) continue;
    const domain::Controller &was = *before->controller, &is = *after->controller;
    // Most keep all, and then nobody asks for the name.
    if (was.index == is.index && was.target == is.target && was.pci_model == is.pci_model) continue;
    const std::string name = name_in(assigned, *after);
    compare(found, name, "index", was.index, is.index);
    compare(found, name, "chassisNr", was.target.chassis_nr, is.target.chassis_nr);
    compare(found, name, "chassis", was.target.chassis, is.target.chassis);
    compare(found, name, "port", was.target.port, is.target.port);
    compare(found, name, "busNr", was.target.bus_nr, is.target.bus_nr);
    compare(found, name, "target index", was.target.index, is.target.index);
    compare(found, name, "node", was.target.node, is.target.node);
    if (was.pci_model && was.pci_model != is.pci_model) found.push_back({name, "its model changes"});
  }
  return found;
}

Violations guest_sees_what_is_placed(const Assigned& assigned) {
  Violations found;
  const abi::AbiSnapshot seen = abi::snapshot(assigned.placed, assigned.numbered, {});
  SortedPairs<GuestAddress, bool> told;
  for (const abi::AbiDevice& device : seen.devices)
    if (device.pci) told.emplace_back(device.pci->at, device.pci->multifunction);
  sort_by_key(told);
  for (const auto& [at, device] : assigned.seats) {
    const bool* const has_bit = value_at(told, at);
    if (has_bit == nullptr)
      found.push_back(
          {name_in(assigned, *device), fmt::format("at {} is nothing that the guest is said to see", to_string(at))});
    else if (!*has_bit && place_of(*device)->multifunction == Switch::On)
      found.push_back({name_in(assigned, *device), "has multifunction='on', and the guest is said to see none"});
  }
  return found;
}

Violations does_not_differ_from_itself(const domain::PlacedDomain& placed) {
  Violations found;
  const abi::AbiSnapshot seen = abi::snapshot(placed);
  for (const Finding& finding : abi::diff(seen, seen)) found.push_back({finding.device, finding.change});
  return found;
}

Violations text_keeps_every_place(const domain::PlacedDomain& placed, std::string_view written) {
  if (is_unreadable_to_libvirt(placed.domain())) return {};
  const auto document = domain::XmlDocument::parse(std::string(written));
  if (!document) return {{"", "what was written cannot be read: " + document.error().message}};
  const auto read = domain::read_domain(*document);
  if (!read) return {{"", "what was written is refused: " + read.error().message}};
  Violations found;
  for (const std::string& difference : differences(placed.domain(), *read)) found.push_back({"", difference});
  return found;
}

std::span<const GuestLaw> guest_laws() {
  static constexpr std::array kLaws = {
      GuestLaw{kIdempotent, "assigning an assigned config changes nothing", "law 1", assigning_again_changes_nothing},
      GuestLaw{"addresses-stay", "an address, once in the config, never moves", "law 2", addresses_stay},
      GuestLaw{"multifunction-stays", "multifunction='on', once set, stays set", "law 3", multifunction_stays},
      GuestLaw{"no-shared-function", "no two devices share a function", "law 4", no_shared_function},
      GuestLaw{"place-fits", "every device sits on a bus that exists, takes its kind and has that slot", "law 4",
               every_place_fits},
      GuestLaw{"function-zero", "where a function other than 0 is in use, function 0 is there and multifunction",
               "law 5", function_zero_leads},
      GuestLaw{"bus-numbers", "bus numbers follow the tree, none is given twice, and a lost bus is reported", "law 6",
               bus_numbers_follow_the_tree},
      GuestLaw{"bus-nr", "a busNr that was chosen lies below all that were there", "law 6", chosen_bus_numbers_descend},
      GuestLaw{"controller-numbers", "index, chassis, chassisNr, port, busNr and node never change once written",
               "law 7", controllers_keep_their_numbers},
      GuestLaw{"guest-view", "the guest is said to see what was placed", "law 12", guest_sees_what_is_placed},
  };
  return kLaws;
}

}  // namespace busproof::verify
