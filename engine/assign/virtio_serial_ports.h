#pragma once

#include "engine/assign/device_lists.h"
#include "engine/base/result.h"

namespace busproof::assign {

/// Gives every virtio console and channel its port, in a rehearsal: what stays of it are the controllers that are added
/// when all ports are taken (spec 4.1 step 6). A channel whose address is of another type loses it, as libvirt replaces
/// it.
/// Errors: E317 a controller or port that is not there, or taken.
Result<void> place_virtio_serial_ports(DeviceLists& devices, ControllerList& controllers);

}  // namespace busproof::assign
