#include <memory>
#include <string>

#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "engine/host/real_kernel.h"
#include "engine/report/message_text.h"
#include "fakesys/record.h"
#include "fakesys/recorded_host.h"

namespace busproof::cli {
namespace {

struct HostRecordOptions {
  HostChoice host;
  std::string output;
  std::string root;
  fakesys::RecordWish wish;
};

Result<fakesys::Recording> recorded(const HostRecordOptions& options) {
  if (!options.root.empty()) {
    host::RealKernel copied({.sys = options.root + "/sys", .root = options.root});
    return record_host(copied, options.wish);
  }
  auto opened = OpenedHost::open(options.host);
  if (!opened) return std::unexpected(opened.error());
  return record_host(opened->kernel(), options.wish);
}

ExitCode record(const HostRecordOptions& options) {
  const std::string name = options.root.empty() ? options.host.name() : options.root;
  const auto recording = recorded(options);
  if (!recording) return unusable(name, recording.error());
  for (const std::string& warning : recording->warnings) write_err(report::warning_text(name, warning));
  const std::string text = fakesys::save_host(recording->host);
  if (options.output.empty()) return finish(text);
  if (const auto written = replace_file(options.output, text); !written)
    return unusable(options.output, written.error());
  return ExitCode::Done;
}

}  // namespace

void add_host_record(CLI::App& host, Run& run) {
  CLI::App* command = host.add_subcommand("record", "Take the host home as a file: a model that commands can work on");
  const auto options = std::make_shared<HostRecordOptions>();
  add_host_choice(*command, options->host);
  command->add_option("--root", options->root, "a folder with copies of /sys, /proc and /dev in place of this host's")
      ->type_name("DIR");
  command->add_option("-o,--output", options->output, "where to write it (default: standard output)")
      ->type_name("FILE");
  command->add_option("--name", options->wish.name, "what the host is called in it (default: host)")->type_name("NAME");
  command->add_flag("--anonymise", options->wish.anonymise,
                    "replace hardware addresses, serial numbers and addresses of networks");
  command->footer(
      "Nothing on the host is changed, and nothing is read that reading might change: a card's memory, ports, ROM\n"
      "and product data stay unread. As root all of the config space is seen.\n"
      "\n"
      "Examples:\n"
      "  busproof host record -o web01.json\n"
      "  busproof host list --host-model web01.json");
  command->callback([options, &run] { run = [options] { return record(*options); }; });
}

}  // namespace busproof::cli
