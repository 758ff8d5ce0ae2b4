#include "verify/host_invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/host/journal.h"
#include "engine/host/virtual_functions.h"
#include "engine/pci/config_registers.h"

namespace busproof::verify {
namespace {

using host::Binding;
using host::HostAddress;

/// All ones here tell a dead device, and of a virtual function too: section 1.4 of the specification, ID-18.

bool same_boot(const HostRun& run) { return run.before.boots == run.after.boots; }

/// Where a device belongs that nobody has: where it was, or where it came from.
Binding home_of(const HostRun& run, const HostAddress& address, const DeviceState& before) {
  return origin_of(run.homes, run.before, address).value_or(before.binding);
}

bool is_kept(const HostState& state, const HostAddress& address) {
  return state.ledger.contains(address) || state.in_journals.contains(address);
}

bool is_newcomer(const HostRun& run, const HostAddress& address) {
  const auto before = run.before.devices.find(address), after = run.after.devices.find(address);
  return before == run.before.devices.end() || after == run.after.devices.end() ||
         before->second.pin != after->second.pin;
}

const host::PlannedDevice* planned(const host::BindingPlan& plan, const HostAddress& address) {
  const auto found = std::ranges::find(plan.devices, address, &host::PlannedDevice::address);
  return found == plan.devices.end() ? nullptr : &*found;
}

bool declares(const HostRun& run, const HostAddress& address) {
  return planned(run.plan, address) != nullptr || run.resumed.contains(address);
}

/// A driver of the host may let go of a card that answers nothing any more, in its own time.
bool was_let_go_of_dead(const DeviceState& before, const DeviceState& after) {
  return after.dead && before.binding.driver && !after.binding.driver &&
         after.binding.override_to == before.binding.override_to;
}

/// Whether a device that is as it was is well: half-way through something that was interrupted it is not.
bool may_stay(const HostRun& run, const HostAddress& address) {
  return run.homes == nullptr || !is_kept(run.before, address);
}

std::optional<HostAddress> device_of(const fakesys::AccessRecord& access) {
  return device_meant(access.path, access.value);
}

/// Whether an id is written that a device of the operation has.
bool is_id_of_declared(const HostRun& run, const fakesys::AccessRecord& access) {
  if (!access.path.ends_with("/new_id") && !access.path.ends_with("/remove_id")) return false;
  // A rehearsal knows only devices that have changed; its plan says what it adds.
  for (const host::Step& step : run.plan.steps)
    if (step.kind == host::Step::Kind::AddId && value_of(step) == access.value) return true;
  for (const auto& [address, device] : run.before.devices)
    if (declares(run, address) && access.value.starts_with(host::id_string(device.pin))) return true;
  return false;
}

template <class Look>
void for_each_write(const HostRun& run, Look look) {
  for (std::size_t i = 0; i < run.accesses.size(); ++i)
    if (run.accesses[i].access == fakesys::Access::Write) look(i, run.accesses[i]);
}

/// Calls look(address, before, after) for what is there before and after, and is the same card. What both states share
/// has not changed: of that, no law forbids anything unless it was planned or should have gone home.
template <class Look>
void for_each_device(const HostRun& run, Look look) {
  auto before = run.before.devices.begin();
  const auto end = run.before.devices.end();
  for (const auto& device : run.after.devices) {
    const auto& [address, after] = device;
    while (before != end && before->first < address) ++before;
    if (before == end) return;
    if (before->first != address || before->second.pin != after.pin) continue;
    const bool is_shared = &*before == &device;
    if (!is_shared || run.homes != nullptr || declares(run, address)) look(address, before->second, after);
  }
}

DeviceState state_of_device(const fakesys::Model& model, const fakesys::Device& device) {
  DeviceState state;
  if (device.driver != fakesys::kNone) state.binding.driver = model.driver(device.driver).name;
  if (!device.override_text.empty()) state.binding.override_to = device.override_text;
  const fakesys::Identity& id = device.function->identity;
  state.pin = {id.vendor, id.device, id.subvendor, id.subdevice, id.class_code, id.revision};
  if (device.group != fakesys::kNone) state.group = device.group;
  state.in_transition = (device.driver != fakesys::kNone && !device.link_visible) || device.locked_by != 0;
  state.dead = device.config.word(pci::kCommand) == 0xffff;
  state.vfs_autoprobe = device.vfs_autoprobe;
  state.virtual_functions = device.num_vfs;
  return state;
}

DeviceStates states_of_devices(const fakesys::Model& model, const SeenHost* seen) {
  const fakesys::Model* other = seen == nullptr ? nullptr : &seen->kernel.host().model;
  const bool same_devices = other != nullptr && other->in_order().data() == model.in_order().data();
  DeviceStates states = same_devices ? seen->state.devices : DeviceStates();
  for (const fakesys::Slot slot : model.in_order()) {
    const fakesys::Device& device = model.device(slot);
    if (!same_devices || &device != &other->device(slot))
      states[device.function->address] = state_of_device(model, device);
  }
  return states;
}

}  // namespace

DeviceStates::Iterator DeviceStates::find(const HostAddress& address) const {
  const auto found = std::ranges::lower_bound(*values_, address, {}, [](const auto& value) { return value->first; });
  return Iterator(found != values_->end() && (*found)->first == address ? found : values_->end());
}

DeviceState& DeviceStates::operator[](const HostAddress& address) {
  auto& values = values_.edit();
  auto found = std::ranges::lower_bound(values, address, {}, [](const auto& value) { return value->first; });
  if (found == values.end() || (*found)->first != address)
    found = values.insert(found, fakesys::Cow<Value>(Value(address, {})));
  return found->edit().second;
}

void DeviceStates::keep_only(const std::vector<HostAddress>& addresses) {
  std::erase_if(values_.edit(),
                [&](const auto& value) { return std::ranges::find(addresses, value->first) == addresses.end(); });
}

bool operator==(const DeviceStates& a, const DeviceStates& b) {
  return &*a.values_ == &*b.values_ || std::ranges::equal(*a.values_, *b.values_, [](const auto& x, const auto& y) {
    return &*x == &*y || *x == *y;
  });
}

const DeviceState* device_in(const HostState& state, const HostAddress& address) {
  const auto found = state.devices.find(address);
  return found == state.devices.end() ? nullptr : &found->second;
}

bool is_at_home(const HostState& state, const HostAddress& address) {
  const DeviceState* device = device_in(state, address);
  return device != nullptr && device->binding.driver && !device->binding.override_to &&
         state.native_drivers.contains(*device->binding.driver);
}

std::optional<HostAddress> device_meant(std::string_view path, std::string_view value) {
  constexpr std::string_view kDevices = "bus/pci/devices/";
  std::string_view name = value;
  if (path.starts_with(kDevices)) {
    name = path.substr(kDevices.size());
    name = name.substr(0, name.find('/'));
  }
  const auto address = HostAddress::parse(name);
  return address ? std::optional(*address) : std::nullopt;
}

bool waited_for_module(const HostState& host, const Binding& before, const Binding& after) {
  return !before.driver && before.override_to == after.override_to && after.driver &&
         !host.drivers.contains(*after.driver);
}

std::optional<Binding> origin_of(const Homes* homes, const HostState& before, const HostAddress& address) {
  if (homes != nullptr)
    if (const auto home = homes->find(address); home != homes->end()) return home->second;
  const auto* entry = host::find(before.ledger, address);
  return entry == nullptr ? std::nullopt : std::optional(entry->origin);
}

std::vector<std::pair<std::string, std::string>> planned_writes(const host::BindingPlan& plan) {
  std::vector<std::pair<std::string, std::string>> writes;
  for (const host::Step& step : plan.steps)
    if (std::string path = path_of(step); !path.empty()) writes.emplace_back(std::move(path), value_of(step));
  return writes;
}

std::string binding_words(const Binding& binding) {
  return fmt::format("driver {}, override {}", binding.driver.value_or("none"), binding.override_to.value_or("unset"));
}

HostState state_of(const fakesys::FakeKernel& kernel, host::Store& journals, host::Store& ledger,
                   const SeenHost* seen) {
  const fakesys::Model& model = kernel.host().model;
  HostState state;
  state.autoprobe = model.autoprobe;
  state.has_overrides = model.profile.driver_override;
  state.boots = kernel.host().boots;
  state.boot_id = fakesys::boot_id(kernel.host());
  state.crashed = model.host_crashed;
  state.devices = states_of_devices(model, seen);
  for (const int id : model.drivers()) {
    const fakesys::Driver& driver = model.driver(id);
    if (!driver.dynamic_ids.empty()) state.dynamic_ids[driver.name] = driver.dynamic_ids.size();
    state.drivers.insert(driver.name);
    if (driver.rule.role == fakesys::DriverRole::Native) state.native_drivers.insert(driver.name);
    if (driver.rule.role == fakesys::DriverRole::Vfio) state.vfio_drivers.insert(driver.name);
  }
  for (const int number : model.groups())
    if (model.group(number)->open_file != 0) state.open_groups.insert(number);
  const auto entries = host::read_ledger(ledger);
  state.ledger_readable = entries.has_value();
  if (entries) state.ledger = *entries;
  if (const auto states = host::read_journals(journals)) {
    std::set<HostAddress> under_way;
    for (const host::JournalState& journal : *states) {
      const auto devices = host::devices_in_question(journal);
      const bool is_outlived = !journal.plan.devices.empty() && journal.plan.boot_id != state.boot_id;
      if (!is_outlived) under_way.insert(devices.begin(), devices.end());
      state.in_journals.insert(devices.begin(), devices.end());
      for (const host::PlannedDevice& planned : journal.plan.devices)
        if (!journal.committed && devices.contains(planned.address))
          state.ways_back.emplace(planned.address, planned.before);
    }
    std::ranges::set_difference(state.in_journals, under_way,
                                std::inserter(state.in_outlived_journals, state.in_outlived_journals.end()));
  }
  if (const auto cards = host::probing_left_off(journals)) state.in_journals.insert(cards->begin(), cards->end());
  for (host::Store* store : {&journals, &ledger}) {
    const auto files = host::contents(*store);
    if (!files) continue;
    for (const auto& [name, text] : *files) state.kept += text;
  }
  return state;
}

Violations nothing_is_lost(const HostRun& run) {
  Violations found;
  if (!same_boot(run)) return found;
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    if (run.meddled.contains(address) || run.after.in_journals.contains(address)) return;
    const auto entry = run.after.ledger.find(address);
    if (entry == run.after.ledger.end()) {
      const Binding home = home_of(run, address, before);
      const bool reprobed = !home.driver && after.binding.override_to == home.override_to;
      const bool stayed = after.binding == before.binding && may_stay(run, address);
      if (stayed || after.binding == home || reprobed || was_let_go_of_dead(before, after)) return;
      // What was begun and is undone now does not bring back a driver that somebody has unloaded meanwhile.
      const bool is_unloaded = home.driver && !run.before.drivers.contains(*home.driver);
      if (is_unloaded && run.before.in_journals.contains(address) &&
          after.binding == Binding{std::nullopt, home.override_to})
        return;
      found.push_back({to_string(address), fmt::format("is lost: {}, and nothing tells that it should be {}",
                                                       binding_words(after.binding), binding_words(home))});
    } else if (entry->second.flags.empty()) {
      if (after.binding.driver.value_or(after.binding.override_to.value_or("")) == entry->second.stub) return;
      if (after.binding == before.binding || waited_for_module(run.before, before.binding, after.binding)) return;
      // Somebody had taken it off its stub, and what was begun then has been undone.
      const auto back = run.before.ways_back.find(address);
      if (back != run.before.ways_back.end() && after.binding == back->second) return;
      found.push_back({to_string(address), fmt::format("is {}, and the ledger says {} without a flag",
                                                       binding_words(after.binding), entry->second.stub)});
    }
  });
  return found;
}

Violations no_override_leaks(const HostRun& run) {
  Violations found;
  if (!same_boot(run)) return found;
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    if (is_kept(run.after, address) || run.meddled.contains(address)) return;
    const auto expected = home_of(run, address, before).override_to;
    if (after.binding.override_to == expected || after.binding.override_to == before.binding.override_to) return;
    found.push_back(
        {to_string(address), fmt::format("keeps the override '{}'", after.binding.override_to.value_or(""))});
  });
  return found;
}

Violations global_tables_stay(const HostRun& run) {
  Violations found;
  if (!same_boot(run)) return found;
  auto before_ids = run.before.dynamic_ids, after_ids = run.after.dynamic_ids;
  for (const auto& [address, entry] : run.after.ledger) {
    if (!entry.flags.contains(host::Flag::IdLeaked)) continue;  // it is known, and will be tried again
    before_ids.erase(entry.stub);
    after_ids.erase(entry.stub);
  }
  if (before_ids != after_ids && run.after.in_journals.empty())
    found.push_back({"", "dynamic ids of drivers have changed"});
  if (run.before.autoprobe != run.after.autoprobe) found.push_back({"", "drivers_autoprobe has changed"});
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    const bool is_kept = run.before.in_journals.contains(address) || run.after.in_journals.contains(address);
    if (before.vfs_autoprobe != after.vfs_autoprobe && !is_kept && !run.meddled.contains(address))
      found.push_back({to_string(address), "its sriov_drivers_autoprobe has changed"});
  });
  return found;
}

Violations only_declared_devices_change(const HostRun& run) {
  Violations found;
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    const auto device = device_of(access);
    if (is_id_of_declared(run, access)) return;
    if (!device || !declares(run, *device))
      found.push_back({"", "a write that no device of the plan is meant by: " + access.path});
  });
  if (!same_boot(run)) return found;
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    if (declares(run, address) || run.meddled.contains(address) || before.binding == after.binding) return;
    if (waited_for_module(run.before, before.binding, after.binding) || was_let_go_of_dead(before, after)) return;
    found.push_back({to_string(address), "was not to be touched, and is now " + binding_words(after.binding)});
  });
  return found;
}

Violations no_host_driver_in_a_live_group(const HostRun& run) {
  Violations found;
  if (run.after.crashed && !run.before.crashed) found.push_back({"", "the kernel has stopped"});
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    if (!after.group || !run.after.open_groups.contains(*after.group) || !run.before.open_groups.contains(*after.group))
      return;
    if (!after.binding.driver || after.binding.driver == before.binding.driver || run.meddled.contains(address)) return;
    if (run.after.native_drivers.contains(*after.binding.driver))
      found.push_back({to_string(address), "is on " + *after.binding.driver + " while its group is open"});
  });
  return found;
}

Violations ledger_is_sane(const HostRun& run) {
  Violations found;
  if (!run.after.ledger_readable) found.push_back({"", "the ledger cannot be read"});
  std::map<int, host::Owner> owners;
  for (const auto& [address, entry] : run.after.ledger) {
    const auto device = run.after.devices.find(address);
    if (!entry.owner || device == run.after.devices.end() || !device->second.group) continue;
    if (entry.boot_id != run.after.boot_id) continue;  // the kernel has forgotten it
    if (entry.pin != device->second.pin) continue;     // another card is in the group
    const auto [owner, first] = owners.emplace(*device->second.group, *entry.owner);
    if (!first && owner->second != *entry.owner)
      found.push_back({to_string(address), "shares its group between two guests"});
  }
  return found;
}

Violations all_or_nothing(const HostRun& run) {
  Violations found;
  if (run.outcome == nullptr || run.outcome->end != host::Outcome::End::RolledBack || !same_boot(run)) return found;
  for (const host::DeviceOutcome& outcome : run.outcome->devices) {
    const auto before = run.before.devices.find(outcome.address), after = run.after.devices.find(outcome.address);
    if (outcome.residual || run.meddled.contains(outcome.address) || is_newcomer(run, outcome.address)) continue;
    if (run.resumed.contains(outcome.address)) continue;  // it began amid another operation, which was settled first
    const Binding &was = before->second.binding, &is = after->second.binding;
    if (was != is && !waited_for_module(run.before, was, is)) {
      found.push_back({to_string(outcome.address),
                       fmt::format("was rolled back, and is {} instead of {}", binding_words(is), binding_words(was))});
    }
    const auto* entry_before = host::find(run.before.ledger, outcome.address);
    const auto* entry_after = host::find(run.after.ledger, outcome.address);
    const bool same = (entry_before == nullptr) == (entry_after == nullptr) &&
                      (entry_before == nullptr || *entry_before == *entry_after);
    if (!same) found.push_back({to_string(outcome.address), "was rolled back, but not in the ledger"});
  }
  return found;
}

Violations undone_backwards(const HostRun& run) {
  Violations found;
  const bool rolled_back = run.outcome != nullptr && run.outcome->end == host::Outcome::End::RolledBack;
  // What somebody else meddled with is tried once more amid the plan.
  if (!rolled_back || !run.meddled.empty() || !run.resumed.empty()) return found;
  const auto writes = planned_writes(run.plan);
  std::size_t forward = 0;
  std::ptrdiff_t last = std::ssize(run.plan.devices);
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    if (forward < writes.size() && writes[forward] == std::pair(access.path, access.value)) {
      ++forward;
      last = std::ssize(run.plan.devices);  // what was not planned before was another way to do a step
      return;
    }
    const auto address = device_of(access);
    const host::PlannedDevice* device = address ? planned(run.plan, *address) : nullptr;
    if (device == nullptr) return;
    const std::ptrdiff_t place = device - run.plan.devices.data();
    if (place > last) found.push_back({to_string(*address), "was undone after one that was touched before it"});
    last = place;
  });
  return found;
}

Violations failure_has_a_reason(const HostRun& run) {
  if (run.outcome == nullptr) return {};
  const bool failed =
      run.outcome->end == host::Outcome::End::RolledBack || run.outcome->end == host::Outcome::End::Failed;
  if (failed == run.outcome->primary.has_value()) return {};
  return {{"", failed ? "it failed and does not say why" : "it succeeded and names an error"}};
}

Violations repetition_writes_nothing(const HostRun& run) {
  Violations found;
  if (run.repetition == nullptr || run.plan.operation == host::Operation::Reset) return found;
  const auto at_home = [&run](const host::PlannedDevice& device) { return is_at_home(run.after, device.address); };
  if (run.plan.operation == host::Operation::Reattach && !std::ranges::all_of(run.plan.devices, at_home)) return found;
  for (const fakesys::AccessRecord& access : *run.repetition)
    if (access.access == fakesys::Access::Write) found.push_back({"", "the second time it wrote " + access.path});
  return found;
}

Violations recovery_converges(const HostRun& run) {
  if (run.recovered_twice == nullptr || *run.recovered_twice == run.after) return {};
  return {{"", "a second recovery changes something"}};
}

Violations ends_in_time(const HostRun& run) {
  // Each step may be waited for, as may what undoes it: for a call, a driver that lets go, and one that comes.
  constexpr host::Patience kPatience;
  constexpr std::chrono::milliseconds kCall{60'000}, kGrain{1000};
  const auto each = kCall + kPatience.unbind + kPatience.probe + kPatience.node + kGrain;
  const auto most = each * 2 * (run.plan.steps.size() + 1);
  if (run.took <= most) return {};
  return {{"", fmt::format("it took {} s, and {} s are allowed", run.took.count() / 1000, most.count() / 1000)}};
}

Violations no_false_success(const HostRun& run) {
  Violations found;
  if (run.outcome == nullptr || run.outcome->end != host::Outcome::End::Done || !same_boot(run)) return found;
  for (const host::PlannedDevice& planned : run.plan.devices) {
    const auto after = run.after.devices.find(planned.address);
    if (run.meddled.contains(planned.address) || after == run.after.devices.end()) continue;
    if (is_newcomer(run, planned.address)) continue;
    // Nothing was to be done to it, and it is on its way out: its driver is not seen any more, and not gone yet.
    if (planned.before == planned.after && after->second.in_transition) continue;
    const bool same_driver = planned.after.any_driver || after->second.binding.driver == planned.after.driver;
    if (same_driver && after->second.binding.override_to == planned.after.override_to) continue;
    // Somebody has loaded what it waited for when it came, or was to wait for from now on.
    if (waited_for_module(run.before, planned.after, after->second.binding)) continue;
    const auto before = run.before.devices.find(planned.address);
    if (before != run.before.devices.end() &&
        waited_for_module(run.before, before->second.binding, after->second.binding))
      continue;
    found.push_back({to_string(planned.address),
                     fmt::format("is said to be done, and is {}", binding_words(after->second.binding))});
  }
  return found;
}

Violations plan_is_what_is_written(const HostRun& run) {
  if (!run.faultless) return {};
  const auto line = [](const std::string& path, const std::string& value) { return path + " = " + value; };
  std::vector<std::string> planned, written;
  for (const auto& [path, value] : planned_writes(run.plan)) planned.push_back(line(path, value));
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    written.push_back(line(access.path, access.value));
  });
  const auto [in_plan, in_writes] = std::ranges::mismatch(planned, written);
  if (in_plan == planned.end() && in_writes == written.end()) return {};
  return {{"", fmt::format("the plan has '{}' where '{}' was written", in_plan == planned.end() ? "nothing" : *in_plan,
                           in_writes == written.end() ? "nothing" : *in_writes)}};
}

Violations no_bounce(const HostRun& run) {
  Violations found;
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    if (!access.path.ends_with("/unbind")) return;
    const auto address = device_of(access);
    if (!address || run.meddled.contains(*address) || planned(run.plan, *address) == nullptr) return;
    if (run.resumed.contains(*address)) return;  // what was interrupted may have had to move it
    // Two operations may have planned for it, of which the other moves it.
    const bool moves = std::ranges::any_of(run.plan.devices, [&](const host::PlannedDevice& device) {
      return device.address == *address && (device.after.any_driver || device.before.driver != device.after.driver);
    });
    if (!moves) found.push_back({access.value, "was unbound although it was where it belongs"});
  });
  return found;
}

Violations no_group_numbers_kept(const HostRun& run) {
  if (!run.after.kept.contains("\"group\"") && !run.after.kept.contains("iommu_groups")) return {};
  return {{"", "the number of an IOMMU group is kept"}};
}

Violations virtual_functions_stay(const HostRun& run) {
  Violations found;
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    if (access.path.ends_with("/sriov_numvfs") || access.path.ends_with("/remove"))
      found.push_back({"", "wrote " + access.path});
  });
  return found;
}

Violations resets_stay_in_scope(const HostRun& run) {
  Violations found;
  for_each_write(run, [&](std::size_t, const fakesys::AccessRecord& access) {
    const auto device = device_of(access);
    if (access.path.ends_with("/reset") && (!device || !declares(run, *device)))
      found.push_back({"", "reset " + access.path});
  });
  return found;
}

Violations newcomers_are_left_alone(const HostRun& run) {
  Violations found;
  for (const Newcomer& newcomer : run.newcomers) {
    const host::PlannedDevice* device = planned(run.plan, newcomer.address);
    const auto before = run.before.devices.find(newcomer.address);
    if (device == nullptr || before == run.before.devices.end() || before->second.pin != device->pin) continue;
    if (!is_newcomer(run, newcomer.address)) continue;  // the old one is held by somebody, and sits there still
    for_each_write(run, [&](std::size_t index, const fakesys::AccessRecord& access) {
      if (index > newcomer.at && device_of(access) == newcomer.address)
        found.push_back({"", "wrote " + access.path + " to a card that had just come"});
    });
  }
  return found;
}

Violations there_and_back_again(const HostRun& run) {
  Violations found;
  if (run.taken_back == nullptr) return found;
  const HostState& back = *run.taken_back;
  for (const auto& [address, before] : run.before.devices) {
    if (run.before.ledger.contains(address)) continue;  // it was away already: it came home from further off
    const auto after = back.devices.find(address);
    if (after == back.devices.end())
      found.push_back({to_string(address), "is not there any more"});
    else if (after->second.binding != before.binding || after->second.vfs_autoprobe != before.vfs_autoprobe)
      found.push_back(
          {to_string(address), fmt::format("came back as {}, and was {}", binding_words(after->second.binding),
                                           binding_words(before.binding))});
  }
  if (back.dynamic_ids != run.before.dynamic_ids || back.autoprobe != run.before.autoprobe)
    found.push_back({"", "the way there and back has left something in the kernel's tables"});
  return found;
}

Violations plan_is_what_came_of_it(const HostRun& run) {
  Violations found;
  if (!run.faultless) return found;
  host::Ledger ledger = run.before.ledger;
  for (const host::PlannedDevice& planned : run.plan.devices) {
    ledger.erase(planned.address);
    if (planned.entry_after) ledger.emplace(planned.address, *planned.entry_after);
  }
  if (ledger != run.after.ledger) found.push_back({"", "the ledger is not what the plan says"});
  for_each_device(run, [&](const HostAddress& address, const DeviceState& before, const DeviceState& after) {
    const auto planned = std::ranges::find(run.plan.devices, address, &host::PlannedDevice::address);
    Binding expected = planned == run.plan.devices.end() ? before.binding : planned->after;
    if (expected.any_driver) expected = {after.binding.driver, expected.override_to};
    if (after.binding == expected) return;
    found.push_back({to_string(address),
                     fmt::format("is {}, and should be {}", binding_words(after.binding), binding_words(expected))});
  });
  return found;
}

Violations owner_stays(const HostRun& run) {
  Violations found;
  if (!same_boot(run)) return found;
  for (const auto& [address, after] : run.after.ledger) {
    const auto* before = host::find(run.before.ledger, address);
    if (before == nullptr || !before->owner || !after.owner || before->owner == after.owner) continue;
    if (before->boot_id != after.boot_id) continue;
    // A release that was interrupted may have been finished first; one beside it may have come before it.
    if (run.resumed.contains(address) || run.let_go.contains(address)) continue;
    found.push_back(
        {to_string(address), fmt::format("was with {}, and is with {}", before->owner->domain, after.owner->domain)});
  }
  return found;
}

const std::vector<HostLaw>& host_laws() {
  static const std::vector<HostLaw> kLaws = {
      {0, "owner-stays", "a device that a guest has is never handed to another", "law 10", owner_stays},
      {1, "nothing-is-lost",
       "each device is on the driver it began with, or on its stub and in the ledger, or what keeps it is written down",
       "law 9, INV-1", nothing_is_lost},
      {2, "no-override-leaks", "a device that nobody has keeps the driver_override that it had", "law 9, INV-2",
       no_override_leaks},
      {3, "global-tables-stay", "no dynamic id is left behind, and automatic probing is as it was", "law 9, INV-3",
       global_tables_stay},
      {4, "only-declared-change", "only devices that an operation names are written to or change their driver", "INV-4",
       only_declared_devices_change},
      {5, "no-driver-in-open-group", "no driver of the host comes to a group that a process has open", "INV-5",
       no_host_driver_in_a_live_group},
      {6, "ledger-is-sane", "the ledger can be read, and no group has two owners", "law 10, INV-6", ledger_is_sane},
      {7, "all-or-nothing", "what was rolled back is as it was found, but for what the result names", "INV-7",
       all_or_nothing},
      {7, "undone-backwards", "what is rolled back is rolled back in reverse order", "INV-7", undone_backwards},
      {8, "failure-has-reason", "what did not succeed says why, and names its first error first", "INV-8",
       failure_has_a_reason},
      {12, "no-false-success", "what is said to be done is so", "INV-12", no_false_success},
      {14, "no-bounce", "a device that is where it belongs is not unbound", "INV-14", no_bounce},
      {15, "no-group-numbers", "nothing that is kept names a group by its number", "INV-15", no_group_numbers_kept},
      {16, "virtual-functions-stay", "no virtual function that somebody has is taken away", "INV-16",
       virtual_functions_stay},
      {17, "resets-stay-in-scope", "only devices that an operation names are reset", "INV-17", resets_stay_in_scope},
      {18, "newcomers-left-alone", "nothing is written to a card that came to the address of another", "INV-18",
       newcomers_are_left_alone},
      {9, "repetition-writes-nothing", "the same request, made once more, writes nothing", "INV-9",
       repetition_writes_nothing},
      {10, "recovery-converges", "a second recovery changes nothing", "INV-10", recovery_converges},
      {11, "ends-in-time", "it takes no longer than its deadlines allow", "INV-11", ends_in_time},
      {13, "plan-is-what-is-written", "where nothing went wrong, what was written is the plan, in its order", "INV-13",
       plan_is_what_is_written},
      {19, "there-and-back-again", "what was given away and back is as it was", "INV-19", there_and_back_again},
      {20, "plan-is-what-came-of-it", "where nothing went wrong, host and ledger are what the plan says", "INV-20",
       plan_is_what_came_of_it},
  };
  return kLaws;
}

}  // namespace busproof::verify
