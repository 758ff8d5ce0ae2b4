#pragma once

#include <string_view>

#include "engine/host/inventory.h"
#include "engine/host/ledger.h"
#include "engine/report/pci_names.h"
#include "viz/graph.h"

namespace busproof::viz {

/// The host's buses, from the host bridges down. IOMMU groups of several functions are boxes, wherever in the tree
/// their members sit, so a bus appears once in every group that has a share in it; other functions say their group. A
/// group is not viable where one member waits for a guest and another one's driver would have the kernel refuse the
/// group. The ledger says which guests have what. `host` begins the title.
Graph host_graph(const host::Inventory& inventory, const host::Ledger& ledger, const report::PciNames& names,
                 std::string_view host);

}  // namespace busproof::viz
