#include "engine/assign/headroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/configs.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/headroom_report.h"

namespace busproof::cli {
namespace {

using assign::PlugClass;
using assign::PlugTime;

struct HeadroomOptions {
  std::vector<std::string> files;
  std::string format;
  std::vector<std::string> classes;
  std::string time = "hot";
  std::optional<std::uint32_t> need;
};

bool is_asked(const HeadroomOptions& options, PlugClass of) {
  return options.classes.empty() || std::ranges::count(options.classes, to_string(of)) > 0;
}

/// Whether --need asks for that class: those that were named, else what is plugged into such a machine by nature.
bool is_needed(const HeadroomOptions& options, const domain::PlacedDomain& placed, PlugClass of) {
  if (!options.need) return false;
  return options.classes.empty() ? of == assign::native_class(placed) : is_asked(options, of);
}

/// What --need compares with: what a guest would really have.
std::uint32_t count_of(const HeadroomOptions& options, const assign::ClassHeadroom& room) {
  return options.time == "cold" ? room.cold_seen : room.hot.count;
}

std::vector<report::HeadroomRow> rows_of(const HeadroomOptions& options, const domain::PlacedDomain& placed) {
  std::vector<report::HeadroomRow> rows;
  for (assign::ClassHeadroom& room : assign::headroom(placed)) {
    if (!is_asked(options, room.of)) continue;
    report::HeadroomRow row{std::move(room)};
    const bool is_needed_here = is_needed(options, placed, row.room.of);
    const auto wanted = [&](std::uint32_t count) { return is_needed_here ? *options.need : count + 1; };
    if (is_needed_here && options.time == "cold")
      row.more_cold = assign::more_room(placed, row.room.of, PlugTime::Cold, wanted(row.room.cold_seen));
    else
      row.more_hot = assign::more_room(placed, row.room.of, PlugTime::Hot, wanted(row.room.hot.count));
    rows.push_back(std::move(row));
  }
  return rows;
}

ExitCode print_headroom(const HeadroomOptions& options) {
  ExitCode code = ExitCode::Done;
  std::vector<std::string> reports;
  for (const std::string& file : options.files) {
    const auto config = load_config(file, Wanted::Places);
    if (!config) {
      code = worst(code, exit_code(config.error().error.kind));
      if (is_json(options.format))
        reports.push_back(report::headroom_json(config.error().error, config.error().text, config.error().name));
      else
        write_err(error_text(config.error()));
      continue;
    }
    const domain::PlacedDomain& placed = config->assignment.placed;
    const report::HeadroomReport headroom{config->name, placed.domain().name, rows_of(options, placed)};
    const bool is_short = std::ranges::any_of(headroom.rows, [&](const report::HeadroomRow& row) {
      return is_needed(options, placed, row.room.of) && count_of(options, row.room) < *options.need;
    });
    if (is_short) code = worst(code, ExitCode::Refused);
    reports.push_back(is_json(options.format) ? report::headroom_json(headroom) : report::headroom_text(headroom));
  }
  return finish(is_json(options.format) ? json_array(reports) : fmt::format("{}", fmt::join(reports, "\n")), code);
}

}  // namespace

void add_headroom(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("headroom", "Say how many more devices can be plugged, and what binds");
  command->group("Commands");
  auto options = std::make_shared<HeadroomOptions>();
  command->add_option("FILE", options->files, "domain XML; - is standard input")->required()->type_name("");
  command->add_option("--class", options->classes, "pcie-endpoint, conventional, root-port or expander; all by default")
      ->check(CLI::IsMember(std::vector<std::string>(assign::kPlugClassNames.begin(), assign::kPlugClassNames.end()))
                  .description(""))
      ->type_name("CLASS");
  command
      ->add_option("--need", options->need, "exit code 1 unless N fit of each --class, else of what the machine takes")
      ->type_name("N");
  command->add_option("--plug", options->time, "what --need means: hot (default), into the running guest, or cold")
      ->check(CLI::IsMember({"hot", "cold"}).description(""))
      ->type_name("hot|cold");
  add_format(*command, options->format);
  command->footer(
      "Cold: so many at once libvirt accepts in the config, and not one more; hot: so\n"
      "many empty slots take one in the running guest. Limits: slot, port, bus-number,\n"
      "hotplug-off, machine, libvirt. Then come the fewest controllers that make room for\n"
      "one more, or for N, without moving anything.\n"
      "Exit code: 0 done; 1 less room than --need, or libvirt would refuse the domain;\n"
      "2 wrong usage, or a file that cannot be read; 3 a domain that busproof does not\n"
      "know enough about.\n"
      "\n"
      "Examples:\n"
      "  busproof headroom web01.xml\n"
      "  busproof headroom --need 4 web01.xml\n"
      "  busproof headroom --class conventional --plug cold --need 2 web01.xml");
  command->callback([options, &run] { run = [options] { return print_headroom(*options); }; });
}

}  // namespace busproof::cli
