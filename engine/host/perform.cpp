#include "engine/host/perform.h"

#include <algorithm>

#include "engine/base/text.h"
#include "engine/host/locks.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

/// The devices and all that share a group with them: who works on one of a group holds it all.
std::set<HostAddress> with_groups(Kernel& kernel, const std::vector<HostAddress>& devices) {
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
  const auto ledger = read_ledger(machine.ledger);
  if (!ledger) return std::unexpected(ledger.error());
  const auto addresses = addresses_of(request, *ledger);
  const auto involved = with_groups(machine.kernel, addresses);
  Patience hurried = patience;
  hurried.unbind = std::chrono::milliseconds(0);  // what still hangs keeps its devices busy
  auto recovered = recover_journals(machine, &involved, hurried);
  if (!recovered) return std::unexpected(recovered.error());
  const auto locks = lock_devices(machine.journals, involved);
  if (!locks) return std::unexpected(locks.error());

  auto situation = survey(machine, addresses);
  if (!situation) return std::unexpected(situation.error());
  auto plan = make_plan(*situation, request);
  if (!plan) return std::unexpected(plan.error());
  if (!plan->modules.empty() && goes_away(request.operation)) {
    auto loaded = name_drivers(machine.kernel, *situation, request);
    if (!loaded && without_variants(request)) loaded = name_drivers(machine.kernel, *situation, request);
    if (loaded) loaded = load_drivers(machine.kernel, *plan);
    if (!loaded) return std::unexpected(loaded.error());
    situation = survey(machine, addresses);
    if (!situation) return std::unexpected(situation.error());
    auto notes = std::move(plan->notes);
    plan = make_plan(*situation, request);
    if (!plan) return std::unexpected(plan.error());
    std::ranges::copy_if(notes, std::back_inserter(plan->notes), [&](const std::string& note) {
      return std::ranges::find(plan->notes, note) == plan->notes.end();
    });
  } else if (!plan->modules.empty()) {
    // A native driver that cannot be loaded is found missing when its device is probed.
    static_cast<void>(load_drivers(machine.kernel, *plan));
  }
  plan->modules.clear();
  Outcome outcome = execute(machine, *plan, patience);
  return Performance{*std::move(plan), std::move(outcome), *std::move(recovered)};
}

}  // namespace busproof::host
