#pragma once

#include "viz/graph.h"

namespace busproof::viz {

/// The graph with its tall buses cut into parts, each with what hangs on it: a bus of 200 ports is not a tower, and
/// what hangs on it is not far from it. A part is named after its bus, "bus-0+2", and edges of the kind Onward lead
/// from one to the next.
Graph in_parts(const Graph& graph);

}  // namespace busproof::viz
