#pragma once

#include "engine/domain/domain.h"

namespace busproof::assign {

/// The domain as a manager that keeps no addresses would write it anew: no device has a place on a PCI bus, and the PCI
/// controllers that libvirt adds by itself are gone, with chassis, ports and indexes. What only a user can have asked
/// for stays: expander buses, switches, NUMA nodes, ports without hot-plug.
domain::Domain regenerated(domain::Domain domain);

}  // namespace busproof::assign
