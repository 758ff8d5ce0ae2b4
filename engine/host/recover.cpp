#include "engine/host/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>

#include "engine/host/locks.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

/// One journal, and the way on from it.
class Recoverer {
 public:
  Recoverer(const Machine& machine, const JournalState& state, const Patience& patience)
      : machine_(machine), state_(state), hands_(machine.kernel, patience), journal_(machine.journals, state.name) {}

  Checked<RecoveredJournal> run() {
    result_.name = state_.name;
    if (state_.plan.devices.empty()) {
      result_.end = RecoveredJournal::End::Damaged;
      result_.troubles.push_back(
          {.code = Code::JournalFailed,
           .message = fmt::format("the journal {} is damaged from its beginning on", state_.name),
           .path = state_.name});
      return result_;
    }
    const auto locks = lock_devices(machine_.journals, devices_in_question(state_));
    if (!locks) {
      result_.end = RecoveredJournal::End::Running;
      return result_;
    }
    if (auto mended = journal_.mend(state_); !mended) return std::unexpected(mended.error());
    if (state_.closed) {
      result_.end = RecoveredJournal::End::Finished;
    } else if (machine_.kernel.read(paths::kBootId).value_or("") != state_.plan.boot_id) {
      result_.end = RecoveredJournal::End::Forgotten;
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
    const Binding& goal = on ? device.after : device.before;
    const Binding& other = on ? device.before : device.after;
    // A device whose card was gone or left alone when the plan was made has nothing to be settled.
    const bool stays = device.before == device.after;
    auto residue = stays ? std::nullopt : hands_.settle(device.address, device.pin, goal, other, device.origin_module);
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
  const JournalState& state_;
  Hands hands_;
  Journal journal_;
  RecoveredJournal result_;
};

/// What the host shows of one entry.
std::optional<LedgerFinding> check_entry(const Situation& situation, const LedgerEntry& entry) {
  using Kind = LedgerFinding::Kind;
  const auto finding = [&](Kind kind, std::string text) { return LedgerFinding{entry.address, kind, std::move(text)}; };
  if (entry.boot_id != situation.inventory.boot_id)
    return finding(Kind::BeforeBoot, "the machine has been off since: its kernel knows nothing of it");
  const HostDevice* device = find(situation.inventory, entry.address);
  if (device == nullptr) {
    return entry.flags.contains(Flag::Vanished) ? std::nullopt
                                                : std::optional(finding(Kind::Vanished, "is not there any more"));
  }
  if (device->pin != entry.pin) {
    if (entry.flags.contains(Flag::IdentityChanged)) return std::nullopt;
    return finding(Kind::Identity, fmt::format("another card is at this address: {}", to_string(device->pin)));
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
    case Kind::Unbound:
    case Kind::UnknownStub:
      return {};
  }
  return put_entry(machine.ledger, entry);
}

}  // namespace

std::string_view to_string(RecoveredJournal::End end) {
  constexpr std::array<std::string_view, 6> kNames = {"finished", "undone",  "forgotten",
                                                      "pending",  "running", "damaged"};
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view to_string(LedgerFinding::Kind kind) {
  constexpr std::array<std::string_view, 9> kNames = {"before-boot", "given-back",   "vanished",
                                                      "stolen",      "unbound",      "identity-changed",
                                                      "back",        "unknown-stub", "forgotten"};
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
    results.push_back(*std::move(result));
  }
  return results;
}

Checked<Recovery> recover(const Machine& machine, const std::set<HostAddress>& forget, const Patience& patience) {
  auto journals = recover_journals(machine, nullptr, patience);
  if (!journals) return std::unexpected(journals.error());
  Recovery recovery{*std::move(journals), {}};
  const auto situation = survey(machine, {});
  if (!situation) return std::unexpected(situation.error());
  recovery.ledger = check_ledger(*situation);
  std::erase_if(recovery.ledger, [&](const LedgerFinding& finding) { return forget.contains(finding.address); });
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
