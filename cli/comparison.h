#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/config_store.h"
#include "cli/configs.h"
#include "cli/exit_code.h"
#include "cli/parallel.h"
#include "engine/lock/lock.h"
#include "engine/report/writer.h"

/// Runs over many configs, alone or against others: what `check` and `diff` have in common.
namespace busproof::cli {

struct Task {
  const ConfigStore* configs = nullptr;
  const ConfigStore* reference = nullptr;  ///< null: nothing is compared
  const lock::Lock* lock = nullptr;        ///< null: there is none to compare with
  bool lints = false;
  NodeOfCard cards{};           ///< of the host that the configs are for; empty: not known
  bool regenerates = false;     ///< compares each with what it is once a manager has dropped its addresses
  bool reports_gone = false;    ///< what only the reference has
  bool tells_baseline = false;  ///< some output says which findings the reference had already
  std::optional<report::Shard> shard{};
  std::string command;  ///< "check"
};

/// The options that `check` and `diff` share.
struct RunOptions {
  std::vector<std::string> formats;
  std::string fail_on = "error";
  std::string config;  ///< suppressions; empty: the nearest
  std::string shard;
  std::size_t jobs = default_jobs();
};
void add_run_options(CLI::App& command, RunOptions& options);

/// Runs the task, which lacks what the options say, and reports as `command`. Unsupported when not a rule was run.
ExitCode run_and_report(Task task, const RunOptions& options);

}  // namespace busproof::cli
