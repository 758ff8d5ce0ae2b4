#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/policy/suppressions.h"

/// What the readers of both languages share.
namespace busproof::policy {

/// An entry as it is written, whatever the language. Days are "2027-01-31".
struct SuppressionEntry {
  std::vector<std::pair<std::string, std::string>> values{};
  std::size_t offset = 0;
};

/// Checks it. Errors: an unknown key or rule, no rule, no reason, no day.
Result<Suppression> suppression_of(const SuppressionEntry& entry);

Refusal bad_suppressions(std::string message, std::size_t offset, std::string remedy = {});

}  // namespace busproof::policy
