#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "viz/graph.h"

/// How the things of a picture are to lie, as far as the layout has to be told: it takes a bus for any node, and knows
/// nothing of tables whose edges are to stand in line.
namespace busproof::viz {

/// The text broken between words into lines of no more than so many columns; what finds no room in `lines_max` lines is
/// cut off, with "…" in its place.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t lines_max);

/// The lines of a cell as they are shown: the first, in bold letters, as one; the others broken where they are long;
/// empty ones left out.
struct ShownText {
  std::string title{};
  std::vector<std::string> details{};
};
ShownText shown_text(const Cell& cell);

/// A node of Graph::nodes.
struct NodePlan {
  std::size_t column = 0;                      ///< 0 is the leftmost
  bool flat = false;                           ///< the heading stands beside the only row, not above the rows
  unsigned heading_width = 0, body_width = 0;  ///< points at least, so that the nodes of a column are equally wide
};

struct Arrangement {
  std::vector<NodePlan> nodes{};
  std::vector<unsigned> spans{};     ///< by edge: how many columns to the right of its start it ends
  std::vector<std::size_t> order{};  ///< of the nodes, as they are to come from top to bottom
  double gap = 0;                    ///< inches between columns
};

/// A bus that leads no further and has one device at most is flat. Where many buses hang on one, those that lead no
/// further stand in several columns, so that a picture of hundreds is not a tower.
Arrangement arrange(const Graph& graph);

}  // namespace busproof::viz
