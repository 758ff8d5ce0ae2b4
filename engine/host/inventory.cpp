#include "engine/host/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <ranges>
#include <system_error>
#include <type_traits>

#include "engine/base/hexadecimal.h"
#include "engine/base/text.h"
#include "engine/host/host_use.h"
#include "engine/host/sysfs_paths.h"
#include "engine/pci/canonical.h"

namespace busproof::host {
namespace {

using pci::canonical_address;

constexpr std::uint32_t kDisplayClass = 0x03, kNetworkClass = 0x02;

/// The paths that links lead along, part by part.
std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(path, '/')) parts.emplace_back(part.begin(), part.end());
  return parts;
}

/// Ids and class of "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"; the revision is not in it.
std::optional<Pin> pin_of_modalias(std::string_view text) {
  constexpr std::string_view kShape = "pci:v00000000d00000000sv00000000sd00000000bc00sc00i00";
  if (text.size() != kShape.size()) return std::nullopt;
  std::uint32_t seen = 0;
  int other = 0;
  const char* at = text.data();
  // Names and sizes are known to the compiler, which writes the loops out: nothing is read more often.
  const auto field = [&]<std::size_t kSize>(const char(&name)[kSize], auto digits) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i + 1 < kSize; ++i) other |= name[i] ^ *at++;
    std::uint32_t value = 0;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < digits.value; ++i) {
      const std::uint32_t digit = kHexadecimalDigits[static_cast<std::uint8_t>(*at++)];
      seen |= digit;
      value = value << 4 | digit;
    }
    return value;
  };
  constexpr std::integral_constant<std::size_t, 8> kId;
  constexpr std::integral_constant<std::size_t, 2> kByte;
  const auto vendor = static_cast<std::uint16_t>(field("pci:v", kId));
  const auto device = static_cast<std::uint16_t>(field("d", kId));
  const auto subvendor = static_cast<std::uint16_t>(field("sv", kId));
  const auto subdevice = static_cast<std::uint16_t>(field("sd", kId));
  const std::uint32_t base_class = field("bc", kByte), sub_class = field("sc", kByte), interface = field("i", kByte);
  if (other != 0 || (seen & kNoHexadecimalDigit) != 0) return std::nullopt;
  return Pin{vendor, device, subvendor, subdevice, base_class << 16 | sub_class << 8 | interface, 0};
}

/// Reads what belongs to one device, and complains of what it cannot read.
class DeviceReader {
 public:
  DeviceReader(Kernel& kernel, const HostAddress& address, std::vector<std::string>& warnings)
      : kernel_(kernel), address_(address), path_(address), warnings_(warnings) {}

  /// Nothing if it is not there, or cannot be read.
  std::optional<std::string> text(std::string_view name) { return value(name, kernel_.read(path_(name))); }
  std::optional<std::string> link(std::string_view name) { return value(name, kernel_.read_link(path_(name))); }
  /// Last part of the link's target.
  std::optional<std::string> link_end(std::string_view name) {
    auto target = link(name);
    if (target) target->erase(0, target->rfind('/') + 1);
    return target;
  }
  std::vector<std::string> names(std::string_view name) {
    return value(name, kernel_.list(path_(name))).value_or(std::vector<std::string>());
  }
  std::optional<std::uint32_t> number(std::string_view name, Radix radix) {
    const auto found = text(name);
    if (!found) return std::nullopt;
    const auto number = unsigned_32(*found, radix);
    if (!number) complain(name, fmt::format("'{}' is no number", found->substr(0, kShownMax)));
    return number;
  }
  std::optional<HostAddress> address_link(std::string_view name) {
    const auto end = link_end(name);
    if (!end) return std::nullopt;
    const auto address = canonical_address(*end);
    if (!address) complain(name, fmt::format("'{}' is no address", *end));
    return address;
  }
  void complain(std::string_view name, std::string_view why) {
    warnings_.push_back(fmt::format("{}: {}: {}", to_string(address_), name, why));
  }
  /// Holds until the next.
  std::string_view path(std::string_view name) { return path_(name); }
  [[nodiscard]] Kernel& kernel() const { return kernel_; }

 private:
  static constexpr std::size_t kShownMax = 40;

  template <class T>
  std::optional<T> value(std::string_view name, Answer<T> answer) {
    if (answer) return std::move(*answer);
    const int error = answer.error().error;
    if (error != ENOENT && error != ENODEV) complain(name, std::generic_category().message(error));
    return std::nullopt;
  }

  Kernel& kernel_;
  HostAddress address_;
  paths::OfDevice path_;
  std::vector<std::string>& warnings_;
};

/// The ids from their own files, for where there is no modalias.
std::optional<Pin> pin_of_files(DeviceReader& reader) {
  const auto vendor = reader.number("vendor", Radix::Hexadecimal), device = reader.number("device", Radix::Hexadecimal);
  if (!vendor || !device) return std::nullopt;
  const auto optional = [&](std::string_view name) { return reader.number(name, Radix::Hexadecimal).value_or(0); };
  return Pin{static_cast<std::uint16_t>(*vendor),
             static_cast<std::uint16_t>(*device),
             static_cast<std::uint16_t>(optional("subsystem_vendor")),
             static_cast<std::uint16_t>(optional("subsystem_device")),
             optional("class"),
             0};
}

std::optional<Pin> read_pin(DeviceReader& reader, std::string& modalias) {
  modalias = reader.text("modalias").value_or("");
  auto pin = pin_of_modalias(modalias);
  if (!pin) pin = pin_of_files(reader);
  if (pin) pin->revision = static_cast<std::uint8_t>(reader.number("revision", Radix::Hexadecimal).value_or(0));
  return pin;
}

/// The bridge above and the root bus, from where the device's directory lies.
void note_place(DeviceReader& reader, HostDevice& device) {
  const auto target = reader.kernel().read_link(paths::device(device.address));
  if (!target) return;
  const auto parts = parts_of(*target);
  if (parts.size() >= 2) device.parent = canonical_address(parts[parts.size() - 2]);
  const auto root = std::ranges::find_if(parts, [](std::string_view part) { return part.starts_with("pci"); });
  if (root != parts.end()) device.root_bus = *root;
}

/// "(null)" and nothing both stand for unset.
std::optional<std::string> override_of(std::string text) {
  if (text.empty() || text == "(null)") return std::nullopt;
  return text;
}

void note_names(const std::vector<std::string>& names, HostDevice& device) {
  constexpr std::string_view kConsumer = "consumer:pci:", kSupplier = "supplier:pci:";
  for (const std::string_view name : names) {
    if (name.starts_with(kConsumer)) {
      if (const auto other = canonical_address(name.substr(kConsumer.size()))) device.consumers.push_back(*other);
    } else if (name.starts_with(kSupplier)) {
      if (const auto other = canonical_address(name.substr(kSupplier.size()))) device.suppliers.push_back(*other);
    }
  }
  const auto has = [&](std::string_view name) { return std::ranges::binary_search(names, name); };
  device.has_override = has("driver_override");
  device.has_reset = has("reset");
  device.vfio_device = has("vfio-dev");
}

void note_virtual_functions(DeviceReader& reader, const std::vector<std::string>& names, HostDevice& device) {
  device.virtual_functions_max = reader.number("sriov_totalvfs", Radix::Decimal);
  for (const std::string& name : names) {
    if (!name.starts_with("virtfn")) continue;
    if (const auto address = reader.address_link(name)) device.virtual_functions.push_back(*address);
  }
  std::ranges::sort(device.virtual_functions);
}

void note_group(DeviceReader& reader, HostDevice& device) {
  const auto number = reader.link_end("iommu_group");
  if (!number) return;
  device.group = unsigned_32(*number, Radix::Decimal);
  if (!device.group) reader.complain("iommu_group", "'" + *number + "' is no number");
}

Answer<HostDevice> read_device(Kernel& kernel, const HostAddress& address, std::vector<std::string>& warnings) {
  const auto names = kernel.list(paths::device(address));
  if (!names) return std::unexpected(names.error());
  const auto has = [&](std::string_view name) { return std::ranges::binary_search(*names, name); };
  if (!has("config")) return std::unexpected(Failure{ENOENT});

  DeviceReader reader(kernel, address, warnings);
  HostDevice device{address};
  const auto pin = read_pin(reader, device.modalias);
  if (!pin) return std::unexpected(Failure{ENODEV});
  device.pin = *pin;
  note_place(reader, device);
  note_names(*names, device);
  const std::size_t complaints = warnings.size();
  if (has("driver")) device.driver = reader.link_end("driver");
  if (device.has_override) device.override_to = override_of(reader.text("driver_override").value_or(""));
  if (has("iommu_group")) note_group(reader, device);
  device.bonds_known = warnings.size() == complaints;
  if (has("physfn")) device.physical_function = reader.address_link("physfn");
  if (has("sriov_totalvfs")) note_virtual_functions(reader, *names, device);
  if (has("numa_node")) device.numa_node = signed_32(reader.text("numa_node").value_or(""), Radix::Decimal);
  if (has("reset_method")) device.reset_methods = words_of(reader.text("reset_method").value_or(""));
  const std::uint32_t base_class = device.pin.class_code >> 16;
  if (base_class == kDisplayClass && has("boot_vga")) device.boot_vga = reader.text("boot_vga") == "1";
  if (base_class == kNetworkClass) {
    device.interfaces = reader.names("net");
    for (const std::string& name : *names) {
      if (!name.starts_with("virtio")) continue;
      for (std::string& interface : reader.names(name + "/net")) device.interfaces.push_back(std::move(interface));
    }
  }
  const std::string config(reader.path("config"));
  device.config =
      read_config([&](std::uint64_t offset,
                      std::size_t count) { return kernel.read_bytes(config, offset, count).value_or(std::string()); },
                  device.physical_function.has_value());
  if (!device.config.trouble.empty()) reader.complain("config", device.config.trouble);
  return device;
}

/// Errors: that its members cannot be read.
Answer<IommuGroup> read_group(Kernel& kernel, unsigned number) {
  IommuGroup group{number};
  const std::string path = paths::group(number);
  group.type = kernel.read(path + "/type").value_or("");
  const auto names = kernel.list(path + "/devices");
  if (!names && names.error().error != ENOENT) return std::unexpected(names.error());
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    if (const auto address = canonical_address(name))
      group.members.push_back(*address);
    else
      group.foreign.push_back(name);
  }
  std::ranges::sort(group.members);
  return group;
}

/// A device of whose group nobody knows who else is in it is not known well enough.
void read_groups(Kernel& kernel, Inventory& inventory) {
  const auto distrust = [&](const std::string& what, const Failure& failure, auto is_concerned) {
    inventory.warnings.push_back(
        fmt::format("{}: cannot be read: {}", what, std::generic_category().message(failure.error)));
    for (const HostDevice& device : inventory.devices)
      if (device.group && is_concerned(*device.group)) inventory.unreadable.insert(device.address);
  };
  const auto names = kernel.list(paths::kGroups);
  if (!names && names.error().error != ENOENT)
    distrust(std::string(paths::kGroups), names.error(), [](unsigned) { return true; });
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto number = unsigned_32(name, Radix::Decimal);
    if (!number) continue;
    if (auto group = read_group(kernel, *number))
      inventory.groups.push_back(*std::move(group));
    else
      distrust("IOMMU group " + name, group.error(), [&](unsigned of_device) { return of_device == *number; });
  }
  std::ranges::sort(inventory.groups, {}, &IommuGroup::number);
}

}  // namespace

std::string to_string(const Pin& pin) {
  return fmt::format("{:04x}:{:04x} (rev {:02x}, class {:06x}, subsystem {:04x}:{:04x})", pin.vendor, pin.device,
                     pin.revision, pin.class_code, pin.subvendor, pin.subdevice);
}

std::string id_string(const Pin& pin) { return fmt::format("{:04x} {:04x}", pin.vendor, pin.device); }

KernelVersion kernel_version(std::string_view release) {
  const auto major = leading_number(release, Radix::Decimal);
  if (!major || !major->rest.starts_with('.')) return {0, 0};
  const auto minor = leading_number(major->rest.substr(1), Radix::Decimal);
  return {static_cast<unsigned>(major->magnitude), minor ? static_cast<unsigned>(minor->magnitude) : 0};
}

const HostDevice* find(const Inventory& inventory, const HostAddress& address) {
  const auto found = std::ranges::lower_bound(inventory.devices, address, {}, &HostDevice::address);
  return found != inventory.devices.end() && found->address == address ? &*found : nullptr;
}

const IommuGroup* find_group(const Inventory& inventory, std::optional<unsigned> number) {
  if (!number) return nullptr;
  const auto found = std::ranges::lower_bound(inventory.groups, *number, {}, &IommuGroup::number);
  return found != inventory.groups.end() && found->number == *number ? &*found : nullptr;
}

std::vector<HostAddress> group_members(const Inventory& inventory, const HostDevice& device) {
  const IommuGroup* group = find_group(inventory, device.group);
  if (group == nullptr || group->members.empty()) return {device.address};
  return group->members;
}

Answer<HostDevice> look_at(Kernel& kernel, const HostAddress& address, std::vector<std::string>& warnings) {
  return read_device(kernel, address, warnings);
}

Answer<Pin> read_pin(Kernel& kernel, const HostAddress& address, paths::OfDevice& path) {
  const auto revision = kernel.read(path("revision"));
  if (!revision && revision.error().error != ENOENT) return std::unexpected(revision.error());
  // What tells cards apart comes last: who writes now is sure of the card that was there a moment ago.
  const auto modalias = kernel.read(path("modalias"));
  if (!modalias && modalias.error().error != ENOENT) return std::unexpected(modalias.error());
  auto pin = modalias ? pin_of_modalias(*modalias) : std::nullopt;
  if (!pin) {
    std::vector<std::string> unread;
    DeviceReader reader(kernel, address, unread);
    pin = pin_of_files(reader);
  }
  if (!pin) return std::unexpected(Failure{ENOENT});
  if (revision) pin->revision = static_cast<std::uint8_t>(unsigned_32(*revision, Radix::Hexadecimal).value_or(0));
  return *pin;
}

Answer<std::string> read_boot_id(Kernel& kernel) {
  auto text = kernel.read(paths::kBootId);
  if (!text && !text.error().pending && text.error().error == ENOENT) return std::string();
  return text;
}

Answer<Inventory> scan(Kernel& kernel) {
  const auto names = kernel.list(paths::kDevices);
  if (!names) return std::unexpected(names.error());
  // Without it all that the ledger says would seem to be of an earlier boot, and be forgotten.
  const auto boot_id = read_boot_id(kernel);
  if (!boot_id) return std::unexpected(boot_id.error());
  Inventory inventory;
  inventory.kernel_release = kernel.read(paths::kKernelRelease).value_or("");
  inventory.boot_id = *boot_id;
  inventory.devices.reserve(names->size());
  for (const std::string& name : *names) {
    const auto address = canonical_address(name);
    if (!address) {
      inventory.warnings.push_back("'" + name + "' is no address: skipped");
      continue;
    }
    auto device = read_device(kernel, *address, inventory.warnings);
    if (device) {
      if (!device->bonds_known) inventory.unreadable.insert(*address);
      inventory.devices.push_back(*std::move(device));
    } else if (const int error = device.error().error; error != ENOENT) {
      inventory.warnings.push_back(fmt::format("{}: skipped: {}", name, std::generic_category().message(error)));
      inventory.unreadable.insert(*address);
    }
  }
  std::ranges::sort(inventory.devices, {}, &HostDevice::address);
  read_groups(kernel, inventory);
  inventory.drivers = kernel.list(paths::kDrivers).value_or(std::vector<std::string>());
  note_uses(kernel, inventory);
  return inventory;
}

}  // namespace busproof::host
