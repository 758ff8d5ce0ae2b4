#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string>
#include <vector>

#include "cli/failures.h"
#include "cli/fake.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "engine/host/inventory.h"
#include "engine/report/host_json.h"
#include "engine/report/host_text.h"
#include "engine/report/message_text.h"
#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "fakesys/script.h"
#include "fakesys/sysfs.h"

namespace busproof::cli {
namespace {

// ---- new -----------------------------------------------------------------------------------------------------------

struct FakeNewOptions {
  std::string description, output;
};

ExitCode make(const FakeNewOptions& options) {
  const auto text = read_text(options.description);
  if (!text) return unusable(shown_name(options.description), text.error());
  const auto host = fakesys::new_host(*text);
  if (!host) return unusable(shown_name(options.description), host.error());
  const std::string model = fakesys::save_host(*host);
  if (options.output.empty()) return finish(model);
  if (const auto written = replace_file(options.output, model); !written)
    return unusable(options.output, written.error());
  return ExitCode::Done;
}

// ---- show ----------------------------------------------------------------------------------------------------------

struct FakeShowOptions {
  HostChoice host;
  std::string format;
};

std::string modules_text(const fakesys::Host& host) {
  std::string loaded, loadable;
  for (const fakesys::Module* module : host.model.modules()) (module->loaded ? loaded : loadable) += ' ' + module->name;
  return fmt::format("modules:{}\nnot loaded:{}\n", loaded, loadable);
}

ExitCode show(const FakeShowOptions& options) {
  auto opened = OpenedHost::open(options.host);
  if (!opened) return unusable(options.host.name(), opened.error());
  const fakesys::Host& host = opened->model()->host();
  const std::string heading = fmt::format("{}: Linux {} (rules of {}), {}\n", host.facts->name, host.facts->kernel,
                                          host.model.profile.version, host.model.has_iommu ? "IOMMU" : "no IOMMU");
  const std::string modules = modules_text(host);
  const auto inventory = host::scan(opened->kernel());
  constexpr std::size_t kColumns = 100;
  if (!inventory) return finish(heading + "no PCI\n" + modules);
  if (is_json(options.format)) return finish(report::host_json(*inventory));
  return finish(heading + report::host_list_text(*inventory, kColumns) + modules);
}

// ---- run -----------------------------------------------------------------------------------------------------------

struct FakeRunOptions {
  HostChoice host;
  std::vector<std::string> words;
  std::string script, faults, format;
  bool dry_run = false;
};

/// One of each line that is not empty and no comment. Errors name the line.
template <class T>
Result<std::vector<T>> each_line(const std::string& file, Result<T> (*parse)(std::string_view)) {
  const auto text = read_text(file);
  if (!text) return std::unexpected(text.error());
  std::vector<T> all;
  std::size_t number = 0;
  for (const auto part : std::views::split(*text, '\n')) {
    const std::string_view line(part.begin(), part.end());
    ++number;
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    auto parsed = parse(line);
    if (!parsed) {
      Error error = parsed.error();
      error.message = fmt::format("line {}: {}", number, error.message);
      return std::unexpected(error);
    }
    all.push_back(*std::move(parsed));
  }
  return all;
}

Result<std::vector<fakesys::Operation>> operations_of(const FakeRunOptions& options) {
  if (!options.script.empty()) return each_line<fakesys::Operation>(options.script, fakesys::parse_operation);
  std::vector<std::string> words = options.words;
  constexpr std::size_t kWordsMax = 3;
  const bool too_many = words.size() > kWordsMax;
  words.resize(kWordsMax);
  auto operation = fakesys::checked({words[0], words[1], too_many ? "too many" : words[2]});
  if (!operation) return std::unexpected(operation.error());
  if (too_many) {
    return Refusal(Error{.kind = ErrorKind::Unreadable,
                         .rule = "",
                         .message = "an operation has three words at most",
                         .remedy = "put quotes around a value with blanks in it"});
  }
  return std::vector{*std::move(operation)};
}

std::string outcome_text(const fakesys::Done& done) {
  if (done.error != 0) return fakesys::errno_name(done.error) + (done.pending ? ", and may happen yet" : "");
  return done.text.empty() ? "ok" : done.text;
}

/// What was done, a line each, and whether all of it went well.
struct Report {
  std::string text;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  bool all_well = true;
};

Report run_all(fakesys::FaultyKernel& kernel, const std::vector<fakesys::Operation>& operations) {
  Report report;
  for (const fakesys::Operation& operation : operations) {
    const fakesys::Done done = fakesys::run(kernel, operation);
    report.all_well = report.all_well && done.error == 0;
    report.text += fmt::format("{}: {}\n", to_text(operation), outcome_text(done));
    report.json.push_back({{"operation", to_text(operation)},
                           {"result", fakesys::errno_name(done.error)},
                           {"pending", done.pending},
                           {"text", done.text}});
    if (!kernel.crashed()) continue;
    report.text += kernel.lost_power() ? "the host lost its power here\n" : "the program died here\n";
    break;
  }
  return report;
}

ExitCode run_operations(const FakeRunOptions& options) {
  const auto operations = operations_of(options);
  if (!operations)
    return unusable(options.script.empty() ? "operation" : shown_name(options.script), operations.error());
  std::vector<fakesys::Fault> faults;
  if (!options.faults.empty()) {
    auto parsed = each_line<fakesys::Fault>(options.faults, fakesys::parse_fault);
    if (!parsed) return unusable(shown_name(options.faults), parsed.error());
    faults = *std::move(parsed);
  }
  auto opened = OpenedHost::open(options.host);
  if (!opened) return unusable(options.host.name(), opened.error());
  fakesys::FaultyKernel kernel(*opened->model(), faults);
  const Report report = run_all(kernel, *operations);
  const std::string model = fakesys::save_host(kernel.kernel().host());
  if (!options.dry_run) {
    if (const auto written = replace_file(options.host.model, model); !written)
      return unusable(options.host.name(), written.error());
  }
  constexpr int kIndent = 2;
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return finish(is_json(options.format) ? report.json.dump(kIndent, ' ', false, kReplace) + '\n' : report.text,
                report.all_well ? ExitCode::Done : ExitCode::NotDone);
}

}  // namespace

void add_fake_new(CLI::App& fake, Run& run) {
  CLI::App* command = fake.add_subcommand("new", "Make a host up from a short description");
  const auto options = std::make_shared<FakeNewOptions>();
  command->add_option("DESCRIPTION", options->description, "a line a function; - is standard input")
      ->required()
      ->type_name("");
  command->add_option("-o,--output", options->output, "where to write it (default: standard output)")
      ->type_name("FILE");
  command->footer(
      "A description, a line a thing:\n"
      "  host desktop kernel=6.12\n"
      "  00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
      "  01:00.0 10de:2204 030000 pm driver=nouveau boot-vga\n"
      "  01:00.1 10de:1aef 040300 driver=snd_hda_intel\n"
      "corpus/hosts has more, with all the words that there are.\n"
      "\n"
      "Example:\n"
      "  busproof fake new desktop.txt -o desktop.json");
  command->callback([options, &run] { run = [options] { return make(*options); }; });
}

void add_fake_show(CLI::App& fake, Run& run) {
  CLI::App* command = fake.add_subcommand("show", "Say what a model of a host holds");
  const auto options = std::make_shared<FakeShowOptions>();
  command->add_option("MODEL", options->host.model, "a recorded or made-up host")->required()->type_name("");
  add_format(*command, options->format);
  command->footer("Example:\n  busproof fake show desktop.json");
  command->callback([options, &run] { run = [options] { return show(*options); }; });
}

void add_fake_run(CLI::App& fake, Run& run) {
  CLI::App* command = fake.add_subcommand("run", "Do something to a model of a host, and keep what it became");
  const auto options = std::make_shared<FakeRunOptions>();
  command->add_option("--host-model", options->host.model, "the model, changed in place")
      ->required()
      ->type_name("FILE");
  auto* words = command->add_option("OPERATION", options->words, "what to do, and its arguments")->type_name("");
  auto* script =
      command->add_option("--script", options->script, "a file with an operation a line; - is standard input")
          ->type_name("FILE");
  words->excludes(script);
  command->add_option("--faults", options->faults, "a file with a fault a line: what goes wrong, and when")
      ->type_name("FILE");
  command->add_flag("--dry-run", options->dry_run, "leave the model as it is");
  add_format(*command, options->format);
  command->footer(
      "Operations:\n"
      "  read PATH         write PATH VALUE   list PATH   readlink PATH\n"
      "  modprobe MODULE   wait MILLISECONDS  reboot      unplug ADDRESS   kill ADDRESS\n"
      "A path is relative to /sys. In a script VALUE is the rest of the line, or a JSON string.\n"
      "Faults: \"write */driver_override #2 fail EBUSY\" lets the second such write fail.\n"
      "Exit code: 0 all done; 2 wrong usage, or a file that cannot be read; 4 the kernel refused something.\n"
      "\n"
      "Examples:\n"
      "  busproof fake run --host-model desktop.json modprobe vfio-pci\n"
      "  busproof fake run --host-model desktop.json write bus/pci/drivers/nouveau/unbind 0000:01:00.0");
  command->callback([options, &run] { run = [options] { return run_operations(*options); }; });
}

}  // namespace busproof::cli
