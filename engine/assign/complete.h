#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::assign {

/// What libvirt does to a definition before it looks for addresses (spec 4.1 steps 1–5): brings the devices into its
/// iteration order, numbers controllers without index, adds the machine's default devices, fills in default models,
/// adds the controllers that disks, channels and smartcards imply, and a video for graphics. Addresses are left alone,
/// but for transports chosen there (CCW, virtio-mmio, spapr-vio) and for those that libvirt would drop.
/// Errors: Refused (E1xx, E2xx, E3xx, E4xx that are found before allocation); Unsupported for machines and hypervisors
/// not modelled.
Result<domain::Domain> complete(domain::Domain wish);

}  // namespace busproof::assign
