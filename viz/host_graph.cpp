#include "viz/host_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <set>
#include <utility>

#include "engine/host/driver_choice.h"
#include "engine/host/iommu_group.h"
#include "viz/names.h"

namespace busproof::viz {
namespace {

using host::HostAddress;
using host::HostDevice;
using host::IommuGroup;

struct ClassRule {
  std::uint32_t class_code;  ///< the upper 8 or 16 bits of 24, the others zero
  std::uint32_t mask;
  std::string_view tag;
  Hue hue;
  std::string_view meaning;
};
// clang-format off
constexpr auto kClassRules = std::to_array<ClassRule>({
  {0x060400, 0xffff00, "BUS",  Hue::Bridge, "port or bridge"},
  {0x060000, 0xff0000, "CHIP", Hue::Bridge, "chipset"},
  {0x010800, 0xffff00, "NVME", Hue::Storage, "NVMe disk"},
  {0x010600, 0xffff00, "SATA", Hue::Storage, "SATA controller"},
  {0x010400, 0xffff00, "RAID", Hue::Storage, "RAID controller"},
  {0x010000, 0xff0000, "DISK", Hue::Storage, "storage controller"},
  {0x020000, 0xff0000, "NET",  Hue::Network, "network card"},
  {0x0d0000, 0xff0000, "WIFI", Hue::Network, "radio"},
  {0x030000, 0xff0000, "VGA",  Hue::Display, "graphics card"},
  {0x040000, 0xff0000, "SND",  Hue::Display, "sound or video"},
  {0x0c0300, 0xffff00, "USB",  Hue::Usb, "USB controller"},
  {0x0c0500, 0xffff00, "SMB",  Hue::Other, "SMBus"},
  {0x070000, 0xff0000, "TTY",  Hue::Other, "serial port"},
  {0x100000, 0xff0000, "CRYP", Hue::Other, "encryption"},
  {0x120000, 0xff0000, "ACCL", Hue::Host, "accelerator"},
  {0x000000, 0x000000, "PCI",  Hue::Other, "something else"},
});
// clang-format on

Tag tag_of(const HostDevice& device) {
  const auto rule = std::ranges::find_if(
      kClassRules, [&](const ClassRule& row) { return (device.pin.class_code & row.mask) == row.class_code; });
  return {std::string(rule->tag), rule->hue};
}

bool is_stub(const HostDevice& device) { return host::stub_kind(device, {}).has_value(); }

/// What sort of bus a bridge makes; Plain if its registers are out of sight.
Look look_below(const HostDevice& bridge) {
  if (bridge.config.port_type)
    return *bridge.config.port_type == pci::PortType::PcieToPci ? Look::Conventional : Look::Express;
  if (bridge.driver == "pcieport") return Look::Express;
  return bridge.config.express == host::Known::No ? Look::Conventional : Look::Plain;
}

/// The functions of one bus that stand together: of one group of several, or all those of no such group.
struct PartKey {
  std::string root_bus;
  std::optional<HostAddress> parent;
  std::uint32_t segment = 0;
  std::uint8_t bus = 0;
  std::optional<unsigned> group;
  friend auto operator<=>(const PartKey&, const PartKey&) = default;
};

std::string short_address(const HostAddress& address) {
  const std::string text = to_string(address);
  return address.segment() == 0 ? text.substr(text.find(':') + 1) : text;
}

class HostGraph {
 public:
  HostGraph(const host::Inventory& inventory, const host::Ledger& ledger, const report::PciNames& names,
            std::string_view host)
      : inventory_(inventory), ledger_(ledger), pci_(names) {
    graph_.title = host;
    for (const HostDevice& device : inventory.devices)
      cell_names_[device.address] = names_.make(to_string(device.address));
  }

  Graph draw() && {
    draw_heading();
    for (const HostDevice& device : inventory_.devices) parts_[key_of(device)].push_back(&device);
    find_boxes();
    for (const auto& [key, devices] : parts_) draw_part(key, devices);
    for (const HostDevice& device : inventory_.devices) draw_virtual_functions(device);
    draw_legend();
    return std::move(graph_);
  }

 private:
  void draw_heading() {
    const auto count = [](std::size_t number, std::string_view thing) {
      return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
    };
    if (!inventory_.kernel_release.empty()) graph_.title += " · Linux " + inventory_.kernel_release;
    graph_.subtitle = fmt::format("{}, {}", count(inventory_.devices.size(), "PCI function"),
                                  count(inventory_.groups.size(), "IOMMU group"));
    constexpr std::size_t kWarningsMax = 4;
    for (std::size_t i = 0; i < std::min(kWarningsMax, inventory_.warnings.size()); ++i)
      graph_.warnings.push_back(inventory_.warnings[i]);
    if (inventory_.warnings.size() > kWarningsMax)
      graph_.warnings.push_back(fmt::format("and {} more warnings", inventory_.warnings.size() - kWarningsMax));
  }

  [[nodiscard]] PartKey key_of(const HostDevice& device) const {
    const IommuGroup* group = find_group(inventory_, device.group);
    const bool boxed = group != nullptr && group->members.size() > 1;
    return {device.root_bus, device.parent, device.address.segment(), device.address.bus(),
            boxed ? device.group : std::nullopt};
  }

  /// The NUMA node that all of them are on; nothing if they differ.
  template <class Devices>
  static std::optional<int> common_node(const Devices& devices) {
    std::optional<int> common;
    for (const HostDevice* device : devices) {
      if (device != *devices.begin() && device->numa_node != common) return std::nullopt;
      common = device->numa_node;
    }
    return common;
  }

  /// NUMA nodes first: groups lie within them, unless they reach over.
  void find_boxes() {
    std::map<unsigned, std::vector<const HostDevice*>> groups;
    std::set<int> nodes;
    for (const HostDevice& device : inventory_.devices) {
      if (device.numa_node && *device.numa_node >= 0) nodes.insert(*device.numa_node);
      if (const auto group = key_of(device).group) groups[*group].push_back(&device);
    }
    for (const int node : nodes) {
      numa_box_[node] = graph_.boxes.size();
      graph_.boxes.push_back({.name = names_.make(fmt::format("numa-{}", node)),
                              .label = fmt::format("NUMA node {}", node),
                              .tint = static_cast<unsigned>(node)});
    }
    for (const auto& [number, devices] : groups) {
      group_box_[number] = graph_.boxes.size();
      graph_.boxes.push_back(box_of(number, devices));
    }
  }

  Box box_of(unsigned number, const std::vector<const HostDevice*>& devices) {
    Box box{.name = names_.make(fmt::format("group-{}", number)),
            .label = fmt::format("IOMMU group {}", number),
            .look = Look::Group,
            .within = box_of_node(common_node(devices))};
    const IommuGroup* group = find_group(inventory_, number);
    std::vector<std::string> blockers = group->foreign;
    for (const HostDevice* device : devices)
      if (host::blocks_group(*device, host::stub_kind(*device, {}), inventory_.kernel_release))
        blockers.push_back(fmt::format("{} is bound to {}", short_address(device->address), *device->driver));
    const bool wanted = std::ranges::any_of(devices, [](const HostDevice* device) { return is_stub(*device); });
    if (!wanted || blockers.empty()) return box;
    box.look = Look::Unviable;
    box.label += " · not viable";
    box.remark = blockers.front();
    if (blockers.size() > 1) box.remark += fmt::format(" and {} more", blockers.size() - 1);
    box.tooltip = fmt::format("IOMMU group {} is not viable:\n{}", number, fmt::join(blockers, "\n"));
    return box;
  }

  [[nodiscard]] std::optional<std::size_t> box_of_node(std::optional<int> node) const {
    const auto box = node ? numa_box_.find(*node) : numa_box_.end();
    return box == numa_box_.end() ? std::nullopt : std::optional(box->second);
  }

  void draw_part(const PartKey& key, const std::vector<const HostDevice*>& devices) {
    const auto numa = common_node(devices);
    Node node{.box = key.group ? group_box_.at(*key.group) : box_of_node(numa)};
    const HostDevice* bridge = key.parent ? find(inventory_, *key.parent) : nullptr;
    node.look = bridge != nullptr ? look_below(*bridge) : Look::Plain;
    node.heading = {
        .name = names_.make(fmt::format("bus-{:04x}:{:02x}", key.segment, key.bus)),
        .lines = {fmt::format("bus {}{:02x}", key.segment == 0 ? "" : fmt::format("{:04x}:", key.segment), key.bus)},
        .tooltip = fmt::format("bus {:04x}:{:02x} of {}", key.segment, key.bus, key.root_bus),
        .look = node.look};
    if (key.parent) node.heading.tooltip += "\nbelow " + to_string(*key.parent);
    for (const HostDevice* device : devices) {
      const std::string slot = fmt::format("{:02x}", device->address.slot());
      if (node.rows.empty() || node.rows.back().label != slot) node.rows.push_back({slot, {}});
      node.rows.back().cells.push_back(cell_of(*device));
    }
    const std::string from =
        key.parent && cell_names_.contains(*key.parent) ? cell_names_.at(*key.parent) : bridge_name(key.root_bus, numa);
    graph_.edges.push_back({.from = from, .to = node.heading.name, .look = node.look, .tooltip = node.heading.tooltip});
    graph_.nodes.push_back(std::move(node));
  }

  /// The host bridge's node, drawn when it is first asked for.
  std::string bridge_name(const std::string& root_bus, std::optional<int> numa) {
    const auto [name, is_new] = bridges_.try_emplace(root_bus);
    if (!is_new) return name->second;
    name->second = names_.make(root_bus);
    Node node{
        .heading = {.name = name->second, .lines = {"host bridge", root_bus}, .tooltip = "host bridge " + root_bus},
        .box = box_of_node(numa)};
    graph_.nodes.push_back(std::move(node));
    return name->second;
  }

  [[nodiscard]] Cell cell_of(const HostDevice& device) const {
    Cell cell{.name = cell_names_.at(device.address),
              .label = fmt::format(".{:x}", device.address.function()),
              .tag = tag_of(device),
              .look = look_of(device)};
    const std::string id = fmt::format("{:04x}:{:04x}", device.pin.vendor, device.pin.device);
    const std::string vendor = pci_.vendor(device.pin.vendor);
    const std::string model = pci_.device(device.pin.vendor, device.pin.device);
    cell.lines = {fmt::format("{} · {}", short_address(device.address), driver_text(device)),
                  fmt::format("[{}] {}", id, model.empty() ? vendor : model),
                  fmt::format("{}", fmt::join(facts_of(device), ", "))};
    const std::string owner = owner_text(device);
    for (const host::HostUse& use : device.uses) cell.lines.push_back("in use: " + use.what);
    if (!owner.empty()) cell.lines.push_back(owner);
    cell.tooltip = fmt::format("{}\n{} {}\n{}\ndriver: {}", to_string(device.address), vendor, model,
                               pci_.device_class(device.pin.class_code), driver_text(device));
    cell.tooltip += "\n" + to_string(device.pin);
    for (const std::string& fact : facts_of(device)) cell.tooltip += '\n' + fact;
    for (const host::HostUse& use : device.uses) cell.tooltip += "\nin use: " + use.what;
    if (!owner.empty()) cell.tooltip += '\n' + owner;
    if (device.override_to) cell.tooltip += "\ndriver_override: " + *device.override_to;
    return cell;
  }

  /// "with web01 of qemu"; "for any guest"; empty where the ledger knows nothing of the device.
  [[nodiscard]] std::string owner_text(const HostDevice& device) const {
    const host::LedgerEntry* entry = host::find(ledger_, device.address);
    if (entry == nullptr) return {};
    return entry->owner ? fmt::format("with {} of {}", entry->owner->domain, entry->owner->driver) : "for any guest";
  }

  static std::string driver_text(const HostDevice& device) { return device.driver.value_or("no driver"); }

  [[nodiscard]] std::vector<std::string> facts_of(const HostDevice& device) const {
    std::vector<std::string> facts;
    if (device.group && !key_of(device).group) facts.push_back(fmt::format("group {}", *device.group));
    if (device.numa_node && *device.numa_node >= 0) facts.push_back(fmt::format("node {}", *device.numa_node));
    if (device.physical_function) facts.push_back("VF of " + short_address(*device.physical_function));
    if (device.virtual_functions_max)
      facts.push_back(fmt::format("{} of {} VFs", device.virtual_functions.size(), *device.virtual_functions_max));
    for (const std::string& interface : device.interfaces) facts.push_back(interface);
    if (device.boot_vga) facts.emplace_back("boot VGA");
    return facts;
  }

  static Look look_of(const HostDevice& device) {
    if (is_stub(device)) return Look::Stub;
    if (!device.uses.empty() || device.boot_vga) return Look::Owned;
    return device.driver || host::is_bridge(device) ? Look::Plain : Look::Quiet;
  }

  /// One arrow to the first of them: they say themselves whose they are.
  void draw_virtual_functions(const HostDevice& device) {
    if (device.virtual_functions.empty() || !cell_names_.contains(device.virtual_functions.front())) return;
    graph_.edges.push_back({.from = cell_names_.at(device.address),
                            .to = cell_names_.at(device.virtual_functions.front()),
                            .look = Look::Stub,
                            .kind = EdgeKind::Arrow,
                            .tooltip = fmt::format("{} has {} virtual functions", to_string(device.address),
                                                   device.virtual_functions.size())});
  }

  void draw_legend() {
    const auto has_cell = [&](Look look) {
      return std::ranges::any_of(inventory_.devices, [&](const HostDevice& device) { return look_of(device) == look; });
    };
    const auto has_box = [&](Look look) { return std::ranges::count(graph_.boxes, look, &Box::look) > 0; };
    const auto add_if = [&](bool occurs, Look look, std::string text) {
      if (occurs) graph_.legend.push_back({Key::Sample::Cell, {}, look, std::move(text)});
    };
    const auto add_line_if = [&](Look look, std::string text) {
      if (std::ranges::count(graph_.nodes, look, &Node::look) > 0)
        graph_.legend.push_back({Key::Sample::Line, {}, look, std::move(text)});
    };
    add_line_if(Look::Express, "PCI Express");
    add_line_if(Look::Conventional, "conventional PCI");
    if (std::ranges::count(graph_.edges, EdgeKind::Arrow, &Edge::kind) > 0)
      graph_.legend.push_back({Key::Sample::Line, {}, Look::Stub, "to the virtual functions of a card"});
    add_if(has_cell(Look::Stub), Look::Stub, "kept for a guest, or with one");
    add_if(has_cell(Look::Owned), Look::Owned, "the host itself uses it");
    add_if(has_cell(Look::Quiet), Look::Quiet, "no driver");
    add_if(has_box(Look::Group), Look::Group, "IOMMU group: to one guest or to none");
    add_if(has_box(Look::Unviable), Look::Unviable, "group that no guest gets as it stands");
    for (const ClassRule& rule : kClassRules)
      if (std::ranges::any_of(inventory_.devices,
                              [&](const HostDevice& device) { return tag_of(device).text == rule.tag; }))
        graph_.legend.push_back(
            {Key::Sample::Tag, {std::string(rule.tag), rule.hue}, Look::Plain, std::string(rule.meaning)});
  }

  const host::Inventory& inventory_;
  const host::Ledger& ledger_;
  const report::PciNames& pci_;
  Names names_;
  std::map<HostAddress, std::string> cell_names_;
  std::map<PartKey, std::vector<const HostDevice*>> parts_;
  std::map<int, std::size_t> numa_box_;
  std::map<unsigned, std::size_t> group_box_;
  std::map<std::string, std::string> bridges_;  ///< names of the host bridges' nodes, by root bus
  Graph graph_;
};

}  // namespace

Graph host_graph(const host::Inventory& inventory, const host::Ledger& ledger, const report::PciNames& names,
                 std::string_view host) {
  return HostGraph(inventory, ledger, names, host).draw();
}

}  // namespace busproof::viz
