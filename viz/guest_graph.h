#pragma once

#include "engine/domain/placed_domain.h"
#include "viz/graph.h"

namespace busproof::viz {

/// The buses of the domain's guest, each with what sits on it, and the links between them; what is on no PCI bus stands
/// beside. Every device is one cell, named after itself ("interface-52:54:00:aa:bb:cc"); the bus that a controller
/// makes is a node, "bus-3".
Graph guest_graph(const domain::PlacedDomain& placed);

}  // namespace busproof::viz
