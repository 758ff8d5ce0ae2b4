#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "engine/host/binding_plan.h"
#include "engine/host/ledger.h"

/// How plans and ledger entries are written down. Only sources include this: programs that use the library need no
/// JSON.
namespace busproof::host {

using Json = nlohmann::ordered_json;

inline constexpr int kEntryVersion = 1, kPlanVersion = 2;

/// One line: checksum, blank, words or JSON. "8d1f00a3 {…}\n", "8d1f00a3 issued 2\n".
std::string record_of(std::string_view what, std::string_view of = {});
std::string record_of(const LedgerEntry& entry);
/// Without `overridden`, which is nothing to whoever undoes the plan.
std::string record_of(const BindingPlan& plan);

/// What a line says, without its newline. Nothing when its checksum tells that it is not what was written, or it is no
/// line at all.
std::optional<std::string_view> text_of_record(std::string_view line);

/// A value read back; none when the line is not what record_of() writes.
template <class Value>
struct Recorded {
  std::optional<Value> value{};
  bool newer = false;  ///< a later version of this program wrote it
};
Recorded<LedgerEntry> entry_of_record(std::string_view line);
Recorded<BindingPlan> plan_of_record(std::string_view line);

/// For reports.
Json to_json(const LedgerEntry& entry);
Json to_json(const Step& step);
Json to_json(const Trouble& trouble);

}  // namespace busproof::host
