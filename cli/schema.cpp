#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/nearest.h"
#include "engine/report/schemas.h"

namespace busproof::cli {
namespace {

ExitCode list_schemas() {
  std::string text;
  for (const report::Schema& schema : report::kSchemas) text += fmt::format("{:<14} {}\n", schema.name, schema.of);
  return finish(text);
}

ExitCode print_schema(const std::string& name) {
  if (name.empty()) return list_schemas();
  std::vector<std::string> names;
  for (const report::Schema& schema : report::kSchemas) {
    if (schema.name == name) return finish(schema.text);
    names.emplace_back(schema.name);
  }
  write_err(
      fmt::format("busproof schema: error: there is no schema '{}'; did you mean '{}'?\n", name, nearest(name, names)));
  return ExitCode::Unusable;
}

}  // namespace

void add_schema(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("schema", "Print the JSON Schema of what a command prints or reads");
  command->group("Commands");
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "of the schema; without it all names are listed")->type_name("");
  command->footer(
      "The schemas are of draft 2020-12. A schema_version in the data counts up when a\n"
      "reader of the old form could go wrong; new keys do not count.\n"
      "\n"
      "Example:\n"
      "  busproof schema lock > busproof.lock.schema.json");
  command->callback([name, &run] { run = [name] { return print_schema(*name); }; });
}

}  // namespace busproof::cli
