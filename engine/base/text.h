#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace busproof {

/// How the digits of a number are to be read.
enum class Radix : std::uint8_t {
  Literal,  ///< as a C literal: 0x10 is 16, 010 is 8, 10 is 10
  Decimal,
  Hexadecimal,  ///< with or without 0x
};

/// The number at the beginning of a text, as strtoul(3) finds it: blanks, a sign and a prefix may come first.
struct CNumber {
  bool negative = false;
  std::uint64_t magnitude = 0;
  std::string_view rest;  ///< what follows the last digit
};

/// Nothing when there is no digit or the number needs more than 64 bits.
std::optional<CNumber> leading_number(std::string_view text, Radix radix);

/// The whole text as a number, by the rules of strtoul(3) but without a minus: " +5" is 5; "", "5 ", "08" as a literal
/// and "-0" are nothing, and so is what does not fit.
std::optional<std::uint32_t> unsigned_32(std::string_view text, Radix radix);
std::optional<std::uint64_t> unsigned_64(std::string_view text, Radix radix);

/// The same with a minus allowed.
std::optional<std::int32_t> signed_32(std::string_view text, Radix radix);

/// The words of a line, which blanks divide.
std::vector<std::string> words_of(std::string_view line);

}  // namespace busproof
