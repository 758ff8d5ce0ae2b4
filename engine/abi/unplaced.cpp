#include "engine/abi/unplaced.h"

#include <variant>

namespace busproof::abi {
namespace {

bool lacks_place(const domain::Device& device) {
  const auto* pci = std::get_if<domain::PciAddress>(&device.address);
  return (pci != nullptr && !pci->at) || std::holds_alternative<domain::NoAddress>(device.address);
}

}  // namespace

Unplaced::Unplaced(const domain::Domain& wish) {
  is_open_.reserve(wish.devices.size());
  for (const domain::Device& device : wish.devices) {
    if (device.element == domain::kNoElement) continue;
    if (is_open_.size() <= device.element) is_open_.resize(device.element + 1);
    is_open_[device.element] = lacks_place(device);
  }
}

}  // namespace busproof::abi
