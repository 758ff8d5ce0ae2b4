#include "fakesys/numbers.h"

#include <charconv>

#include "engine/base/ascii.h"

namespace busproof::fakesys {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\v\f";

std::optional<std::uint64_t> digits(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value, base);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

bool has_hex_prefix(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && ascii_lower(text[1]) == 'x' && is_hex_digit(text[2]);
}

}  // namespace

std::optional<std::uint64_t> kernel_unsigned(std::string_view data) {
  data = data.substr(0, data.find('\0'));
  if (data.starts_with('+')) data.remove_prefix(1);
  if (data.ends_with('\n')) data.remove_suffix(1);
  if (has_hex_prefix(data)) return digits(data.substr(2), 16);
  return digits(data, data.starts_with('0') ? 8 : 10);
}

std::optional<std::int64_t> kernel_signed(std::string_view data) {
  const bool negative = data.starts_with('-');
  const auto magnitude = kernel_unsigned(negative ? data.substr(1) : data);
  if (!magnitude || *magnitude > INT64_MAX) return std::nullopt;
  return negative ? -static_cast<std::int64_t>(*magnitude) : static_cast<std::int64_t>(*magnitude);
}

std::optional<bool> kernel_bool(std::string_view data) {
  if (data.empty()) return std::nullopt;
  const char second = data.size() > 1 ? ascii_lower(data[1]) : '\0';
  switch (ascii_lower(data[0])) {
    case 'y':
    case '1':
      return true;
    case 'n':
    case '0':
      return false;
    case 'o':
      if (second == 'n') return true;
      return second == 'f' ? std::optional(false) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint64_t> scan_hex(std::string_view& data) {
  const auto first = data.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return std::nullopt;
  std::string_view text = data.substr(first);
  if (has_hex_prefix(text)) text.remove_prefix(2);
  std::uint64_t value = 0;
  std::size_t used = 0;
  for (; used < text.size() && is_hex_digit(text[used]); ++used) {
    const char c = ascii_lower(text[used]);
    value = value << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  if (used == 0) return std::nullopt;
  data = text.substr(used);
  return value;
}

std::uint64_t decimal_prefix(std::string_view data) {
  std::uint64_t value = 0;
  for (const char c : data) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace busproof::fakesys
