#pragma once

#include "engine/assign/device_lists.h"
#include "engine/base/result.h"
#include "engine/topology/machine_rules.h"

namespace busproof::assign {

/// Chooses what is not PCI for devices that could be: spapr-vio registers, CCW numbers on s390x, virtio-mmio on ARM and
/// RISC-V boards (spec 12). Devices left without address are for PCI to seat.
/// Errors: E315 a register, E316 a CCW number that two devices have, or no CCW number left.
Result<void> choose_transports(DeviceLists& devices, const topology::MachineRule& machine);

}  // namespace busproof::assign
