#include "engine/report/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/report/domain_report.h"
#include "engine/report/json.h"

namespace busproof::report {
namespace {

constexpr int kNothingChecked = 3;  ///< exit code

Refusal refuse(ErrorKind kind, const std::string& name, std::string message) {
  return Refusal(Error{kind, "", std::move(message), name, {}, {}});
}

Result<Json> read(const NamedText& result) {
  Json json = Json::parse(result.text, nullptr, false);
  if (json.is_discarded()) return refuse(ErrorKind::Unreadable, result.name, "no JSON");
  const bool fits = json.is_object() && json.contains("kind") && json.contains("totals") &&
                    json["totals"].is_object() && json.contains("schema_version");
  if (!fits) return refuse(ErrorKind::Unreadable, result.name, "no result of busproof: write it with --format json");
  if (json["schema_version"] != kSchemaVersion)
    return refuse(ErrorKind::Unreadable, result.name, "written by another busproof: its schema_version is unknown");
  return json;
}

/// Worse codes come later; DESIGN's order of the command's own exit codes.
int worst_code(int a, int b) {
  constexpr std::array kMildestFirst = {0, 1, 3, 2, 4};
  return *std::max(std::ranges::find(kMildestFirst, a), std::ranges::find(kMildestFirst, b));
}

/// A shard that had nothing to do ends as one that checked nothing, which is none of the whole's business.
int code_of(const Json& totals) {
  const int code = totals.value("exit_code", 0);
  const bool had_nothing = totals.value("rules", 0) == 0 && totals.value("failed", 0) == 0;
  return had_nothing && code == kNothingChecked ? 0 : code;
}

void add_totals(Json& sum, const Json& totals) {
  for (const auto& [name, value] : totals.items()) {
    Json& so_far = sum[name];
    if (name == "exit_code")
      so_far = worst_code(so_far.is_null() ? 0 : so_far.get<int>(), code_of(totals));
    else if (so_far.is_null())
      so_far = value;
    else if (name == "rules")
      so_far = std::max(so_far.get<std::size_t>(), value.get<std::size_t>());
    else
      so_far = so_far.get<std::size_t>() + value.get<std::size_t>();
  }
}

/// Shards that name themselves must be all of one whole.
Result<void> check_shards(std::span<const NamedText> results, const std::vector<Json>& read) {
  std::map<std::size_t, std::string> seen;
  std::size_t count = 0;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Json shard = read[i].value("shard", Json());
    if (shard.is_null()) continue;
    const auto of = shard.value("count", std::size_t{0});
    if (count != 0 && of != count)
      return refuse(ErrorKind::Unreadable, results[i].name,
                    fmt::format("one of {} shards, others are of {}", of, count));
    count = of;
    const auto [first, fresh] = seen.try_emplace(shard.value("index", std::size_t{0}), results[i].name);
    if (!fresh) return refuse(ErrorKind::Unreadable, results[i].name, "the same shard as " + first->second);
  }
  for (std::size_t index = 1; index <= count; ++index)
    if (!seen.contains(index))
      return refuse(ErrorKind::Unsupported, results[0].name, fmt::format("shard {} of {} is missing", index, count));
  return {};
}

Totals totals_of(const Json& totals) {
  const auto count = [&](const char* name) { return totals.value(name, std::size_t{0}); };
  return {.domains = count("domains"),
          .devices = count("devices"),
          .rules = count("rules"),
          .errors = count("errors"),
          .warnings = count("warnings"),
          .infos = count("infos"),
          .suppressed = count("suppressed"),
          .failed = count("failed")};
}

/// Where a list's member belongs: by the config that it is about, as a single run would have come to it.
using Rank = std::pair<int, std::string>;

std::map<std::string, Rank> ranks_of(const Json& merged) {
  std::map<std::string, Rank> ranks;
  for (const Json& domain : merged.value("domains", Json::array())) {
    const std::string status = domain.value("status", "");
    const std::string config = domain.value("config", "");
    ranks.try_emplace(config, status == "project" ? 2 : status == "gone" ? 1 : 0, config);
  }
  return ranks;
}

void sort_list(Json& list, const std::map<std::string, Rank>& ranks) {
  const auto rank = [&](const Json& member) {
    const auto found = ranks.find(member.is_object() ? member.value("config", "") : "");
    return found == ranks.end() ? Rank() : found->second;
  };
  std::vector<std::pair<Rank, Json>> members;
  for (Json& member : list) members.emplace_back(rank(member), std::move(member));
  std::ranges::stable_sort(members, {}, &std::pair<Rank, Json>::first);
  list = Json::array();
  for (auto& [its_rank, member] : members) list.push_back(std::move(member));
}

}  // namespace

Result<Merged> merge(std::span<const NamedText> results) {
  std::vector<Json> all;
  for (const NamedText& result : results) {
    auto json = read(result);
    if (!json) return std::unexpected(json.error());
    all.push_back(*std::move(json));
  }
  if (const auto whole = check_shards(results, all); !whole) return std::unexpected(whole.error());

  Json merged = all[0];
  merged["totals"] = Json::object();
  if (merged.contains("shard")) merged["shard"] = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    add_totals(merged["totals"], all[i]["totals"]);
    if (i == 0) continue;
    for (auto& [key, value] : all[i].items()) {
      if (key == "totals" || key == "shard") continue;
      if (value.is_array())
        for (Json& member : value) merged[key].push_back(std::move(member));
      else if (merged.value(key, Json()) != value)
        return refuse(ErrorKind::Unreadable, results[i].name,
                      fmt::format("'{}' differs from {}", key, results[0].name));
    }
  }
  Json& exit_code = merged["totals"]["exit_code"];
  if (exit_code == 0 && merged["totals"].value("rules", 0) == 0) exit_code = kNothingChecked;
  const auto ranks = ranks_of(merged);
  for (auto& [key, value] : merged.items())
    if (value.is_array()) sort_list(value, ranks);

  const Json& totals = merged["totals"];
  return Merged{.text = dumped(merged) + '\n',
                .exit_code = totals.value("exit_code", 0),
                .totals_text = totals_text(totals_of(totals))};
}

}  // namespace busproof::report
