#include "engine/abi/unplaced.h"

#include <variant>

namespace busproof::abi {

Unplaced::Unplaced(const domain::Domain& wish) {
  is_open_.reserve(wish.devices.size());
  for (const domain::Device& device : wish.devices) {
    if (device.element == domain::kNoElement) continue;
    if (is_open_.size() <= device.element) is_open_.resize(device.element + 1);
    is_open_[device.element] = lacks_place(device);
  }
}

}  // namespace busproof::abi
