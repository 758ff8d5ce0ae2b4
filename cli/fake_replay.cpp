#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/failures.h"
#include "cli/fake.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/message_text.h"
#include "fakesys/recorded_host.h"
#include "fakesys/replay.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

struct FakeReplayOptions {
  std::string recording;
  std::vector<std::string> trees;
  std::string scenarios = "*";
  std::string format;
};

/// The machines that scenarios can be run on.
struct Machines {
  std::vector<fakesys::Host> hosts;

  [[nodiscard]] bool has(std::string_view name) const {
    return std::ranges::any_of(hosts, [&](const fakesys::Host& host) { return host.facts->name == name; });
  }
};

/// Says on stderr what is wrong with a tree that cannot be read.
Result<void> load_into(Machines& machines, const std::string& file) {
  const auto text = read_text(file);
  auto host = text ? fakesys::load_host(*text) : Result<fakesys::Host>(std::unexpected(text.error()));
  if (!host) {
    write_err(report::error_text(shown_name(file), text.value_or(""), host.error()));
    return std::unexpected(host.error());
  }
  machines.hosts.push_back(*std::move(host));
  return {};
}

std::vector<std::string> sorted_entries(const fs::path& folder) {
  std::vector<std::string> paths;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  return paths;
}

/// The trees of a folder, by their usual name: sysfs-MACHINE.json.
std::vector<std::string> trees_in(const std::string& folder) {
  std::vector<std::string> trees = sorted_entries(folder);
  std::erase_if(trees, [](const std::string& path) {
    const std::string name = fs::path(path).filename().string();
    return !name.starts_with("sysfs-") || !name.ends_with(".json");
  });
  return trees;
}

std::string folder_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Where a machine's tree may be that was not given: beside those that were, beside the recording, and then in the
/// folders next to these, since of a second kernel often only the trees that differ are kept.
std::vector<std::string> places_to_look(const FakeReplayOptions& options) {
  std::vector<std::string> places;
  const auto add = [&](const std::string& folder) {
    if (std::ranges::find(places, folder) == places.end()) places.push_back(folder);
  };
  for (const std::string& tree : options.trees) add(is_folder(tree) ? tree : folder_of(tree));
  if (options.recording != "-") add(folder_of(options.recording));
  for (const std::string& place : std::vector(places)) {
    for (const std::string& next : sorted_entries(fs::path(place) / "..")) {
      if (is_folder(next)) add(next);
    }
  }
  return places;
}

/// Adds the trees of machines that are asked for and were not given, and says which.
void find_others(Machines& machines, const std::vector<std::string>& wanted, const FakeReplayOptions& options) {
  const std::vector<std::string> places = places_to_look(options);
  for (const std::string& machine : wanted) {
    if (machines.has(machine)) continue;
    for (const std::string& place : places) {
      const std::string tree = (fs::path(place) / fmt::format("sysfs-{}.json", machine)).lexically_normal().string();
      std::error_code none;
      if (!fs::exists(tree, none)) continue;
      if (!load_into(machines, tree)) break;
      write_err(report::note_text(shown_name(options.recording),
                                  fmt::format("scenarios of machine {} run on {}", machine, tree)));
      break;
    }
  }
}

Result<Machines> load_given(const FakeReplayOptions& options) {
  Machines machines;
  for (const std::string& tree : options.trees) {
    for (const std::string& file : is_folder(tree) ? trees_in(tree) : std::vector{tree}) {
      if (const auto loaded = load_into(machines, file); !loaded) return std::unexpected(loaded.error());
    }
  }
  return machines;
}

ExitCode outcome_of(const fakesys::ReplayReport& report) {
  if (report.agreeing() < report.run()) return ExitCode::Refused;
  return report.run() < report.scenarios.size() || report.run() == 0 ? ExitCode::Unsupported : ExitCode::Done;
}

ExitCode replay_recording(const FakeReplayOptions& options) {
  const std::string name = shown_name(options.recording);
  const auto text = read_text(options.recording);
  if (!text) return unusable(name, text.error());
  const auto wanted = fakesys::machines_of(*text, options.scenarios);
  if (!wanted) return unusable(name, wanted.error());
  auto machines = load_given(options);
  if (!machines) return exit_code(machines.error().kind);
  find_others(*machines, *wanted, options);
  const auto report = fakesys::replay(*text, machines->hosts, options.scenarios);
  if (!report) return unusable(name, report.error());
  if (report->scenarios.empty())
    write_err(report::warning_text(name, fmt::format("no scenario is called {}", options.scenarios)));
  return finish(is_json(options.format) ? to_json(*report) : to_text(*report), outcome_of(*report));
}

}  // namespace

void add_fake_replay(CLI::App& fake, Run& run) {
  CLI::App* command =
      fake.add_subcommand("replay", "Do what was done to a real kernel, and say where the fake differs");
  auto options = std::make_shared<FakeReplayOptions>();
  command->add_option("OPS", options->recording, "recorded scenarios, one JSON object a line; - is standard input")
      ->required()
      ->type_name("");
  command
      ->add_option("--tree", options->trees,
                   "captured tree of a machine, or a folder of such files named sysfs-MACHINE.json; may be given "
                   "several times")
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE");
  command->add_option("--scenario", options->scenarios, "only those whose name fits; * and ? stand for others")
      ->type_name("GLOB");
  add_format(*command, options->format);
  command->footer(
      "Each scenario runs on a fresh copy of the machine that it was recorded on, system call by system call;\n"
      "results, states and events are compared. The tree of a machine that --tree does not give is looked for\n"
      "beside those given, beside OPS, and in the folders next to them. What is not a kernel's doing is listed\n"
      "and does not count.\n"
      "Exit code: 0 all agree; 1 something differs; 2 wrong usage, or a file that cannot be read; 3 a scenario\n"
      "was not run, as the tree of its machine is nowhere, or there is none of that name.\n"
      "\n"
      "Examples:\n"
      "  busproof fake replay ops.jsonl --tree sysfs-q35-intel.json\n"
      "  busproof fake replay ops.jsonl --tree . --scenario 'vfio.*' --format json");
  command->callback([options, &run] { run = [options] { return replay_recording(*options); }; });
}

}  // namespace busproof::cli
