#include "engine/policy/suppressions.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "engine/abi/rules.h"

namespace busproof::policy {
namespace {

using abi::RuleId;

bool matches(const std::string& pattern, std::string_view text) {
  return pattern.empty() || pattern == text || ::fnmatch(pattern.c_str(), std::string(text).c_str(), 0) == 0;
}

std::string words_of(const Suppression& suppression) {
  std::string words = suppression.rule;
  if (!suppression.domain.empty()) words += " of " + suppression.domain;
  if (!suppression.device.empty()) words += ", " + suppression.device;
  return fmt::format("{} ({})", words, suppression.reason);
}

Finding finding_about(RuleId rule, const Suppression& suppression, std::string change) {
  Finding finding = abi::finding_of(rule);
  finding.change = std::move(change);
  finding.place.offset = suppression.offset;
  return finding;
}

std::string day_text(std::chrono::year_month_day day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

bool was_run(const Suppression& suppression, const Ran& ran) {
  const RuleId rule = abi::find_rule(suppression.rule)->rule;
  if (rule < RuleId::Refused) return ran.on_pairs || ran.on_locks;
  if (rule < RuleId::DomainAdded) return ran.on_configs;
  return rule < RuleId::NotLocked ? ran.on_pairs : ran.on_locks;
}

}  // namespace

bool has_expired(const Suppression& suppression, std::chrono::year_month_day today) {
  return suppression.expires && *suppression.expires < today;
}

bool is_about(const Suppression& suppression, std::string_view domain, std::string_view uuid, const Finding& finding) {
  const abi::Rule* rule = abi::find_rule(suppression.rule);
  const bool its_rule = rule != nullptr && rule->id == finding.rule;
  return its_rule && (matches(suppression.domain, domain) || matches(suppression.domain, uuid)) &&
         matches(suppression.device, finding.device);
}

std::optional<std::string> Ledger::reason_for(std::string_view domain, std::string_view uuid, const Finding& finding) {
  for (std::size_t i = 0; i < suppressions_.size(); ++i) {
    const Suppression& suppression = suppressions_[i];
    if (has_expired(suppression, today_) || !is_about(suppression, domain, uuid, finding)) continue;
    ++used_[i];
    return suppression.reason;
  }
  return std::nullopt;
}

Findings Ledger::expired() const {
  Findings findings;
  for (const Suppression& suppression : suppressions_)
    if (has_expired(suppression, today_))
      findings.push_back(
          finding_about(RuleId::SuppressionExpired, suppression,
                        fmt::format("{} has expired on {}", words_of(suppression), day_text(*suppression.expires))));
  std::ranges::sort(findings);
  return findings;
}

Findings Ledger::unused(const Ran& ran) const {
  Findings findings;
  for (std::size_t i = 0; i < suppressions_.size(); ++i)
    if (used_[i] == 0 && !has_expired(suppressions_[i], today_) && was_run(suppressions_[i], ran))
      findings.push_back(
          finding_about(RuleId::SuppressionUnused, suppressions_[i], words_of(suppressions_[i]) + " hides nothing"));
  std::ranges::sort(findings);
  return findings;
}

}  // namespace busproof::policy
