#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"

namespace busproof::assign {

/// What libvirt would look up about a passed-through card on the host it runs on.
struct HostCard {
  bool conventional = false;                 ///< has no PCI Express capability
  std::optional<std::uint32_t> iommu_group;  ///< keeps cards of different groups on host bridges of their own (pseries)
};

/// The cards that are known; a card that is not listed counts as PCI Express and of no group, as an absent one does.
using HostCards = std::map<pci::HostAddress, HostCard>;

/// Whether the reasons are wanted; finding them takes longer than the assignment itself.
enum class Explain : std::uint8_t { No, Yes };

/// Why one device is where it is.
struct Reason {
  std::size_t device;  ///< index into the placed domain's devices
  std::string text;    ///< "first free slot; passed over: bus 0 (no endpoints unasked), buses 1-2 (full)"; no full stop
};

/// A placed domain, and how it came about.
struct Assignment {
  domain::PlacedDomain placed;
  std::vector<Reason> reasons;  ///< with Explain::Yes one a device on a PCI bus, in the order of its devices
};

/// Functions that nobody is given unless the XML says so; libvirt keeps none.
using KeptFree = std::vector<pci::GuestAddress>;

/// What `virsh define` would make of the domain: every address given, every missing controller added. A pure function.
/// Errors: Refused with libvirt's text; Unsupported for what busproof does not model.
Result<Assignment> assign(domain::Domain wish, Explain explain = Explain::No, const HostCards& cards = {},
                          const KeptFree& kept_free = {});

/// What libvirt accepts, and the guest or the next define will suffer from: one sentence each, without its full stop.
std::vector<std::string> warnings_of(const domain::PlacedDomain& placed);

}  // namespace busproof::assign
