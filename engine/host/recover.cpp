#include "engine/host/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>

#include "engine/host/locks.h"
#include "engine/host/sysfs_paths.h"
#include "engine/host/virtual_functions.h"

namespace busproof::host {
namespace {

/// One journal, and the way on from it.
class Recoverer {
 public:
  Recoverer(const Machine& machine, JournalState state, const Patience& patience)
      : machine_(machine),
        state_(std::move(state)),
        hands_(machine, patience),
        journal_(machine.journals, state_.name) {}

  /// Nothing: its operation has ended meanwhile.
  Checked<std::optional<RecoveredJournal>> run() {
    result_.name = state_.name;
    if (state_.plan.devices.empty()) {
      result_.end = RecoveredJournal::End::Damaged;
      result_.troubles.push_back(
          {.code = Code::JournalFailed,
           .message = state_.newer
                          ? fmt::format("the journal {} was written by a later version of busproof", state_.name)
                          : fmt::format("the journal {} is damaged from its beginning on", state_.name),
           .path = state_.name,
           .hints = {state_.newer ? "recover with that version"
                                  : "look at its devices, and remove the file when they are as they should be"}});
      return result_;
    }
    const auto locks = lock_devices(machine_.journals, devices_in_question(state_));
    if (!locks) {
      result_.end = RecoveredJournal::End::Running;
      return result_;
    }
    // What was read before the devices were locked may not be so any more.
    auto now = read_journal(machine_.journals, state_.name);
    if (!now) return std::unexpected(now.error());
    if (!*now) return std::nullopt;
    state_ = **std::move(now);
    if (auto mended = journal_.mend(state_); !mended) return std::unexpected(mended.error());
    const auto boot_id = read_boot_id(machine_.kernel);
    if (!boot_id)
      return std::unexpected(Trouble{.code = Code::Unreadable,
                                     .message = "cannot tell whether the host has been restarted",
                                     .path = std::string(paths::kBootId),
                                     .error = boot_id.error().error});
    if (state_.closed) {
      result_.end = RecoveredJournal::End::Finished;
    } else if (*boot_id != state_.plan.boot_id) {
      result_.end = RecoveredJournal::End::Forgotten;
    } else if (writes_go_on()) {
      result_.end = RecoveredJournal::End::Pending;
    } else if (auto settled = settle_all(); !settled) {
      return std::unexpected(settled.error());
    }
    if (result_.end == RecoveredJournal::End::Pending) return result_;
    if (auto closed = journal_.close(); !closed) return std::unexpected(closed.error());
    return result_;
  }

 private:
  /// Whether to go on to where the plan leads, rather than back.
  [[nodiscard]] bool forward() const {
    const Operation operation = state_.plan.operation;
    if (state_.committed || operation == Operation::Reattach || operation == Operation::Release) return true;
    // A detach that only lacks its entry in the ledger has been one.
    return operation == Operation::Detach && !state_.plan.steps.empty() &&
           state_.confirmed == state_.plan.steps.size() - 1;
  }

  /// Whether a write of the operation has still not come back: what is undone now it might do again later.
  bool writes_go_on() {
    const auto busy = std::ranges::find_if(state_.workers,
                                           [&](const std::string& worker) { return machine_.kernel.at_work(worker); });
    if (busy == state_.workers.end()) return false;
    result_.troubles.push_back({.code = Code::Timeout,
                                .device = to_string(state_.plan.devices.front().address),
                                .message = "a write has still not come back (pending)",
                                .hints = {"its process is " + busy->substr(0, busy->find(' ')) +
                                          "; 'busproof host recover' goes on when it has ended"}});
    return true;
  }

  Checked<void> settle_all() {
    const bool on = forward();
    result_.end = on ? RecoveredJournal::End::Finished : RecoveredJournal::End::Undone;
    std::vector<PlannedDevice> devices = state_.plan.devices;
    if (!on) std::ranges::reverse(devices);
    for (const PlannedDevice& device : devices) {
      if (state_.settled.contains(device.address)) continue;
      if (auto settled = settle(device, on); !settled) return settled;
    }
    return {};
  }

  Checked<void> settle(const PlannedDevice& device, bool on) {
    if (auto written = journal_.worker(machine_.kernel.worker()); !written) return written;
    auto residue =
        hands_.settle(device, on ? Way::On : Way::Back, id_added(state_.plan, device.address, state_.issued));
    DeviceOutcome outcome{device.address};
    if (residue) {
      outcome.residual = residue->flag;
      result_.troubles.push_back(residue->trouble);
    }
    if (residue && residue->flag == Flag::Pending) {
      result_.end = RecoveredJournal::End::Pending;
      result_.devices.push_back(std::move(outcome));
      return {};
    }
    if (auto kept = keep(device, on, residue); !kept) return kept;
    if (const auto seen = hands_.observe(device.address)) {
      outcome.found = seen->binding;
      outcome.present = seen->present;
    }
    result_.devices.push_back(std::move(outcome));
    return journal_.settled(device.address);
  }

  Checked<void> keep(const PlannedDevice& device, bool on, const std::optional<Residue>& residue) {
    if (residue) return put_entry(machine_.ledger, flagged_entry(device, residue->flag));
    const auto& entry = on ? device.entry_after : device.entry_before;
    return entry ? put_entry(machine_.ledger, *entry) : drop_entry(machine_.ledger, device.address);
  }

  const Machine& machine_;
  JournalState state_;
  Hands hands_;
  Journal journal_;
  RecoveredJournal result_;
};

/// Somebody was interrupted who was making virtual functions. Those that are there stay.
RecoveredJournal recover_probing(const Machine& machine, const HostAddress& physical) {
  using End = RecoveredJournal::End;
  RecoveredJournal result{.name = "vfs-" + to_string(physical), .end = End::Undone};
  const auto alone = machine.journals.lock("topology");
  if (!alone) {
    result.end = End::Running;
  } else if (const auto restored = restore_probing(machine, physical); !restored) {
    result.end = End::Pending;
    result.troubles.push_back(restored.error());
  }
  return result;
}

/// What the host shows of one entry.
std::optional<LedgerFinding> check_entry(const Situation& situation, const LedgerEntry& entry) {
  using Kind = LedgerFinding::Kind;
  const auto finding = [&](Kind kind, std::string text) { return LedgerFinding{entry.address, kind, std::move(text)}; };
  if (entry.boot_id != situation.inventory.boot_id)
    return finding(Kind::BeforeBoot, "the machine has been off since: its kernel knows nothing of it");
  if (situation.inventory.unreadable.contains(entry.address)) return std::nullopt;  // nothing can be said of it now
  const HostDevice* device = find(situation.inventory, entry.address);
  if (device == nullptr) {
    return entry.flags.contains(Flag::Vanished) ? std::nullopt
                                                : std::optional(finding(Kind::Vanished, "is not there any more"));
  }
  if (device->pin != entry.pin) {
    if (entry.flags.contains(Flag::IdentityChanged)) return std::nullopt;
    return finding(Kind::Identity, fmt::format("another card is at this address: {}", to_string(device->pin)));
  }
  if (entry.flags.contains(Flag::IdLeaked)) {
    return finding(Kind::IdLeaked,
                   fmt::format("its id {} is left in the table of {}, which takes every device that has it",
                               id_string(entry.pin), entry.stub));
  }
  const Binding now = binding_of(*device);
  const bool on_stub = now.driver == entry.stub || (!now.driver && entry.origin.driver != now.driver &&
                                                    now.override_to == entry.stub && entry.stub == "none");
  if (entry.flags.contains(Flag::Quarantined) && device->config.responding == Known::Yes && on_stub)
    return finding(Kind::Back, "answers again");
  if (on_stub) {
    const bool was_away = entry.flags.contains(Flag::Stolen) || entry.flags.contains(Flag::Vanished);
    return was_away ? std::optional(finding(Kind::Back, "is on its stub again")) : std::nullopt;
  }
  if (!entry.owner && now == entry.origin) return finding(Kind::GivenBack, "somebody has given it back");
  if (now.driver) {
    if (entry.flags.contains(Flag::Stolen)) return std::nullopt;
    return finding(Kind::Stolen, fmt::format("is on {}, and should be on {} (stolen)", *now.driver, entry.stub));
  }
  if (entry.flags.contains(Flag::NativeProbeFailed) || now.override_to == entry.stub) {
    return now.override_to == entry.stub && !entry.flags.contains(Flag::NativeProbeFailed) && entry.origin.driver
               ? std::optional(finding(Kind::Unbound, fmt::format("has lost its stub {}", entry.stub)))
               : std::nullopt;
  }
  return finding(Kind::Unbound, fmt::format("has no driver, and should be on {}", entry.stub));
}

/// Tries once more to take the id out of the stub's table.
Checked<void> retry_id(const Machine& machine, LedgerEntry entry) {
  Hands hands(machine);
  const Step remove{Step::Kind::RemoveId, entry.address, id_string(entry.pin), entry.stub};
  if (const auto removed = hands.remove_id(remove); !removed) return {};  // it stays written down
  entry.flags.erase(Flag::IdLeaked);
  const auto seen = hands.observe(entry.address);
  if (seen && seen->binding == entry.origin && entry.flags.empty()) return drop_entry(machine.ledger, entry.address);
  return put_entry(machine.ledger, entry);
}

/// Writes down what was found of an entry. What is only seen, and changes nothing, is left.
Checked<void> act_on(const Machine& machine, const Ledger& ledger, const LedgerFinding& finding) {
  using Kind = LedgerFinding::Kind;
  const LedgerEntry* known = find(ledger, finding.address);
  if (known == nullptr) return {};
  LedgerEntry entry = *known;
  switch (finding.kind) {
    case Kind::BeforeBoot:
    case Kind::GivenBack:
    case Kind::Forgotten:
      return drop_entry(machine.ledger, finding.address);
    case Kind::Vanished:
      entry.flags.insert(Flag::Vanished);
      break;
    case Kind::Stolen:
      entry.flags.insert(Flag::Stolen);
      break;
    case Kind::Identity:
      entry.flags.insert(Flag::IdentityChanged);
      break;
    case Kind::Back:
      for (const Flag flag : {Flag::Quarantined, Flag::Stolen, Flag::Vanished}) entry.flags.erase(flag);
      break;
    case Kind::IdLeaked:
      return retry_id(machine, entry);
    case Kind::Unbound:
    case Kind::UnknownStub:
      return {};
  }
  return put_entry(machine.ledger, entry);
}

/// Entries that nobody can read keep the whole ledger from being read: those that are to be forgotten go first.
Checked<void> drop_unreadable(const Machine& machine, const std::set<HostAddress>& forget,
                              std::vector<LedgerFinding>& findings) {
  for (const HostAddress& address : forget) {
    if (entry_is_readable(machine.ledger, address)) continue;
    if (auto dropped = drop_entry(machine.ledger, address); !dropped) return dropped;
    findings.push_back({address, LedgerFinding::Kind::Forgotten, "could not be read, and is forgotten, as asked"});
  }
  return {};
}

}  // namespace

std::string_view to_string(RecoveredJournal::End end) {
  constexpr std::array<std::string_view, 6> kNames = {"finished", "undone",  "forgotten",
                                                      "pending",  "running", "damaged"};
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view to_string(LedgerFinding::Kind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"before-boot", "given-back",       "vanished", "stolen",
                                                       "unbound",     "identity-changed", "back",     "unknown-stub",
                                                       "forgotten",   "id-leaked"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<LedgerFinding> check_ledger(const Situation& situation) {
  std::vector<LedgerFinding> findings;
  for (const auto& [address, entry] : situation.ledger) {
    if (situation.busy.contains(address)) continue;
    if (auto finding = check_entry(situation, entry)) findings.push_back(*std::move(finding));
  }
  for (const HostDevice& device : situation.inventory.devices) {
    const bool known = situation.ledger.contains(device.address) || situation.busy.contains(device.address);
    if (known || !device.driver || device.override_to != device.driver) continue;
    if (stub_kind(device, situation.drivers.modules_alias)) {
      findings.push_back(
          {device.address, LedgerFinding::Kind::UnknownStub,
           fmt::format("is on {} by its override, and busproof does not know since when", *device.driver)});
    }
  }
  return findings;
}

Checked<std::vector<RecoveredJournal>> recover_journals(const Machine& machine, const std::set<HostAddress>* devices,
                                                        const Patience& patience) {
  const auto states = read_journals(machine.journals);
  if (!states) return std::unexpected(states.error());
  std::vector<RecoveredJournal> results;
  for (const JournalState& state : *states) {
    const auto in_question = devices_in_question(state);
    const bool concerns = devices == nullptr || std::ranges::any_of(in_question, [&](const HostAddress& address) {
                            return devices->contains(address);
                          });
    if (!concerns) continue;
    auto result = Recoverer(machine, state, patience).run();
    if (!result) return std::unexpected(result.error());
    if (*result) results.push_back(**std::move(result));
  }
  const auto left_off = probing_left_off(machine.journals);
  if (!left_off) return std::unexpected(left_off.error());
  for (const HostAddress& physical : *left_off)
    if (devices == nullptr || devices->contains(physical)) results.push_back(recover_probing(machine, physical));
  return results;
}

Checked<Recovery> recover(const Machine& machine, const std::set<HostAddress>& forget, const Patience& patience) {
  auto journals = recover_journals(machine, nullptr, patience);
  if (!journals) return std::unexpected(journals.error());
  Recovery recovery{*std::move(journals), {}};
  if (auto dropped = drop_unreadable(machine, forget, recovery.ledger); !dropped)
    return std::unexpected(dropped.error());
  const auto situation = survey(machine, {});
  if (!situation) return std::unexpected(situation.error());
  std::ranges::move(check_ledger(*situation), std::back_inserter(recovery.ledger));
  std::erase_if(recovery.ledger, [&](const LedgerFinding& finding) {
    return finding.kind != LedgerFinding::Kind::Forgotten && forget.contains(finding.address);
  });
  for (const HostAddress& address : forget) {
    if (situation->ledger.contains(address))
      recovery.ledger.push_back({address, LedgerFinding::Kind::Forgotten, "is forgotten, as asked"});
  }
  for (const LedgerFinding& finding : recovery.ledger) {
    if (auto acted = act_on(machine, situation->ledger, finding); !acted) return std::unexpected(acted.error());
  }
  return recovery;
}

}  // namespace busproof::host
