#pragma once

#include "engine/host/operations.h"

namespace busproof::host {

/// From a stub to the host: devices by name. What was never ours goes to whichever native driver takes it.
Checked<BindingPlan> plan_reattach(const Situation& situation, const Request& request);

/// What a guest has, when it stops or lets go of some of it. What is another's is left alone; what is not managed stays
/// on its stub; what shares a group that is still open goes back later, with the last of the group.
Checked<BindingPlan> plan_release(const Situation& situation, const Request& request);

/// Errors: NoResetMethod, NativeBound (may be set aside), GroupBusy (may be set aside).
Checked<BindingPlan> plan_reset(const Situation& situation, const Request& request);

}  // namespace busproof::host
