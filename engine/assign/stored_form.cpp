#include "engine/assign/stored_form.h"

#include <algorithm>
#include <variant>

namespace busproof::assign {
namespace {

using domain::Device;
using domain::DeviceKind;

void free_hubs(domain::Domain& domain) {
  for (Device& device : domain.devices)
    if (device.kind == DeviceKind::Hub && !std::holds_alternative<domain::UsbAddress>(device.address))
      device.address = domain::NoAddress{};
}

/// A device that is none of PCI may ask for a PCI seat all the same; nobody gives it one.
void drop_vain_wishes(domain::Domain& domain) {
  for (Device& device : domain.devices)
    if (const auto* pci = std::get_if<domain::PciAddress>(&device.address); pci != nullptr && !pci->at)
      device.address = domain::NoAddress{};
}

void mirror_serial(domain::Domain& domain) {
  const auto first = [&](DeviceKind kind) { return std::ranges::find(domain.devices, kind, &Device::kind); };
  const auto serial = first(DeviceKind::Serial);
  const auto console = first(DeviceKind::Console);
  if (serial == domain.devices.end() || console == domain.devices.end() || console->target_type != "serial") return;
  console->address = serial->address;
}

}  // namespace

domain::Domain stored_form(domain::Domain placed) {
  free_hubs(placed);
  drop_vain_wishes(placed);
  mirror_serial(placed);
  return placed;
}

}  // namespace busproof::assign
