#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands.h"

/// What `busproof fake` can do.
namespace busproof::cli {

void add_fake_new(CLI::App& fake, Run& run);
void add_fake_show(CLI::App& fake, Run& run);
void add_fake_mount(CLI::App& fake, Run& run);
void add_fake_exec(CLI::App& fake, Run& run);
void add_fake_run(CLI::App& fake, Run& run);
void add_fake_replay(CLI::App& fake, Run& run);

}  // namespace busproof::cli
