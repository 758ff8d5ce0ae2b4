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

/// One line: checksum, blank, text or JSON. "8d1f00a3 {…}\n", "8d1f00a3 issued 2\n".
std::string record_of(std::string_view text);
std::string record_of(const Json& json);
/// Nothing when the checksum says that the line is not what was written, or it is no line at all.
std::optional<std::string_view> text_of_record(std::string_view line);
std::optional<Json> parse_record(std::string_view line);

Json to_json(const LedgerEntry& entry);
Json to_json(const Step& step);
Json to_json(const Trouble& trouble);
/// Without `overridden`, which is nothing to whoever undoes the plan.
Json to_json(const BindingPlan& plan);

/// Whether it is of a later version than the one that is known.
bool is_newer(const Json& json, int known);

/// Nothing when it is not what to_json() makes.
std::optional<LedgerEntry> entry_from_json(const Json& json);
std::optional<BindingPlan> plan_from_json(const Json& json);

}  // namespace busproof::host
