#pragma once

#include "engine/abi/snapshot.h"
#include "viz/graph.h"

namespace busproof::viz {

/// One drawing of two guests: what is in both, what came, what went, and what moved, with an arrow from its old place.
/// It shows what abi::diff() finds, each finding at the device that it is about; what concerns the domain stands
/// beside.
Graph diff_graph(const abi::AbiSnapshot& before, const abi::AbiSnapshot& after);

}  // namespace busproof::viz
