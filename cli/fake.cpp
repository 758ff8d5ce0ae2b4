#include "cli/fake.h"

#include "cli/commands.h"

namespace busproof::cli {

void add_fake(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("fake", "Work on a fake kernel: a host that exists only in a file");
  command->group("Commands");
  command->require_subcommand(1);
  add_fake_new(*command, run);
  add_fake_show(*command, run);
  add_fake_run(*command, run);
  add_fake_mount(*command, run);
  add_fake_exec(*command, run);
  add_fake_replay(*command, run);
  command->footer("Example:\n  busproof fake new desktop.txt -o desktop.json");
}

}  // namespace busproof::cli
