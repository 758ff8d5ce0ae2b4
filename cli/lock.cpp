#include "engine/lock/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/config_paths.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/parallel.h"
#include "engine/abi/rules.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/lock/pin.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

using abi::RuleId;

struct LockOptions {
  std::vector<std::string> paths;
  std::string lock_file = "busproof.lock";
  std::string output;
  bool update = false, apply = false, reuse = false, prune = false, in_place = false;
  std::size_t jobs = default_jobs();
};

/// One config, and what the lock makes of it.
struct LockedConfig {
  std::string file, text;
  std::optional<Error> error{};
  std::string name{}, uuid{};
  bool is_locked = false;  ///< the lock has its domain
  std::optional<lock::Pinned> pinned{};
  std::string xml{};  ///< with --apply
};

lock::FreedSlots freed_slots(const LockOptions& options) {
  return options.reuse ? lock::FreedSlots::Reused : lock::FreedSlots::Kept;
}

Result<lock::Pinned> placed_by_libvirt(domain::Domain wish) {
  auto assignment = assign::assign(std::move(wish));
  if (!assignment) return std::unexpected(assignment.error());
  return lock::Pinned{std::move(assignment->placed), {}};
}

Result<void> place(const LockOptions& options, const lock::Lock& old, LockedConfig& config) {
  auto text = read_text(config.file);
  if (!text) return std::unexpected(text.error());
  config.text = *std::move(text);
  const auto document = domain::XmlDocument::parse(config.text);
  if (!document) return std::unexpected(document.error());
  auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  config.name = wish->name;
  config.uuid = wish->uuid;
  const lock::LockedDomain* locked = lock::find(old, wish->uuid, wish->name);
  config.is_locked = locked != nullptr;
  const bool is_pinned = locked != nullptr && (options.update || options.apply);
  const lock::Believe believe = options.apply ? lock::Believe::Lock : lock::Believe::Config;
  auto pinned =
      is_pinned ? lock::pin(*locked, *wish, believe, freed_slots(options)) : placed_by_libvirt(*std::move(wish));
  if (!pinned) return std::unexpected(pinned.error());
  config.pinned.emplace(*std::move(pinned));
  if (options.apply) config.xml = domain::write_places(*document, config.pinned->placed);
  return {};
}

std::string finding_line(const LockedConfig& config, const Finding& finding) {
  std::string spot = shown_name(config.file);
  if (finding.place.side == Place::Side::New && finding.place.offset != 0) {
    const domain::TextPlace place = domain::place_of(config.text, finding.place.offset);
    spot += fmt::format(":{}:{}", place.line, place.column);
  }
  const abi::Rule* rule = abi::find_rule(finding.rule);
  return fmt::format("{}: {}: {}{}{} [{} {}]\n", spot, to_string(finding.severity), finding.device,
                     finding.device.empty() ? "" : ": ", finding.change, finding.rule,
                     rule == nullptr ? "" : rule->name);
}

/// Reads and places every config; errors go to stderr, and the code is the worst.
ExitCode load(const LockOptions& options, const lock::Lock& old, std::vector<LockedConfig>& configs) {
  {
    Progress progress("lock", configs.size());
    for_each(0, configs.size(), options.jobs, [&](std::size_t i) {
      if (auto placed = place(options, old, configs[i]); !placed) configs[i].error = placed.error();
      progress.step();
    });
  }
  ExitCode code = ExitCode::Done;
  std::map<std::string, std::string> owners;
  for (LockedConfig& config : configs) {
    const std::string key = config.uuid.empty() ? config.name : config.uuid;
    if (!config.error && key.empty())
      config.error = Error{ErrorKind::Unreadable, "", "the domain has neither a name nor a UUID to be locked under"};
    if (!config.error) {
      const auto [owner, is_first] = owners.try_emplace(config.name, config.file);
      if (!is_first)
        config.error = Error{ErrorKind::Unreadable, "",
                             fmt::format("describes the same domain '{}' as {}", config.name, owner->second)};
    }
    if (!config.error) continue;
    write_err(report::error_text(shown_name(config.file), config.text, *config.error));
    code = worst(code, exit_code(config.error->kind));
  }
  return code;
}

Result<void> replace(const std::string& file, std::string_view text) {
  if (file == "-") return write_out(text);
  auto replacement = Replacement::prepare(file, text);
  if (!replacement) return std::unexpected(replacement.error());
  if (auto synced = replacement->sync(); !synced) return synced;
  if (auto taken = replacement->take_place(); !taken) return taken;
  sync_folder(replacement->folder());
  return {};
}

// --- Writing the lock

/// What keeps a lock from being written: places that were given to somebody else. Moves are taken over with --update,
/// and refused without.
bool is_refused(const LockOptions& options, const Finding& finding) {
  if (!options.update) return finding.severity == Severity::Error;
  const auto gives_away = [&](RuleId rule) { return finding.rule == abi::rule_of(rule).id; };
  return !options.reuse && (gives_away(RuleId::FreedSlotTaken) || gives_away(RuleId::PlaceInherited));
}

/// The domain's new entry; nothing, after a message, if the old one must stay.
std::optional<lock::LockedDomain> entry_of(const LockOptions& options, const lock::Lock& old,
                                           const LockedConfig& config) {
  const lock::LockedDomain* locked = lock::find(old, config.uuid, config.name);
  if (locked == nullptr) return lock::locked(config.pinned->placed);
  const Findings findings = lock::compare(*locked, abi::snapshot(config.pinned->placed));
  bool refused = false;
  for (const Finding& finding : findings) {
    if (is_refused(options, finding)) {
      refused = true;
      write_err(finding_line(config, finding));
    }
  }
  lock::LockedDomain now = lock::updated(*locked, config.pinned->placed);
  if (!options.update && !refused && now.domain != locked->domain) {
    write_err(report::error_text(shown_name(config.file), config.text,
                                 {ErrorKind::Refused,
                                  "",
                                  "the lock knows this domain otherwise",
                                  {},
                                  "take the changes over with busproof lock --update",
                                  {}}));
    return std::nullopt;
  }
  if (!refused) return now;
  write_err(fmt::format("  remedy: {}\n", options.update
                                              ? "leave the freed places empty, or give them away with --reuse"
                                              : "put the devices back with --apply, or take the changes over with "
                                                "--update"));
  return std::nullopt;
}

std::string summary(const std::string& file, const lock::Lock& lock) {
  std::size_t devices = 0, freed = 0;
  for (const lock::LockedDomain& domain : lock.domains) {
    devices += domain.domain.devices.size();
    freed += domain.freed.size();
  }
  const auto counted = [](std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  return fmt::format("{}: {}, {} pinned, {} kept free\n", shown_name(file), counted(lock.domains.size(), "domain"),
                     counted(devices, "device"), counted(freed, "place"));
}

ExitCode write_lock(const LockOptions& options, const lock::Lock& old, const std::string& old_text,
                    const std::vector<LockedConfig>& configs) {
  lock::Lock now;
  std::set<const lock::LockedDomain*> replaced;
  ExitCode code = ExitCode::Done;
  for (const LockedConfig& config : configs) {
    auto entry = entry_of(options, old, config);
    if (entry)
      now.domains.push_back(*std::move(entry));
    else
      code = ExitCode::Refused;
    replaced.insert(lock::find(old, config.uuid, config.name));
  }
  if (code != ExitCode::Done) return code;
  for (const lock::LockedDomain& domain : old.domains)
    if (!options.prune && !replaced.contains(&domain)) now.domains.push_back(domain);
  std::ranges::sort(now.domains, {}, [](const lock::LockedDomain& domain) { return domain.domain.name; });
  const std::string text = lock::lock_text(now);
  if (text != old_text)
    if (const auto written = replace(options.lock_file, text); !written)
      return unusable(shown_name(options.lock_file), written.error());
  write_err(summary(options.lock_file, now));
  return ExitCode::Done;
}

// --- Applying it

std::string target_of(const LockOptions& options, const std::string& file) {
  if (options.in_place) return file;
  if (options.output.empty()) return "-";
  if (!is_folder(options.output)) return options.output;
  return (std::filesystem::path(options.output) / std::filesystem::path(file).filename()).string();
}

ExitCode apply_lock(const LockOptions& options, const std::vector<LockedConfig>& configs) {
  ExitCode code = ExitCode::Done;
  for (const LockedConfig& config : configs) {
    if (!config.is_locked) {
      Finding finding = abi::finding_of(RuleId::DomainNotLocked);
      finding.change = fmt::format("'{}' is not in {}", config.name, shown_name(options.lock_file));
      write_err(finding_line(config, finding));
    }
    for (const Finding& finding : config.pinned->findings) {
      if (finding.severity == Severity::Error) code = ExitCode::Refused;
      if (finding.severity != Severity::Info) write_err(finding_line(config, finding));
    }
  }
  for (const LockedConfig& config : configs) {
    const std::string target = target_of(options, config.file);
    if (options.in_place && config.xml == config.text) continue;
    if (const auto written = replace(target, config.xml); !written)
      return unusable(shown_name(target), written.error());
  }
  return code;
}

std::optional<std::string> misuse(const LockOptions& options, const std::vector<std::string>& files) {
  const bool has_stdin = std::ranges::find(files, "-") != files.end();
  if (options.update && options.apply) return "--update and --apply exclude each other";
  if (options.prune && !options.update) return "--prune goes with --update";
  if (options.reuse && !options.update && !options.apply) return "--reuse goes with --update or --apply";
  if (!options.apply && (options.in_place || !options.output.empty())) return "-o and --in-place go with --apply";
  if (has_stdin && options.lock_file == "-" && (options.update || options.apply))
    return "only one of config and lock can be standard input";
  if (!options.apply) return std::nullopt;
  if (options.in_place && !options.output.empty()) return "--in-place and -o exclude each other";
  if (options.in_place && has_stdin) return "--in-place takes files, not standard input";
  if (files.size() == 1 || options.in_place) return std::nullopt;
  if (!is_folder(options.output)) return "several files need --in-place or -o FOLDER";
  std::set<std::string> names;
  for (const std::string& file : files)
    if (!names.insert(std::filesystem::path(file).filename().string()).second)
      return fmt::format("-o FOLDER would write two files to the name {}",
                         std::filesystem::path(file).filename().string());
  return std::nullopt;
}

/// The lock as it is; an empty one where none is needed yet.
Result<std::string> read_old(const LockOptions& options) {
  if (options.lock_file == "-" && !options.update && !options.apply) return std::string();
  std::error_code none;
  const bool is_missing = options.lock_file != "-" && !std::filesystem::exists(options.lock_file, none);
  if (is_missing && !options.apply) return std::string();
  auto text = read_text(options.lock_file);
  if (!text && options.apply) text.error().remedy = "write it first: busproof lock PATH...";
  return text;
}

ExitCode run_lock(const LockOptions& options) {
  const auto files = config_files(options.paths);
  if (!files) return unusable(shown_name(files.error().device), files.error());
  if (const auto why = misuse(options, *files)) return misused("lock", *why);
  const auto old_text = read_old(options);
  if (!old_text) return unusable(shown_name(options.lock_file), old_text.error());
  const auto old = old_text->empty() && !options.apply ? Result<lock::Lock>(lock::Lock{}) : lock::read_lock(*old_text);
  if (!old) return unusable(shown_name(options.lock_file), old.error(), *old_text);

  std::vector<LockedConfig> configs;
  for (const std::string& file : *files) configs.push_back({.file = file, .text = {}});
  if (const ExitCode code = load(options, *old, configs); code != ExitCode::Done) return code;
  return options.apply ? apply_lock(options, configs) : write_lock(options, *old, *old_text, configs);
}

}  // namespace

void add_lock(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("lock", "Pin the addresses of domains, so that regenerated XML keeps them");
  command->group("Commands");
  auto options = std::make_shared<LockOptions>();
  command->add_option("PATH", options->paths, "domain XML, or a folder of *.xml; - is standard input")
      ->required()
      ->type_name("");
  command->add_option("-l,--lock-file", options->lock_file, "busproof.lock by default")->type_name("FILE");
  command->add_flag("--update", options->update, "take over what has changed; places that are left stay free");
  command->add_flag("--prune", options->prune, "with --update: forget the domains that no PATH describes");
  command->add_flag("--apply", options->apply, "print the XML with every locked device where it was");
  command->add_flag("--reuse", options->reuse, "give the places of devices that went to others");
  command->add_option("-o,--output", options->output, "with --apply: write there; a folder takes several files")
      ->type_name("FILE");
  command->add_flag("--in-place", options->in_place, "with --apply: replace the files");
  command->add_option("--jobs", options->jobs, "files worked on at a time; all cores by default")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N");
  command->footer(
      "The lock is JSON with one device a line, to be kept beside the XML and reviewed\n"
      "with it. Without --update or --apply a domain that it has must be as it has it.\n"
      "--apply brings back every PCI controller of the lock, and gives new devices places\n"
      "that nobody ever had; take them over with --update. Devices are known by alias,\n"
      "MAC, disk target, serial or host device, else by their order.\n"
      "Exit code: 0 done; 1 libvirt would refuse a domain, or it is not as the lock says;\n"
      "2 wrong usage, or a file or lock that cannot be read or written; 3 a domain that\n"
      "busproof does not know enough about.\n"
      "\n"
      "Examples:\n"
      "  busproof lock domains/\n"
      "  generate web01 | busproof lock --apply - > web01.xml\n"
      "  busproof lock --update web01.xml && git diff busproof.lock");
  command->callback([options, &run] { run = [options] { return run_lock(*options); }; });
}

}  // namespace busproof::cli
