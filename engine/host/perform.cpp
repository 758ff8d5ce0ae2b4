#include "engine/host/perform.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/text.h"
#include "engine/host/locks.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

/// The devices and all that share a group with them: who works on one of a group holds it all.
std::set<HostAddress> with_groups(Kernel& kernel, const std::set<HostAddress>& devices) {
  std::set<HostAddress> all(devices.begin(), devices.end());
  for (const HostAddress& device : devices) {
    const auto members = kernel.list(paths::of_device(device, "iommu_group/devices"));
    if (!members) continue;
    for (const std::string& name : *members)
      if (const auto address = HostAddress::parse(name)) all.insert(*address);
  }
  return all;
}

/// A driver by the name that it turned out to have once its module was loaded.
Checked<void> name_drivers(Kernel& kernel, const Situation& situation, Request& request) {
  for (Wish& wish : request.devices) {
    const HostDevice* device = find(situation.inventory, wish.address);
    const auto choice = choose_driver(situation.drivers, wish.driver, *device);
    if (!choice || choice->kind == StubKind::Nothing) continue;
    auto name = ensure_driver(kernel, choice->name, choice->module);
    if (!name) {
      name.error().device = to_string(wish.address);
      return std::unexpected(name.error());
    }
    wish.driver.model = *std::move(name);
  }
  return {};
}

/// A driver that is loaded takes what was waiting for it: where that came from is what was seen before.
void keep_origins(const BindingPlan& first, BindingPlan& plan) {
  for (PlannedDevice& device : plan.devices) {
    const auto seen = std::ranges::find(first.devices, device.address, &PlannedDevice::address);
    if (seen == first.devices.end() || !seen->entry_after || !device.entry_after || device.entry_before) continue;
    device.entry_after->origin = seen->entry_after->origin;
    device.entry_after->origin_module = seen->entry_after->origin_module;
  }
}

bool goes_away(Operation operation) { return operation == Operation::Detach || operation == Operation::Prepare; }

/// Falls back to vfio-pci where the user prefers a variant, but does not insist on it.
bool without_variants(Request& request) {
  bool changed = false;
  for (Wish& wish : request.devices) {
    if (wish.driver.variants != VariantPolicy::Prefer) continue;
    wish.driver.variants = VariantPolicy::Never;
    changed = true;
  }
  return changed;
}

/// What is held, and what was seen and planned while it was.
struct Ground {
  std::vector<HostAddress> addresses;
  Locks locks;
  std::vector<RecoveredJournal> recovered{};
  Situation situation{};
  BindingPlan plan{};
};

/// Holds the devices that the request is about, deals with what was interrupted on them, and plans. Until the locks are
/// held the ledger may change: where it turns out that the request is about more devices, all are locked anew.
Checked<Ground> hold_ground(const Machine& machine, const Request& request, const Patience& patience) {
  constexpr int kTriesMax = 4;
  Patience hurried = patience;
  hurried.unbind = std::chrono::milliseconds(0);  // what still hangs keeps its devices busy
  const auto ledger = read_ledger(machine.ledger);
  if (!ledger) return std::unexpected(ledger.error());
  const auto named = addresses_of(request, *ledger);
  std::set<HostAddress> wanted(named.begin(), named.end());
  std::vector<RecoveredJournal> recovered;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto involved = with_groups(machine.kernel, wanted);
    auto dealt_with = recover_journals(machine, &involved, hurried);
    if (!dealt_with) return std::unexpected(dealt_with.error());
    std::ranges::move(*dealt_with, std::back_inserter(recovered));
    auto locks = lock_devices(machine.journals, involved);
    if (!locks) return std::unexpected(locks.error());
    const std::vector<HostAddress> addresses(wanted.begin(), wanted.end());
    auto situation = survey(machine, addresses);
    if (!situation) return std::unexpected(situation.error());
    auto plan = make_plan(*situation, request);
    if (!plan) return std::unexpected(plan.error());
    bool all_held = true;
    for (const PlannedDevice& device : plan->devices) {
      if (involved.contains(device.address)) continue;
      all_held = false;
      wanted.insert(device.address);
    }
    if (all_held)
      return Ground{addresses, *std::move(locks), std::move(recovered), *std::move(situation), *std::move(plan)};
  }
  return std::unexpected(
      Trouble{.code = Code::BusyOperation, .message = "others keep changing what it is about", .hints = {"try again"}});
}

}  // namespace

Checked<void> load_drivers(Kernel& kernel, const BindingPlan& plan) {
  for (const std::string& module : plan.modules) {
    if (const auto loaded = ensure_driver(kernel, module, module); !loaded) return std::unexpected(loaded.error());
  }
  return {};
}

Checked<BindingPlan> plan_request(const Machine& machine, const Request& request) {
  const auto ledger = read_ledger(machine.ledger);
  if (!ledger) return std::unexpected(ledger.error());
  const auto situation = survey(machine, addresses_of(request, *ledger));
  if (!situation) return std::unexpected(situation.error());
  return make_plan(*situation, request);
}

Checked<Performance> perform(const Machine& machine, const Request& wished, const Patience& patience) {
  Request request = wished;
  auto ground = hold_ground(machine, request, patience);
  if (!ground) return std::unexpected(ground.error());
  auto& [addresses, locks, recovered, situation, plan] = *ground;
  if (!plan.modules.empty() && goes_away(request.operation)) {
    auto loaded = name_drivers(machine.kernel, situation, request);
    if (!loaded && without_variants(request)) loaded = name_drivers(machine.kernel, situation, request);
    if (loaded) loaded = load_drivers(machine.kernel, plan);
    if (!loaded) return std::unexpected(loaded.error());
    const auto after = survey(machine, addresses);
    if (!after) return std::unexpected(after.error());
    const BindingPlan first = std::move(plan);
    auto anew = make_plan(*after, request);
    if (!anew) return std::unexpected(anew.error());
    plan = *std::move(anew);
    keep_origins(first, plan);
    std::ranges::copy_if(first.notes, std::back_inserter(plan.notes), [&](const std::string& note) {
      return std::ranges::find(plan.notes, note) == plan.notes.end();
    });
  } else if (!plan.modules.empty()) {
    // A native driver that cannot be loaded is found missing when its device is probed.
    static_cast<void>(load_drivers(machine.kernel, plan));
  }
  plan.modules.clear();
  Outcome outcome = execute(machine, plan, patience);
  return Performance{std::move(plan), std::move(outcome), std::move(recovered)};
}

}  // namespace busproof::host
