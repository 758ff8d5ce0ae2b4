#pragma once

#include <map>
#include <optional>

#include "engine/abi/unplaced.h"
#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"
#include "engine/topology/bus_numbers.h"

namespace busproof::abi {

/// What is known of the host that the domain is meant for; all of it may be unknown.
struct HostFacts {
  std::map<pci::HostAddress, int> node_of_card;  ///< NUMA nodes of the host
  std::map<int, int> node_of_cell;               ///< guest's NUMA cell → the host node that its memory is bound to
};

/// What is wrong, risky or wasteful in one config whose buses are known. Sorted.
Findings lint(const domain::PlacedDomain& placed, const topology::NumberedBuses& numbered, const HostFacts& facts = {});

/// What the config leaves to libvirt although it decides what the guest sees.
Findings lint_unplaced(const domain::PlacedDomain& placed, const Unplaced& unplaced);

/// The refusal of a config as a finding.
Finding refusal_finding(const Error& error);

}  // namespace busproof::abi
