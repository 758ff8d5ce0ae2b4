#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/address.h"
#include "engine/domain/domain.h"

/// Acts out how libvirt gives ports to USB hubs and devices, adding hubs when ports run out. Ports are no PCI
/// addresses: no config has them written for that, but its guest sees them.
namespace busproof::topology {

/// What libvirt chooses; ports that the XML says are not in it.
struct UsbPorts {
  std::map<std::size_t, domain::UsbAddress> of_device{};  ///< by index into the domain's devices
  std::vector<domain::UsbAddress> of_added_hubs{};
  std::vector<domain::UsbAddress> of_added_inputs{};  ///< a keyboard before a mouse
};

/// `domain` is completed. Errors: E227 USB devices without USB; E319 a bus, port or hub that is not there, or taken, or
/// no port left.
Result<UsbPorts> give_usb_ports(const domain::Domain& domain);

}  // namespace busproof::topology
