#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace busproof {

/// A character, and how many bytes it has; none: what is there is no UTF-8.
struct Utf8Character {
  char32_t code = 0;
  std::size_t bytes = 0;
};

/// The character that the text begins with; it must not be empty. Source: RFC 3629.
constexpr Utf8Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
  if (lead < 0xC2U || lead > 0xF4U || text.size() < bytes) return {};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[bytes] || code > 0x10FFFF || is_surrogate) return {};
  return {code, bytes};
}

/// Whether XML may hold the character of that number. Source: XML 1.0, production Char.
constexpr bool is_xml_character(std::uint64_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code <= 0xD7FF || (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

/// How many bytes the character that the text begins with has; 0 for one that XML may not hold, or that is no UTF-8.
constexpr std::size_t xml_character_bytes(std::string_view text) {
  const Utf8Character character = first_character(text);
  return is_xml_character(character.code) ? character.bytes : 0;
}

}  // namespace busproof
