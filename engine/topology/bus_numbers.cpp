#include "engine/topology/bus_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <string_view>

namespace busproof::topology {
namespace {

using pci::ControllerModel;

constexpr unsigned kNumberCount = 256;

bool is_root(const GuestBus& bus) { return pci::is_root(bus.model); }

/// What has a number: one wire a bus, and one more for the hidden bridge of every pci-expander-bus.
struct Wire {
  bool is_root = false;   ///< its number is given, not counted
  bool one_slot = false;  ///< behind a PCIe port: the kernel looks at slot 0 only
  bool occupied = false;
  std::uint8_t slot = 0;               ///< of the bridge that makes it
  std::uint8_t number = 0;             ///< a root's, or the secondary number in the bridge's register
  std::uint8_t subordinate = 0;        ///< the bridge's other register
  std::vector<std::size_t> bridges{};  ///< the wires of the bridges on it that can be seen, by slot and function
  std::vector<std::size_t> below{};    ///< QEMU's list of all wires below it, the last one made first
};

/// One root bus with all that hangs below it, as QEMU has it.
class Tree {
 public:
  Tree(const Buses& buses, std::size_t root);

  /// SeaBIOS: writes the number registers of every bridge. The number of the root bus below which it ran out of
  /// numbers, if it did.
  std::optional<std::uint8_t> run_firmware();
  /// Linux: the numbers of the buses it finds.
  std::bitset<kNumberCount> run_kernel() const;

  /// The wire that a configuration access to that bus number reaches.
  [[nodiscard]] std::optional<std::size_t> find(std::uint8_t number) const;
  [[nodiscard]] const Wire& wire(std::size_t i) const { return wires_[i]; }
  /// The bus that a wire belongs to: itself, but for the hidden ones.
  [[nodiscard]] std::size_t bus_of(std::size_t wire) const { return owner_[wire]; }
  /// The wire whose number is the expander's busNr.
  [[nodiscard]] std::size_t host_of(std::size_t bus) const { return host_[bus]; }
  /// How many numbers the wire and all seen below it need.
  [[nodiscard]] unsigned size_of(std::size_t wire) const;

 private:
  void hang(const Buses& buses, std::size_t bus);
  [[nodiscard]] bool leads_to(const Wire& wire, std::uint8_t number) const;
  void give(std::uint8_t number, std::size_t wire);
  bool count(std::uint8_t number, unsigned& last);
  /// The numbers in any bridge's registers: no access to another one gets anywhere.
  [[nodiscard]] std::bitset<kNumberCount> named_numbers() const;
  void look(std::uint8_t number, bool one_slot, std::bitset<kNumberCount>& known) const;

  std::vector<Wire> wires_;
  std::vector<std::size_t> owner_, host_;
  std::array<std::uint16_t, kNumberCount> bearers_{};  ///< how many wires bear a number; of most none
  /// The wire that was given a number last. Without expanders every number is given once, and nobody need ask QEMU.
  std::array<std::optional<std::size_t>, kNumberCount> given_{};
  std::size_t root_;
  std::optional<Family> family_;
  bool has_acpi_;
  bool has_expanders_ = false;
};

Tree::Tree(const Buses& buses, std::size_t root)
    : wires_(buses.all.size()), root_(root), family_(buses.family), has_acpi_(buses.has_acpi) {
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    owner_.push_back(i);
    host_.push_back(i);
  }
  wires_[root].is_root = true;
  given_[0] = root;
  // libvirt hands the controllers to QEMU by index, and QEMU puts each new one first.
  for (std::size_t i = buses.all.size(); i-- > 0;) hang(buses, i);
  for (const Wire& wire : wires_) ++bearers_[wire.number];
}

void Tree::hang(const Buses& buses, std::size_t bus) {
  const GuestBus& self = buses.all[bus];
  for (const Occupant& occupant : self.occupants) {
    if (occupant.makes && !occupant.unseen && !buses.all[*occupant.makes].is_expander())
      wires_[bus].bridges.push_back(*occupant.makes);
    wires_[bus].occupied |= !occupant.unseen;
  }
  wires_[bus].one_slot =
      self.model == ControllerModel::PcieRootPort || self.model == ControllerModel::PcieSwitchDownstreamPort;
  if (!self.parent || (self.is_expander() && !self.bus_nr)) return;
  wires_[bus].slot = buses.all[*self.parent].occupants[*self.occupant].at.slot();
  std::size_t top = bus;
  if (self.model == ControllerModel::PciExpanderBus) {
    top = wires_.size();
    wires_[bus].slot = 0;
    wires_.push_back({.occupied = true, .bridges = {bus}, .below = {bus}});
    owner_.push_back(bus);
    host_[bus] = top;
  }
  if (self.is_expander()) {
    has_expanders_ = true;
    wires_[top].is_root = true;
    wires_[top].number = *self.bus_nr;
  }
  wires_[*self.parent].below.push_back(top);
}

bool Tree::leads_to(const Wire& wire, std::uint8_t number) const {
  if (wire.is_root) return std::ranges::any_of(wire.below, [&](std::size_t i) { return leads_to(wires_[i], number); });
  return wire.number <= number && number <= wire.subordinate;
}

std::optional<std::size_t> Tree::find(std::uint8_t number) const {
  if (!has_expanders_) return given_[number];
  if (bearers_[number] == 0) return std::nullopt;
  std::size_t at = root_;
  while (wires_[at].number != number) {
    const auto& below = wires_[at].below;
    const auto next = std::ranges::find_if(
        below, [&](std::size_t i) { return wires_[i].number == number || leads_to(wires_[i], number); });
    if (next == below.end()) return std::nullopt;
    at = *next;
  }
  return at;
}

std::optional<std::uint8_t> Tree::run_firmware() {
  unsigned last = 0;
  if (!count(0, last)) return std::uint8_t{0};
  while (has_expanders_ && last < pci::kBusMax) {
    const auto start = static_cast<std::uint8_t>(++last);
    if (!count(start, last)) return start;
  }
  return std::nullopt;
}

void Tree::give(std::uint8_t number, std::size_t wire) {
  --bearers_[wires_[wire].number];
  ++bearers_[number];
  wires_[wire].number = number;
}

bool Tree::count(std::uint8_t number, unsigned& last) {
  const auto at = find(number);
  if (!at) return true;
  const std::vector<std::size_t>& bridges = wires_[*at].bridges;
  for (const std::size_t bridge : bridges) {
    give(pci::kBusMax, bridge);
    wires_[bridge].subordinate = 0;
  }
  for (const std::size_t bridge : bridges) {
    if (last == pci::kBusMax) return false;
    give(static_cast<std::uint8_t>(++last), bridge);
    given_[last] = bridge;
    wires_[bridge].subordinate = pci::kBusMax;
    if (!count(wires_[bridge].number, last)) return false;
    wires_[bridge].subordinate = static_cast<std::uint8_t>(last);
  }
  return true;
}

std::bitset<kNumberCount> Tree::run_kernel() const {
  std::bitset<kNumberCount> known;
  look(0, false, known);
  // ACPI lists the expanders in the order of QEMU's list.
  for (const std::size_t i : wires_[root_].below)
    if (wires_[i].is_root && (has_acpi_ || family_ != Family::I440fx) && !known[wires_[i].number])
      look(wires_[i].number, false, known);
  // Where configuration space is mapped into memory, the kernel also tries every number that nobody told it of.
  if (family_ == Family::I440fx) return known;
  const std::bitset<kNumberCount> named = named_numbers();
  for (unsigned number = 0; number < kNumberCount; ++number) {
    if (known[number] || !named[number]) continue;
    const auto at = find(static_cast<std::uint8_t>(number));
    if (at && wires_[*at].occupied) look(static_cast<std::uint8_t>(number), false, known);
  }
  return known;
}

std::bitset<kNumberCount> Tree::named_numbers() const {
  std::bitset<kNumberCount> named;
  for (const Wire& wire : wires_) {
    named.set(wire.number);
    for (unsigned number = wire.number; number <= wire.subordinate; ++number) named.set(number);
  }
  return named;
}

void Tree::look(std::uint8_t number, bool one_slot, std::bitset<kNumberCount>& known) const {
  const auto at = find(number);
  if (!at) return;
  known.set(number);
  for (const std::size_t i : wires_[*at].bridges) {
    const Wire& bridge = wires_[i];
    if ((one_slot && bridge.slot != 0) || bridge.number <= number || bridge.number > bridge.subordinate) continue;
    if (!known[bridge.number]) look(bridge.number, bridge.one_slot, known);
  }
}

unsigned Tree::size_of(std::size_t wire) const {
  unsigned size = 1;
  for (const std::size_t bridge : wires_[wire].bridges) size += size_of(bridge);
  return size;
}

/// The root bus that the bus hangs below, expanders passed over; nothing when its parents go in a circle or end
/// nowhere.
std::optional<std::size_t> root_of(const Buses& buses, std::size_t bus) {
  for (std::size_t steps = 0; steps < buses.all.size(); ++steps) {
    if (is_root(buses.all[bus])) return bus;
    if (!buses.all[bus].parent) return std::nullopt;
    bus = *buses.all[bus].parent;
  }
  return std::nullopt;
}

/// Why the bus, which the guest does not have, is lost; nothing when it merely hangs below a lost one.
std::optional<LostBus> loss_of(const Buses& buses, const Tree& tree, const std::bitset<kNumberCount>& known,
                               const BusNumbers& numbers, std::size_t i) {
  const GuestBus& bus = buses.all[i];
  const bool expander = bus.is_expander();
  if (!expander && !numbers.number[*bus.parent]) return std::nullopt;
  if (!expander && buses.all[*bus.parent].occupants[*bus.occupant].unseen) return LostBus{i, Loss::NoFunctionZero};
  if (expander && !bus.bus_nr) return LostBus{i, Loss::Adrift};
  const std::size_t host = tree.host_of(i);
  const bool host_found = known[tree.wire(host).number] && tree.find(tree.wire(host).number) == host;
  const std::uint8_t number = tree.wire(host_found ? i : host).number;
  if (!known[number]) return LostBus{i, expander ? Loss::NoAcpi : Loss::Adrift, number};
  const auto taker = tree.find(number);
  return LostBus{i, Loss::NumberTaken, number, taker ? std::optional(tree.bus_of(*taker)) : std::nullopt};
}

/// Numbers what hangs below one root bus.
void number_tree(const Buses& buses, std::size_t root, BusNumbers& numbers) {
  Tree tree(buses, root);
  if (const auto stuck = tree.run_firmware()) {
    const auto wire = tree.find(*stuck);
    numbers.lost.push_back({wire ? tree.bus_of(*wire) : root, Loss::PastLimit});
    return;
  }
  const auto known = tree.run_kernel();
  for (unsigned number = 0; number < kNumberCount; ++number) {
    const auto at = known[number] ? tree.find(static_cast<std::uint8_t>(number)) : std::nullopt;
    if (at && *at < buses.all.size()) numbers.number[*at] = static_cast<std::uint8_t>(number);
  }
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    if (numbers.number[i] || root_of(buses, i) != root) continue;
    if (const auto lost = loss_of(buses, tree, known, numbers, i)) numbers.lost.push_back(*lost);
  }
}

/// The numbers that are spoken for.
class Spread {
 public:
  [[nodiscard]] bool has_room(unsigned first, unsigned size) const {
    if (first + size > kNumberCount) return false;
    for (unsigned number = first; number < first + size; ++number)
      if (taken_[number]) return false;
    return true;
  }
  void take(unsigned first, unsigned size) {
    for (unsigned number = first; number < std::min(first + size, kNumberCount); ++number) taken_.set(number);
  }
  /// The highest busNr with that much room.
  [[nodiscard]] std::optional<unsigned> find_room(unsigned size) const {
    for (unsigned first = kBusNrMax; first > 0; --first)
      if (has_room(first, size)) return first;
    return std::nullopt;
  }

 private:
  static constexpr unsigned kBusNrMax = 254;
  std::bitset<kNumberCount> taken_;
};

bool is_whole(const Buses& buses, const BusNumbers& numbers, std::size_t bus) {
  if (!numbers.number[bus]) return false;
  return std::ranges::all_of(buses.all[bus].occupants, [&](const Occupant& occupant) {
    return !occupant.makes || occupant.unseen || is_whole(buses, numbers, *occupant.makes);
  });
}

/// Expanders that lost nothing stay where they are, as long as they keep out of each other's way; the others move to
/// the highest numbers that are free.
std::vector<BusNrAdvice> advise(const Buses& buses, const BusNumbers& numbers, std::size_t root) {
  const Tree tree(buses, root);
  Spread spread;
  spread.take(0, tree.size_of(root));
  std::vector<std::size_t> movers;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    const GuestBus& bus = buses.all[i];
    if (!bus.is_expander() || !bus.bus_nr || bus.parent != root) continue;
    const unsigned size = tree.size_of(tree.host_of(i));
    if (is_whole(buses, numbers, i) && spread.has_room(*bus.bus_nr, size))
      spread.take(*bus.bus_nr, size);
    else
      movers.push_back(i);
  }
  std::vector<BusNrAdvice> advice;
  for (const std::size_t i : movers) {
    const unsigned size = tree.size_of(tree.host_of(i));
    const auto first = spread.find_room(size);
    if (!first) return {};
    spread.take(*first, size);
    advice.push_back({i, static_cast<std::uint8_t>(*first)});
  }
  return advice;
}

std::string name_of(const GuestBus& bus) {
  if (bus.bus_nr) return fmt::format("bus {} ({}, busNr {})", bus.index, to_string(bus.model), *bus.bus_nr);
  return fmt::format("bus {} ({})", bus.index, to_string(bus.model));
}

std::string describe_advice(const Buses& buses, const BusNumbers& numbers, std::size_t lost) {
  if (numbers.advice.empty()) return "no busNr leaves room for all of them";
  if (numbers.advice.size() == 1 && numbers.advice[0].bus == lost)
    return fmt::format("busNr='{}' would work", numbers.advice[0].bus_nr);
  std::string text;
  for (const BusNrAdvice& advice : numbers.advice)
    text +=
        fmt::format("{}busNr='{}' of bus {}", text.empty() ? "" : " with ", advice.bus_nr, buses.all[advice.bus].index);
  return text + " would work";
}

}  // namespace

BusNumbers number_buses(const Buses& buses) {
  BusNumbers numbers;
  numbers.number.resize(buses.all.size());
  numbers.predicted = buses.family != Family::S390;
  if (!numbers.predicted) return numbers;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    if (is_root(buses.all[i]))
      number_tree(buses, i, numbers);
    else if (!root_of(buses, i))
      numbers.lost.push_back({i, Loss::Adrift});
  }
  std::ranges::sort(numbers.lost, {}, &LostBus::bus);
  const bool crowded = std::ranges::any_of(
      numbers.lost, [](const LostBus& lost) { return lost.loss == Loss::NumberTaken || lost.loss == Loss::PastLimit; });
  if (crowded) numbers.advice = advise(buses, numbers, 0);
  return numbers;
}

std::optional<pci::AddressParts> guest_place(const BusNumbers& numbers, std::size_t bus, const Occupant& occupant) {
  if (!numbers.number[bus] || occupant.unseen) return std::nullopt;
  return pci::AddressParts{occupant.at.segment(), *numbers.number[bus], occupant.at.slot(), occupant.at.function()};
}

std::string describe(const Buses& buses, const BusNumbers& numbers, const LostBus& lost) {
  const GuestBus& bus = buses.all[lost.bus];
  const std::string name = name_of(bus);
  const std::string gone = name + " and all behind it are lost to the guest: ";
  switch (lost.loss) {
    case Loss::NumberTaken:
      return fmt::format("{}number {} goes to {}; {}", gone, lost.number.value_or(0),
                         lost.taken_by ? name_of(buses.all[*lost.taken_by]) : "nobody",
                         describe_advice(buses, numbers, lost.bus));
    case Loss::PastLimit:
      return fmt::format(
          "{}: what hangs below it needs bus numbers above 255, and the guest's firmware never comes to "
          "an end; {}",
          name, describe_advice(buses, numbers, lost.bus));
    case Loss::NoFunctionZero: {
      const pci::GuestAddress& at = buses.all[*bus.parent].occupants[*bus.occupant].at;
      return fmt::format("{}it sits on {}, and nothing sits on function 0 of that slot", gone, to_string(at));
    }
    case Loss::NoAcpi:
      return gone + "without <acpi/> nothing tells the guest of an expander bus";
    case Loss::Adrift:
      break;
  }
  return gone + "no way leads to it from bus 0";
}

NumberedBuses numbered_buses(const domain::Domain& domain) {
  NumberedBuses numbered{.buses = buses_of(domain), .numbers = {}};
  numbered.numbers = number_buses(numbered.buses);
  return numbered;
}

std::vector<std::string> number_warnings(const domain::PlacedDomain& placed) {
  const auto [buses, numbers] = numbered_buses(placed.domain());
  std::vector<std::string> warnings;
  for (const LostBus& lost : numbers.lost) warnings.push_back(describe(buses, numbers, lost));
  for (const GuestBus& bus : buses.all)
    for (const Occupant& occupant : bus.occupants) {
      if (!occupant.unseen || occupant.makes) continue;
      warnings.push_back(
          fmt::format("{} is lost to the guest: it sits on {}, and nothing sits on function 0 of that slot",
                      display_name(placed.domain(), placed.domain().devices[occupant.device]), to_string(occupant.at)));
    }
  return warnings;
}

}  // namespace busproof::topology
