#pragma once

#include "engine/domain/domain.h"

namespace busproof::assign {

/// A USB hub whose address is not a USB port loses it to one, and a memory module of another address to a memory slot,
/// after they have held their PCI seats, and before anybody checks the type.
void retype_addresses(domain::Domain& placed);

/// The domain as libvirt would store it once every device has its seat: the first console, where it is the first serial
/// port shown a second time, shows that port's address; an empty PCI address that nobody filled is dropped.
domain::Domain stored_form(domain::Domain placed);

}  // namespace busproof::assign
