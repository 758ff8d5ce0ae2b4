#include "engine/report/rules_table.h"

#include <fmt/format.h>

#include <utility>

#include "engine/abi/rules.h"
#include "engine/report/json.h"
#include "engine/report/markdown.h"

namespace busproof::report {
std::string rules_text() {
  std::string text;
  for (const abi::Rule& rule : abi::kRules)
    text += fmt::format("{}  {:<29} {:<7}  {}\n", rule.id, rule.name, to_string(rule.severity), rule.reason);
  return text;
}

std::string rules_markdown() {
  std::string text = "| id | name | severity | reason | remedy |\n| --- | --- | --- | --- | --- |\n";
  for (const abi::Rule& rule : abi::kRules)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", rule.id, rule.name, to_string(rule.severity),
                        escaped_for_markdown(rule.reason), escaped_for_markdown(rule.remedy));
  return text;
}

std::string rules_json() {
  Json rules = Json::array();
  for (const abi::Rule& rule : abi::kRules)
    rules.push_back({{"id", rule.id},
                     {"name", rule.name},
                     {"severity", to_string(rule.severity)},
                     {"reason", rule.reason},
                     {"remedy", text_or_null(rule.remedy)}});
  return dumped({{"schema_version", kSchemaVersion}, {"rules", std::move(rules)}});
}

}  // namespace busproof::report
