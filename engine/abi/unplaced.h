#pragma once

#include <vector>

#include "engine/domain/domain.h"

namespace busproof::abi {

/// Which elements of a config, as it was read, leave their place to libvirt.
class Unplaced {
 public:
  /// None does.
  Unplaced() = default;
  explicit Unplaced(const domain::Domain& wish);

  /// Whether the element that the device stems from does. Not for what libvirt adds by itself.
  [[nodiscard]] bool contains(const domain::Device& device) const {
    return device.element < is_open_.size() && is_open_[device.element];
  }

 private:
  std::vector<bool> is_open_;  ///< by element
};

}  // namespace busproof::abi
