#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"

/// Results of several runs made one. It knows nothing of what was run: any command whose results have this shape can
/// be run in shards.
///
///     schema_version  1
///     kind            what was run; only results of one kind are joined
///     shard           null, or index and count
///     totals          numbers: counts, which are added up, but for rules, of which the most count, and exit_code, of
///                     which the worst does
///     lists           any, which are joined. Members with "config" are ordered by it, those whose status in the list
///                     "domains" is "gone" or "project" last
///     anything else   must be the same in all
namespace busproof::report {

struct NamedText {
  std::string name, text;
};

struct Merged {
  std::string text;  ///< JSON, as one run over everything would have written it
  int exit_code = 0;
  std::string totals_text;  ///< "exit_code 0, domains 12"
};

/// Errors: Unreadable, naming the result, for what is none or does not fit the others, and for one shard twice;
/// Unsupported when shards are missing.
Result<Merged> merge(std::span<const NamedText> results);

}  // namespace busproof::report
