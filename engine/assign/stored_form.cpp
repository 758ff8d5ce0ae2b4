#include "engine/assign/stored_form.h"

#include <algorithm>
#include <variant>

namespace busproof::assign {
namespace {

using domain::Device;
using domain::DeviceKind;

/// Whether libvirt gives the device an address of that kind's own type whatever the XML says.
bool has_a_type_of_its_own(const Device& device) {
  switch (device.kind) {
    case DeviceKind::Hub:
      return !std::holds_alternative<domain::UsbAddress>(device.address);
    case DeviceKind::Memory:
      return (device.model == "dimm" || device.model == "nvdimm") &&
             !std::holds_alternative<domain::DimmAddress>(device.address);
    default:
      return false;
  }
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

void retype_addresses(domain::Domain& placed) {
  for (Device& device : placed.devices)
    if (has_a_type_of_its_own(device)) device.address = domain::NoAddress{};
}

domain::Domain stored_form(domain::Domain placed) {
  drop_vain_wishes(placed);
  mirror_serial(placed);
  return placed;
}

}  // namespace busproof::assign
