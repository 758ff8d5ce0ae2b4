#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace busproof {

inline constexpr std::uint8_t kNoHexadecimalDigit = 0x80;
/// The number that each character stands for.
inline constexpr auto kHexadecimalDigits = [] {
  constexpr std::size_t kCharacterCount = 256;
  std::array<std::uint8_t, kCharacterCount> digits{};
  digits.fill(kNoHexadecimalDigit);
  for (std::uint8_t i = 0; i < 10; ++i) digits['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) digits['a' + i] = digits['A' + i] = static_cast<std::uint8_t>(10 + i);
  return digits;
}();

inline constexpr std::string_view kSmallHexadecimal = "0123456789abcdef", kCapitalHexadecimal = "0123456789ABCDEF";

/// Writes that many digits of the number, in those of `alphabet`; gives where they end.
[[gnu::always_inline]] constexpr char* put_hexadecimal(char* at, std::uint32_t number, unsigned digits,
                                                       std::string_view alphabet = kSmallHexadecimal) {
#pragma GCC unroll 8
  for (unsigned left = digits; left > 0; --left) *at++ = alphabet[number >> (4 * (left - 1)) & 0xf];
  return at;
}

/// The text as hexadecimal digits and nothing else, at most eight of them. Nothing when it is empty or has something
/// else in it. Addresses and ids are read by the thousand: this is for them.
constexpr std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  constexpr std::size_t kDigitsMax = 8;
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  std::uint32_t value = 0, seen = 0;
  for (const char c : text) {
    const std::uint32_t digit = kHexadecimalDigits[static_cast<std::uint8_t>(c)];
    seen |= digit;
    value = value << 4 | digit;
  }
  return (seen & kNoHexadecimalDigit) == 0 ? std::optional(value) : std::nullopt;
}

}  // namespace busproof
