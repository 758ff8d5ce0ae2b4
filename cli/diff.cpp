#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/config_store.h"
#include "cli/failures.h"
#include "cli/files.h"

namespace busproof::cli {
namespace {

struct DiffOptions {
  std::string old_path, new_path;
  RunOptions run;
};

/// A config, or the none that git means by /dev/null when it shows a file that came or went.
std::vector<std::string> side(const std::string& path) {
  return path == "/dev/null" ? std::vector<std::string>() : std::vector<std::string>{path};
}

ExitCode compare(const DiffOptions& options) {
  if (options.old_path == "-" && options.new_path == "-")
    return misused("diff", "only one of the two can be standard input");
  if (is_folder(options.old_path) != is_folder(options.new_path))
    return misused("diff", "a directory can only be compared with a directory");
  const auto olds = FileStore::list(side(options.old_path));
  const auto news = FileStore::list(side(options.new_path));
  if (!olds || !news) return misused("diff", (olds ? news : olds).error().message);
  return run_and_report({.configs = news->get(), .reference = olds->get(), .reports_gone = true, .command = "diff"},
                        options.run);
}

}  // namespace

void add_diff(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("diff", "Say what the guest of one config would notice as the guest of another");
  command->group("Commands");
  auto options = std::make_shared<DiffOptions>();
  command->add_option("OLD", options->old_path, "domain XML, - for standard input, or a directory")
      ->required()
      ->type_name("");
  command->add_option("NEW", options->new_path, "the same")->required()->type_name("");
  add_run_options(*command, options->run);
  command->footer(
      "Devices are matched by who they are (alias, MAC, disk target, host device), not by\n"
      "where they stand in the file. A config without all its addresses is compared as\n"
      "libvirt would complete it. The configs of two directories are paired by domain\n"
      "UUID, else by name. Each output goes to standard output, or with --format F=FILE\n"
      "to a file.\n"
      "Exit code: 0 nothing found from --fail-on on; 1 something was, or libvirt would\n"
      "refuse a config; 2 wrong usage, or a file that cannot be read; 3 not compared.\n"
      "\n"
      "Examples:\n"
      "  busproof diff web01.old.xml web01.xml\n"
      "  busproof diff before/ after/ --format text --format junit=diff.xml\n"
      "  virsh dumpxml --inactive web01 | busproof diff - web01.xml --format json");
  command->callback([options, &run] { run = [options] { return compare(*options); }; });
}

}  // namespace busproof::cli
