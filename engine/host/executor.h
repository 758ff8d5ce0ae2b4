#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/host/binding_plan.h"
#include "engine/host/hands.h"
#include "engine/host/situation.h"

namespace busproof::host {

/// A device after an operation.
struct DeviceOutcome {
  HostAddress address;
  Binding found{};  ///< as read back at the end
  bool present = true;
  std::optional<Flag> residual{};  ///< what keeps it from where it belongs; the ledger or the journal has it too
};

/// How an operation ended.
struct Outcome {
  enum class End : std::uint8_t {
    Done,
    Already,     ///< there was nothing to do: nothing was written
    RolledBack,  ///< did not succeed, and all is as it was but for residuals
    Failed,      ///< did not succeed before anything was changed, or could not be undone
  };
  End end = End::Done;
  std::optional<Trouble> primary{};  ///< of the first step that failed
  std::vector<Trouble> secondary{};  ///< of undoing it, and of other devices
  std::vector<DeviceOutcome> devices{};
  std::size_t writes = 0;  ///< steps that were carried out
};
/// "done", "already", "rolled-back", "failed".
std::string_view to_string(Outcome::End end);

/// Carries the plan out: a step at a time, each written down before and after it. A detach, a prepare or a reset is all
/// or nothing: the first step that fails undoes what was done, in reverse order. Giving back goes on with the next
/// device.
Outcome execute(const Machine& machine, const BindingPlan& plan, const Patience& patience = {});

/// The entry that tells what keeps a device from where it belongs.
LedgerEntry flagged_entry(const PlannedDevice& device, Flag flag);

}  // namespace busproof::host
