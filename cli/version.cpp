#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/json.h"

namespace busproof::cli {
namespace {

constexpr std::string_view kLibvirt = "9.0.0";
constexpr std::string_view kQemu = "7.2";

ExitCode print_version(const std::string& format) {
  const report::Json versions = {{"schema_version", report::kSchemaVersion},
                                 {"busproof", BUSPROOF_VERSION},
                                 {"libvirt", kLibvirt},
                                 {"qemu", kQemu}};
  const std::string text = is_json(format) ? report::dumped(versions) + '\n'
                                           : fmt::format("busproof {}\nmatches libvirt {} with QEMU {}\n",
                                                         BUSPROOF_VERSION, kLibvirt, kQemu);
  return finish(text);
}

}  // namespace

void add_version(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("version", "Say which libvirt this busproof matches");
  command->group("Commands");
  auto format = std::make_shared<std::string>();
  add_format(*command, *format);
  command->footer("Example:\n  busproof version --format json");
  command->callback([format, &run] { run = [format] { return print_version(*format); }; });
}

}  // namespace busproof::cli
