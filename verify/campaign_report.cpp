#include "verify/campaign_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busproof::verify {
namespace {

using Json = nlohmann::ordered_json;

/// 12345 as "12,345".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string_view sentence_of(const CampaignResult& result, const Failure& failure) {
  for (const HuntResult& hunt : result.hunts)
    for (const LawRow& law : hunt.laws)
      if (law.name == failure.law) return law.words;
  return {};
}

/// The same with commas between the words.
std::string listed(std::string line, std::vector<std::string> words) {
  constexpr std::size_t kIndent = 7;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) words[i] += ",";
  return in_columns(std::move(line), words, kIndent);
}

/// "machine: q35 412, i440fx 388"
std::string histogram(const Tally& tally) {
  std::string text;
  for (const auto& [dimension, counts] : tally.classes()) {
    std::vector<std::pair<std::string, std::uint64_t>> sorted(counts.begin(), counts.end());
    std::ranges::stable_sort(sorted, std::ranges::greater(), &std::pair<std::string, std::uint64_t>::second);
    std::vector<std::string> words;
    for (const auto& [value, times] : sorted) words.push_back(fmt::format("{} {}", value, grouped(times)));
    text += listed(fmt::format("    {}:", dimension), words);
  }
  return text;
}

/// "agrees-with-libvirt: 10,000 domains, 10,000 agree (libvirt 9.0.0, QEMU 7.2.22)"
std::string agreement(const HuntResult& hunt, std::string_view law, const std::string& who) {
  const std::uint64_t agree = hunt.tally.count(law, "agree"), disagree = hunt.tally.count(law, "disagree");
  const std::uint64_t skipped = hunt.tally.count(law, "not compared"), gaps = hunt.tally.count(law, "known gap");
  if (agree + disagree + skipped + gaps == 0) return {};
  const std::string_view what = law == "agrees-with-libvirt-tables" ? "operations" : std::string_view(hunt.name);
  std::string text = fmt::format("  {} {}, {} agree ({})", grouped(agree + disagree + gaps), what, grouped(agree), who);
  if (gaps > 0 || skipped > 0) text += "\n   ";
  if (gaps > 0) text += fmt::format(" {} where it is known to leave something behind", grouped(gaps));
  if (skipped > 0) text += fmt::format("{} {} not compared", gaps > 0 ? ";" : "", grouped(skipped));
  return text + "\n";
}

std::string hunt_text(const HuntResult& hunt, const ReportFacts& facts) {
  const double rate = hunt.seconds > 0 ? static_cast<double>(hunt.cases) / hunt.seconds : 0;
  std::string text = fmt::format("{}: {} cases, {} a second\n", hunt.name, grouped(hunt.cases),
                                 grouped(static_cast<std::uint64_t>(rate)));
  text += agreement(hunt, "agrees-with-reference", "the reference allocator");
  text += agreement(hunt, "agrees-with-libvirt", facts.oracle);
  text += agreement(hunt, "agrees-with-libvirt-tables", "libvirt's steps as specified");
  if (const std::uint64_t accesses = hunt.tally.count("accesses", "all"); accesses > 0 && hunt.seconds > 0)
    text += fmt::format("  {} operations on the kernel, {} a second\n", grouped(accesses),
                        grouped(static_cast<std::uint64_t>(static_cast<double>(accesses) / hunt.seconds)));
  for (const LawRow& law : hunt.laws) {
    const auto checked = hunt.tally.checks().find(law.name);
    if (checked != hunt.tally.checks().end())
      text += fmt::format("    {:<26} looked at {:>12} times\n", law.name, grouped(checked->second));
  }
  text += "  covered:\n" + histogram(hunt.tally);
  if (!hunt.never_seen.empty()) {
    std::vector<std::string> words;
    for (const ExpectedClass& each : hunt.never_seen) words.push_back(fmt::format("{} {}", each.dimension, each.value));
    text += listed("  never seen:", words);
  }
  return text;
}

std::string failure_text(const CampaignResult& result, const Failure& failure, const ReportFacts& facts) {
  std::string text = fmt::format("BROKEN {}: {}\n  case {} of {}, and {} in all; {} smaller ones tried\n", failure.law,
                                 sentence_of(result, failure), failure.number, failure.hunt, grouped(failure.cases),
                                 grouped(failure.example.tries));
  text += failure.example.breach.words;
  for (const auto& [name, content] : failure.example.files) text += fmt::format("--- {}\n{}", name, content);
  return text + fmt::format("--- again with\n{}\n", replay_command(result, failure, facts));
}

Json classes_json(const std::vector<ExpectedClass>& classes) {
  Json json = Json::array();
  for (const ExpectedClass& each : classes) json.push_back({{"dimension", each.dimension}, {"value", each.value}});
  return json;
}

Json hunt_json(const HuntResult& hunt) {
  Json checks = Json::object(), classes = Json::object();
  for (const auto& [law, times] : hunt.tally.checks()) checks[law] = times;
  for (const auto& [dimension, counts] : hunt.tally.classes())
    for (const auto& [value, times] : counts) classes[dimension][value] = times;
  return {{"name", hunt.name},
          {"cases", hunt.cases},
          {"seconds", hunt.seconds},
          {"checks", std::move(checks)},
          {"classes", std::move(classes)},
          {"expected", classes_json(hunt.expected)},
          {"never_seen", classes_json(hunt.never_seen)}};
}

Json failure_json(const CampaignResult& result, const Failure& failure, const ReportFacts& facts) {
  return {{"hunt", failure.hunt},
          {"law", failure.law},
          {"sentence", sentence_of(result, failure)},
          {"words", failure.example.breach.words},
          {"case", failure.number},
          {"cases", failure.cases},
          {"size", failure.example.size},
          {"files", failure.example.files},
          {"replay", replay_command(result, failure, facts)}};
}

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

/// Adds the counts of the one to the other's, and keeps the keys sorted.
void add_counts(Json& sums, const Json& more) {
  std::map<std::string, std::uint64_t> sorted;
  for (const Json* each : {static_cast<const Json*>(&sums), &more})
    for (const auto& [key, times] : each->items()) sorted[key] += times.get<std::uint64_t>();
  sums = Json::object();
  for (const auto& [key, times] : sorted) sums[key] = times;
}

void add_classes(Json& sums, const Json& more) {
  std::map<std::string, Json> sorted;
  for (const auto& [dimension, counts] : sums.items()) sorted[dimension] = counts;
  for (const auto& [dimension, counts] : more.items()) {
    auto& found = sorted.try_emplace(dimension, Json::object()).first->second;
    add_counts(found, counts);
  }
  sums = Json::object();
  for (auto& [dimension, counts] : sorted) sums[dimension] = std::move(counts);
}

void add_hunt(Json& sum, const Json& more) {
  sum["cases"] = sum["cases"].get<std::uint64_t>() + more["cases"].get<std::uint64_t>();
  sum["seconds"] = sum["seconds"].get<double>() + more["seconds"].get<double>();
  add_counts(sum["checks"], more["checks"]);
  add_classes(sum["classes"], more["classes"]);
  Json missing = Json::array();
  for (const Json& each : sum["expected"]) {
    const auto& classes = sum["classes"];
    const auto dimension = each["dimension"].get<std::string>();
    if (!classes.contains(dimension) || !classes[dimension].contains(each["value"].get<std::string>()))
      missing.push_back(each);
  }
  sum["never_seen"] = std::move(missing);
}

void add_failures(Json& sum, const Json& more) {
  for (const Json& failure : more) {
    const auto same = std::ranges::find_if(
        sum, [&](const Json& each) { return each["hunt"] == failure["hunt"] && each["law"] == failure["law"]; });
    if (same == sum.end()) {
      sum.push_back(failure);
      continue;
    }
    const std::uint64_t cases = (*same)["cases"].get<std::uint64_t>() + failure["cases"].get<std::uint64_t>();
    if (failure["case"].get<std::uint64_t>() < (*same)["case"].get<std::uint64_t>()) *same = failure;
    (*same)["cases"] = cases;
  }
}

Error not_a_report(std::size_t number, std::string_view why) {
  return {ErrorKind::Unreadable, "", fmt::format("report {} is no result of verify: {}", number + 1, why), {}, {}, {}};
}

/// As one run has them: by hunt, then by law.
void sort_failures(Json& report) {
  const auto place = [&](const Json& failure) {
    const auto& hunts = report["hunts"];
    const auto hunt = std::ranges::find_if(hunts, [&](const Json& each) { return each["name"] == failure["hunt"]; });
    return std::pair(hunt - hunts.begin(), failure["law"].get<std::string>());
  };
  std::vector<Json> failures(report["failures"].begin(), report["failures"].end());
  std::ranges::stable_sort(failures, {}, place);
  report["failures"] = std::move(failures);
}

Result<std::string> merge(const std::vector<std::string>& reports) {
  std::optional<Json> whole;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    Json report = Json::parse(reports[i], nullptr, false);
    if (report.is_discarded() || !report.is_object()) return std::unexpected(not_a_report(i, "it is no JSON object"));
    if (report.value("kind", "") != "verify") return std::unexpected(not_a_report(i, "its kind is another"));
    if (!whole) {
      whole = std::move(report);
      continue;
    }
    for (const std::string_view key : {"schema_version", "tool_version", "seed", "oracle"})
      if (whole->value(key, Json()) != report.value(key, Json()))
        return std::unexpected(
            Error{ErrorKind::Unsupported, "", fmt::format("report {} has another {}", i + 1, key), {}, {}, {}});
    if ((*whole)["hunts"].size() != report["hunts"].size())
      return std::unexpected(
          Error{ErrorKind::Unsupported, "", fmt::format("report {} is of other hunts", i + 1), {}, {}, {}});
    for (std::size_t hunt = 0; hunt < report["hunts"].size(); ++hunt)
      add_hunt((*whole)["hunts"][hunt], report["hunts"][hunt]);
    add_failures((*whole)["failures"], report["failures"]);
  }
  if (!whole) return std::unexpected(not_a_report(0, "there is none"));
  (*whole)["shard"] = nullptr;
  sort_failures(*whole);
  return dumped(*whole);
}

}  // namespace

std::string replay_command(const CampaignResult& result, const Failure& failure, const ReportFacts& facts) {
  return fmt::format("busproof verify --property {} --hunt {} --seed {} --first {} --cases 1{}{}", failure.law,
                     failure.hunt, result.seed, failure.number, facts.replay.empty() ? "" : " ", facts.replay);
}

std::string in_columns(std::string line, const std::vector<std::string>& words, std::size_t indent) {
  constexpr std::size_t kColumns = 80;
  std::string text;
  for (const std::string& word : words) {
    if (line.size() + 1 + word.size() > kColumns) text += std::exchange(line, std::string(indent, ' ')) + "\n";
    line.append(1, ' ').append(word);
  }
  return text + line + "\n";
}

std::string campaign_text(const CampaignResult& result, const ReportFacts& facts) {
  std::string text = fmt::format("seed {}", result.seed);
  if (result.share.count > 1) text += fmt::format(", shard {} of {}", result.share.index + 1, result.share.count);
  text += "\n";
  for (const HuntResult& hunt : result.hunts) text += hunt_text(hunt, facts);
  for (const Failure& failure : result.failures) text += fmt::format("\n{}", failure_text(result, failure, facts));
  const bool looked = std::ranges::any_of(result.hunts, [](const HuntResult& hunt) { return hunt.cases > 0; });
  if (result.failures.empty()) text += looked ? "every law held\n" : "nothing was looked at\n";
  return text;
}

std::string campaign_json(const CampaignResult& result, const ReportFacts& facts) {
  Json hunts = Json::array(), failures = Json::array();
  for (const HuntResult& hunt : result.hunts) hunts.push_back(hunt_json(hunt));
  for (const Failure& failure : result.failures) failures.push_back(failure_json(result, failure, facts));
  const Json shard =
      result.share.count == 1 ? Json(nullptr) : Json{{"index", result.share.index + 1}, {"count", result.share.count}};
  return dumped({{"schema_version", 1},
                 {"kind", "verify"},
                 {"tool_version", facts.version},
                 {"seed", result.seed},
                 {"oracle", facts.oracle.empty() ? Json(nullptr) : Json(facts.oracle)},
                 {"shard", shard},
                 {"hunts", std::move(hunts)},
                 {"failures", std::move(failures)}});
}

Result<std::string> merge_campaigns(const std::vector<std::string>& reports) {
  try {
    return merge(reports);
  } catch (const Json::exception& wrong) {
    return std::unexpected(
        Error{ErrorKind::Unreadable, "", fmt::format("no result of verify: {}", wrong.what()), {}, {}, {}});
  }
}

}  // namespace busproof::verify
