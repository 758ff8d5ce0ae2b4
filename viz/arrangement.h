#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "viz/graph.h"
#include "viz/measures.h"

/// How the things of a picture are to lie, as far as the layout has to be told: it takes a bus for any node, and knows
/// nothing of tables whose edges are to stand in line.
namespace busproof::viz {

/// A node of Graph::nodes.
struct NodePlan {
  std::size_t column = 0;                      ///< 0 is the leftmost
  bool flat = false;                           ///< the heading stands beside the only row, not above the rows
  unsigned heading_width = 0, body_width = 0;  ///< points at least, so that the nodes of a column are equally wide
  unsigned height = 0;                         ///< points at least, of the whole
  std::vector<unsigned> cell_heights{};        ///< points at least; empty: as high as they are
};

/// An edge of Graph::edges.
struct EdgePlan {
  unsigned span = 1;   ///< how many columns to the right of its start it ends; 0: below it
  bool turns = false;  ///< leads back instead, to where what it leads to has room
};

/// Two nodes of a column without an edge between them, the one to stand below the other.
struct Guide {
  std::size_t above, below;
};

struct Arrangement {
  TextShape text{};
  std::vector<NodePlan> nodes{};
  std::vector<EdgePlan> edges{};
  std::vector<Guide> guides{};
  std::vector<std::size_t> order{};  ///< of the nodes, as they are to come from top to bottom
  double gap = 0;                    ///< inches between columns
};

inline constexpr double kNodeGapInches = kNodeGap / kPointsPerInch;

/// A bus that leads no further and has one device at most is flat, and stands in line with the port that it hangs on.
/// Where many tall buses hang on one, those that lead no further stand in several columns. What would be wider than is
/// useful is made narrower, at last by letting its branches turn: they go on below, from the left.
Arrangement arrange(const Graph& graph);

}  // namespace busproof::viz
