#include <utility>

#include "engine/report/json.h"
#include "engine/report/json_list.h"
#include "engine/report/json_text.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

Json line_of(const std::optional<domain::TextPlace>& place) { return place ? Json(place->line) : Json(); }
Json column_of(const std::optional<domain::TextPlace>& place) { return place ? Json(place->column) : Json(); }

std::string_view baseline_of(const LocatedFinding& located) {
  if (!located.baseline) return {};
  return *located.baseline == Baseline::New ? "new" : "unchanged";
}

std::string finding_json(const DomainReport& report, const LocatedFinding& located, std::size_t columns) {
  const Finding& finding = located.finding;
  JsonText json(columns);
  json.open_object();
  json.text("severity", to_string(finding.severity));
  json.text("rule", finding.rule);
  json.text("name", rule_name(finding));
  json.text_or_null("domain", report.domain);
  json.text("config", report.file);
  json.text_or_null("device", finding.device);
  json.text("change", finding.change);
  json.open_array("witness");
  for (const Witness& one : finding.witness) {
    json.open_object();
    json.text("observer", to_string(one.observer));
    json.text("text", one.text);
    json.close();
  }
  json.close();
  json.text("reason", finding.reason);
  json.text_or_null("remedy", finding.remedy);
  json.text("file", located.file);
  if (located.place) {
    json.number("line", located.place->line);
    json.number("column", located.place->column);
  } else {
    json.null("line");
    json.null("column");
  }
  json.text("fingerprint", located.fingerprint);
  json.text_or_null("baseline", baseline_of(located));
  json.text_or_null("suppressed", located.suppressed_because);
  json.close();
  return std::move(json).take();
}

Json error_of(const DomainReport& report) {
  if (!report.error) return nullptr;
  Json json = error_json(report.error->error, "");
  json["line"] = line_of(report.error->place);
  json["column"] = column_of(report.error->place);
  return json;
}

std::string domain_json(const DomainReport& report, std::size_t columns) {
  JsonText json(columns);
  json.open_object();
  json.text("config", report.file);
  json.text_or_null("old_config", report.old_file);
  json.text("status", to_string(report.status));
  json.text_or_null("domain", report.domain);
  json.text_or_null("uuid", report.uuid);
  json.number("rules", report.rules);
  json.number("devices", report.devices);
  json.value("error", error_of(report));
  json.close();
  return std::move(json).take();
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
    for (const LocatedFinding& located : report.findings)
      text += findings_.add_text(finding_json(report, located, findings_.columns()));
    domains_ += domain_list_.add_text(domain_json(report, domain_list_.columns()));
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
