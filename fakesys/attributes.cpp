#include "fakesys/attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ranges>

#include "engine/base/ascii.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

// ---- Short words
// -------------------------------------------------------------------------------------------------------

Slot slot_of(const Node& node) { return node.device.slot; }

Text line(std::string text) { return {0, std::move(text) + '\n'}; }
Text flag_line(bool on) { return line(on ? "1" : "0"); }

/// Up to a NUL, as the kernel sees a text that was written.
std::string_view c_string(std::string_view data) { return data.substr(0, data.find('\0')); }

/// A name as bind, unbind and drivers_probe take it: at most one newline behind it.
std::string_view streq_name(std::string_view data) {
  data = c_string(data);
  if (data.ends_with('\n')) data.remove_suffix(1);
  return data;
}

/// The device of that exact name.
Slot device_named(const Host& host, std::string_view data) {
  const std::string_view name = streq_name(data);
  const auto address = HostAddress::parse(name);
  if (!address || to_string(*address) != name) return kNoSlot;
  return host.model.find(*address);
}

Effect refuse(int error) { return {error, {}}; }
Effect done() { return {}; }

// ---- Devices: what they are
// --------------------------------------------------------------------------------------------

Text show_vendor(const Host& h, const Node& n) {
  return line(fmt::format("0x{:04x}", device_of(h, n).function->identity.vendor));
}
Text show_device(const Host& h, const Node& n) {
  return line(fmt::format("0x{:04x}", device_of(h, n).function->identity.device));
}
Text show_subvendor(const Host& h, const Node& n) {
  return line(fmt::format("0x{:04x}", device_of(h, n).function->identity.subvendor));
}
Text show_subdevice(const Host& h, const Node& n) {
  return line(fmt::format("0x{:04x}", device_of(h, n).function->identity.subdevice));
}
Text show_class(const Host& h, const Node& n) {
  return line(fmt::format("0x{:06x}", device_of(h, n).function->identity.class_code));
}
Text show_revision(const Host& h, const Node& n) {
  return line(fmt::format("0x{:02x}", device_of(h, n).function->identity.revision));
}

std::string modalias(const Identity& id) {
  return fmt::format("pci:v{:08X}d{:08X}sv{:08X}sd{:08X}bc{:02X}sc{:02X}i{:02X}", id.vendor, id.device, id.subvendor,
                     id.subdevice, id.class_code >> 16 & 0xff, id.class_code >> 8 & 0xff, id.class_code & 0xff);
}
Text show_modalias(const Host& h, const Node& n) { return line(modalias(device_of(h, n).function->identity)); }

Text show_uevent(const Host& h, const Node& n) {
  const Device& device = device_of(h, n);
  const Identity& id = device.function->identity;
  std::string text;
  if (device.driver != kNone) text = fmt::format("DRIVER={}\n", h.model.driver(device.driver).name);
  text +=
      fmt::format("PCI_CLASS={:X}\nPCI_ID={:04X}:{:04X}\nPCI_SUBSYS_ID={:04X}:{:04X}\nPCI_SLOT_NAME={}\nMODALIAS={}\n",
                  id.class_code, id.vendor, id.device, id.subvendor, id.subdevice, to_string(device.function->address),
                  modalias(id));
  return {0, std::move(text)};
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// "12345678-1234-1234-1234-123456789abc"
bool is_uuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::ranges::equal(text, kShape, [](char c, char shape) { return shape == 'x' ? is_hex(c) : c == shape; });
}

/// "KEY=value": letters and digits on both sides.
bool is_variable(std::string_view text) {
  const auto equals = text.find('=');
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return equals != std::string_view::npos && equals > 0 && std::ranges::all_of(text.substr(0, equals), is_plain) &&
         std::ranges::all_of(text.substr(equals + 1), is_plain);
}

/// The action that a text written to a `uevent` asks for.
std::optional<UeventAction> synthetic_action(std::string_view data) {
  if (data.ends_with('\n') || data.ends_with('\0')) data.remove_suffix(1);
  const auto blank = data.find(' ');
  const auto* found = std::ranges::find(kUeventActionNames, data.substr(0, blank));
  if (found == kUeventActionNames.end()) return std::nullopt;
  if (blank != std::string_view::npos) {
    bool first = true;
    for (const auto part : std::views::split(data.substr(blank + 1), ' ')) {
      const std::string_view word(part.begin(), part.end());
      if (!(first ? is_uuid(word) : is_variable(word))) return std::nullopt;
      first = false;
    }
    if (first) return std::nullopt;
  }
  return static_cast<UeventAction>(found - kUeventActionNames.begin());
}

Effect store_device_uevent(Host& h, const Node& n, const StoreCall& call) {
  const auto action = synthetic_action(call.data);
  if (!action) return refuse(EINVAL);
  h.model.emit(*action, slot_of(n));
  return done();
}
Effect store_bus_uevent(Host& h, const Node& n, const StoreCall& call) {
  const auto action = synthetic_action(call.data);
  if (!action) return refuse(EINVAL);
  h.model.emit_of_bus(*action, n.segment, static_cast<std::uint8_t>(n.number));
  return done();
}
Effect store_other_uevent(Host&, const Node&, const StoreCall& call) {
  return synthetic_action(call.data) ? done() : refuse(EINVAL);
}

// ---- Devices: binding
// --------------------------------------------------------------------------------------------------

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

// ---- Devices: coming and going
// -----------------------------------------------------------------------------------------

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
  return rescan(call.data, static_cast<std::int64_t>(n.segment) << 8 | n.number);
}
Effect store_rescan_device(Host& h, const Node& n, const StoreCall& call) {
  const HostAddress& address = device_of(h, n).function->address;
  return rescan(call.data, static_cast<std::int64_t>(address.segment()) << 8 | address.bus());
}

// ---- Devices: reset
// ----------------------------------------------------------------------------------------------------

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

bool has_override(const Host& h, const Node&) { return h.model.profile.driver_override; }
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
    const std::string_view name = trimmed(std::string_view(part.begin(), part.end()));
    if (name.empty()) continue;
    const auto* found = std::ranges::find(kMethodNames, name, &MethodName::name);
    if (found == kMethodNames.end()) return refuse(EINVAL);
    wanted.push_back(found->method);
  }
  return refuse(h.model.set_reset_methods(slot_of(n), wanted));
}

// ---- Devices: SR-IOV
// ---------------------------------------------------------------------------------------------------

bool has_vfs(const Host& h, const Node& n) { return device_of(h, n).function->sriov.has_value(); }
bool is_vf(const Host& h, const Node& n) { return device_of(h, n).function->is_virtual; }
bool is_unbound_vf(const Host& h, const Node& n) { return is_vf(h, n) && device_of(h, n).driver == kNone; }

Text show_numvfs(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).num_vfs)); }
Text show_totalvfs(const Host& h, const Node& n) {
  return line(std::to_string(device_of(h, n).function->sriov->total));
}
Text show_offset(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).function->sriov->offset)); }
Text show_stride(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).function->sriov->stride)); }
Text show_vf_device(const Host& h, const Node& n) {
  return line(fmt::format("{:x}", device_of(h, n).function->sriov->vf_device));
}
Text show_vf_total_msix(const Host&, const Node&) { return line("0"); }
Effect store_numvfs(Host& h, const Node& n, const StoreCall& call) {
  constexpr std::uint64_t kMax = 65535;
  const auto number = kernel_unsigned(call.data);
  if (!number || *number > kMax) return refuse(EINVAL);
  if (*number > device_of(h, n).function->sriov->total) return refuse(ERANGE);
  return {0, h.model.numvfs_tasks(slot_of(n), static_cast<unsigned>(*number))};
}
Text show_vfs_autoprobe(const Host& h, const Node& n) { return flag_line(device_of(h, n).vfs_autoprobe); }
Effect store_vfs_autoprobe(Host& h, const Node& n, const StoreCall& call) {
  const auto on = kernel_bool(call.data);
  if (!on) return refuse(EINVAL);
  h.model.edit(slot_of(n)).vfs_autoprobe = *on;
  return done();
}

// ---- Devices: switches
// -------------------------------------------------------------------------------------------------

Text show_enable(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).enable_count)); }
Effect store_enable(Host&, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EPERM);
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  return {0,
          {{.step = Step::Lock, .device = n.device},
           {.step = Step::SetEnable, .device = n.device, .number = *number == 0 ? 0 : 1},
           {.step = Step::Unlock, .device = n.device}}};
}

Text show_numa_node(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).numa_node)); }
Effect store_numa_node(Host& h, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EPERM);
  const auto number = kernel_signed(call.data);
  const auto& online = h.model.online_nodes;
  if (!number || *number < kNone || *number >= static_cast<std::int64_t>(online.size())) return refuse(EINVAL);
  if (*number != kNone && !online[static_cast<std::size_t>(*number)]) return refuse(EINVAL);
  h.model.edit(slot_of(n)).numa_node = static_cast<int>(*number);
  return done();
}

Text show_parity(const Host& h, const Node& n) { return flag_line(device_of(h, n).broken_parity); }
Effect store_parity(Host& h, const Node& n, const StoreCall& call) {
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  h.model.edit(slot_of(n)).broken_parity = *number != 0;
  return done();
}

Text show_msi_bus(const Host& h, const Node& n) { return flag_line(!device_of(h, n).no_msi); }
Effect store_msi_bus(Host& h, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EPERM);
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  h.model.edit(slot_of(n)).no_msi = *number == 0;
  return done();
}

Text show_d3cold(const Host& h, const Node& n) { return flag_line(device_of(h, n).d3cold_allowed); }
Effect store_d3cold(Host& h, const Node& n, const StoreCall& call) {
  const auto number = kernel_unsigned(call.data);
  if (!number) return refuse(EINVAL);
  h.model.edit(slot_of(n)).d3cold_allowed = *number != 0;
  return done();
}

Text show_power_state(const Host& h, const Node& n) {
  const Device& device = device_of(h, n);
  if (!device.powered) return line("unknown");
  return line(h.model.in_d3hot(device) ? "D3hot" : "D0");
}

Text show_power_control(const Host& h, const Node& n) { return line(device_of(h, n).runtime_auto ? "auto" : "on"); }
Effect store_power_control(Host& h, const Node& n, const StoreCall& call) {
  const std::string_view word = streq_name(call.data);
  if (word != "auto" && word != "on") return refuse(EINVAL);
  h.model.set_runtime_auto(slot_of(n), word == "auto");
  // It comes back only when it has had the lock.
  return {0, {{.step = Step::Lock, .device = n.device}, {.step = Step::Unlock, .device = n.device}}};
}
Text show_runtime_status(const Host& h, const Node& n) {
  return line(h.model.runtime_usage(device_of(h, n)) == 0 ? "suspended" : "active");
}
Text show_runtime_enabled(const Host& h, const Node& n) {
  return line(device_of(h, n).runtime_auto ? "enabled" : "forbidden");
}
Text show_runtime_usage(const Host& h, const Node& n) {
  return line(std::to_string(h.model.runtime_usage(device_of(h, n))));
}

// ---- Virtual functions: what their PF's record cannot tell
// --------------------------------------------------------------

constexpr std::string_view kNoResource = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
constexpr std::size_t kResourceCount = 13;
constexpr std::size_t kFirstVfResource = 7;

/// A VF's share of the window that its PF keeps for all of them.
Text show_vf_resource(const Host& h, const Node& n) {
  const Function& function = *device_of(h, n).function;
  const RecordedAttribute* whole = function.recorded ? function.recorded->attribute("resource") : nullptr;
  const Slot physical = function.physical ? h.model.find(*function.physical) : kNoSlot;
  std::string text;
  std::size_t index = 0;
  if (whole != nullptr && whole->text && physical != kNoSlot) {
    const Function& owner = *h.model.device(physical).function;
    const auto place = [](const HostAddress& a) { return a.bus() * 256u + a.slot() * 8u + a.function(); };
    const unsigned distance = place(function.address) - place(owner.address) - owner.sriov->offset;
    const std::uint64_t number = owner.sriov->stride == 0 ? 0 : distance / owner.sriov->stride;
    for (const auto part : std::views::split(*whole->text, '\n')) {
      std::string_view row(part.begin(), part.end());
      const std::size_t number_of_row = index++;
      if (number_of_row < kFirstVfResource || row.empty() || number_of_row >= kResourceCount) continue;
      const auto first = scan_hex(row), last = scan_hex(row), flags = scan_hex(row);
      if (!first || !last || !flags || *last == 0) {
        text += kNoResource;
        continue;
      }
      const std::uint64_t share = (*last - *first + 1) / owner.sriov->total;
      text += fmt::format("0x{:016x} 0x{:016x} 0x{:016x}\n", *first + number * share, *first + (number + 1) * share - 1,
                          *flags);
    }
  }
  while (text.size() < kResourceCount * kNoResource.size()) text += kNoResource;
  return {0, std::move(text)};
}
Text show_no_irq(const Host&, const Node&) { return line("0"); }
Text show_first_mask(const Host&, const Node&) { return line("32"); }
Effect store_msix_count(Host&, const Node&, const StoreCall&) { return refuse(EOPNOTSUPP); }

// ---- Groups, buses, slots, modules
// -------------------------------------------------------------------------------------

struct TypeName {
  std::string_view name;
  DomainType type;
};
constexpr std::array kTypeNames = {TypeName{"DMA", DomainType::Dma}, TypeName{"DMA-FQ", DomainType::DmaFq},
                                   TypeName{"identity", DomainType::Identity},
                                   TypeName{"blocked", DomainType::Blocked}};

Text show_group_type(const Host& h, const Node& n) {
  const DomainType type = h.model.group(n.number)->type;
  return line(std::string(std::ranges::find(kTypeNames, type, &TypeName::type)->name));
}
Effect store_group_type(Host& h, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EACCES);
  if (h.model.profile.group_type == GroupTypeRule::ReadOnly) return refuse(EACCES);
  const std::string_view word = streq_name(call.data);
  const Group& group = *h.model.group(n.number);
  DomainType wanted = group.default_type;
  if (word != "auto") {
    const auto* found = std::ranges::find(kTypeNames, word, &TypeName::name);
    if (found == kTypeNames.end() || found->type == DomainType::Blocked) return refuse(EINVAL);
    wanted = found->type;
  }
  Task set{.step = Step::SetGroupType, .driver = static_cast<int>(wanted), .number = n.number};
  if (group.members.size() != 1) return {0, {std::move(set)}};
  const DeviceRef only = h.model.ref(group.members.front());
  return {0, {{.step = Step::Lock, .device = only}, std::move(set), {.step = Step::Unlock, .device = only}}};
}
Text show_reserved_regions(const Host& h, const Node& n) {
  for (const auto& [number, recorded] : h.facts->groups) {
    if (number != n.number) continue;
    if (const auto* attribute = recorded.attribute("reserved_regions"); attribute != nullptr && attribute->text) {
      return {0, *attribute->text};
    }
  }
  return line("0x00000000fee00000 0x00000000feefffff msi");
}

Text show_alignment(const Host& h, const Node&) { return {0, h.resource_alignment}; }
Effect store_alignment(Host& h, const Node&, const StoreCall& call) {
  constexpr std::size_t kTooLong = 4095;
  if (call.data.size() >= kTooLong) return refuse(EINVAL);
  const std::string_view text = c_string(call.data.substr(0, call.data.find('\n')));
  h.resource_alignment = text.empty() ? std::string() : std::string(text) + '\n';
  return done();
}

bool slot_has_switch(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("power") != nullptr;
}
bool slot_has_adapter(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("adapter") != nullptr;
}
/// Slots of PCI Express itself, not of firmware: these have lights, and say so when there is nothing to switch.
bool slot_is_native(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && std::ranges::any_of(slot.recorded->links, [](const auto& link) {
           return link.first == "module" && link.second.ends_with("/pciehp");
         });
}
bool slot_has_attention(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && !slot_is_native(h, n) && slot.recorded->attribute("attention") != nullptr;
}
bool slot_has_latch(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("latch") != nullptr;
}
/// What firmware says of a slot changes only when it is ejected: a card that the kernel has removed is still in it.
bool slot_powered(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  if (slot.ejected) return false;
  const RecordedAttribute* at_boot = slot.recorded == nullptr ? nullptr : slot.recorded->attribute("power");
  return at_boot != nullptr && at_boot->text == "1\n";
}
Text show_slot_power(const Host& h, const Node& n) { return flag_line(slot_powered(h, n)); }
Text show_slot_latch(const Host& h, const Node& n) { return flag_line(!slot_powered(h, n)); }
/// Firmware slots have no attention light.
Text show_attention(const Host&, const Node&) { return {EINVAL, {}}; }
Effect store_attention(Host&, const Node&, const StoreCall&) { return refuse(ENODEV); }
Text show_slot_address(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return line(fmt::format("{:04x}:{:02x}:{:02x}", slot.segment, slot.bus, slot.device));
}
Effect store_slot_power(Host& h, const Node& n, const StoreCall& call) {
  const auto index = static_cast<std::size_t>(n.number);
  const std::uint64_t number = decimal_prefix(c_string(call.data)) & 0xff;
  if (number > 1) return refuse(EINVAL);
  if (number == 1 || !slot_powered(h, n)) return slot_is_native(h, n) ? refuse(ENODEV) : done();
  Tasks tasks;
  h.model.eject(index, tasks);
  return {0, std::move(tasks)};
}

template <auto kMember>
Text show_parameter(const Host& h, const Node&) {
  return line(h.model.*kMember ? "Y" : "N");
}
template <auto kMember>
Effect store_parameter(Host& h, const Node&, const StoreCall& call) {
  const auto on = kernel_bool(call.data);
  if (!on) return refuse(EINVAL);
  h.model.*kMember = *on;
  return done();
}
/// Parameters are told apart by name alone: no two modules that matter here share one.
bool has_parameter(const Host& h, const Node& n, std::string_view module, std::string_view name) {
  const Module& found = *h.model.modules()[static_cast<std::size_t>(n.number)];
  return found.name == module && h.model.profile.vfio_pf >= (name == "enable_sriov");
}
bool has_enable_sriov(const Host& h, const Node& n) { return has_parameter(h, n, "vfio_pci", "enable_sriov"); }
bool has_idle_d3(const Host& h, const Node& n) { return has_parameter(h, n, "vfio_pci", "disable_idle_d3"); }
bool has_unsafe(const Host& h, const Node& n) {
  return has_parameter(h, n, "vfio_iommu_type1", "allow_unsafe_interrupts");
}

bool has_rom(const Host& h, const Node& n) {
  constexpr std::size_t kRomDecoder = 6;
  const auto& decoders = device_of(h, n).function->decoders;
  return decoders.size() > kRomDecoder && decoders[kRomDecoder].size != 0;
}
Text show_nothing(const Host&, const Node&) { return {}; }
Effect store_nothing(Host&, const Node&, const StoreCall&) { return done(); }

bool has_bus_below(const Host& h, const Node& n) { return h.model.child_bus(slot_of(n)) != nullptr; }
Text show_secondary(const Host& h, const Node& n) { return line(std::to_string(*device_of(h, n).function->secondary)); }
Text show_subordinate(const Host& h, const Node& n) {
  constexpr std::size_t kSubordinate = 0x1a;
  return line(std::to_string(device_of(h, n).function->config.byte(kSubordinate)));
}

// ---- The table
// ---------------------------------------------------------------------------------------------------------

// By place, and by name within one.
constexpr auto kRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{BusPci, "drivers_autoprobe", 0644, nullptr, show_autoprobe, store_autoprobe},
      AttributeRow{BusPci, "drivers_probe", 0200, nullptr, nullptr, store_probe},
      AttributeRow{BusPci, "rescan", 0200, nullptr, nullptr, store_rescan_all},
      AttributeRow{BusPci, "resource_alignment", 0644, nullptr, show_alignment, store_alignment},
      AttributeRow{BusPci, "uevent", 0200, nullptr, nullptr, store_other_uevent},
      AttributeRow{Place::Driver, "bind", 0200, nullptr, nullptr, store_bind},
      AttributeRow{Place::Driver, "new_id", 0200, nullptr, nullptr, store_new_id},
      AttributeRow{Place::Driver, "remove_id", 0200, nullptr, nullptr, store_remove_id},
      AttributeRow{Place::Driver, "uevent", 0200, nullptr, nullptr, store_other_uevent},
      AttributeRow{Place::Driver, "unbind", 0200, nullptr, nullptr, store_unbind},
      AttributeRow{SlotDir, "adapter", 0444, slot_has_adapter, show_slot_power, nullptr},
      AttributeRow{SlotDir, "address", 0444, nullptr, show_slot_address, nullptr},
      AttributeRow{SlotDir, "attention", 0644, slot_has_attention, show_attention, store_attention, ReadLock::None,
                   false, true},
      AttributeRow{SlotDir, "latch", 0444, slot_has_latch, show_slot_latch, nullptr},
      AttributeRow{SlotDir, "power", 0644, slot_has_switch, show_slot_power, store_slot_power},
      AttributeRow{DeviceDir, "broken_parity_status", 0644, nullptr, show_parity, store_parity},
      AttributeRow{DeviceDir, "class", 0444, nullptr, show_class, nullptr},
      AttributeRow{DeviceDir, "config", 0644, nullptr, show_nothing, store_nothing, ReadLock::None, true},
      AttributeRow{DeviceDir, "consistent_dma_mask_bits", 0444, is_unbound_vf, show_first_mask, nullptr, ReadLock::None,
                   false, true},
      AttributeRow{DeviceDir, "d3cold_allowed", 0644, nullptr, show_d3cold, store_d3cold},
      AttributeRow{DeviceDir, "device", 0444, nullptr, show_device, nullptr},
      AttributeRow{DeviceDir, "dma_mask_bits", 0444, is_unbound_vf, show_first_mask, nullptr, ReadLock::None, false,
                   true},
      AttributeRow{DeviceDir, "driver_override", 0644, has_override, show_override, store_override, ReadLock::Override},
      AttributeRow{DeviceDir, "enable", 0644, nullptr, show_enable, store_enable},
      AttributeRow{DeviceDir, "irq", 0444, is_vf, show_no_irq, nullptr, ReadLock::None, false, true},
      AttributeRow{DeviceDir, "modalias", 0444, nullptr, show_modalias, nullptr},
      AttributeRow{DeviceDir, "msi_bus", 0644, nullptr, show_msi_bus, store_msi_bus},
      AttributeRow{DeviceDir, "numa_node", 0644, nullptr, show_numa_node, store_numa_node},
      AttributeRow{DeviceDir, "power_state", 0444, nullptr, show_power_state, nullptr},
      AttributeRow{DeviceDir, "remove", 0220, is_removable, nullptr, store_remove},
      AttributeRow{DeviceDir, "rescan", 0200, is_physical, nullptr, store_rescan_device},
      AttributeRow{DeviceDir, "reset", 0200, has_reset, nullptr, store_reset},
      AttributeRow{DeviceDir, "reset_method", 0644, has_reset_method, show_reset_method, store_reset_method},
      AttributeRow{DeviceDir, "reset_subordinate", 0200, has_reset_subordinate, nullptr, store_reset_subordinate},
      AttributeRow{DeviceDir, "resource", 0444, is_vf, show_vf_resource, nullptr, ReadLock::None, false, true},
      AttributeRow{DeviceDir, "revision", 0444, nullptr, show_revision, nullptr},
      AttributeRow{DeviceDir, "rom", 0600, has_rom, show_nothing, store_nothing, ReadLock::None, true},
      AttributeRow{DeviceDir, "secondary_bus_number", 0444, has_bus_below, show_secondary, nullptr},
      AttributeRow{DeviceDir, "sriov_drivers_autoprobe", 0644, has_vfs, show_vfs_autoprobe, store_vfs_autoprobe},
      AttributeRow{DeviceDir, "sriov_numvfs", 0644, has_vfs, show_numvfs, store_numvfs, ReadLock::NumVfs},
      AttributeRow{DeviceDir, "sriov_offset", 0444, has_vfs, show_offset, nullptr},
      AttributeRow{DeviceDir, "sriov_stride", 0444, has_vfs, show_stride, nullptr},
      AttributeRow{DeviceDir, "sriov_totalvfs", 0444, has_vfs, show_totalvfs, nullptr},
      AttributeRow{DeviceDir, "sriov_vf_device", 0444, has_vfs, show_vf_device, nullptr},
      AttributeRow{DeviceDir, "sriov_vf_msix_count", 0200, is_vf, nullptr, store_msix_count},
      AttributeRow{DeviceDir, "sriov_vf_total_msix", 0444, has_vfs, show_vf_total_msix, nullptr},
      AttributeRow{DeviceDir, "subordinate_bus_number", 0444, has_bus_below, show_subordinate, nullptr},
      AttributeRow{DeviceDir, "subsystem_device", 0444, nullptr, show_subdevice, nullptr},
      AttributeRow{DeviceDir, "subsystem_vendor", 0444, nullptr, show_subvendor, nullptr},
      AttributeRow{DeviceDir, "uevent", 0644, nullptr, show_uevent, store_device_uevent, ReadLock::Uevent},
      AttributeRow{DeviceDir, "vendor", 0444, nullptr, show_vendor, nullptr},
      AttributeRow{DeviceDir, "waiting_for_supplier", 0444, may_wait_for_supplier, show_waiting, nullptr},
      AttributeRow{DevicePower, "control", 0644, nullptr, show_power_control, store_power_control},
      AttributeRow{DevicePower, "runtime_enabled", 0444, nullptr, show_runtime_enabled, nullptr},
      AttributeRow{DevicePower, "runtime_status", 0444, nullptr, show_runtime_status, nullptr},
      AttributeRow{DevicePower, "runtime_usage", 0444, nullptr, show_runtime_usage, nullptr},
      AttributeRow{BusDir, "rescan", 0200, nullptr, nullptr, store_rescan_bus},
      AttributeRow{BusDir, "uevent", 0644, nullptr, show_nothing, store_bus_uevent},
      AttributeRow{GroupDir, "reserved_regions", 0444, nullptr, show_reserved_regions, nullptr},
      AttributeRow{GroupDir, "type", 0644, nullptr, show_group_type, store_group_type},
      AttributeRow{ModuleParameters, "allow_unsafe_interrupts", 0644, has_unsafe,
                   show_parameter<&Model::allow_unsafe_interrupts>, store_parameter<&Model::allow_unsafe_interrupts>},
      AttributeRow{ModuleParameters, "disable_idle_d3", 0644, has_idle_d3, show_parameter<&Model::vfio_disable_idle_d3>,
                   store_parameter<&Model::vfio_disable_idle_d3>},
      AttributeRow{ModuleParameters, "enable_sriov", 0644, has_enable_sriov, show_parameter<&Model::vfio_enable_sriov>,
                   store_parameter<&Model::vfio_enable_sriov>},
  };
}();
static_assert(std::ranges::is_sorted(kRows, [](const AttributeRow& a, const AttributeRow& b) {
  return a.place != b.place ? a.place < b.place : a.name < b.name;
}));

}  // namespace

std::span<const AttributeRow> attribute_rows(Place place) {
  const auto [first, last] = std::ranges::equal_range(kRows, place, {}, &AttributeRow::place);
  return {first, last};
}

bool is_synthetic_event(std::string_view data) { return synthetic_action(data).has_value(); }

const AttributeRow* attribute_row(Place place, std::string_view name) {
  const auto rows = attribute_rows(place);
  const auto found = std::ranges::lower_bound(rows, name, {}, &AttributeRow::name);
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

std::size_t binary_size(const Host& host, const Node& node, std::string_view name) {
  constexpr std::size_t kRomDecoder = 6;
  const Device& device = device_of(host, node);
  return name == "config" ? device.config.size() : device.function->decoders[kRomDecoder].size;
}

Text read_binary(const Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::size_t count,
                 Caller caller) {
  constexpr std::size_t kVisibleToAll = 64;
  constexpr std::size_t kVisibleOfCardbus = 128;
  const Device& device = device_of(host, node);
  if (name == "rom") {
    if (!device.rom_enabled) return {EINVAL, {}};
    const std::size_t size = binary_size(host, node, name);
    return {0, std::string(offset >= size ? 0 : std::min(count, size - offset), '\0')};
  }
  std::size_t size = device.config.size();
  if (caller != Caller::Root) size = device.config.header_type() == 2 ? kVisibleOfCardbus : kVisibleToAll;
  if (offset >= size) return {};
  if (!host.model.in_d3hot(device)) return {0, device.config.read(offset, std::min(count, size - offset))};
  ConfigSpace asleep = device.config;
  constexpr std::uint8_t kD3hot = 3;
  asleep.set(*asleep.capability(kPowerManagement) + 4, kD3hot, kD3hot);
  return {0, asleep.read(offset, std::min(count, size - offset))};
}

int write_binary(Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::string_view data,
                 std::size_t& taken) {
  taken = data.size();
  if (name == "rom") {
    host.model.edit(slot_of(node)).rom_enabled = !(offset == 0 && data == "0\n");
    return 0;
  }
  const std::size_t size = device_of(host, node).config.size();
  if (offset >= size) return EFBIG;
  taken = std::min(data.size(), size - offset);
  std::vector<std::uint8_t> bytes(taken);
  std::ranges::transform(data.substr(0, taken), bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  host.model.write_config(slot_of(node), offset, bytes);
  return 0;
}

}  // namespace busproof::fakesys
