#include <fmt/format.h>

#include "engine/report/device_words.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

std::string finding_text(const LocatedFinding& located) {
  const Finding& finding = located.finding;
  std::string text = printable(located.file);
  if (located.place) text += fmt::format(":{}:{}", located.place->line, located.place->column);
  text += fmt::format(": {}: ", to_string(finding.severity));
  if (!finding.device.empty()) text += printable(finding.device) + ": ";
  text += fmt::format("{} [{} {}]\n", printable(finding.change), finding.rule, rule_name(finding));
  if (const std::string witness = witness_text(finding); !witness.empty()) text += "  " + witness + '\n';
  if (!finding.remedy.empty()) text += fmt::format("  remedy: {}\n", printable(finding.remedy));
  return text;
}

class TextWriter : public Writer {
 public:
  std::string add(const DomainReport& report) override {
    std::string text;
    for (const LocatedFinding& located : report.findings)
      if (located.suppressed_because.empty()) text += finding_text(located);
    return text;
  }
  std::string end(const Totals& totals, int /*exit_code*/) override { return totals_text(totals) + '\n'; }
};

}  // namespace

std::unique_ptr<Writer> text_writer(const RunFacts& /*facts*/) { return std::make_unique<TextWriter>(); }

}  // namespace busproof::report
