#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/policy/suppressions.h"

/// The file in which a project keeps what it has decided about findings.
namespace busproof::cli {

struct SuppressionFile {
  std::string path, text;
  std::vector<policy::Suppression> suppressions;
};

/// The file named; else .busproof.toml or .busproof.json of the current folder or the nearest one above it; nothing if
/// there is none. Errors (Unreadable, the path as device): as read_toml() and read_json(), or it cannot be read.
Result<std::optional<SuppressionFile>> load_suppressions(const std::string& chosen);

/// The day that suppressions are compared with: that of SOURCE_DATE_EPOCH, else today, both in UTC.
std::chrono::year_month_day today();

}  // namespace busproof::cli
