#include "engine/lock/pin.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "engine/abi/matching.h"
#include "engine/abi/snapshot.h"
#include "engine/abi/type_words.h"
#include "engine/assign/complete.h"
#include "engine/assign/headroom.h"
#include "engine/domain/address_text.h"
#include "engine/topology/buses.h"
#include "engine/topology/device_rules.h"

namespace busproof::lock {
namespace {

using domain::Device;
using domain::Domain;
using domain::PciAddress;
using pci::GuestAddress;

bool is_root(const Device& device) { return is_pci_controller(device) && device.controller->index == 0U; }

/// Where the device is on a PCI bus, as far as it says so.
std::optional<GuestAddress> seat_of(const Device& device) {
  const auto* pci = std::get_if<PciAddress>(&device.address);
  return pci == nullptr ? std::nullopt : pci->at;
}

/// The domain's devices as they are matched, each with its index for an offset. Those that nothing tells apart come in
/// the order of the domain: where places are not believed, they say nothing.
abi::AbiSnapshot matchable(Domain domain, Believe believe) {
  for (std::size_t i = 0; i < domain.devices.size(); ++i) {
    Device& device = domain.devices[i];
    device.offset = i + 1;
    const bool has_pci = std::holds_alternative<PciAddress>(device.address);
    if (has_pci && (believe == Believe::Lock || !seat_of(device))) device.address = domain::NoAddress{};
  }
  abi::AbiSnapshot snapshot = abi::snapshot(*domain::as_placed(std::move(domain)));
  // What libvirt implies is none of them.
  std::erase_if(snapshot.devices, [](const abi::AbiDevice& device) { return device.offset == 0; });
  for (abi::AbiDevice& device : snapshot.devices) --device.offset;
  const auto rank = [](const abi::AbiDevice& device) {
    const auto& controller = device.controller;
    return std::tuple(device.kind, controller ? controller->type : domain::ControllerType{},
                      controller ? controller->index : 0,
                      std::tie(device.alias, device.mac, device.target, device.host),
                      device.pci ? std::optional(device.pci->at) : std::nullopt, device.offset);
  };
  std::ranges::sort(snapshot.devices, [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return snapshot;
}

template <class Value>
void believe_config(std::optional<Value>& config, const std::optional<Value>& lock) {
  if (!config) config = lock;
}
void believe_config(std::string& config, const std::string& lock) {
  if (config.empty()) config = lock;
}

/// The pins of one lock, being stuck into one config.
class Pinning {
 public:
  Pinning(const LockedDomain& locked, const Domain& wish, const Domain& completed, Believe believe, FreedSlots freed)
      : locked_(locked), completed_(completed), believe_(believe), freed_(freed), wish_(wish) {
    for (std::size_t i = 0; i < wish_.devices.size(); ++i) {
      by_element_[wish_.devices[i].element] = i;
      if (const auto at = seat_of(wish_.devices[i]); at && believe_ == Believe::Config) taken_.insert(*at);
    }
    match_up();
  }

  /// Only those that are not on a PCI bus: where a disk hangs decides which controllers there are.
  void pin_bus_addresses() {
    for (const auto& [lock, config] : same_)
      if (!seat_of(locked_.domain.devices[lock]) && completed_.devices[config].element != domain::kNoElement)
        pin_address(lock, config);
  }

  /// The lock's places first, so that one knows which are left for the others.
  void run() {
    for (const auto& [lock, config] : same_) pin_controller(lock, config);
    for (const auto& [lock, config] : same_) pin_address(lock, config);
    for (const std::size_t lock : gone_)
      if (is_pci_controller(locked_.domain.devices[lock])) keep_or_free(locked_.domain.devices[lock]);
    for (const std::size_t lock : gone_)
      if (!is_pci_controller(locked_.domain.devices[lock])) keep_or_free(locked_.domain.devices[lock]);
    if (freed_ == FreedSlots::Kept)
      for (const FreedSlot& slot : locked_.freed) free_.insert(slot.at);
    close_single_function_slots();
    for (const std::size_t config : come_) check_newcomer(config);
  }

  /// The wish, in which no new bridge says that it sits on one of those places.
  [[nodiscard]] Domain wish(const assign::KeptFree& closed) const {
    Domain wish = wish_;
    for (Device& device : wish.devices) {
      const auto at = seat_of(device);
      const bool is_new = at && is_pci_controller(device) && !taken_.contains(*at);
      if (is_new && std::ranges::count(closed, *at) > 0) device.address = PciAddress{};
    }
    return wish;
  }

  /// What nobody is given, those places included.
  [[nodiscard]] assign::KeptFree kept_free(const assign::KeptFree& closed) const {
    std::set<GuestAddress> free = free_;
    free.insert(closed.begin(), closed.end());
    assign::KeptFree kept;
    std::ranges::set_difference(free, taken_, std::back_inserter(kept));
    return kept;
  }

  /// The lock without the places that may be given away.
  [[nodiscard]] LockedDomain still_locked() const {
    LockedDomain still = locked_;
    if (freed_ == FreedSlots::Kept) return still;
    still.freed.clear();
    const std::set<std::size_t> gone(gone_.begin(), gone_.end());
    still.domain.devices.clear();
    for (std::size_t i = 0; i < locked_.domain.devices.size(); ++i)
      if (!gone.contains(i) || is_pci_controller(locked_.domain.devices[i]))
        still.domain.devices.push_back(locked_.domain.devices[i]);
    return still;
  }

 private:
  void match_up() {
    const abi::AbiSnapshot was = matchable(locked_.domain, believe_), is = matchable(completed_, believe_);
    const abi::Matching matching = abi::match(was, is);
    for (const auto& [lock, config] : matching.same)
      same_.emplace_back(was.devices[lock].offset, is.devices[config].offset);
    for (const std::size_t lock : matching.gone) gone_.push_back(was.devices[lock].offset);
    for (const std::size_t config : matching.come) come_.push_back(is.devices[config].offset);
  }

  /// The device as the XML has it; one that libvirt would add is written down from now on.
  Device& in_wish(std::size_t config) {
    const Device& completed = completed_.devices[config];
    if (completed.element != domain::kNoElement) return wish_.devices[by_element_.at(completed.element)];
    const auto [added, is_new] = added_.try_emplace(config, wish_.devices.size());
    if (is_new) wish_.devices.push_back(completed);
    return wish_.devices[added->second];
  }

  void pin_controller(std::size_t lock, std::size_t config) {
    const Device& pinned = locked_.domain.devices[lock];
    if (!pinned.controller || (is_root(pinned) && pinned.controller->target == domain::PciTarget{})) return;
    Device& device = in_wish(config);
    domain::Controller& controller = *device.controller;
    const std::string model = completed_.devices[config].model;
    if (believe_ == Believe::Config && !model.empty() && model != pinned.model) return;
    if (is_pci_controller(pinned) && model != pinned.model) remodelled_.insert(pinned.controller->index.value_or(0));
    device.model = pinned.model;
    controller.index = pinned.controller->index;
    controller.pci_model = pinned.controller->pci_model;
    if (believe_ == Believe::Lock) {
      controller.model_name = pinned.controller->model_name;
      controller.target = pinned.controller->target;
      controller.ports = pinned.controller->ports;
      return;
    }
    believe_config(controller.model_name, pinned.controller->model_name);
    believe_config(controller.target, pinned.controller->target);
    believe_config(controller.ports, pinned.controller->ports);
  }

  static void believe_config(domain::PciTarget& config, const domain::PciTarget& lock) {
    for (const auto field : {&domain::PciTarget::chassis_nr, &domain::PciTarget::chassis, &domain::PciTarget::port,
                             &domain::PciTarget::bus_nr, &domain::PciTarget::index, &domain::PciTarget::node})
      lock::believe_config(config.*field, lock.*field);
    if (config.hotplug == domain::Switch::Absent) config.hotplug = lock.hotplug;
  }
  template <class Value>
  static void believe_config(Value& config, const Value& lock) {
    lock::believe_config(config, lock);
  }

  void pin_address(std::size_t lock, std::size_t config) {
    const Device& pinned = locked_.domain.devices[lock];
    const Device& completed = completed_.devices[config];
    if (std::holds_alternative<domain::NoAddress>(pinned.address)) return;
    const bool is_other_sort = !pinned.controller && abi::type_of(pinned) != abi::type_of(completed);
    const bool is_other_bridge = is_pci_controller(pinned) && believe_ == Believe::Config && !completed.model.empty() &&
                                 completed.model != pinned.model;
    const auto at = seat_of(pinned);
    if (is_other_sort || is_other_bridge) {
      if (at) free_seat(*at);
      return;
    }
    if (at) return pin_seat(pinned, *at, config);
    const bool is_implied = completed.drive && domain::DeviceAddress(*completed.drive) == pinned.address;
    const bool is_said = !std::holds_alternative<domain::NoAddress>(completed.address);
    if (!is_implied && !(is_said && believe_ == Believe::Config)) in_wish(config).address = pinned.address;
  }

  void pin_seat(const Device& pinned, const GuestAddress& at, std::size_t config) {
    if (believe_ == Believe::Config) {
      const auto said = seat_of(completed_.devices[config]);
      if (said && *said != at) free_seat(at);
      if (said || taken_.contains(at)) return;
    }
    in_wish(config).address = pinned.address;
    taken_.insert(at);
  }

  /// A PCI controller stays although the config does not list it, unless the config lists others: then it was removed.
  /// So does another controller without which the guest would not see the rest of its slot.
  void keep_or_free(const Device& pinned) {
    const auto at = seat_of(pinned);
    const bool is_needed = is_pci_controller(pinned) || (pinned.controller && at && carries_others(*at));
    if (is_needed && !(believe_ == Believe::Config && lists_controllers())) {
      if (at && !taken_.insert(*at).second) return;
      wish_.devices.push_back(pinned);
    } else if (at) {
      free_seat(*at);
    }
  }

  [[nodiscard]] bool lists_controllers() const {
    return std::ranges::any_of(completed_.devices, [](const Device& device) {
      return is_pci_controller(device) && !is_root(device) && device.element != domain::kNoElement;
    });
  }

  /// Whether it is function 0 of a slot of which other functions are taken.
  [[nodiscard]] bool carries_others(const GuestAddress& at) const {
    return at.function() == 0 && std::ranges::any_of(taken_, [&](const GuestAddress& other) {
             return other.function() != 0 && other.bus() == at.bus() && other.slot() == at.slot();
           });
  }

  void free_seat(const GuestAddress& at) {
    if (freed_ == FreedSlots::Kept) free_.insert(at);
  }

  void close_single_function_slots() {
    for (const Device& device : wish_.devices) {
      const auto* pci = std::get_if<PciAddress>(&device.address);
      if (pci == nullptr || !pci->at || !taken_.contains(*pci->at)) continue;
      for (const GuestAddress& at : assign::functions_to_close(*pci)) free_.insert(at);
    }
  }

  /// A device that the lock does not know keeps the place that it says if that is nobody's and means the same.
  void check_newcomer(std::size_t config) {
    const auto at = seat_of(completed_.devices[config]);
    if (!at || believe_ == Believe::Config) return;
    if (!taken_.contains(*at) && !free_.contains(*at) && !remodelled_.contains(at->bus())) return;
    in_wish(config).address = PciAddress{};
  }

  const LockedDomain& locked_;
  const Domain& completed_;
  Believe believe_;
  FreedSlots freed_;
  Domain wish_;
  std::map<std::uint32_t, std::size_t> by_element_{};        ///< index into wish_.devices
  std::map<std::size_t, std::size_t> added_{};               ///< the same, by index into completed_.devices
  std::vector<std::pair<std::size_t, std::size_t>> same_{};  ///< index into the lock's devices, into completed_.devices
  std::vector<std::size_t> gone_{}, come_{};
  std::set<GuestAddress> taken_{};        ///< by devices of the lock; believing the config, by all that say so
  std::set<GuestAddress> free_{};         ///< to be given to nobody
  std::set<std::uint32_t> remodelled_{};  ///< buses that the config thinks to be others
};

std::ptrdiff_t error_count(const Findings& findings) {
  return std::ranges::count(findings, Severity::Error, &Finding::severity);
}

Result<Pinned> assigned(const Pinning& pinning, Domain wish, const assign::KeptFree& closed) {
  auto assignment = assign::assign(std::move(wish), assign::Explain::No, {}, pinning.kept_free(closed));
  if (!assignment) return std::unexpected(assignment.error());
  Findings findings = compare(pinning.still_locked(), abi::snapshot(assignment->placed));
  return Pinned{std::move(assignment->placed), std::move(findings)};
}

/// The wish with newcomers on the PCI Express root itself that would else sit on a bus which the lock does not know.
/// Nobody can plug or unplug them there, but they need no new port, which may have no place that leaves the numbers of
/// the others alone. Source: spec 2.1, libvirt never chooses that bus for them and takes it when it is written.
Domain on_root(const Domain& wish, const Pinned& best, const LockedDomain& locked, const assign::KeptFree& kept) {
  const topology::Buses buses = topology::buses_of(best.placed.domain());
  Domain result = wish;
  if (buses.all.empty() || buses.all[0].model != pci::ControllerModel::PcieRoot) return result;
  std::set<std::uint32_t> known = {0};
  for (const Device& device : locked.domain.devices)
    if (is_pci_controller(device)) known.insert(device.controller->index.value_or(0));
  std::map<std::uint32_t, const Device*> newcomers;  // by element
  for (const Device& device : best.placed.domain().devices) {
    const auto at = seat_of(device);
    if (at && !known.contains(at->bus()) && !is_pci_controller(device) &&
        topology::wants(device) == topology::Want::Express)
      newcomers.emplace(device.element, &device);
  }
  std::vector<std::uint8_t> slots = topology::free_slots(buses, 0);
  std::erase_if(slots, [&](std::uint8_t slot) {
    return std::ranges::any_of(kept, [&](const GuestAddress& at) { return at.bus() == 0 && at.slot() == slot; });
  });
  auto slot = slots.begin();
  for (Device& device : result.devices) {
    if (device.element == domain::kNoElement || !newcomers.contains(device.element) || slot == slots.end()) continue;
    device.address = PciAddress{.at = *GuestAddress::make(0, 0, *slot++, 0)};
  }
  return result;
}

/// The lock's domain without the bridges on whose bus nobody sits.
Domain without_unused_bridges(Domain domain) {
  std::set<std::uint32_t> used;
  for (const Device& device : domain.devices)
    if (const auto at = seat_of(device)) used.insert(at->bus());
  std::erase_if(domain.devices, [&](const Device& device) {
    return is_pci_controller(device) && !used.contains(device.controller->index.value_or(0));
  });
  return domain;
}

}  // namespace

Result<Pinned> pin(const LockedDomain& locked, const Domain& wish, Believe believe, FreedSlots freed) {
  const auto as_written = assign::complete(wish);
  if (!as_written) return std::unexpected(as_written.error());
  Pinning bus_addresses(locked, wish, *as_written, believe, freed);
  bus_addresses.pin_bus_addresses();
  const Domain with_bus_addresses = bus_addresses.wish({});
  const auto completed = assign::complete(with_bus_addresses);
  if (!completed) return std::unexpected(completed.error());

  Pinning pinning(locked, with_bus_addresses, *completed, believe, freed);
  pinning.run();
  auto best = assigned(pinning, pinning.wish({}), {});
  // A new bridge before those of the lock gives their buses new numbers; behind all of them there may be no slot.
  for (const Domain& bridges : {locked.domain, without_unused_bridges(locked.domain)}) {
    if (best && error_count(best->findings) == 0) break;
    const assign::KeptFree closed = assign::places_before_bridges(bridges);
    auto next = assigned(pinning, pinning.wish(closed), closed);
    if (next && (!best || error_count(next->findings) < error_count(best->findings))) best = std::move(next);
  }
  if (best && error_count(best->findings) != 0) {
    auto next = assigned(pinning, on_root(pinning.wish({}), *best, locked, pinning.kept_free({})), {});
    if (next && error_count(next->findings) < error_count(best->findings)) best = std::move(next);
  }
  return best;
}

LockedDomain updated(const LockedDomain& old, const domain::PlacedDomain& now) {
  LockedDomain result = locked(now);
  std::set<GuestAddress> taken;
  std::set<std::uint32_t> buses;
  for (const Device& device : result.domain.devices) {
    if (const auto at = seat_of(device)) taken.insert(*at);
    if (is_pci_controller(device)) buses.insert(device.controller->index.value_or(0));
  }
  result.freed = old.freed;
  for (const Device& device : old.domain.devices)
    if (const auto at = seat_of(device)) result.freed.push_back({*at, display_name(old.domain, device)});
  std::erase_if(result.freed,
                [&](const FreedSlot& slot) { return taken.contains(slot.at) || !buses.contains(slot.at.bus()); });
  std::ranges::stable_sort(result.freed, {}, &FreedSlot::at);
  const auto repeated = std::ranges::unique(result.freed, {}, &FreedSlot::at);
  result.freed.erase(repeated.begin(), repeated.end());
  std::ranges::sort(result.freed);
  return result;
}

}  // namespace busproof::lock
