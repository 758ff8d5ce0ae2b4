#include "engine/domain/address_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/text.h"

namespace busproof::domain {
namespace {

struct TextOf {
  std::string operator()(const NoAddress&) const { return {}; }
  std::string operator()(const PciAddress&) const { return {}; }
  std::string operator()(const DriveAddress& a) const {
    return fmt::format("drive {}:{}:{}:{}", a.controller, a.bus, a.target, a.unit);
  }
  std::string operator()(const VirtioSerialAddress& a) const {
    return fmt::format("virtio-serial {}:{}:{}", a.controller, a.bus, a.port);
  }
  std::string operator()(const CcidAddress& a) const { return fmt::format("ccid {}:{}", a.controller, a.slot); }
  std::string operator()(const UsbAddress& a) const { return fmt::format("usb {}:{}", a.bus, fmt::join(a.port, ".")); }
  std::string operator()(const SpaprVioAddress& a) const {
    return a.reg ? fmt::format("spapr-vio {:#x}", *a.reg) : "spapr-vio";
  }
  std::string operator()(const CcwAddress& a) const {
    return a.number ? fmt::format("ccw {:x}.{:x}.{:04x}", a.number->cssid, a.number->ssid, a.number->devno) : "ccw";
  }
  std::string operator()(const DimmAddress& a) const {
    return a.base ? fmt::format("dimm {} {:#x}", a.slot, *a.base) : fmt::format("dimm {}", a.slot);
  }
  std::string operator()(const VirtioMmioAddress&) const { return "virtio-mmio"; }
  std::string operator()(const VirtioS390Address&) const { return "virtio-s390"; }
  std::string operator()(const IsaAddress& a) const {
    return a == IsaAddress{} ? "isa" : fmt::format("isa {:#x}:{:#x}", a.iobase, a.irq);
  }
  std::string operator()(const UnassignedAddress&) const { return "unassigned"; }
};

/// The numbers between the separators; nothing when one of the pieces is no number.
std::optional<std::vector<std::uint32_t>> numbers_in(std::string_view text, char separator, Radix radix) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find(separator);
    const auto number = unsigned_32(text.substr(0, end), radix);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    if (end == std::string_view::npos) break;
  }
  return numbers;
}

std::optional<DeviceAddress> parse_drive(std::string_view rest) {
  const auto n = numbers_in(rest, ':', Radix::Decimal);
  if (!n || n->size() != 4) return std::nullopt;
  return DriveAddress{(*n)[0], (*n)[1], (*n)[2], (*n)[3]};
}
std::optional<DeviceAddress> parse_virtio_serial(std::string_view rest) {
  const auto n = numbers_in(rest, ':', Radix::Decimal);
  if (!n || n->size() != 3) return std::nullopt;
  return VirtioSerialAddress{(*n)[0], (*n)[1], (*n)[2]};
}
std::optional<DeviceAddress> parse_ccid(std::string_view rest) {
  const auto n = numbers_in(rest, ':', Radix::Decimal);
  if (!n || n->size() != 2) return std::nullopt;
  return CcidAddress{(*n)[0], (*n)[1]};
}
std::optional<DeviceAddress> parse_usb(std::string_view rest) {
  const std::size_t colon = rest.find(':');
  const auto bus = unsigned_32(rest.substr(0, colon), Radix::Decimal);
  if (!bus || colon == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(colon + 1);
  if (rest.empty()) return UsbAddress{*bus, {}};
  auto port = numbers_in(rest, '.', Radix::Decimal);
  if (!port) return std::nullopt;
  return UsbAddress{*bus, *std::move(port)};
}
std::optional<DeviceAddress> parse_spapr_vio(std::string_view rest) {
  if (rest.empty()) return SpaprVioAddress{};
  const auto reg = unsigned_64(rest, Radix::Literal);
  if (!reg) return std::nullopt;
  return SpaprVioAddress{reg};
}
std::optional<DeviceAddress> parse_ccw(std::string_view rest) {
  if (rest.empty()) return CcwAddress{};
  const auto n = numbers_in(rest, '.', Radix::Hexadecimal);
  if (!n || n->size() != 3) return std::nullopt;
  return CcwAddress{CcwAddress::Number{(*n)[0], (*n)[1], (*n)[2]}};
}
std::optional<DeviceAddress> parse_dimm(std::string_view rest) {
  const std::size_t blank = rest.find(' ');
  const auto slot = unsigned_32(rest.substr(0, blank), Radix::Decimal);
  if (!slot) return std::nullopt;
  if (blank == std::string_view::npos) return DimmAddress{*slot, {}};
  const auto base = unsigned_64(rest.substr(blank + 1), Radix::Literal);
  if (!base) return std::nullopt;
  return DimmAddress{*slot, base};
}
std::optional<DeviceAddress> parse_isa(std::string_view rest) {
  if (rest.empty()) return IsaAddress{};
  const auto n = numbers_in(rest, ':', Radix::Literal);
  if (!n || n->size() != 2) return std::nullopt;
  return IsaAddress{(*n)[0], (*n)[1]};
}
template <class Address>
std::optional<DeviceAddress> parse_word(std::string_view rest) {
  return rest.empty() ? std::optional<DeviceAddress>(Address{}) : std::nullopt;
}

struct Parser {
  std::string_view type;
  std::optional<DeviceAddress> (*parse)(std::string_view rest);
};
constexpr std::array kParsers = {
    Parser{"drive", parse_drive},
    Parser{"virtio-serial", parse_virtio_serial},
    Parser{"ccid", parse_ccid},
    Parser{"usb", parse_usb},
    Parser{"spapr-vio", parse_spapr_vio},
    Parser{"ccw", parse_ccw},
    Parser{"dimm", parse_dimm},
    Parser{"virtio-mmio", parse_word<VirtioMmioAddress>},
    Parser{"virtio-s390", parse_word<VirtioS390Address>},
    Parser{"isa", parse_isa},
    Parser{"unassigned", parse_word<UnassignedAddress>},
};

}  // namespace

std::string bus_address_text(const DeviceAddress& address) { return std::visit(TextOf{}, address); }

std::optional<DeviceAddress> parse_bus_address(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::string_view type = text.substr(0, blank);
  for (const Parser& parser : kParsers)
    if (parser.type == type)
      return parser.parse(blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1));
  return std::nullopt;
}

}  // namespace busproof::domain
