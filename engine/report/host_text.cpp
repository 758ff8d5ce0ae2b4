#include "engine/report/host_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/report/host_words.h"

namespace busproof::report {
namespace {

using host::HostDevice;

constexpr std::size_t kCells = 7;
using Row = std::array<std::string, kCells>;

template <class T>
std::string or_dash(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

/// The kernel says -1 where it knows of none.
std::optional<int> node_of(const HostDevice& device) {
  return device.numa_node.value_or(-1) < 0 ? std::nullopt : device.numa_node;
}

Row row_of(const HostDevice& device) {
  return {to_string(device.address),
          fmt::format("{:04x}:{:04x}", device.pin.vendor, device.pin.device),
          kind_word(kind_of(device)),
          driver_word(device),
          or_dash(device.group),
          or_dash(node_of(device)),
          notes_of(device)};
}

/// Cells below each other, numbers to the right, the last one as long as it likes.
std::string aligned(const std::vector<Row>& rows, std::string_view indent, std::size_t columns_max) {
  std::array<std::size_t, kCells> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kCells; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  constexpr std::size_t kGroup = 4, kNode = 5;
  std::string out;
  for (const Row& row : rows) {
    std::string line(indent);
    for (std::size_t i = 0; i + 1 < kCells; ++i) {
      line += i == kGroup || i == kNode ? fmt::format("{:>{}}  ", row[i], widths[i])
                                        : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line += row.back();
    line.erase(line.find_last_not_of(' ') + 1);
    if (line.size() > columns_max) line = line.substr(0, columns_max - 3) + "...";
    out += line + '\n';
  }
  return out;
}

constexpr std::array<std::string_view, kCells> kHeadings = {"ADDRESS", "ID",   "KIND", "DRIVER",
                                                            "GROUP",   "NODE", "NOTES"};

std::string count_of(std::size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

std::string addresses(const std::vector<host::HostAddress>& list) {
  std::vector<std::string> words;
  for (const auto& address : list) words.push_back(to_string(address));
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

std::string host_list_text(const host::Inventory& inventory, std::size_t columns_max) {
  std::vector<Row> rows(1);
  std::ranges::copy(kHeadings, rows.front().begin());
  for (const HostDevice& device : inventory.devices) rows.push_back(row_of(device));
  return aligned(rows, "", columns_max) + fmt::format("{}, {}\n", count_of(inventory.devices.size(), "function"),
                                                      count_of(inventory.groups.size(), "IOMMU group"));
}

std::string host_groups_text(const host::Inventory& inventory, std::span<const host::IommuGroup> groups,
                             std::size_t columns_max) {
  std::string out;
  for (const host::IommuGroup& group : groups) {
    std::vector<Row> rows;
    for (const host::HostAddress& member : group.members) {
      if (const HostDevice* device = find(inventory, member)) rows.push_back(row_of(*device));
    }
    const std::string type = group.type.empty() ? "" : ", " + group.type;
    out += fmt::format("group {}{}, {}\n", group.number, type, count_of(group.members.size(), "function"));
    out += aligned(rows, "  ", columns_max);
    if (!group.foreign.empty()) out += fmt::format("  and no PCI devices: {}\n", fmt::join(group.foreign, " "));
  }
  return out + fmt::format("{}\n", count_of(groups.size(), "IOMMU group"));
}

std::string host_device_text(const HostDevice& device) {
  std::vector<std::pair<std::string_view, std::string>> lines = {
      {"card", to_string(device.pin)},
      {"kind", kind_word(kind_of(device))},
      {"driver", driver_word(device)},
      {"IOMMU group", or_dash(device.group)},
      {"NUMA node", or_dash(node_of(device))},
      {"behind", device.parent ? to_string(*device.parent) : device.root_bus},
      {"responds", std::string(to_string(device.config.responding))},
      {"PCI Express", std::string(to_string(device.config.express))},
      {"FLR", std::string(to_string(device.config.flr))},
      {"AF FLR", std::string(to_string(device.config.af_flr))},
      {"power management", std::string(to_string(device.config.power_management))},
      {"reset by PM", std::string(to_string(device.config.pm_reset))},
      {"ACS", std::string(to_string(device.config.acs))},
      {"ACS isolates", std::string(to_string(device.config.acs_isolates))},
      {"reset file", yes_or_no(device.has_reset)},
  };
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) lines.emplace_back(name, value);
  };
  if (device.reset_methods) add("reset methods", fmt::format("{}", fmt::join(*device.reset_methods, " ")));
  if (device.physical_function) add("VF of", to_string(*device.physical_function));
  if (device.virtual_functions_max) add("VFs at most", fmt::format("{}", *device.virtual_functions_max));
  add("VFs", addresses(device.virtual_functions));
  if (device.config.secondary && device.config.subordinate)
    add("buses below", fmt::format("{:02x}-{:02x}", *device.config.secondary, *device.config.subordinate));
  add("interfaces", fmt::format("{}", fmt::join(device.interfaces, " ")));
  add("consumers", addresses(device.consumers));
  add("suppliers", addresses(device.suppliers));
  if (device.boot_vga) add("boot VGA", "yes");
  add("config space", device.config.trouble);
  for (const host::HostUse& use : device.uses) add("in use", use.what);
  std::string out = to_string(device.address) + '\n';
  for (const auto& [name, value] : lines) out += fmt::format("  {:<18}{}\n", std::string(name) + ':', value);
  return out;
}

}  // namespace busproof::report
