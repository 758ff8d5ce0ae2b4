#pragma once

#include <string>

/// The table of rules, for `busproof rules`.
namespace busproof::report {

/// One a line: id, name, severity, reason.
std::string rules_text();
/// The same as a table for a page, with the remedies.
std::string rules_markdown();
/// schema_version, rules[]: id, name, severity, reason, remedy.
std::string rules_json();

}  // namespace busproof::report
