#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <span>

/// The way into a table that is too long to be walked through for every device.
namespace busproof {

/// Rows of a table, from `first` to before `end`.
struct RowRange {
  std::size_t first = 0, end = 0;
};

/// Where the rows of each key lie: `key(row)` is below kKeyCount, and rows of one key stand together, or this does not
/// compile.
template <std::size_t kKeyCount, class Table, class Key>
consteval std::array<RowRange, kKeyCount> rows_by_key(const Table& table, Key key) {
  std::array<RowRange, kKeyCount> ranges{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    RowRange& range = ranges[key(table[i])];
    if (range.end == 0) range.first = i;
    assert((range.end == 0 || range.end == i) && "rows of a key stand together");
    range.end = i + 1;
  }
  return ranges;
}

/// Those rows.
template <class Table>
constexpr auto rows_in(const Table& table, RowRange range) {
  return std::span(table).subspan(range.first, range.end - range.first);
}

}  // namespace busproof
