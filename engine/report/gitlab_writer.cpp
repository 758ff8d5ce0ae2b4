#include <fmt/format.h>

#include <array>

#include "engine/report/json.h"
#include "engine/report/json_list.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

constexpr std::array<std::string_view, 3> kSeverities = {"critical", "minor", "info"};

Json issue(std::string_view description, std::string_view check, std::string_view fingerprint,
           std::string_view severity, const Spot& spot) {
  return {{"description", description},
          {"check_name", check},
          {"fingerprint", fingerprint},
          {"severity", severity},
          {"location", {{"path", spot.file}, {"lines", {{"begin", spot.line}}}}}};
}

Json finding_issue(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  std::string description = message_of(report, located);
  if (const std::string witness = witness_text(finding); !witness.empty()) description += " (" + witness + ')';
  return issue(description, fmt::format("{} {}", finding.rule, rule_name(finding)), located.fingerprint,
               kSeverities[static_cast<std::size_t>(finding.severity)], spot_of(report, located));
}

class GitlabWriter : public Writer {
 public:
  std::string begin() override { return "["; }
  std::string add(const DomainReport& report) override {
    std::string text;
    if (report.error)
      text = list_.add(issue(report.error->error.message, "not looked at", report.error->file + "|error", "blocker",
                             spot_of(*report.error)));
    for (const LocatedFinding& located : report.findings)
      if (located.suppressed_because.empty()) text += list_.add(finding_issue(report, located));
    return text;
  }
  std::string end(const Totals& /*totals*/, int /*exit_code*/) override { return list_.end() + "]\n"; }

 private:
  JsonList list_{0};
};

}  // namespace

std::unique_ptr<Writer> gitlab_writer(const RunFacts& /*facts*/) { return std::make_unique<GitlabWriter>(); }

}  // namespace busproof::report
