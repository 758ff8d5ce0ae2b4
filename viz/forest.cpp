#include "viz/forest.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace busproof::viz {
namespace {

/// Whether the way up from the node has no end.
bool hangs_in_a_circle(const Forest& forest, std::size_t node) {
  std::size_t steps = 0;
  for (; forest.parent[node] && steps <= forest.parent.size(); ++steps) node = forest.ends[*forest.parent[node]].first;
  return steps > forest.parent.size();
}

}  // namespace

Forest forest_of(const Graph& graph) {
  std::map<std::string_view, std::pair<std::size_t, std::size_t>> cells;  // node, and number in it, by name
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    std::size_t number = 0;
    cells[graph.nodes[i].heading.name] = {i, number};
    for (const Row& row : graph.nodes[i].rows)
      for (const Cell& cell : row.cells) cells[cell.name] = {i, ++number};
  }
  Forest forest;
  forest.children.resize(graph.nodes.size());
  forest.parent.resize(graph.nodes.size());
  forest.next.resize(graph.nodes.size());
  std::vector<std::size_t> numbers;  // by edge, of the cell that it starts from
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    const Edge& edge = graph.edges[i];
    const auto [from, number] = cells.at(edge.from);
    const std::size_t to = cells.at(edge.to).first;
    forest.ends.emplace_back(from, to);
    numbers.push_back(number);
    if (edge.kind == EdgeKind::Arrow || forest.parent[to]) continue;
    forest.parent[to] = i;
    if (hangs_in_a_circle(forest, to)) forest.parent[to].reset();
    if (!forest.parent[to]) continue;
    if (edge.kind == EdgeKind::Onward)
      forest.next[from] = i;
    else
      forest.children[from].push_back(i);
  }
  for (std::vector<std::size_t>& links : forest.children)
    std::ranges::stable_sort(links, {}, [&](std::size_t edge) { return numbers[edge]; });
  return forest;
}

}  // namespace busproof::viz
