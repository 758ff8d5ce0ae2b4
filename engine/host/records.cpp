#include "engine/host/records.h"

#include <zlib.h>

#include <array>

#include "engine/base/hexadecimal.h"
#include "engine/base/text.h"
#include "engine/host/record_text.h"

namespace busproof::host {

// ---- What records say ----------------------------------------------------------------------------------------------

template <>
struct NamesOf<Operation> {
  static constexpr std::size_t kCount = 5;
  static std::string_view name(Operation operation) { return to_string(operation); }
};
template <>
struct NamesOf<Flag> {
  static constexpr std::size_t kCount = 9;
  static std::string_view name(Flag flag) { return to_string(flag); }
};
template <>
struct NamesOf<Step::Kind> {
  static constexpr std::size_t kCount = 10;
  static std::string_view name(Step::Kind kind) {
    constexpr std::array<std::string_view, kCount> kNames = {"set-override", "unbind",  "probe", "check-usable",
                                                             "reset",        "add-id",  "bind",  "remove-id",
                                                             "set-mac",      "set-vlan"};
    return kNames[static_cast<std::size_t>(kind)];
  }
};

constexpr HostAddress kNowhere = *HostAddress::make(0, 0, 0, 0);
template <>
LedgerEntry blank() {
  return {.address = kNowhere};
}
template <>
PlannedDevice blank() {
  return {.address = kNowhere};
}
template <>
Step blank() {
  return {.device = kNowhere};
}

template <>
struct MembersOf<Binding> {
  template <class Form, class Value>
  static void tell(Form& form, Value& binding) {
    form.member("driver", binding.driver);
    form.member("override", binding.override_to);
    form.member_if_any("any_driver", binding.any_driver);
  }
};

template <>
struct MembersOf<Pin> {
  template <class Form, class Value>
  static void tell(Form& form, Value& pin) {
    form.member("vendor", pin.vendor);
    form.member("device", pin.device);
    form.member("subvendor", pin.subvendor);
    form.member("subdevice", pin.subdevice);
    form.member("class", pin.class_code);
    form.member("revision", pin.revision);
  }
};

template <>
struct MembersOf<VfSettings> {
  template <class Form, class Value>
  static void tell(Form& form, Value& settings) {
    form.member("mac", settings.mac);
    form.member("vlan", settings.vlan);
  }
};

template <>
struct MembersOf<Owner> {
  template <class Form, class Value>
  static void tell(Form& form, Value& owner) {
    form.member("driver", owner.driver);
    form.member("domain", owner.domain);
  }
};

template <>
struct MembersOf<LedgerEntry> {
  template <class Form, class Value>
  static void tell(Form& form, Value& entry) {
    form.version(kEntryVersion);
    form.member("address", entry.address);
    form.member("pin", entry.pin);
    form.member("boot_id", entry.boot_id);
    form.member("origin", entry.origin);
    form.member("origin_module", entry.origin_module);
    form.member("stub", entry.stub);
    form.member("managed", entry.managed);
    form.remark("list", entry.owner ? "active" : "inactive");
    form.member("owner", entry.owner);
    form.member("namespaces", entry.namespaces);
    form.member("flags", entry.flags);
    form.member("net_origin", entry.net_origin);
  }
};

template <>
struct MembersOf<Step> {
  template <class Form, class Value>
  static void tell(Form& form, Value& step) {
    form.member("step", step.kind);
    form.member("device", step.device);
    form.member("from", step.from);
    form.member("to", step.to);
  }
};

template <>
struct MembersOf<PlannedDevice> {
  template <class Form, class Value>
  static void tell(Form& form, Value& device) {
    form.member("address", device.address);
    form.member("pin", device.pin);
    form.member("before", device.before);
    form.member("after", device.after);
    form.member("origin_module", device.origin_module);
    form.member_if_any("entry_before", device.entry_before);
    form.member_if_any("entry_after", device.entry_after);
    form.member_if_any("net_before", device.net_before);
    form.member_if_any("net_after", device.net_after);
  }
};

/// Without `overridden`, which is nothing to whoever undoes the plan.
template <>
struct MembersOf<BindingPlan> {
  template <class Form, class Value>
  static void tell(Form& form, Value& plan) {
    form.version(kPlanVersion);
    form.member("operation", plan.operation);
    form.member("boot_id", plan.boot_id);
    form.member_if_any("modules", plan.modules);
    form.member("devices", plan.devices);
    form.member("steps", plan.steps);
    form.member_if_any("notes", plan.notes);
  }
};

// ---- Records -------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kChecksumDigits = 8;

std::uint32_t checksum(std::string_view text) {
  const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
  return static_cast<std::uint32_t>(::crc32_z(0, bytes, text.size()));
}

/// A record that has its text already, behind the room that its checksum needs.
std::string summed(std::string record) {
  put_hexadecimal(record.data(), checksum(std::string_view(record).substr(kChecksumDigits + 1)), kChecksumDigits);
  record += '\n';
  return record;
}

template <class Value>
std::string written(const Value& value) {
  RecordWriter writer(kChecksumDigits + 1);
  writer.object(value);
  return summed(std::move(writer).text());
}

template <class Value>
Recorded<Value> read(std::string_view line) {
  const auto text = text_of_record(line);
  if (!text) return {};
  RecordReader reader(*text);
  auto value = blank<Value>();
  reader.object(value);
  if (!reader.fine()) return {.newer = reader.newer()};
  return {.value = std::move(value)};
}

/// For a report.
template <class Value>
Json as_json(const Value& value) {
  RecordWriter writer(0);
  writer.object(value);
  return Json::parse(std::move(writer).text());
}

}  // namespace

std::string record_of(std::string_view what, std::string_view of) {
  std::string record(kChecksumDigits + 1, ' ');
  record.reserve(record.size() + what.size() + of.size() + 2);
  record.append(what);
  if (!of.empty()) record.append(1, ' ').append(of);
  return summed(std::move(record));
}
std::string record_of(const LedgerEntry& entry) { return written(entry); }
std::string record_of(const BindingPlan& plan) { return written(plan); }

std::optional<std::string_view> text_of_record(std::string_view line) {
  if (line.size() < kChecksumDigits + 2 || line[kChecksumDigits] != ' ') return std::nullopt;
  const auto sum = unsigned_32(line.substr(0, kChecksumDigits), Radix::Hexadecimal);
  const std::string_view text = line.substr(kChecksumDigits + 1);
  if (!sum || *sum != checksum(text)) return std::nullopt;
  return text;
}
Recorded<LedgerEntry> entry_of_record(std::string_view line) { return read<LedgerEntry>(line); }
Recorded<BindingPlan> plan_of_record(std::string_view line) { return read<BindingPlan>(line); }

Json to_json(const LedgerEntry& entry) { return as_json(entry); }
Json to_json(const Step& step) { return as_json(step); }

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

}  // namespace busproof::host
