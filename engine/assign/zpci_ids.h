#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/address.h"
#include "engine/domain/domain.h"

namespace busproof::assign {

/// The uids and fids that s390x PCI devices carry besides their address (spec 12.4).
class ZpciIds {
 public:
  /// Gives `ids` what it lacks, the lowest number free at this moment, and reserves both.
  /// Errors: E314 when one of them is reserved already, or no uid is left.
  Result<void> complete(domain::ZpciIds& ids);

 private:
  /// Numbers in use and, below `lowest_free`, no gap: the search for the next one starts there.
  struct Numbers {
    std::unordered_set<std::uint32_t> used;
    std::uint32_t lowest_free = 0;

    std::uint32_t free_number();
  };
  Numbers uids_{{}, 1};
  Numbers fids_{};
};

/// A warning for every PCI controller that libvirt added on a machine with zPCI: it gets its ids only when the stored
/// config is defined again, which breaks the law that assigning twice changes nothing.
std::vector<std::string> zpci_warnings(const domain::Domain& placed);

}  // namespace busproof::assign
