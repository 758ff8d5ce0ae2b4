#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/finding.h"
#include "engine/report/domain_report.h"

/// The formats that findings are reported in. A writer gets what was found domain by domain and gives back the text to
/// be put out next, so that a run over many domains keeps none of them.
namespace busproof::report {

/// Which part of the work a run does: the `index`th of `count`, counted from 1.
struct Shard {
  std::size_t index = 1, count = 1;
  friend bool operator==(const Shard&, const Shard&) = default;
};

/// What is known of a run before it begins.
struct RunFacts {
  std::string_view command;  ///< "check", "diff"
  std::string_view version;  ///< of busproof
  Severity fail_on = Severity::Error;
  std::optional<Shard> shard{};
};

class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;
  [[nodiscard]] virtual std::string begin() { return {}; }
  [[nodiscard]] virtual std::string add(const DomainReport& report) = 0;
  /// `exit_code` is what the command is going to end with.
  [[nodiscard]] virtual std::string end(const Totals& totals, int exit_code) = 0;
};

/// Whether a finding of that severity makes a run fail.
constexpr bool fails(Severity severity, Severity fail_on) { return severity <= fail_on; }

/// For people:
///
///     new.xml:41:5: error: interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> 0000:02:00.0 [BP101 device-moved]
///       Linux: enp1s0 becomes enp2s0; Windows: …; migration: …
///       remedy: …
///     1 error, 0 warnings, 0 infos; 60 rules on 12 devices in 1 domain
///
/// The last line is there also when nothing was found. Files that could not be looked at are left to the messages.
std::unique_ptr<Writer> text_writer(const RunFacts& facts);

/// schema_version, kind, tool_version, shard (null, or index and count), findings[], domains[], totals.
///
///     findings[]  severity, rule, name, domain, config, device, change, witness[] (observer, text), reason, remedy,
///                 file, line, column, fingerprint, baseline, suppressed
///     domains[]   config, old_config, status, domain, uuid, rules, devices, error (as error_json() has it)
///     totals      errors, warnings, infos, suppressed, domains, devices, rules, failed, exit_code
///
/// What is not known is null.
std::unique_ptr<Writer> json_writer(const RunFacts& facts);

/// SARIF 2.1.0, as code scanning services take it.
std::unique_ptr<Writer> sarif_writer(const RunFacts& facts);

/// JUnit's XML: a suite a domain, a case a group of rules.
std::unique_ptr<Writer> junit_writer(const RunFacts& facts);

/// Workflow commands of GitHub's Actions: "::error file=web01.xml,line=12,col=5,title=BP101 device-moved::web01: …".
std::unique_ptr<Writer> github_writer(const RunFacts& facts);

/// GitLab's code quality report: an array of issues.
std::unique_ptr<Writer> gitlab_writer(const RunFacts& facts);

/// A table for a comment on a change. Cut off, with a line that says so, before it is longer than such comments may be.
std::unique_ptr<Writer> markdown_writer(const RunFacts& facts);

struct Format {
  std::string_view name;
  std::unique_ptr<Writer> (*make)(const RunFacts& facts);
  bool tells_totals;    ///< to people; others leave that to stderr
  bool tells_baseline;  ///< which findings the reference had already
};
inline constexpr std::array<Format, 7> kFormats = {{
    {"text", text_writer, true, false},
    {"json", json_writer, false, true},
    {"sarif", sarif_writer, false, true},
    {"junit", junit_writer, false, false},
    {"github", github_writer, false, false},
    {"gitlab", gitlab_writer, false, false},
    {"markdown", markdown_writer, true, false},
}};

/// Nothing for a name that there is not.
const Format* find_format(std::string_view name);

}  // namespace busproof::report
