#include "engine/base/text.h"

#include <algorithm>
#include <array>
#include <limits>

namespace busproof {
namespace {

constexpr std::uint8_t kNoDigit = 99;

constexpr std::array<std::uint8_t, 256> kDigitValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t digit = 0; digit < 10; ++digit) values['0' + digit] = digit;
  for (std::uint8_t digit = 10; digit < 16; ++digit) values['a' + digit - 10] = values['A' + digit - 10] = digit;
  return values;
}();

constexpr unsigned digit_value(char c) { return kDigitValues[static_cast<unsigned char>(c)]; }

/// What isspace(3) takes for a blank in the C locale.
constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// "0x" counts as a prefix only when a digit follows; else the 0 is the number and the x is left over.
bool has_hexadecimal_prefix(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && digit_value(text[2]) < 16;
}

/// The base of the digits that follow; takes the prefix off `text`.
unsigned take_base(std::string_view& text, Radix radix) {
  if (radix == Radix::Decimal) return 10;
  if (has_hexadecimal_prefix(text)) {
    text.remove_prefix(2);
    return 16;
  }
  if (radix == Radix::Hexadecimal) return 16;
  return text.starts_with('0') ? 8 : 10;
}

}  // namespace

std::optional<CNumber> leading_number(std::string_view text, Radix radix) {
  CNumber number;
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const unsigned base = take_base(text, radix);
  if (text.empty() || digit_value(text.front()) >= base) return std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kSafe = kMax / 16 - 1;  // below it no digit can be too much: the division is seldom needed
  for (; !text.empty() && digit_value(text.front()) < base; text.remove_prefix(1)) {
    const unsigned digit = digit_value(text.front());
    if (number.magnitude > kSafe && number.magnitude > (kMax - digit) / base) return std::nullopt;
    number.magnitude = number.magnitude * base + digit;
  }
  number.rest = text;
  return number;
}

std::optional<std::uint64_t> unsigned_64(std::string_view text, Radix radix) {
  const auto number = leading_number(text, radix);
  if (!number || number->negative || !number->rest.empty()) return std::nullopt;
  return number->magnitude;
}

std::optional<std::uint32_t> unsigned_32(std::string_view text, Radix radix) {
  const auto number = unsigned_64(text, radix);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<std::int32_t> signed_32(std::string_view text, Radix radix) {
  const auto number = leading_number(text, radix);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int32_t>::max();
  if (!number || !number->rest.empty() || number->magnitude > kMax + (number->negative ? 1 : 0)) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(number->magnitude);
  return static_cast<std::int32_t>(number->negative ? -magnitude : magnitude);
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (auto at = line.begin(); at != line.end();) {
    const auto begin = std::find_if_not(at, line.end(), is_blank);
    at = std::find_if(begin, line.end(), is_blank);
    if (begin != at) words.emplace_back(begin, at);
  }
  return words;
}

}  // namespace busproof
