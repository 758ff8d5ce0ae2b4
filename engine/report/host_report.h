#pragma once

#include <string>

#include "engine/host/perform.h"
#include "engine/host/situation.h"

/// What host operations have to say, as text for a terminal and as JSON. Texts end with a newline, JSON does not.
namespace busproof::report {

/// A line a step, notes behind "note: ", what was set aside behind "forced: ".
std::string plan_text(const host::BindingPlan& plan);
/// {"schema_version": 1, "result": "planned", "operation", "modules", "steps": [{"step", "device", "from", "to",
/// "path", "value"}], "devices": [{"address", "before": {"driver", "override"}, "after"}], "notes", "forced", "error":
/// null}
std::string plan_json(const host::BindingPlan& plan);

/// What became of each device, why it went wrong, and what would help.
std::string performance_text(const host::Performance& performance);
/// As plan_json(), with "result" done, already, rolled-back or failed; "error" and "secondary" {"code", "message",
/// "device", "step", "path", "errno", "error", "hints"}; "outcome" [{"address", "present", "driver", "override",
/// "residual"}]; "recovered", journals of interrupted operations that were dealt with first.
std::string performance_json(const host::Performance& performance);

/// "error: …" and its hints.
std::string trouble_text(const host::Trouble& trouble);
/// {"schema_version": 1, "result": "refused", "error": {…}}
std::string refusal_json(const host::Trouble& trouble);

std::string recovery_text(const host::Recovery& recovery);
std::string recovery_json(const host::Recovery& recovery);

/// Who has which device, and where the ledger and the host differ.
std::string status_text(const host::Situation& situation, const std::vector<host::LedgerFinding>& findings);
std::string status_json(const host::Situation& situation, const std::vector<host::LedgerFinding>& findings);

}  // namespace busproof::report
