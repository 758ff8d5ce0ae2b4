// Which driver has a device: overrides, binding, and the tables of ids.

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

bool has_override(const Host& h, const Node&) { return h.model.profile.driver_override; }
Text show_override(const Host& h, const Node& n) {
  const std::string& text = device_of(h, n).override_text;
  return line(text.empty() ? "(null)" : text);
}
Effect store_override(Host& h, const Node& n, const StoreCall& call) {
  constexpr std::size_t kTooLong = 4095;
  if (call.data.size() >= kTooLong) return refuse(EINVAL);
  const std::string_view text = c_string(call.data.substr(0, call.data.find('\n')));
  return {0, h.model.override_tasks(slot_of(n), std::string(text))};
}

Effect store_bind(Host& h, const Node& n, const StoreCall& call) {
  const Slot slot = device_named(h, call.data);
  if (slot == kNoSlot || !h.model.matches(h.model.driver(n.number), h.model.device(slot))) return refuse(ENODEV);
  return {0, h.model.bind_tasks(slot, n.number)};
}
Effect store_unbind(Host& h, const Node& n, const StoreCall& call) {
  const Slot slot = device_named(h, call.data);
  if (slot == kNoSlot || h.model.device(slot).driver != n.number) return refuse(ENODEV);
  return {0, h.model.unbind_tasks(slot)};
}
Effect store_probe(Host& h, const Node&, const StoreCall& call) {
  const Slot slot = device_named(h, call.data);
  if (slot == kNoSlot) return refuse(ENODEV);
  return {0, h.model.probe_tasks(slot)};
}

Text show_autoprobe(const Host& h, const Node&) { return flag_line(h.model.autoprobe); }
Effect store_autoprobe(Host& h, const Node&, const StoreCall& call) {
  h.model.autoprobe = !call.data.starts_with('0');
  return done();
}

struct ParsedId {
  PciId id;
  int fields = 0;
};

/// Hexadecimal numbers apart, as the kernel's "%x %x %x %x %x %x %lx" takes them.
ParsedId parse_id(std::string_view data) {
  data = c_string(data);
  ParsedId parsed;
  std::uint64_t driver_data = 0;
  PciId& id = parsed.id;
  const std::array<std::uint32_t*, 6> fields = {&id.vendor,    &id.device,     &id.subvendor,
                                                &id.subdevice, &id.class_code, &id.class_mask};
  for (std::uint32_t* field : fields) {
    const auto number = scan_hex(data);
    if (!number) return parsed;
    *field = static_cast<std::uint32_t>(*number);
    ++parsed.fields;
  }
  if (const auto number = scan_hex(data)) {
    driver_data = *number;
    ++parsed.fields;
  }
  id.driver_data = driver_data;
  return parsed;
}

Effect store_new_id(Host& h, const Node& n, const StoreCall& call) {
  const ParsedId parsed = parse_id(call.data);
  if (parsed.fields < 2) return refuse(EINVAL);
  auto [error, tasks] = h.model.new_id_tasks(n.number, parsed.id, parsed.fields);
  return {error, std::move(tasks)};
}
Effect store_remove_id(Host& h, const Node& n, const StoreCall& call) {
  const ParsedId parsed = parse_id(call.data);
  if (parsed.fields < 2) return refuse(EINVAL);
  return refuse(h.model.remove_id(n.number, parsed.id));
}

// ---- What pciback is told to take
// --------------------------------------------------------------------------------------
// Source: drivers/xen/xen-pciback/pci_stub.c, str_to_slot(), pcistub_device_id_add() and pcistub_device_id_remove()

bool is_pciback(const Host& h, const Node& n) { return h.model.driver(n.number).name == "pciback"; }

/// Takes the mark off the text; false when there is another.
bool take(std::string_view& text, char mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

/// A number, or every one up to `max` for a star. Nothing: neither is there.
std::optional<std::pair<unsigned, unsigned>> take_range(std::string_view& text, unsigned max) {
  if (take(text, '*')) return std::pair(0U, max);
  const auto number = scan_hex(text);
  if (!number || *number > max) return std::nullopt;
  return std::pair(static_cast<unsigned>(*number), static_cast<unsigned>(*number));
}

/// "0000:01:00.0", also without its segment, and with stars for function, or slot and function. Empty: it is none.
std::vector<HostAddress> parse_slots(std::string_view text) {
  constexpr unsigned kSegmentMax = 0xffff, kBusMax = 0xff;
  text = trimmed(c_string(text));
  std::uint64_t segment = 0;
  if (std::ranges::count(text, ':') == 2) {
    const auto number = scan_hex(text);
    if (!number || *number > kSegmentMax || !take(text, ':')) return {};
    segment = *number;
  }
  const auto bus = scan_hex(text);
  if (!bus || *bus > kBusMax || !take(text, ':')) return {};
  const auto slots = take_range(text, pci::kSlotCount - 1);
  if (!slots || !take(text, '.')) return {};
  const auto functions = take_range(text, pci::kFunctionCount - 1);
  const bool every_slot_but_one_function =
      functions && slots->first != slots->second && functions->first == functions->second;
  if (!functions || !text.empty() || every_slot_but_one_function) return {};
  std::vector<HostAddress> addresses;
  for (unsigned slot = slots->first; slot <= slots->second; ++slot)
    for (unsigned function = functions->first; function <= functions->second; ++function)
      addresses.push_back(
          *HostAddress::make(static_cast<std::uint32_t>(segment), static_cast<std::uint8_t>(*bus), slot, function));
  return addresses;
}

Text show_slots(const Host& h, const Node&) {
  std::string text;
  for (const HostAddress& address : h.model.seized) text += to_string(address) + '\n';
  return {0, std::move(text)};
}
Effect store_new_slot(Host& h, const Node&, const StoreCall& call) {
  const auto addresses = parse_slots(call.data);
  if (addresses.empty()) return refuse(EINVAL);
  h.model.seized.insert(addresses.begin(), addresses.end());
  return done();
}
Effect store_remove_slot(Host& h, const Node&, const StoreCall& call) {
  const auto addresses = parse_slots(call.data);
  if (addresses.empty()) return refuse(EINVAL);
  std::size_t removed = 0;
  for (const HostAddress& address : addresses) removed += h.model.seized.erase(address);
  return removed == 0 ? refuse(ENOENT) : done();
}

constexpr auto kBindingRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{BusPci, "drivers_autoprobe", 0644, nullptr, show_autoprobe, store_autoprobe},
      AttributeRow{BusPci, "drivers_probe", 0200, nullptr, nullptr, store_probe},
      AttributeRow{Place::Driver, "bind", 0200, nullptr, nullptr, store_bind},
      AttributeRow{Place::Driver, "new_id", 0200, nullptr, nullptr, store_new_id},
      AttributeRow{Place::Driver, "remove_id", 0200, nullptr, nullptr, store_remove_id},
      AttributeRow{Place::Driver, "new_slot", 0200, is_pciback, nullptr, store_new_slot},
      AttributeRow{Place::Driver, "remove_slot", 0200, is_pciback, nullptr, store_remove_slot},
      AttributeRow{Place::Driver, "slots", 0444, is_pciback, show_slots, nullptr},
      AttributeRow{Place::Driver, "unbind", 0200, nullptr, nullptr, store_unbind},
      AttributeRow{DeviceDir, "driver_override", 0644, has_override, show_override, store_override, ReadLock::Override},
  };
}();

}  // namespace

std::span<const AttributeRow> binding_rows() { return kBindingRows; }

}  // namespace busproof::fakesys
