#include "engine/pci/address.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace busproof::pci {
namespace {

/// A run of 1 to `digits_max` hexadecimal digits and nothing else.
std::optional<std::uint32_t> hexadecimal(std::string_view text, std::size_t digits_max) {
  std::uint32_t value = 0;
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What comes before the last `mark`, and what after it; all of it after when there is none.
std::pair<std::string_view, std::string_view> split_last(std::string_view text, char mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return {{}, text};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

Result<AddressParts> parse_address_parts(std::string_view text) {
  const auto [segment_bus_slot, function_text] = split_last(text, '.');
  const auto [segment_bus, slot_text] = split_last(segment_bus_slot, ':');
  const auto [segment_text, bus_text] = split_last(segment_bus, ':');
  const bool has_segment = segment_bus.find(':') != std::string_view::npos;

  const auto segment = has_segment ? hexadecimal(segment_text, 8) : std::optional<std::uint32_t>(0);
  const auto bus = hexadecimal(bus_text, 2);
  const auto slot = hexadecimal(slot_text, 2);
  const auto function = hexadecimal(function_text, 1);
  if (!segment || !bus || !slot || !function)
    return refused("E103", fmt::format("Invalid PCI address '{}'", text), "write it as 0000:03:1f.7");
  if (*slot > kSlotMax)
    return refused("E106", fmt::format("Invalid PCI address slot='0x{:x}', must be <= 0x1F", *slot),
                   "choose a slot from 00 to 1f");
  if (*function > kFunctionMax)
    return refused("E107", fmt::format("Invalid PCI address function=0x{:x}, must be <= 7", *function),
                   "choose a function from 0 to 7");
  return AddressParts{*segment, static_cast<std::uint8_t>(*bus), static_cast<std::uint8_t>(*slot),
                      static_cast<std::uint8_t>(*function)};
}

std::string format_address_parts(const AddressParts& parts) {
  // By hand, as nothing is written more often.
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr unsigned kSegmentDigitsMin = 4, kSegmentDigitsMax = 8;
  unsigned segment_digits = kSegmentDigitsMin;
  while (segment_digits < kSegmentDigitsMax && parts.segment >> (4 * segment_digits) != 0) ++segment_digits;
  constexpr std::string_view kRest = ":00:00.0";
  std::string text(segment_digits, '0');
  text += kRest;
  const auto put = [&](std::size_t last, std::uint32_t number) {
    for (; number != 0; number >>= 4, --last) text[last] = kDigits[number & 0xf];
  };
  put(segment_digits - 1, parts.segment);
  put(segment_digits + 2, parts.bus);
  put(segment_digits + 5, parts.slot);
  put(segment_digits + 7, parts.function);
  return text;
}

}  // namespace busproof::pci
