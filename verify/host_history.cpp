#include "verify/host_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>
#include <utility>

#include "engine/host/recover.h"
#include "engine/host/sysfs_paths.h"
#include "verify/kernel_rules.h"
#include "verify/libvirt_binding.h"
#include "verify/quiet_laws.h"
#include "verify/rehearsal.h"

namespace busproof::verify {
namespace {

using fakesys::FaultKind;
using host::HostAddress;

constexpr LawRow kSurvivesCrashes{
    "survives-crashes", "whatever failed or crashed, one recovery makes all laws hold, and a second changes nothing",
    "law 9, INV-10"};
constexpr LawRow kComesInTime{"comes-back-in-time", "an operation comes back within its deadlines, whatever blocks",
                              "INV-11"};
constexpr LawRow kRefusalChangesNothing{"refusal-changes-nothing",
                                        "what is refused is refused with a reason, and has changed nothing", "INV-7"};
constexpr LawRow kFakeIsAKernel{"fake-is-a-kernel",
                                "a write to the fake kernel is answered as the rules of the real one say", "law 11"};

constexpr LawRow kAgreesWithTables{"agrees-with-libvirt-tables",
                                   "libvirt's own steps, as the specification's tables have them, end the same",
                                   "INV-20"};

constexpr int kType1 = 1;  // VFIO_TYPE1_IOMMU

/// Whether the law is one of a single run; those of several have laws of their own here.
bool is_of_one_run(const HostLaw& law) {
  constexpr std::array kOfSeveral = {9, 10, 11, 13, 19, 20};
  return std::ranges::find(kOfSeveral, law.number) == kOfSeveral.end();
}

LawRow row_of(const HostLaw& law) { return {law.name, law.words, law.numbers}; }

/// Whether the one hangs on the other: sits behind it, or is one of its virtual functions.
bool hangs_on(const fakesys::Function& function, const HostAddress& address) {
  if (function.physical == address) return true;
  for (auto above = function.parent; above != nullptr; above = above->parent)
    if (above->address == address) return true;
  return false;
}

/// The devices that faults are about but the one that they befall: what a rival names, what goes with another.
std::set<HostAddress> meddled_by(const std::vector<fakesys::Fault>& faults, const fakesys::Model& model) {
  std::set<HostAddress> meddled;
  for (const fakesys::Fault& fault : faults) {
    if (fault.kind == FaultKind::Rival)
      if (const auto address = device_meant(fault.path, fault.value)) meddled.insert(*address);
    const auto device = HostAddress::parse(fault.device);
    if (!device) continue;
    for (const fakesys::Slot slot : model.in_order())
      if (hangs_on(*model.device(slot).function, *device)) meddled.insert(model.device(slot).function->address);
  }
  return meddled;
}

host::BindingPlan plan_of(const OperationRun& run) {
  return run.performance ? run.performance->plan : host::BindingPlan{};
}

std::set<HostAddress> devices_of(const host::BindingPlan& plan) {
  std::set<HostAddress> devices;
  for (const host::PlannedDevice& device : plan.devices) devices.insert(device.address);
  return devices;
}

std::string end_of(const OperationRun& run) {
  if (run.crashed) return "crashed";
  if (run.refusal) return "refused";
  return run.performance ? std::string(to_string(run.performance->outcome.end)) : "done";
}

bool gives_back(HostVerb verb) { return verb == HostVerb::Reattach || verb == HostVerb::Release; }

/// The devices that are given back although nobody knows where they came from: also those that two give back, or one
/// that was interrupted and is finished first, since what the first has given back nobody knows any more.
std::set<HostAddress> given_back_from_nowhere(const HostStep& step, const HostState& before) {
  std::set<HostAddress> devices;
  for (const HostCommand* command : {&step.command, step.beside ? &*step.beside : nullptr}) {
    if (command == nullptr || command->verb != HostVerb::Reattach) continue;
    for (const HostAddress& address : command->devices) {
      const auto* entry = host::find(before.ledger, address);
      const bool unknown = entry == nullptr || entry->boot_id != before.boot_id || before.in_journals.contains(address);
      if (unknown || (step.beside && gives_back(step.command.verb) && gives_back(step.beside->verb)))
        devices.insert(address);
    }
  }
  return devices;
}

/// What one operation lets go of, one beside it may be given.
std::set<HostAddress> let_go_in(const HostStep& step, const HostState& before) {
  std::set<HostAddress> let_go;
  if (!step.beside) return let_go;
  for (const HostCommand* command : {&step.command, &*step.beside})
    if (command->verb == HostVerb::Release)
      for (const HostAddress& address : let_go_by(*command, before)) let_go.insert(address);
  return let_go;
}

constexpr std::array<std::string_view, 11> kFaultNames = {
    "fail", "fail-after-effect", "lie", "block", "crash", "crash", "power", "rival", "vanish", "swap", "dead"};

/// A start that did not get through is undone: nobody waits for its devices any more.
Violations given_by_recovery(const HostState& left, const HostState& recovered) {
  Violations found;
  for (const auto& [address, binding] : left.ways_back) {
    const auto* before = host::find(left.ledger, address);
    const auto* after = host::find(recovered.ledger, address);
    if (after != nullptr && after->owner && (before == nullptr || before->owner != after->owner))
      found.push_back({to_string(address), fmt::format("a recovery has given it to {}", after->owner->domain)});
  }
  return found;
}

}  // namespace

std::vector<LawRow> host_law_rows() {
  std::vector<LawRow> rows;
  for (const HostLaw& law : host_laws())
    if (is_of_one_run(law)) rows.push_back(row_of(law));
  for (const QuietLaw& law : quiet_laws()) rows.push_back(law.row);
  rows.insert(rows.end(), {kSurvivesCrashes, kComesInTime, kRefusalChangesNothing, kFakeIsAKernel, kAgreesWithTables});
  return rows;
}

void HostHistory::look(const LawRow& law, const Violations& violations, std::string_view when) {
  looking_.tally.checked(law.name);
  if (violations.empty()) return;
  std::string words;
  if (!when.empty()) words = fmt::format("{}:\n", when);
  breaches_.push_back({std::string(law.name), words + to_string(violations)});
}

void HostHistory::look_at_all(const HostRun& run, std::string_view when) {
  for (const HostLaw& law : host_laws())
    if (is_of_one_run(law) && has(row_of(law))) look(row_of(law), law.check(run), when);
}

// ---- What the world does -----------------------------------------------------------------------------------------

void HostHistory::apply(const HostStep& step) {
  looking_.tally.seen("command", to_string(step.command.verb));
  if (world_.kernel.host().model.host_crashed) return;  // nobody is left to do anything
  if (is_operation(step.command.verb)) return operate(step);
  if (world_.journals.empty()) return act(step.command);
  const HostState before = state_of(world_);
  act(step.command);
  const HostState after = state_of(world_);
  for (const HostAddress& address : before.in_journals) {
    // An operation that is not over finds it otherwise than it left it.
    const DeviceState *was = device_in(before, address), *is = device_in(after, address);
    if (was == nullptr || is == nullptr || was->binding == is->binding) continue;
    homes_.erase(address);
    homeless_.insert(address);
  }
}

void HostHistory::act(const HostCommand& command) {
  fakesys::Model& model = world_.kernel.host().model;
  switch (command.verb) {
    case HostVerb::Commit:
      return commit(command.name);
    case HostVerb::Close:
      return close(command.name);
    case HostVerb::Load:
      static_cast<void>(world_.kernel.load_module(command.name));  // whether it can be is the host's affair
      return;
    case HostVerb::Unload:
      if (auto [error, tasks] = model.rmmod_tasks(command.name); error == 0) model.call(std::move(tasks));
      return;
    case HostVerb::Swap: {
      const HostAddress& address = command.devices.front();
      const fakesys::Slot slot = model.find(address);
      if (slot == fakesys::kNoSlot) return;
      // Where cards belong that have gone says nothing of those that come.
      homes_.erase(address);
      for (const fakesys::Slot other : model.in_order())
        if (const auto& function = *model.device(other).function; hangs_on(function, address))
          homes_.erase(function.address);
      fakesys::Function newcomer = *model.device(slot).function;
      newcomer.identity.device ^= 1;
      return model.swap(std::make_shared<const fakesys::Function>(std::move(newcomer)));
    }
    default:
      return do_in_world(command.world);
  }
}

void HostHistory::do_in_world(const fakesys::Operation& operation) {
  const HostWorld before = world_;
  fakesys::FaultyKernel kernel(std::move(world_.kernel), {});
  const fakesys::Done done = run(kernel, operation);
  world_.kernel = std::move(kernel.kernel());
  if (operation.verb == "reboot") opened_.clear();
  if (operation.verb == "write" && has(kFakeIsAKernel))
    look(kFakeIsAKernel, answers_as_a_kernel(before.kernel, operation, done, world_.kernel));
}

void HostHistory::commit(const std::string& guest) {
  if (opened_.contains(guest)) return;
  fakesys::Model& model = world_.kernel.host().model;
  const HostState now = state_of(world_);
  std::vector<int> handles;
  int container = 0;
  if (model.open_container(container) != 0) return;
  handles.push_back(container);
  std::map<int, int> groups;
  for (const auto& [address, entry] : now.ledger) {
    const auto device = now.devices.find(address);
    if (!entry.owner || entry.owner->domain != guest || device == now.devices.end() || !device->second.group) continue;
    int group = groups[*device->second.group];
    if (group == 0) {
      if (model.open_group(*device->second.group, group) != 0) continue;
      groups[*device->second.group] = group;
      handles.push_back(group);
      static_cast<void>(model.set_container(group, container));  // a group that is not viable stays unused
      static_cast<void>(model.set_iommu(container, kType1));     // the first group's does it for all
    }
    int file = 0;
    if (model.open_vfio_device(group, address, file) == 0) handles.push_back(file);
  }
  looking_.tally.seen("guest", handles.size() > 1 ? "opened its groups" : "found nothing to open");
  opened_.emplace(guest, std::move(handles));
}

void HostHistory::close(const std::string& guest) {
  const auto found = opened_.find(guest);
  if (found == opened_.end()) return;
  for (const int handle : found->second | std::views::reverse)
    static_cast<void>(world_.kernel.host().model.close_vfio(handle));  // what was pulled meanwhile is gone
  opened_.erase(found);
}

// ---- What busproof does ------------------------------------------------------------------------------------------

/// Every device that nobody has belongs where it is.
void HostHistory::learn_homes(const HostState& now) {
  if (now.boots != homes_boot_) {
    homes_.clear();
    homeless_.clear();
  }
  homes_boot_ = now.boots;
  restless_.clear();
  for (const auto& [address, device] : now.devices) {
    const auto* entry = host::find(now.ledger, address);
    const bool ours = entry != nullptr && entry->boot_id == now.boot_id && entry->pin == device.pin;
    if (device.in_transition) restless_.insert(address);
    // What a boot has bound anew belongs there, whatever an operation before it was about to do.
    if (ours || (now.in_journals.contains(address) && !now.in_outlived_journals.contains(address))) continue;
    homeless_.erase(address);
    if (device.in_transition)
      homes_.erase(address);
    else
      homes_[address] = device.binding;
  }
}

/// The devices of which it cannot be said where they belong: that somebody else does something to, or that are given
/// back although nobody knows where they came from.
std::set<HostAddress> HostHistory::excused(const HostStep& step, const HostState& before) const {
  auto devices = meddled_by(step.faults, world_.kernel.host().model);
  devices.insert(restless_.begin(), restless_.end());
  devices.insert(homeless_.begin(), homeless_.end());
  devices.merge(given_back_from_nowhere(step, before));
  if (step.command.verb != HostVerb::VirtualFunctions) return devices;
  // Those that there were go before others come.
  const fakesys::Model& model = world_.kernel.host().model;
  for (const fakesys::Slot slot : model.in_order())
    if (hangs_on(*model.device(slot).function, step.command.devices.front()))
      devices.insert(model.device(slot).function->address);
  return devices;
}

void HostHistory::operate(const HostStep& step) {
  const HostState before = state_of(world_);
  learn_homes(before);
  const StepRun run = run_step(world_, step);
  classify(step, run);
  look_at_run(step, run, before);
  look_at_recovery(step, run, before);
  look_at_time(run, before);
  const bool quiet = step.faults.empty() && step.crash.when == CrashPoint::When::Never && !step.beside &&
                     before.in_journals.empty() && restless_.empty();
  if (quiet) look_at_quiet(step, run, before);
  if (run.later.kernel.host().boots != world_.kernel.host().boots) opened_.clear();
  for (const Newcomer& newcomer : run.newcomers) {
    homes_.erase(newcomer.address);
    homeless_.insert(newcomer.address);
  }
  for (const HostAddress& address : given_back_from_nowhere(step, before)) {
    homes_.erase(address);
    homeless_.insert(address);
  }
  // A rival may have come before its device was taken: then that came from where the rival had left it.
  if (const auto meddled = meddled_by(step.faults, world_.kernel.host().model); !meddled.empty()) {
    const HostState later = state_of(run.later);
    for (const HostAddress& address : meddled) {
      if (const auto* entry = host::find(later.ledger, address); entry != nullptr && homes_.contains(address))
        homes_[address] = entry->origin;
      if (!later.in_journals.contains(address)) continue;
      homes_.erase(address);
      homeless_.insert(address);
    }
  }
  if (step.beside) learn_what_one_found_of_the_other(state_of(run.later));
  world_ = run.later;
}

/// What waits for its driver is taken as soon as one of two operations loads that: then the other has found it there.
void HostHistory::learn_what_one_found_of_the_other(const HostState& later) {
  for (auto& [address, home] : homes_) {
    const auto* entry = host::find(later.ledger, address);
    if (entry == nullptr || home.driver || !home.override_to) continue;
    const bool by_its_override = entry->origin.driver == home.override_to;
    if (by_its_override && entry->origin.override_to == home.override_to) home = entry->origin;
  }
}

void HostHistory::look_at_run(const HostStep& step, const StepRun& run, const HostState& before) {
  const HostState after = state_of(run.world);
  const auto meddled = excused(step, before);
  const bool of_engine = request_of(step.command).has_value();
  const std::vector<fakesys::AccessRecord> none;
  const host::BindingPlan plan = plan_of(run.first);
  const host::Outcome* outcome =
      run.first.performance && !run.first.crashed ? &run.first.performance->outcome : nullptr;
  if (!run.second) {
    look_at_all({.plan = plan,
                 .before = before,
                 .after = after,
                 .accesses = of_engine ? run.accesses : none,
                 .outcome = outcome,
                 .newcomers = run.newcomers,
                 .meddled = meddled,
                 .resumed = before.in_journals,
                 .homes = &homes_},
                {});
    look_at_refusal(step, run, before, after, meddled);
    return;
  }
  // Both together may have touched what either names, and nothing is lost; each alone keeps to its own. A card that
  // came between may be what the later one means.
  const host::BindingPlan other = plan_of(*run.second);
  host::BindingPlan both = plan;
  both.devices.insert(both.devices.end(), other.devices.begin(), other.devices.end());
  const std::set<HostAddress> let_go = let_go_in(step, before);
  auto changing = before.in_journals;
  changing.insert(let_go.begin(), let_go.end());
  look_at_all({.plan = both,
               .before = before,
               .after = after,
               .accesses = run.accesses,
               .meddled = meddled,
               .resumed = changing,
               .homes = &homes_},
              "two at a time");
  const auto alone = [&](const OperationRun& one, const host::BindingPlan& its, const host::BindingPlan& foreign) {
    auto touched = meddled;
    touched.merge(devices_of(foreign));
    touched.insert(before.in_journals.begin(), before.in_journals.end());
    look_at_all({.plan = its,
                 .before = before,
                 .after = after,
                 .accesses = one.changes,
                 .outcome = one.performance && !one.crashed ? &one.performance->outcome : nullptr,
                 .meddled = touched,
                 .resumed = before.in_journals,
                 .let_go = let_go,
                 .homes = &homes_},
                "one of two");
  };
  alone(run.first, plan, other);
  alone(*run.second, other, plan);
}

/// A recovery deals with one entry after the other: whether one that was stopped amid them has done what it would have.
bool HostHistory::is_part_of_recovery(const HostState& before, const HostState& after) const {
  fakesys::FaultyKernel kernel(world_.kernel, {});
  host::MemoryStore journals(world_.journals), ledger(world_.ledger);
  if (!host::recover({kernel, journals, ledger})) return false;
  const HostState whole = state_of(kernel.kernel(), journals, ledger);
  const auto same = [](const host::LedgerEntry* one, const host::LedgerEntry* other) {
    return one == nullptr || other == nullptr ? one == other : *one == *other;
  };
  return std::ranges::all_of(before.ledger, [&](const auto& entry) {
    const auto* now = host::find(after.ledger, entry.first);
    return same(now, &entry.second) || same(now, host::find(whole.ledger, entry.first));
  });
}

void HostHistory::look_at_refusal(const HostStep& step, const StepRun& run, const HostState& before,
                                  const HostState& after, const std::set<HostAddress>& spared) {
  if (!has(kRefusalChangesNothing) || !run.first.refusal || run.first.crashed || before.boots != after.boots) return;
  Violations found;
  if (run.first.refusal->message.empty()) found.push_back({"", "does not say why"});
  for (const auto& [address, device] : after.devices) {
    const auto was = before.devices.find(address);
    if (spared.contains(address) || before.in_journals.contains(address) || was == before.devices.end() ||
        was->second.pin != device.pin)
      continue;
    if (was->second.binding.override_to != device.binding.override_to)
      found.push_back({to_string(address), "has another override after a refusal"});
  }
  const bool is_part = step.command.verb == HostVerb::Recover && is_part_of_recovery(before, after);
  if (before.in_journals.empty() && before.ledger != after.ledger && !is_part)
    found.push_back({"", "the ledger has changed"});
  for (const HostAddress& address : after.in_journals) {
    // What could not be switched on again, or not be seen to be on, is written down.
    const std::string autoprobe = host::paths::of_device(address, "sriov_drivers_autoprobe");
    const bool is_unsure = std::ranges::any_of(run.accesses, [&](const fakesys::AccessRecord& access) {
      return access.path == autoprobe && access.error != 0;
    });
    const DeviceState* device = device_in(after, address);
    const bool is_off = device != nullptr && !device->vfs_autoprobe;
    if (!before.in_journals.contains(address) && !is_off && !is_unsure)
      found.push_back({to_string(address), "is in a journal"});
  }
  look(kRefusalChangesNothing, found);
}

void HostHistory::look_at_recovery(const HostStep& step, const StepRun& run, const HostState& before) {
  if (!has(kSurvivesCrashes)) return;
  fakesys::FaultyKernel kernel(run.later.kernel, {});
  host::MemoryStore journals(run.later.journals), ledger(run.later.ledger);
  const HostState left = state_of(run.later);
  const host::Machine machine{kernel, journals, ledger};
  const auto recovered = host::recover_journals(machine, nullptr);
  if (!recovered) return look(kSurvivesCrashes, {{"", "cannot be recovered: " + to_string(recovered.error())}});
  for (const host::RecoveredJournal& each : *recovered) looking_.tally.seen("recovery", to_string(each.end));
  const HostState once = state_of(kernel.kernel(), journals, ledger);
  host::BindingPlan plan = plan_of(run.first);
  if (run.second)
    for (const host::PlannedDevice& device : plan_of(*run.second).devices) plan.devices.push_back(device);
  const auto meddled = excused(step, before);
  auto resumed = before.in_journals;
  resumed.insert(left.in_journals.begin(), left.in_journals.end());
  // What was late may have done something that nobody reckoned with.
  const bool came_late = std::ranges::find(step.faults, FaultKind::Block, &fakesys::Fault::kind) != step.faults.end();
  if (!recovered->empty() || came_late)
    look_at_all({.plan = plan,
                 .before = before,
                 .after = once,
                 .accesses = kernel.accesses(),
                 .meddled = meddled,
                 .resumed = resumed,
                 .let_go = let_go_in(step, before),
                 .homes = &homes_},
                "recovered");
  static_cast<void>(host::recover_journals(machine, nullptr));  // what it changes shows
  Violations found = given_by_recovery(left, once);
  if (once != state_of(kernel.kernel(), journals, ledger)) found.push_back({"", "a second recovery changes something"});
  look(kSurvivesCrashes, found);
}

/// INV-11: each step may take as long as its deadlines, its undoing too, and each call that does not come back its own.
void HostHistory::look_at_time(const StepRun& run, const HostState& before) {
  if (!has(kComesInTime)) return;
  constexpr std::chrono::seconds kStep{60 + 60 + 30 + 2 + 70}, kCall{60};
  std::size_t steps = 2 + 2 * before.in_journals.size() + 2 * before.ledger.size();
  std::size_t programs = 1;
  for (const OperationRun* one : {&run.first, run.second ? &*run.second : nullptr}) {
    if (one == nullptr || !one->performance) continue;
    steps += one->performance->plan.steps.size() + 2 * one->performance->plan.devices.size();
    ++programs;
  }
  const auto blocked = std::ranges::count(run.accesses, ETIMEDOUT, &fakesys::AccessRecord::error);
  const std::chrono::milliseconds longest = kStep * steps * programs + kCall * blocked;
  Violations found;
  if (run.took > longest)
    found.push_back(
        {"", fmt::format("took {} s; its deadlines come to {} s", run.took.count() / 1000, longest.count() / 1000)});
  look(kComesInTime, found);
}

void HostHistory::look_at_quiet(const HostStep& step, const StepRun& run, const HostState& before) {
  const HostState after = state_of(run.world);
  const QuietRun quiet{step.command, world_, before, run, after, homes_};
  const auto request = request_of(step.command);
  if (!request) return;
  for (const QuietLaw& law : quiet_laws())
    if (has(law.row)) look(law.row, law.breaches(quiet));
  if (has(kAgreesWithTables)) compare(quiet);
  if (step.rehearsed && has(kSurvivesCrashes) && excused(step, before).empty()) rehearse_first(*request);
}

/// Whether libvirt's own way leads to the same, but for what it is known to leave behind.
void HostHistory::compare(const QuietRun& quiet) {
  using Verdict = BindingComparison::Verdict;
  const BindingComparison comparison = compare_with_libvirt(quiet);
  if (comparison.verdict == Verdict::NotCompared) return looking_.tally.seen(kAgreesWithTables.name, "not compared");
  if (comparison.verdict == Verdict::KnownGap) looking_.tally.seen("libvirt", comparison.gap);
  looking_.tally.seen(kAgreesWithTables.name, comparison.verdict == Verdict::Agree      ? "agree"
                                              : comparison.verdict == Verdict::KnownGap ? "known gap"
                                                                                        : "disagree");
  look(kAgreesWithTables, comparison.violations);
}

/// The plan under every single fault, and a crash at every access.
void HostHistory::rehearse_first(const host::Request& request) {
  const auto tried = rehearse_request(world_.kernel, world_.journals, world_.ledger, request);
  if (!tried) return;
  const Rehearsal& rehearsal = *tried;
  looking_.tally.seen("rehearsal", "runs", rehearsal.runs);
  Violations found;
  constexpr std::size_t kShown = 5;
  for (const BrokenRun& broken : rehearsal.broken | std::views::take(kShown))
    for (const Violation& violation : broken.violations)
      found.push_back({violation.device, fmt::format("{}: INV-{}: {}", broken.fault, broken.law, violation.what)});
  if (rehearsal.broken.size() > kShown)
    found.push_back({"", fmt::format("and {} runs more", rehearsal.broken.size() - kShown)});
  look(kSurvivesCrashes, found, "rehearsed");
}

void HostHistory::classify(const HostStep& step, const StepRun& run) {
  Tally& tally = looking_.tally;
  tally.seen("end", end_of(run.first));
  if (run.first.refusal) tally.seen("refused", to_string(run.first.refusal->code));
  if (run.first.performance && run.first.performance->outcome.primary)
    tally.seen("failed", to_string(run.first.performance->outcome.primary->code));
  if (run.second) tally.seen("beside", end_of(*run.second));
  for (const fakesys::Fault& fault : step.faults)
    tally.seen("fault", kFaultNames.at(static_cast<std::size_t>(fault.kind)));
  constexpr std::array<std::string_view, 5> kCrashWords = {"never", "before", "after", "torn", "disk full"};
  if (run.first.crashed || step.crash.when == CrashPoint::When::Full)
    tally.seen("crash", kCrashWords.at(static_cast<std::size_t>(step.crash.when)));
  tally.seen("accesses", "all", run.accesses.size());
}

}  // namespace busproof::verify
