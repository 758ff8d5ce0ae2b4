// What a device says of itself, what can be switched about it, and the events that can be asked for.

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "engine/base/hexadecimal.h"
#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

// Written out by hand: what tells one card from another is read more often than all else.

Text number_line(std::uint32_t number, unsigned digits) {
  constexpr std::string_view kPrefix = "0x";
  Text line{0, std::string(kPrefix.size() + digits + 1, '\n')};
  put_hexadecimal(std::ranges::copy(kPrefix, line.text.data()).out, number, digits);
  return line;
}

Text show_vendor(const Host& h, const Node& n) { return number_line(device_of(h, n).function->identity.vendor, 4); }
Text show_device(const Host& h, const Node& n) { return number_line(device_of(h, n).function->identity.device, 4); }
Text show_subvendor(const Host& h, const Node& n) {
  return number_line(device_of(h, n).function->identity.subvendor, 4);
}
Text show_subdevice(const Host& h, const Node& n) {
  return number_line(device_of(h, n).function->identity.subdevice, 4);
}
Text show_class(const Host& h, const Node& n) { return number_line(device_of(h, n).function->identity.class_code, 6); }
Text show_revision(const Host& h, const Node& n) { return number_line(device_of(h, n).function->identity.revision, 2); }

/// Writes a name of some kind and a number behind it; gives where they end. As names and digits are known where it is
/// called, the compiler writes it out there.
[[gnu::always_inline]] inline char* put_field(char* at, std::string_view name, std::uint32_t number, unsigned digits) {
  return put_hexadecimal(std::ranges::copy(name, at).out, number, digits, kCapitalHexadecimal);
}

void append_modalias(std::string& text, const Identity& id) {
  constexpr std::size_t kSize = 53;
  text.resize(text.size() + kSize + 1, '\n');
  char* at = text.data() + text.size() - kSize - 1;
  at = put_field(at, "pci:v", id.vendor, 8);
  at = put_field(at, "d", id.device, 8);
  at = put_field(at, "sv", id.subvendor, 8);
  at = put_field(at, "sd", id.subdevice, 8);
  at = put_field(at, "bc", id.class_code >> 16, 2);
  at = put_field(at, "sc", id.class_code >> 8, 2);
  put_field(at, "i", id.class_code, 2);
}
Text show_modalias(const Host& h, const Node& n) {
  Text line;
  append_modalias(line.text, device_of(h, n).function->identity);
  return line;
}

Text show_uevent(const Host& h, const Node& n) {
  constexpr std::size_t kUsualSize = 192;
  const Device& device = device_of(h, n);
  const Identity& id = device.function->identity;
  std::string text;
  text.reserve(kUsualSize);
  if (device.driver != kNone) text.append("DRIVER=").append(h.model.driver(device.driver).name).append("\n");
  unsigned class_digits = 1;
  while (id.class_code >> (4 * class_digits) != 0) ++class_digits;
  constexpr std::size_t kIdsSize = 64;
  std::array<char, kIdsSize> ids;
  char* at = put_field(ids.data(), "PCI_CLASS=", id.class_code, class_digits);
  at = put_field(at, "\nPCI_ID=", id.vendor, 4);
  at = put_field(at, ":", id.device, 4);
  at = put_field(at, "\nPCI_SUBSYS_ID=", id.subvendor, 4);
  at = put_field(at, ":", id.subdevice, 4);
  text.append(ids.data(), at).append("\nPCI_SLOT_NAME=").append(to_string(device.function->address));
  append_modalias(text.append("\nMODALIAS="), id);
  return {0, std::move(text)};
}

constexpr std::size_t kMostProcessors = 8192;  // as many as a kernel can be built for

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
  return equals != std::string_view::npos && equals > 0 && equals + 1 < text.size() &&
         std::ranges::all_of(text.substr(0, equals), is_plain) &&
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

/// Where the device has been moved to another node, and the capture says what is there.
bool has_other_processors(const Host& h, const Node& n) {
  const Device& device = device_of(h, n);
  const auto& nodes = h.facts->node_cpus;
  const auto is_its_own = [&](const auto& entry) { return entry.first == device.numa_node; };
  return device.numa_node != device.function->numa_node && !nodes.empty() &&
         (device.numa_node == kNone || std::ranges::any_of(nodes, is_its_own));
}
/// The processors of the device's node; those of all nodes if it has none. Source: drivers/pci/pci-sysfs.c,
/// pci_dev_show_local_cpu()
std::vector<bool> local_processors(const Host& h, const Node& n) {
  const int wanted = device_of(h, n).numa_node;
  std::vector<bool> there;
  for (const auto& [node, list] : h.facts->node_cpus) {
    if (wanted != kNone && node != wanted) continue;
    for (const auto part : std::views::split(list, ',')) {
      const std::string_view range(part.begin(), part.end());
      const std::size_t first = decimal_prefix(range);
      const auto dash = range.find('-');
      const std::size_t last = dash == std::string_view::npos ? first : decimal_prefix(range.substr(dash + 1));
      if (last >= kMostProcessors) continue;
      there.resize(std::max(there.size(), last + 1));
      std::fill(there.begin() + static_cast<std::ptrdiff_t>(first),
                there.begin() + static_cast<std::ptrdiff_t>(last) + 1, true);
    }
  }
  return there;
}
Text show_local_cpulist(const Host& h, const Node& n) {
  const std::vector<bool> there = local_processors(h, n);
  std::string text;
  for (std::size_t first = 0; first < there.size(); ++first) {
    if (!there[first]) continue;
    std::size_t last = first;
    while (last + 1 < there.size() && there[last + 1]) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (last > first) text += '-' + std::to_string(last);
    first = last;
  }
  return line(std::move(text));
}
/// As many digits as the capture has for the same machine: the kernel writes them for all processors there might be.
Text show_local_cpus(const Host& h, const Node& n) {
  constexpr std::size_t kBitsOfDigit = 4;
  const std::vector<bool> there = local_processors(h, n);
  const auto* recorded = n.recorded == nullptr ? nullptr : n.recorded->attribute("local_cpus");
  std::string text = recorded == nullptr || !recorded->text ? "0\n" : *recorded->text;
  std::size_t bit = 0;
  for (char& digit : text | std::views::reverse) {
    if (!is_hex(digit)) continue;
    unsigned value = 0;
    for (std::size_t i = 0; i < kBitsOfDigit; ++i, ++bit)
      if (bit < there.size() && there[bit]) value |= 1U << i;
    digit = kSmallHexadecimal[value];
  }
  return {0, std::move(text)};
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
  return {0, h.model.runtime_tasks(slot_of(n), word == "auto")};
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

bool has_rom(const Host& h, const Node& n) {
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

constexpr auto kDeviceRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{BusPci, "uevent", 0200, nullptr, nullptr, store_other_uevent},
      AttributeRow{Place::Driver, "uevent", 0200, nullptr, nullptr, store_other_uevent},
      AttributeRow{DeviceDir, "broken_parity_status", 0644, nullptr, show_parity, store_parity},
      AttributeRow{DeviceDir, "class", 0444, nullptr, show_class, nullptr},
      AttributeRow{DeviceDir, "config", 0644, nullptr, show_nothing, store_nothing, ReadLock::None, true},
      AttributeRow{DeviceDir, "d3cold_allowed", 0644, nullptr, show_d3cold, store_d3cold},
      AttributeRow{DeviceDir, "device", 0444, nullptr, show_device, nullptr},
      AttributeRow{DeviceDir, "enable", 0644, nullptr, show_enable, store_enable},
      AttributeRow{DeviceDir, "local_cpulist", 0444, has_other_processors, show_local_cpulist, nullptr, ReadLock::None,
                   false, true},
      AttributeRow{DeviceDir, "local_cpus", 0444, has_other_processors, show_local_cpus, nullptr, ReadLock::None, false,
                   true},
      AttributeRow{DeviceDir, "modalias", 0444, nullptr, show_modalias, nullptr},
      AttributeRow{DeviceDir, "msi_bus", 0644, nullptr, show_msi_bus, store_msi_bus},
      AttributeRow{DeviceDir, "numa_node", 0644, nullptr, show_numa_node, store_numa_node},
      AttributeRow{DeviceDir, "power_state", 0444, nullptr, show_power_state, nullptr},
      AttributeRow{DeviceDir, "revision", 0444, nullptr, show_revision, nullptr},
      AttributeRow{DeviceDir, "rom", 0600, has_rom, show_nothing, store_nothing, ReadLock::None, true},
      AttributeRow{DeviceDir, "secondary_bus_number", 0444, has_bus_below, show_secondary, nullptr},
      AttributeRow{DeviceDir, "subordinate_bus_number", 0444, has_bus_below, show_subordinate, nullptr},
      AttributeRow{DeviceDir, "subsystem_device", 0444, nullptr, show_subdevice, nullptr},
      AttributeRow{DeviceDir, "subsystem_vendor", 0444, nullptr, show_subvendor, nullptr},
      AttributeRow{DeviceDir, "uevent", 0644, nullptr, show_uevent, store_device_uevent, ReadLock::Uevent},
      AttributeRow{DeviceDir, "vendor", 0444, nullptr, show_vendor, nullptr},
      AttributeRow{DevicePower, "control", 0644, nullptr, show_power_control, store_power_control},
      AttributeRow{DevicePower, "runtime_enabled", 0444, nullptr, show_runtime_enabled, nullptr},
      AttributeRow{DevicePower, "runtime_status", 0444, nullptr, show_runtime_status, nullptr},
      AttributeRow{DevicePower, "runtime_usage", 0444, nullptr, show_runtime_usage, nullptr},
      AttributeRow{BusDir, "uevent", 0644, nullptr, show_nothing, store_bus_uevent},
  };
}();

}  // namespace

std::span<const AttributeRow> device_rows() { return kDeviceRows; }

bool is_synthetic_event(std::string_view data) { return synthetic_action(data).has_value(); }

}  // namespace busproof::fakesys
