#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "engine/domain/address.h"
#include "engine/domain/domain.h"

namespace busproof::abi {

/// Places that are not on a PCI bus and that a config leaves to libvirt: USB and virtio-serial ports, slots of
/// smartcards and memory. Nobody writes them into a config; the guest sees them all the same.
struct BusPlaces {
  std::map<std::size_t, domain::DeviceAddress> of_device{};  ///< by index into the domain's devices
  std::vector<domain::UsbAddress> of_added_hubs{};           ///< hubs that libvirt adds when USB ports run out
  std::vector<domain::UsbAddress> of_added_inputs{};         ///< of the inputs that it adds, a keyboard before a mouse
};

/// Those of a placed domain, or of a part of one: where not all is there, what is there counts.
BusPlaces bus_places(const domain::Domain& placed);

}  // namespace busproof::abi
