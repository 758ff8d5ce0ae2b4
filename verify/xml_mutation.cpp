#include "verify/xml_mutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <random>
#include <utility>

#include "engine/base/text.h"

namespace busproof::verify {
namespace {

using Lines = std::vector<std::string>;
using Random = std::mt19937_64;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.emplace_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::size_t below(Random& random, std::size_t count) { return static_cast<std::size_t>(random() % count); }

std::size_t indentation(const std::string& line) { return std::min(line.find_first_not_of(' '), line.size()); }

/// An element on lines of its own: the first of them, and one past the last.
struct Block {
  std::size_t begin = 0, end = 0;
};

/// Everything below the root element.
std::vector<Block> blocks_of(const Lines& lines) {
  std::vector<Block> blocks;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const std::string_view line = std::string_view(lines[i]).substr(indentation(lines[i]));
    if (!line.starts_with('<') || line.starts_with("</")) continue;
    std::size_t end = i + 1;
    const bool is_one_line = line.find("/>") != std::string_view::npos || line.find("</") != std::string_view::npos;
    while (!is_one_line && end < lines.size() && indentation(lines[end]) > indentation(lines[i])) ++end;
    blocks.push_back({i, is_one_line ? end : std::min(end + 1, lines.size())});
  }
  return blocks;
}

/// A value between quotes or tags: where it begins, and how long it is.
struct Value {
  std::size_t line = 0, begin = 0, length = 0;
};

std::vector<Value> values_of(const Lines& lines) {
  std::vector<Value> values;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    for (std::size_t quote = line.find('\''); quote != std::string::npos;) {
      const std::size_t end = line.find('\'', quote + 1);
      if (end == std::string::npos) break;
      values.push_back({i, quote + 1, end - quote - 1});
      quote = line.find('\'', end + 1);
    }
    const std::size_t open = line.find('>'), close = line.find("</", open);
    if (close != std::string::npos && close > open + 1) values.push_back({i, open + 1, close - open - 1});
  }
  return values;
}

/// Words that stand for each other somewhere.
const std::array<std::vector<std::string_view>, 9> kWordGroups = {{
    {"on", "off", "yes", "no"},
    {"virtio", "virtio-transitional", "virtio-non-transitional", "e1000", "e1000e", "rtl8139", "none"},
    {"qemu-xhci", "nec-xhci", "piix3-uhci", "ich9-ehci1", "pci-ohci"},
    {"virtio-scsi", "lsilogic", "lsisas1068"},
    {"cirrus", "vga", "qxl", "bochs"},
    {"ich6", "ich9", "ac97", "es1370"},
    {"pcie-root-port", "ioh3420", "xio3130-downstream"},
    {"disk", "cdrom", "lun", "floppy"},
    {"mouse", "tablet", "keyboard"},
}};

std::string other_number(Random& random, std::uint64_t number, bool hexadecimal) {
  constexpr std::array<int, 6> kSteps = {1, -1, 2, 16, -3, 100};
  const auto other = static_cast<std::int64_t>(number) + kSteps[below(random, kSteps.size())];
  const std::uint64_t kept = other < 0 ? number + 1 : static_cast<std::uint64_t>(other);
  return hexadecimal ? fmt::format("{:#x}", kept) : fmt::format("{}", kept);
}

std::string other_value(Random& random, const std::string& value) {
  if (const auto number = unsigned_64(value, Radix::Literal))
    return other_number(random, *number, value.starts_with("0x"));
  for (const auto& group : kWordGroups)
    if (std::ranges::find(group, value) != group.end()) return std::string(group[below(random, group.size())]);
  if (value.empty()) return "1";
  std::string other = value;
  char& last = other.back();
  last = last == '1' ? '2' : '1';
  return other;
}

void change_value(Lines& lines, Random& random) {
  const auto values = values_of(lines);
  if (values.empty()) return;
  const Value& value = values[below(random, values.size())];
  std::string& line = lines[value.line];
  line.replace(value.begin, value.length, other_value(random, line.substr(value.begin, value.length)));
}

void remove_block(Lines& lines, Random& random) {
  const auto blocks = blocks_of(lines);
  if (blocks.empty()) return;
  const Block& block = blocks[below(random, blocks.size())];
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(block.begin),
              lines.begin() + static_cast<std::ptrdiff_t>(block.end));
}

void repeat_block(Lines& lines, Random& random) {
  const auto blocks = blocks_of(lines);
  if (blocks.empty()) return;
  const Block& block = blocks[below(random, blocks.size())];
  const Lines copy(lines.begin() + static_cast<std::ptrdiff_t>(block.begin),
                   lines.begin() + static_cast<std::ptrdiff_t>(block.end));
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(block.end), copy.begin(), copy.end());
}

void swap_with_neighbour(Lines& lines, Random& random) {
  const auto blocks = blocks_of(lines);
  if (blocks.empty()) return;
  const Block& block = blocks[below(random, blocks.size())];
  const auto next = std::ranges::find(blocks, block.end, &Block::begin);
  if (next == blocks.end()) return;
  std::rotate(lines.begin() + static_cast<std::ptrdiff_t>(block.begin),
              lines.begin() + static_cast<std::ptrdiff_t>(block.end),
              lines.begin() + static_cast<std::ptrdiff_t>(next->end));
}

}  // namespace

std::string mutated(std::string_view xml, std::uint64_t seed) {
  Random random(seed);
  Lines lines = lines_of(xml);
  // Most changes are of one value.
  constexpr std::array kChanges = {change_value, change_value, change_value,       remove_block,
                                   remove_block, repeat_block, swap_with_neighbour};
  kChanges[below(random, kChanges.size())](lines, random);
  return fmt::format("{}", fmt::join(lines, ""));
}

}  // namespace busproof::verify
