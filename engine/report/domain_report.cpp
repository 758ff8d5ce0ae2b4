#include "engine/report/domain_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/abi/rules.h"
#include "engine/report/device_words.h"

namespace busproof::report {

std::string_view to_string(Status status) {
  constexpr std::array<std::string_view, 6> kNames = {"linted", "compared", "new", "gone", "failed", "project"};
  return kNames[static_cast<std::size_t>(status)];
}

std::vector<LocatedFinding> locate(Findings findings, const Side& old, const Side& current) {
  std::vector<LocatedFinding> located;
  located.reserve(findings.size());
  std::map<std::string, std::size_t> count;
  domain::TextLines old_lines(old.text), current_lines(current.text);
  for (Finding& finding : findings) {
    // What a lock says has no place of its own; it is told of the config.
    const bool is_of_old = finding.place.side == Place::Side::Old;
    const bool is_in_old = is_of_old && !old.file.empty();
    LocatedFinding one{
        .finding = {}, .file = std::string((is_in_old ? old : current).file), .place = {}, .fingerprint = {}};
    if (finding.place.offset != 0 && is_of_old == is_in_old)
      one.place = (is_in_old ? old_lines : current_lines).place_of(finding.place.offset);
    one.fingerprint.reserve(current.file.size() + finding.device.size() + 16);
    for (const std::string_view part : {current.file, std::string_view(finding.rule), std::string_view(finding.device)})
      (one.fingerprint += part) += '|';
    one.fingerprint += std::to_string(++count[one.fingerprint]);
    one.finding = std::move(finding);
    located.push_back(std::move(one));
  }
  return located;
}

LocatedError locate(const Error& error, const Side& side) {
  LocatedError located{.error = error, .file = std::string(side.file), .place = {}};
  if (error.offset) located.place = domain::place_of(side.text, *error.offset);
  return located;
}

void add(Totals& totals, const DomainReport& report) {
  if (report.status == Status::Failed) ++totals.failed;
  const bool looked_at = report.status != Status::Failed && report.status != Status::Project;
  if (looked_at && report.status != Status::Gone) ++totals.domains;
  totals.devices += report.devices;
  totals.rules = std::max(totals.rules, report.rules);
  for (const LocatedFinding& located : report.findings) {
    std::size_t* const counts[] = {&totals.errors, &totals.warnings, &totals.infos};
    const bool counts_here = located.suppressed_because.empty();
    ++*(counts_here ? counts[static_cast<std::size_t>(located.finding.severity)] : &totals.suppressed);
  }
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string totals_text(const Totals& totals) {
  std::string text = fmt::format("{}, {}, {}", counted(totals.errors, "error"), counted(totals.warnings, "warning"),
                                 counted(totals.infos, "info"));
  if (totals.suppressed != 0) text += fmt::format(", {} suppressed", totals.suppressed);
  text += fmt::format("; {} on {} in {}", counted(totals.rules, "rule"), counted(totals.devices, "device"),
                      counted(totals.domains, "domain"));
  if (totals.failed != 0) text += fmt::format("; {} not looked at", counted(totals.failed, "file"));
  return text;
}

std::string_view rule_name(const Finding& finding) {
  const abi::Rule* rule = abi::find_rule(finding.rule);
  return rule == nullptr ? std::string_view() : rule->name;
}

std::string witness_text(const Finding& finding) {
  std::string text;
  for (const Witness& witness : finding.witness)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", to_string(witness.observer), printable(witness.text));
  return text;
}

std::string message_of(const DomainReport& report, const LocatedFinding& located) {
  std::string text;
  if (!report.domain.empty()) text = printable(report.domain) + ": ";
  if (!located.finding.device.empty()) text += printable(located.finding.device) + ": ";
  return text + printable(located.finding.change);
}

Spot spot_of(const DomainReport& report, const LocatedFinding& located) {
  if (located.file != report.file || !located.place) return {.file = report.file};
  return {report.file, located.place->line, located.place->column};
}

Spot spot_of(const LocatedError& error) {
  if (!error.place) return {.file = error.file};
  return {error.file, error.place->line, error.place->column};
}

}  // namespace busproof::report
