#include "engine/host/plan_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "engine/host/guards.h"
#include "engine/host/iommu_group.h"
#include "engine/host/plan_away.h"

namespace busproof::host {
namespace {

/// The members of the device's group that a guest has, other than those that are let go of now.
std::vector<HostAddress> kept_members(const Situation& situation, const HostDevice& device,
                                      const std::set<HostAddress>& let_go) {
  std::vector<HostAddress> kept;
  for (const HostAddress& member : group_members(situation.inventory, device)) {
    const LedgerEntry* entry = current_entry(situation, member);
    if (entry != nullptr && entry->owner && !let_go.contains(member)) kept.push_back(member);
  }
  return kept;
}

/// A guest's interface that is let go of gets the settings back that it had before.
void add_net(const Situation& situation, BindingPlan& plan) {
  PlannedDevice& planned = plan.devices.back();
  const auto now = situation.vf_settings.find(planned.address);
  if (!planned.entry_before || !planned.entry_before->net_origin || now == situation.vf_settings.end()) return;
  planned.net_before = now->second;
  planned.net_after = planned.entry_before->net_origin;
  std::ranges::copy(net_steps(planned.address, now->second, *planned.net_after), std::back_inserter(plan.steps));
}

/// Adds what brings a device back to `goal`.
void add_return(const Situation& situation, const HostDevice& device, const Binding& goal, BindingPlan& plan) {
  const LedgerEntry* entry = find(situation.ledger, device.address);
  const Binding now = binding_of(device);
  PlannedDevice planned{device.address, device.pin, now, goal, entry == nullptr ? "" : entry->origin_module};
  if (entry != nullptr) planned.entry_before = *entry;
  const bool driver_missing = goal.driver && !planned.origin_module.empty() &&
                              !std::ranges::binary_search(situation.drivers.drivers, *goal.driver);
  if (driver_missing && std::ranges::find(plan.modules, planned.origin_module) == plan.modules.end())
    plan.modules.push_back(planned.origin_module);
  plan.devices.push_back(std::move(planned));
  add_net(situation, plan);
  const bool by_id = !device.has_override && goal.driver && takes_by_override(*goal.driver) &&
                     !shares_id(situation, device, {device.address});
  std::ranges::copy(
      by_id ? steps_by_id(device.address, now, goal, id_string(device.pin)) : steps_between(device.address, now, goal),
      std::back_inserter(plan.steps));
}

/// Where a device belongs that is given back.
Binding home_of(const Situation& situation, const HostDevice& device, bool reprobe) {
  if (const LedgerEntry* entry = current_entry(situation, device.address)) {
    Binding origin = entry->origin;
    if (!origin.driver && reprobe) origin.any_driver = true;
    return origin;
  }
  const bool on_stub = stub_kind(device, situation.drivers.modules_alias).has_value();
  // Somebody's own driver keeps what it has; nobody knows where anything else came from.
  if (device.driver && !on_stub) return {device.driver, std::nullopt};
  return {std::nullopt, std::nullopt, true};
}

BindingPlan empty_plan(const Situation& situation, Operation operation) {
  return {.operation = operation, .boot_id = situation.inventory.boot_id};
}

std::vector<HostAddress> order_of_return(const Inventory& inventory, std::vector<HostAddress> addresses) {
  auto order = order_of_going(inventory, std::move(addresses));
  std::ranges::reverse(order);
  return order;
}

/// What is kept of a device that its guest has let go of.
LedgerEntry without_owner(LedgerEntry entry) {
  entry.owner.reset();
  entry.namespaces.clear();
  entry.net_origin.reset();
  return entry;
}

/// Whether the kernel can reset it without others: a bus is reset for one function only where that is alone on it.
bool resets_alone(const Situation& situation, const HostDevice& device) {
  if (!device.has_reset) return false;
  if (!device.reset_methods) return true;
  const auto& methods = *device.reset_methods;
  const bool only_bus = std::ranges::all_of(
      methods, [](const std::string& method) { return method == "bus" || method == "cxl_bus" || method == "slot"; });
  if (!only_bus) return true;
  const auto shares_bus = [&](const HostDevice& other) {
    return other.address != device.address && other.address.segment() == device.address.segment() &&
           other.address.bus() == device.address.bus();
  };
  return !methods.empty() && std::ranges::none_of(situation.inventory.devices, shares_bus);
}

}  // namespace

Checked<BindingPlan> plan_reattach(const Situation& situation, const Request& request) {
  BindingPlan plan = empty_plan(situation, Operation::Reattach);
  Gate gate(request.force);
  std::set<HostAddress> named;
  for (const Wish& wish : request.devices) {
    if (!named.insert(wish.address).second)
      return std::unexpected(trouble_of(wish.address, Code::DuplicateDevice, "it is named twice"));
    const auto found = find_target(situation, wish.address);
    if (!found) return std::unexpected(found.error());
    if (const auto trouble = not_assignable(**found)) return std::unexpected(*trouble);
    if (const auto trouble = in_use(situation, wish.address)) return std::unexpected(*trouble);
    if (const auto trouble = group_busy(situation, **found); gate.refuses(trouble)) return std::unexpected(*trouble);
    const auto kept = kept_members(situation, **found, {});
    if (kept.empty()) continue;
    const auto trouble = trouble_of(wish.address, Code::GroupBusy,
                                    fmt::format("{} of the same group is with a guest", to_string(kept.front())));
    if (gate.refuses(trouble)) return std::unexpected(trouble);
  }
  for (const HostAddress& address : order_of_return(situation.inventory, addresses_of(request, situation.ledger))) {
    const HostDevice& device = *find(situation.inventory, address);
    add_return(situation, device, home_of(situation, device, request.reprobe), plan);
  }
  plan.overridden = gate.overridden();
  return plan;
}

Checked<BindingPlan> plan_release(const Situation& situation, const Request& request) {
  BindingPlan plan = empty_plan(situation, Operation::Release);
  std::set<HostAddress> let_go;
  const auto add_staying = [&](const LedgerEntry& entry, std::optional<LedgerEntry> after) {
    const HostDevice* device = find(situation.inventory, entry.address);
    const Binding now = device == nullptr ? Binding{} : binding_of(*device);
    const bool lets_go = !after || !after->owner;
    plan.devices.push_back({entry.address, entry.pin, now, now, entry.origin_module, entry, std::move(after)});
    if (lets_go && device != nullptr && device->pin == entry.pin) add_net(situation, plan);
  };
  for (const HostAddress& address : addresses_of(request, situation.ledger)) {
    const LedgerEntry* entry = find(situation.ledger, address);
    if (entry == nullptr || !entry->owner || entry->owner != request.owner) {
      plan.notes.push_back(to_string(address) + ": is not with this guest: left alone");
      continue;
    }
    if (situation.busy.contains(address)) return std::unexpected(find_target(situation, address).error());
    const auto wish = std::ranges::find(request.devices, address, &Wish::address);
    if (wish != request.devices.end() && !wish->namespaces.empty() && !entry->namespaces.empty()) {
      LedgerEntry after = *entry;
      for (const std::uint32_t number : wish->namespaces) after.namespaces.erase(number);
      if (!after.namespaces.empty()) {
        add_staying(*entry, std::move(after));
        continue;
      }
    }
    let_go.insert(address);
  }
  std::vector<HostAddress> returning;
  std::vector<const LedgerEntry*> candidates;
  for (const HostAddress& address : let_go) candidates.push_back(find(situation.ledger, address));
  for (const auto& [address, entry] : situation.ledger)
    if (!entry.owner && entry.flags.contains(Flag::DeferredGiveback)) candidates.push_back(&entry);
  for (const LedgerEntry* entry : candidates) {
    const HostDevice* device = find(situation.inventory, entry->address);
    const bool ours = let_go.contains(entry->address);
    if (situation.inventory.unreadable.contains(entry->address)) {
      if (ours) return std::unexpected(find_target(situation, entry->address).error());
      continue;
    }
    if (device == nullptr || entry->boot_id != situation.inventory.boot_id) {
      if (ours) plan.notes.push_back(to_string(entry->address) + ": is not there any more, or not since this boot");
      add_staying(*entry, std::nullopt);
      continue;
    }
    LedgerEntry after = without_owner(*entry);
    if (entry->pin != device->pin) {
      after.flags.insert(Flag::IdentityChanged);
      plan.notes.push_back(to_string(entry->address) + ": another card is at this address now: left alone");
      add_staying(*entry, std::move(after));
    } else if (!entry->managed) {
      if (ours) add_staying(*entry, std::move(after));
    } else if (!kept_members(situation, *device, let_go).empty() || group_busy(situation, *device)) {
      if (!ours) continue;
      after.flags.insert(Flag::DeferredGiveback);
      plan.notes.push_back(to_string(entry->address) + ": its group is still open: it goes back with the last of it");
      add_staying(*entry, std::move(after));
    } else {
      returning.push_back(entry->address);
    }
  }
  for (const HostAddress& address : order_of_return(situation.inventory, std::move(returning))) {
    const HostDevice& device = *find(situation.inventory, address);
    if (request.reset == ResetPolicy::Always && device.has_reset)
      plan.steps.push_back({Step::Kind::Reset, address, {}, {}});
    add_return(situation, device, home_of(situation, device, request.reprobe), plan);
  }
  return plan;
}

Checked<BindingPlan> plan_reset(const Situation& situation, const Request& request) {
  BindingPlan plan = empty_plan(situation, Operation::Reset);
  Gate gate(request.force);
  for (const Wish& wish : request.devices) {
    const auto found = find_target(situation, wish.address);
    if (!found) return std::unexpected(found.error());
    const HostDevice& device = **found;
    if (const auto trouble = not_assignable(device)) return std::unexpected(*trouble);
    if (const auto trouble = in_use(situation, wish.address)) return std::unexpected(*trouble);
    const auto stub = stub_kind(device, situation.drivers.modules_alias);
    const LedgerEntry* entry = find(situation.ledger, wish.address);
    if (stub == StubKind::Vfio && request.reset == ResetPolicy::Auto) {
      plan.notes.push_back(to_string(wish.address) + ": VFIO resets it when it is opened and closed");
      continue;
    }
    if (!resets_alone(situation, device)) {
      Trouble trouble = trouble_of(wish.address, Code::NoResetMethod, "the kernel knows no way to reset it alone");
      for (const HostDevice& sibling : situation.inventory.devices) {
        if (sibling.address != device.address && sibling.parent == device.parent && device.parent)
          trouble.hints.push_back(fmt::format("{} is on the same bus, so that the bus cannot be reset for one",
                                              to_string(sibling.address)));
      }
      return std::unexpected(std::move(trouble));
    }
    if (device.driver && !stub) {
      const auto trouble =
          trouble_of(wish.address, Code::NativeBound, fmt::format("the host uses it: {} has it", *device.driver),
                     {"--force resets it all the same, under its driver"});
      if (gate.refuses(trouble)) return std::unexpected(trouble);
    }
    if (const auto trouble = group_busy(situation, device); gate.refuses(trouble)) return std::unexpected(*trouble);
    const Binding now = binding_of(device);
    PlannedDevice planned{device.address, device.pin, now, now};
    if (entry != nullptr) planned.entry_before = planned.entry_after = *entry;
    plan.devices.push_back(std::move(planned));
    plan.steps.push_back({Step::Kind::Reset, wish.address, {}, {}});
  }
  plan.overridden = gate.overridden();
  return plan;
}

}  // namespace busproof::host
