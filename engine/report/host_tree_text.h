#pragma once

#include <string>

#include "engine/host/inventory.h"
#include "engine/report/tree_text.h"

namespace busproof::report {

/// The functions of a host below the bridges that lead to them, each with its address, and with its driver, its group
/// and what bears on giving it away:
///
///     this host: 4 functions, 2 IOMMU groups
///     pci0000:00
///     0000:00:01.0  ├─ PCI bridge 8086:460d, pcieport, group 14, bus 01
///     0000:01:00.0  │  ├─ VGA 10de:2204, nouveau, group 14, boot VGA; in use: boot console
///     0000:01:00.1  │  └─ HD audio 10de:1aef, snd_hda_intel, group 14
///     0000:00:1f.2  └─ SATA 8086:7a62, ahci, group 9
std::string host_tree_text(const host::Inventory& inventory, const std::string& name, const TreeStyle& style);

}  // namespace busproof::report
