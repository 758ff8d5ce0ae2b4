#include "verify/quiet_laws.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/host/sysfs_paths.h"

namespace busproof::verify {
namespace {

using host::Binding;
using host::HostAddress;
using host::Outcome;

bool is_done(const OperationRun& run) { return run.performance && run.performance->outcome.end == Outcome::End::Done; }

/// The entry of a device, unless it is of an earlier boot.
const host::LedgerEntry* entry_in(const HostState& state, const HostAddress& address) {
  const auto* entry = host::find(state.ledger, address);
  return entry != nullptr && entry->boot_id == state.boot_id ? entry : nullptr;
}

std::string reason_of(const OperationRun& run) {
  if (run.refusal) return to_string(*run.refusal);
  if (run.performance && run.performance->outcome.primary) return to_string(*run.performance->outcome.primary);
  return run.performance ? std::string(to_string(run.performance->outcome.end)) : "done";
}

StepRun once_more(const HostWorld& world, HostCommand command) {
  return run_step(world, {.command = std::move(command)});
}

Violations bindings_that_differ(const HostState& expected, const HostState& found, std::string_view what) {
  Violations violations;
  for (const auto& [address, device] : expected.devices) {
    const DeviceState* other = device_in(found, address);
    if (other != nullptr && other->binding == device.binding) continue;
    violations.push_back(
        {to_string(address), fmt::format("{} {} instead of {}", what,
                                         other == nullptr ? "is gone" : "is on " + binding_words(other->binding),
                                         binding_words(device.binding))});
  }
  return violations;
}

// ---- INV-20 ------------------------------------------------------------------------------------------------------

/// What a device that was detached, or given to a guest, is like.
void expect_away(const QuietRun& quiet, const HostAddress& address, Violations& found) {
  const DeviceState* after = device_in(quiet.after, address);
  const auto* entry = entry_in(quiet.after, address);
  const auto complain = [&](std::string what) { found.push_back({to_string(address), std::move(what)}); };
  if (after == nullptr) return complain("is gone");
  if (entry == nullptr) return complain("was given away and is not in the ledger");
  const bool prepared = quiet.command.verb == HostVerb::Prepare;
  if (prepared != entry->owner.has_value()) return complain(prepared ? "has no owner" : "has an owner");
  if (prepared && entry->owner->domain != quiet.command.name)
    return complain(fmt::format("is with {} instead of {}", entry->owner->domain, quiet.command.name));
  if (const auto home = quiet.homes.find(address); home != quiet.homes.end() && home->second != entry->origin)
    return complain(
        fmt::format("came from {}, and the ledger says {}", binding_words(home->second), binding_words(entry->origin)));
  if (prepared && quiet.command.unmanaged) {
    const DeviceState* before = device_in(quiet.before, address);
    if (before != nullptr && before->binding != after->binding &&
        !waited_for_module(quiet.before, before->binding, after->binding))
      complain("is not managed, and was rebound all the same");
    return;
  }
  const std::string& stub = quiet.command.driver;
  if (stub == "none") {
    if (after->binding.driver) complain("was to have no driver, and is on " + *after->binding.driver);
    return;
  }
  if (!after->binding.driver || quiet.after.native_drivers.contains(*after->binding.driver))
    return complain("is on no stub: " + binding_words(after->binding));
  if (!stub.empty() && *after->binding.driver != stub) return complain("is not on the stub asked for, " + stub);
  if (quiet.after.has_overrides && after->binding.override_to != after->binding.driver)
    complain("has another override: " + binding_words(after->binding));
}

/// What a device that came back is like.
void expect_home(const QuietRun& quiet, const HostAddress& address, Violations& found) {
  const DeviceState* after = device_in(quiet.after, address);
  if (after == nullptr) return;
  if (entry_in(quiet.after, address) != nullptr) {
    found.push_back({to_string(address), "was given back and is still in the ledger"});
    return;
  }
  const auto home = quiet.homes.find(address);
  if (entry_in(quiet.before, address) == nullptr || home == quiet.homes.end()) return;
  const bool reprobed = quiet.command.reprobe && !home->second.driver;
  if (after->binding.override_to == home->second.override_to &&
      (reprobed || after->binding.driver == home->second.driver))
    return;
  found.push_back({to_string(address), fmt::format("is back on {} instead of {}", binding_words(after->binding),
                                                   binding_words(home->second))});
}

/// Whether a guest still has something of the device's group, or a process has it open.
bool group_is_live(const HostState& state, const HostAddress& address) {
  const DeviceState* device = device_in(state, address);
  if (device == nullptr || !device->group) return false;
  if (state.open_groups.contains(*device->group)) return true;
  return std::ranges::any_of(state.ledger, [&](const auto& entry) {
    const DeviceState* other = device_in(state, entry.first);
    return entry.second.owner && entry.second.boot_id == state.boot_id && other != nullptr &&
           other->group == device->group;
  });
}

void expect_released(const QuietRun& quiet, Violations& found) {
  for (const HostAddress& address : let_go_by(quiet.command, quiet.before)) {
    const auto* before = entry_in(quiet.before, address);
    const auto* after = entry_in(quiet.after, address);
    const DeviceState* device = device_in(quiet.after, address);
    if (after != nullptr && after->owner) {
      found.push_back({to_string(address), "was let go of and is still with " + after->owner->domain});
    } else if (device != nullptr && device->pin == before->pin && before->managed &&
               !group_is_live(quiet.after, address)) {
      expect_home(quiet, address, found);
    } else if (device != nullptr && device->pin == before->pin && after == nullptr) {
      found.push_back({to_string(address), "stays on its stub and is not in the ledger any more"});
    }
  }
}

/// Requests that can only be refused: a device that somebody else has.
void expect_refusal(const QuietRun& quiet, Violations& found) {
  const OperationRun& run = quiet.run.first;
  for (const HostAddress& address : quiet.command.devices) {
    const auto* entry = entry_in(quiet.before, address);
    if (entry != nullptr && entry->owner && run.performance)
      found.push_back({to_string(address), "is with " + entry->owner->domain + ", and was not refused"});
    if (device_in(quiet.before, address) == nullptr && run.performance)
      found.push_back({to_string(address), "is not there, and was not refused"});
  }
}

/// Requests that can only succeed: a device that is quietly on its stub comes back whatever else there is.
void expect_success(const QuietRun& quiet, Violations& found) {
  const OperationRun& run = quiet.run.first;
  if (quiet.command.verb == HostVerb::Release && run.refusal)
    found.push_back({"", "a guest's stop was refused: " + reason_of(run)});
  if (quiet.command.verb != HostVerb::Reattach || quiet.command.devices.size() != 1) return;
  const HostAddress& address = quiet.command.devices.front();
  const auto* entry = entry_in(quiet.before, address);
  const DeviceState* device = device_in(quiet.before, address);
  if (entry == nullptr || device == nullptr || entry->owner || !entry->flags.empty() || entry->pin != device->pin ||
      device->dead || group_is_live(quiet.before, address) || device->binding.driver != entry->stub)
    return;
  if (run.refusal) found.push_back({to_string(address), "cannot be given back: " + reason_of(run)});
}

// ---- INV-13 ------------------------------------------------------------------------------------------------------

using WrittenValue = std::pair<std::string, std::string>;  ///< path and value
const WrittenValue kNothing;

/// Whether what was to be probed waited for a driver, and was taken by one that was loaded just before.
bool came_by_itself(const QuietRun& quiet, const WrittenValue& planned) {
  if (planned.first != host::paths::kDriversProbe) return false;
  const auto& changes = quiet.run.first.changes;
  const bool loaded =
      std::ranges::find(changes, fakesys::Access::LoadModule, &fakesys::AccessRecord::access) != changes.end();
  const auto address = HostAddress::parse(planned.second);
  const DeviceState* before = address ? device_in(quiet.before, *address) : nullptr;
  const DeviceState* after = address ? device_in(quiet.after, *address) : nullptr;
  return loaded && before != nullptr && !before->binding.driver && after != nullptr && after->binding.driver;
}

Violations complain_of_write(const WrittenValue& planned, const WrittenValue& written, Violations found) {
  const auto words = [](const WrittenValue& write) {
    return write == kNothing ? std::string("nothing") : write.first + " " + write.second;
  };
  found.push_back({"", fmt::format("planned {}, written {}", words(planned), words(written))});
  return found;
}

}  // namespace

Violations repeats_as_nothing(const QuietRun& quiet) {
  if (!is_done(quiet.run.first)) return {};
  // To reset twice is to reset twice; what a guest has cannot be given to it again, which is another law.
  if (quiet.command.verb == HostVerb::Reset || quiet.command.verb == HostVerb::Prepare) return {};
  const auto at_home = [&quiet](const HostAddress& address) { return is_at_home(quiet.after, address); };
  if (quiet.command.verb == HostVerb::Reattach && !std::ranges::all_of(quiet.command.devices, at_home)) return {};
  HostCommand command = quiet.command;
  command.always_reset = false;
  const StepRun again = once_more(quiet.run.world, command);
  Violations found;
  for (const fakesys::AccessRecord& change : again.first.changes)
    found.push_back({"", "the second time it did " + to_text(change)});
  const bool already = again.first.performance && again.first.performance->outcome.end == Outcome::End::Already;
  if (!already) found.push_back({"", "the second time it ends with " + reason_of(again.first)});
  return found;
}

Violations does_as_planned(const QuietRun& quiet) {
  const auto request = request_of(quiet.command);
  if (!request) return {};
  Violations found;
  fakesys::FaultyKernel kernel(quiet.world.kernel, {});
  host::MemoryStore journals(quiet.world.journals), ledger(quiet.world.ledger);
  static_cast<void>(host::plan_request({kernel, journals, ledger}, *request));  // whether it is refused shows later
  for (const fakesys::AccessRecord& access : kernel.accesses())
    if (access.access == fakesys::Access::Write || access.access == fakesys::Access::LoadModule)
      found.push_back({"", "the dry run did " + to_text(access)});
  if (journals.files() != quiet.world.journals || ledger.files() != quiet.world.ledger)
    found.push_back({"", "the dry run wrote down what it has not done"});
  if (!is_done(quiet.run.first)) return found;
  std::vector<WrittenValue> written;
  for (const fakesys::AccessRecord& change : quiet.run.first.changes)
    if (change.access == fakesys::Access::Write) written.emplace_back(change.path, change.value);
  auto next = written.begin();
  for (const WrittenValue& planned : planned_writes(quiet.run.first.performance->plan)) {
    if (next != written.end() && *next == planned)
      ++next;
    else if (!came_by_itself(quiet, planned))
      return complain_of_write(planned, next == written.end() ? kNothing : *next, std::move(found));
  }
  if (next != written.end()) return complain_of_write(kNothing, *next, std::move(found));
  return found;
}

Violations goes_there_and_back(const QuietRun& quiet) {
  if (quiet.command.verb != HostVerb::Detach || !is_done(quiet.run.first)) return {};
  HostCommand back{.verb = HostVerb::Reattach};
  for (const host::PlannedDevice& device : quiet.run.first.performance->plan.devices) {
    if (entry_in(quiet.before, device.address) != nullptr) return {};  // it was away already
    if (group_is_live(quiet.before, device.address)) return {};        // nothing goes back into that
    back.devices.push_back(device.address);
  }
  const StepRun again = once_more(quiet.run.world, back);
  if (!again.first.performance || again.first.performance->outcome.end == Outcome::End::Failed)
    return {{"", "detached, it cannot be given back: " + reason_of(again.first)}};
  const HostState after = state_of(again.world);
  HostState expected = quiet.before;
  expected.devices.keep_only(back.devices);  // a module that was loaded may have taken what was waiting for it
  Violations found = bindings_that_differ(expected, after, "there and back,");
  if (after.dynamic_ids != quiet.before.dynamic_ids || after.autoprobe != quiet.before.autoprobe)
    found.push_back({"", "there and back, dynamic ids or automatic probing have changed"});
  for (const HostAddress& address : back.devices)
    if (after.ledger.contains(address)) found.push_back({to_string(address), "there and back, is still in the ledger"});
  return found;
}

Violations is_as_modelled(const QuietRun& quiet) {
  Violations found;
  const bool away = quiet.command.verb == HostVerb::Detach || quiet.command.verb == HostVerb::Prepare;
  if (away || quiet.command.verb == HostVerb::Reattach) expect_refusal(quiet, found);
  expect_success(quiet, found);
  if (!quiet.run.first.performance) return found;
  const Outcome::End end = quiet.run.first.performance->outcome.end;
  if (end != Outcome::End::Done && end != Outcome::End::Already) return found;
  if (away)
    for (const HostAddress& address : quiet.command.devices) expect_away(quiet, address, found);
  if (quiet.command.verb == HostVerb::Reattach)
    for (const HostAddress& address : quiet.command.devices) expect_home(quiet, address, found);
  if (quiet.command.verb == HostVerb::Release) expect_released(quiet, found);
  if (quiet.command.verb == HostVerb::Reset) {
    for (const auto& violation : bindings_that_differ(quiet.before, quiet.after, "reset, it"))
      found.push_back(violation);
  }
  return found;
}

Violations group_is_viable(const QuietRun& quiet) {
  const bool asked = quiet.command.group != host::GroupPolicy::Ignore && !quiet.command.force;
  if (quiet.command.verb != HostVerb::Prepare || !asked || !is_done(quiet.run.first)) return {};
  Violations found;
  const fakesys::Model& model = quiet.run.world.kernel.host().model;
  for (const HostAddress& address : quiet.command.devices) {
    const DeviceState* device = device_in(quiet.after, address);
    if (device == nullptr || !device->group || !quiet.after.vfio_drivers.contains(device->binding.driver.value_or("")))
      continue;
    if (const fakesys::Group* group = model.group(*device->group); group != nullptr && !model.viable(*group))
      found.push_back(
          {to_string(address), fmt::format("was given away with group {}, which is not viable", *device->group)});
  }
  return found;
}

std::span<const QuietLaw> quiet_laws() {
  static constexpr std::array kLaws = {
      QuietLaw{{"repeats-as-nothing", "what is done once more writes nothing, and says so", "INV-9"},
               repeats_as_nothing},
      QuietLaw{{"does-as-planned", "a dry run changes nothing, and what is written is what was planned", "INV-13"},
               does_as_planned},
      QuietLaw{{"there-and-back", "detached and reattached a device is as it was", "INV-19"}, goes_there_and_back},
      QuietLaw{{"as-modelled", "after each operation bindings and ledger are what a simple model says", "INV-20"},
               is_as_modelled},
      QuietLaw{{"group-is-viable", "a group is given to a guest only when every member is viable for it", "law 10"},
               group_is_viable},
  };
  return kLaws;
}

}  // namespace busproof::verify
