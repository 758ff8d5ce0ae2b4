#include "engine/abi/rules.h"

#include <algorithm>
#include <iterator>

namespace busproof::abi {

const Rule* find_rule(std::string_view id_or_name) {
  const auto by_id = std::ranges::lower_bound(kRules, id_or_name, {}, &Rule::id);  // findings ask, by the thousand
  if (by_id != kRules.end() && by_id->id == id_or_name) return &*by_id;
  const auto by_name = std::ranges::find(kRules, id_or_name, &Rule::name);
  return by_name == kRules.end() ? nullptr : &*by_name;
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
