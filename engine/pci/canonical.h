#pragma once

#include <optional>
#include <string_view>

#include "engine/base/hexadecimal.h"
#include "engine/pci/address.h"

namespace busproof::pci {

/// The address whose name this is, letter for letter as a kernel writes it and to_string() prints it; nothing when it
/// is anything else, another way of writing an address included.
inline std::optional<HostAddress> canonical_address(std::string_view name) {
  constexpr std::string_view kUsual = "ssss:bb:dd.f";
  if (name.size() != kUsual.size()) {  // a segment above 0xffff
    const auto address = HostAddress::parse(name);
    return address && to_string(*address) == name ? std::optional(*address) : std::nullopt;
  }
  if (name[4] != ':' || name[7] != ':' || name[10] != '.') return std::nullopt;
  // Written out, as no loop is as quick, and every path of a device has one.
  constexpr std::uint32_t kNotCapital = 0x20;  // set in digits and in small letters
  std::uint32_t seen = 0, common = kNotCapital;
  const auto digit = [&](std::size_t at) __attribute__((always_inline)) {
    const auto character = static_cast<std::uint8_t>(name[at]);
    const std::uint32_t value = kHexadecimalDigits[character];
    seen |= value;
    common &= character;
    return value;
  };
  const std::uint32_t segment = digit(0) << 12 | digit(1) << 8 | digit(2) << 4 | digit(3);
  const std::uint32_t bus = digit(5) << 4 | digit(6), slot = digit(8) << 4 | digit(9), function = digit(11);
  if ((seen & kNoHexadecimalDigit) != 0 || common == 0) return std::nullopt;
  return HostAddress::make(segment, static_cast<std::uint8_t>(bus), slot, function);
}

}  // namespace busproof::pci
