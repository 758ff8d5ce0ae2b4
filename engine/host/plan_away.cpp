#include "engine/host/plan_away.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/host/guards.h"
#include "engine/host/iommu_group.h"

namespace busproof::host {
namespace {

/// One device on its way.
struct Leaving {
  const HostDevice* device;
  DriverChoice choice;
  bool managed;
  bool companion = false;
  std::set<std::uint32_t> namespaces{};
  std::optional<NetWish> net{};
};

class Away {
 public:
  Away(const Situation& situation, const Request& request)
      : situation_(situation), request_(request), gate_(request.force) {}

  Checked<BindingPlan> plan() {
    for (const Wish& wish : request_.devices) {
      if (auto trouble = add(wish)) return std::unexpected(*std::move(trouble));
    }
    for (std::size_t i = 0; i < leaving_.size(); ++i) {
      if (auto trouble = check_group(i)) return std::unexpected(*std::move(trouble));
    }
    for (const auto& [address, leaving] : by_address()) {
      if (const auto trouble = shares_id(situation_, *leaving.device, targets_);
          moves(leaving) && gate_.refuses(trouble))
        return std::unexpected(*trouble);
      if (moves(leaving) && gate_.refuses(host_critical(*leaving.device)))
        return std::unexpected(*host_critical(*leaving.device));
      if (const auto trouble = held_by_a_guest(leaving); gate_.refuses(trouble)) return std::unexpected(*trouble);
    }
    return put_together();
  }

 private:
  [[nodiscard]] bool for_guest() const { return request_.operation == Operation::Prepare; }

  [[nodiscard]] std::map<HostAddress, Leaving> by_address() const {
    std::map<HostAddress, Leaving> map;
    for (const Leaving& each : leaving_) map.emplace(each.device->address, each);
    return map;
  }

  std::optional<Trouble> add(const Wish& wish) {
    if (!targets_.insert(wish.address).second)
      return trouble_of(wish.address, Code::DuplicateDevice, "it is named twice");
    const auto found = find_target(situation_, wish.address);
    if (!found) return found.error();
    const HostDevice& device = **found;
    if (auto trouble = not_assignable(device)) return trouble;
    const bool shares = joins_namespaces(wish);
    if (!shares) {
      if (auto trouble = in_use(situation_, wish.address)) return trouble;
    }
    if (auto trouble = quarantined(situation_, wish.address)) return trouble;
    if (auto trouble = has_virtual_functions(device); gate_.refuses(trouble)) return trouble;
    if (for_guest() && !wish.managed && !shares) {
      if (auto trouble = not_detached(device)) return trouble;
    }
    auto choice = choose_driver(situation_.drivers, wish.driver, device);
    if (!choice) return choice.error();
    // What is not managed stays on what it is on, whatever is asked for.
    if (for_guest() && !wish.managed)
      choice->kind = stub_kind(device, situation_.drivers.modules_alias).value_or(choice->kind);
    for (std::string& note : choice->notes) notes_.push_back(to_string(device.address) + ": " + note);
    if (wish.net && !device.physical_function) {
      return trouble_of(wish.address, Code::NotAssignable,
                        "a guest's interface must be a virtual function of a network card, and this is none",
                        {"give a whole card to the guest as a <hostdev>"});
    }
    leaving_.push_back({&device, *std::move(choice), wish.managed, false, wish.namespaces, wish.net});
    return std::nullopt;
  }

  /// Another disk of the same guest on a controller that it has already.
  [[nodiscard]] bool joins_namespaces(const Wish& wish) const {
    const LedgerEntry* entry = current_entry(situation_, wish.address);
    if (entry == nullptr || !for_guest() || entry->owner != request_.owner) return false;
    if (entry->namespaces.empty() || wish.namespaces.empty()) return false;
    return std::ranges::none_of(wish.namespaces,
                                [&](std::uint32_t number) { return entry->namespaces.contains(number); });
  }

  [[nodiscard]] std::optional<Trouble> not_detached(const HostDevice& device) const {
    if (current_entry(situation_, device.address) != nullptr) return std::nullopt;
    if (stub_kind(device, situation_.drivers.modules_alias)) return std::nullopt;
    return trouble_of(
        device.address, Code::UnmanagedNotDetached,
        fmt::format("is not managed and must be manually detached; it is on {}", device.driver.value_or("no driver")),
        {fmt::format("'busproof host detach {}' does it", to_string(device.address))});
  }

  /// Whether the guest's driver is asked to take the device.
  [[nodiscard]] bool moves(const Leaving& leaving) const { return !for_guest() || leaving.managed; }

  /// A process that has the device open keeps the kernel from taking it off its driver: that would wait for the
  /// process.
  [[nodiscard]] std::optional<Trouble> held_by_a_guest(const Leaving& leaving) const {
    const HostDevice& device = *leaving.device;
    const bool leaves_vfio = stub_kind(device, situation_.drivers.modules_alias) == StubKind::Vfio &&
                             goal_of(leaving).driver != device.driver;
    return leaves_vfio ? group_busy(situation_, device) : std::nullopt;
  }

  std::optional<Trouble> check_group(std::size_t index) {
    const HostDevice& device = *leaving_[index].device;
    const StubKind kind = leaving_[index].choice.kind;
    auto members = judge_group(situation_, device, targets_, request_.owner);
    if (kind != StubKind::Vfio || request_.group == GroupPolicy::Ignore) {
      // Whatever is not asked of a group then: it is never with two guests.
      if (!for_guest()) return std::nullopt;
      std::erase_if(members, [](const Member& member) { return member.member_class != MemberClass::ActiveOther; });
      return group_refusal(device, members);
    }
    if (request_.group != GroupPolicy::Strict) {
      for (Member& member : members) {
        if (member.member_class != MemberClass::Native && member.member_class != MemberClass::Unbound) continue;
        if (device.physical_function && member.address == device.physical_function) continue;
        if (auto trouble = add_companion(*member.address)) return trouble;
        member.blocks = false;
      }
    }
    if (auto trouble = group_refusal(device, members);
        gate_.refuses(trouble) || (trouble && trouble->code == Code::InUse && for_guest()))
      return trouble;
    for (const Member& member : members) {
      if (member.member_class == MemberClass::Unbound && request_.group == GroupPolicy::Strict)
        notes_.push_back(member.name + ": " + member.advice);
    }
    return std::nullopt;
  }

  /// Another member of the group goes along, on the stub of its own kind or on pci-stub.
  std::optional<Trouble> add_companion(const HostAddress& address) {
    const auto found = find_target(situation_, address);
    if (!found) return found.error();
    if (auto trouble = has_virtual_functions(**found); gate_.refuses(trouble)) return trouble;
    DriverWish wish{.backend = Backend::Generic};
    if (request_.group == GroupPolicy::StubCompanions) wish.model = "pci-stub";
    auto choice = choose_driver(situation_.drivers, wish, **found);
    if (!choice) return choice.error();
    targets_.insert(address);
    leaving_.push_back({*found, *std::move(choice), true, true});
    return std::nullopt;
  }

  [[nodiscard]] Binding goal_of(const Leaving& leaving) const {
    const Binding now = binding_of(*leaving.device);
    if (!moves(leaving)) return now;
    if (!leaving.device->has_override) return goal_by_id(leaving, now);
    if (leaving.choice.kind == StubKind::Nothing) return {std::nullopt, leaving.choice.name};
    // A companion that nobody has needs no driver: it only must not get one of the host's.
    if (leaving.companion && !now.driver) return {std::nullopt, leaving.choice.name};
    return {leaving.choice.name, leaving.choice.name};
  }

  /// Where the kernel has no overrides, nothing keeps a device from the host's drivers but another driver.
  [[nodiscard]] static Binding goal_by_id(const Leaving& leaving, const Binding& now) {
    if (leaving.choice.kind == StubKind::Nothing) return {};
    if (leaving.companion && !now.driver) return now;
    return {leaving.choice.name, std::nullopt};
  }

  [[nodiscard]] LedgerEntry entry_of(const Leaving& leaving, const Binding& goal) const {
    const HostDevice& device = *leaving.device;
    const LedgerEntry* before = current_entry(situation_, device.address);
    LedgerEntry entry{.address = device.address};
    if (before != nullptr) {
      entry = *before;
    } else {
      entry.pin = device.pin;
      entry.boot_id = situation_.inventory.boot_id;
      entry.origin = binding_of(device);
      entry.origin_module = module_of(device.driver);
      entry.managed = for_guest() && leaving.managed;
    }
    entry.stub = goal.driver.value_or(goal.override_to.value_or(""));
    std::erase_if(entry.flags, [](Flag flag) { return flag != Flag::IdLeaked; });
    if (for_guest()) entry.owner = request_.owner;
    entry.namespaces.insert(leaving.namespaces.begin(), leaving.namespaces.end());
    return entry;
  }

  [[nodiscard]] std::string module_of(const std::optional<std::string>& driver) const {
    const auto found = situation_.modules.find(driver.value_or(""));
    return found == situation_.modules.end() ? std::string() : found->second;
  }

  Checked<BindingPlan> put_together() {
    BindingPlan plan{.operation = request_.operation, .boot_id = situation_.inventory.boot_id};
    const auto leaving = by_address();
    std::vector<HostAddress> order;
    for (const Leaving& each : leaving_) order.push_back(each.device->address);
    std::vector<Step> checks, resets, nets;
    for (const HostAddress& address : order_of_going(situation_.inventory, std::move(order))) {
      const Leaving& each = leaving.at(address);
      const Binding before = binding_of(*each.device), after = goal_of(each);
      const LedgerEntry* entry = current_entry(situation_, address);
      plan.devices.push_back({address, each.device->pin, before, after,
                              entry != nullptr ? entry->origin_module : module_of(before.driver),
                              entry == nullptr ? std::nullopt : std::optional(*entry), entry_of(each, after)});
      const auto steps = each.device->has_override ? steps_between(address, before, after)
                                                   : steps_by_id(address, before, after, id_string(each.device->pin));
      std::ranges::copy(steps, std::back_inserter(plan.steps));
      if (!steps.empty()) note_override(before, address);
      if (!each.choice.module.empty() && after.driver && before.driver != after.driver) add_module(plan, each.choice);
      if (each.choice.kind == StubKind::Vfio && after.driver && !steps.empty())
        checks.push_back({Step::Kind::CheckUsable, address, harmless_drivers(*each.device), *after.driver});
      add_net(each, plan.devices.back(), nets);
      if (resets_now(each)) resets.push_back({Step::Kind::Reset, address, {}, {}});
    }
    std::ranges::copy(checks, std::back_inserter(plan.steps));
    std::ranges::copy(resets, std::back_inserter(plan.steps));
    std::ranges::copy(nets, std::back_inserter(plan.steps));
    plan.notes = std::move(notes_);
    plan.overridden = gate_.overridden();
    return plan;
  }

  /// The settings of a guest's interface, and those to go back to.
  void add_net(const Leaving& leaving, PlannedDevice& planned, std::vector<Step>& steps) {
    if (!leaving.net) return;
    const auto now = situation_.vf_settings.find(planned.address);
    if (now == situation_.vf_settings.end()) {
      notes_.push_back(to_string(planned.address) +
                       ": its MAC address and VLAN stay as they are: its card does not tell them");
      return;
    }
    VfSettings wanted = now->second;
    if (!leaving.net->mac.empty()) wanted.mac = leaving.net->mac;
    wanted.vlan = leaving.net->vlan.value_or(wanted.vlan);
    if (wanted == now->second) return;
    planned.net_before = now->second;
    planned.net_after = wanted;
    if (!planned.entry_after->net_origin) planned.entry_after->net_origin = now->second;
    std::ranges::copy(net_steps(planned.address, now->second, wanted), std::back_inserter(steps));
  }

  [[nodiscard]] bool resets_now(const Leaving& leaving) const {
    if (!for_guest() || leaving.companion || request_.reset == ResetPolicy::Never) return false;
    if (request_.reset == ResetPolicy::Always) return true;
    return leaving.choice.kind != StubKind::Vfio && leaving.device->has_reset;
  }

  void note_override(const Binding& before, const HostAddress& address) {
    if (!before.override_to || current_entry(situation_, address) != nullptr) return;
    notes_.push_back(fmt::format("{}: its driver_override was '{}' before (driverctl?) and will be so again",
                                 to_string(address), *before.override_to));
  }

  static void add_module(BindingPlan& plan, const DriverChoice& choice) {
    if (std::ranges::find(plan.modules, choice.module) == plan.modules.end()) plan.modules.push_back(choice.module);
  }

  /// The drivers that other members of the group may have while a guest has it, by name; empty: nobody asks.
  [[nodiscard]] std::string harmless_drivers(const HostDevice& device) const {
    if (request_.group == GroupPolicy::Ignore || request_.force) return {};
    std::set<std::string> names = {"pcieport", "pci-stub", "vfio-pci"};
    for (const Leaving& each : leaving_) names.insert(each.choice.name);
    for (const HostAddress& address : group_members(situation_.inventory, device)) {
      const HostDevice* member = find(situation_.inventory, address);
      const bool stays = member != nullptr && member->driver && !targets_.contains(address);
      if (stays) names.insert(*member->driver);
    }
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }

  const Situation& situation_;
  const Request& request_;
  Gate gate_;
  std::vector<Leaving> leaving_;
  std::set<HostAddress> targets_;
  std::vector<std::string> notes_;
};

}  // namespace

std::vector<HostAddress> order_of_going(const Inventory& inventory, std::vector<HostAddress> addresses) {
  const auto card_of = [](const HostAddress& address) {
    return *HostAddress::make(address.segment(), address.bus(), address.slot(), 0);
  };
  std::map<HostAddress, std::size_t> cards;
  for (const HostAddress& address : addresses) cards.try_emplace(card_of(address), cards.size());
  std::ranges::sort(addresses, [&](const HostAddress& a, const HostAddress& b) {
    const std::size_t card_a = cards.at(card_of(a)), card_b = cards.at(card_of(b));
    return card_a != card_b ? card_a < card_b : b < a;
  });
  // A consumer that comes behind its supplier moves right before it.
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const HostDevice* device = find(inventory, addresses[i]);
    if (device == nullptr) continue;
    for (const HostAddress& consumer : device->consumers) {
      const auto late = std::find(addresses.begin() + static_cast<std::ptrdiff_t>(i), addresses.end(), consumer);
      if (late != addresses.end()) std::rotate(addresses.begin() + static_cast<std::ptrdiff_t>(i), late, late + 1);
    }
  }
  return addresses;
}

Checked<BindingPlan> plan_away(const Situation& situation, const Request& request) {
  return Away(situation, request).plan();
}

}  // namespace busproof::host
