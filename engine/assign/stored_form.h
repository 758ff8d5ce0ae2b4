#pragma once

#include "engine/domain/domain.h"

namespace busproof::assign {

/// The domain as libvirt would store it once every device has its seat: a USB hub whose address is of another type
/// loses it to a USB port, after it has held its PCI seat; the first console, where it is the first serial port shown a
/// second time, shows that port's address; an empty PCI address that nobody filled is dropped.
domain::Domain stored_form(domain::Domain placed);

}  // namespace busproof::assign
