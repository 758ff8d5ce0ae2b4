#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/snapshot.h"
#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"

/// Addresses pinned for the next time: where each device of a domain belongs, what the controllers above it look like,
/// and which places nobody is given because the guest knew somebody else there. What a device *is* beyond its type and
/// model (driver options, memory, processors) is not pinned.
namespace busproof::lock {

/// A place that a device had which has gone.
struct FreedSlot {
  pci::GuestAddress at;
  std::string was;  ///< "interface 52:54:00:aa:bb:cc"
  friend auto operator<=>(const FreedSlot&, const FreedSlot&) = default;
};

/// One domain of a lock. Its devices are those of a placed domain that have an address or are controllers, reduced to
/// who they are and where they sit; those without identity stand in the order of the config.
struct LockedDomain {
  domain::Domain domain;
  std::vector<FreedSlot> freed{};  ///< sorted
  friend bool operator==(const LockedDomain&, const LockedDomain&) = default;
};

struct Lock {
  std::vector<LockedDomain> domains;  ///< by name
  friend bool operator==(const Lock&, const Lock&) = default;
};

/// Pins every place of the domain; frees none.
LockedDomain locked(const domain::PlacedDomain& placed);

/// Whether the text is meant to be a lock rather than a domain XML.
bool is_lock(std::string_view text);

/// Reads what lock_text() wrote. Errors (Unreadable): no JSON, cut off, from a newer busproof, an unknown key, a value
/// of the wrong sort, a domain twice, two devices at one address; the message says where.
Result<Lock> read_lock(std::string_view text);

/// JSON, sorted, one device a line; a newline at the end.
std::string lock_text(const Lock& lock);

/// The domain of that UUID, else of that name; null if there is none.
const LockedDomain* find(const Lock& lock, std::string_view uuid, std::string_view name);

/// What the guest would find elsewhere than the lock says (BP1xx), and how far the lock covers the config (BP4xx).
/// Sorted; no errors when every locked device of the config sits where it belongs and nobody sits on a freed place.
Findings compare(const LockedDomain& locked, const abi::AbiSnapshot& now);

/// The same for the domain of the lock that the config describes; BP404 when there is none.
Findings compare(const Lock& lock, const abi::AbiSnapshot& now);

}  // namespace busproof::lock
