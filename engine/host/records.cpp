#include "engine/host/records.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <ranges>

#include "engine/base/text.h"

namespace busproof::host {
namespace {

constexpr int kRecordVersion = 1;
constexpr std::size_t kChecksumDigits = 8;

std::uint32_t checksum(std::string_view text) {
  const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
  return static_cast<std::uint32_t>(::crc32_z(0, bytes, text.size()));
}

Json to_json(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json to_json(const Binding& binding) {
  Json json = {{"driver", to_json(binding.driver)}, {"override", to_json(binding.override_to)}};
  if (binding.any_driver) json["any_driver"] = true;
  return json;
}

Json to_json(const Pin& pin) {
  return {{"vendor", pin.vendor},       {"device", pin.device},    {"subvendor", pin.subvendor},
          {"subdevice", pin.subdevice}, {"class", pin.class_code}, {"revision", pin.revision}};
}

/// Reads members of an object, and remembers whether one was not as it should be.
class Members {
 public:
  explicit Members(const Json& json) : json_(json), fine_(json.is_object()) {}

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

Pin pin_from(Members& outer, const char* name) {
  Members in(outer.member(name));
  const Pin pin{in.number<std::uint16_t>("vendor"),    in.number<std::uint16_t>("device"),
                in.number<std::uint16_t>("subvendor"), in.number<std::uint16_t>("subdevice"),
                in.number<std::uint32_t>("class"),     in.number<std::uint8_t>("revision")};
  if (!in.fine()) outer.spoil();
  return pin;
}

Binding binding_from(Members& outer, const char* name) {
  Members in(outer.member(name));
  Binding binding{in.optional_text("driver"), in.optional_text("override"), in.flag("any_driver")};
  if (!in.fine()) outer.spoil();
  return binding;
}

Json to_json(const std::optional<VfSettings>& settings) {
  if (!settings) return nullptr;
  return {{"mac", settings->mac}, {"vlan", settings->vlan}};
}

std::optional<VfSettings> settings_from(Members& outer, const char* name) {
  if (outer.member(name).is_null()) return std::nullopt;
  Members in(outer.member(name));
  VfSettings settings{in.text("mac"), in.number<unsigned>("vlan")};
  if (!in.fine()) outer.spoil();
  return settings;
}

std::optional<LedgerEntry> optional_entry(Members& outer, const char* name) {
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
  Members in(json);
  const auto kind = named<Step::Kind>(kStepNames, in.text("step"));
  Step step{kind.value_or(Step::Kind::Reset), in.address("device"), in.text("from"), in.text("to")};
  if (!in.fine() || !kind) return std::nullopt;
  return step;
}

std::optional<PlannedDevice> device_from_json(const Json& json) {
  Members in(json);
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
  const auto entry = [](const std::optional<LedgerEntry>& entry_of) {
    return entry_of ? to_json(*entry_of) : Json(nullptr);
  };
  return {{"address", to_string(device.address)},     {"pin", to_json(device.pin)},
          {"before", to_json(device.before)},         {"after", to_json(device.after)},
          {"origin_module", device.origin_module},    {"entry_before", entry(device.entry_before)},
          {"entry_after", entry(device.entry_after)}, {"net_before", to_json(device.net_before)},
          {"net_after", to_json(device.net_after)}};
}

constexpr std::array<std::string_view, 5> kOperationNames = {"detach", "reattach", "reset", "prepare", "release"};

}  // namespace

std::string record_of(const Json& json) {
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  return fmt::format("{:08x} {}\n", checksum(text), text);
}

std::optional<Json> parse_record(std::string_view line) {
  if (line.size() < kChecksumDigits + 2 || line[kChecksumDigits] != ' ') return std::nullopt;
  const auto sum = unsigned_32(line.substr(0, kChecksumDigits), Radix::Hexadecimal);
  const std::string_view text = line.substr(kChecksumDigits + 1);
  if (!sum || *sum != checksum(text)) return std::nullopt;
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

bool is_newer(const Json& json) {
  if (!json.is_object()) return false;
  const auto version = json.find("version");
  return version != json.end() && version->is_number_unsigned() && *version > kRecordVersion;
}

Json to_json(const LedgerEntry& entry) {
  Json json = {{"version", kRecordVersion},
               {"address", to_string(entry.address)},
               {"pin", to_json(entry.pin)},
               {"boot_id", entry.boot_id},
               {"origin", to_json(entry.origin)},
               {"origin_module", entry.origin_module},
               {"stub", entry.stub},
               {"managed", entry.managed},
               {"list", entry.owner ? "active" : "inactive"},
               {"owner", nullptr},
               {"namespaces", entry.namespaces},
               {"flags", Json::array()},
               {"net_origin", to_json(entry.net_origin)}};
  if (entry.owner) json["owner"] = {{"driver", entry.owner->driver}, {"domain", entry.owner->domain}};
  for (const Flag flag : entry.flags) json["flags"].push_back(to_string(flag));
  return json;
}

std::optional<LedgerEntry> entry_from_json(const Json& json) {
  Members in(json);
  if (in.number<int>("version") != kRecordVersion) return std::nullopt;
  LedgerEntry entry{.address = in.address("address")};
  entry.pin = pin_from(in, "pin");
  entry.boot_id = in.text("boot_id");
  entry.origin = binding_from(in, "origin");
  entry.origin_module = in.text("origin_module");
  entry.stub = in.text("stub");
  entry.managed = in.flag("managed");
  if (!in.member("owner").is_null()) {
    Members owner(in.member("owner"));
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
  return {{"step", kStepNames[static_cast<std::size_t>(step.kind)]},
          {"device", to_string(step.device)},
          {"from", step.from},
          {"to", step.to}};
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
  Json json = {{"version", kRecordVersion}, {"operation", to_string(plan.operation)},
               {"boot_id", plan.boot_id},   {"modules", plan.modules},
               {"devices", Json::array()},  {"steps", Json::array()},
               {"notes", plan.notes},       {"overridden", Json::array()}};
  for (const PlannedDevice& device : plan.devices) json["devices"].push_back(to_json(device));
  for (const Step& step : plan.steps) json["steps"].push_back(to_json(step));
  for (const Trouble& trouble : plan.overridden) json["overridden"].push_back(to_json(trouble));
  return json;
}

std::optional<BindingPlan> plan_from_json(const Json& json) {
  Members in(json);
  if (in.number<int>("version") != kRecordVersion) return std::nullopt;
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
