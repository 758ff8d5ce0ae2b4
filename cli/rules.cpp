#include "cli/commands.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/rules_table.h"

#include <memory>
#include <string>

namespace busproof::cli {
namespace {

ExitCode print_rules(const std::string& format) {
  if (format == "json") return finish(report::rules_json() + '\n');
  return finish(format == "markdown" ? report::rules_markdown() : report::rules_text());
}

}  // namespace

void add_rules(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("rules", "List the rules that findings name");
  command->group("Commands");
  auto format = std::make_shared<std::string>("text");
  command->add_option("--format", *format, "text (default), markdown or json")
      ->check(CLI::IsMember({"text", "markdown", "json"}).description(""))
      ->type_name("FORMAT");
  command->footer(
      "BP1xx are differences between two configs, BP2xx are said of one, BP3xx of a set\n"
      "of them, BP4xx of a config and its lock. Ids are stable.\n"
      "\n"
      "Example:\n"
      "  busproof rules --format markdown > rules.md");
  command->callback([format, &run] { run = [format] { return print_rules(*format); }; });
}

}  // namespace busproof::cli
