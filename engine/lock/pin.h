#pragma once

#include <cstdint>

#include "engine/assign/assign.h"
#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/lock/lock.h"

/// Putting a regenerated config's devices where the lock says that they belong.
namespace busproof::lock {

/// Whom to believe where the config says another place than the lock.
enum class Believe : std::uint8_t {
  Lock,    ///< the config was regenerated, its addresses mean nothing
  Config,  ///< it was changed on purpose
};

/// What becomes of the places of devices that have gone.
enum class FreedSlots : std::uint8_t { Kept, Reused };

struct Pinned {
  domain::PlacedDomain placed;
  Findings findings;  ///< what compare() says of it
};

/// The domain with every device that the lock knows where it was, every PCI controller of the lock, and everybody else
/// on places that are free, were never taken, and give no known bus another number as far as there are such.
/// Devices that are none of the lock's keep a place that the XML gives them if nobody has it.
/// Errors: as of assign().
Result<Pinned> pin(const LockedDomain& locked, const domain::Domain& wish, Believe believe, FreedSlots freed);

/// The lock as it is after `now`: its places, and those that were in the old one and nobody has any more, as long as
/// their bus is there.
LockedDomain updated(const LockedDomain& old, const domain::PlacedDomain& now);

}  // namespace busproof::lock
