#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "engine/host/inventory.h"
#include "engine/report/host_json.h"
#include "engine/report/host_text.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

constexpr std::size_t kListColumns = 100;

struct HostListOptions {
  HostChoice host;
  std::vector<std::string> which;
  std::string format;
};

ExitCode list(const HostListOptions& options) {
  const auto inventory = read_inventory(options.host);
  if (!inventory) return unusable(options.host.name(), inventory.error());
  return finish(is_json(options.format) ? report::host_json(*inventory)
                                        : report::host_list_text(*inventory, kListColumns));
}

Error no_such(std::string_view what, const std::string& which) {
  return {.kind = ErrorKind::Unreadable,
          .rule = "",
          .message = fmt::format("there is no {} {}", what, which),
          .remedy = "busproof host list names all"};
}

ExitCode show(const HostListOptions& options) {
  const auto inventory = read_inventory(options.host);
  if (!inventory) return unusable(options.host.name(), inventory.error());
  std::vector<host::HostDevice> devices;
  for (const std::string& name : options.which) {
    const auto address = pci::HostAddress::parse(name);
    const host::HostDevice* device = address ? find(*inventory, *address) : nullptr;
    if (device == nullptr) return unusable(options.host.name(), no_such("device", name));
    devices.push_back(*device);
  }
  if (is_json(options.format)) return finish(report::host_devices_json(devices));
  std::string text;
  for (const host::HostDevice& device : devices) text += report::host_device_text(device);
  return finish(text);
}

ExitCode groups(const HostListOptions& options) {
  const auto inventory = read_inventory(options.host);
  if (!inventory) return unusable(options.host.name(), inventory.error());
  std::vector<host::IommuGroup> chosen;
  for (const std::string& name : options.which) {
    const auto group =
        std::ranges::find(inventory->groups, name, [](const host::IommuGroup& g) { return std::to_string(g.number); });
    if (group == inventory->groups.end()) return unusable(options.host.name(), no_such("IOMMU group", name));
    chosen.push_back(*group);
  }
  if (options.which.empty()) chosen = inventory->groups;
  return finish(is_json(options.format) ? report::host_groups_json(chosen)
                                        : report::host_groups_text(*inventory, chosen, kListColumns));
}

CLI::App* add(CLI::App& host, Run& run, const char* name, const char* what,
              const std::shared_ptr<HostListOptions>& options, ExitCode (*act)(const HostListOptions&)) {
  CLI::App* command = host.add_subcommand(name, what);
  add_host_choice(*command, options->host);
  add_format(*command, options->format);
  command->callback([options, act, &run] { run = [options, act] { return act(*options); }; });
  return command;
}

}  // namespace

void add_host_list(CLI::App& host, Run& run) {
  const auto options = std::make_shared<HostListOptions>();
  add(host, run, "list", "List the functions with driver, IOMMU group, and what uses them", options, list)
      ->footer(
          "Nothing is written. \"(override X)\" behind a driver is the driver_override that is set.\n"
          "\n"
          "Examples:\n"
          "  busproof host list\n"
          "  busproof host list --host-model web01.json --format json");
}

void add_host_show(CLI::App& host, Run& run) {
  const auto options = std::make_shared<HostListOptions>();
  CLI::App* command = add(host, run, "show", "Say all that is known of a function", options, show);
  command->add_option("ADDRESS", options->which, "as in 0000:01:00.0 or 01:00.0")->required()->type_name("");
  command->footer("Example:\n  busproof host show 01:00.0");
}

void add_host_groups(CLI::App& host, Run& run) {
  const auto options = std::make_shared<HostListOptions>();
  CLI::App* command = add(host, run, "groups", "List the IOMMU groups and their members", options, groups);
  command->add_option("NUMBER", options->which, "only these groups")->type_name("");
  command->footer("Examples:\n  busproof host groups\n  busproof host groups 14 --format json");
}

}  // namespace busproof::cli
