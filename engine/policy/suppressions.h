#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/xml_document.h"

/// What a project has decided about findings: which of them are known, why, and until when.
namespace busproof::policy {

/// One decision. `domain` and `device` are patterns as a shell has them ("web*"); empty: any.
struct Suppression {
  std::string rule;    ///< id or name: "BP213", "controller-unused"
  std::string domain;  ///< name or UUID
  std::string device;  ///< as findings call it: "controller scsi 0"
  std::string reason;
  std::optional<std::chrono::year_month_day> expires{};  ///< the last day on which it hides anything
  std::size_t offset = 0;                                ///< of the entry's first key in its file
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

/// The entries `[[suppress]]` of a TOML text:
///
///     [[suppress]]
///     rule = "BP213"
///     domain = "web*"
///     device = "controller scsi 0"
///     reason = "kept for the next disks"
///     expires = 2027-01-31
///
/// Errors (Unreadable, with offset): no TOML, an unknown key or rule, a value of the wrong sort, no rule, no reason, a
/// day that no calendar has.
Result<std::vector<Suppression>> read_toml(std::string_view text);

/// The same as JSON: {"suppress": [{"rule": …, "expires": "2027-01-31"}]}. Errors within an entry have no offset.
Result<std::vector<Suppression>> read_json(std::string_view text);

bool has_expired(const Suppression& suppression, std::chrono::year_month_day today);

/// Whether it is about that finding, its date apart.
bool is_about(const Suppression& suppression, std::string_view domain, std::string_view uuid, const Finding& finding);

/// Which sorts of rules were run at all: a suppression of another sort is not unused.
struct Ran {
  bool on_configs = false, on_pairs = false, on_locks = false;
};

/// The suppressions and how often each hid something.
class Ledger {
 public:
  Ledger(std::vector<Suppression> suppressions, std::chrono::year_month_day today)
      : suppressions_(std::move(suppressions)), used_(suppressions_.size()), today_(today) {}

  /// Why the finding is hidden, and notes that it was; nothing: it counts.
  std::optional<std::string> reason_for(std::string_view domain, std::string_view uuid, const Finding& finding);

  /// The suppressions that have expired, and those that hid nothing although their rules were run. Sorted.
  [[nodiscard]] Findings expired() const;
  [[nodiscard]] Findings unused(const Ran& ran) const;

 private:
  std::vector<Suppression> suppressions_;
  std::vector<std::size_t> used_;
  std::chrono::year_month_day today_;
};

}  // namespace busproof::policy
