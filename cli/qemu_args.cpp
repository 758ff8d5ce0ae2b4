#include "engine/report/qemu_args.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/configs.h"
#include "cli/files.h"
#include "cli/format.h"

namespace busproof::cli {
namespace {

struct QemuArgsOptions {
  std::string file;
  std::string format;
  bool stand_ins = false;
};

ExitCode print_args(const QemuArgsOptions& options) {
  const auto config = load_config(options.file, Wanted::Places);
  if (!config) {
    const auto& [name, text, error] = config.error();
    if (is_json(options.format)) return finish(report::qemu_args_json(error, text, name) + '\n', exit_code(error.kind));
    write_err(error_text(config.error()));
    return exit_code(error.kind);
  }
  const auto backends = options.stand_ins ? report::Backends::StandIns : report::Backends::Omitted;
  const domain::PlacedDomain& placed = config->assignment.placed;
  const std::vector<report::QemuArg> args = report::qemu_args(placed, backends);
  return finish(is_json(options.format) ? report::qemu_args_json(placed, args, config->name) + '\n'
                                        : report::qemu_args_text(args));
}

}  // namespace

void add_qemu_args(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("qemu-args", "Print the topology as QEMU's -device arguments");
  command->group("Commands");
  auto options = std::make_shared<QemuArgsOptions>();
  command->add_option("FILE", options->file, "domain XML; - is standard input")->required()->type_name("");
  command->add_flag("--stand-ins", options->stand_ins, "make up the rest of a machine that starts anywhere");
  add_format(*command, options->format);
  command->footer(
      "One option a line, as libvirt passes it to QEMU, for every device on a PCI bus that is no part of\n"
      "the machine itself. What a device is connected to is left out: drive=, netdev=, host= and the like.\n"
      "With --stand-ins come the machine too and disks without contents; devices of the host, and those\n"
      "that other programs serve, are replaced by virtio-rng-pci, so that QEMU starts and the guest's\n"
      "firmware finds everything in its place.\n"
      "Exit code: 0 done; 1 libvirt would refuse the domain; 2 wrong usage, or a file that cannot be read;\n"
      "3 a domain that busproof does not know enough about.\n"
      "\n"
      "Examples:\n"
      "  busproof qemu-args web01.xml\n"
      "  busproof qemu-args --stand-ins web01.xml | xargs qemu-system-x86_64");
  command->callback([options, &run] { run = [options] { return print_args(*options); }; });
}

}  // namespace busproof::cli
