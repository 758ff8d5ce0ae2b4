#include "engine/abi/rules.h"

#include <algorithm>
#include <iterator>

namespace busproof::abi {

const Rule* find_rule(std::string_view id_or_name) {
  const auto rule =
      std::ranges::find_if(kRules, [&](const Rule& row) { return row.id == id_or_name || row.name == id_or_name; });
  return rule == kRules.end() ? nullptr : &*rule;
}

const RuleGroup& group_of(RuleId rule) {
  const auto next = std::ranges::find_if(kRuleGroups, [&](const RuleGroup& group) { return group.first > rule; });
  return *std::prev(next);
}

Finding finding_of(RuleId id) {
  const Rule& rule = rule_of(id);
  Finding finding;
  finding.severity = rule.severity;
  finding.rule = rule.id;
  finding.reason = rule.reason;
  finding.remedy = rule.remedy;
  return finding;
}

}  // namespace busproof::abi
