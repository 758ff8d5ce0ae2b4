#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "viz/graph.h"

namespace busproof::viz {

/// Which node of a graph hangs on which: trees, whatever the graph says.
struct Forest {
  std::vector<std::pair<std::size_t, std::size_t>> ends{};  ///< by edge: the nodes that it leads from and to
  std::vector<std::vector<std::size_t>> children{};         ///< by node: the links that start from it, by their cells
  std::vector<std::optional<std::size_t>> parent{};         ///< by node: the edge that it hangs on
  std::vector<std::optional<std::size_t>> next{};           ///< by node: the edge to its next part
};

Forest forest_of(const Graph& graph);

}  // namespace busproof::viz
