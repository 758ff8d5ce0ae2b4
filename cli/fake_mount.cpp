#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/failures.h"
#include "cli/fake.h"
#include "cli/files.h"
#include "cli/host.h"
#include "engine/report/message_text.h"
#include "fakesys/recorded_host.h"
#include "fakesys/served.h"

namespace busproof::cli {
namespace {

struct MountOptions {
  HostChoice host;
  std::string mount_point;
  std::vector<std::string> command;
  bool dry_run = false;
};

/// Gives the model to `use`, and keeps what became of it.
template <class Use>
ExitCode with_model(const MountOptions& options, Use use) {
  auto opened = OpenedHost::open(options.host);
  if (!opened) return unusable(options.host.name(), opened.error());
  fakesys::FakeKernel& kernel = *opened->model();
  const Result<ExitCode> code = use(kernel);
  if (!code) return unusable(options.host.name(), code.error());
  if (options.dry_run) return *code;
  if (const auto written = replace_file(options.host.model, fakesys::save_host(kernel.host())); !written)
    return unusable(options.host.name(), written.error());
  return *code;
}

ExitCode mount(const MountOptions& options) {
  return with_model(options, [&](fakesys::FakeKernel& kernel) -> Result<ExitCode> {
    const auto ready = [&] {
      write_err(fmt::format("{} is at {} until that is unmounted, or this program interrupted\n", options.host.name(),
                            options.mount_point));
    };
    const auto served = fakesys::serve(kernel, options.mount_point, ready);
    if (!served) return std::unexpected(served.error());
    return ExitCode::Done;
  });
}

ExitCode exec(const MountOptions& options) {
  return with_model(options, [&](fakesys::FakeKernel& kernel) -> Result<ExitCode> {
    const auto code = fakesys::run_on(kernel, options.command);
    if (!code) return std::unexpected(code.error());
    return static_cast<ExitCode>(*code);
  });
}

void add_model(CLI::App& command, MountOptions& options) {
  command.add_option("--host-model", options.host.model, "the model, changed in place")->required()->type_name("FILE");
  command.add_flag("--dry-run", options.dry_run, "leave the model as it is");
}

}  // namespace

void add_fake_mount(CLI::App& fake, Run& run) {
  CLI::App* command = fake.add_subcommand("mount", "Serve a model of a host as a file system, as its /sys");
  const auto options = std::make_shared<MountOptions>();
  add_model(*command, *options);
  command->add_option("DIRECTORY", options->mount_point, "where to mount it")->required()->type_name("");
  command->footer(
      "What is read and listed there is the model's, and what is written there acts on it, with a real kernel's "
      "errno.\n"
      "Unmounting it (umount, fusermount3 -u) or Ctrl-C ends the command; what became of the model is kept then.\n"
      "Needs libfuse3 and /dev/fuse.\n"
      "\n"
      "Example:\n"
      "  busproof fake mount --host-model desktop.json /mnt &\n"
      "  lspci -A linux-sysfs -O sysfs.path=/mnt/bus/pci");
  command->callback([options, &run] { run = [options] { return mount(*options); }; });
}

void add_fake_exec(CLI::App& fake, Run& run) {
  CLI::App* command = fake.add_subcommand("exec", "Run a program that sees a model of a host as its /sys");
  const auto options = std::make_shared<MountOptions>();
  add_model(*command, *options);
  command->prefix_command();
  command->footer(
      "COMMAND ARGUMENT... runs with the model at /sys, and with a modprobe that loads the model's modules. Nobody "
      "else\n"
      "sees either. Needs libfuse3, and root or user namespaces.\n"
      "Exit code: that of COMMAND; 2 or 3 with a message if it could not be run.\n"
      "\n"
      "Examples:\n"
      "  busproof fake exec --host-model desktop.json lspci -nn -k\n"
      "  busproof fake exec --host-model desktop.json driverctl --nosave set-override 0000:01:00.0 vfio-pci");
  command->callback([command, options, &run] {
    options->command = command->remaining();
    if (options->command.empty()) throw CLI::RequiredError("COMMAND");
    if (options->command.front() == "--") options->command.erase(options->command.begin());
    run = [options] { return exec(*options); };
  });
}

}  // namespace busproof::cli
