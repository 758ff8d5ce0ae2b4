#include "cli/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "cli/configs.h"
#include "cli/files.h"
#include "cli/ordered.h"
#include "cli/outputs.h"
#include "cli/parallel.h"
#include "cli/shard.h"
#include "cli/suppression_file.h"
#include "engine/abi/diff.h"
#include "engine/abi/lint.h"
#include "engine/abi/pairing.h"
#include "engine/abi/rules.h"
#include "engine/assign/regenerated.h"
#include "engine/lock/lock.h"
#include "engine/policy/suppressions.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

using report::DomainReport;
using report::Status;

constexpr std::string_view kNoDomain = "E005";  // the rule of XML whose root is something else

/// The config of that entry, whose text was read.
ConfigResult load(const ConfigStore& store, std::size_t entry, Result<std::string> text) {
  const std::string& name = store.entries()[entry].name;
  if (!text) return std::unexpected(BadConfig{name, "", text.error()});
  return config_of(name, *std::move(text), Wanted::Guest);
}

domain::Identity identity_of(const Config& config) {
  const domain::Domain& domain = config.assignment.placed.domain();
  return {domain.name, domain.uuid};
}

domain::Identity identity_of(const ConfigStore& store, std::size_t entry) {
  auto text = store.read(entry);
  if (!text) return {};
  const auto document = domain::XmlDocument::parse(*std::move(text));
  if (!document) return {};
  return read_identity(*document).value_or(domain::Identity());
}

/// Who is whose counterpart. Nearly always a config's counterpart has its key, which is seen when the two have been
/// read anyway; only when one has not are all of both sides read for their identities.
class Counterparts {
 public:
  Counterparts(const ConfigStore& olds, const ConfigStore& news, std::size_t jobs)
      : olds_(olds), news_(news), jobs_(jobs) {
    std::set<std::string_view> keys;
    for (const auto& entry : news.entries()) keys.insert(entry.key);
    for (std::size_t i = 0; i < olds.entries().size(); ++i) {
      by_key_.try_emplace(olds.entries()[i].key, i);
      some_moved_ = some_moved_ || !keys.contains(olds.entries()[i].key);
    }
    some_moved_ = some_moved_ || by_key_.size() != olds.entries().size() || keys.size() != news.entries().size();
  }

  /// Two files that were named are a pair whoever they are.
  [[nodiscard]] bool is_one_pair() const {
    const auto& olds = olds_.entries();
    const auto& news = news_.entries();
    return olds.size() == 1 && news.size() == 1 && olds[0].chosen && news[0].chosen;
  }

  [[nodiscard]] std::optional<std::size_t> with_key_of(std::size_t entry) const {
    const auto old = by_key_.find(news_.entries()[entry].key);
    return old == by_key_.end() ? std::nullopt : std::optional(old->second);
  }
  /// Whether somebody may be the counterpart of a config with another key.
  [[nodiscard]] bool some_moved() const { return some_moved_; }

  const abi::Pairing& by_identity() {
    std::call_once(paired_, [&] {
      pairing_ = abi::pair_configs(candidates(olds_), candidates(news_));
      some_moved_ = true;
    });
    return pairing_;
  }

 private:
  [[nodiscard]] std::vector<abi::PairingCandidate> candidates(const ConfigStore& store) const {
    std::vector<abi::PairingCandidate> candidates(store.entries().size());
    for_each(0, candidates.size(), jobs_,
             [&](std::size_t i) { candidates[i] = {store.entries()[i].key, identity_of(store, i)}; });
    return candidates;
  }

  const ConfigStore& olds_;
  const ConfigStore& news_;
  std::size_t jobs_;
  std::map<std::string_view, std::size_t> by_key_;
  std::atomic<bool> some_moved_ = false;
  std::once_flag paired_;
  abi::Pairing pairing_;
};

report::Side side_of(const Config& config) { return {config.name, config.document.text()}; }

DomainReport failed(const BadConfig& bad) {
  DomainReport report{.status = Status::Failed, .domain = {}, .uuid = {}, .file = bad.name};
  report.error = report::locate(bad.error, {bad.name, bad.text});
  return report;
}

/// One config's way to its report.
class Examination {
 public:
  Examination(const Task& task, Counterparts* counterparts) : task_(task), counterparts_(counterparts) {}

  /// Nothing for XML in a folder that is no domain.
  std::optional<DomainReport> look_at(std::size_t entry) {
    auto config = load(*task_.configs, entry, task_.configs->read(entry));
    if (!config) return without_config(config.error(), task_.configs->entries()[entry].chosen);
    DomainReport report{.status = Status::Linted, .domain = {}, .uuid = {}, .file = config->name};
    std::tie(report.domain, report.uuid) = std::tuple(identity_of(*config).name, identity_of(*config).uuid);
    report.devices = config->guest->snapshot.devices.size();
    Findings findings;
    if (task_.lints) {
      findings = lint_of(*config, task_.cards);
      report.rules = abi::config_rule_count();
    }
    if (task_.lock != nullptr) against_lock(*config, report, findings);
    if (task_.regenerates) return against_regenerated(*std::move(config), std::move(report), std::move(findings));
    if (counterparts_ != nullptr) return against_old(*config, entry, std::move(report), std::move(findings));
    report.findings = report::locate(std::move(findings), {}, side_of(*config));
    return report;
  }

 private:
  /// libvirt's refusal is a finding where configs are linted.
  [[nodiscard]] std::optional<DomainReport> without_config(const BadConfig& bad, bool chosen) const {
    if (!chosen && bad.error.rule == kNoDomain) return std::nullopt;
    if (!task_.lints || bad.error.kind != ErrorKind::Refused) return failed(bad);
    DomainReport report{.status = Status::Linted, .domain = {}, .uuid = {}, .file = bad.name};
    report.rules = abi::config_rule_count();
    report.findings = report::locate(Findings{abi::refusal_finding(bad.error)}, {}, {bad.name, bad.text});
    return report;
  }

  void against_lock(const Config& config, DomainReport& report, Findings& findings) const {
    const abi::AbiSnapshot& snapshot = config.guest->snapshot;
    const bool is_locked = lock::find(*task_.lock, snapshot.uuid, snapshot.name) != nullptr;
    report.status = is_locked ? Status::Compared : Status::New;
    report.rules += abi::difference_rule_count() + abi::lock_rule_count();
    std::ranges::move(lock::compare(*task_.lock, snapshot), std::back_inserter(findings));
    std::ranges::sort(findings);
  }

  DomainReport against_regenerated(Config config, DomainReport report, Findings findings) const {
    // It was read once already, so it can be read.
    const auto again = assign::assign(assign::regenerated(domain::read_domain(config.document).value()));
    if (!again) return failed({config.name, std::string(config.document.text()), again.error()});
    const abi::AbiSnapshot after = abi::snapshot(again->placed);
    compare(config.guest->snapshot, after, report, findings);
    report.findings = report::locate(std::move(findings), side_of(config), side_of(config));
    return report;
  }

  DomainReport against_old(const Config& config, std::size_t entry, DomainReport report, Findings findings) {
    std::optional<OldText> known = old_text_of(entry);
    // Most are the same text as before, and need no second reading.
    if (known && known->text && *known->text == config.document.text() && !counterparts_->is_one_pair()) {
      note_compared(report);  // and nothing found: no config differs from itself
      report.old_file = task_.reference->entries()[known->entry].name;
      report.findings = report::locate(std::move(findings), side_of(config), side_of(config));
      for (report::LocatedFinding& located : report.findings) located.baseline = report::Baseline::Unchanged;
      return report;
    }
    std::optional<ConfigResult> old = counterpart_of(config, entry, std::move(known));
    if (!old) {
      report.status = Status::New;
      Finding finding = abi::finding_of(abi::RuleId::DomainAdded);
      finding.change = "only the new side has it";
      findings.push_back(std::move(finding));
      report.rules = std::max<std::size_t>(report.rules, 1);
      report.findings = report::locate(std::move(findings), {}, side_of(config));
      return report;
    }
    if (!*old) return not_compared(old->error(), std::move(report), std::move(findings), config);
    compare((*old)->guest->snapshot, config.guest->snapshot, report, findings);
    report.old_file = (*old)->name;
    report.devices = std::max(report.devices, (*old)->guest->snapshot.devices.size());
    report.findings = report::locate(std::move(findings), side_of(**old), side_of(config));
    if (task_.lints && task_.tells_baseline) set_baseline(report, lint_of(**old, task_.cards));
    return report;
  }

  /// The text that the reference has at the same place.
  struct OldText {
    std::size_t entry;
    Result<std::string> text;
  };
  [[nodiscard]] std::optional<OldText> old_text_of(std::size_t entry) const {
    const auto old = counterparts_->is_one_pair() ? std::optional<std::size_t>(0) : counterparts_->with_key_of(entry);
    if (!old) return std::nullopt;
    return OldText{*old, task_.reference->read(*old)};
  }

  /// What was found in the config alone is still told.
  static DomainReport not_compared(const BadConfig& old, DomainReport report, Findings findings, const Config& config) {
    report.status = Status::Failed;
    report.old_file = old.name;
    report.findings = report::locate(std::move(findings), {}, side_of(config));
    report.error = report::locate(old.error, {old.name, old.text});
    if (old.error.kind == ErrorKind::Refused) report.error->error.kind = ErrorKind::Unsupported;
    return report;
  }

  static void note_compared(DomainReport& report) {
    report.status = Status::Compared;
    report.rules += abi::difference_rule_count();
  }

  static void compare(const abi::AbiSnapshot& before, const abi::AbiSnapshot& after, DomainReport& report,
                      Findings& findings) {
    note_compared(report);
    std::ranges::move(abi::diff(before, after), std::back_inserter(findings));
    std::ranges::sort(findings);
  }

  static void set_baseline(DomainReport& report, const Findings& old_lint) {
    using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
    std::set<Key> known;
    for (const Finding& finding : old_lint) known.emplace(finding.rule, finding.device, finding.change);
    for (report::LocatedFinding& located : report.findings) {
      const Finding& finding = located.finding;
      const bool was_there = known.contains(Key(finding.rule, finding.device, finding.change));
      located.baseline = was_there ? report::Baseline::Unchanged : report::Baseline::New;
    }
  }

  /// The config that it is compared with, as far as there is one.
  std::optional<ConfigResult> counterpart_of(const Config& config, std::size_t entry, std::optional<OldText> known) {
    const ConfigStore& olds = *task_.reference;
    if (known) {
      ConfigResult loaded = load(olds, known->entry, std::move(known->text));
      if (counterparts_->is_one_pair()) return loaded;
      if (loaded && abi::is_same_domain(identity_of(*loaded), identity_of(config))) return loaded;
    } else if (!counterparts_->some_moved()) {
      return std::nullopt;
    }
    const std::optional<std::size_t> old = counterparts_->by_identity().old_of_new[entry];
    if (!old) return std::nullopt;
    return load(olds, *old, olds.read(*old));
  }

  const Task& task_;
  Counterparts* counterparts_;
};

/// Nothing for what was no domain.
std::optional<DomainReport> gone(const ConfigStore& reference, std::size_t entry) {
  const ConfigStore::Entry& old = reference.entries()[entry];
  const domain::Identity identity = identity_of(reference, entry);
  if (!old.missed || identity == domain::Identity()) return std::nullopt;
  DomainReport report{.status = Status::Gone, .domain = identity.name, .uuid = identity.uuid, .file = old.name};
  Finding finding = abi::finding_of(abi::RuleId::DomainRemoved);
  finding.change = "only the old side has it";
  report.rules = 1;
  report.findings = report::locate(Findings{std::move(finding)}, {}, {old.name, {}});
  return report;
}

bool is_mine(const std::optional<report::Shard>& shard, std::size_t entry) {
  return !shard || entry % shard->count == shard->index - 1;
}

std::vector<std::size_t> mine(const std::optional<report::Shard>& shard, std::size_t count) {
  std::vector<std::size_t> entries;
  for (std::size_t entry = 0; entry < count; ++entry)
    if (is_mine(shard, entry)) entries.push_back(entry);
  return entries;
}

/// Looks at every config that is the shard's; `take` gets the reports one by one, those that are gone last.
template <class Take>
void examine_all(const Task& task, std::size_t jobs, const Take& take) {
  std::optional<Counterparts> counterparts;
  if (task.reference != nullptr) counterparts.emplace(*task.reference, *task.configs, jobs);
  Examination examination(task, counterparts ? &*counterparts : nullptr);
  const std::vector<std::size_t> entries = mine(task.shard, task.configs->entries().size());
  {
    Progress progress(task.command, entries.size());
    in_order(
        entries.size(), jobs,
        [&](std::size_t i) {
          auto report = examination.look_at(entries[i]);
          progress.step();
          return report;
        },
        [&](std::optional<DomainReport> report) {
          if (report) take(*std::move(report));
        });
  }
  if (!task.reports_gone || !counterparts || counterparts->is_one_pair() || !counterparts->some_moved()) return;
  for (const std::size_t entry : counterparts->by_identity().gone)
    if (const auto report = is_mine(task.shard, entry) ? gone(*task.reference, entry) : std::nullopt) take(*report);
}

Severity severity_of(std::string_view name) {
  for (const Severity severity : {Severity::Error, Severity::Warning})
    if (to_string(severity) == name) return severity;
  return Severity::Info;
}

ExitCode code_of(const DomainReport& report, Severity fail_on) {
  const bool failing = std::ranges::any_of(report.findings, [&](const report::LocatedFinding& located) {
    return located.suppressed_because.empty() && report::fails(located.finding.severity, fail_on);
  });
  const ExitCode code = failing ? ExitCode::Refused : ExitCode::Done;
  return report.error ? worst(code, exit_code(report.error->error.kind)) : code;
}

ExitCode fail(const Task& task, const Error& error) {
  write_err(
      report::error_text("busproof " + task.command, "", {error.kind, "", error.message, error.device, error.remedy}));
  return exit_code(error.kind);
}

void suppress(DomainReport& report, policy::Ledger& ledger) {
  for (report::LocatedFinding& located : report.findings)
    located.suppressed_because = ledger.reason_for(report.domain, report.uuid, located.finding).value_or("");
}

/// What there is to say of the suppressions themselves.
DomainReport about_suppressions(const SuppressionFile& file, const policy::Ledger& ledger, const policy::Ran& ran) {
  Findings findings = ledger.expired();
  std::ranges::move(ledger.unused(ran), std::back_inserter(findings));
  DomainReport report{.status = Status::Project, .domain = {}, .uuid = {}, .file = file.path};
  report.findings = report::locate(std::move(findings), {}, {file.path, file.text});
  return report;
}

std::string message_about(const report::LocatedError& error) {
  return report::error_text(error.file, error.place, error.error);
}

}  // namespace

void add_run_options(CLI::App& command, RunOptions& options) {
  add_formats(command, options.formats);
  command.add_option("--fail-on", options.fail_on, "exit code 1 from error (default), warning or info on")
      ->check(CLI::IsMember({"error", "warning", "info"}).description(""))
      ->type_name("SEVERITY");
  command.add_option("--config", options.config, "suppressions; .busproof.toml or .json of the nearest folder up")
      ->type_name("FILE");
  add_shard(command, options.shard);
  command.add_option("--jobs", options.jobs, "configs worked on at a time; all cores by default")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N");
}

ExitCode run_and_report(Task task, const RunOptions& options) {
  const Severity fail_on = severity_of(options.fail_on);
  const auto shard = chosen_shard(options.shard);
  if (!shard) return fail(task, shard.error());
  if (*shard) task.shard = report::Shard{.index = (*shard)->index, .count = (*shard)->count};
  auto file = load_suppressions(options.config);
  if (!file) return fail(task, file.error());
  auto outputs = Outputs::open(
      options.formats, {.command = task.command, .version = BUSPROOF_VERSION, .fail_on = fail_on, .shard = task.shard});
  if (!outputs) return fail(task, outputs.error());
  task.tells_baseline = outputs->tells_baseline();

  policy::Ledger ledger(*file ? (*file)->suppressions : std::vector<policy::Suppression>(), today());
  policy::Ran ran;
  ExitCode code = ExitCode::Done;
  const auto take = [&](DomainReport report) {
    suppress(report, ledger);
    ran.on_configs = ran.on_configs || task.lints;
    ran.on_pairs = ran.on_pairs || (report.status == Status::Compared && task.lock == nullptr);
    ran.on_locks = ran.on_locks || (report.status == Status::Compared && task.lock != nullptr);
    if (report.error) write_err(message_about(*report.error));
    code = worst(code, code_of(report, fail_on));
    outputs->add(report);
  };
  examine_all(task, options.jobs, take);
  // No shard sees all that a suppression may be about; and what is said of them once is said by the first.
  if (*file && (!task.shard || task.shard->index == 1))
    take(about_suppressions(**file, ledger, task.shard ? policy::Ran() : ran));
  if (outputs->totals().rules == 0 && code == ExitCode::Done) code = ExitCode::Unsupported;
  return outputs->end(code);
}

}  // namespace busproof::cli
