#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/config_store.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/git_store.h"
#include "cli/host.h"
#include "cli/host_session.h"
#include "cli/libvirt_store.h"
#include "engine/host/inventory.h"
#include "engine/lock/lock.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

struct CheckOptions {
  std::vector<std::string> paths;
  std::string against;
  HostOptions host;
  bool regenerate = false;
  RunOptions run;
};

constexpr std::string_view kGitScheme = "git:", kLibvirtScheme = "libvirt:";

ExitCode check_against_lock(const CheckOptions& options, Task task, std::string_view text) {
  const auto lock = lock::read_lock(text);
  if (!lock) return unusable(options.against, lock.error(), text);
  task.lock = &*lock;
  return run_and_report(std::move(task), options.run);
}

ExitCode check_against_store(const CheckOptions& options, Task task,
                             const Result<std::unique_ptr<ConfigStore>>& reference) {
  if (!reference) return unusable(options.against, reference.error());
  task.reference = reference->get();
  task.reports_gone = true;
  return run_and_report(std::move(task), options.run);
}

/// A folder that has nothing is no reference: more likely it is the wrong one.
Result<std::unique_ptr<ConfigStore>> files_of(const std::string& path) {
  auto files = FileStore::list({path});
  if (!files) return std::unexpected(files.error());
  if ((*files)->entries().empty())
    return Refusal(Error{ErrorKind::Unsupported, "", "there is no *.xml in it to compare with"});
  return std::move(*files);
}

/// Of the host that was named; none where none was.
Result<NodeOfCard> cards_of(const HostOptions& options) {
  NodeOfCard cards;
  if (options.model.empty() && !options.real) return cards;
  auto session = HostSession::open(options, HostAccess::Look);
  if (!session) return std::unexpected(session.error());
  const auto inventory = scan_host(session->machine().kernel);
  if (!inventory) return std::unexpected(inventory.error());
  for (const host::HostDevice& device : inventory->devices)
    if (device.numa_node && *device.numa_node >= 0) cards.emplace(device.address, *device.numa_node);
  return cards;
}

ExitCode check(const CheckOptions& options) {
  const std::string& against = options.against;
  if (options.regenerate && !against.empty()) return misused("check", "--regenerate and --against exclude each other");
  const auto configs = FileStore::list(options.paths);
  if (!configs) return misused("check", configs.error().message);
  auto cards = cards_of(options.host);
  if (!cards) return unusable(options.host.model.empty() ? "this host" : options.host.model, cards.error());
  Task task{.configs = configs->get(),
            .lints = true,
            .cards = *std::move(cards),
            .regenerates = options.regenerate,
            .command = "check"};
  if (against.empty()) return run_and_report(std::move(task), options.run);
  if (against.starts_with(kGitScheme))
    return check_against_store(options, std::move(task),
                               GitStore::open(against.substr(kGitScheme.size()), **configs, options.paths));
  if (against.starts_with(kLibvirtScheme))
    return check_against_store(options, std::move(task), LibvirtStore::open(against.substr(kLibvirtScheme.size())));
  if (!is_folder(against)) {
    const auto text = read_text(against);
    if (!text) return unusable(against, text.error());
    if (lock::is_lock(*text)) return check_against_lock(options, std::move(task), *text);
  }
  return check_against_store(options, std::move(task), files_of(against));
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("check", "Look for what is wrong or risky in configs, and for what changed");
  command->group("Commands");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("PATH", options->paths, "domain XML, - for standard input, or a directory of *.xml")
      ->required()
      ->type_name("");
  command->add_option("--against", options->against, "a file, a directory, git:REVISION, libvirt:URI, or a lock file")
      ->type_name("REF");
  command->add_flag("--regenerate", options->regenerate,
                    "compare with what a manager that drops addresses makes of it");
  command
      ->add_option("--host-model", options->host.model,
                   "host that the configs are for: tells what is far from its node")
      ->type_name("FILE");
  command->add_flag("--real", options->host.real, "the same of this machine; it is only read");
  add_run_options(*command, options->run);
  command->footer(
      "Each output goes to standard output, or with --format F=FILE to a file.\n"
      "Exit code: 0 nothing found from --fail-on on; 1 something was; 2 wrong usage, or\n"
      "a file that cannot be read; 3 nothing was checked. Of several, 2 comes before 3\n"
      "before 1.\n"
      "\n"
      "Examples:\n"
      "  busproof check domains/\n"
      "  busproof check domains/ --against old/ --format text --format sarif=a.sarif\n"
      "  busproof check --regenerate web01.xml");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace busproof::cli
