#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/configs.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/snapshot_json.h"

namespace busproof::cli {
namespace {

ExitCode print_snapshot(const std::string& file) {
  const auto config = load_config(file, Wanted::Guest);
  if (!config) {
    write_err(error_text(config.error()));
    return exit_code(config.error().error.kind);
  }
  return finish(report::snapshot_json(config->guest->snapshot));
}

}  // namespace

void add_snapshot(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("snapshot", "Print all that the guest can see on its buses, as JSON");
  command->group("Commands");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "domain XML; - is standard input")->required()->type_name("");
  command->footer(
      "One value, sorted: what diff and check compare. It is the same for all configs\n"
      "whose guests cannot tell them apart. See busproof schema snapshot.\n"
      "\n"
      "Example:\n"
      "  busproof snapshot web01.xml | jq '.devices[].pci.path'");
  command->callback([file, &run] { run = [file] { return print_snapshot(*file); }; });
}

}  // namespace busproof::cli
