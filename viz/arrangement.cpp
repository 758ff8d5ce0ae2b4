#include "viz/arrangement.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "engine/report/device_words.h"
#include "viz/markup.h"

namespace busproof::viz {
namespace {

// Points, as wide as the widest usual font, DejaVu Sans, has them: where letters are narrower, a column is a little
// wider than it needs to be, and still even.
constexpr double kBoldColumn = 6.6;
constexpr double kSmallColumn = 5;
constexpr double kPadding = 8;
constexpr double kLabelsWidth = 86;  // of slot, function and tag
constexpr double kTitleHeight = 17, kDetailHeight = 12, kCellGap = 6, kNodeGap = 9;

double width_of(const Cell& cell) {
  const ShownText text = shown_text(cell);
  double width = kBoldColumn * static_cast<double>(report::column_count(text.title));
  for (const std::string& line : text.details)
    width = std::max(width, kSmallColumn * static_cast<double>(report::column_count(line)));
  return width + kPadding;
}

double height_of(const Cell& cell) {
  const ShownText text = shown_text(cell);
  return kCellGap + (text.title.empty() ? 0 : kTitleHeight) + kDetailHeight * static_cast<double>(text.details.size());
}

double height_of(const Node& node, bool flat) {
  double height = 0;
  for (const Row& row : node.rows)
    for (const Cell& cell : row.cells) height += height_of(cell);
  const double heading = height_of(node.heading);
  return flat ? std::max(height, heading) : height + heading;
}

std::size_t cell_count(const Node& node) {
  return std::accumulate(node.rows.begin(), node.rows.end(), std::size_t{0},
                         [](std::size_t count, const Row& row) { return count + row.cells.size(); });
}

class Arranger {
 public:
  explicit Arranger(const Graph& graph) : graph_(graph), children_(graph.nodes.size()), parent_(graph.nodes.size()) {
    made_.nodes.resize(graph.nodes.size());
    made_.spans.assign(graph.edges.size(), 1);
    std::map<std::string_view, std::size_t> node_of;  // by names of cells
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      node_of[graph.nodes[i].heading.name] = i;
      for (const Row& row : graph.nodes[i].rows)
        for (const Cell& cell : row.cells) node_of[cell.name] = i;
    }
    for (std::size_t i = 0; i < graph.edges.size(); ++i) {
      const Edge& edge = graph.edges[i];
      ends_.emplace_back(node_of.at(edge.from), node_of.at(edge.to));
      if (edge.kind != EdgeKind::Link) continue;
      children_[ends_[i].first].push_back(i);
      parent_[ends_[i].second] = i;
    }
  }

  Arrangement arrange() && {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      made_.nodes[i].flat = parent_[i] && children_[i].empty() && cell_count(graph_.nodes[i]) <= 1;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) spread_leaves(i);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) made_.nodes[i].column = column_of(i);
    even_widths();
    made_.order = order();
    made_.gap = gap();
    return std::move(made_);
  }

 private:
  [[nodiscard]] double height(std::size_t node) const { return height_of(graph_.nodes[node], made_.nodes[node].flat); }

  [[nodiscard]] double stack_height(const std::vector<std::size_t>& edges) const {
    double total = 0;
    for (const std::size_t edge : edges) total += height(ends_[edge].second) + kNodeGap;
    return total;
  }

  /// In several columns what would stand much higher than it is wide, but not for less than what it hangs on is high.
  void spread_leaves(std::size_t node) {
    std::vector<std::size_t> leaves;  // edges
    for (const std::size_t edge : children_[node])
      if (children_[ends_[edge].second].empty()) leaves.push_back(edge);
    constexpr double kColumnWidth = 400, kShape = 1.5, kColumnsMax = 6, kOneColumnMax = 2000;
    const double stack = stack_height(leaves);
    if (stack < kOneColumnMax) return;
    const double columns = std::min(
        {std::round(std::sqrt(stack / (kColumnWidth * kShape))), std::round(stack / height(node)), kColumnsMax});
    for (std::size_t i = 0; i < leaves.size(); ++i)
      made_.spans[leaves[i]] = 1 + static_cast<unsigned>(i) % static_cast<unsigned>(std::max(columns, 1.0));
  }

  [[nodiscard]] std::size_t column_of(std::size_t node) const {
    std::size_t column = 0;
    for (std::size_t steps = 0; parent_[node] && steps < graph_.nodes.size(); ++steps) {
      column += made_.spans[*parent_[node]];
      node = ends_[*parent_[node]].first;
    }
    return column;
  }

  void even_widths() {
    struct Widths {
      double flat_heading = 0, flat_body = 0, other = 0;
    };
    std::map<std::size_t, Widths> columns;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      Widths& widths = columns[made_.nodes[i].column];
      const double heading = width_of(node.heading);
      double body = 0;
      for (const Row& row : node.rows)
        for (const Cell& cell : row.cells) body = std::max(body, width_of(cell));
      if (made_.nodes[i].flat && body > 0) {
        widths.flat_heading = std::max(widths.flat_heading, heading);
        widths.flat_body = std::max(widths.flat_body, body);
      } else {
        widths.other = std::max({widths.other, heading, kLabelsWidth + body});
      }
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Widths& widths = columns.at(made_.nodes[i].column);
      const double flat = widths.flat_body > 0 ? widths.flat_heading + kLabelsWidth + widths.flat_body : 0;
      const double whole = std::max(flat, widths.other);
      const bool is_flat = made_.nodes[i].flat && cell_count(graph_.nodes[i]) > 0;
      made_.nodes[i].heading_width = static_cast<unsigned>(is_flat ? widths.flat_heading : whole);
      made_.nodes[i].body_width = static_cast<unsigned>(whole - kLabelsWidth - (is_flat ? widths.flat_heading : 0));
    }
  }

  /// Things that no edge and no box ties together come one below the other in the order in which they are named.
  /// Graphviz stacks them the other way round.
  [[nodiscard]] std::vector<std::size_t> order() const {
    std::vector<std::size_t> leader(graph_.nodes.size());
    std::iota(leader.begin(), leader.end(), 0U);
    const auto find = [&](std::size_t node) {
      while (leader[node] != node) node = leader[node] = leader[leader[node]];
      return node;
    };
    const auto tie = [&](std::size_t one, std::size_t other) {
      const auto [low, high] = std::minmax({find(one), find(other)});
      leader[high] = low;
    };
    for (const auto& [from, to] : ends_) tie(from, to);
    std::map<std::size_t, std::size_t> first_in;  // by outermost box
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!graph_.nodes[i].box) continue;
      std::size_t box = *graph_.nodes[i].box;
      while (graph_.boxes[box].within) box = *graph_.boxes[box].within;
      tie(first_in.try_emplace(box, i).first->second, i);
    }
    std::vector<std::size_t> order(graph_.nodes.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, std::greater(), find);
    return order;
  }

  /// Wide where edges have to climb far.
  [[nodiscard]] double gap() const {
    constexpr double kGapMin = 0.45, kGapWithArrows = 0.9, kGapMax = 1.4, kPointsOfClimb = 180;
    const bool has_arrows = std::ranges::count(graph_.edges, EdgeKind::Arrow, &Edge::kind) > 0;
    const double gap_min = has_arrows ? kGapWithArrows : kGapMin;
    double climb = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      climb = std::max(climb, (stack_height(children_[i]) - height(i)) / 2);
    return std::round(100 * std::clamp(kGapMin + climb / kPointsOfClimb, gap_min, kGapMax)) / 100;
  }

  const Graph& graph_;
  std::vector<std::pair<std::size_t, std::size_t>> ends_;  ///< nodes, by edge
  std::vector<std::vector<std::size_t>> children_;         ///< links, by the node that they start from
  std::vector<std::optional<std::size_t>> parent_;         ///< links, by the node that they lead to
  Arrangement made_;
};

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

Arrangement arrange(const Graph& graph) { return Arranger(graph).arrange(); }

ShownText shown_text(const Cell& cell) {
  constexpr std::size_t kDetailColumns = 54, kDetailLinesMax = 3;
  ShownText shown;
  for (std::size_t i = 0; i < cell.lines.size(); ++i) {
    if (cell.lines[i].empty()) continue;
    if (i == 0)
      shown.title = shown_line(cell.lines[i]);
    else
      std::ranges::move(wrapped(report::printable(cell.lines[i]), kDetailColumns, kDetailLinesMax),
                        std::back_inserter(shown.details));
  }
  return shown;
}

}  // namespace busproof::viz
