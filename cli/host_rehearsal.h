#pragma once

#include <optional>

#include "cli/host_session.h"
#include "engine/host/operations.h"
#include "verify/rehearsal.h"

namespace busproof::cli {

/// Tries a request on copies of the host: of the model, or of what this machine shows. Errors: what refuses the request
/// on the host as it is.
host::Checked<verify::Rehearsal> rehearse_on_copy(HostSession& session, const host::Request& request);

/// The same, before this machine is touched. Nothing: no copy was left in a state that a law forbids.
std::optional<host::Trouble> rehearse_first(HostSession& session, const host::Request& request);

}  // namespace busproof::cli
