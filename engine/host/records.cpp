#include "engine/host/records.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <ranges>

#include "engine/base/text.h"

namespace busproof::host {
namespace {

constexpr std::size_t kChecksumDigits = 8;

std::uint32_t checksum(std::string_view text) {
  const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
  return static_cast<std::uint32_t>(::crc32_z(0, bytes, text.size()));
}

/// An object, member by member in order. The library's lists in braces copy every member twice and look for its name
/// among all before it, and nothing is written more often than these records.
class Members {
 public:
  explicit Members(std::size_t count) { object_.reserve(count); }
  Members& add(const char* name, Json value) {
    object_.emplace_back(name, std::move(value));
    return *this;
  }
  Json json() { return Json(std::move(object_)); }

 private:
  Json::object_t object_;
};

template <class List, class Make>
Json array_of(const List& list, Make make) {
  Json::array_t array;
  array.reserve(list.size());
  for (const auto& each : list) array.push_back(make(each));
  return array;
}

Json to_json(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json to_json(const Binding& binding) {
  Members json(3);
  json.add("driver", to_json(binding.driver)).add("override", to_json(binding.override_to));
  if (binding.any_driver) json.add("any_driver", true);
  return json.json();
}

Json to_json(const Pin& pin) {
  Members json(6);
  json.add("vendor", pin.vendor).add("device", pin.device);
  json.add("subvendor", pin.subvendor).add("subdevice", pin.subdevice);
  return json.add("class", pin.class_code).add("revision", pin.revision).json();
}

/// Reads members of an object, and remembers whether one was not as it should be.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json), fine_(json.is_object()) {}

  [[nodiscard]] bool fine() const { return fine_; }
  const Json& member(const char* name) {
    static const Json kNothing;
    if (!fine_) return kNothing;
    const auto found = json_.find(name);
    return found == json_.end() ? kNothing : *found;
  }
  std::string text(const char* name) {
    const Json& value = member(name);
    fine_ = fine_ && value.is_string();
    return fine_ ? value.get<std::string>() : std::string();
  }
  std::optional<std::string> optional_text(const char* name) {
    return member(name).is_null() ? std::nullopt : std::optional(text(name));
  }
  bool flag(const char* name) { return member(name) == true; }
  template <class Number>
  Number number(const char* name) {
    const Json& value = member(name);
    fine_ = fine_ && value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<Number>::max();
    return fine_ ? value.get<Number>() : Number{};
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> found;
    const Json& list = member(name);
    if (list.is_null()) return found;
    fine_ = fine_ && list.is_array();
    if (!fine_) return found;
    for (const Json& entry : list) {
      fine_ = fine_ && entry.is_string();
      if (fine_) found.push_back(entry.get<std::string>());
    }
    return found;
  }
  HostAddress address(const char* name) {
    const auto parsed = HostAddress::parse(text(name));
    fine_ = fine_ && parsed.has_value();
    return fine_ ? *parsed : *HostAddress::make(0, 0, 0, 0);
  }
  void spoil() { fine_ = false; }

 private:
  const Json& json_;
  bool fine_;
};

Pin pin_from(Reader& outer, const char* name) {
  Reader in(outer.member(name));
  const Pin pin{in.number<std::uint16_t>("vendor"),    in.number<std::uint16_t>("device"),
                in.number<std::uint16_t>("subvendor"), in.number<std::uint16_t>("subdevice"),
                in.number<std::uint32_t>("class"),     in.number<std::uint8_t>("revision")};
  if (!in.fine()) outer.spoil();
  return pin;
}

Binding binding_from(Reader& outer, const char* name) {
  Reader in(outer.member(name));
  Binding binding{in.optional_text("driver"), in.optional_text("override"), in.flag("any_driver")};
  if (!in.fine()) outer.spoil();
  return binding;
}

Json to_json(const std::optional<VfSettings>& settings) {
  if (!settings) return nullptr;
  return {{"mac", settings->mac}, {"vlan", settings->vlan}};
}

std::optional<VfSettings> settings_from(Reader& outer, const char* name) {
  if (outer.member(name).is_null()) return std::nullopt;
  Reader in(outer.member(name));
  VfSettings settings{in.text("mac"), in.number<unsigned>("vlan")};
  if (!in.fine()) outer.spoil();
  return settings;
}

std::optional<LedgerEntry> optional_entry(Reader& outer, const char* name) {
  if (outer.member(name).is_null()) return std::nullopt;
  auto entry = entry_from_json(outer.member(name));
  if (!entry) outer.spoil();
  return entry;
}

constexpr std::array<std::string_view, 10> kStepNames = {
    "set-override", "unbind", "probe", "check-usable", "reset", "add-id", "bind", "remove-id", "set-mac", "set-vlan"};

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

std::optional<Step> step_from_json(const Json& json) {
  Reader in(json);
  const auto kind = named<Step::Kind>(kStepNames, in.text("step"));
  Step step{kind.value_or(Step::Kind::Reset), in.address("device"), in.text("from"), in.text("to")};
  if (!in.fine() || !kind) return std::nullopt;
  return step;
}

std::optional<PlannedDevice> device_from_json(const Json& json) {
  Reader in(json);
  PlannedDevice device{in.address("address"),
                       pin_from(in, "pin"),
                       binding_from(in, "before"),
                       binding_from(in, "after"),
                       in.text("origin_module"),
                       optional_entry(in, "entry_before"),
                       optional_entry(in, "entry_after"),
                       settings_from(in, "net_before"),
                       settings_from(in, "net_after")};
  if (!in.fine()) return std::nullopt;
  return device;
}

Json to_json(const PlannedDevice& device) {
  Members json(9);
  json.add("address", to_string(device.address)).add("pin", to_json(device.pin));
  json.add("before", to_json(device.before)).add("after", to_json(device.after));
  json.add("origin_module", device.origin_module);
  if (device.entry_before) json.add("entry_before", to_json(*device.entry_before));
  if (device.entry_after) json.add("entry_after", to_json(*device.entry_after));
  if (device.net_before) json.add("net_before", to_json(device.net_before));
  if (device.net_after) json.add("net_after", to_json(device.net_after));
  return json.json();
}

constexpr std::array<std::string_view, 5> kOperationNames = {"detach", "reattach", "reset", "prepare", "release"};

}  // namespace

std::string record_of(std::string_view text) {
  std::array<char, kChecksumDigits + 1> sum{};
  fmt::format_to(sum.data(), "{:08x} ", checksum(text));
  std::string record;
  record.reserve(sum.size() + text.size() + 1);
  return record.append(sum.data(), sum.size()).append(text).append(1, '\n');
}

std::string record_of(const Json& json) {
  return record_of(std::string_view(json.dump(-1, ' ', true, Json::error_handler_t::replace)));
}

std::optional<std::string_view> text_of_record(std::string_view line) {
  if (line.size() < kChecksumDigits + 2 || line[kChecksumDigits] != ' ') return std::nullopt;
  const auto sum = unsigned_32(line.substr(0, kChecksumDigits), Radix::Hexadecimal);
  const std::string_view text = line.substr(kChecksumDigits + 1);
  if (!sum || *sum != checksum(text)) return std::nullopt;
  return text;
}

std::optional<Json> parse_record(std::string_view line) {
  const auto text = text_of_record(line);
  if (!text) return std::nullopt;
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

bool is_newer(const Json& json, int known) {
  if (!json.is_object()) return false;
  const auto version = json.find("version");
  return version != json.end() && version->is_number_unsigned() && *version > known;
}

Json to_json(const LedgerEntry& entry) {
  Members json(13);
  json.add("version", kEntryVersion).add("address", to_string(entry.address));
  json.add("pin", to_json(entry.pin)).add("boot_id", entry.boot_id);
  json.add("origin", to_json(entry.origin)).add("origin_module", entry.origin_module);
  json.add("stub", entry.stub).add("managed", entry.managed);
  json.add("list", entry.owner ? "active" : "inactive");
  json.add("owner", entry.owner
                        ? Members(2).add("driver", entry.owner->driver).add("domain", entry.owner->domain).json()
                        : Json(nullptr));
  json.add("namespaces", entry.namespaces);
  json.add("flags", array_of(entry.flags, [](Flag flag) { return to_string(flag); }));
  return json.add("net_origin", to_json(entry.net_origin)).json();
}

std::optional<LedgerEntry> entry_from_json(const Json& json) {
  Reader in(json);
  if (in.number<int>("version") != kEntryVersion) return std::nullopt;
  LedgerEntry entry{.address = in.address("address")};
  entry.pin = pin_from(in, "pin");
  entry.boot_id = in.text("boot_id");
  entry.origin = binding_from(in, "origin");
  entry.origin_module = in.text("origin_module");
  entry.stub = in.text("stub");
  entry.managed = in.flag("managed");
  if (!in.member("owner").is_null()) {
    Reader owner(in.member("owner"));
    entry.owner = Owner{owner.text("driver"), owner.text("domain")};
    if (!owner.fine()) return std::nullopt;
  }
  const Json& namespaces = in.member("namespaces");
  if (!namespaces.is_array()) return std::nullopt;
  for (const Json& number : namespaces) {
    if (!number.is_number_unsigned()) return std::nullopt;
    entry.namespaces.insert(number.get<std::uint32_t>());
  }
  entry.net_origin = settings_from(in, "net_origin");
  for (const std::string& name : in.texts("flags")) {
    const auto flag = flag_named(name);
    if (!flag) return std::nullopt;
    entry.flags.insert(*flag);
  }
  if (!in.fine()) return std::nullopt;
  return entry;
}

Json to_json(const Step& step) {
  Members json(4);
  json.add("step", kStepNames[static_cast<std::size_t>(step.kind)]).add("device", to_string(step.device));
  return json.add("from", step.from).add("to", step.to).json();
}

Json to_json(const Trouble& trouble) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return {{"code", to_string(trouble.code)},
          {"message", trouble.message},
          {"device", text_or_null(trouble.device)},
          {"step", text_or_null(trouble.step)},
          {"path", text_or_null(trouble.path)},
          {"errno", trouble.error == 0 ? Json(nullptr) : Json(trouble.error)},
          {"error", trouble.error == 0 ? Json(nullptr) : Json(error_words(trouble.error))},
          {"hints", trouble.hints}};
}

Json to_json(const BindingPlan& plan) {
  Members json(7);
  json.add("version", kPlanVersion).add("operation", to_string(plan.operation)).add("boot_id", plan.boot_id);
  if (!plan.modules.empty()) json.add("modules", plan.modules);
  json.add("devices", array_of(plan.devices, [](const PlannedDevice& device) { return to_json(device); }));
  json.add("steps", array_of(plan.steps, [](const Step& step) { return to_json(step); }));
  if (!plan.notes.empty()) json.add("notes", plan.notes);
  return json.json();
}

std::optional<BindingPlan> plan_from_json(const Json& json) {
  Reader in(json);
  if (in.number<int>("version") != kPlanVersion) return std::nullopt;
  const auto operation = named<Operation>(kOperationNames, in.text("operation"));
  if (!operation) return std::nullopt;
  BindingPlan plan{*operation, in.text("boot_id"), in.texts("modules"), {}, {}, in.texts("notes"), {}};
  const Json& devices = in.member("devices");
  const Json& steps = in.member("steps");
  if (!in.fine() || !devices.is_array() || !steps.is_array()) return std::nullopt;
  for (const Json& entry : devices) {
    auto device = device_from_json(entry);
    if (!device) return std::nullopt;
    plan.devices.push_back(*std::move(device));
  }
  for (const Json& entry : steps) {
    auto step = step_from_json(entry);
    if (!step) return std::nullopt;
    plan.steps.push_back(*std::move(step));
  }
  return plan;
}

}  // namespace busproof::host
