#include "engine/assign/growth.h"

#include <fmt/format.h>

namespace busproof::assign {
namespace {

using pci::ControllerModel;
using topology::bus_of;
using topology::SlotKind;

Refusal cannot_grow(SlotKind kind) {
  switch (kind) {
    case SlotKind::None:
      return refused("E313",
                     "internal error: Cannot automatically add a new PCI bus for a device with connect flags 00",
                     "this model is no PCI device of this machine; choose another model or remove the device");
    case SlotKind::PcieBridge:
      return refused("E313",
                     "internal error: Cannot automatically add a new PCI bus for a device with connect flags 2000",
                     "a pcie-to-pci-bridge sits on a pcie-root-port or pcie-switch-downstream-port; add one of those");
    default: {
      const std::string_view model = topology::required_name(kind);
      return refused(
          "E312",
          fmt::format("internal error: a PCI slot is needed to connect a PCI controller model='{}', but none "
                      "is available, and it cannot be automatically added",
                      model),
          fmt::format("add a controller that takes a {} and has a free slot, or free one", model));
    }
  }
}

/// A guest that has been pure PCIe so far gets its conventional buses behind a root port and a pcie-to-pci-bridge.
Growth first_conventional_buses(std::uint32_t count, std::uint32_t first, std::uint32_t bus) {
  Growth growth{{topology::root_port_for_bridge(), bus_of(ControllerModel::PcieToPciBridge)}, bus};
  if (count == 1) growth.bus = first + 1;  // the bus asked for became the root port: the device moves up by one
  while (growth.added.size() < count) growth.added.push_back(bus_of(ControllerModel::PciBridge));
  return growth;
}

}  // namespace

Result<Growth> grow(const topology::SlotMap& map, const topology::SlotWish& wish, std::uint32_t bus, Roots roots) {
  const std::uint32_t first = map.bus_count();
  const std::uint32_t count = bus - first + 1;
  const auto all = [&](ControllerModel model) { return Growth{std::vector<topology::Bus>(count, bus_of(model)), bus}; };
  switch (wish.kind) {
    case SlotKind::PciDevice:
      if (roots == Roots::Several) return all(ControllerModel::PciRoot);
      if (map.takes_a_bridge()) return all(ControllerModel::PciBridge);
      return first_conventional_buses(count, first, bus);
    case SlotKind::PcieDevice:
    case SlotKind::UpstreamPort:
      return all(ControllerModel::PcieRootPort);
    default:
      return cannot_grow(wish.kind);
  }
}

}  // namespace busproof::assign
