#include "engine/assign/seating.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "engine/assign/growth.h"
#include "engine/assign/seat_check.h"
#include "engine/assign/seat_wish.h"
#include "engine/assign/zpci_ids.h"
#include "engine/topology/chipset_rules.h"
#include "engine/topology/controller_rules.h"
#include "engine/topology/device_rules.h"

namespace busproof::assign {
namespace {

using domain::Device;
using domain::Domain;
using pci::ControllerModel;
using topology::Bus;
using topology::Family;
using topology::Obstacle;
using topology::Origin;
using topology::Seat;
using topology::SlotKind;
using topology::SlotMap;
using topology::SlotWish;

constexpr std::size_t kNoDevice = static_cast<std::size_t>(-1);

/// The seats that the XML gives.
std::vector<Place> places_of(const Domain& domain) {
  std::vector<Place> places(domain.devices.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto* pci = std::get_if<domain::PciAddress>(&domain.devices[i].address);
    if (pci == nullptr) continue;
    places[i].zpci = pci->zpci;
    if (!pci->at) continue;
    places[i].seat = Seat{pci->at->segment(), pci->at->bus(), pci->at->slot(), pci->at->function()};
    places[i].multifunction = pci->multifunction;
    places[i].by = SeatedBy::Xml;
  }
  return places;
}

/// One run over all devices, in libvirt's order. The rehearsal adds buses as it needs them and forgets most of the
/// seats it found; the final run has the buses it has, and keeps all.
class Run {
 public:
  enum class Kind : std::uint8_t { Rehearsal, Final };

  Run(Kind kind, const Domain& domain, std::vector<Place>& places, const std::vector<Ask>& asks, const HostCards& cards,
      const KeptFree& kept_free, Explain explain)
      : kind_(kind),
        domain_(domain),
        places_(places),
        asks_(asks),
        machine_(facts_of(domain)),
        cards_(cards),
        kept_free_(kept_free),
        explain_(explain),
        map_({}) {
    for (std::size_t i = 0; i < asks.size(); ++i)
      if (asks[i].usb2_function) usb2_sets_[*domain.devices[i].controller->index].push_back(i);
  }

  Result<void> run() {
    if (auto built = build_buses(); !built) return built;
    if (auto collected = collect(); !collected) return collected;
    keep_free();
    if (kind_ == Kind::Final && !machine_.seats_devices) return {};
    if (auto fixed = seat_chipset(); !fixed) return fixed;
    if (kind_ == Kind::Rehearsal) {
      if (auto spare = reserve_spare_slot(); !spare) return spare;
    }
    if (auto seated = seat_all(); !seated) return seated;
    if (kind_ == Kind::Final) return number_zpci();
    if (auto spare = reserve_spare_port(); !spare) return spare;
    return add_controllers();
  }

  /// The controllers found missing by a rehearsal, by index.
  std::vector<AddedController> take_added() { return std::move(added_); }

 private:
  // --- buses ---

  Result<void> build_buses() {
    std::vector<Bus> buses(static_cast<std::size_t>(machine_.highest_index + 1), topology::bus_of(filler_model()));
    if (!buses.empty()) buses[0] = topology::bus_of(ControllerModel::PciRoot);  // where the root itself is not listed
    has_controller_.assign(buses.size(), false);
    for (std::size_t i = 0; i < domain_.devices.size(); ++i) {
      const Device& device = domain_.devices[i];
      if (!is_pci_controller(device)) continue;
      const domain::Controller& controller = *device.controller;
      if (!controller.pci_model)
        return blame(i, refused("E221", "internal error: PCI controller model was not set correctly",
                                "write the controller's model, e.g. model='pcie-root-port'"));
      Bus& bus = buses[*controller.index];
      bus = topology::bus_of(*controller.pci_model, controller.target.hotplug == domain::Switch::Off);
      bus.group_locked = machine_.roots == Roots::Several && controller.index == 0;
      has_controller_[*controller.index] = true;
    }
    map_ = SlotMap(std::move(buses));
    return {};
  }

  /// The model of buses that no controller makes yet but that a higher index implies.
  [[nodiscard]] ControllerModel filler_model() const {
    if (machine_.roots == Roots::Several) return ControllerModel::PciRoot;
    return machine_.root_is_pcie ? ControllerModel::PcieRootPort : ControllerModel::PciBridge;
  }

  // --- reserving ---

  /// Takes the seat, after growing up to its bus in a rehearsal; growing may move the seat one bus up.
  Result<void> reserve(Seat& seat, const SlotWish& wish, Origin origin, std::size_t device) {
    const Seat asked = seat;
    if (kind_ == Kind::Rehearsal && seat.bus >= map_.bus_count()) {
      auto growth = grow(map_, wish, seat.bus, machine_.roots);
      if (!growth) return std::unexpected(growth.error());
      add(*growth, device);
      seat.bus = growth->bus;
    }
    if (auto fits = check_seat(map_, asked, seat, wish, origin); !fits) return fits;
    if (map_.is_taken(seat))
      return taken_twice(asked, origin, fmt::format("{} has it; {}", owner_of(seat), room_on(seat.bus)));
    map_.take(seat, wish, origin);
    return {};
  }

  void add(const Growth& growth, std::size_t device) {
    for (const Bus& bus : growth.added) {
      map_.add_bus(bus);
      grown_for_.push_back(device);
    }
  }

  [[nodiscard]] std::string owner_of(const Seat& seat) const {
    for (const auto& reserved : topology::kReservedFunctions)
      if (reserved.family == machine_.family && seat == seat_at(reserved.place)) return std::string(reserved.owner);
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i].seat == seat) return display_name(domain_, domain_.devices[i]);
    return "another device";
  }

  /// The lowest slot of the bus that neither the chipset nor any address in the XML claims.
  [[nodiscard]] std::string room_on(std::uint32_t bus) const {
    std::array<bool, pci::kSlotCount> claimed{};
    for (const Place& place : places_)
      if (place.seat && place.seat->bus == bus) claimed[place.seat->slot] = true;
    for (const auto& reserved : topology::kReservedFunctions)
      if (reserved.family == machine_.family && bus == 0) claimed[reserved.place.slot] = true;
    const topology::SlotRange slots = map_.buses()[bus].slots;
    for (unsigned slot = slots.min; slot <= slots.max; ++slot)
      if (!claimed[slot]) return fmt::format("slot {:#04x} of bus {} is free", slot, bus);
    return fmt::format("bus {} has no free slot", bus);
  }

  // --- explicit addresses ---

  Result<void> collect() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!places_[i].seat) continue;
      if (auto reserved = collect_one(i); !reserved) return blame(i, reserved.error());
    }
    if (!machine_.has_zpci) return {};
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!has_zpci_address(i) || (!places_[i].zpci.uid && !places_[i].zpci.fid)) continue;
      if (auto ids = zpci_.complete(places_[i].zpci); !ids) return blame(i, ids.error());
    }
    return {};
  }

  Result<void> collect_one(std::size_t i) {
    const Device& device = domain_.devices[i];
    Seat& seat = *places_[i].seat;
    if (is_in_piix3(device, seat)) {
      if (map_.bus_count() > 0 && !map_.buses()[0].accepts.contains(SlotKind::PciDevice))
        return refused("E225", "internal error: Bus 0 must be PCI for integrated PIIX3 USB or IDE controllers",
                       "remove the address; only i440fx machines have these controllers on 00:01");
      return {};  // the chipset takes this seat itself
    }
    SlotWish wish = wish_of(device, asks_[i].want, Written::Yes, machine_, cards_);
    // A device that needs no PCI address but was given one is let through as a conventional one.
    if (wish.kind == SlotKind::None) wish.kind = SlotKind::PciDevice;
    return reserve(seat, wish, Origin::Xml, i);
  }

  /// Takes what is to be kept free for nobody; the chipset's own places stay the chipset's.
  void keep_free() {
    for (const pci::GuestAddress& at : kept_free_) {
      const Seat seat{at.segment(), at.bus(), at.slot(), at.function()};
      if (seat.segment != 0 || seat.bus >= map_.bus_count() || is_of_chipset(seat) || map_.is_taken(seat)) continue;
      const topology::SlotRange slots = map_.buses()[seat.bus].slots;
      if (seat.slot >= slots.min && seat.slot <= slots.max)
        map_.take(seat, endpoint_wish(SlotKind::PciDevice), Origin::Chosen);
    }
  }

  [[nodiscard]] bool is_of_chipset(const Seat& seat) const {
    const auto is_there = [&](const auto& row) { return row.family == machine_.family && seat == seat_at(row.place); };
    return std::ranges::any_of(topology::kReservedFunctions, is_there) ||
           std::ranges::any_of(topology::kFixedControllers, is_there);
  }

  /// The first IDE and the first PIIX3 USB controller at their place in the chipset, on any machine.
  static bool is_in_piix3(const Device& device, const Seat& seat) {
    return std::ranges::any_of(topology::kFixedControllers, [&](const topology::FixedController& fixed) {
      return fixed.family == Family::I440fx && is_fixed_controller(device, fixed) && seat == seat_at(fixed.place);
    });
  }

  // --- the chipset ---

  static Seat seat_at(topology::RootPlace place) { return {0, 0, place.slot, place.function}; }

  static bool is_fixed_controller(const Device& device, const topology::FixedController& fixed) {
    return device.controller && device.controller->type == fixed.type && device.controller->index == 0 &&
           (fixed.model.empty() || device.model == fixed.model);
  }

  /// The chipset's devices count as asked for by the user: they are where they are.
  [[nodiscard]] SlotWish chipset_wish() const {
    return endpoint_wish(machine_.root_is_pcie ? SlotKind::PcieDevice : SlotKind::PciDevice);
  }

  Result<void> seat_chipset() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (auto seated = seat_chipset_controller(i); !seated) return blame(i, seated.error());
    }
    if (map_.bus_count() > 0) {
      for (const auto& reserved : topology::kReservedFunctions) {
        if (reserved.family != machine_.family) continue;
        Seat seat = seat_at(reserved.place);
        if (auto taken = reserve(seat, chipset_wish(), Origin::Xml, kNoDevice); !taken)
          return blame_owner(seat, taken.error());
      }
    }
    if (auto seated = seat_primary_video(); !seated) return seated;
    return seat_preferred_sound();
  }

  Result<void> seat_chipset_controller(std::size_t i) {
    const Device& device = domain_.devices[i];
    if (!device.controller) return {};
    for (const auto& fixed : topology::kFixedControllers)
      if (fixed.family == machine_.family && is_fixed_controller(device, fixed)) return seat_fixed(i, fixed);
    for (const auto& preferred : topology::kPreferredSlots)
      if (preferred.family == machine_.family && device.controller->type == preferred.type &&
          model_name_of(device) == preferred.model)
        return seat_preferred_controller(i, preferred);
    return {};
  }

  static std::string_view model_name_of(const Device& device) {
    if (is_pci_controller(device)) return device.controller->pci_model ? to_string(*device.controller->pci_model) : "";
    return device.model;
  }

  Result<void> seat_fixed(std::size_t i, const topology::FixedController& fixed) {
    Place& place = places_[i];
    Seat seat = seat_at(fixed.place);
    if (place.seat && *place.seat != seat)
      return refused(std::string(fixed.rule), std::string(fixed.refusal),
                     "remove the <address>; it is part of the chipset");
    if (!place.seat) {
      place.seat = seat;
      place.by = SeatedBy::Chipset;
    }
    if (!fixed.reserved_at_once || map_.bus_count() == 0) return {};
    return reserve(seat, chipset_wish(), Origin::Xml, i);
  }

  Result<void> seat_preferred_controller(std::size_t i, const topology::PreferredSlots& preferred) {
    if (places_[i].seat || !std::holds_alternative<domain::NoAddress>(domain_.devices[i].address)) return {};
    for (const std::uint8_t slot : preferred.slots) {
      if (map_.slot_in_use(0, slot)) continue;
      if (preferred.multifunction) places_[i].multifunction = domain::Switch::On;
      return seat_preferred(i, slot);
    }
    return {};
  }

  /// Puts the device on function 0 of the slot, which is unused. Kept also by a rehearsal.
  Result<void> seat_preferred(std::size_t i, std::uint8_t slot) {
    Seat seat{0, 0, slot, 0};
    if (auto taken = reserve(seat, chipset_wish(), Origin::Xml, i); !taken) return taken;
    places_[i].seat = seat;
    places_[i].zpci = {};  // libvirt writes the whole address anew
    places_[i].by = SeatedBy::Preferred;
    return {};
  }

  Result<void> seat_primary_video() {
    const auto row =
        std::ranges::find(topology::kPrimaryVideoSlots, machine_.family, &topology::PrimaryVideoSlot::family);
    if (row == topology::kPrimaryVideoSlots.end()) return {};
    const auto video = std::ranges::find(domain_.devices, domain::DeviceKind::Video, &Device::kind);
    if (video == domain_.devices.end()) return {};
    const auto i = static_cast<std::size_t>(video - domain_.devices.begin());
    if (!asks_for_a_seat(i)) return {};
    if (map_.bus_count() == 0) return blame(i, no_buses().error());
    auto seated = map_.slot_in_use(0, row->slot) ? search(i, std::nullopt) : seat_preferred(i, row->slot);
    return seated ? seated : blame(i, seated.error());
  }

  Result<void> seat_preferred_sound() {
    for (const auto& preferred : topology::kPreferredSounds) {
      if (preferred.family != machine_.family || map_.slot_in_use(0, preferred.slot)) continue;
      for (std::size_t i = 0; i < places_.size(); ++i) {
        const Device& device = domain_.devices[i];
        if (device.kind != domain::DeviceKind::Sound || device.model != preferred.model || !asks_for_a_seat(i))
          continue;
        return seat_preferred(i, preferred.slot);
      }
    }
    return {};
  }

  // --- everybody else ---

  /// Wants a seat and has none yet.
  [[nodiscard]] bool asks_for_a_seat(std::size_t i) const { return asks_[i].step && !places_[i].seat; }

  Result<void> seat_all() {
    std::array<std::vector<std::size_t>, topology::kSeatingStepCount> steps;
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (asks_for_a_seat(i)) steps[static_cast<std::size_t>(*asks_[i].step)].push_back(i);
    for (const auto& step : steps)
      for (const std::size_t i : step)
        if (auto seated = seat(i); !seated) return blame(i, seated.error());
    return {};
  }

  Result<void> seat(std::size_t i) {
    const auto function = asks_[i].usb2_function;
    if (!function) return search(i, std::nullopt);
    // The first of the set is found by its index; it opens the slot for the others (spec 4.11).
    places_[i].multifunction = *function == 0 ? domain::Switch::On : domain::Switch::Absent;
    const auto sibling = seated_sibling(*domain_.devices[i].controller);
    if (!sibling) return search(i, function);
    Seat seat = *sibling;
    seat.function = *function;
    if (auto taken = reserve(seat, asks_[i].wish, Origin::Xml, i); !taken) return taken;
    places_[i].seat = seat;
    places_[i].by = SeatedBy::Companion;
    return {};
  }

  /// Seat of the first controller in the list that belongs to the same USB2 set.
  [[nodiscard]] std::optional<Seat> seated_sibling(const domain::Controller& controller) const {
    const auto set = usb2_sets_.find(*controller.index);
    if (set == usb2_sets_.end()) return std::nullopt;
    for (const std::size_t i : set->second)
      if (places_[i].seat) return places_[i].seat;
    return std::nullopt;
  }

  /// The first free place; a rehearsal adds a bus when there is none, and does not keep the seat.
  Result<void> search(std::size_t i, std::optional<std::uint8_t> function) {
    SlotWish wish = asks_[i].wish;
    wish.function = function;
    auto seat = search_for(wish, i);
    if (!seat) return std::unexpected(seat.error());
    if (kind_ == Kind::Rehearsal) return {};
    if (explain_ == Explain::Yes) places_[i].passed_over = passed_over(*seat, wish);
    places_[i].seat = *seat;
    places_[i].by = SeatedBy::Search;
    return {};
  }

  Result<Seat> search_for(const SlotWish& wish, std::size_t device) {
    if (map_.bus_count() == 0) return no_buses();
    if (const auto seat = map_.find(wish)) {
      map_.take(*seat, wish, Origin::Chosen);
      return *seat;
    }
    if (kind_ == Kind::Final)
      return refused("E311", "internal error: No more available PCI slots",
                     "every bus that takes this device is full; add a controller that does");
    auto growth = grow(map_, wish, map_.bus_count(), machine_.roots);
    if (!growth) return std::unexpected(growth.error());
    add(*growth, device);
    Seat seat{0, growth->bus, map_.buses()[growth->bus].slots.min, wish.function.value_or(0)};
    if (auto reserved = reserve(seat, wish, Origin::Chosen, device); !reserved)
      return std::unexpected(reserved.error());
    return seat;
  }

  /// "bus 0 (by address only), buses 1-2 (full)": why the search did not stop earlier.
  [[nodiscard]] std::string passed_over(const Seat& seat, const SlotWish& wish) const {
    std::string text;
    std::uint32_t first = 0;
    while (first < seat.bus) {
      const std::string_view why = why_not(first, wish);
      std::uint32_t last = first;
      while (last + 1 < seat.bus && why_not(last + 1, wish) == why) ++last;
      if (!text.empty()) text += ", ";
      text +=
          first == last ? fmt::format("bus {} ({})", first, why) : fmt::format("buses {}-{} ({})", first, last, why);
      first = last + 1;
    }
    return text;
  }

  [[nodiscard]] std::string_view why_not(std::uint32_t index, const SlotWish& wish) const {
    const Bus& bus = map_.buses()[index];
    const auto problem = obstacle(bus, index, wish, Origin::Chosen);
    if (!problem) return bus.group == wish.group ? "full" : "another isolation group";
    switch (*problem) {
      case Obstacle::ByUserOnly:
        return bus.accepts.contains(wish.kind) ? "by explicit address only" : "wrong kind";
      case Obstacle::NotIntegrated:
        return "not the root bus";
      case Obstacle::WrongKind:
        break;
    }
    return "wrong kind";
  }

  // --- spare capacity (rehearsal only) ---

  /// On a conventional root a slot is kept for a bridge to come (spec 4.12, rule 1).
  Result<void> reserve_spare_slot() {
    if (!machine_.root_is_pci || map_.is_full()) return {};
    auto seat = search_for(endpoint_wish(SlotKind::PciDevice), kNoDevice);
    return seat ? Result<void>{} : std::unexpected(seat.error());
  }

  /// A PCIe guest that left its controllers to libvirt gets one port more than it needs (spec 4.12, rule 2).
  Result<void> reserve_spare_port() {
    const bool grew = std::int64_t{map_.bus_count()} > machine_.highest_index + 1;
    if (machine_.highest_index > 0 || !grew || !machine_.root_is_pcie) return {};
    auto seat = search_for(endpoint_wish(SlotKind::PcieDevice), kNoDevice);
    return seat ? Result<void>{} : std::unexpected(seat.error());
  }

  // --- the controllers found missing ---

  Result<void> add_controllers() {
    has_controller_.resize(map_.bus_count(), false);
    for (std::uint32_t index = 1; index < map_.bus_count(); ++index) {
      if (has_controller_[index]) continue;
      const ControllerModel model = map_.buses()[index].model;
      added_.push_back(cause_of(index));
      if (topology::rule_for(model).asks_for == SlotKind::None) continue;
      if (auto seat = search_for(controller_wish(model), kNoDevice); !seat) return blame_growth(index, seat.error());
    }
    return {};
  }

  [[nodiscard]] AddedController cause_of(std::uint32_t index) const {
    using Cause = AddedController::Cause;
    const ControllerModel model = map_.buses()[index].model;
    const std::size_t grown = index - (map_.bus_count() - grown_for_.size());
    if (grown >= grown_for_.size()) return {index, model, Cause::Gap, kNoDevice};
    const std::size_t device = grown_for_[grown];
    return {index, model, device == kNoDevice ? Cause::Spare : Cause::Device, device};
  }

  /// A controller that libvirt wanted to add finds no slot itself: name the device that it was wanted for, or the
  /// controller whose index left the gap.
  [[nodiscard]] Result<void> blame_growth(std::uint32_t index, Error error) const {
    const AddedController added = cause_of(index);
    std::size_t device = added.device;
    if (added.cause == AddedController::Cause::Gap) device = controller_above(index);
    if (device == kNoDevice) return std::unexpected(std::move(error));
    return blame(device, std::move(error));
  }

  [[nodiscard]] std::size_t controller_above(std::uint32_t index) const {
    const auto above = std::ranges::find_if(domain_.devices, [&](const Device& device) {
      return is_pci_controller(device) && *device.controller->index > index && device.element != domain::kNoElement;
    });
    return above == domain_.devices.end() ? kNoDevice : static_cast<std::size_t>(above - domain_.devices.begin());
  }

  // --- zPCI ---

  [[nodiscard]] bool has_zpci_address(std::size_t i) const {
    using enum domain::DeviceKind;
    const domain::DeviceKind kind = domain_.devices[i].kind;
    const bool is_character_device = kind == Serial || kind == Parallel || kind == Channel || kind == Console;
    const bool is_pci = places_[i].seat || std::holds_alternative<domain::PciAddress>(domain_.devices[i].address);
    return is_pci && !is_character_device && !is_added_controller(i);
  }

  /// libvirt 9 forgets the ids of controllers that it has just added (spec 4.14, rule 5b).
  [[nodiscard]] bool is_added_controller(std::size_t i) const {
    return is_pci_controller(domain_.devices[i]) && domain_.devices[i].element == domain::kNoElement;
  }

  Result<void> number_zpci() {
    if (!machine_.has_zpci) return {};
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (!has_zpci_address(i) || (places_[i].zpci.uid && places_[i].zpci.fid)) continue;
      if (auto ids = zpci_.complete(places_[i].zpci); !ids) return blame(i, ids.error());
    }
    return {};
  }

  // --- errors ---

  [[nodiscard]] Result<void> blame(std::size_t i, Error error) const {
    return std::unexpected(about(std::move(error), domain_, domain_.devices[i]));
  }
  [[nodiscard]] Result<void> blame(std::size_t i, Refusal refusal) const {
    return blame(i, std::move(refusal.error()));
  }

  /// The chipset found its own place taken: the device that the XML put there is at fault.
  [[nodiscard]] Result<void> blame_owner(const Seat& seat, Error error) const {
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i].seat == seat) return blame(i, std::move(error));
    return std::unexpected(std::move(error));
  }

  Kind kind_;
  const Domain& domain_;
  std::vector<Place>& places_;
  const std::vector<Ask>& asks_;
  MachineFacts machine_;
  const HostCards& cards_;
  const KeptFree& kept_free_;
  Explain explain_;
  SlotMap map_;
  ZpciIds zpci_;
  std::unordered_map<std::uint32_t, std::vector<std::size_t>> usb2_sets_;  ///< by controller index, in list order
  std::vector<bool> has_controller_;                                       ///< by index
  std::vector<std::size_t> grown_for_;  ///< one a bus added in the rehearsal: the device that had no room
  std::vector<AddedController> added_;
};

/// Appends the controllers that were found missing to the others; places stay with their devices.
void insert_controllers(Seated& seated, std::vector<Ask>& asks) {
  const std::vector<AddedController>& added = seated.added;
  if (added.empty()) return;
  auto& devices = seated.domain.devices;
  const auto after_controllers = std::ranges::upper_bound(devices, domain::DeviceKind::Controller, {}, &Device::kind);
  const auto at = after_controllers - devices.begin(), end = std::ssize(devices);
  seated.places.insert(seated.places.begin() + at, added.size(), Place{});
  asks.insert(asks.begin() + at, added.size(), Ask{});
  devices.resize(devices.size() + added.size());
  std::move_backward(devices.begin() + at, devices.begin() + end, devices.end());
  for (auto i = at; const AddedController& each : added) {
    Device& device = devices[static_cast<std::size_t>(i)];
    if (i < end) device = {};  // another one has moved away from here
    device.kind = domain::DeviceKind::Controller;
    device.model = to_string(each.model);
    domain::Controller& controller = device.controller.emplace();
    controller.index = each.index;
    controller.pci_model = each.model;
    asks[static_cast<std::size_t>(i++)] = ask_of(device, {}, {});  // the machine is nothing to a port
  }
}

bool has_pci_controller(const Domain& domain) { return std::ranges::any_of(domain.devices, domain::is_pci_controller); }

/// No index above 255 is ever accepted, but libvirt finds that out only after it has looked for places. That is
/// simulated as far as it costs nothing; beyond, libvirt itself would run out of memory.
constexpr std::uint32_t kIndexSimulatedMax = 1023;

Result<void> check_index_can_be_simulated(const Domain& domain) {
  for (const Device& device : domain.devices) {
    if (!is_pci_controller(device) || *device.controller->index <= kIndexSimulatedMax) continue;
    const Refusal refusal =
        refused("E205",
                fmt::format("unsupported configuration: PCI controller index {} too high, maximum is 255",
                            *device.controller->index),
                "number the PCI controllers from 1 upwards");
    return std::unexpected(about(refusal.error(), domain, device));
  }
  return {};
}

}  // namespace

Result<Seated> seat_devices(Domain completed, Explain explain, const HostCards& cards, const KeptFree& kept_free) {
  if (auto checked = check_index_can_be_simulated(completed); !checked) return std::unexpected(checked.error());
  Seated seated{std::move(completed), {}, {}};
  seated.places = places_of(seated.domain);
  std::vector<Ask> asks = asks_of(seated.domain, cards);
  if (has_pci_controller(seated.domain)) {
    Run rehearsal(Run::Kind::Rehearsal, seated.domain, seated.places, asks, cards, kept_free, explain);
    if (auto run = rehearsal.run(); !run) return std::unexpected(run.error());
    seated.added = rehearsal.take_added();
    insert_controllers(seated, asks);
  }
  Run final_run(Run::Kind::Final, seated.domain, seated.places, asks, cards, kept_free, explain);
  if (auto run = final_run.run(); !run) return std::unexpected(run.error());
  return seated;
}

}  // namespace busproof::assign
