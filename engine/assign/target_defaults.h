#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::assign {

/// Fills in what the XML does not say about each PCI controller once its address is final, in list order: the name of
/// QEMU's device, chassis, chassisNr, port, busNr (spec 2.4, 2.5, 5.1), target index of a pseries host bridge. What is
/// written already is never computed again.
/// Errors: E217 no busNr left, E218 no target index left, E219 a pci-bridge on a bus not below its own index.
Result<void> fill_target_defaults(domain::Domain& domain);

}  // namespace busproof::assign
