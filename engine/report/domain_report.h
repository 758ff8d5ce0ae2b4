#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/xml_document.h"

/// What a run found, one domain at a time: what every format is written from.
namespace busproof::report {

/// What was done with a domain.
enum class Status : std::uint8_t {
  Linted,
  Compared,
  New,      ///< nothing to compare it with
  Gone,     ///< only the reference has it
  Failed,   ///< not looked at: there is an error
  Project,  ///< no domain, but what else the run has to say of a file
};
std::string_view to_string(Status status);

/// How a finding stands to the config that was compared with.
enum class Baseline : std::uint8_t { New, Unchanged };

/// A finding, and where its element is for whoever has not got the texts.
struct LocatedFinding {
  Finding finding;
  std::string file;
  std::optional<domain::TextPlace> place;  ///< nothing: it is about the whole file
  std::string fingerprint;                 ///< the same for the same finding of another day, wherever its line is
  std::optional<Baseline> baseline{};      ///< nothing: nothing was compared, or nobody asks
  std::string suppressed_because{};        ///< empty: it counts
};

/// An error, and where it is.
struct LocatedError {
  Error error;
  std::string file;
  std::optional<domain::TextPlace> place;
};

struct DomainReport {
  Status status{};
  std::string domain, uuid;                ///< empty when they could not be read
  std::string file;                        ///< the config that was checked, or the one that is gone
  std::string old_file{};                  ///< what it was compared with; may be empty
  std::size_t rules = 0;                   ///< how many were run
  std::size_t devices = 0;                 ///< each counted once
  std::vector<LocatedFinding> findings{};  ///< sorted
  std::optional<LocatedError> error{};     ///< exactly with Status::Failed
};

/// One side of what was looked at; findings' offsets lead into its text.
struct Side {
  std::string_view file, text;
};

/// Gives the findings their places. `old` is empty when nothing was compared.
std::vector<LocatedFinding> locate(Findings findings, const Side& old, const Side& current);

LocatedError locate(const Error& error, const Side& side);

/// What a run comes to.
struct Totals {
  std::size_t domains = 0, devices = 0;
  std::size_t rules = 0;  ///< the most that were run on one domain
  std::size_t errors = 0, warnings = 0, infos = 0, suppressed = 0;
  std::size_t failed = 0;  ///< files that could not be looked at
  friend bool operator==(const Totals&, const Totals&) = default;
};
void add(Totals& totals, const DomainReport& report);

/// "1 error, 0 warnings, 2 infos; 83 rules on 12 devices in 1 domain", without newline; what was suppressed and what
/// could not be looked at is told where there is any.
std::string totals_text(const Totals& totals);

/// "3 errors", "1 error".
std::string counted(std::size_t count, std::string_view what);

/// The name of the finding's rule: "device-moved"; empty for one that there is not.
std::string_view rule_name(const Finding& finding);

/// "Linux: enp1s0 becomes enp2s0; migration: refused".
std::string witness_text(const Finding& finding);

/// In one line: "interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> 0000:02:00.0", the domain before it where it is known.
std::string message_of(const DomainReport& report, const LocatedFinding& located);

/// Where a reader of the checked files finds it: what only the old config has is told at the beginning of the new one.
struct Spot {
  std::string_view file;
  std::size_t line = 1, column = 1;
};
Spot spot_of(const DomainReport& report, const LocatedFinding& located);
Spot spot_of(const LocatedError& error);

}  // namespace busproof::report
