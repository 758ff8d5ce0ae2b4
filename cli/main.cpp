#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/nearest.h"

namespace busproof::cli {
namespace {

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

/// The command that the user had chosen when something went wrong; the whole program if none was.
const CLI::App& chosen(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : chosen(*commands.front());
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// What cannot be understood: "unknown option '--exlain'; did you mean '--explain'?"; nothing when it is not a matter
/// of words.
std::optional<std::string> unknown_word(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  const auto option =
      std::ranges::find_if(words, [](const std::string& word) { return word.size() > 1 && word[0] == '-'; });
  const auto unknown = [](std::string_view what, const std::string& word, const std::vector<std::string>& names) {
    return fmt::format("unknown {} '{}'; did you mean '{}'?", what, word, nearest(word, names));
  };
  if (option != words.end()) return unknown("option", option->substr(0, option->find('=')), option_names(chosen(app)));
  const bool awaits_command = !chosen(app).get_subcommands({}).empty();
  if (!words.empty() && awaits_command) return unknown("command", words.front(), command_names(chosen(app)));
  if (awaits_command) return "a command is missing";
  return std::nullopt;
}

constexpr std::size_t kOptionColumns = 28;  ///< what names of options take before their words begin

/// The help with no line longer than a narrow terminal has columns; what an option says goes on below its words.
std::string narrowed(std::string_view help) {
  constexpr std::size_t kColumns = 80;
  std::string narrow;
  while (!help.empty()) {
    const std::size_t end = std::min(help.find('\n'), help.size());
    std::string_view line = help.substr(0, end);
    help.remove_prefix(std::min(end + 1, help.size()));
    const std::size_t indent = line.starts_with("  ") ? kOptionColumns : 0;
    std::size_t room = line.starts_with("  busproof ") ? line.size() : kColumns;  // examples are copied
    for (std::size_t blank = 0; line.size() > room; room = kColumns - indent) {
      blank = line.rfind(' ', room);
      if (blank == std::string_view::npos || (room == kColumns && blank <= indent)) break;
      narrow.append(line.substr(0, blank)).append(1, '\n').append(indent, ' ');
      line.remove_prefix(blank + 1);
    }
    narrow += line;
    narrow += '\n';
  }
  return narrow;
}

ExitCode explain_misuse(const CLI::App& app, const CLI::ParseError& error) {
  const std::string name = full_name(chosen(app));
  write_err(fmt::format("{}: error: {}\nSee {} --help.\n", name, unknown_word(app).value_or(error.what()), name));
  return ExitCode::Unusable;
}

ExitCode run_command_line(int argc, char** argv) {
  CLI::App app("PCI topology of virtual machines: what libvirt would make of a domain, and what its guest will see",
               "busproof");
  app.set_version_flag("--version", "busproof " BUSPROOF_VERSION, "Say which busproof this is");
  app.require_subcommand(1);
  app.get_formatter()->column_width(kOptionColumns);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.footer("Example:\n  busproof assign web01.xml | busproof tree -");
  Run run;
  add_assign(app, run);
  add_tree(app, run);
  add_check(app, run);
  add_diff(app, run);
  add_fake(app, run);
  add_headroom(app, run);
  add_lock(app, run);
  add_qemu_args(app, run);
  add_render(app, run);
  add_host(app, run);
  add_rules(app, run);
  add_verify(app, run);
  add_schema(app, run);
  add_snapshot(app, run);
  add_merge(app, run);
  add_version(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return write_out(narrowed(app.help())) ? ExitCode::Done : ExitCode::Unusable;
  } catch (const CLI::Success& other) {
    app.exit(other);
    return ExitCode::Done;
  } catch (const CLI::ParseError& error) {
    return explain_misuse(app, error);
  }
  return run();
}

}  // namespace
}  // namespace busproof::cli

int main(int argc, char** argv) { return static_cast<int>(busproof::cli::run_command_line(argc, argv)); }
