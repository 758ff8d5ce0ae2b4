#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/abi/snapshot.h"
#include "engine/domain/domain.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"

/// The slots that the guest's kernel has under /sys/bus/pci/slots, as far as they have a plain number for a name. The
/// first slot 3 is called "3", later ones "3-1", "3-2" …, which udev does not take for a number.
namespace busproof::abi {

class HotplugSlots {
 public:
  HotplugSlots(const domain::Domain& domain, const topology::Buses& buses, const topology::BusNumbers& numbers);

  /// What udev finds for the device in that place of buses.all[bus], climbing up from bridge to bridge.
  [[nodiscard]] std::optional<HotplugSlot> find(const topology::Buses& buses, std::size_t bus,
                                                const pci::GuestAddress& at) const;

 private:
  /// Who has the plain number: index into Buses::all; numbers are slots.
  std::vector<std::optional<std::size_t>> owner_;
};

}  // namespace busproof::abi
