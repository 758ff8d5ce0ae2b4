#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/configs.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "engine/domain/xml_document.h"
#include "engine/report/host_json.h"
#include "engine/report/host_tree_text.h"
#include "engine/report/message_text.h"
#include "engine/report/tree_json.h"
#include "engine/report/tree_text.h"

namespace busproof::cli {
namespace {

struct TreeOptions {
  std::vector<std::string> files;
  std::string format;
  std::string colour = "auto";
  bool ascii = false;
  bool of_host = false;
  HostChoice host;  ///< with of_host
};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

report::Colour choose_colour(const std::string& wish) {
  if (wish == "always") return report::Colour::Always;
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  const bool fits = wish == "auto" && ::isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR") && !dumb;
  return fits ? report::Colour::Always : report::Colour::Never;
}

/// A terminal's own width, else what fits on most.
std::size_t choose_columns() {
  constexpr std::size_t kColumnsElsewhere = 100, kColumnsMin = 40;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumnsElsewhere;
  return std::max<std::size_t>(size.ws_col, kColumnsMin);
}

report::TreeStyle style_of(const TreeOptions& options) {
  return {.columns_max = choose_columns(),
          .glyphs = options.ascii ? report::Glyphs::Ascii : report::Glyphs::Utf8,
          .colour = choose_colour(options.colour)};
}

ExitCode draw_host(const TreeOptions& options) {
  const auto inventory = read_inventory(options.host);
  if (!inventory) return unusable(options.host.name(), inventory.error());
  return finish(is_json(options.format) ? report::host_json(*inventory)
                                        : report::host_tree_text(*inventory, options.host.name(), style_of(options)));
}

ExitCode draw_files(const TreeOptions& options) {
  const report::TreeStyle style = style_of(options);
  ExitCode code = ExitCode::Done;
  std::vector<std::string> trees;
  for (const std::string& file : options.files) {
    const auto config = load_config(file, Wanted::Places);
    if (!config) {
      const BadConfig& bad = config.error();
      code = worst(code, exit_code(bad.error.kind));
      if (is_json(options.format))
        trees.push_back(report::tree_json(bad.error, bad.text, bad.name));
      else
        write_err(error_text(bad));
      continue;
    }
    const domain::PlacedDomain& placed = config->assignment.placed;
    if (domain::write_places(config->document, placed) != config->document.text())
      write_err(report::note_text(config->name, "not fully assigned; this is how libvirt would complete it"));
    trees.push_back(is_json(options.format) ? report::tree_json(placed, config->name)
                                            : report::tree_text(placed, style));
  }
  return finish(is_json(options.format) ? json_array(trees) : fmt::format("{}", fmt::join(trees, "\n")), code);
}

ExitCode draw(const TreeOptions& options) {
  if (options.of_host == options.files.empty()) return options.of_host ? draw_host(options) : draw_files(options);
  write_err(options.of_host ? "busproof tree: error: domain XML and --host exclude each other\n"
                            : "busproof tree: error: FILE is required; or --host\n");
  return ExitCode::Unusable;
}

void add_colour(CLI::App& command, std::string& colour) {
  command.add_option("--color", colour, "auto (default: on a terminal, unless NO_COLOR is set), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("WHEN");
}

}  // namespace

void add_tree(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("tree", "Show the buses of a guest or a host, and what sits on them");
  command->group("Commands");
  auto options = std::make_shared<TreeOptions>();
  command->add_option("FILE", options->files, "domain XML; - is standard input")->type_name("");
  CLI::Option* host = command->add_option("--host", options->host.model, "this host, or the one that the file records")
                          ->expected(0, 1)
                          ->type_name("[FILE.json]");
  command->add_flag("--ascii", options->ascii, "draw with ASCII characters only");
  add_format(*command, options->format);
  add_colour(*command, options->colour);
  command->footer(
      "Left the guest's address of each device, or \"lost\"; right its slot and function in the XML, and for\n"
      "a controller the index of its bus and the number that the guest gives it. Bus numbers in the guest,\n"
      "slots and functions are hexadecimal. A domain without all its addresses is shown as libvirt would\n"
      "complete it.\n"
      "\n"
      "Examples:\n"
      "  busproof tree web01.xml\n"
      "  virsh dumpxml web01 | busproof tree --format json -\n"
      "  busproof tree --host");
  command->callback([options, host, &run] {
    options->of_host = host->count() > 0;
    run = [options] { return draw(*options); };
  });
}

}  // namespace busproof::cli
