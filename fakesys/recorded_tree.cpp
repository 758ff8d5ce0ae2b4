#include "fakesys/recorded_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>

#include "engine/base/base64.h"
#include "fakesys/json_directory.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

Refusal malformed_tree(std::string why) {
  return Refusal(Error{ErrorKind::Unreadable, "host", "captured tree: " + std::move(why)});
}

const json& member(const json& object, const char* name) {
  static const json kEmpty = json::object();
  if (!object.is_object()) return kEmpty;
  const auto found = object.find(name);
  return found == object.end() ? kEmpty : *found;
}

std::string string_in(const json& object, const char* name) {
  const json& text = member(object, name);
  return text.is_string() ? text.get<std::string>() : std::string();
}

/// The number that a name is: of a group, a node or an interface. Nothing for what no kernel would count to.
std::optional<int> small_number(std::string_view digits) {
  constexpr std::uint64_t kMost = 65535;
  const bool all_digits = !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  const std::uint64_t number = all_digits ? decimal_prefix(digits) : kMost + 1;
  return number <= kMost ? std::optional(static_cast<int>(number)) : std::nullopt;
}

std::string text_of(const json& attributes, const char* name) { return string_in(member(attributes, name), "text"); }

std::uint64_t number_of(const json& attributes, const char* name, std::uint64_t otherwise = 0) {
  return kernel_unsigned(text_of(attributes, name)).value_or(otherwise);
}

std::string last_part(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

// ---- Functions
// ---------------------------------------------------------------------------------------------------------

std::vector<Decoder> decoders_of(const std::string& resource) {
  constexpr std::size_t kDecoders = 7;
  constexpr std::uint64_t kFixedResource = 0x10;  // Source: include/linux/ioport.h, IORESOURCE_PCI_FIXED
  std::vector<Decoder> decoders;
  for (const auto part : std::views::split(resource, '\n')) {
    if (decoders.size() == kDecoders) break;
    std::string_view row(part.begin(), part.end());
    const auto first = scan_hex(row), last = scan_hex(row), flags = scan_hex(row);
    if (!first || !last || !flags) break;
    // Ports that a device has by tradition, such as those of IDE, are in no register of it.
    const bool has_register = *last != 0 && (*flags & kFixedResource) == 0;
    decoders.push_back(has_register ? Decoder{*first, *last - *first + 1} : Decoder{});
  }
  return decoders;
}

std::optional<ConfigSpace> config_of(const json& attributes) {
  constexpr std::size_t kConventional = 256, kExtended = 4096;
  const json& config = member(attributes, "config");
  const json& encoded = member(config, "b64");
  if (!encoded.is_string()) return std::nullopt;
  const auto bytes = from_base64(encoded.get<std::string>());
  if (!bytes) return std::nullopt;
  const json& size = member(config, "size");
  const std::size_t whole = size.is_number_unsigned() ? size.get<std::size_t>() : kConventional;
  return ConfigSpace({bytes->begin(), bytes->end()}, std::min(whole, kExtended));
}

std::optional<SriovFacts> sriov_of(const json& attributes) {
  if (!attributes.contains("sriov_totalvfs")) return std::nullopt;
  const std::string device = "0x" + text_of(attributes, "sriov_vf_device");
  SriovFacts facts;
  facts.total = static_cast<unsigned>(number_of(attributes, "sriov_totalvfs"));
  facts.offset = static_cast<unsigned>(number_of(attributes, "sriov_offset"));
  facts.stride = static_cast<unsigned>(number_of(attributes, "sriov_stride"));
  facts.vf_device = static_cast<std::uint16_t>(kernel_unsigned(device).value_or(0));
  return facts;
}

BootFacts boot_of(const json& entry) {
  const json& power = member(member(member(entry, "dirs"), "power"), "attrs");
  BootFacts boot;
  const json& driver = member(member(entry, "links"), "driver");
  if (driver.is_string()) boot.driver = last_part(driver.get<std::string>());
  boot.runtime_auto = text_of(power, "control") == "auto\n";
  boot.runtime_held = static_cast<int>(number_of(power, "runtime_usage", boot.runtime_auto ? 0 : 1));
  if (!boot.runtime_auto) --boot.runtime_held;
  return boot;
}

/// Controllers of QEMU's NVMe VFs never become ready: what its drivers see is the emulation's doing.
bool has_dead_vfs(const Identity& id) { return id.vendor == 0x1b36 && id.device == 0x0010; }

struct TreeReader {
  const json& tree;
  Host host;
  std::map<std::string, FunctionPtr> functions;

  Result<FunctionPtr> function(const std::string& name) {
    if (const auto known = functions.find(name); known != functions.end()) return known->second;
    const json& entry = member(member(tree, "devices"), name.c_str());
    const json& attributes = member(entry, "attrs");
    const auto address = HostAddress::parse(name);
    const auto config = config_of(attributes);
    const std::string path = string_in(entry, "path");
    if (!address || !config || path.empty()) return malformed_tree("device " + name + " lacks its path or its config");
    Function function{*address};
    function.identity = {static_cast<std::uint16_t>(number_of(attributes, "vendor")),
                         static_cast<std::uint16_t>(number_of(attributes, "device")),
                         static_cast<std::uint16_t>(number_of(attributes, "subsystem_vendor")),
                         static_cast<std::uint16_t>(number_of(attributes, "subsystem_device")),
                         static_cast<std::uint32_t>(number_of(attributes, "class")),
                         static_cast<std::uint8_t>(number_of(attributes, "revision"))};
    function.config = *config;
    function.decoders = decoders_of(text_of(attributes, "resource"));
    if (attributes.contains("secondary_bus_number")) {
      function.secondary = static_cast<std::uint8_t>(number_of(attributes, "secondary_bus_number"));
    }
    function.numa_node = static_cast<int>(kernel_signed(text_of(attributes, "numa_node")).value_or(kNone));
    function.d3cold_allowed = text_of(attributes, "d3cold_allowed") == "1\n";
    function.sriov = sriov_of(attributes);
    if (function.sriov) function.sriov->dead_vfs = has_dead_vfs(function.identity);
    function.boot = boot_of(entry);
    function.recorded = std::make_shared<RecordedDirectory>(directory_from_json(entry));
    if (const auto error = place(function, path)) return Refusal(*error);
    auto made = std::make_shared<const Function>(std::move(function));
    functions.emplace(name, made);
    return made;
  }

  /// Reads from the path what the device sits behind.
  std::optional<Error> place(Function& function, const std::string& path) {
    std::vector<std::string> parts;
    for (const auto part : std::views::split(path, '/')) parts.emplace_back(part.begin(), part.end());
    constexpr std::size_t kShortest = 3;
    if (parts.size() < kShortest || !parts[1].starts_with("pci")) return malformed_tree("path " + path).error();
    const auto root = std::string_view(parts[1]).substr(parts[1].rfind(':') + 1);
    function.root_bus = static_cast<std::uint8_t>(kernel_unsigned("0x" + std::string(root)).value_or(0));
    if (parts.size() == kShortest) return std::nullopt;
    // A device's own path is longer than that of what it sits behind, or nobody would come to an end.
    const std::string& bridge = parts[parts.size() - 2];
    const std::string above = path.substr(0, path.rfind('/'));
    if (string_in(member(member(tree, "devices"), bridge.c_str()), "path") != above)
      return malformed_tree("path " + path).error();
    auto parent = this->function(bridge);
    if (!parent) return parent.error();
    function.parent = *parent;
    return std::nullopt;
  }

  void read_facts() {
    auto facts = std::make_shared<HostFacts>();
    facts->name = string_in(tree, "machine");
    facts->kernel = string_in(tree, "kernel");
    facts->bus = directory_from_json(member(tree, "bus"));
    const auto copy = [&](const json& from, auto& into) {
      for (const auto& [name, entry] : from.items()) into.emplace_back(name, directory_from_json(entry));
    };
    copy(member(tree, "host_bridges"), facts->host_bridges);
    copy(member(member(tree, "class"), "pci_bus"), facts->buses);
    copy(member(member(tree, "class"), "iommu"), facts->iommus);
    copy(member(tree, "drivers"), facts->drivers);
    for (const auto& [name, entry] : member(tree, "iommu_groups").items()) {
      if (const auto number = small_number(name)) facts->groups.emplace_back(*number, directory_from_json(entry));
    }
    for (const auto& [name, entry] : member(tree, "devices").items()) {
      facts->lab_names.emplace_back(name, string_in(entry, "lab_name"));
    }
    for (const auto& [name, entry] : member(member(tree, "misc"), "numa_nodes").items()) {
      std::string processors = string_in(entry, "cpulist");
      if (processors.ends_with('\n')) processors.pop_back();
      if (const auto node = node_number(name)) facts->node_cpus.emplace_back(*node, std::move(processors));
    }
    facts->interface_names = renamed_interfaces();
    host.facts = std::move(facts);
  }

  /// Numbers for the interfaces that are not called ethN, such as are not taken by those that are.
  std::vector<std::pair<int, std::string>> renamed_interfaces() const {
    std::set<std::string> names;
    for (const auto& [device, entry] : member(tree, "devices").items()) {
      for (const auto& [interface, facts] : member(entry, "net").items()) names.insert(interface);
    }
    std::vector<std::pair<int, std::string>> renamed;
    int next = 0;
    for (const std::string& name : names) {
      if (eth_number(name)) continue;
      while (names.contains(fmt::format("eth{}", next))) ++next;
      renamed.emplace_back(next++, name);
    }
    return renamed;
  }

  static std::optional<int> node_number(std::string_view name) {
    constexpr std::string_view kNode = "node";
    return name.starts_with(kNode) ? small_number(name.substr(kNode.size())) : std::nullopt;
  }

  static std::optional<int> eth_number(const std::string& name) {
    const auto number = name.starts_with("eth") ? small_number(std::string_view(name).substr(3)) : std::nullopt;
    return number && name == fmt::format("eth{}", *number) ? number : std::nullopt;
  }

  int interface_number(const std::string& name) const {
    const auto& renamed = host.facts->interface_names;
    const auto found = std::ranges::find(renamed, name, [](const auto& entry) { return entry.second; });
    return found == renamed.end() ? eth_number(name).value_or(0) : found->first;
  }

  void read_machine() {
    Model& model = host.model;
    for (const auto& [name, entry] : member(tree, "host_bridges").items()) {
      std::string_view numbers(name);
      numbers.remove_prefix(std::min(numbers.size(), std::string_view("pci").size()));
      const auto segment = scan_hex(numbers);
      if (numbers.starts_with(':')) numbers.remove_prefix(1);
      const auto bus = scan_hex(numbers);
      if (segment && bus) model.add_root_bus(static_cast<std::uint32_t>(*segment), static_cast<std::uint8_t>(*bus));
    }
    model.has_iommu = !member(tree, "iommu_groups").empty();
    for (const auto& argument : member(tree, "qemu_arguments")) {
      const auto text = argument.is_string() ? argument.get<std::string>() : std::string();
      if (text.starts_with("intel-iommu")) model.interrupt_remapping = text.find("intremap=on") != std::string::npos;
    }
    model.online_nodes.assign(1, true);
    for (const auto& [name, node] : member(member(tree, "misc"), "numa_nodes").items()) {
      const auto counted = node_number(name);
      if (!counted) continue;
      const auto number = static_cast<std::size_t>(*counted);
      if (model.online_nodes.size() <= number) model.online_nodes.resize(number + 1);
      model.online_nodes[number] = true;
    }
  }

  /// Whether the groups are of devices that are there, and of each once.
  bool read_groups() {
    Model& model = host.model;
    const auto type = [](const json& entry) {
      const std::string text = text_of(member(entry, "attrs"), "type");
      if (text == "identity\n") return DomainType::Identity;
      return text == "DMA\n" ? DomainType::Dma : DomainType::DmaFq;
    };
    for (const auto& [name, entry] : member(tree, "iommu_groups").items()) {
      model.default_type = type(entry);
      for (const auto& device : member(entry, "devices")) {
        const auto address = HostAddress::parse(device.is_string() ? device.get<std::string>() : "");
        const Slot slot = address ? model.find(*address) : kNoSlot;
        const auto number = small_number(name);
        if (slot == kNoSlot || !number || model.device(slot).group != kNone) return false;
        model.join_group(slot, *number);
      }
    }
    return true;
  }

  /// Built-in drivers were there first, then those of modules, the stubs last: what the capture's init program does.
  void read_drivers() {
    struct Found {
      int rank;
      std::string name, module;
      auto operator<=>(const Found&) const = default;
    };
    std::set<Found> found;
    for (const auto& [name, entry] : member(tree, "drivers").items()) {
      const json& link = member(member(entry, "links"), "module");
      std::string module = link.is_string() ? last_part(link.get<std::string>()) : std::string();
      const DriverRole role = rule_for(name).role;
      const int late = role == DriverRole::Vfio ? 3 : 2;
      const bool stub = role == DriverRole::Vfio || role == DriverRole::Stub;
      found.insert({stub ? late : module.empty() ? 0 : 1, name, std::move(module)});
    }
    for (const Found& driver : found) {
      const auto known = known_ids(driver.name);
      host.model.add_driver({driver.name, driver.module, rule_for(driver.name), {known.begin(), known.end()}, {}, {}});
    }
    read_modules();
  }

  void read_modules() {
    std::map<std::string, Module> modules;
    for (const auto& [name, entry] : member(tree, "modules").items()) {
      modules[name] = Module{.name = name, .loaded = true, .drivers = {}, .needs = {}, .recorded = nullptr};
      modules[name].recorded = std::make_shared<RecordedDirectory>(directory_from_json(entry));
    }
    for (const auto& [name, entry] : member(tree, "modules").items()) {
      for (const auto& [holder, target] : member(member(member(entry, "dirs"), "holders"), "links").items()) {
        if (const auto found = modules.find(holder); found != modules.end()) found->second.needs.push_back(name);
      }
    }
    for (const int id : host.model.drivers()) {
      const Driver& driver = host.model.driver(id);
      if (driver.module.empty()) continue;
      Module& module = modules[driver.module];
      module.name = driver.module;
      module.loaded = true;
      module.drivers.push_back(driver.name);
    }
    for (auto& [name, module] : modules) host.model.add_module(std::move(module));
    const auto is_on = [&](const char* module, const char* parameter) {
      const json& folder = member(member(member(tree, "modules"), module), "dirs");
      return text_of(member(member(folder, "parameters"), "attrs"), parameter) == "Y\n";
    };
    host.model.vfio_enable_sriov = is_on("vfio_pci", "enable_sriov");
    host.model.vfio_disable_idle_d3 = is_on("vfio_pci", "disable_idle_d3");
    host.model.allow_unsafe_interrupts = is_on("vfio_iommu_type1", "allow_unsafe_interrupts");
  }

  void read_slots() {
    for (const auto& [name, entry] : member(tree, "slots").items()) {
      std::string address = text_of(member(entry, "attrs"), "address");
      while (address.ends_with('\n')) address.pop_back();
      const auto parsed = HostAddress::parse(address + ".0");
      if (!parsed) continue;
      auto recorded = std::make_shared<RecordedDirectory>(directory_from_json(entry));
      const bool of_port = is_slot_of_port(*recorded);
      host.model.add_slot(
          {name, parsed->segment(), parsed->bus(), parsed->slot(), false, of_port, std::move(recorded)});
    }
  }

  /// What the device was like at the time of the capture, as against when it was found.
  void read_state(Slot slot) {
    Model& model = host.model;
    const std::string name = to_string(model.device(slot).function->address);
    const json& entry = member(member(tree, "devices"), name.c_str());
    const json& attributes = member(entry, "attrs");
    const BootFacts& boot = model.device(slot).function->boot;
    Device& device = model.edit(slot);
    device.runtime_auto = boot.runtime_auto;
    device.runtime_held = boot.runtime_held;
    device.enable_count = static_cast<int>(number_of(attributes, "enable"));
    device.powered = text_of(attributes, "power_state") != "unknown\n";
    device.broken_parity = text_of(attributes, "broken_parity_status") == "1\n";
    device.no_msi = text_of(attributes, "msi_bus") == "0\n";
    device.bound_before = !attributes.contains("waiting_for_supplier");
    device.vfs_autoprobe = text_of(attributes, "sriov_drivers_autoprobe") != "0\n";
    const std::string override_text = text_of(attributes, "driver_override");
    if (override_text != "(null)\n") device.override_text = override_text.substr(0, override_text.find('\n'));
    for (const auto& [interface, facts] : member(entry, "net").items()) {
      model.name_interface(slot, interface_number(interface));
    }
    const int driver = boot.driver.empty() ? kNone : model.find_driver(boot.driver);
    if (driver == kNone) return;
    if (!model.matches(model.driver(driver), model.device(slot))) {
      const Identity& id = model.device(slot).function->identity;
      model.know_id(driver, {.vendor = id.vendor, .device = id.device});
    }
    model.bind_at_boot(slot, driver);
  }

  Result<Host> read() {
    if (string_in(tree, "format") != "busproof-sysfs-tree/1") {
      return malformed_tree("its format is not \"busproof-sysfs-tree/1\"");
    }
    if (!member(tree, "devices").is_object()) return malformed_tree("no devices");
    host.model.profile = profile_for(string_in(tree, "kernel"));
    read_facts();
    read_machine();
    for (const auto& [name, entry] : member(tree, "devices").items()) {
      auto made = function(name);
      if (!made) return Refusal(made.error());
      host.model.plug(*made);
    }
    note_host_bridges(host);
    host.model.boot_scan();
    if (host.model.in_order().size() != functions.size()) return malformed_tree("devices on buses that are not there");
    if (!read_groups()) return malformed_tree("IOMMU groups that are not of its devices");
    read_drivers();
    read_slots();
    const std::vector<Slot> slots(host.model.in_order().begin(), host.model.in_order().end());
    for (const Slot slot : slots) read_state(slot);
    return std::move(host);
  }
};

}  // namespace

Result<Host> load_tree(std::string_view text) {
  const json tree = json::parse(text, nullptr, false);
  if (tree.is_discarded()) return malformed_tree("not JSON");
  TreeReader reader{tree, Host(kProfiles[0]), {}};
  return reader.read();
}

}  // namespace busproof::fakesys
