#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "engine/abi/type_words.h"
#include "engine/domain/address_text.h"
#include "engine/lock/lock.h"

// The file:
//
//     {
//       "busproof_lock": 1,
//       "domains": [
//         {
//           "name": "web01",
//           "uuid": "1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b",
//           "arch": "x86_64",
//           "machine": "pc-q35-7.2",
//           "acpi": true,
//           "devices": [
//             {"kind":"interface","mac":"52:54:00:aa:bb:cc","model":"virtio","pci":"0000:01:00.0"},
//             {"kind":"controller","type":"pci","index":1,"model":"pcie-root-port",…,"pci":"0000:00:01.0"}
//           ],
//           "freed": [
//             {"pci":"0000:02:00.0","was":"disk vdb"}
//           ]
//         }
//       ]
//     }
namespace busproof::lock {
namespace {

using Json = nlohmann::ordered_json;
using domain::Controller;
using domain::Device;
using domain::PciTarget;

constexpr int kVersion = 1;
constexpr std::string_view kVersionKey = "busproof_lock";

struct TextField {
  const char* key;
  std::string Device::* field;
};
constexpr std::array kIdentityFields = {
    TextField{"alias", &Device::alias},
    TextField{"mac", &Device::mac},
    TextField{"target", &Device::target},
    TextField{"host", &Device::source},
};

struct TargetField {
  const char* key;
  std::optional<int> PciTarget::* field;
};
constexpr std::array kTargetFields = {
    TargetField{"chassisNr", &PciTarget::chassis_nr},
    TargetField{"chassis", &PciTarget::chassis},
    TargetField{"port", &PciTarget::port},
    TargetField{"busNr", &PciTarget::bus_nr},
    TargetField{"targetIndex", &PciTarget::index},
    TargetField{"node", &PciTarget::node},
};

struct NumberField {
  const char* key;
  std::optional<std::uint32_t> Controller::* field;
};
constexpr std::array kControllerNumbers = {
    NumberField{"ports", &Controller::ports},
    NumberField{"startport", &Controller::master_start},
};

template <class Enum>
std::optional<Enum> enum_of(std::string_view name, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  return std::nullopt;
}

// --- Writing

std::string serial_of(const Device& device) {
  const auto serial = std::ranges::find(device.details, domain::Detail::Serial, &domain::DetailValue::detail);
  return serial == device.details.end() ? std::string() : serial->value;
}

void put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}
template <class Number>
void put(Json& json, const char* key, const std::optional<Number>& value) {
  if (value) json[key] = *value;
}
void put(Json& json, const char* key, domain::Switch value) {
  if (value != domain::Switch::Absent) json[key] = value == domain::Switch::On ? "on" : "off";
}

void put_controller(Json& json, const Controller& controller) {
  put(json, "model_name", controller.model_name);
  for (const TargetField& row : kTargetFields) put(json, row.key, controller.target.*row.field);
  put(json, "hotplug", controller.target.hotplug);
  for (const NumberField& row : kControllerNumbers) put(json, row.key, controller.*row.field);
}

void put_address(Json& json, const domain::DeviceAddress& address) {
  const auto* pci = std::get_if<domain::PciAddress>(&address);
  if (pci == nullptr) return put(json, "address", domain::bus_address_text(address));
  if (pci->at) json["pci"] = to_string(*pci->at);
  put(json, "multifunction", pci->multifunction);
  put(json, "uid", pci->zpci.uid);
  put(json, "fid", pci->zpci.fid);
}

Json device_json(const Device& device) {
  Json json{{"kind", to_string(device.kind)}};
  for (const TextField& row : kIdentityFields) put(json, row.key, device.*row.field);
  put(json, "serial", serial_of(device));
  if (device.controller) {
    json["type"] = to_string(device.controller->type);
    json["index"] = device.controller->index.value_or(0);
  } else {
    put(json, "type", abi::type_of(device));
  }
  put(json, "model", device.model);
  if (device.controller) put_controller(json, *device.controller);
  put_address(json, device.address);
  return json;
}

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string lines(const std::vector<Json>& items, std::string_view indent) {
  std::string text = "[";
  for (const Json& item : items) text += fmt::format("{}\n{}  {}", text.size() == 1 ? "" : ",", indent, one_line(item));
  return text + (items.empty() ? "]" : fmt::format("\n{}]", indent));
}

std::string domain_text(const LockedDomain& locked) {
  std::vector<Json> devices, freed;
  for (const Device& device : locked.domain.devices) devices.push_back(device_json(device));
  for (const FreedSlot& slot : locked.freed) freed.push_back({{"pci", to_string(slot.at)}, {"was", slot.was}});
  const std::string indent(6, ' ');
  std::string text = "    {\n";
  const auto line = [&](std::string_view key, const Json& value) {
    text += fmt::format("{}\"{}\": {},\n", indent, key, one_line(value));
  };
  line("name", locked.domain.name);
  if (!locked.domain.uuid.empty()) line("uuid", locked.domain.uuid);
  line("arch", locked.domain.arch);
  line("machine", locked.domain.machine);
  line("acpi", locked.domain.has_acpi);
  text += fmt::format("{}\"devices\": {},\n", indent, lines(devices, indent));
  return text + fmt::format("{}\"freed\": {}\n    }}", indent, lines(freed, indent));
}

// --- Reading

Refusal unreadable(std::string message, std::string remedy, std::optional<std::size_t> offset = {}) {
  return Refusal(Error{ErrorKind::Unreadable, "", std::move(message), {}, std::move(remedy), offset});
}

/// Finds out where a text stops being JSON, and the keys that stand twice in one object.
class Scan : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override {
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return true;
  }
  bool start_array(std::size_t /*size*/) override { return true; }
  bool end_array() override { return true; }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    repeated = name;
    return false;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) override {
    broken_at = position;
    return false;
  }

  std::optional<std::size_t> broken_at;
  std::string repeated;

 private:
  std::vector<std::set<std::string>> keys_;
};

Result<Json> parse(std::string_view text) {
  Scan scan;
  if (Json::sax_parse(text, &scan)) return Json::parse(text, nullptr, false);
  constexpr std::string_view kRemedy = "take it from version control, or write it anew with busproof lock";
  if (!scan.broken_at)
    return unreadable(fmt::format("the lock has the key '{}' twice in one object", scan.repeated),
                      std::string(kRemedy));
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return unreadable("the lock is empty", std::string(kRemedy));
  const bool cut_off = *scan.broken_at > last;
  return unreadable(cut_off ? "the lock ends too early; it is cut off" : "the lock is no JSON", std::string(kRemedy),
                    std::min(*scan.broken_at, text.size()) - 1);
}

/// Reads the keys of one object; what is left over at the end is unknown. The first thing that is wrong stays.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail("is no object");
  }

  std::string text(const char* key, bool required = false) {
    const Json* value = take(key, required);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    fail(fmt::format("has a '{}' that is no text", key));
    return {};
  }

  bool boolean(const char* key) {
    const Json* value = take(key, true);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    fail(fmt::format("has a '{}' that is neither true nor false", key));
    return false;
  }

  std::optional<std::uint32_t> number(const char* key, std::uint32_t max, bool required = false) {
    const Json* value = take(key, required);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned() && value->get<std::uint64_t>() <= max) return value->get<std::uint32_t>();
    fail(fmt::format("has a '{}' that is no number from 0 to {}", key, max));
    return std::nullopt;
  }

  domain::Switch on_or_off(const char* key) {
    const std::string value = text(key);
    if (value == "on") return domain::Switch::On;
    if (value == "off") return domain::Switch::Off;
    if (!value.empty()) fail(fmt::format("has a '{}' that is neither on nor off", key));
    return domain::Switch::Absent;
  }

  const Json& list(const char* key) {
    static const Json kNone = Json::array();
    const Json* value = take(key, true);
    if (value == nullptr || value->is_array()) return value == nullptr ? kNone : *value;
    fail(fmt::format("has '{}' that are no list", key));
    return kNone;
  }

  void fail(std::string what) {
    if (!wrong_) wrong_ = where_ + ' ' + std::move(what);
  }

  /// Errors: what was wrong, or a key that nobody asked for.
  Result<void> done() {
    if (json_.is_object())
      for (const auto& [key, value] : json_.items())
        if (!taken_.contains(key)) fail(fmt::format("has an unknown key '{}'", key));
    if (!wrong_) return {};
    return unreadable("wrong lock: " + *wrong_, "take it from version control, or write it anew with busproof lock");
  }

 private:
  const Json* take(const char* key, bool required) {
    if (!json_.is_object()) return nullptr;
    taken_.insert(key);
    const auto found = json_.find(key);
    if (found != json_.end()) return &*found;
    if (required) fail(fmt::format("lacks '{}'", key));
    return nullptr;
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> taken_{};
  std::optional<std::string> wrong_{};
};

constexpr std::uint32_t kAnyNumber = std::numeric_limits<std::uint32_t>::max();

std::optional<pci::GuestAddress> pci_address(Reader& reader, bool required) {
  const std::string text = reader.text("pci", required);
  if (text.empty()) return std::nullopt;
  const auto at = pci::GuestAddress::parse(text);
  if (at && at->segment() == 0) return *at;
  reader.fail(fmt::format("has a 'pci' that is no address: '{}'", text));
  return std::nullopt;
}

domain::DeviceAddress read_address(Reader& reader) {
  if (const auto at = pci_address(reader, false))
    return domain::PciAddress{
        at, reader.on_or_off("multifunction"), {reader.number("uid", 0xffff), reader.number("fid", kAnyNumber)}};
  const std::string text = reader.text("address");
  if (text.empty()) return domain::NoAddress{};
  auto address = domain::parse_bus_address(text);
  if (!address) reader.fail(fmt::format("has an 'address' that is none: '{}'", text));
  return address.value_or(domain::NoAddress{});
}

Controller read_controller(Reader& reader, std::string_view model) {
  Controller controller;
  const std::string type = reader.text("type", true);
  const auto known = enum_of<domain::ControllerType>(type, domain::kControllerTypeCount);
  if (!known) reader.fail(fmt::format("has an unknown type '{}'", type));
  controller.type = known.value_or(domain::ControllerType::Pci);
  controller.index = reader.number("index", kAnyNumber, true).value_or(0);
  if (controller.type == domain::ControllerType::Pci) {
    controller.pci_model = pci::controller_model(model);
    if (!controller.pci_model) reader.fail(fmt::format("has an unknown model '{}'", model));
    if (controller.index > pci::kBusMax) reader.fail("has an index above 255");
  }
  controller.model_name = reader.text("model_name");
  for (const TargetField& row : kTargetFields)
    if (const auto number = reader.number(row.key, std::numeric_limits<int>::max()))
      controller.target.*row.field = static_cast<int>(*number);
  controller.target.hotplug = reader.on_or_off("hotplug");
  for (const NumberField& row : kControllerNumbers) controller.*row.field = reader.number(row.key, kAnyNumber);
  return controller;
}

Result<Device> read_device(const Json& json, std::string where) {
  Reader reader(json, std::move(where));
  Device device;
  const std::string kind = reader.text("kind", true);
  const auto known = enum_of<domain::DeviceKind>(kind, domain::kDeviceKindCount);
  if (!known) reader.fail(fmt::format("has an unknown kind '{}'", kind));
  device.kind = known.value_or(domain::DeviceKind::Disk);
  for (const TextField& row : kIdentityFields) device.*row.field = reader.text(row.key);
  if (std::string serial = reader.text("serial"); !serial.empty())
    device.details.push_back({domain::Detail::Serial, std::move(serial)});
  device.model = reader.text("model");
  if (device.kind == domain::DeviceKind::Controller)
    device.controller = read_controller(reader, device.model);
  else
    abi::set_type(device, reader.text("type"));
  device.address = read_address(reader);
  if (const auto done = reader.done(); !done) return std::unexpected(done.error());
  return device;
}

Result<FreedSlot> read_freed(const Json& json, std::string where) {
  Reader reader(json, std::move(where));
  const auto at = pci_address(reader, true);
  std::string was = reader.text("was");
  if (const auto done = reader.done(); !done) return std::unexpected(done.error());
  return FreedSlot{*at, std::move(was)};
}

/// Errors: two devices at one address, two controllers of one type with one index.
Result<void> check_devices(const domain::Domain& domain, const std::string& where) {
  std::map<pci::GuestAddress, std::string> owners;
  for (const Device& device : domain.devices) {
    const auto* pci = std::get_if<domain::PciAddress>(&device.address);
    if (pci == nullptr || !pci->at) continue;
    const std::string name = display_name(domain, device);
    const auto [owner, is_free] = owners.try_emplace(*pci->at, name);
    if (!is_free)
      return unreadable(
          fmt::format("wrong lock: {} has {} and {} both at {}", where, owner->second, name, to_string(*pci->at)),
          "take it from version control; after a merge, write it anew with busproof lock");
  }
  return {};
}

Result<LockedDomain> read_locked(const Json& json, std::size_t number) {
  LockedDomain locked;
  Reader reader(json, fmt::format("domain {}", number));
  locked.domain.name = reader.text("name", true);
  const std::string where = fmt::format("domain '{}'", locked.domain.name);
  locked.domain.uuid = reader.text("uuid");
  locked.domain.arch = reader.text("arch", true);
  locked.domain.machine = reader.text("machine", true);
  locked.domain.has_acpi = reader.boolean("acpi");
  const Json& devices = reader.list("devices");
  const Json& freed = reader.list("freed");
  if (const auto done = reader.done(); !done) return std::unexpected(done.error());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    auto device = read_device(devices[i], fmt::format("device {} of {}", i + 1, where));
    if (!device) return std::unexpected(device.error());
    locked.domain.devices.push_back(*std::move(device));
  }
  for (std::size_t i = 0; i < freed.size(); ++i) {
    auto slot = read_freed(freed[i], fmt::format("freed place {} of {}", i + 1, where));
    if (!slot) return std::unexpected(slot.error());
    locked.freed.push_back(*std::move(slot));
  }
  std::ranges::sort(locked.freed);
  if (const auto sound = check_devices(locked.domain, where); !sound) return std::unexpected(sound.error());
  return locked;
}

Result<void> check_version(const Json& json) {
  const auto version = json.is_object() ? json.find(kVersionKey) : json.end();
  if (!json.is_object() || version == json.end())
    return unreadable(fmt::format("this is no lock: it lacks '{}'", kVersionKey),
                      "name a file that busproof lock wrote");
  if (!version->is_number_unsigned() || *version == 0U)
    return unreadable(fmt::format("wrong lock: '{}' is no version", kVersionKey), "it is 1 in locks of this busproof");
  if (*version > kVersion)
    return unreadable(
        fmt::format("the lock is of version {}, and this busproof knows up to {}", version->dump(), kVersion),
        "take the busproof that wrote it, or a newer one");
  return {};
}

}  // namespace

Result<Lock> read_lock(std::string_view text) {
  const auto json = parse(text);
  if (!json) return std::unexpected(json.error());
  if (const auto known = check_version(*json); !known) return std::unexpected(known.error());
  Reader reader(*json, "the file");
  reader.number(kVersionKey.data(), kVersion, true);
  const Json& domains = reader.list("domains");
  if (const auto done = reader.done(); !done) return std::unexpected(done.error());
  Lock lock;
  std::set<std::string> names, uuids;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    auto locked = read_locked(domains[i], i + 1);
    if (!locked) return std::unexpected(locked.error());
    const bool is_new_name = names.insert(locked->domain.name).second;
    const bool is_new_uuid = locked->domain.uuid.empty() || uuids.insert(locked->domain.uuid).second;
    if (!is_new_name || !is_new_uuid)
      return unreadable(fmt::format("wrong lock: it names the domain {} twice",
                                    is_new_name ? locked->domain.uuid : "'" + locked->domain.name + "'"),
                        "remove one of the two; after a merge, write it anew with busproof lock");
    lock.domains.push_back(*std::move(locked));
  }
  std::ranges::sort(lock.domains, {}, [](const LockedDomain& locked) { return locked.domain.name; });
  return lock;
}

std::string lock_text(const Lock& lock) {
  std::string text = fmt::format("{{\n  \"{}\": {},\n  \"domains\": [", kVersionKey, kVersion);
  for (const LockedDomain& locked : lock.domains)
    text += (&locked == lock.domains.data() ? "\n" : ",\n") + domain_text(locked);
  return text + (lock.domains.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace busproof::lock
