#include "viz/graph.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

namespace busproof::viz {
namespace {

unsigned columns_for(std::size_t leaves) {
  constexpr double kRowsPerColumn = 8;  // a bus is about so much wider than high
  constexpr double kColumnsMax = 6;
  return static_cast<unsigned>(
      std::clamp(std::round(std::sqrt(static_cast<double>(leaves) / kRowsPerColumn)), 1.0, kColumnsMax));
}

}  // namespace

void spread_leaves(Graph& graph) {
  std::map<std::string_view, std::size_t> node_of;  // by names of cells
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    node_of[graph.nodes[i].heading.name] = i;
    for (const Row& row : graph.nodes[i].rows)
      for (const Cell& cell : row.cells) node_of[cell.name] = i;
  }
  std::vector<bool> leads_on(graph.nodes.size());
  for (const Edge& edge : graph.edges)
    if (edge.kind == EdgeKind::Link) leads_on[node_of.at(edge.from)] = true;
  std::map<std::size_t, std::vector<Edge*>> leaves;  // by the node that they hang on
  for (Edge& edge : graph.edges)
    if (edge.kind == EdgeKind::Link && !leads_on[node_of.at(edge.to)]) leaves[node_of.at(edge.from)].push_back(&edge);
  for (const auto& [node, edges] : leaves)
    for (std::size_t i = 0; i < edges.size(); ++i)
      edges[i]->columns = 1 + static_cast<unsigned>(i) % columns_for(edges.size());
}

}  // namespace busproof::viz
