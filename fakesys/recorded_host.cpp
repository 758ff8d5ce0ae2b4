#include "fakesys/recorded_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/base64.h"
#include "fakesys/json_directory.h"
#include "fakesys/numbers.h"
#include "fakesys/recorded_tree.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "busproof-host";

Refusal malformed_host(std::string why) {
  return Refusal(Error{ErrorKind::Unreadable, "host", "recorded host: " + std::move(why)});
}

// ---- To JSON
// -----------------------------------------------------------------------------------------------------------

std::string encoded(const ConfigSpace& config) {
  const auto bytes = config.bytes();
  std::string text(bytes.begin(), bytes.end());
  text.erase(text.find_last_not_of('\0') + 1);
  return to_base64(text);
}

json to_json(const PciId& id) {
  return {id.vendor,     id.device,     id.subvendor,   id.subdevice,
          id.class_code, id.class_mask, id.driver_data, id.override_only};
}

json ids_to_json(const std::vector<PciId>& ids) {
  json out = json::array();
  for (const PciId& id : ids) out.push_back(to_json(id));
  return out;
}

json to_json(const Function& function) {
  const Identity& id = function.identity;
  json out = {{"address", to_string(function.address)},
              {"ids", {id.vendor, id.device, id.subvendor, id.subdevice, id.class_code, id.revision}},
              {"config", encoded(function.config)},
              {"config_size", function.config.size()},
              {"numa_node", function.numa_node},
              {"root_bus", function.root_bus}};
  for (const Decoder& decoder : function.decoders) out["decoders"].push_back({decoder.base, decoder.size});
  if (function.secondary) out["secondary"] = *function.secondary;
  if (function.d3cold_allowed) out["d3cold_allowed"] = true;
  if (function.dead_controller) out["dead_controller"] = true;
  if (function.physical) out["physical"] = to_string(*function.physical);
  if (function.parent != nullptr) out["parent"] = to_string(function.parent->address);
  if (function.sriov) {
    const SriovFacts& facts = *function.sriov;
    out["sriov"] = {
        {"total", facts.total}, {"offset", facts.offset}, {"stride", facts.stride}, {"vf_device", facts.vf_device}};
    if (facts.dead_vfs) out["sriov"]["dead_vfs"] = true;
  }
  const BootFacts& boot = function.boot;
  if (!boot.driver.empty() || boot.runtime_auto || boot.runtime_held != 0) {
    out["boot"] = {{"driver", boot.driver}, {"runtime_auto", boot.runtime_auto}, {"runtime_held", boot.runtime_held}};
  }
  if (function.recorded != nullptr && !function.is_virtual) out["recorded"] = to_json(*function.recorded);
  return out;
}

std::vector<std::string> names_of(const std::vector<ResetMethod>& methods) {
  constexpr std::array kNames = {"device_specific", "acpi", "flr", "af_flr", "pm", "bus"};
  std::vector<std::string> names;
  for (const ResetMethod method : methods) names.emplace_back(kNames[static_cast<std::size_t>(method)]);
  return names;
}

json device_to_json(const Model& model, const Device& device) {
  json out = {{"address", to_string(device.function->address)},
              {"enable", device.enable_count},
              {"numa_node", device.numa_node}};
  const auto mark = [&](const char* name, bool set) {
    if (set) out[name] = true;
  };
  if (device.driver != kNone) out["driver"] = model.driver(device.driver).name;
  if (!device.override_text.empty()) out["override"] = device.override_text;
  if (device.group != kNone) out["group"] = device.group;
  mark("powered", device.powered);
  mark("runtime_auto", device.runtime_auto);
  mark("multifunction", device.multifunction);
  mark("broken_parity", device.broken_parity);
  mark("no_msi", device.no_msi);
  mark("d3cold_allowed", device.d3cold_allowed);
  mark("vfs_not_probed", !device.vfs_autoprobe);
  mark("found_later", device.found_later);
  mark("not_wakeable", !device.wakeable);
  mark("bound_before", device.bound_before && device.driver == kNone);
  if (device.runtime_held != 0) out["runtime_held"] = device.runtime_held;
  if (device.reset_present) out["reset_methods"] = names_of(device.reset_enabled);
  if (!device.net.empty()) out["net"] = device.net;
  if (device.num_vfs > 0) out["num_vfs"] = device.num_vfs;
  for (const HostAddress& address : device.virtfns) out["virtfns"].push_back(to_string(address));
  if (device.physfn) out["physfn"] = to_string(*device.physfn);
  if (!(device.config == device.function->config)) out["config"] = encoded(device.config);
  return out;
}

json facts_to_json(const HostFacts& facts) {
  json out = {{"name", facts.name}, {"kernel", facts.kernel}, {"bus", to_json(facts.bus)}};
  const auto copy = [&](const char* name, const auto& from) {
    for (const auto& [key, directory] : from) out[name][key] = to_json(directory);
  };
  copy("host_bridges", facts.host_bridges);
  copy("buses", facts.buses);
  copy("iommus", facts.iommus);
  copy("drivers", facts.drivers);
  for (const auto& [number, directory] : facts.groups) out["groups"][std::to_string(number)] = to_json(directory);
  for (const auto& [path, content] : facts.files) out["files"][path] = content;
  for (const auto& [path, target] : facts.links) out["links"][path] = target;
  for (const auto& [address, name] : facts.lab_names) out["lab_names"][address] = name;
  for (const auto& [number, name] : facts.interface_names) out["interface_names"][std::to_string(number)] = name;
  return out;
}

std::string_view type_name(DomainType type) {
  constexpr std::array<std::string_view, 4> kNames = {"DMA", "DMA-FQ", "identity", "blocked"};
  return kNames[static_cast<std::size_t>(type)];
}

json drivers_to_json(const Model& model) {
  json out = json::array();
  for (const int id : model.drivers()) {
    const Driver& driver = model.driver(id);
    json entry = {{"name", driver.name}, {"module", driver.module}, {"ids", ids_to_json(driver.static_ids)}};
    if (!driver.dynamic_ids.empty()) entry["dynamic_ids"] = ids_to_json(driver.dynamic_ids);
    for (const DeviceRef& bound : driver.bound) {
      if (const Slot slot = model.alive(bound); slot != kNoSlot)
        entry["bound"].push_back(to_string(model.device(slot).function->address));
    }
    out.push_back(std::move(entry));
  }
  return out;
}

json modules_to_json(const Model& model) {
  json out = json::array();
  for (const Module* module : model.modules()) {
    json entry = {
        {"name", module->name}, {"loaded", module->loaded}, {"drivers", module->drivers}, {"needs", module->needs}};
    if (module->prohibited) entry["prohibited"] = true;
    if (!module->file_error.empty()) entry["error"] = module->file_error;
    if (module->recorded != nullptr) entry["recorded"] = to_json(*module->recorded);
    out.push_back(std::move(entry));
  }
  return out;
}

/// One line a member, and one an entry of a member that is a list: small, and a difference shows where it is.
std::string in_lines(const json& object) {
  std::string text;
  const auto line = [](const json& value) { return value.dump(-1, ' ', true); };
  for (const auto& [name, value] : object.items()) {
    text += text.empty() ? "{" : ",";
    text += "\n" + line(json(name)) + ": ";
    if (!value.is_array() || value.empty()) {
      text += line(value);
      continue;
    }
    std::string entries;
    for (const json& entry : value) entries += (entries.empty() ? "[\n" : ",\n") + line(entry);
    text += entries + "]";
  }
  return text + "\n}\n";
}

}  // namespace

std::string save_host(const Host& host) {
  const Model& model = host.model;
  json out = {{"format", kFormat},
              {"version", kHostFormatVersion},
              {"profile", model.profile.version},
              {"facts", facts_to_json(*host.facts)},
              {"time_ms", model.now_ms()},
              {"autoprobe", model.autoprobe},
              {"iommu", model.has_iommu},
              {"interrupt_remapping", model.interrupt_remapping},
              {"default_type", type_name(model.default_type)},
              {"vfio",
               {{"enable_sriov", model.vfio_enable_sriov},
                {"disable_idle_d3", model.vfio_disable_idle_d3},
                {"allow_unsafe_interrupts", model.allow_unsafe_interrupts}}},
              {"functions", json::array()},
              {"devices", json::array()}};
  for (const HostAddress& address : model.seized) out["seized"].push_back(to_string(address));
  for (std::size_t node = 0; node < model.online_nodes.size(); ++node) {
    if (model.online_nodes[node]) out["online_nodes"].push_back(node);
  }
  for (const Bus* bus : model.buses()) {
    if (bus->bridge == kNoSlot) out["root_buses"].push_back({bus->segment, bus->number});
  }
  for (const FunctionPtr& function : model.plugged()) out["functions"].push_back(to_json(*function));
  for (const Slot slot : model.in_order()) out["devices"].push_back(device_to_json(model, model.device(slot)));
  for (const int number : model.groups()) {
    const Group& group = *model.group(number);
    json entry = {{"number", number}, {"type", type_name(group.type)}, {"members", json::array()}};
    for (const Slot member : group.members)
      entry["members"].push_back(to_string(model.device(member).function->address));
    if (group.open_file != 0) entry["in_use"] = true;
    out["groups"].push_back(std::move(entry));
  }
  out["drivers"] = drivers_to_json(model);
  out["modules"] = modules_to_json(model);
  for (const HotplugSlot& slot : model.slots()) {
    json entry = {{"name", slot.name}, {"at", {slot.segment, slot.bus, slot.device}}, {"ejected", slot.ejected}};
    if (slot.recorded != nullptr) entry["recorded"] = to_json(*slot.recorded);
    out["slots"].push_back(std::move(entry));
  }
  if (!host.modes.empty()) out["modes"] = host.modes;
  if (!host.written_texts.empty()) out["written_texts"] = host.written_texts;
  if (!host.resource_alignment.empty()) out["resource_alignment"] = host.resource_alignment;
  if (host.boots != 1) out["boots"] = host.boots;
  return in_lines(out);
}

// ---- From JSON
// ---------------------------------------------------------------------------------------------------------

namespace {

struct HostReader {
  const json& in;
  Host host;
  std::map<std::string, FunctionPtr> functions{};
  std::string trouble{};  ///< the first thing that was wrong

  void complain(std::string why) {
    if (trouble.empty()) trouble = std::move(why);
  }

  template <class T>
  T get(const json& from, const char* name, T otherwise) {
    const auto found = from.find(name);
    if (found == from.end()) return otherwise;
    if constexpr (std::is_same_v<T, bool>) {
      if (found->is_boolean()) return found->get<bool>();
    } else if constexpr (std::is_arithmetic_v<T>) {
      if (found->is_number_integer()) return found->get<T>();
    } else {
      if (found->is_string()) return found->get<std::string>();
    }
    complain(fmt::format("\"{}\" is not of its type", name));
    return otherwise;
  }

  /// The members of a list; none if it is not there.
  std::vector<json> entries(const json& from, const char* name) {
    const auto found = from.find(name);
    if (found == from.end()) return {};
    if (!found->is_array()) {
      complain(fmt::format("\"{}\" is no list", name));
      return {};
    }
    return {found->begin(), found->end()};
  }

  std::vector<std::string> texts(const json& from, const char* name) {
    std::vector<std::string> out;
    for (const json& entry : entries(from, name)) {
      if (entry.is_string()) {
        out.push_back(entry.get<std::string>());
      } else {
        complain(fmt::format("\"{}\" holds what is no text", name));
      }
    }
    return out;
  }

  std::vector<std::uint64_t> numbers(const json& list, std::size_t count, const char* name) {
    std::vector<std::uint64_t> out;
    if (list.is_array()) {
      for (const json& entry : list) {
        if (entry.is_number_unsigned()) out.push_back(entry.get<std::uint64_t>());
        if (entry.is_boolean()) out.push_back(entry.get<bool>() ? 1 : 0);
      }
    }
    if (out.size() != count) complain(fmt::format("\"{}\" is not {} numbers", name, count));
    out.resize(count);
    return out;
  }

  std::optional<HostAddress> address(const std::string& text) {
    const auto parsed = HostAddress::parse(text);
    if (parsed) return *parsed;
    complain(fmt::format("\"{}\" is no address", text));
    return std::nullopt;
  }

  Slot slot(const std::string& text) {
    const auto parsed = address(text);
    const Slot found = parsed ? host.model.find(*parsed) : kNoSlot;
    if (parsed && found == kNoSlot) complain("no device " + text);
    return found;
  }

  std::shared_ptr<const RecordedDirectory> recorded(const json& from) {
    const auto found = from.find("recorded");
    if (found == from.end()) return nullptr;
    return std::make_shared<RecordedDirectory>(directory_from_json(*found));
  }

  ConfigSpace config(const json& from, const char* name, std::size_t size) {
    const auto bytes = from_base64(get<std::string>(from, name, ""));
    constexpr std::size_t kLargest = 4096;
    if (!bytes || bytes->size() > size || size > kLargest) {
      complain("a config space that cannot be read");
      return {};
    }
    return {{bytes->begin(), bytes->end()}, size};
  }

  FunctionPtr function(const std::string& name, const std::map<std::string, json>& all, std::size_t depth) {
    if (const auto known = functions.find(name); known != functions.end()) return known->second;
    constexpr std::size_t kDeepest = 256;
    const auto found = all.find(name);
    const auto at = address(name);
    if (found == all.end() || !at || depth > kDeepest) {
      complain("no function " + name + ", or it sits behind itself");
      return nullptr;
    }
    const json& entry = found->second;
    const auto ids = numbers(entry.value("ids", json()), 6, "ids");
    Function made{*at};
    made.identity = {static_cast<std::uint16_t>(ids[0]), static_cast<std::uint16_t>(ids[1]),
                     static_cast<std::uint16_t>(ids[2]), static_cast<std::uint16_t>(ids[3]),
                     static_cast<std::uint32_t>(ids[4]), static_cast<std::uint8_t>(ids[5])};
    made.config = config(entry, "config", get<std::size_t>(entry, "config_size", 256));
    for (const json& decoder : entries(entry, "decoders")) {
      const auto pair = numbers(decoder, 2, "decoders");
      made.decoders.push_back({pair[0], pair[1]});
    }
    if (entry.contains("secondary")) made.secondary = get<std::uint8_t>(entry, "secondary", 0);
    made.numa_node = get<int>(entry, "numa_node", kNone);
    made.root_bus = get<std::uint8_t>(entry, "root_bus", 0);
    made.d3cold_allowed = get<bool>(entry, "d3cold_allowed", false);
    made.dead_controller = get<bool>(entry, "dead_controller", false);
    if (entry.contains("physical")) {
      made.physical = address(get<std::string>(entry, "physical", ""));
      made.is_virtual = true;
    }
    if (const auto facts = entry.find("sriov"); facts != entry.end() && facts->is_object()) {
      made.sriov = SriovFacts{get<unsigned>(*facts, "total", 0), get<unsigned>(*facts, "offset", 0),
                              get<unsigned>(*facts, "stride", 0), get<std::uint16_t>(*facts, "vf_device", 0),
                              get<bool>(*facts, "dead_vfs", false)};
    }
    if (const auto boot = entry.find("boot"); boot != entry.end() && boot->is_object()) {
      made.boot = {get<std::string>(*boot, "driver", ""), get<bool>(*boot, "runtime_auto", false),
                   get<int>(*boot, "runtime_held", 0)};
    }
    made.recorded = recorded(entry);
    if (entry.contains("parent")) made.parent = function(get<std::string>(entry, "parent", ""), all, depth + 1);
    if (made.physical && trouble.empty()) {
      const FunctionPtr owner = function(to_string(*made.physical), all, depth + 1);
      if (owner != nullptr) made.recorded = owner->recorded;
    }
    auto shared = std::make_shared<const Function>(std::move(made));
    functions.emplace(name, shared);
    return shared;
  }

  std::vector<PciId> ids(const json& from, const char* name) {
    std::vector<PciId> out;
    for (const json& entry : entries(from, name)) {
      const auto n = numbers(entry, 8, name);
      out.push_back({static_cast<std::uint32_t>(n[0]), static_cast<std::uint32_t>(n[1]),
                     static_cast<std::uint32_t>(n[2]), static_cast<std::uint32_t>(n[3]),
                     static_cast<std::uint32_t>(n[4]), static_cast<std::uint32_t>(n[5]), n[6], n[7] != 0});
    }
    return out;
  }

  DomainType type(const std::string& name) {
    for (const DomainType type : {DomainType::Dma, DomainType::DmaFq, DomainType::Identity, DomainType::Blocked}) {
      if (type_name(type) == name) return type;
    }
    complain("unknown group type " + name);
    return DomainType::DmaFq;
  }

  void read_facts() {
    auto facts = std::make_shared<HostFacts>();
    const json from = in.value("facts", json::object());
    facts->name = get<std::string>(from, "name", "");
    facts->kernel = get<std::string>(from, "kernel", "");
    facts->bus = directory_from_json(from.value("bus", json::object()));
    const auto copy = [&](const char* name, auto& into) {
      const json entries_of = from.value(name, json::object());
      for (const auto& [key, entry] : entries_of.items()) into.emplace_back(key, directory_from_json(entry));
    };
    copy("host_bridges", facts->host_bridges);
    copy("buses", facts->buses);
    copy("iommus", facts->iommus);
    copy("drivers", facts->drivers);
    const json groups = from.value("groups", json::object());
    for (const auto& [number, entry] : groups.items()) {
      facts->groups.emplace_back(std::atoi(number.c_str()), directory_from_json(entry));
    }
    const auto copy_texts = [&](const char* name, auto& into) {
      const json texts = from.value(name, json::object());
      for (const auto& [key, text] : texts.items())
        into.emplace_back(key, text.is_string() ? text.template get<std::string>() : "");
    };
    copy_texts("files", facts->files);
    copy_texts("links", facts->links);
    copy_texts("lab_names", facts->lab_names);
    std::vector<std::pair<std::string, std::string>> interfaces;
    copy_texts("interface_names", interfaces);
    for (auto& [number, name] : interfaces)
      facts->interface_names.emplace_back(static_cast<int>(decimal_prefix(number)), std::move(name));
    host.facts = std::move(facts);
  }

  void read_switches() {
    Model& model = host.model;
    model.profile = profile_for(get<std::string>(in, "profile", ""));
    model.advance(get<std::int64_t>(in, "time_ms", 0));
    model.autoprobe = get<bool>(in, "autoprobe", true);
    model.has_iommu = get<bool>(in, "iommu", false);
    model.interrupt_remapping = get<bool>(in, "interrupt_remapping", true);
    model.default_type = type(get<std::string>(in, "default_type", "DMA-FQ"));
    const json vfio = in.value("vfio", json::object());
    model.vfio_enable_sriov = get<bool>(vfio, "enable_sriov", false);
    model.vfio_disable_idle_d3 = get<bool>(vfio, "disable_idle_d3", false);
    model.allow_unsafe_interrupts = get<bool>(vfio, "allow_unsafe_interrupts", false);
    for (const json& entry : entries(in, "seized")) {
      const auto address = HostAddress::parse(entry.is_string() ? entry.get<std::string>() : std::string());
      if (!address) return complain("'seized' holds what is no address");
      model.seized.insert(*address);
    }
    model.online_nodes.assign(1, true);
    for (const json& node : entries(in, "online_nodes")) {
      constexpr std::size_t kMostNodes = 1024;
      const std::size_t number = node.is_number_unsigned() ? node.get<std::size_t>() : kMostNodes;
      if (number >= kMostNodes) return complain("a NUMA node that cannot be");
      if (model.online_nodes.size() <= number) model.online_nodes.resize(number + 1);
      model.online_nodes[number] = true;
    }
  }

  void read_machine() {
    std::map<std::string, json> all;
    for (const json& entry : entries(in, "functions")) {
      if (!all.emplace(get<std::string>(entry, "address", ""), entry).second) complain("two functions at one address");
    }
    for (const json& root : entries(in, "root_buses")) {
      const auto pair = numbers(root, 2, "root_buses");
      host.model.add_root_bus(static_cast<std::uint32_t>(pair[0]), static_cast<std::uint8_t>(pair[1]));
    }
    for (const auto& [name, entry] : all) {
      if (FunctionPtr made = function(name, all, 0); made != nullptr) host.model.plug(std::move(made));
    }
    if (!trouble.empty()) return;
    note_host_bridges(host);
    host.model.boot_scan();
    // Some that are plugged in have not been found, and VFs are found by another way.
    std::vector<std::string> wanted;
    for (const json& entry : entries(in, "devices")) wanted.push_back(get<std::string>(entry, "address", ""));
    host.model.arrange(wanted);
    if (host.model.in_order().size() != wanted.size())
      complain("devices that are not plugged in, or on buses that are not there");
  }

  void read_groups() {
    for (const json& entry : entries(in, "groups")) {
      const int number = get<int>(entry, "number", kNone);
      constexpr int kMostGroups = 65536;
      if (number < 0 || number >= kMostGroups) return complain("a group number that cannot be");
      for (const std::string& member : texts(entry, "members")) {
        const Slot found = slot(member);
        if (found != kNoSlot && host.model.device(found).group == kNone) host.model.join_group(found, number);
      }
      if (host.model.group(number) == nullptr) return complain("a group without members");
      host.model.set_type_at_boot(number, type(get<std::string>(entry, "type", "DMA-FQ")));
    }
  }

  void read_drivers() {
    for (const json& entry : entries(in, "drivers")) {
      const auto name = get<std::string>(entry, "name", "");
      host.model.add_driver({name,
                             get<std::string>(entry, "module", ""),
                             rule_for(name),
                             ids(entry, "ids"),
                             ids(entry, "dynamic_ids"),
                             {}});
    }
    for (const json& entry : entries(in, "modules")) {
      host.model.add_module({get<std::string>(entry, "name", ""), get<bool>(entry, "loaded", false),
                             texts(entry, "drivers"), texts(entry, "needs"), get<std::string>(entry, "error", ""),
                             get<bool>(entry, "prohibited", false), recorded(entry)});
    }
    for (const json& entry : entries(in, "slots")) {
      const auto at = numbers(entry.value("at", json()), 3, "at");
      RecordedPtr directory = recorded(entry);
      const bool of_port = directory != nullptr && is_slot_of_port(*directory);
      host.model.add_slot({get<std::string>(entry, "name", ""), static_cast<std::uint32_t>(at[0]),
                           static_cast<std::uint8_t>(at[1]), static_cast<std::uint8_t>(at[2]),
                           get<bool>(entry, "ejected", false), of_port, std::move(directory)});
    }
    for (const json& entry : entries(in, "drivers")) {
      const int driver = host.model.find_driver(get<std::string>(entry, "name", ""));
      for (const std::string& bound : texts(entry, "bound")) {
        if (const Slot found = slot(bound); found != kNoSlot && driver != kNone) host.model.bind_at_boot(found, driver);
      }
    }
  }

  void read_device(const json& entry) {
    const Slot found = slot(get<std::string>(entry, "address", ""));
    if (found == kNoSlot) return;
    for (const json& number : entries(entry, "net")) {
      constexpr unsigned kMostInterfaces = 65536;
      if (number.is_number_unsigned() && number.get<unsigned>() < kMostInterfaces)
        host.model.name_interface(found, number.get<int>());
    }
    Device& device = host.model.edit(found);
    device.override_text = get<std::string>(entry, "override", "");
    device.enable_count = get<int>(entry, "enable", 0);
    device.numa_node = get<int>(entry, "numa_node", kNone);
    device.powered = get<bool>(entry, "powered", false);
    device.runtime_auto = get<bool>(entry, "runtime_auto", false);
    device.runtime_held = get<int>(entry, "runtime_held", 0);
    device.multifunction = get<bool>(entry, "multifunction", false);
    device.broken_parity = get<bool>(entry, "broken_parity", false);
    device.no_msi = get<bool>(entry, "no_msi", false);
    device.d3cold_allowed = get<bool>(entry, "d3cold_allowed", false);
    device.vfs_autoprobe = !get<bool>(entry, "vfs_not_probed", false);
    device.found_later = get<bool>(entry, "found_later", false);
    device.wakeable = !get<bool>(entry, "not_wakeable", false);
    device.bound_before = get<bool>(entry, "bound_before", device.driver != kNone);
    device.num_vfs = get<unsigned>(entry, "num_vfs", 0);
    if (entry.contains("config")) device.config = config(entry, "config", device.config.size());
    device.reset_present = entry.contains("reset_methods");
    device.reset_enabled.clear();
    for (const std::string& name : texts(entry, "reset_methods")) {
      for (const ResetMethod method : {ResetMethod::DeviceSpecific, ResetMethod::Acpi, ResetMethod::Flr,
                                       ResetMethod::AfFlr, ResetMethod::Pm, ResetMethod::Bus}) {
        if (names_of({method}).front() == name) device.reset_enabled.push_back(method);
      }
    }
    for (const std::string& name : texts(entry, "virtfns")) {
      if (const auto at = address(name)) device.virtfns.push_back(*at);
    }
    if (entry.contains("physfn")) device.physfn = address(get<std::string>(entry, "physfn", ""));
    const std::string bound = device.driver == kNone ? std::string() : host.model.driver(device.driver).name;
    if (bound != get<std::string>(entry, "driver", "")) {
      complain("device and driver disagree about " + get<std::string>(entry, "address", ""));
    }
  }

  Result<Host> read() {
    if (get<int>(in, "version", 0) > kHostFormatVersion) {
      return malformed_host(
          fmt::format("version {} is newer than the {} that is understood", in["version"].dump(), kHostFormatVersion));
    }
    read_facts();
    read_switches();
    if (trouble.empty()) read_machine();
    if (trouble.empty()) read_groups();
    if (trouble.empty()) read_drivers();
    for (const json& entry : entries(in, "devices")) {
      if (trouble.empty()) read_device(entry);
    }
    for (const json& entry : entries(in, "groups")) {
      int handle = 0;
      if (trouble.empty() && get<bool>(entry, "in_use", false))
        host.model.open_group(get<int>(entry, "number", kNone), handle);
    }
    host.modes = in.value("modes", std::map<std::string, unsigned>());
    host.written_texts = in.value("written_texts", std::map<std::string, std::string>());
    host.resource_alignment = get<std::string>(in, "resource_alignment", "");
    host.boots = get<std::uint32_t>(in, "boots", 1);
    if (!trouble.empty()) return malformed_host(trouble);
    return std::move(host);
  }
};

/// Whether the member is an object all of whose values pass; one that is not there passes too.
bool is_map_of(const json& in, const char* name, bool (*passes)(const json&)) {
  const auto found = in.find(name);
  return found == in.end() || (found->is_object() && std::ranges::all_of(*found, passes));
}

}  // namespace

Result<Host> load_host(std::string_view text) {
  const json in = json::parse(text, nullptr, false);
  if (in.is_discarded() || !in.is_object()) return malformed_host("not a JSON object");
  const auto format = in.find("format");
  if (format == in.end() || !format->is_string()) return malformed_host("it has no \"format\"");
  if (*format != kFormat) return load_tree(text);
  const bool maps = is_map_of(in, "modes", [](const json& v) { return v.is_number_unsigned(); }) &&
                    is_map_of(in, "written_texts", [](const json& v) { return v.is_string(); }) &&
                    is_map_of(in, "facts", [](const json& v) { return v.is_object() || v.is_string(); }) &&
                    is_map_of(in, "vfio", [](const json& v) { return v.is_boolean(); });
  if (!maps) return malformed_host(R"("facts", "vfio", "modes" or "written_texts" is not as it should be)");
  HostReader reader{in, Host(kProfiles[0])};
  return reader.read();
}

}  // namespace busproof::fakesys
