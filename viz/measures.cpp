#include "viz/measures.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "engine/report/device_words.h"
#include "viz/markup.h"

namespace busproof::viz {
namespace {

// As wide as the widest usual font, DejaVu Sans, has them: where letters are narrower, a column is a little wider than
// it needs to be, and still even.
constexpr double kBoldColumn = 6.6;
constexpr double kSmallColumn = 5;
constexpr double kPadding = 8;
constexpr double kTitleHeight = 12.8, kDetailHeight = 10.5, kCellGap = 6;

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t lines_max) {
  std::vector<std::string> lines(1);
  const auto add_line = [&] { return lines.size() < lines_max && (lines.emplace_back(), true); };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    const std::size_t used = report::column_count(lines.back());
    bool fits = used == 0 || used + 1 + report::column_count(word) <= columns || add_line();
    if (fits && !lines.back().empty()) lines.back() += ' ';
    while (fits && report::column_count(word) > columns) {
      lines.back() = report::fit(word, columns, "");
      word.remove_prefix(lines.back().size());
      fits = add_line();
    }
    if (!fits) {
      lines.back() = report::fit(lines.back() + " " + std::string(word), columns - 1, "") + std::string(kCut);
      return lines;
    }
    lines.back() += word;
  }
  return lines;
}

ShownText shown_text(const Cell& cell, const TextShape& shape) {
  constexpr std::size_t kDetailLinesMax = 3;
  ShownText shown;
  for (std::size_t i = 0; i < cell.lines.size(); ++i) {
    if (cell.lines[i].empty()) continue;
    const std::string line = report::printable(cell.lines[i]);
    if (i > 0)
      std::ranges::move(wrapped(line, shape.detail_columns, kDetailLinesMax), std::back_inserter(shown.details));
    else if (shape.title_lines_max == 1)
      shown.title = {report::fit(line, shape.title_columns, kCut)};
    else
      shown.title = wrapped(line, shape.title_columns, shape.title_lines_max);
  }
  return shown;
}

double width_of(const Cell& cell, const TextShape& shape) {
  const ShownText text = shown_text(cell, shape);
  double width = 0;
  for (const std::string& line : text.title)
    width = std::max(width, kBoldColumn * static_cast<double>(report::column_count(line)));
  for (const std::string& line : text.details)
    width = std::max(width, kSmallColumn * static_cast<double>(report::column_count(line)));
  return width + kPadding;
}

double height_of(const Cell& cell, const TextShape& shape) {
  const ShownText text = shown_text(cell, shape);
  return kCellGap + kTitleHeight * static_cast<double>(text.title.size()) +
         kDetailHeight * static_cast<double>(text.details.size());
}

double height_of(const Row& row, const TextShape& shape) {
  return std::accumulate(row.cells.begin(), row.cells.end(), 0.0,
                         [&](double sum, const Cell& cell) { return sum + height_of(cell, shape); });
}

double body_width_of(const Node& node, const TextShape& shape) {
  double width = 0;
  for (const Row& row : node.rows)
    for (const Cell& cell : row.cells) width = std::max(width, width_of(cell, shape));
  return width;
}

double width_of(const Node& node, const TextShape& shape, bool flat) {
  const double heading = width_of(node.heading, shape), body = body_width_of(node, shape);
  if (body == 0) return heading;
  return flat ? heading + kLabelsWidth + body : std::max(heading, kLabelsWidth + body);
}

double height_of(const Node& node, const TextShape& shape, bool flat) {
  const double heading = height_of(node.heading, shape);
  const double body = std::accumulate(node.rows.begin(), node.rows.end(), 0.0,
                                      [&](double sum, const Row& row) { return sum + height_of(row, shape); });
  return flat ? std::max(heading, body) : heading + body;
}

std::size_t cell_count(const Node& node) {
  return std::accumulate(node.rows.begin(), node.rows.end(), std::size_t{0},
                         [](std::size_t count, const Row& row) { return count + row.cells.size(); });
}

}  // namespace busproof::viz
