#include "engine/domain/xml_host_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/domain/xml_address.h"
#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

Result<void> read_pci(xml_node source, Device& device) {
  auto host = read_host_address(source.child("address"));
  if (!host) return std::unexpected(std::move(host.error()));
  device.host_address = *host;
  return {};
}

/// The attribute's number, 0 when it is missing.
Result<std::uint64_t> number(xml_node element, const char* attribute) {
  const auto read = read_unsigned_64(element, attribute, Radix::Literal);
  if (!read) return std::unexpected(read.error());
  return read->value_or(0);
}

/// Two numbers of one element or of two, as "1:2".
Result<std::string> pair_of_numbers(xml_node first, const char* first_attribute, xml_node second,
                                    const char* second_attribute) {
  const auto a = number(first, first_attribute);
  if (!a) return std::unexpected(a.error());
  const auto b = number(second, second_attribute);
  if (!b) return std::unexpected(b.error());
  return fmt::format("{}:{}", *a, *b);
}

/// The place on the host wins over vendor and product.
Result<void> read_usb(xml_node source, Device& device) {
  auto product = pair_of_numbers(source.child("vendor"), "id", source.child("product"), "id");
  if (!product) return std::unexpected(std::move(product.error()));
  const xml_node address = source.child("address");
  auto place = pair_of_numbers(address, "bus", address, "device");
  if (!place) return std::unexpected(std::move(place.error()));
  if (address)
    device.source = "usb at " + *place;
  else if (source.child("vendor"))
    device.source = "usb " + *product;
  return {};
}

Result<void> read_scsi(xml_node source, Device& device) {
  if (value_of(source, "protocol") == "iscsi") {
    const xml_node host = source.child("host");
    const std::string_view name = value_of(source, "name");
    const std::string_view unit = name.find('/') == std::string_view::npos ? "/0" : "";  // as libvirt stores it
    device.source = fmt::format("iscsi {}:{} {}{}", value_of(host, "name"), value_of(host, "port"), name, unit);
    return {};
  }
  const xml_node address = source.child("address");
  if (!address) return {};
  auto bus_target = pair_of_numbers(address, "bus", address, "target");
  if (!bus_target) return std::unexpected(std::move(bus_target.error()));
  const auto unit = number(address, "unit");
  if (!unit) return std::unexpected(unit.error());
  device.source = fmt::format("scsi {}:{}:{}", child_value(source, "adapter", "name"), *bus_target, *unit);
  return {};
}

Result<void> read_scsi_host(xml_node source, Device& device) {
  device.source = fmt::format("scsi_host {}", value_of(source, "wwpn"));
  return {};
}

/// A UUID is the same with other capitals and hyphens.
Result<void> read_mdev(xml_node source, Device& device) {
  std::string uuid(value_of(source.child("address"), "uuid"));
  std::erase(uuid, '-');
  for (char& c : uuid)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  if (!uuid.empty()) device.source = "mdev " + uuid;
  return {};
}

/// What an LXC container would be given: `<block>`, `<char>`, `<interface>`.
Result<void> read_capability(xml_node source, Device& device) {
  device.source = fmt::format("{} {}", device.type, text_content(source));
  return {};
}

struct SourceRule {
  std::string_view type;
  Result<void> (*read)(xml_node source, Device& device);
};
constexpr std::array kSourceRules = {
    SourceRule{"pci", read_pci},         SourceRule{"usb", read_usb},
    SourceRule{"scsi", read_scsi},       SourceRule{"scsi_host", read_scsi_host},
    SourceRule{"mdev", read_mdev},       SourceRule{"storage", read_capability},
    SourceRule{"misc", read_capability}, SourceRule{"net", read_capability},
};

}  // namespace

Result<void> read_host_source(xml_node source, std::string_view type, Device& device) {
  const auto rule = std::ranges::find(kSourceRules, type, &SourceRule::type);
  if (!source || rule == kSourceRules.end()) return {};
  return rule->read(source, device);
}

}  // namespace busproof::domain
