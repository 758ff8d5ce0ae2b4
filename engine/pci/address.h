#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace busproof::pci {

inline constexpr unsigned kSlotMax = 31;
inline constexpr unsigned kSlotCount = kSlotMax + 1;
inline constexpr unsigned kFunctionMax = 7;
inline constexpr unsigned kFunctionCount = kFunctionMax + 1;
inline constexpr unsigned kBusMax = 255;

/// The four numbers of an address, of which side is not known. Used to make an `Address`, and by nobody to keep one.
struct AddressParts {
  std::uint32_t segment = 0;
  std::uint8_t bus = 0;
  std::uint8_t slot = 0;
  std::uint8_t function = 0;
};

/// Reads "[SSSS:]BB:DD.F", hexadecimal, with nothing around it. Errors: malformed, slot above 31, function above 7.
Result<AddressParts> parse_address_parts(std::string_view text);
/// "0000:03:1f.7"; a segment above 0xffff takes more digits.
std::string format_address_parts(const AddressParts& parts);

/// Where one PCI function sits, printed "0000:03:1f.7". `Side` keeps guest and host apart: on the guest side
/// `bus` is the index of a controller, on the host side a number that firmware gave out.
template <class Side>
class Address {
 public:
  /// Nothing when slot > 31 or function > 7; the caller knows what to call the culprit.
  static constexpr std::optional<Address> make(std::uint32_t segment, std::uint8_t bus, unsigned slot,
                                               unsigned function) {
    if (slot > kSlotMax || function > kFunctionMax) return std::nullopt;
    return Address({segment, bus, static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(function)});
  }
  static Result<Address> parse(std::string_view text) {
    auto parts = parse_address_parts(text);
    if (!parts) return std::unexpected(parts.error());
    return Address(*parts);
  }
  [[nodiscard]] constexpr std::uint32_t segment() const { return segment_; }
  [[nodiscard]] constexpr std::uint8_t bus() const { return bus_; }
  [[nodiscard]] constexpr std::uint8_t slot() const { return slot_; }
  [[nodiscard]] constexpr std::uint8_t function() const { return function_; }
  /// The same slot and function of another bus, or another function of the same slot.
  [[nodiscard]] constexpr Address on_bus(std::uint8_t bus) const { return Address({segment_, bus, slot_, function_}); }

  friend constexpr auto operator<=>(const Address&, const Address&) = default;
  friend std::string to_string(const Address& address) {
    return format_address_parts({address.segment_, address.bus_, address.slot_, address.function_});
  }

 private:
  constexpr explicit Address(const AddressParts& parts)
      : segment_(parts.segment), bus_(parts.bus), slot_(parts.slot), function_(parts.function) {}
  std::uint32_t segment_;
  std::uint8_t bus_, slot_, function_;
};

using GuestAddress = Address<struct GuestSide>;
using HostAddress = Address<struct HostSide>;

}  // namespace busproof::pci
