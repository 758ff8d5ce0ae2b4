#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/abi/snapshot.h"

namespace busproof::abi {

/// Which device of the one snapshot is which of the other; indexes into their devices, ascending.
struct Matching {
  std::vector<std::pair<std::size_t, std::size_t>> same;  ///< old, new
  std::vector<std::size_t> gone, come;
};

/// By identity, the strongest first: alias, MAC, serial, host device, target, controller index; then who sits in the
/// same place and is the same sort of thing; then, for what has no identity, by kind and order.
Matching match(const AbiSnapshot& before, const AbiSnapshot& after);

}  // namespace busproof::abi
