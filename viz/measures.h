#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "viz/graph.h"

/// How texts are broken into lines, and how large things will then be, as far as that can be told without a font. All
/// in points.
namespace busproof::viz {

/// The text broken between words into lines of no more than so many columns; what finds no room in `lines_max` lines is
/// cut off, with "…" in its place.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t lines_max);

/// How wide the texts of a picture may be.
struct TextShape {
  std::size_t title_columns = 56, title_lines_max = 1;
  std::size_t detail_columns = 54;
  friend bool operator==(const TextShape&, const TextShape&) = default;
};
inline constexpr TextShape kWideText;
/// Where many things stand side by side.
inline constexpr TextShape kNarrowText{.title_columns = 27, .title_lines_max = 2, .detail_columns = 40};

/// The lines of a cell as they are shown: those of its first, in bold letters, and the others; empty ones left out.
struct ShownText {
  std::vector<std::string> title{};
  std::vector<std::string> details{};
};
ShownText shown_text(const Cell& cell, const TextShape& shape);

inline constexpr double kPointsPerInch = 72;
/// Of slot, function and tag, before the text of a cell.
inline constexpr double kLabelsWidth = 86;
/// Between nodes of a column.
inline constexpr double kNodeGap = 6;

/// Wider than that, a picture is not read in one go: with its margins, about 2000 pixels of a PNG.
inline constexpr double kUsefulWidth = 1490;
/// But parts of one bus, or many that hang on one, each of which is read by itself, may take more.
inline constexpr double kUsefulWidthOfParts = 2300;

double width_of(const Cell& cell, const TextShape& shape);
double height_of(const Cell& cell, const TextShape& shape);
double height_of(const Row& row, const TextShape& shape);
/// The widest of its cells, the heading left out; 0 without any.
double body_width_of(const Node& node, const TextShape& shape);
/// `flat`: the heading stands beside the cells, not above them.
double width_of(const Node& node, const TextShape& shape, bool flat);
double height_of(const Node& node, const TextShape& shape, bool flat);

std::size_t cell_count(const Node& node);

}  // namespace busproof::viz
