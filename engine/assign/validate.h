#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::assign {

/// What libvirt checks once every address is known (spec 2.5, 2.7, 7.2, 7.4): ranges and options of controllers, USB
/// ports and hubs, drive addresses, devices that may not have the address they have. The first refusal is the one
/// that libvirt prints.
Result<void> validate(const domain::Domain& placed);

}  // namespace busproof::assign
