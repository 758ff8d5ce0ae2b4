#include "engine/report/host_report.h"

#include <fmt/format.h>

#include "engine/host/records.h"
#include "engine/report/json.h"

namespace busproof::report {
namespace {

std::string shown(const std::optional<std::string>& name, std::string_view otherwise) {
  return name ? *name : std::string(otherwise);
}

Json to_json(const host::Binding& binding) {
  return {{"driver", binding.driver ? Json(*binding.driver) : Json(nullptr)},
          {"override", binding.override_to ? Json(*binding.override_to) : Json(nullptr)}};
}

Json troubles_json(const std::vector<host::Trouble>& troubles) {
  Json list = Json::array();
  for (const host::Trouble& trouble : troubles) list.push_back(host::to_json(trouble));
  return list;
}

Json body_of(const host::BindingPlan& plan, std::string_view result) {
  Json json = {{"schema_version", kSchemaVersion},
               {"result", result},
               {"operation", host::to_string(plan.operation)},
               {"modules", plan.modules},
               {"steps", Json::array()},
               {"devices", Json::array()},
               {"notes", plan.notes},
               {"forced", troubles_json(plan.overridden)},
               {"error", nullptr}};
  for (const host::Step& step : plan.steps) {
    Json entry = host::to_json(step);
    entry["path"] = text_or_null(host::path_of(step));
    entry["value"] = text_or_null(host::value_of(step));
    json["steps"].push_back(std::move(entry));
  }
  for (const host::PlannedDevice& device : plan.devices) {
    json["devices"].push_back(
        {{"address", to_string(device.address)}, {"before", to_json(device.before)}, {"after", to_json(device.after)}});
  }
  return json;
}

Json outcome_json(const std::vector<host::DeviceOutcome>& outcomes) {
  Json list = Json::array();
  for (const host::DeviceOutcome& outcome : outcomes) {
    Json entry = to_json(outcome.found);
    entry["address"] = to_string(outcome.address);
    entry["present"] = outcome.present;
    entry["residual"] = outcome.residual ? Json(host::to_string(*outcome.residual)) : Json(nullptr);
    list.push_back(std::move(entry));
  }
  return list;
}

Json recovered_json(const std::vector<host::RecoveredJournal>& journals) {
  Json list = Json::array();
  for (const host::RecoveredJournal& journal : journals) {
    list.push_back({{"journal", journal.name},
                    {"result", host::to_string(journal.end)},
                    {"outcome", outcome_json(journal.devices)},
                    {"errors", troubles_json(journal.troubles)}});
  }
  return list;
}

Json findings_json(const std::vector<host::LedgerFinding>& findings) {
  Json list = Json::array();
  for (const host::LedgerFinding& finding : findings) {
    list.push_back(
        {{"address", to_string(finding.address)}, {"finding", host::to_string(finding.kind)}, {"text", finding.text}});
  }
  return list;
}

std::string remarks(const host::BindingPlan& plan) {
  std::string text;
  for (const std::string& note : plan.notes) text += "note: " + note + '\n';
  for (const host::Trouble& trouble : plan.overridden) text += "forced: " + host::to_string(trouble) + '\n';
  return text;
}

std::string outcome_text(const host::DeviceOutcome& outcome) {
  std::string text = to_string(outcome.address) + ": ";
  if (!outcome.present) {
    text += "gone";
  } else if (outcome.residual == host::Flag::Pending) {
    text += "not known";
  } else {
    text += fmt::format("{}, override {}", shown(outcome.found.driver, "no driver"),
                        shown(outcome.found.override_to, "unset"));
  }
  if (outcome.residual) text += fmt::format(" [{}]", host::to_string(*outcome.residual));
  return text + '\n';
}

std::string journals_text(const std::vector<host::RecoveredJournal>& journals) {
  std::string text;
  for (const host::RecoveredJournal& journal : journals) {
    text += fmt::format("interrupted {}: {}\n", journal.name, host::to_string(journal.end));
    for (const host::DeviceOutcome& outcome : journal.devices) text += "  " + outcome_text(outcome);
    for (const host::Trouble& trouble : journal.troubles) text += "  " + host::to_string(trouble) + '\n';
  }
  return text;
}

std::string findings_text(const std::vector<host::LedgerFinding>& findings) {
  std::string text;
  for (const host::LedgerFinding& finding : findings)
    text += fmt::format("{}: {}: {}\n", to_string(finding.address), host::to_string(finding.kind), finding.text);
  return text;
}

}  // namespace

std::string plan_text(const host::BindingPlan& plan) { return host::to_text(plan) + remarks(plan); }

std::string plan_json(const host::BindingPlan& plan) { return dumped(body_of(plan, "planned")); }

std::string performance_text(const host::Performance& performance) {
  const host::Outcome& outcome = performance.outcome;
  std::string text = journals_text(performance.recovered) + remarks(performance.plan);
  for (const host::DeviceOutcome& device : outcome.devices) text += outcome_text(device);
  text += fmt::format("{}: {}\n", host::to_string(performance.plan.operation),
                      outcome.end == host::Outcome::End::Already ? "nothing to do" : host::to_string(outcome.end));
  return text;
}

std::string performance_json(const host::Performance& performance) {
  const host::Outcome& outcome = performance.outcome;
  Json json = body_of(performance.plan, host::to_string(outcome.end));
  if (outcome.primary) json["error"] = host::to_json(*outcome.primary);
  json["secondary"] = troubles_json(outcome.secondary);
  json["outcome"] = outcome_json(outcome.devices);
  json["recovered"] = recovered_json(performance.recovered);
  return dumped(json);
}

std::string trouble_text(const host::Trouble& trouble) {
  std::string text = "error: " + host::to_string(trouble) + '\n';
  if (!trouble.step.empty()) text += "  at: " + trouble.step + '\n';
  for (const std::string& hint : trouble.hints) text += "  remedy: " + hint + '\n';
  return text;
}

std::string refusal_json(const host::Trouble& trouble) {
  return dumped({{"schema_version", kSchemaVersion}, {"result", "refused"}, {"error", host::to_json(trouble)}});
}

std::string recovery_text(const host::Recovery& recovery) {
  const std::string text = journals_text(recovery.journals) + findings_text(recovery.ledger);
  return text.empty() ? "nothing to recover\n" : text;
}

std::string recovery_json(const host::Recovery& recovery) {
  return dumped({{"schema_version", kSchemaVersion},
                 {"journals", recovered_json(recovery.journals)},
                 {"ledger", findings_json(recovery.ledger)}});
}

std::string status_text(const host::Situation& situation, const std::vector<host::LedgerFinding>& findings) {
  std::string text;
  for (const auto& [address, entry] : situation.ledger) {
    const std::string who =
        entry.owner ? fmt::format("with {} of {}", entry.owner->domain, entry.owner->driver) : std::string("inactive");
    text += fmt::format("{}: {}, on {}, from {} with override {}{}", to_string(address), who, entry.stub,
                        shown(entry.origin.driver, "no driver"), shown(entry.origin.override_to, "unset"),
                        entry.managed ? ", managed" : "");
    for (const host::Flag flag : entry.flags) text += fmt::format(" [{}]", host::to_string(flag));
    text += '\n';
  }
  for (const host::HostAddress& address : situation.busy)
    text += fmt::format("{}: an operation on it has not come to its end\n", to_string(address));
  for (const std::string& journal : situation.unreadable_journals)
    text += fmt::format("the journal {} cannot be read\n", journal);
  text += findings_text(findings);
  return text.empty() ? "no device is given away\n" : text;
}

std::string status_json(const host::Situation& situation, const std::vector<host::LedgerFinding>& findings) {
  Json json = {{"schema_version", kSchemaVersion}, {"devices", Json::array()}, {"unfinished", Json::array()}};
  for (const auto& [address, entry] : situation.ledger) {
    Json device = host::to_json(entry);
    device.erase("version");
    json["devices"].push_back(std::move(device));
  }
  for (const host::HostAddress& address : situation.busy) json["unfinished"].push_back(to_string(address));
  json["unreadable_journals"] = situation.unreadable_journals;
  json["findings"] = findings_json(findings);
  return dumped(json);
}

}  // namespace busproof::report
