#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/exit_code.h"

/// The commands: each adds itself to the command line and, when it was chosen, says what to run.
namespace busproof::cli {

using Run = std::function<ExitCode()>;

void add_assign(CLI::App& app, Run& run);
void add_check(CLI::App& app, Run& run);
void add_diff(CLI::App& app, Run& run);
void add_fake(CLI::App& app, Run& run);
void add_headroom(CLI::App& app, Run& run);
void add_lock(CLI::App& app, Run& run);
void add_qemu_args(CLI::App& app, Run& run);
void add_render(CLI::App& app, Run& run);
void add_host(CLI::App& app, Run& run);
void add_merge(CLI::App& app, Run& run);
void add_rules(CLI::App& app, Run& run);
void add_schema(CLI::App& app, Run& run);
void add_snapshot(CLI::App& app, Run& run);
void add_tree(CLI::App& app, Run& run);
void add_verify(CLI::App& app, Run& run);
void add_version(CLI::App& app, Run& run);

}  // namespace busproof::cli
