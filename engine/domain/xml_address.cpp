#include "engine/domain/xml_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// The four numbers as they are written, before anything is known about their ranges.
struct PciNumbers {
  std::uint32_t segment = 0, bus = 0, slot = 0, function = 0;
  Switch multifunction = Switch::Absent;
};

/// `*value` becomes the attribute's number; 0 when it is missing. Attributes after a malformed one are not looked at.
struct Field {
  const char* attribute;
  std::uint32_t* value;
};

/// The fields' attributes, which have been looked up.
Result<void> read_found(xml_node element, Radix radix, std::span<const Field> fields,
                        std::span<const pugi::xml_attribute> attributes) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto number = read_unsigned(element, attributes[i], radix);
    if (!number) return std::unexpected(number.error());
    *fields[i].value = number->value_or(0);
  }
  return {};
}

template <std::size_t kCount>
Result<void> read_fields(xml_node element, Radix radix, const std::array<Field, kCount>& fields) {
  std::array<const char*, kCount> names{};
  std::ranges::transform(fields, names.begin(), &Field::attribute);
  return read_found(element, radix, fields, attributes_named(element, names));
}

Result<PciNumbers> read_pci_numbers(xml_node element) {
  // The type, which is known, stands before the others in nearly every address.
  constexpr std::array kNames = {"type", "domain", "bus", "slot", "function", "multifunction"};
  PciNumbers numbers;
  const std::array fields = {Field{kNames[1], &numbers.segment}, Field{kNames[2], &numbers.bus},
                             Field{kNames[3], &numbers.slot}, Field{kNames[4], &numbers.function}};
  const auto attributes = attributes_named(element, kNames);
  const auto numbers_said = std::span(attributes).subspan<1, fields.size()>();
  if (auto read = read_found(element, Radix::Literal, fields, numbers_said); !read)
    return std::unexpected(read.error());
  const auto multifunction = read_switch(element, attributes.back());
  if (!multifunction) return std::unexpected(multifunction.error());
  numbers.multifunction = *multifunction;
  return numbers;
}

/// Whether libvirt takes the address for "choose one"; the function has no say in it.
bool is_empty(const PciNumbers& numbers) { return numbers.segment == 0 && numbers.bus == 0 && numbers.slot == 0; }

Result<void> check_ranges(xml_node element, const PciNumbers& numbers) {
  if (numbers.bus > pci::kBusMax)
    return refused_at(element, "E105",
                      fmt::format("XML error: Invalid PCI address bus='0x{:x}', must be <= 0xFF", numbers.bus),
                      "name the index of a PCI controller, 0 to 255");
  if (numbers.slot > pci::kSlotMax)
    return refused_at(element, "E106",
                      fmt::format("XML error: Invalid PCI address slot='0x{:x}', must be <= 0x1F", numbers.slot),
                      "choose a slot from 0x00 to 0x1f");
  if (numbers.function > pci::kFunctionMax)
    return refused_at(element, "E107",
                      fmt::format("XML error: Invalid PCI address function=0x{:x}, must be <= 7", numbers.function),
                      "choose a function from 0 to 7");
  return {};
}

template <class Side>
std::optional<pci::Address<Side>> as_address(const PciNumbers& numbers) {
  return pci::Address<Side>::make(numbers.segment, static_cast<std::uint8_t>(numbers.bus), numbers.slot,
                                  numbers.function);
}

/// libvirt looks at the last `<zpci>` of several.
Result<ZpciIds> read_zpci(xml_node address) {
  if (!address.first_child()) return {};
  xml_node zpci;
  for (const xml_node child : address.children("zpci")) zpci = child;
  const auto uid = read_unsigned(zpci, "uid", Radix::Literal);
  if (!uid) return std::unexpected(uid.error());
  const auto fid = read_unsigned(zpci, "fid", Radix::Literal);
  if (!fid) return std::unexpected(fid.error());
  return ZpciIds{*uid, *fid};
}

Result<DeviceAddress> read_pci(xml_node address) {
  PciAddress pci;
  const auto numbers = read_pci_numbers(address);
  if (!numbers) return std::unexpected(numbers.error());
  if (!is_empty(*numbers)) {
    if (auto in_range = check_ranges(address, *numbers); !in_range) return std::unexpected(in_range.error());
    pci.at = as_address<pci::GuestSide>(*numbers);
    pci.multifunction = numbers->multifunction;
  }
  const auto zpci = read_zpci(address);
  if (!zpci) return std::unexpected(zpci.error());
  pci.zpci = *zpci;
  return pci;
}

Result<DeviceAddress> read_drive(xml_node address) {
  DriveAddress drive;
  const std::array fields = {Field{"controller", &drive.controller}, Field{"bus", &drive.bus},
                             Field{"target", &drive.target}, Field{"unit", &drive.unit}};
  if (auto read = read_fields(address, Radix::Decimal, fields); !read) return std::unexpected(read.error());
  return drive;
}

Result<DeviceAddress> read_virtio_serial(xml_node address) {
  VirtioSerialAddress serial;
  const std::array fields = {Field{"controller", &serial.controller}, Field{"bus", &serial.bus},
                             Field{"port", &serial.port}};
  if (auto read = read_fields(address, Radix::Decimal, fields); !read) return std::unexpected(read.error());
  return serial;
}

Result<DeviceAddress> read_ccid(xml_node address) {
  CcidAddress ccid;
  const std::array fields = {Field{"controller", &ccid.controller}, Field{"slot", &ccid.slot}};
  if (auto read = read_fields(address, Radix::Decimal, fields); !read) return std::unexpected(read.error());
  return ccid;
}

/// "1.2.3": up to four numbers with a dot between two. Like libvirt, which skips one dot after a number if there is
/// one, this takes "1.2 3" for 1.2.3 and a dot at the end for a missing number.
std::optional<std::vector<std::uint32_t>> usb_port(std::string_view text) {
  constexpr std::size_t kDepthMax = 4;
  std::vector<std::uint32_t> port;
  while (port.size() < kDepthMax) {
    const auto number = leading_number(text, Radix::Decimal);
    if (!number || number->negative || number->magnitude > std::numeric_limits<std::uint32_t>::max())
      return std::nullopt;
    port.push_back(static_cast<std::uint32_t>(number->magnitude));
    text = number->rest;
    if (text.empty()) return port;
    if (text.front() == '.') text.remove_prefix(1);
  }
  return std::nullopt;
}

Result<DeviceAddress> read_usb(xml_node address) {
  UsbAddress usb;
  if (const pugi::xml_attribute port = address.attribute("port")) {
    auto levels = usb_port(port.value());
    if (!levels)
      return refused_at(address, "E116", "internal error: Cannot parse <address> 'port' attribute",
                        "write up to four port numbers with dots between them, like port='1.2'");
    usb.port = std::move(*levels);
  }
  const auto bus = read_unsigned(address, "bus", Radix::Decimal);
  if (!bus) return std::unexpected(bus.error());
  usb.bus = bus->value_or(0);
  return usb;
}

Result<DeviceAddress> read_spapr_vio(xml_node address) {
  const auto reg = read_unsigned_64(address, "reg", Radix::Hexadecimal);
  if (!reg) return std::unexpected(reg.error());
  return SpaprVioAddress{*reg};
}

Result<DeviceAddress> read_ccw(xml_node address) {
  constexpr std::uint32_t kCssidMax = 254;
  constexpr std::uint32_t kSsidMax = 3;
  constexpr std::uint32_t kDevnoMax = 0xffff;
  CcwAddress::Number number;
  const std::array fields = {Field{"cssid", &number.cssid}, Field{"ssid", &number.ssid}, Field{"devno", &number.devno}};
  if (auto read = read_fields(address, Radix::Literal, fields); !read) return std::unexpected(read.error());
  if (number.cssid > kCssidMax || number.ssid > kSsidMax || number.devno > kDevnoMax)
    return refused_at(address, "E116",
                      fmt::format("internal error: Invalid specification for virtio ccw address: cssid='0x{:x}' "
                                  "ssid='0x{:x}' devno='0x{:04x}'",
                                  number.cssid, number.ssid, number.devno),
                      "cssid goes to 0xfe, ssid to 0x3, devno to 0xffff");
  std::size_t given = 0;
  for (const Field& field : fields) given += address.attribute(field.attribute) ? 1U : 0U;
  if (given == 0) return CcwAddress{};
  if (given < fields.size())
    return refused_at(address, "E116", "internal error: Invalid partial specification for virtio ccw address",
                      "give cssid, ssid and devno, or none of them");
  return CcwAddress{number};
}

Result<DeviceAddress> read_isa(xml_node address) {
  std::uint32_t iobase = 0;
  std::uint32_t irq = 0;
  const std::array fields = {Field{"iobase", &iobase}, Field{"irq", &irq}};
  if (auto read = read_fields(address, Radix::Hexadecimal, fields); !read) return std::unexpected(read.error());
  return IsaAddress{iobase, irq};
}

Result<DeviceAddress> read_dimm(xml_node address) {
  const auto slot = read_unsigned(address, "slot", Radix::Decimal);
  if (!slot) return std::unexpected(slot.error());
  if (!*slot) return missing_attribute(address, "slot", "number the memory slots from 0");
  const auto base = read_unsigned_64(address, "base", Radix::Hexadecimal);
  if (!base) return std::unexpected(base.error());
  return DimmAddress{**slot, *base};
}

Result<DeviceAddress> refuse_virtio_s390(xml_node address) {
  return refused_at(address, "E116", "XML error: virtio-s390 bus doesn't have an address", "use type='ccw'");
}

template <class Kind>
Result<DeviceAddress> read_bare(xml_node) {
  return Kind{};
}

struct AddressRule {
  std::string_view type;
  Result<DeviceAddress> (*read)(xml_node address);
};

constexpr std::array kAddressRules = {
    AddressRule{"pci", read_pci},
    AddressRule{"drive", read_drive},
    AddressRule{"virtio-serial", read_virtio_serial},
    AddressRule{"ccid", read_ccid},
    AddressRule{"usb", read_usb},
    AddressRule{"spapr-vio", read_spapr_vio},
    AddressRule{"virtio-s390", refuse_virtio_s390},
    AddressRule{"ccw", read_ccw},
    AddressRule{"virtio-mmio", read_bare<VirtioMmioAddress>},
    AddressRule{"isa", read_isa},
    AddressRule{"dimm", read_dimm},
    AddressRule{"unassigned", read_bare<UnassignedAddress>},
};

}  // namespace

Result<DeviceAddress> read_address(xml_node address) {
  if (!address) return NoAddress{};
  const pugi::xml_attribute type = address.attribute("type");
  if (!type)
    return refused_at(address, "E101", "internal error: No type specified for device address",
                      "add type='pci', or remove the element to let libvirt choose");
  const std::string_view name = type.value();
  for (const AddressRule& rule : kAddressRules)
    if (rule.type == name) return rule.read(address);
  return refused_at(address, "E102", fmt::format("unsupported configuration: unknown address type '{}'", type.value()),
                    "one of pci, drive, virtio-serial, ccid, usb, spapr-vio, ccw, virtio-mmio, isa, dimm, unassigned");
}

Result<std::optional<pci::HostAddress>> read_host_address(xml_node address) {
  if (!address) return std::nullopt;
  const auto numbers = read_pci_numbers(address);
  if (!numbers) return std::unexpected(numbers.error());
  if (!is_empty(*numbers))
    if (auto in_range = check_ranges(address, *numbers); !in_range) return std::unexpected(in_range.error());
  if (auto zpci = read_zpci(address); !zpci) return std::unexpected(zpci.error());
  return as_address<pci::HostSide>(*numbers);
}

}  // namespace busproof::domain
