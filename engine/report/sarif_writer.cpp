#include <fmt/format.h>

#include <array>
#include <cctype>
#include <utility>

#include "engine/abi/rules.h"
#include "engine/report/json.h"
#include "engine/report/json_list.h"
#include "engine/report/markdown.h"
#include "engine/report/writer.h"

// Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
namespace busproof::report {
namespace {

constexpr std::array<std::string_view, 3> kLevels = {"error", "warning", "note"};
std::string_view level_of(Severity severity) { return kLevels[static_cast<std::size_t>(severity)]; }

/// A path as a URI reference: relative paths stay relative.
std::string uri_of(std::string_view path) {
  constexpr std::string_view kPlain = "-._~/";
  std::string uri = path.starts_with('/') ? "file://" : "";
  if (path.starts_with("./")) path.remove_prefix(2);
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte < 0x80U && std::isalnum(byte) != 0) || kPlain.contains(c);
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return uri;
}

Json rule_json(const abi::Rule& rule) {
  const std::string help =
      rule.remedy.empty() ? std::string(rule.reason) : fmt::format("{}. Remedy: {}.", rule.reason, rule.remedy);
  const std::string reason = escaped_for_markdown(rule.reason);
  const std::string markdown =
      rule.remedy.empty() ? reason : fmt::format("{}.\n\n**Remedy:** {}.", reason, escaped_for_markdown(rule.remedy));
  return {{"id", rule.id},
          {"name", rule.name},
          {"shortDescription", {{"text", rule.reason}}},
          {"help", {{"text", help}, {"markdown", markdown}}},
          {"defaultConfiguration", {{"level", level_of(rule.severity)}}}};
}

Json text_json(std::string_view text) { return JsonObject(1).add("text", text).done(); }

Json location_json(const Spot& spot) {
  Json artifact = JsonObject(1).add("uri", uri_of(spot.file)).done();
  Json region = JsonObject(2).add("startLine", spot.line).add("startColumn", spot.column).done();
  Json physical = JsonObject(2).add("artifactLocation", std::move(artifact)).add("region", std::move(region)).done();
  return JsonObject(2).add("physicalLocation", std::move(physical)).done();
}

Json logical_json(const DomainReport& report, const Finding& finding) {
  const std::string path = finding.device.empty() ? report.domain : fmt::format("{}/{}", report.domain, finding.device);
  Json logical = Json::array();
  logical.push_back(JsonObject(2)
                        .add("name", finding.device.empty() ? report.domain : finding.device)
                        .add("fullyQualifiedName", path)
                        .done());
  return logical;
}

Json suppressions_json(const LocatedFinding& located) {
  Json suppressions = Json::array();
  if (!located.suppressed_because.empty())
    suppressions.push_back({{"kind", "external"}, {"justification", located.suppressed_because}});
  return suppressions;
}

Json result_json(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  std::string message = message_of(report, located);
  if (const std::string witness = witness_text(finding); !witness.empty()) message += ". " + witness;
  if (!finding.remedy.empty()) message += ". Remedy: " + finding.remedy;
  Json location = location_json(spot_of(report, located));
  if (!report.domain.empty()) location["logicalLocations"] = logical_json(report, finding);
  Json locations = Json::array();
  locations.push_back(std::move(location));

  JsonObject result(8);
  result.add("ruleId", finding.rule)
      .add("ruleIndex", abi::find_rule(finding.rule) - abi::kRules.data())
      .add("level", level_of(finding.severity))
      .add("message", text_json(message + '.'))
      .add("locations", std::move(locations))
      .add("partialFingerprints", JsonObject(1).add("busproofFinding/v1", located.fingerprint).done());
  if (located.baseline) result.add("baselineState", *located.baseline == Baseline::New ? "new" : "unchanged");
  result.add("suppressions", suppressions_json(located));
  return result.done();
}

Json notification_json(const LocatedError& error) {
  return {{"level", "error"},
          {"message", {{"text", error.error.message}}},
          {"locations", Json::array({location_json(spot_of(error))})}};
}

class SarifWriter : public Writer {
 public:
  explicit SarifWriter(const RunFacts& facts) : version_(facts.version) {}

  std::string begin() override {
    Json rules = Json::array();
    for (const abi::Rule& rule : abi::kRules) rules.push_back(rule_json(rule));
    const Json run = {
        {"tool", {{"driver", {{"name", "busproof"}, {"version", version_}, {"rules", std::move(rules)}}}}},
        {"results", Json::array()}};
    const Json log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                      {"version", "2.1.0"},
                      {"runs", Json::array({run})}};
    auto [before, after] = split_at_list(log, "results");
    after_results_ = after;
    return before;
  }

  std::string add(const DomainReport& report) override {
    if (report.error) notifications_.push_back(notification_json(*report.error));
    std::string text;
    for (const LocatedFinding& located : report.findings) text += results_.add(result_json(report, located));
    return text;
  }

  std::string end(const Totals& /*totals*/, int exit_code) override {
    const Json invocation = {{"executionSuccessful", notifications_.empty()},
                             {"exitCode", exit_code},
                             {"toolExecutionNotifications", notifications_}};
    JsonList invocations{6};
    std::string text = results_.end() + "],\n      \"invocations\": [" + invocations.add(invocation);
    return text += invocations.end() + after_results_ + '\n';
  }

 private:
  std::string version_, after_results_;
  JsonList results_{6};
  Json notifications_ = Json::array();
};

}  // namespace

std::unique_ptr<Writer> sarif_writer(const RunFacts& facts) { return std::make_unique<SarifWriter>(facts); }

}  // namespace busproof::report
