#include "viz/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "viz/forest.h"
#include "viz/measures.h"

namespace busproof::viz {
namespace {

// Points.
constexpr double kTall = 1100;
constexpr double kShape = 1.5;             // how many times as high as wide a picture may well be
constexpr double kGap = 32;                // between columns
constexpr double kChildrenShareMax = 2.5;  // where what hangs on a bus is much taller, it stands in several columns
constexpr double kMuchOnOnePart = 6000;    // of that

class Cutter {
 public:
  explicit Cutter(const Graph& graph) : graph_(graph), forest_(forest_of(graph)) {
    const std::size_t count = graph.nodes.size();
    own_.resize(count);
    stack_.resize(count);
    width_.resize(count);
    for (std::size_t i = 0; i < count; ++i)
      if (!forest_.parent[i]) measure(i);
  }

  Graph cut() && {
    Graph made = graph_;
    made.nodes.clear();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const std::vector<std::size_t> ends = ends_of_parts(i);
      for (std::size_t part = 0, begin = 0; part < ends.size(); begin = ends[part++])
        add_part(made, graph_.nodes[i], part, begin, ends[part]);
    }
    return made;
  }

 private:
  [[nodiscard]] double block(std::size_t node) const { return std::max(own_[node], stack_[node]); }
  [[nodiscard]] std::size_t below(std::size_t edge) const { return forest_.ends[edge].second; }

  void measure(std::size_t node) {
    own_[node] = height_of(graph_.nodes[node], kWideText, is_flat(node)) + kNodeGap;
    double widest = 0;
    for (const std::size_t edge : forest_.children[node]) {
      measure(below(edge));
      stack_[node] += block(below(edge));
      widest = std::max(widest, width_[below(edge)] + kGap);
    }
    width_[node] = width_of(graph_.nodes[node], kWideText, is_flat(node)) + widest;
  }

  [[nodiscard]] bool is_flat(std::size_t node) const {
    return forest_.parent[node] && forest_.children[node].empty() && cell_count(graph_.nodes[node]) <= 1;
  }

  /// To the right of what stands before it: the node that it hangs on, with all that stands in line with that, and so
  /// on.
  [[nodiscard]] double room_for(std::size_t node) const {
    double room = kUsefulWidthOfParts;
    while (forest_.parent[node]) {
      node = forest_.ends[*forest_.parent[node]].first;
      double widest = width_of(graph_.nodes[node], kWideText, false);
      if (forest_.parent[node])
        for (const std::size_t edge : forest_.children[forest_.ends[*forest_.parent[node]].first])
          widest = std::max(widest, width_of(graph_.nodes[below(edge)], kWideText, is_flat(below(edge))));
      room -= widest + kGap;
    }
    return room;
  }

  [[nodiscard]] std::size_t part_count(std::size_t node) const {
    if (stack_[node] > kChildrenShareMax * own_[node])
      return static_cast<std::size_t>(std::max(1.0, std::ceil(stack_[node] / kMuchOnOnePart - 1)));
    if (own_[node] < kTall) return 1;
    const double width = width_[node] + kGap;
    const double wanted = std::round(std::sqrt(block(node) / (kShape * width)));
    return static_cast<std::size_t>(std::max(1.0, std::min(wanted, std::floor(room_for(node) / width))));
  }

  /// Row numbers; as equally high as whole rows can be, together with what hangs on them.
  [[nodiscard]] std::vector<std::size_t> ends_of_parts(std::size_t node) const {
    const std::vector<Row>& rows = graph_.nodes[node].rows;
    const std::size_t count = part_count(node);
    if (count == 1) return {rows.size()};
    std::vector<double> heights;
    for (const Row& row : rows) {
      double hanging = 0;
      for (const std::size_t edge : forest_.children[node])
        if (std::ranges::count(row.cells, graph_.edges[edge].from, &Cell::name) > 0) hanging += block(below(edge));
      heights.push_back(std::max(height_of(row, kWideText), hanging));
    }
    const double whole = std::accumulate(heights.begin(), heights.end(), 0.0);
    std::vector<std::size_t> ends;
    double passed = 0;
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
      passed += heights[i];
      const double mark = whole * static_cast<double>(ends.size() + 1) / static_cast<double>(count);
      if (passed + heights[i + 1] / 2 > mark && ends.size() + 1 < count) ends.push_back(i + 1);
    }
    ends.push_back(rows.size());
    return ends;
  }

  static void add_part(Graph& made, const Node& node, std::size_t part, std::size_t begin, std::size_t end) {
    const auto row = [&](std::size_t i) { return node.rows.begin() + static_cast<std::ptrdiff_t>(i); };
    Node cut{.heading = node.heading, .rows = {row(begin), row(end)}, .look = node.look, .box = node.box};
    if (part > 0) {
      const std::string before = made.nodes.back().heading.name;
      cut.heading.name = fmt::format("{}+{}", node.heading.name, part + 1);
      cut.heading.lines = {node.heading.lines.empty() ? "" : node.heading.lines.front(), "continued"};
      made.edges.push_back({.from = before,
                            .to = cut.heading.name,
                            .look = node.look,
                            .kind = EdgeKind::Onward,
                            .tooltip = cut.heading.lines.front() + ", continued"});
    }
    made.nodes.push_back(std::move(cut));
  }

  const Graph& graph_;
  Forest forest_;
  std::vector<double> own_, stack_;  ///< by node: its height; that of all that hangs on it
  std::vector<double> width_;        ///< by node: with what hangs on it
};

}  // namespace

Graph in_parts(const Graph& graph) { return Cutter(graph).cut(); }

}  // namespace busproof::viz
