#include <utility>

#include "engine/report/json.h"
#include "engine/report/json_list.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

Json line_of(const std::optional<domain::TextPlace>& place) { return place ? Json(place->line) : Json(); }
Json column_of(const std::optional<domain::TextPlace>& place) { return place ? Json(place->column) : Json(); }

Json baseline_of(const LocatedFinding& located) {
  if (!located.baseline) return nullptr;
  return *located.baseline == Baseline::New ? "new" : "unchanged";
}

Json finding_json(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  Json witness = Json::array();
  for (const Witness& one : finding.witness)
    witness.push_back({{"observer", to_string(one.observer)}, {"text", one.text}});
  return {{"severity", to_string(finding.severity)},
          {"rule", finding.rule},
          {"name", rule_name(finding)},
          {"domain", text_or_null(report.domain)},
          {"config", report.file},
          {"device", text_or_null(finding.device)},
          {"change", finding.change},
          {"witness", std::move(witness)},
          {"reason", finding.reason},
          {"remedy", text_or_null(finding.remedy)},
          {"file", located.file},
          {"line", line_of(located.place)},
          {"column", column_of(located.place)},
          {"fingerprint", located.fingerprint},
          {"baseline", baseline_of(located)},
          {"suppressed", text_or_null(located.suppressed_because)}};
}

Json error_of(const DomainReport& report) {
  if (!report.error) return nullptr;
  Json json = error_json(report.error->error, "");
  json["line"] = line_of(report.error->place);
  json["column"] = column_of(report.error->place);
  return json;
}

Json domain_json(const DomainReport& report) {
  return {{"config", report.file},
          {"old_config", text_or_null(report.old_file)},
          {"status", to_string(report.status)},
          {"domain", text_or_null(report.domain)},
          {"uuid", text_or_null(report.uuid)},
          {"rules", report.rules},
          {"devices", report.devices},
          {"error", error_of(report)}};
}

Json totals_json(const Totals& totals, int exit_code) {
  return {{"errors", totals.errors},         {"warnings", totals.warnings}, {"infos", totals.infos},
          {"suppressed", totals.suppressed}, {"domains", totals.domains},   {"devices", totals.devices},
          {"rules", totals.rules},           {"failed", totals.failed},     {"exit_code", exit_code}};
}

class JsonWriter : public Writer {
 public:
  explicit JsonWriter(const RunFacts& facts)
      : head_({{"schema_version", kSchemaVersion},
               {"kind", facts.command},
               {"tool_version", facts.version},
               {"shard", facts.shard ? Json{{"index", facts.shard->index}, {"count", facts.shard->count}} : Json()},
               {"findings", Json::array()}}) {}

  std::string begin() override { return split_at_list(head_, "findings").first; }

  std::string add(const DomainReport& report) override {
    std::string text;
    for (const LocatedFinding& located : report.findings) text += findings_.add(finding_json(report, located));
    domains_ += domain_list_.add(domain_json(report));
    return text;
  }

  std::string end(const Totals& totals, int exit_code) override {
    const Json rest = {{"domains", Json::array()}, {"totals", totals_json(totals, exit_code)}};
    const auto [before, after] = split_at_list(rest, "domains");
    return findings_.end() + "]," + before.substr(1) + domains_ + domain_list_.end() + after + '\n';
  }

 private:
  Json head_;
  JsonList findings_{2}, domain_list_{2};
  std::string domains_;
};

}  // namespace

std::unique_ptr<Writer> json_writer(const RunFacts& facts) { return std::make_unique<JsonWriter>(facts); }

}  // namespace busproof::report
