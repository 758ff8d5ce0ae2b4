#pragma once

#include "engine/host/executor.h"
#include "engine/host/operations.h"
#include "engine/host/recover.h"

namespace busproof::host {

/// A request carried out, or why not.
struct Performance {
  BindingPlan plan;
  Outcome outcome;
  std::vector<RecoveredJournal> recovered;  ///< interrupted operations on the same devices that were dealt with first
};

/// The plan of a request on a machine as it is; nothing is locked, loaded or written.
Checked<BindingPlan> plan_request(const Machine& machine, const Request& request);

/// Holds the devices and their groups, deals with what was interrupted on them, loads the drivers, and carries the plan
/// out. Errors: a refusal, before anything was changed; what came after it is in the outcome.
Checked<Performance> perform(const Machine& machine, const Request& wished, const Patience& patience = {});

/// Loads the drivers of a plan. Errors: DriverNotFound, DriverProhibited, DriverRefused.
Checked<void> load_drivers(Kernel& kernel, const BindingPlan& plan);

}  // namespace busproof::host
