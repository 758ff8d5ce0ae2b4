#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/configs.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/parallel.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/report/assignment_report.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

struct AssignOptions {
  std::vector<std::string> files;
  std::string output;
  bool in_place = false;
  bool explain = false;
  std::string format;
  std::size_t jobs = default_jobs();
};

/// What came of one file.
struct Outcome {
  ExitCode code = ExitCode::Done;
  std::string messages{};                    ///< for stderr
  std::string data{};                        ///< for stdout
  std::optional<Replacement> replacement{};  ///< not yet in its place
};

/// Where the XML of that file goes; nothing: to stdout.
std::optional<std::string> target_of(const AssignOptions& options, const std::string& file) {
  if (options.in_place) return file;
  if (options.output.empty() || options.output == "-") return std::nullopt;
  if (!is_folder(options.output)) return options.output;
  return (std::filesystem::path(options.output) / std::filesystem::path(file).filename()).string();
}

Outcome fail(const AssignOptions& options, const BadConfig& bad) {
  Outcome outcome{.code = exit_code(bad.error.kind)};
  if (is_json(options.format))
    outcome.data = report::assignment_json({.file = bad.name, .error = &bad.error, .text = bad.text});
  else
    outcome.messages = error_text(bad);
  return outcome;
}

Outcome fail_to_write(const AssignOptions& options, const std::string& file, Error error) {
  const auto target = target_of(options, file);
  if (target && *target != file) error.device = *target;
  return fail(options, {shown_name(file), "", std::move(error)});
}

Outcome assign_file(const AssignOptions& options, const std::string& file) {
  const bool wants_reasons = options.explain || is_json(options.format);
  const auto config = load_config(file, wants_reasons ? Wanted::Reasons : Wanted::Places);
  if (!config) return fail(options, config.error());

  const auto& [name, document, assignment, guest] = *config;
  const std::string xml = domain::write_places(document, assignment.placed);
  const auto target = target_of(options, file);
  const bool changed = xml != document.text();
  Outcome outcome;
  if (target && (changed || !options.in_place)) {
    auto replacement = Replacement::prepare(*target, xml);
    if (!replacement) return fail_to_write(options, file, replacement.error());
    outcome.replacement.emplace(std::move(*replacement));
  }

  if (options.explain) outcome.messages += report::explain_text(assignment);
  if (!is_json(options.format)) {
    for (const std::string& warning : assign::warnings_of(assignment.placed))
      outcome.messages += report::warning_text(name, warning);
    if (!target) outcome.data = xml;
  } else {
    outcome.data = report::assignment_json({.file = name,
                                            .assignment = &assignment,
                                            .text = document.text(),
                                            .changed = changed,
                                            .xml = target ? std::nullopt : std::optional<std::string_view>(xml)});
  }
  return outcome;
}

/// What is wrong with the options taken together; nothing if all is well.
std::optional<std::string> misuse(const AssignOptions& options) {
  const bool to_folder = is_folder(options.output);
  const bool has_stdin = std::ranges::find(options.files, "-") != options.files.end();
  if (options.in_place && !options.output.empty()) return "--in-place and -o exclude each other";
  if (has_stdin && options.in_place) return "--in-place takes files, not standard input";
  if (has_stdin && to_folder) return "-o FOLDER takes files, not standard input";
  if (options.files.size() == 1 || options.in_place) return std::nullopt;
  if (options.output.empty() || options.output == "-") {
    if (is_json(options.format)) return std::nullopt;
    return "several files need --in-place or -o FOLDER: on standard output one could not tell them apart";
  }
  if (!to_folder) return fmt::format("several files need a folder that exists; -o {} is none", options.output);
  std::set<std::string> names;
  for (const std::string& file : options.files)
    if (!names.insert(std::filesystem::path(file).filename().string()).second)
      return fmt::format("-o FOLDER would write two files to the name {}",
                         std::filesystem::path(file).filename().string());
  return std::nullopt;
}

/// Files that are replaced together: synced at once, so that many are not slower than the disk makes them.
constexpr std::size_t kBatchSize = 500;
/// So few are synced one by one, which spares whatever else is being written on the same disk.
constexpr std::size_t kFewFiles = 8;

/// Puts what was prepared in its place.
void settle(const AssignOptions& options, std::vector<Outcome>& outcomes, std::size_t first, std::size_t last) {
  std::map<std::string, Result<void>> folders;
  for (std::size_t i = first; i < last; ++i)
    if (const auto& replacement = outcomes[i].replacement; replacement && !replacement->folder().empty())
      folders.try_emplace(replacement->folder());
  if (last - first > kFewFiles)
    for (auto& [folder, synced] : folders) synced = sync_all(folder);
  for (std::size_t i = first; i < last; ++i) {
    if (!outcomes[i].replacement) continue;
    Replacement& replacement = *outcomes[i].replacement;
    auto done = last - first > kFewFiles ? folders[replacement.folder()] : replacement.sync();
    if (done) done = replacement.take_place();
    if (done)
      outcomes[i].replacement.reset();
    else
      outcomes[i] = fail_to_write(options, options.files[i], done.error());
  }
  for (const auto& [folder, synced] : folders) sync_folder(folder);
}

ExitCode assign_files(const AssignOptions& options) {
  if (const auto why = misuse(options)) return misused("assign", *why);
  std::vector<Outcome> outcomes(options.files.size());
  {
    Progress progress("assign", outcomes.size());
    for (std::size_t first = 0; first < outcomes.size(); first += kBatchSize) {
      const std::size_t last = std::min(first + kBatchSize, outcomes.size());
      for_each(first, last, options.jobs, [&](std::size_t i) {
        outcomes[i] = assign_file(options, options.files[i]);
        progress.step();
      });
      settle(options, outcomes, first, last);
    }
  }

  std::vector<std::string> data;
  ExitCode code = ExitCode::Done;
  for (Outcome& outcome : outcomes) {
    code = worst(code, outcome.code);
    write_err(outcome.messages);
    data.push_back(std::move(outcome.data));
  }
  return finish(is_json(options.format) ? json_array(data) : fmt::format("{}", fmt::join(data, "")), code);
}

}  // namespace

void add_assign(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("assign", "Give every device the PCI address that libvirt would give it");
  command->group("Commands");
  auto options = std::make_shared<AssignOptions>();
  command->add_option("FILE", options->files, "domain XML; - is standard input")->required()->type_name("");
  command->add_option("-o,--output", options->output, "write there; a folder takes several files")->type_name("FILE");
  command->add_flag("--in-place", options->in_place, "replace the files; those that need nothing are not touched");
  command->add_flag("--explain", options->explain, "say on stderr what each device got, and why");
  add_format(*command, options->format);
  command->add_option("--jobs", options->jobs, "files worked on at a time; all cores by default")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N");
  command->footer(
      "The XML goes to standard output. With --format json a report on every file goes there, one array;\n"
      "it holds the XML unless -o or --in-place says where to put that.\n"
      "Exit code: 0 all done; 1 libvirt would refuse a domain; 2 wrong usage, or a file that cannot be read\n"
      "or written; 3 a domain that busproof does not know enough about. Of several, 2 comes before 3\n"
      "before 1.\n"
      "\n"
      "Examples:\n"
      "  busproof assign web01.xml > web01.placed.xml\n"
      "  busproof assign --explain - < web01.xml\n"
      "  busproof assign --in-place domains/*.xml");
  command->callback([options, &run] { run = [options] { return assign_files(*options); }; });
}

}  // namespace busproof::cli
