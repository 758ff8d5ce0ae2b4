#include "engine/domain/placed_domain.h"

#include <fmt/format.h>

#include <utility>

namespace busproof::domain {
namespace {

bool lacks_address(const Device& device) {
  const auto* pci = std::get_if<PciAddress>(&device.address);
  return pci != nullptr && !pci->at;
}

bool lacks_index(const Device& device) { return device.controller && !device.controller->index; }

}  // namespace

Result<PlacedDomain> as_placed(Domain domain) {
  for (const Device& device : domain.devices) {
    if (!lacks_address(device) && !lacks_index(device)) continue;
    const std::string name = display_name(domain, device);
    const Refusal refusal =
        lacks_address(device)
            ? refused("E311", fmt::format("internal error: {} has no PCI address", name), "assign addresses first")
            : refused("E205", fmt::format("internal error: {} has no index", name), "assign addresses first");
    return std::unexpected(about(refusal.error(), device, name));
  }
  return PlacedDomain(std::move(domain));
}

}  // namespace busproof::domain
