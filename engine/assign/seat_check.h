#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/topology/slot_map.h"

/// Whether a device may sit at an address, in libvirt's words when it may not (spec 4.7, rules 3 and 4).
namespace busproof::assign {

/// Whether the seat exists and takes the wish; not whether it is free. `asked` is the address to print: the one before
/// growth moved it. Errors: E301 segment, E302 bus, E303 and E304 slot, E306 kind, E307 integrated, E310 no bus at all.
Result<void> check_seat(const topology::SlotMap& map, const topology::Seat& asked, const topology::Seat& seat,
                        const topology::SlotWish& wish, topology::Origin origin);

/// E305: somebody else sits at the seat; `remedy` says who, and where there is room.
Refusal taken_twice(const topology::Seat& asked, topology::Origin origin, std::string remedy);

/// E310: the machine has no PCI bus.
Refusal no_buses();

}  // namespace busproof::assign
