#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/config_store.h"

namespace busproof::cli {

/// The definitions that a running libvirt has stored. An entry is named as in "libvirt:qemu:///system:web01". A domain
/// that only libvirt has is not missed: a host may run more than what is checked.
class LibvirtStore : public ConfigStore {
 public:
  /// Errors: Unsupported, when there is no libvirt, nobody answers at the URI, or nothing is defined there.
  static Result<std::unique_ptr<LibvirtStore>> open(const std::string& uri);

  [[nodiscard]] Result<std::string> read(std::size_t entry) const override { return texts_[entry]; }

 private:
  std::vector<std::string> texts_;  ///< in the order of the entries
};

}  // namespace busproof::cli
