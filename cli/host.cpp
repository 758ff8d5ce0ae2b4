#include "cli/host.h"

#include <memory>
#include <system_error>
#include <utility>

#include "cli/files.h"
#include "engine/host/real_kernel.h"
#include "engine/report/message_text.h"
#include "fakesys/recorded_host.h"

namespace busproof::cli {

std::string HostChoice::name() const { return model.empty() ? "this host" : shown_name(model); }

void add_host_choice(CLI::App& command, HostChoice& choice) {
  command.add_option("--host-model", choice.model, "a recorded or made-up host in place of the one that runs here")
      ->type_name("FILE");
}

Result<OpenedHost> OpenedHost::open(const HostChoice& choice) {
  OpenedHost opened;
  if (choice.model.empty()) {
    opened.kernel_ = std::make_unique<host::RealKernel>();
    return opened;
  }
  const auto text = read_text(choice.model);
  if (!text) return std::unexpected(text.error());
  auto host = fakesys::load_host(*text);
  if (!host) return std::unexpected(host.error());
  auto kernel = std::make_unique<fakesys::FakeKernel>(*std::move(host));
  opened.model_ = kernel.get();
  opened.kernel_ = std::move(kernel);
  return opened;
}

Result<host::Inventory> scan_host(host::Kernel& kernel) {
  auto inventory = host::scan(kernel);
  if (inventory) return *std::move(inventory);
  return Refusal(
      Error{.kind = ErrorKind::Unreadable,
            .rule = "",
            .message = "cannot list the PCI devices: " + std::generic_category().message(inventory.error().error),
            .remedy = "run it on a machine with PCI, or give a host with --host-model"});
}

Result<host::Inventory> read_inventory(const HostChoice& choice) {
  auto opened = OpenedHost::open(choice);
  if (!opened) return std::unexpected(opened.error());
  auto inventory = scan_host(opened->kernel());
  if (!inventory) return inventory;
  for (const std::string& warning : inventory->warnings) write_err(report::warning_text(choice.name(), warning));
  return inventory;
}

void add_host(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("host", "Look at a host's devices, and give them to guests and back");
  command->group("Commands");
  command->require_subcommand(1);
  add_host_list(*command, run);
  add_host_show(*command, run);
  add_host_groups(*command, run);
  add_host_record(*command, run);
  add_host_operations(*command, run);
  add_host_rehearse(*command, run);
  add_host_recover(*command, run);
  add_host_status(*command, run);
  command->footer(
      "What changes a host works on the model in --host-model FILE.json, or on this machine with --real.\n"
      "\n"
      "Examples:\n"
      "  busproof host list\n"
      "  busproof host detach 0000:01:00.0 --host-model desktop.json --group companions");
}

}  // namespace busproof::cli
