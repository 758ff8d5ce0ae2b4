#pragma once

#include "engine/abi/snapshot.h"
#include "engine/base/finding.h"

namespace busproof::abi {

/// What the guest of `before` would notice if it woke up as `after`, and what libvirt's own check of the two would
/// refuse. Sorted; empty when nobody could tell them apart.
Findings diff(const AbiSnapshot& before, const AbiSnapshot& after);

}  // namespace busproof::abi
