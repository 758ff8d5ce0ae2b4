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

Json witness_json(const Witness& witness) {
  return JsonObject(2).add("observer", to_string(witness.observer)).add("text", witness.text).done();
}

Json finding_json(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  Json witness = Json::array();
  for (const Witness& one : finding.witness) witness.push_back(witness_json(one));
  return JsonObject(16)
      .add("severity", to_string(finding.severity))
      .add("rule", finding.rule)
      .add("name", rule_name(finding))
      .add("domain", text_or_null(report.domain))
      .add("config", report.file)
      .add("device", text_or_null(finding.device))
      .add("change", finding.change)
      .add("witness", std::move(witness))
      .add("reason", finding.reason)
      .add("remedy", text_or_null(finding.remedy))
      .add("file", located.file)
      .add("line", line_of(located.place))
      .add("column", column_of(located.place))
      .add("fingerprint", located.fingerprint)
      .add("baseline", baseline_of(located))
      .add("suppressed", text_or_null(located.suppressed_because))
      .done();
}

Json error_of(const DomainReport& report) {
  if (!report.error) return nullptr;
  Json json = error_json(report.error->error, "");
  json["line"] = line_of(report.error->place);
  json["column"] = column_of(report.error->place);
  return json;
}

Json domain_json(const DomainReport& report) {
  return JsonObject(8)
      .add("config", report.file)
      .add("old_config", text_or_null(report.old_file))
      .add("status", to_string(report.status))
      .add("domain", text_or_null(report.domain))
      .add("uuid", text_or_null(report.uuid))
      .add("rules", report.rules)
      .add("devices", report.devices)
      .add("error", error_of(report))
      .done();
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
