#include <fmt/format.h>

#include "engine/report/markdown.h"
#include "engine/report/writer.h"

namespace busproof::report {
namespace {

/// GitHub takes 65,536 characters in a comment, GitLab a million.
constexpr std::size_t kBytesMax = 60'000;

std::string place_text(const LocatedFinding& located) {
  std::string text = escaped_for_markdown(located.file);
  if (located.place) text += fmt::format(":{}", located.place->line);
  return text;
}

class MarkdownWriter : public Writer {
 public:
  explicit MarkdownWriter(const RunFacts& facts) : command_(facts.command) {}

  std::string begin() override { return fmt::format("### busproof {}\n\n", command_); }

  std::string add(const DomainReport& report) override {
    std::string text;
    if (report.error)
      text += row("**not looked at**", escaped_for_markdown(report.error->file), "",
                  escaped_for_markdown(report.error->error.message), "");
    for (const LocatedFinding& located : report.findings) {
      if (!located.suppressed_because.empty()) continue;
      const Finding& finding = located.finding;
      const std::string_view severity = to_string(finding.severity);
      text += row(finding.severity == Severity::Error ? fmt::format("**{}**", severity) : std::string(severity),
                  place_text(located), escaped_for_markdown(finding.device.empty() ? report.domain : finding.device),
                  fmt::format("{} ({} {})", escaped_for_markdown(finding.change), finding.rule, rule_name(finding)),
                  escaped_for_markdown(witness_text(finding)));
    }
    return text;
  }

  std::string end(const Totals& totals, int /*exit_code*/) override {
    std::string text;
    if (left_out_ != 0) text += fmt::format("\n{} left out here.\n", counted(left_out_, "more row"));
    return text + (bytes_ == 0 ? "" : "\n") + totals_text(totals) + '\n';
  }

 private:
  std::string row(std::string_view severity, std::string_view place, std::string_view device, std::string_view change,
                  std::string_view witness) {
    std::string text;
    if (bytes_ == 0)
      text = "| severity | where | device | finding | what comes of it |\n| --- | --- | --- | --- | --- |\n";
    text += fmt::format("| {} | {} | {} | {} | {} |\n", severity, place, device, change, witness);
    if (left_out_ != 0 || bytes_ + text.size() > kBytesMax) {
      ++left_out_;
      return {};
    }
    bytes_ += text.size();
    return text;
  }

  std::string command_;
  std::size_t bytes_ = 0, left_out_ = 0;
};

}  // namespace

std::unique_ptr<Writer> markdown_writer(const RunFacts& facts) { return std::make_unique<MarkdownWriter>(facts); }

}  // namespace busproof::report
