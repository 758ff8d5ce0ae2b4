#include "fakesys/new_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <set>
#include <span>

#include "engine/base/text.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

constexpr std::size_t kExtendedSize = 4096;
constexpr std::size_t kConventionalSize = 256;
constexpr std::uint64_t kFirstBarAddress = 0xa0000000;
constexpr std::uint64_t kBarSize = 0x4000;
constexpr unsigned kBusCount = 256;
constexpr unsigned kDevfnCount = 256;

struct PortKind {
  std::string_view name;
  std::optional<PortType> type;
};
constexpr std::array kPortKinds = {
    PortKind{"root", PortType::RootPort},
    PortKind{"up", PortType::UpstreamPort},
    PortKind{"down", PortType::DownstreamPort},
    PortKind{"to-pci", PortType::PcieToPci},
    PortKind{"pci", std::nullopt},
};

/// The words of one line: those with a value by name, the others as they are.
struct Words {
  std::vector<std::string> plain;
  std::map<std::string, std::string, std::less<>> values;

  [[nodiscard]] bool has(std::string_view word) const { return std::ranges::find(plain, word) != plain.end(); }
  [[nodiscard]] std::string value(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

// What may stand on a line behind the words that it begins with.
constexpr std::array<std::string_view, 5> kHostWords = {"kernel", "iommu", "nodes", "nointremap", "identity"};
constexpr std::array<std::string_view, 5> kModuleWords = {"drivers", "needs", "error", "available", "prohibited"};
constexpr std::array<std::string_view, 2> kFillWords = {"ports", "functions"};  // besides those of a function
constexpr std::array<std::string_view, 19> kFunctionWords = {
    "port", "bus", "flr", "pm",  "af",     "acs",    "conventional", "multifunction", "driver",  "override",
    "numa", "sub", "rev", "vfs", "offset", "stride", "vf",           "group",         "boot-vga"};

Words host_words_of(std::string_view line) {
  Words words;
  for (const auto part : std::views::split(line, ' ')) {
    const std::string word(part.begin(), part.end());
    if (word.empty()) continue;
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      words.plain.push_back(word);
    } else {
      words.values[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return words;
}

std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> out;
  for (const auto part : std::views::split(text, ',')) {
    if (!part.empty()) out.emplace_back(part.begin(), part.end());
  }
  return out;
}

// ---- Config space
// ------------------------------------------------------------------------------------------------------

/// Puts a config space together, capability by capability.
class ConfigBuilder {
 public:
  explicit ConfigBuilder(std::size_t size) : config_({}, size) {}

  void bytes(std::size_t offset, std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) config_.set(offset + i, static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void capability(std::uint8_t id, std::size_t at) {
    bytes(last_, at, 1);
    bytes(at, id, 1);
    last_ = at + 1;
    config_.set(pci::kStatus, pci::kStatusCapabilities, pci::kStatusCapabilities);
  }
  void extended(std::uint16_t id, std::size_t at) {
    if (last_extended_ != 0) bytes(last_extended_ + 2, at << 4 | 1, 2);
    bytes(at, id | 1u << 16, 4);
    last_extended_ = at;
  }
  [[nodiscard]] ConfigSpace done() const { return config_; }

 private:
  ConfigSpace config_;
  std::size_t last_ = 0x34;
  std::size_t last_extended_ = 0;
};

struct Reader {
  Host host{kProfiles[0]};
  HostFacts facts{};
  std::vector<Function> functions{};
  std::map<std::string, std::vector<PciId>, std::less<>> tables{};  // driver → ids, as first named
  std::vector<std::string> driver_order{};
  std::map<std::string, int> forced_groups{};
  std::map<std::string, std::string> overrides{};
  std::vector<Module> modules{};
  std::string aliases{};
  bool describes_something = false;
  std::string trouble{};

  void complain(std::string why) {
    if (trouble.empty()) trouble = std::move(why);
  }

  std::uint64_t number(const Words& words, std::string_view name, Radix radix, std::uint64_t otherwise) {
    const std::string text = words.value(name);
    if (text.empty()) return otherwise;
    const auto value = unsigned_64(text, radix);
    if (!value) complain(fmt::format("{}={} is no number", name, text));
    return value.value_or(otherwise);
  }

  /// "8086:10fb"
  std::pair<std::uint16_t, std::uint16_t> id_pair(const std::string& text) {
    const auto colon = text.find(':');
    constexpr std::uint32_t kNoId = 0x10000;
    const std::string_view all = text;
    const auto first = unsigned_32(all.substr(0, colon), Radix::Hexadecimal).value_or(kNoId);
    const auto second =
        unsigned_32(colon == std::string::npos ? "" : all.substr(colon + 1), Radix::Hexadecimal).value_or(kNoId);
    if (first >= kNoId || second >= kNoId) complain(text + " is not VENDOR:DEVICE");
    return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(second)};
  }

  /// Whether all words behind the first `fixed` mean something; complains of one that does not.
  bool understands(const Words& words, std::size_t fixed, std::span<const std::string_view> known,
                   std::span<const std::string_view> more = {}) {
    const auto means_nothing = [&](const std::string& word) {
      return std::ranges::find(known, word) == known.end() && std::ranges::find(more, word) == more.end();
    };
    for (const std::string& word : words.plain | std::views::drop(fixed))
      if (means_nothing(word)) complain(fmt::format("the word '{}' means nothing here", word));
    for (const auto& [name, value] : words.values) {
      if (means_nothing(name)) complain(fmt::format("the word '{}' means nothing here", name));
      if (value.empty()) complain(fmt::format("{}= lacks what it is", name));
    }
    return trouble.empty();
  }

  // ---- Lines
  // -----------------------------------------------------------------------------------------------------------

  void read_host(const Words& words) {
    if (!understands(words, 2, kHostWords)) return;
    if (words.plain.size() > 1) facts.name = words.plain[1];
    facts.kernel = words.value("kernel").empty() ? "6.12" : words.value("kernel");
    Model& model = host.model;
    model.profile = profile_for(facts.kernel);
    model.has_iommu = words.value("iommu") != "off";
    model.interrupt_remapping = !words.has("nointremap");
    if (words.has("identity")) model.default_type = DomainType::Identity;
    constexpr std::uint64_t kMostNodes = 1024;
    model.online_nodes.assign(std::clamp<std::uint64_t>(number(words, "nodes", Radix::Decimal, 1), 1, kMostNodes),
                              true);
  }

  ConfigSpace config_of(const Function& function, const Words& words, std::optional<PortType> type) {
    const bool express = type.has_value();
    ConfigBuilder config(express ? kExtendedSize : kConventionalSize);
    const Identity& id = function.identity;
    config.bytes(0x00, id.vendor | static_cast<std::uint64_t>(id.device) << 16, 4);
    config.bytes(0x04, 0x0003, 2);
    config.bytes(0x08, id.revision | static_cast<std::uint64_t>(id.class_code) << 8, 4);
    config.bytes(0x0e, (function.secondary ? 1u : 0u) | (words.has("multifunction") ? 0x80u : 0u), 1);
    if (function.secondary) {
      config.bytes(0x18, function.address.bus() | static_cast<std::uint64_t>(*function.secondary) << 8, 2);
      config.bytes(0x1a, *function.secondary, 1);
    } else {
      config.bytes(0x10, function.decoders[0].base, 4);
      config.bytes(0x2c, id.subvendor | static_cast<std::uint64_t>(id.subdevice) << 16, 4);
    }
    config.capability(kPowerManagement, 0x40);
    config.bytes(0x42, 0x7e02, 2);
    config.bytes(0x44, words.has("pm") ? 0x0000 : 0x0008, 2);
    if (express) {
      config.capability(kExpress, 0x50);
      config.bytes(0x52, 2u | static_cast<unsigned>(*type) << 4, 2);
      config.bytes(0x54, words.has("flr") ? 0x10000000u : 0u, 4);
      config.bytes(0x5c, 0x00100043, 4);  // reports its link; 8 GT/s, 4 lanes
      config.bytes(0x62, 0x2043, 2);      // the link is up
    }
    if (words.has("af")) {
      config.capability(kAdvancedFeatures, 0x70);
      config.bytes(0x72, 0x0306, 2);
    }
    if (words.has("acs")) {
      config.extended(kAcs, 0x100);
      config.bytes(0x104, 0x001d001d, 4);
    }
    return config.done();
  }

  /// A line that begins with an address.
  void read_function(const Words& words) {
    constexpr std::size_t kFixedWords = 3;
    const auto address = HostAddress::parse(words.plain[0]);
    if (!address) return complain(words.plain[0] + " is no address");
    if (words.plain.size() < kFixedWords) return complain("a function needs an address, VENDOR:DEVICE and a class");
    if (!understands(words, kFixedWords, kFunctionWords, kFillWords)) return;
    Function function{*address};
    const auto [vendor, device] = id_pair(words.plain[1]);
    std::string code = words.plain[2];
    if (code.size() == 4) code += "00";
    const auto class_code = unsigned_32(code, Radix::Hexadecimal);
    constexpr std::size_t kClassDigits = 6;
    if (!class_code || code.size() != kClassDigits) return complain(words.plain[2] + " is no class");
    function.identity = {vendor, device,      0,
                         0,      *class_code, static_cast<std::uint8_t>(number(words, "rev", Radix::Hexadecimal, 0))};
    if (const std::string sub = words.value("sub"); !sub.empty()) {
      const auto [subvendor, subdevice] = id_pair(sub);
      function.identity.subvendor = subvendor;
      function.identity.subdevice = subdevice;
    }
    std::optional<PortType> type = words.has("conventional") ? std::nullopt : std::optional(PortType::Endpoint);
    if (const std::string port = words.value("port"); !port.empty()) {
      const auto* kind = std::ranges::find(kPortKinds, port, &PortKind::name);
      if (kind == kPortKinds.end()) return complain("unknown port=" + port);
      const std::uint64_t bus = number(words, "bus", Radix::Hexadecimal, kBusCount);
      if (bus >= kBusCount) return complain("a port needs bus=NN");
      type = kind->type;
      function.secondary = static_cast<std::uint8_t>(bus);
    } else {
      function.decoders.assign(7, Decoder{});
      function.decoders[0] = {kFirstBarAddress + functions.size() * kBarSize, kBarSize};
    }
    if (const std::string numa = words.value("numa"); !numa.empty()) {
      const auto node = signed_32(numa, Radix::Decimal);
      if (!node) return complain("numa=" + numa + " is no number");
      function.numa_node = *node;
    }
    if (const std::uint64_t vfs = number(words, "vfs", Radix::Decimal, 0); vfs > 0) {
      function.sriov =
          SriovFacts{static_cast<unsigned>(vfs), static_cast<unsigned>(number(words, "offset", Radix::Decimal, 1)),
                     static_cast<unsigned>(number(words, "stride", Radix::Decimal, 1)),
                     static_cast<std::uint16_t>(number(words, "vf", Radix::Hexadecimal, device))};
    }
    function.config = config_of(function, words, type);
    function.d3cold_allowed = !function.secondary;
    note_driver(words.value("driver"), function);
    const std::string name = to_string(*address);
    if (!words.value("group").empty())
      forced_groups[name] = static_cast<int>(number(words, "group", Radix::Decimal, 0));
    if (!words.value("override").empty()) overrides[name] = words.value("override");
    function.recorded = recorded_of(function, words);
    functions.push_back(std::move(function));
  }

  RecordedPtr recorded_of(const Function& function, const Words& words) const {
    RecordedDirectory recorded;
    const auto add = [&](const char* name, std::string text) {
      recorded.attributes.push_back({name, 0444, std::move(text), {}, kExtendedSize});
    };
    add("ari_enabled", "0\n");
    if (function.identity.class_code >> 8 == 0x0300) add("boot_vga", words.has("boot-vga") ? "1\n" : "0\n");
    add("irq", "0\n");
    add("local_cpulist", "0-1\n");
    add("local_cpus", "3\n");
    std::string resource;
    for (const Decoder& decoder : function.decoders) {
      resource += decoder.size == 0 ? fmt::format("0x{0:016x} 0x{0:016x} 0x{0:016x}\n", 0)
                                    : fmt::format("0x{:016x} 0x{:016x} 0x{:016x}\n", decoder.base,
                                                  decoder.base + decoder.size - 1, 0x40200);
    }
    if (!resource.empty()) add("resource", std::move(resource));
    return std::make_shared<RecordedDirectory>(std::move(recorded));
  }

  void note_driver(const std::string& driver, const Function& function) {
    if (driver.empty()) return;
    if (!tables.contains(driver)) driver_order.push_back(driver);
    const PciId id{.vendor = function.identity.vendor, .device = function.identity.device};
    auto& table = tables[driver];
    if (std::ranges::find(table, id) == table.end()) table.push_back(id);
    if (function.sriov && function.sriov->vf_device != function.identity.device) {
      table.push_back({.vendor = function.identity.vendor, .device = function.sriov->vf_device});
    }
  }

  /// Root ports on bus 0, each with one device of several functions behind it.
  void read_fill(const Words& words) {
    const std::uint64_t ports = number(words, "ports", Radix::Decimal, 1);
    const std::uint64_t count = number(words, "functions", Radix::Decimal, 1);
    if (words.plain.size() < 3 || count < 1 || count > pci::kFunctionCount)
      return complain("fill needs VENDOR:DEVICE, a class and functions=1…8");
    std::set<unsigned> taken_buses = {0};
    std::set<unsigned> taken_places;
    for (const Function& function : functions) {
      taken_buses.insert(function.address.bus());
      if (function.secondary) taken_buses.insert(*function.secondary);
      if (function.address.bus() != 0) continue;
      for (unsigned i = 0; i < pci::kFunctionCount; ++i)
        taken_places.insert(function.address.slot() * pci::kFunctionCount + i);
    }
    unsigned bus = 0, place = pci::kFunctionCount;
    for (std::uint64_t port = 0; port < ports; ++port) {
      while (taken_buses.contains(bus)) ++bus;
      while (taken_places.contains(place)) ++place;
      if (bus >= kBusCount || place >= kDevfnCount) return complain("no room for that many ports");
      taken_buses.insert(bus);
      taken_places.insert(place);
      read_function(host_words_of(
          fmt::format("00:{:02x}.{} 8086:a110 060400 port=root bus={:02x} acs driver=pcieport multifunction",
                      place / pci::kFunctionCount, place % pci::kFunctionCount, bus)));
      for (std::uint64_t i = 0; i < count; ++i) {
        Words each = words;
        each.plain[0] = fmt::format("{:02x}:00.{}", bus, i);
        if (count > 1) each.plain.emplace_back("multifunction");
        read_function(each);
      }
    }
  }

  void read_module(const Words& words) {
    if (words.plain.size() < 2) return complain("a module needs a name");
    if (!understands(words, 2, kModuleWords)) return;
    modules.push_back({words.plain[1], !words.has("available") && !words.has("prohibited"),
                       list_of(words.value("drivers")), list_of(words.value("needs")), words.value("error"),
                       words.has("prohibited"), nullptr});
  }

  void read_line(std::string_view line) {
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) return;
    describes_something = true;
    const Words words = host_words_of(line);
    if (words.plain.empty()) return complain("it begins with no word that says what it is");
    const std::string& first = words.plain[0];
    if (first == "host") return read_host(words);
    if (first == "fill") return read_fill(words);
    if (first == "module") return read_module(words);
    if (first == "alias") {
      aliases += std::string(line) + '\n';
      return;
    }
    if (first == "file" || first == "link") {
      const std::string_view rest = trimmed(line.substr(first.size()));
      const auto space = rest.find(' ');
      const std::string path(rest.substr(0, space));
      const std::string content(space == std::string_view::npos ? std::string_view() : trimmed(rest.substr(space)));
      if (first == "link") {
        facts.links.emplace_back(path, content);
        return;
      }
      const auto known = std::ranges::find(facts.files, path, [](const auto& file) { return file.first; });
      if (known == facts.files.end())
        facts.files.emplace_back(path, content + '\n');
      else
        known->second += content + '\n';
      return;
    }
    read_function(words);
  }

  // ---- The whole
  // -------------------------------------------------------------------------------------------------------

  void add_standard_modules() {
    const auto missing = [&](std::string_view name) {
      return std::ranges::find(modules, name, &Module::name) == modules.end();
    };
    const std::array standard = {
        Module{"vfio", false, {}, {}, {}, false, nullptr},
        Module{"vfio_iommu_type1", false, {}, {"vfio"}, {}, false, nullptr},
        Module{"vfio_pci_core", false, {}, {"vfio"}, {}, false, nullptr},
        Module{"vfio_pci", false, {"vfio-pci"}, {"vfio", "vfio_iommu_type1", "vfio_pci_core"}, {}, false, nullptr},
        Module{"pci_stub", false, {"pci-stub"}, {}, {}, false, nullptr},
    };
    for (const Module& module : standard) {
      if (missing(module.name)) modules.push_back(module);
    }
  }

  std::string module_of(const std::string& driver) {
    for (const Module& module : modules) {
      if (std::ranges::find(module.drivers, driver) != module.drivers.end()) return module.name;
    }
    if (rule_for(driver).role == DriverRole::Port) return {};
    std::string name = driver;
    std::ranges::replace(name, '-', '_');
    modules.push_back({name, true, {driver}, {}, {}, false, nullptr});
    return name;
  }

  void add_drivers() {
    for (const std::string& driver : driver_order) {
      std::vector<PciId> ids(known_ids(driver).begin(), known_ids(driver).end());
      ids.insert(ids.end(), tables[driver].begin(), tables[driver].end());
      host.model.add_driver({driver, module_of(driver), rule_for(driver), std::move(ids), {}, {}});
    }
    for (const Module& module : modules) {
      for (const std::string& driver : module.drivers) {
        if (!module.loaded || host.model.find_driver(driver) != kNone) continue;
        const auto known = known_ids(driver);
        host.model.add_driver({driver, module.name, rule_for(driver), {known.begin(), known.end()}, {}, {}});
      }
    }
    for (Module& module : modules) host.model.add_module(std::move(module));
  }

  /// What each function sits behind; functions of buses that nothing leads to are on root buses.
  void plug_all() {
    std::map<std::pair<std::uint32_t, std::uint8_t>, const Function*> bridges;
    for (const Function& function : functions) {
      if (!function.secondary) continue;
      if (!bridges.emplace(std::pair{function.address.segment(), *function.secondary}, &function).second) {
        return complain(fmt::format("two bridges lead to bus {:02x}", *function.secondary));
      }
    }
    std::map<const Function*, FunctionPtr> made;
    std::set<HostAddress> taken;
    const auto make = [&](auto&& self, const Function& function, std::size_t depth) -> FunctionPtr {
      if (const auto known = made.find(&function); known != made.end()) return known->second;
      if (depth > kBusCount) {
        complain(to_string(function.address) + " sits behind itself");
        return nullptr;
      }
      auto copy = std::make_shared<Function>(function);
      const auto above = bridges.find({function.address.segment(), function.address.bus()});
      if (above != bridges.end()) {
        copy->parent = self(self, *above->second, depth + 1);
        copy->root_bus = copy->parent == nullptr ? std::uint8_t{0} : copy->parent->root_bus;
      } else {
        copy->root_bus = function.address.bus();
      }
      made.emplace(&function, copy);
      return copy;
    };
    for (const Function& function : functions) {
      if (!taken.insert(function.address).second) complain("two functions at " + to_string(function.address));
      FunctionPtr plugged = make(make, function, 0);
      if (!trouble.empty()) return;
      if (plugged->parent == nullptr && host.model.find_bus(function.address.segment(), plugged->root_bus) == nullptr) {
        host.model.add_root_bus(function.address.segment(), plugged->root_bus);
      }
      host.model.plug(std::move(plugged));
    }
  }

  void start() {
    Model& model = host.model;
    model.boot_scan();
    if (model.in_order().size() != functions.size()) {
      return complain("a function other than 0 needs function 0 of its slot, with the word multifunction");
    }
    for (const Slot slot : model.by_address()) {
      const auto forced = forced_groups.find(to_string(model.device(slot).function->address));
      if (forced != forced_groups.end() && model.has_iommu) model.join_group(slot, forced->second);
    }
    for (const Slot slot : model.by_address()) {
      if (model.device(slot).group == kNone) model.make_group(slot);
    }
    add_standard_modules();
    add_drivers();
    for (const Slot slot : model.by_address()) {
      const auto override_text = overrides.find(to_string(model.device(slot).function->address));
      if (override_text != overrides.end()) model.edit(slot).override_text = override_text->second;
      model.call(model.probe_tasks(slot));
    }
    if (!aliases.empty()) facts.files.emplace_back("/lib/modules/" + facts.kernel + "/modules.alias", aliases);
    host.facts = std::make_shared<HostFacts>(std::move(facts));
  }
};

}  // namespace

Result<Host> new_host(std::string_view description) {
  Reader reader;
  std::size_t number = 0;
  const auto wrong = [&](const std::string& where) {
    return Refusal(Error{ErrorKind::Unreadable, "new-host", where + reader.trouble});
  };
  for (const auto part : std::views::split(description, '\n')) {
    ++number;
    reader.read_line(std::string_view(part.begin(), part.end()));
    if (!reader.trouble.empty()) return wrong(fmt::format("line {}: ", number));
  }
  if (!reader.describes_something) reader.complain("it describes nothing: a line begins with host, or an address");
  if (reader.trouble.empty()) reader.plug_all();
  if (reader.trouble.empty()) reader.start();
  if (!reader.trouble.empty()) return wrong("");
  return std::move(reader.host);
}

}  // namespace busproof::fakesys
