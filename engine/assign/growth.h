#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/result.h"
#include "engine/topology/slot_map.h"

namespace busproof::assign {

/// Buses to add so that a device finds one, and the one it then goes to.
struct Growth {
  std::vector<topology::Bus> added;
  std::uint32_t bus = 0;
};

/// Which roots a machine may have (a pseries guest has several, and grows by them).
enum class Roots : std::uint8_t { One, Several };

/// Which controllers to add so that bus number `bus` (not there yet) exists and suits the wish (spec 4.10). Only says
/// it, adds nothing. Errors: E312 and E313, when libvirt adds nothing for such a device.
Result<Growth> grow(const topology::SlotMap& map, const topology::SlotWish& wish, std::uint32_t bus, Roots roots);

}  // namespace busproof::assign
