#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/abi/rules.h"
#include "engine/domain/xml_element.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

using domain::XmlElement;

std::string line_of(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  std::string line = located.file;
  if (located.place) line += fmt::format(":{}:{}", located.place->line, located.place->column);
  line += fmt::format(": {}: {} [{} {}]", to_string(finding.severity), message_of(report, located), finding.rule,
                      rule_name(finding));
  if (const std::string witness = witness_text(finding); !witness.empty()) line += "\n  " + witness;
  if (!finding.remedy.empty()) line += "\n  remedy: " + finding.remedy;
  return line + '\n';
}

bool is_of(const Finding& finding, const abi::RuleGroup& group) {
  const abi::Rule* rule = abi::find_rule(finding.rule);
  return rule != nullptr && abi::group_of(rule->rule).first == group.first;
}

/// What was run on a domain; a group that has findings was run.
bool was_run(const abi::RuleGroup& group, Status status, bool has_findings) {
  if (has_findings) return true;
  if (group.first < abi::RuleId::Refused) return status == Status::Compared;
  return group.first == abi::RuleId::Refused && (status == Status::Compared || status == Status::Linted);
}

class JunitWriter : public Writer {
 public:
  explicit JunitWriter(const RunFacts& facts) : fail_on_(facts.fail_on) {
    root_.name = "testsuites";
    root_.attributes = {{"name", fmt::format("busproof {}", facts.command)}};
  }

  std::string add(const DomainReport& report) override {
    XmlElement suite{.name = "testsuite"};
    std::size_t failures = 0;
    for (const abi::RuleGroup& group : abi::kRuleGroups) {
      auto test = case_of(report, group);
      if (!test) continue;
      failures += std::ranges::count(test->children, "failure", &XmlElement::name) != 0;
      suite.children.push_back(std::move(*test));
    }
    if (report.error) suite.children.push_back(error_case(report));
    if (suite.children.empty()) return {};
    suite.attributes = {{"name", report.domain.empty() ? report.file : report.domain},
                        {"tests", std::to_string(suite.children.size())},
                        {"failures", std::to_string(failures)},
                        {"errors", report.error ? "1" : "0"},
                        {"skipped", "0"},
                        {"file", report.file}};
    root_.children.push_back(std::move(suite));
    return {};
  }

  std::string end(const Totals& /*totals*/, int /*exit_code*/) override { return document_text(root_); }

 private:
  [[nodiscard]] std::optional<XmlElement> case_of(const DomainReport& report, const abi::RuleGroup& group) const {
    std::string failing, others, first;
    std::size_t failing_count = 0;
    for (const LocatedFinding& located : report.findings) {
      if (!is_of(located.finding, group) || !located.suppressed_because.empty()) continue;
      const bool failed = fails(located.finding.severity, fail_on_);
      if (failed && failing_count++ == 0) first = message_of(report, located);
      (failed ? failing : others) += line_of(report, located);
    }
    if (!was_run(group, report.status, !failing.empty() || !others.empty())) return std::nullopt;
    XmlElement test{.name = "testcase",
                    .attributes = {{"classname", report.domain.empty() ? report.file : report.domain},
                                   {"name", std::string(group.name)},
                                   {"file", report.file}}};
    if (failing_count != 0) {
      if (failing_count > 1) first += fmt::format(", and {} more", failing_count - 1);
      test.children.push_back({.name = "failure", .attributes = {{"message", first}}, .text = failing});
    }
    if (!others.empty()) test.children.push_back({.name = "system-out", .text = others});
    return test;
  }

  static XmlElement error_case(const DomainReport& report) {
    const LocatedError& error = *report.error;
    std::string where = error.file;
    if (error.place) where += fmt::format(":{}:{}", error.place->line, error.place->column);
    XmlElement test{.name = "testcase",
                    .attributes = {{"classname", report.file}, {"name", "reading"}, {"file", report.file}}};
    test.children.push_back({.name = "error",
                             .attributes = {{"message", error.error.message}},
                             .text = fmt::format("{}: {}\n", where, error.error.message)});
    return test;
  }

  Severity fail_on_;
  XmlElement root_;
};

}  // namespace

std::unique_ptr<Writer> junit_writer(const RunFacts& facts) { return std::make_unique<JunitWriter>(facts); }

}  // namespace busproof::report
