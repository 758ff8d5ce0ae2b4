#include "fakesys/anonymise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ranges>
#include <vector>

namespace busproof::fakesys {
namespace {

std::uint32_t word_at(const std::string& bytes, std::size_t offset) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word |= std::uint32_t{static_cast<unsigned char>(bytes[offset + i])} << (8 * i);
  return word;
}

/// Whether a column of a table of routes is an address that gives something away: not 0, and not link-local or
/// multicast, which are the same everywhere.
bool tells_a_network(std::string_view word, std::size_t digits) {
  const bool is_hex = std::ranges::all_of(
      word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
  return word.size() == digits && is_hex && word.find_first_not_of('0') != std::string_view::npos &&
         !(digits == 32 && (word.starts_with("fe80") || word.starts_with("ff")));
}

/// The columns of a table of /proc/net that are addresses; others of the same look are masks and flags.
struct NetTable {
  std::string_view path;
  std::vector<std::size_t> columns;
  std::size_t digits;
  std::string_view replacement;  ///< of the blocks that are kept for documentation
};

}  // namespace

void anonymise_interface(nlohmann::json& attributes, std::size_t number) {
  for (const char* name : {"address", "perm_address", "phys_port_id", "phys_switch_id"}) {
    const auto found = attributes.find(name);
    if (found == attributes.end() || !found->contains("text")) continue;
    (*found)["text"] = fmt::format("02:00:00:00:{:02x}:{:02x}\n", (number >> 8U) & 0xffU, number & 0xffU);
  }
}

void blank_serial_number(std::string& config) {
  constexpr std::size_t kFirst = 0x100, kSerialSize = 8, kHeaderSize = 4;
  constexpr std::uint32_t kSerialNumber = 0x0003;
  constexpr int kMostCapabilities = 480;
  std::size_t at = kFirst;
  for (int i = 0; i < kMostCapabilities && at >= kFirst && at + kHeaderSize + kSerialSize <= config.size(); ++i) {
    const std::uint32_t header = word_at(config, at);
    if ((header & 0xffffU) == kSerialNumber)
      std::fill_n(config.begin() + static_cast<std::ptrdiff_t>(at + kHeaderSize), kSerialSize, '\0');
    at = (header >> 20U) & ~3U;
  }
}

std::string anonymised_file(std::string_view path, std::string_view text) {
  const std::vector<NetTable> tables = {
      {"/proc/net/route", {1, 2}, 8, "000200C0"},
      {"/proc/net/ipv6_route", {0, 2, 4}, 32, "20010db8000000000000000000000000"},
      {"/proc/net/if_inet6", {0}, 32, "20010db8000000000000000000000001"},
  };
  const auto table = std::ranges::find(tables, path, &NetTable::path);
  if (table == tables.end()) return std::string(text);
  std::string out;
  for (const auto part : std::views::split(text, '\n')) {
    const std::string_view line(part.begin(), part.end());
    if (!out.empty()) out += '\n';
    std::size_t column = 0;
    for (std::size_t at = 0; at < line.size();) {
      const auto end = std::min(line.find_first_of(" \t", at), line.size());
      const std::string_view word = line.substr(at, end - at);
      const bool is_address = std::ranges::find(table->columns, column) != table->columns.end();
      out += is_address && tells_a_network(word, table->digits) ? table->replacement : word;
      if (!word.empty()) ++column;
      if (end < line.size()) out += line[end];
      at = end + 1;
    }
  }
  return out;
}

}  // namespace busproof::fakesys
