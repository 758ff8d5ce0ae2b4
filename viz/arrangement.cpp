#include "viz/arrangement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "viz/forest.h"
#include "viz/theme.h"

namespace busproof::viz {
namespace {

constexpr std::size_t kColumnsMin = 3;
constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

/// What may be made of the picture.
struct Freedom {
  TextShape text{};
  bool flat = true;
  std::size_t columns_max = kAnyNumber;
};

class Arranger {
 public:
  Arranger(const Graph& graph, const Forest& forest, const Freedom& freedom)
      : graph_(graph), forest_(forest), freedom_(freedom) {
    made_.text = freedom.text;
    made_.nodes.resize(graph.nodes.size());
    made_.edges.resize(graph.edges.size());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      made_.nodes[i].flat =
          freedom.flat && forest.parent[i] && forest.children[i].empty() && cell_count(graph.nodes[i]) <= 1;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      heights_.push_back(height_of(graph.nodes[i], freedom.text, made_.nodes[i].flat));
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      align_leaves(i);
      spread_leaves(i);
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (!forest.parent[i]) seat(i, 0);
    even_widths();
    made_.gap = gap();
  }

  Arrangement arrangement() && {
    made_.order = order();
    return std::move(made_);
  }

  [[nodiscard]] std::size_t column_count() const {
    std::size_t last = 0;
    for (const NodePlan& node : made_.nodes) last = std::max(last, node.column);
    return last + 1;
  }

  /// Tall pictures may be wide.
  [[nodiscard]] bool is_useful() const {
    constexpr double kShare = 0.65;
    std::map<std::size_t, double> widths, heights;
    for (std::size_t i = 0; i < made_.nodes.size(); ++i) {
      const NodePlan& plan = made_.nodes[i];
      widths[plan.column] = whole_width(i);
      heights[plan.column] += heights_[i] + kNodeGap;
    }
    constexpr double kBoxMargins = 32;
    double width = made_.gap * kPointsPerInch * static_cast<double>(column_count() - 1), height = 0;
    if (!graph_.boxes.empty()) width += kBoxMargins;
    for (const auto& [column, points] : widths) width += points;
    for (const auto& [column, points] : heights) height = std::max(height, points);
    bool is_wrapped = std::ranges::count(graph_.edges, EdgeKind::Onward, &Edge::kind) > 0;
    for (std::size_t i = 0; i < made_.nodes.size(); ++i) is_wrapped |= spread(i) > 1;
    return width <= std::max(is_wrapped ? kUsefulWidthOfParts : kUsefulWidth, kShare * height);
  }

 private:
  [[nodiscard]] std::size_t below(std::size_t edge) const { return forest_.ends[edge].second; }
  [[nodiscard]] bool is_leaf(std::size_t node) const { return forest_.children[node].empty(); }

  [[nodiscard]] double stack_height(const std::vector<std::size_t>& edges) const {
    double total = 0;
    for (const std::size_t edge : edges) total += heights_[below(edge)] + kNodeGap;
    return total;
  }

  /// The bus on the cell, if it is to stand in line with it.
  [[nodiscard]] std::optional<std::size_t> flat_bus_on(std::size_t node, const Cell& cell) const {
    for (const std::size_t edge : forest_.children[node])
      if (graph_.edges[edge].from == cell.name && made_.nodes[below(edge)].flat) return below(edge);
    return std::nullopt;
  }

  /// Makes a port as high as what hangs on it, so that they stand in line, unless the ports would be the higher ones.
  void align_leaves(std::size_t node) {
    const double heading = height_of(graph_.nodes[node].heading, freedom_.text);
    if (!freedom_.flat || is_leaf(node) || stack_height(forest_.children[node]) < heights_[node] - heading) return;
    NodePlan& plan = made_.nodes[node];
    heights_[node] = heading;
    for (const Row& row : graph_.nodes[node].rows) {
      for (const Cell& cell : row.cells) {
        double wanted = height_of(cell, freedom_.text);
        if (const auto bus = flat_bus_on(node, cell)) {
          made_.nodes[*bus].height = static_cast<unsigned>(std::ceil(heights_[*bus]));
          wanted = std::max(wanted, made_.nodes[*bus].height + 2 * outline_width(graph_.nodes[*bus].look) + kNodeGap);
        }
        plan.cell_heights.push_back(static_cast<unsigned>(std::ceil(wanted)));
        heights_[node] += plan.cell_heights.back();
      }
    }
  }

  /// In several columns what would stand much higher than it is wide, but not for less than what it hangs on is high.
  void spread_leaves(std::size_t node) {
    std::vector<std::size_t> leaves;  // edges
    double width = 0;
    for (const std::size_t edge : forest_.children[node]) {
      if (!is_leaf(below(edge))) continue;
      leaves.push_back(edge);
      width = std::max(width, width_of(graph_.nodes[below(edge)], freedom_.text, made_.nodes[below(edge)].flat));
    }
    constexpr double kShape = 1.5, kGap = 70, kOneColumnMax = 2000;
    const double stack = stack_height(leaves);
    if (stack < kOneColumnMax || freedom_.columns_max < kAnyNumber) return;
    const double room = kUsefulWidthOfParts - 100 - width_of(graph_.nodes[node], freedom_.text, false);
    const double columns = std::min({std::round(std::sqrt(stack_of_all_parts(node) / (width * kShape))),
                                     std::round(stack / heights_[node]), std::floor(room / (width + kGap))});
    for (std::size_t i = 0; i < leaves.size(); ++i)
      made_.edges[leaves[i]].span = 1 + static_cast<unsigned>(i) % static_cast<unsigned>(std::max(columns, 1.0));
  }

  [[nodiscard]] double stack_of_all_parts(std::size_t node) const {
    while (forest_.parent[node] && graph_.edges[*forest_.parent[node]].kind == EdgeKind::Onward)
      node = forest_.ends[*forest_.parent[node]].first;
    double stack = stack_height(forest_.children[node]);
    for (; forest_.next[node]; stack += stack_height(forest_.children[node])) node = below(*forest_.next[node]);
    return stack;
  }

  /// In how many columns what hangs on the node stands.
  [[nodiscard]] unsigned spread(std::size_t node) const {
    unsigned columns = 1;
    for (const std::size_t edge : forest_.children[node]) columns = std::max(columns, made_.edges[edge].span);
    return columns;
  }

  /// Of the branch from this node on, if the node stands in the column: how many of its edges have to turn, and a
  /// little more for those that would turn for a leaf's sake.
  std::size_t turns(std::size_t node, std::size_t column) {
    const auto [known, is_new] = turns_.try_emplace({node, column}, 0);
    if (!is_new) return known->second;
    std::size_t sum = 0;
    for (const std::size_t edge : forest_.children[node]) sum += turns_of(edge, column).cost;
    return turns_[{node, column}] = sum;
  }

  struct Turn {
    bool turns = false;
    std::size_t cost = 0;
  };

  Turn turns_of(std::size_t edge, std::size_t column) {
    constexpr std::size_t kTurn = 4, kLeafTurn = 5;
    const std::size_t end = column + made_.edges[edge].span;
    if (column <= kTurnColumn) return {false, turns(below(edge), end)};
    const std::size_t turned = (is_leaf(below(edge)) ? kLeafTurn : kTurn) + turns(below(edge), kTurnColumn);
    if (end >= freedom_.columns_max) return {true, turned};
    const std::size_t straight = turns(below(edge), end);
    return straight <= turned ? Turn{false, straight} : Turn{true, turned};
  }

  /// Where branches turn, they begin below what came before them, and what comes after them stands below them. Within
  /// boxes Graphviz 2.42 would take a guide from left to right for one from right to left.
  void guide(std::size_t node, std::size_t column) {
    if (freedom_.columns_max == kAnyNumber || column > kTurnColumn) return;
    const bool is_first = column < kTurnColumn;
    if (!is_first && line_ && !graph_.nodes[*line_].box && !graph_.nodes[node].box)
      made_.guides.push_back({*line_, node});
    line_ = is_first ? std::nullopt : std::optional(node);
  }

  /// Returns the last column of the branch, without what has turned.
  std::size_t seat(std::size_t node, std::size_t column) {
    made_.nodes[node].column = column;
    guide(node, column);
    std::size_t last = column;
    for (const std::size_t edge : forest_.children[node]) {
      const bool turned = freedom_.columns_max < kAnyNumber && turns_of(edge, column).turns;
      made_.edges[edge].turns = turned;
      const std::size_t end = seat(below(edge), turned ? kTurnColumn : column + made_.edges[edge].span);
      if (!turned) last = std::max(last, end);
    }
    if (!forest_.next[node]) return last;
    // Parts with several columns of their own stand one below the other, not side by side.
    const std::size_t next_column = spread(node) > 1 ? column : last + 1;
    made_.edges[*forest_.next[node]].span = static_cast<unsigned>(next_column - column);
    return std::max(last, seat(below(*forest_.next[node]), next_column));
  }

  void even_widths() {
    struct Widths {
      double flat_heading = 0, flat_body = 0, other = 0;
    };
    std::map<std::size_t, Widths> columns;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      Widths& widths = columns[made_.nodes[i].column];
      if (made_.nodes[i].flat && cell_count(node) > 0) {
        widths.flat_heading = std::max(widths.flat_heading, width_of(node.heading, freedom_.text));
        widths.flat_body = std::max(widths.flat_body, body_width_of(node, freedom_.text));
      } else {
        widths.other = std::max(widths.other, width_of(node, freedom_.text, false));
      }
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Widths& widths = columns.at(made_.nodes[i].column);
      const double flat = widths.flat_body > 0 ? widths.flat_heading + kLabelsWidth + widths.flat_body : 0;
      const double whole = std::max({flat, widths.other, kLabelsWidth});
      const bool is_flat = made_.nodes[i].flat && cell_count(graph_.nodes[i]) > 0;
      made_.nodes[i].heading_width = static_cast<unsigned>(is_flat ? widths.flat_heading : whole);
      made_.nodes[i].body_width = static_cast<unsigned>(whole - kLabelsWidth - (is_flat ? widths.flat_heading : 0));
    }
  }

  [[nodiscard]] double whole_width(std::size_t node) const {
    const NodePlan& plan = made_.nodes[node];
    const bool is_flat = plan.flat && cell_count(graph_.nodes[node]) > 0;
    return plan.heading_width + (is_flat ? kLabelsWidth + plan.body_width : 0);
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
    for (const auto& [from, to] : forest_.ends) tie(from, to);
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
    constexpr double kGapMin = 0.36, kGapWithArrows = 0.9, kGapMax = 1.4, kPointsOfClimb = 180;
    const bool has_arrows = std::ranges::count(graph_.edges, EdgeKind::Arrow, &Edge::kind) > 0;
    const double gap_min = has_arrows ? kGapWithArrows : kGapMin;
    double climb = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      double tallest = 0;
      for (const std::size_t edge : forest_.children[i]) tallest = std::max(tallest, heights_[below(edge)]);
      climb = std::max(climb, (stack_height(forest_.children[i]) / spread(i) - tallest - heights_[i]) / 2);
    }
    return std::round(100 * std::clamp(kGapMin + climb / kPointsOfClimb, gap_min, kGapMax)) / 100;
  }

  static constexpr std::size_t kTurnColumn = 1;

  const Graph& graph_;
  const Forest& forest_;
  Freedom freedom_;
  std::vector<double> heights_;                                       ///< by node
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> turns_;  ///< by node and column
  std::optional<std::size_t> line_;  ///< the last node seated in the column where branches begin that turn
  Arrangement made_;
};

}  // namespace

Arrangement arrange(const Graph& graph) {
  const Forest forest = forest_of(graph);
  std::optional<Arranger> made;
  for (const Freedom& freedom : {Freedom{kWideText, true}, Freedom{kWideText, false}, Freedom{kNarrowText, false}}) {
    made.emplace(graph, forest, freedom);
    if (made->is_useful()) return std::move(*made).arrangement();
  }
  for (std::size_t columns = made->column_count() - 1; columns >= kColumnsMin && !made->is_useful(); --columns)
    made.emplace(graph, forest, Freedom{kNarrowText, false, columns});
  return std::move(*made).arrangement();
}

}  // namespace busproof::viz
