#include "engine/pci/address.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/base/hexadecimal.h"

namespace busproof::pci {
namespace {

/// At most `digits_max` hexadecimal digits.
std::optional<std::uint32_t> number_of(std::string_view text, std::size_t digits_max) {
  return text.size() > digits_max ? std::nullopt : hexadecimal(text);
}

/// What comes before the last `mark`, and what after it; all of it after when there is none.
std::pair<std::string_view, std::string_view> split_last(std::string_view text, char mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return {{}, text};
  return {text.substr(0, at), text.substr(at + 1)};
}

/// The four numbers of an address as they are written; `segment` is "0" when it is left out.
struct NumberTexts {
  std::string_view segment, bus, slot, function;
};
NumberTexts numbers_of(std::string_view text) {
  // Nearly all are written as they are printed.
  constexpr std::string_view kUsual = "ssss:bb:dd.f";
  if (text.size() == kUsual.size() && text[4] == ':' && text[7] == ':' && text[10] == '.')
    return {text.substr(0, 4), text.substr(5, 2), text.substr(8, 2), text.substr(11)};
  const auto [segment_bus_slot, function] = split_last(text, '.');
  const auto [segment_bus, slot] = split_last(segment_bus_slot, ':');
  const auto [segment, bus] = split_last(segment_bus, ':');
  return {segment_bus.size() == bus.size() ? "0" : segment, bus, slot, function};
}

}  // namespace

Result<AddressParts> parse_address_parts(std::string_view text) {
  const NumberTexts texts = numbers_of(text);
  const auto segment = hexadecimal(texts.segment);
  const auto bus = number_of(texts.bus, 2);
  const auto slot = number_of(texts.slot, 2);
  const auto function = number_of(texts.function, 1);
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
  constexpr unsigned kSegmentDigitsMin = 4, kSegmentDigitsMax = 8;
  unsigned segment_digits = kSegmentDigitsMin;
  while (segment_digits < kSegmentDigitsMax && parts.segment >> (4 * segment_digits) != 0) ++segment_digits;
  std::array<char, kSegmentDigitsMax + std::string_view(":00:00.0").size()> text;
  char* at = text.data();
  const auto put = [&](std::uint32_t number, unsigned digits) { at = put_hexadecimal(at, number, digits); };
  put(parts.segment, segment_digits);
  *at++ = ':';
  put(parts.bus, 2);
  *at++ = ':';
  put(parts.slot, 2);
  *at++ = '.';
  put(parts.function, 1);
  return {text.data(), at};
}

}  // namespace busproof::pci
