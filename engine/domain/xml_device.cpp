#include "engine/domain/xml_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/ascii.h"
#include "engine/base/hexadecimal.h"
#include "engine/base/text.h"
#include "engine/domain/xml_address.h"
#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_controller.h"
#include "engine/domain/xml_host_source.h"
#include "engine/domain/xml_tree.h"
#include "engine/domain/xml_words.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// Whether the text has nothing but letters, digits, '_' and '-'.
bool is_plain_name(std::string_view text) {
  constexpr auto kIsPlain = [] {
    constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    std::array<bool, 256> is_plain{};
    for (const char c : kCharacters) is_plain[static_cast<unsigned char>(c)] = true;
    return is_plain;
  }();
  return std::ranges::all_of(text, [&](char c) { return kIsPlain[static_cast<unsigned char>(c)]; });
}

/// libvirt keeps only aliases that a user chose.
bool is_user_alias(std::string_view alias) { return alias.starts_with("ua-") && is_plain_name(alias); }

/// Where a kind keeps the name by which its user knows it.
struct TargetRule {
  DeviceKind kind;
  const char* child;  ///< "" for the device's own element
  const char* attribute;
};
constexpr std::array kTargetRules = {
    TargetRule{DeviceKind::Disk, "target", "dev"},       TargetRule{DeviceKind::Interface, "target", "dev"},
    TargetRule{DeviceKind::Filesystem, "target", "dir"}, TargetRule{DeviceKind::Channel, "target", "name"},
    TargetRule{DeviceKind::Shmem, "", "name"},
};

using Mac = std::array<std::uint8_t, 6>;
constexpr std::string_view kMacForm = "00:00:00:00:00:00";

/// As nearly all spell it: two digits each. Guests have many NICs.
std::optional<Mac> parse_usual_mac(std::string_view text) {
  if (text.size() != kMacForm.size()) return std::nullopt;
  Mac mac{};
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::uint8_t high = kHexadecimalDigits[static_cast<std::uint8_t>(text[3 * i])];
    const std::uint8_t low = kHexadecimalDigits[static_cast<std::uint8_t>(text[3 * i + 1])];
    seen |= high | low;
    mac[i] = static_cast<std::uint8_t>(high << 4U | low);
    if (i + 1 < mac.size() && text[3 * i + 2] != ':') return std::nullopt;
  }
  return (seen & kNoHexadecimalDigit) == 0 ? std::optional(mac) : std::nullopt;
}

/// Six hexadecimal numbers of one or two digits with colons between them, as "52:54:00:aa:bb:cc"; what follows a blank
/// or control character is not looked at.
std::optional<Mac> parse_mac(std::string_view text) {
  Mac mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto number = leading_number(text, Radix::Hexadecimal);
    if (!number || text.front() == ' ' || text.front() == '+' || text.front() == '-') return std::nullopt;
    if (text.size() - number->rest.size() > 2 || number->magnitude > 0xff) return std::nullopt;
    mac[i] = static_cast<std::uint8_t>(number->magnitude);
    text = number->rest;
    if (i + 1 == mac.size()) return text.empty() || text.front() <= ' ' ? std::optional(mac) : std::nullopt;
    if (!text.starts_with(':')) return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

/// "52:54:00:12:34:56", where there is the memory of another one.
void spell(const Mac& mac, std::string& text) {
  text = kMacForm;
  for (std::size_t i = 0; i < mac.size(); ++i) put_hexadecimal(text.data() + 3 * i, mac[i], 2);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ascii_lower(c);
  return lower;
}

/// What the device is called by, read before anything that may be refused.
void read_names(const Element& element, Device& device) {
  device.offset = offset_of(element);
  const std::string_view alias = child_value(element, "alias", "name");
  if (is_user_alias(alias)) device.alias = alias;
  if (device.kind == DeviceKind::Interface) device.mac = lower_case(value_of(element.child("mac"), "address"));
  const auto rule = std::ranges::find(kTargetRules, device.kind, &TargetRule::kind);
  if (rule != kTargetRules.end())
    device.target = value_of(*rule->child == '\0' ? element : element.child(rule->child), rule->attribute);
}

/// `managed` is an attribute of the element itself, or of an NVMe disk's source.
void read_taking(const Element& element, xml_node with_managed, Device& device) {
  device.taking.managed = value_of(with_managed, "managed") == "yes";
  device.taking.driver_name = value_of(element.child("driver"), "name");
  device.taking.driver_model = value_of(element.child("driver"), "model");
}

/// The namespace; nothing for a number that libvirt takes and no card knows: it reads 64 bits, and NVMe has 32.
Result<std::optional<std::uint32_t>> read_nvme_source(xml_node source) {
  constexpr const char* kRemedy = "write the namespace's number, as in /dev/nvme0n1 (1)";
  const pugi::xml_attribute type = source.attribute("type");
  if (!type)
    return refused_at(source, "E115", "XML error: missing 'type' attribute to disk source", "write type='pci'");
  if (std::string_view(type.value()) != "pci")
    return refused_at(source, "E115", fmt::format("XML error: unsupported source type '{}'", type.value()),
                      "write type='pci'");
  const pugi::xml_attribute attribute = source.attribute("namespace");
  if (!attribute) return refused_at(source, "E115", "XML error: missing 'namespace' attribute to disk source", kRemedy);
  const auto number = leading_number(attribute.value(), Radix::Decimal);
  if (!number || !number->rest.empty())
    return refused_at(source, "E103", fmt::format("XML error: malformed namespace '{}'", attribute.value()), kRemedy);
  if (number->magnitude > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  if (number->negative && number->magnitude != 0) return std::nullopt;
  return static_cast<std::uint32_t>(number->magnitude);
}

Result<void> read_disk(const Element& element, Device& device) {
  if (device.type != "nvme") return {};
  const xml_node source = element.child("source");
  if (!source) return {};
  const auto nvme_namespace = read_nvme_source(source);
  if (!nvme_namespace) return std::unexpected(nvme_namespace.error());
  if (!source.child("address"))
    return refused_at(source, "E115", "XML error: NVMe disk source is missing address",
                      "add <address domain='…' bus='…' slot='…' function='…'/> of the host's device");
  read_taking(element, source, device);
  device.taking.nvme_namespace = *nvme_namespace;
  return read_host_source(source, "pci", device);
}

Result<void> read_mac(const Element& element, Device& device) {
  const pugi::xml_attribute address = element.child("mac").attribute("address");
  if (!address) return {};
  const auto usual = parse_usual_mac(device.mac);  // which read_names() found
  const auto mac = usual ? usual : parse_mac(address.value());
  if (!mac)
    return refused_at(element.child("mac"), "E115",
                      fmt::format("XML error: unable to parse mac address '{}'", address.value()),
                      "write six hexadecimal numbers, like 52:54:00:12:34:56");
  if (((*mac)[0] & 1U) != 0)
    return refused_at(element.child("mac"), "E115",
                      fmt::format("XML error: expected unicast mac address, found multicast '{}'", address.value()),
                      "the first number of a unicast address is even");
  if (!usual) spell(*mac, device.mac);
  return {};
}

Result<void> read_interface(const Element& element, Device& device) {
  device.model = child_value(element, "model", "type");
  device.driver = value_of(element.child("driver"), "name");
  if (!is_plain_name(device.model))
    return refused_at(element.child("model"), "E115", "invalid argument: Model name contains invalid characters",
                      "a model's name has letters, digits, '_' and '-'");
  if (device.type == "hostdev") {
    const xml_node source = element.child("source");
    device.bus = value_of(source.child("address"), "type");
    if (device.bus.empty() && source.child("vendor")) device.bus = "usb";
    if (device.bus.empty())
      return refused_at(element, "E115", "XML error: missing source address type",
                        "add <source><address type='pci' …/></source>");
    read_taking(element, element, device);
    if (auto read = read_host_source(source, device.bus, device); !read) return read;
  }
  return read_mac(element, device);
}

/// Which interface of the kernel a mediated device speaks must be said.
Result<void> check_mdev_model(const Element& element) {
  constexpr std::array<std::string_view, 3> kModels = {"vfio-pci", "vfio-ccw", "vfio-ap"};
  constexpr const char* kRemedy = "one of vfio-pci, vfio-ccw, vfio-ap";
  if (!element.attribute("model")) return missing_attribute(element, "model", kRemedy);
  if (std::ranges::find(kModels, value_of(element, "model")) != kModels.end()) return {};
  return refused_at(element, "E115", invalid_value(element, "model"), kRemedy);
}

Result<void> read_hostdev(const Element& element, Device& device) {
  device.model = value_of(element, "model");
  if (!element.child("source"))
    return refused_at(element, "E115", "XML error: Missing <source> element in hostdev device",
                      "add a <source> that names the device of the host");
  const bool has_models = device.type == "mdev" || device.type == "scsi_host";
  if (!device.model.empty() && !has_models)
    return refused_at(
        element, "E115",
        fmt::format("XML error: 'model' attribute in <hostdev> is only supported when type='{}'", device.type),
        "remove the model: only hostdevs of type mdev and scsi_host have one");
  if (device.mode == "subsystem" && device.type == "mdev")
    if (auto known = check_mdev_model(element); !known) return known;
  read_taking(element, element, device);
  return read_host_source(element.child("source"), device.type, device);
}

Result<void> read_video(const Element& element, Device& device) {
  device.primary = child_value(element, "model", "primary") == "yes";
  device.driver = value_of(element.child("driver"), "name");
  return {};
}

Result<void> read_character(const Element& element, Device& device) {
  device.type = value_of(element, "type");
  device.model = value_of(element.child("target").child("model"), "name");
  return {};
}

Result<void> read_redirdev(const Element& element, Device& device) {
  device.type = value_of(element, "type");
  return {};
}

Result<void> read_shmem(const Element& element, Device&) {
  if (element.attribute("name")) return {};
  return refused_at(element, "E115", "XML error: shmem element must contain 'name' attribute", "name the memory");
}

Result<void> read_nothing(const Element&, Device&) { return {}; }

struct KindReader {
  DeviceKind kind;
  Result<void> (*read)(const Element& element, Device& device);
};
constexpr std::array kKindReaders = {
    KindReader{DeviceKind::Disk, read_disk},
    KindReader{DeviceKind::Interface, read_interface},
    KindReader{DeviceKind::Hostdev, read_hostdev},
    KindReader{DeviceKind::Video, read_video},
    KindReader{DeviceKind::Controller, read_controller},
    KindReader{DeviceKind::Serial, read_character},
    KindReader{DeviceKind::Parallel, read_character},
    KindReader{DeviceKind::Channel, read_character},
    KindReader{DeviceKind::Console, read_character},
    KindReader{DeviceKind::Redirdev, read_redirdev},
    KindReader{DeviceKind::Shmem, read_shmem},
};

Result<void> read_kind(const Element& element, Device& device) {
  const auto reader = std::ranges::find(kKindReaders, device.kind, &KindReader::kind);
  return reader == kKindReaders.end() ? read_nothing(element, device) : reader->read(element, device);
}

Result<void> read_boot(const Element& element, Device& device) {
  const xml_node boot = element.child("boot");
  if (!boot || std::ranges::find(kKindsWithBootOrder, device.kind) == kKindsWithBootOrder.end()) return {};
  if (!boot.attribute("order")) return missing_attribute(boot, "order", "number the devices to boot from 1");
  const auto order = read_positive(boot, "order", Radix::Decimal);
  if (!order) return std::unexpected(order.error());
  device.boot_order = *order;
  return {};
}

/// libvirt never looks for an address where there is nothing that could have one.
bool is_absent(const Device& device) {
  return is_usb_none(device) || (device.kind == DeviceKind::Memballoon && device.model == "none");
}

/// What every kind of device may say: boot order, ACPI index, address.
Result<void> read_common(const Element& element, Device& device) {
  if (auto read = read_boot(element, device); !read) return read;
  const auto acpi_index = read_positive(element.child("acpi"), "index", Radix::Decimal);
  if (!acpi_index) return std::unexpected(acpi_index.error());
  device.acpi_index = *acpi_index;
  auto address = read_address(element.child("address"));
  if (!address) return std::unexpected(std::move(address.error()));
  device.address = std::move(*address);
  return {};
}

/// USB devices whose address libvirt's parser looks at; the others are checked once addresses are known.
Result<void> check_usb_address(const Element& element, const Device& device) {
  const bool is_none = std::holds_alternative<NoAddress>(device.address);
  if (is_none || std::holds_alternative<UsbAddress>(device.address)) return {};
  const xml_node address = element.child("address");
  constexpr const char* kRemedy = "write type='usb', or remove the address";
  if ((device.kind == DeviceKind::Input || device.kind == DeviceKind::Redirdev) && device.bus == "usb")
    return refused_at(address, "E114", "XML error: Invalid address for a USB device", kRemedy);
  if (device.kind == DeviceKind::Serial && device.target_type == "usb-serial")
    return refused_at(address, "E114", "unsupported configuration: usb-serial requires address of usb type", kRemedy);
  return {};
}

std::string_view assumed_input_bus(std::string_view type, InputDefault input) {
  if (input == InputDefault::Ps2 && (type == "mouse" || type == "keyboard")) return "ps2";
  if (input == InputDefault::Virtio || type == "passthrough") return "virtio";
  return type == "evdev" ? "none" : "usb";
}

}  // namespace

InputDefault input_default(std::string_view arch) {
  if (arch == "x86_64" || arch == "i686") return InputDefault::Ps2;
  return arch == "s390" || arch == "s390x" ? InputDefault::Virtio : InputDefault::Usb;
}

Result<void> read_device(const Element& element, InputDefault input, Device& device) {
  read_names(element, device);
  if (auto read = read_words(element, device); !read) return read;
  if (auto read = read_kind(element, device); !read) return read;
  if (device.kind == DeviceKind::Input && device.bus.empty()) device.bus = assumed_input_bus(device.type, input);
  if (!is_absent(device)) {
    if (auto read = read_common(element, device); !read) return read;
    if (auto fits = check_usb_address(element, device); !fits) return fits;
  }
  if (device.controller) return read_controller_ports(element, device);
  return {};
}

}  // namespace busproof::domain
