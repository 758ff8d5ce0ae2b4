#include "engine/host/executor.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "engine/host/journal.h"

namespace busproof::host {
namespace {

bool is_of_reset(Code code) {
  return code == Code::DeadAfterReset || code == Code::ResetFailed || code == Code::ResetNotReady ||
         code == Code::NoResetMethod;
}

/// One run of a plan.
class Execution {
 public:
  Execution(const Machine& machine, const BindingPlan& plan, const Patience& patience)
      : machine_(machine), plan_(plan), hands_(machine, patience) {}

  Outcome run() {
    if (plan_.steps.empty() && !ledger_changes()) {
      outcome_.end = Outcome::End::Already;
      look();
      return std::move(outcome_);
    }
    if (const auto room = check_ledger_room(); !room) {
      outcome_.primary = room.error();
      outcome_.end = Outcome::End::Failed;
      return std::move(outcome_);
    }
    auto journal = Journal::open(machine_.journals, plan_);
    if (!journal) {
      outcome_.primary = journal.error();
      outcome_.end = Outcome::End::Failed;
      return std::move(outcome_);
    }
    journal_ = *std::move(journal);
    if (goes_back())
      give_back();
    else
      take_away();
    look();
    return std::move(outcome_);
  }

 private:
  /// What could not be written down in the end had better not begin.
  Checked<void> check_ledger_room() {
    const auto tried = ledger_changes() ? machine_.ledger.try_to_write() : Answer<void>();
    if (tried) return {};
    return std::unexpected(Trouble{.code = Code::LedgerFailed,
                                   .message = "the ledger cannot be written",
                                   .error = tried.error().error,
                                   .hints = {"see that the directory given with --state can be written and has room"}});
  }

  [[nodiscard]] bool goes_back() const {
    return plan_.operation == Operation::Reattach || plan_.operation == Operation::Release;
  }
  [[nodiscard]] bool ledger_changes() const {
    return std::ranges::any_of(plan_.devices,
                               [](const PlannedDevice& device) { return device.entry_before != device.entry_after; });
  }
  [[nodiscard]] const PlannedDevice& planned(const HostAddress& address) const {
    return *std::ranges::find(plan_.devices, address, &PlannedDevice::address);
  }

  void note(const Trouble& trouble) {
    if (!outcome_.primary)
      outcome_.primary = trouble;
    else
      outcome_.secondary.push_back(trouble);
  }

  /// The journal first, then the deed, then the journal again.
  Checked<void> do_step(std::size_t number) {
    const Step& step = plan_.steps[number];
    if (auto written = journal_->worker(machine_.kernel.worker()); !written) return written;
    if (auto written = journal_->issued(number); !written) return written;
    issued_ = number;
    touched_.insert(step.device);
    auto done = hands_.perform(step, planned(step.device).pin);
    if (!done && lost_override(step, done.error())) done = once_more(step);
    if (!done) return done;
    if (!path_of(step).empty()) ++outcome_.writes;
    return journal_->confirmed(number);
  }

  /// Whether a rival has cleared the override between our write of it and the probe: then it is worth a second try.
  bool lost_override(const Step& step, const Trouble& trouble) {
    if (step.kind != Step::Kind::Probe || (trouble.code != Code::Conflict && trouble.code != Code::BindFailed))
      return false;
    const auto seen = hands_.observe(step.device);
    const PlannedDevice& device = planned(step.device);
    return seen && seen->present && !seen->binding.override_to && device.after.override_to;
  }

  Checked<void> once_more(const Step& step) {
    const PlannedDevice& device = planned(step.device);
    const auto seen = hands_.observe(step.device);
    if (!seen) return std::unexpected(seen.error());
    for (const Step& again : steps_between(step.device, seen->binding, device.after)) {
      if (auto done = hands_.perform(again, device.pin); !done) return done;
    }
    return {};
  }

  void mark_pending(const HostAddress& address) {
    pending_ = true;
    residual_[address] = Flag::Pending;
    if (const auto written = journal_->pending(address); !written) outcome_.secondary.push_back(written.error());
  }

  /// Another worker does it when the last was left behind, so it is written down anew. On a full disk it is done all
  /// the same.
  std::optional<Residue> settle(const PlannedDevice& device, Way way) {
    if (const auto written = journal_->worker(machine_.kernel.worker()); !written)
      outcome_.secondary.push_back(written.error());
    return hands_.settle(device, way, id_added(plan_, device.address, issued_));
  }

  // ---- All or nothing ----------------------------------------------------------------------------------------------

  void take_away() {
    for (std::size_t number = 0; number < plan_.steps.size(); ++number) {
      const auto done = do_step(number);
      if (done) continue;
      note(done.error());
      if (done.error().code == Code::Timeout) mark_pending(plan_.steps[number].device);
      if (done.error().code == Code::DeadAfterReset) residual_[plan_.steps[number].device] = Flag::Quarantined;
      return roll_back();
    }
    if (const auto taken = taken_meanwhile()) {
      note(*taken);
      return roll_back();
    }
    commit();
  }

  /// What was to have no driver may have got one by the override that it had until now, when somebody loaded that.
  std::optional<Trouble> taken_meanwhile() {
    for (const PlannedDevice& device : plan_.devices) {
      if (device.after.driver || device.after.any_driver || device.before == device.after) continue;
      const auto seen = hands_.observe(device.address);
      if (seen && seen->binding.driver)
        return trouble_of(device.address, Code::Conflict, *seen->binding.driver + " has taken it meanwhile");
    }
    return std::nullopt;
  }

  /// Every device that was touched, the last first, however it may be by now.
  void roll_back() {
    outcome_.end = Outcome::End::RolledBack;
    std::vector<const PlannedDevice*> touched;
    for (const PlannedDevice& device : plan_.devices)
      if (touched_.contains(device.address) && !residual_.contains(device.address)) touched.push_back(&device);
    std::ranges::reverse(touched);
    for (const PlannedDevice* device : touched) {
      const auto residue = settle(*device, Way::Back);
      if (!residue) continue;
      residual_[device->address] = residue->flag;
      outcome_.secondary.push_back(residue->trouble);
      if (residue->flag == Flag::Pending) mark_pending(device->address);
    }
    for (const PlannedDevice& device : plan_.devices) write_residual(device);
    finish();
  }

  void commit() {
    if (const auto written = journal_->committed(); !written) {
      note(written.error());
      return roll_back();
    }
    for (const PlannedDevice& device : plan_.devices) write_entry(device.address, device.entry_after);
    outcome_.end = outcome_.primary ? Outcome::End::Failed : Outcome::End::Done;
    finish();
  }

  // ---- Device by device --------------------------------------------------------------------------------------------

  void give_back() {
    for (const PlannedDevice& device : plan_.devices) {
      if (const auto failed = return_device(device)) {
        note(*failed);
        undo_return(device, *failed);
        write_residual(device);
      } else {
        write_entry(device.address, device.entry_after);
      }
      const bool done = !residual_.contains(device.address) || residual_[device.address] != Flag::Pending;
      if (!done) continue;
      if (const auto written = journal_->settled(device.address); !written) note(written.error());
    }
    outcome_.end = outcome_.primary ? Outcome::End::Failed : Outcome::End::Done;
    finish();
  }

  std::optional<Trouble> return_device(const PlannedDevice& device) {
    for (std::size_t number = 0; number < plan_.steps.size(); ++number) {
      if (plan_.steps[number].device != device.address) continue;
      if (const auto done = do_step(number); !done) return done.error();
    }
    return std::nullopt;
  }

  /// Still on its stub: stays there, override and all. Off it: stays on the way home, for another try.
  void undo_return(const PlannedDevice& device, const Trouble& failed) {
    if (failed.code == Code::Timeout) return mark_pending(device.address);
    if (is_of_reset(failed.code)) {
      // A driver that probes a wedged device can hang the host: it stays where it is.
      residual_[device.address] = Flag::Quarantined;
      return;
    }
    const auto seen = hands_.observe(device.address);
    const bool on_stub = seen && seen->binding.driver && seen->binding.driver == device.before.driver;
    const auto residue = settle(device, on_stub ? Way::Back : Way::On);
    if (residue) {
      residual_[device.address] = residue->flag;
      outcome_.secondary.push_back(residue->trouble);
      if (residue->flag == Flag::Pending) mark_pending(device.address);
    } else if (!on_stub) {
      write_entry(device.address, device.entry_after);
    }
  }

  // ---- What is kept ------------------------------------------------------------------------------------------------

  void write_entry(const HostAddress& address, const std::optional<LedgerEntry>& entry) {
    const PlannedDevice& device = planned(address);
    if (entry == device.entry_before) return;
    const auto written = entry ? put_entry(machine_.ledger, *entry) : drop_entry(machine_.ledger, address);
    if (!written) {
      note(written.error());
      ledger_failed_ = true;
    }
  }

  void write_residual(const PlannedDevice& device) {
    const auto flag = residual_.find(device.address);
    if (flag == residual_.end() || flag->second == Flag::Pending) return;  // the journal keeps what is pending
    const auto written = put_entry(machine_.ledger, flagged_entry(device, flag->second));
    if (!written) {
      outcome_.secondary.push_back(written.error());
      ledger_failed_ = true;
    }
  }

  /// Closes the journal, unless somebody has to come back to it.
  void finish() {
    if (pending_) {
      for (const PlannedDevice& device : plan_.devices) {
        const auto flag = residual_.find(device.address);
        if (flag != residual_.end() && flag->second == Flag::Pending) continue;
        if (const auto written = journal_->settled(device.address); !written)
          outcome_.secondary.push_back(written.error());
      }
      return;
    }
    if (ledger_failed_) return;
    if (const auto closed = journal_->close(); !closed) outcome_.secondary.push_back(closed.error());
  }

  void look() {
    for (const PlannedDevice& device : plan_.devices) {
      DeviceOutcome found{device.address};
      const auto residual = residual_.find(device.address);
      if (residual != residual_.end()) found.residual = residual->second;
      const auto seen = found.residual == Flag::Pending ? Checked<Observed>(Observed{.present = true})
                                                        : hands_.observe(device.address);
      if (seen) {
        found.found = seen->binding;
        found.present = seen->present;
      }
      outcome_.devices.push_back(std::move(found));
    }
  }

  const Machine& machine_;
  const BindingPlan& plan_;
  Hands hands_;
  std::optional<Journal> journal_;
  std::optional<std::size_t> issued_;
  std::set<HostAddress> touched_;
  std::map<HostAddress, Flag> residual_;
  bool pending_ = false, ledger_failed_ = false;
  Outcome outcome_;
};

}  // namespace

std::string_view to_string(Outcome::End end) {
  constexpr std::array<std::string_view, 4> kNames = {"done", "already", "rolled-back", "failed"};
  return kNames[static_cast<std::size_t>(end)];
}

LedgerEntry flagged_entry(const PlannedDevice& device, Flag flag) {
  LedgerEntry entry = device.entry_before  ? *device.entry_before
                      : device.entry_after ? *device.entry_after
                                           : LedgerEntry{.address = device.address};
  entry.pin = device.pin;
  entry.owner.reset();  // no guest has what could not be given to it, or not be taken back
  entry.flags.insert(flag);
  return entry;
}

Outcome execute(const Machine& machine, const BindingPlan& plan, const Patience& patience) {
  return Execution(machine, plan, patience).run();
}

}  // namespace busproof::host
