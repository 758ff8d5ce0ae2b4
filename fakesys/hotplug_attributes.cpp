// Devices that come and go, and that are reset.

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "engine/base/ascii.h"
#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

/// Firmware may know of devices that this one needs; once a driver has taken it, nobody asks any more. Source:
/// drivers/base/core.c, device_add() and device_links_driver_bound()
bool may_wait_for_supplier(const Host& h, const Node& n) {
  const Device& device = device_of(h, n);
  const auto& recorded = device.function->recorded;
  return h.model.profile.waiting_for_supplier && !device.bound_before && !device.function->is_virtual &&
         recorded != nullptr &&
         std::ranges::any_of(recorded->links, [](const auto& link) { return link.first == "firmware_node"; });
}
Text show_waiting(const Host&, const Node&) { return flag_line(false); }

bool is_removable(const Host& h, const Node& n) {
  const Device& device = device_of(h, n);
  return !device.function->is_virtual && device.removable;
}
bool is_physical(const Host& h, const Node& n) { return !device_of(h, n).function->is_virtual; }

Effect store_remove(Host& h, const Node& n, const StoreCall& call) {
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  if (*number == 0 || !device_of(h, n).removable) return done();
  h.model.edit(slot_of(n)).removable = false;
  return {0, h.model.remove_tasks(slot_of(n))};
}

Effect rescan(std::string_view data, std::int64_t bus) {
  const auto number = kernel_unsigned(data);
  if (!number) return refuse(EINVAL);
  if (*number == 0) return done();
  return {0, {{.step = Step::LockRescan}, {.step = Step::Rescan, .number = bus}, {.step = Step::UnlockRescan}}};
}
Effect store_rescan_all(Host&, const Node&, const StoreCall& call) { return rescan(call.data, kAllBuses); }
Effect store_rescan_bus(Host&, const Node& n, const StoreCall& call) {
  return rescan(call.data, rescan_key(n.segment, static_cast<std::uint8_t>(n.number)));
}
Effect store_rescan_device(Host& h, const Node& n, const StoreCall& call) {
  const HostAddress& address = device_of(h, n).function->address;
  return rescan(call.data, rescan_key(address.segment(), address.bus()));
}

struct MethodName {
  std::string_view name;
  ResetMethod method;
};
constexpr std::array kMethodNames = {
    MethodName{"device_specific", ResetMethod::DeviceSpecific},
    MethodName{"acpi", ResetMethod::Acpi},
    MethodName{"flr", ResetMethod::Flr},
    MethodName{"af_flr", ResetMethod::AfFlr},
    MethodName{"pm", ResetMethod::Pm},
    MethodName{"bus", ResetMethod::Bus},
};

bool has_reset(const Host& h, const Node& n) { return device_of(h, n).reset_present; }
bool has_reset_method(const Host& h, const Node& n) { return has_reset(h, n) && h.model.profile.reset_method; }
bool has_reset_subordinate(const Host& h, const Node& n) {
  return h.model.profile.reset_subordinate && h.model.child_bus(slot_of(n)) != nullptr;
}

Effect store_reset(Host& h, const Node& n, const StoreCall& call) {
  if (kernel_unsigned(call.data) != 1) return refuse(EINVAL);
  return {0, h.model.reset_tasks(slot_of(n))};
}
Effect store_reset_subordinate(Host&, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EPERM);
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  if (*number == 0) return done();
  return {0, {{.step = Step::ResetSubordinate, .device = n.device}}};
}

Text show_reset_method(const Host& h, const Node& n) {
  std::string text;
  for (const ResetMethod method : device_of(h, n).reset_enabled) {
    if (!text.empty()) text += ' ';
    text += std::ranges::find(kMethodNames, method, &MethodName::method)->name;
  }
  if (!text.empty()) text += '\n';
  return {0, std::move(text)};
}
Effect store_reset_method(Host& h, const Node& n, const StoreCall& call) {
  const std::string_view text = c_string(call.data);
  if (text == "\n") {
    h.model.edit(slot_of(n)).reset_enabled.clear();
    return done();
  }
  if (streq_name(text) == "default") {
    h.model.default_reset_methods(slot_of(n));
    return done();
  }
  std::vector<ResetMethod> wanted;
  for (const auto part : std::views::split(text, ' ')) {
    const std::string_view word(part.begin(), part.end());
    if (word.empty() || word == "\n") continue;
    const auto* found = std::ranges::find(kMethodNames, trimmed(word), &MethodName::name);
    if (found == kMethodNames.end() || wanted.size() == kMethodNames.size()) return refuse(EINVAL);
    wanted.push_back(found->method);
  }
  return refuse(h.model.set_reset_methods(slot_of(n), wanted));
}

constexpr auto kHotplugRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{BusPci, "rescan", 0200, nullptr, nullptr, store_rescan_all},
      AttributeRow{DeviceDir, "remove", 0220, is_removable, nullptr, store_remove},
      AttributeRow{DeviceDir, "rescan", 0200, is_physical, nullptr, store_rescan_device},
      AttributeRow{DeviceDir, "reset", 0200, has_reset, nullptr, store_reset},
      AttributeRow{DeviceDir, "reset_method", 0644, has_reset_method, show_reset_method, store_reset_method},
      AttributeRow{DeviceDir, "reset_subordinate", 0200, has_reset_subordinate, nullptr, store_reset_subordinate},
      AttributeRow{DeviceDir, "waiting_for_supplier", 0444, may_wait_for_supplier, show_waiting, nullptr},
      AttributeRow{BusDir, "rescan", 0200, nullptr, nullptr, store_rescan_bus},
  };
}();

}  // namespace

std::span<const AttributeRow> hotplug_rows() { return kHotplugRows; }

}  // namespace busproof::fakesys
