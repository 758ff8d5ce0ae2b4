#pragma once

#include <string>

#include "engine/abi/rules.h"
#include "engine/report/domain_report.h"

/// Findings and reports for tests of what is written from them.
namespace busproof::tests {

/// A finding of that rule about `device`, whose element begins at that byte of the new config's text.
inline Finding finding(abi::RuleId rule, std::string device, std::string change, std::size_t offset = 0) {
  Finding finding = abi::finding_of(rule);
  finding.device = std::move(device);
  finding.change = std::move(change);
  finding.place.offset = offset;
  return finding;
}

/// A comparison of db/web01.xml, whose text is "\n  <x/>", that found these.
inline report::DomainReport compared(const Findings& findings) {
  report::DomainReport report{
      .status = report::Status::Compared, .domain = "web01", .uuid = {}, .file = "db/web01.xml"};
  report.rules = 83;
  report.devices = 4;
  report.findings = report::locate(findings, {"old.xml", "\n\n<x/>"}, {"db/web01.xml", "\n  <x/>"});
  return report;
}

}  // namespace busproof::tests
