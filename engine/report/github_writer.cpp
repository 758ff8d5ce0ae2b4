#include <fmt/format.h>

#include <array>

#include "engine/report/writer.h"

namespace busproof::report {
namespace {

constexpr std::array<std::string_view, 3> kCommands = {"error", "warning", "notice"};

/// Source: GitHub's actions/toolkit, packages/core/src/command.ts, escapeData() and escapeProperty().
std::string escaped(std::string_view text, std::string_view special) {
  std::string clean;
  for (const char c : text)
    clean += special.contains(c) ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  return clean;
}
std::string data(std::string_view text) { return escaped(text, "%\r\n"); }
std::string property(std::string_view text) { return escaped(text, "%\r\n:,"); }

std::string command(std::string_view name, const Spot& spot, std::string_view title, std::string_view message) {
  return fmt::format("::{} file={},line={},col={},title={}::{}\n", name, property(spot.file), spot.line, spot.column,
                     property(title), data(message));
}

std::string finding_command(const DomainReport& report, const LocatedFinding& located) {
  const Finding& finding = located.finding;
  std::string message = message_of(report, located);
  if (const std::string witness = witness_text(finding); !witness.empty()) message += '\n' + witness;
  if (!finding.remedy.empty()) message += "\nremedy: " + finding.remedy;
  return command(kCommands[static_cast<std::size_t>(finding.severity)], spot_of(report, located),
                 fmt::format("{} {}", finding.rule, rule_name(finding)), message);
}

class GithubWriter : public Writer {
 public:
  std::string add(const DomainReport& report) override {
    std::string text;
    if (report.error) text = command("error", spot_of(*report.error), "not looked at", report.error->error.message);
    for (const LocatedFinding& located : report.findings)
      if (located.suppressed_because.empty()) text += finding_command(report, located);
    return text;
  }
  std::string end(const Totals& /*totals*/, int /*exit_code*/) override { return {}; }
};

}  // namespace

std::unique_ptr<Writer> github_writer(const RunFacts& /*facts*/) { return std::make_unique<GithubWriter>(); }

}  // namespace busproof::report
