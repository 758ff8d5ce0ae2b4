#include "engine/assign/regenerated.h"

#include <utility>
#include <variant>

namespace busproof::assign {
namespace {

using domain::Device;
using pci::ControllerModel;

/// What libvirt adds when devices need it.
bool is_added_on_demand(ControllerModel model) {
  using enum ControllerModel;
  return model == PcieRootPort || model == PciBridge || model == DmiToPciBridge || model == PcieToPciBridge;
}

bool is_left_to_libvirt(const Device& device) {
  if (!is_pci_controller(device)) return false;
  const domain::Controller& controller = *device.controller;
  const bool wished = controller.target.hotplug == domain::Switch::Off || controller.target.node;
  return controller.pci_model && is_added_on_demand(*controller.pci_model) && !wished;
}

void forget_numbers(domain::Controller& controller) {
  if (controller.index != 0) controller.index.reset();
  controller.target.chassis.reset();
  controller.target.chassis_nr.reset();
  controller.target.port.reset();
}

}  // namespace

domain::Domain regenerated(domain::Domain domain) {
  std::erase_if(domain.devices, is_left_to_libvirt);
  for (Device& device : domain.devices) {
    if (std::holds_alternative<domain::PciAddress>(device.address)) device.address = domain::NoAddress();
    if (is_pci_controller(device)) forget_numbers(*device.controller);
  }
  return domain;
}

}  // namespace busproof::assign
