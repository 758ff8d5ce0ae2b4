#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/assign/growth.h"
#include "engine/domain/domain.h"
#include "engine/topology/device_rules.h"
#include "engine/topology/machine_rules.h"
#include "engine/topology/slot_map.h"

/// What each device of a completed domain asks a bus for.
namespace busproof::assign {

/// Whether the device is the controller of a root bus, which sits nowhere itself.
bool is_root(const domain::Device& device);

/// What the seating needs to know of the machine as a whole.
struct MachineFacts {
  topology::Family family{};
  bool root_is_pci = false;
  bool root_is_pcie = false;
  std::int64_t highest_index = -1;  ///< of the PCI controllers; -1: there is none
  Roots roots = Roots::One;
  bool has_zpci = false;
  bool seats_devices = true;  ///< false on boards that libvirt knows no PCI of: only explicit addresses are looked at
};
MachineFacts facts_of(const domain::Domain& domain);

/// Whether the XML says where the device sits.
enum class Written : std::uint8_t { No, Yes };

/// What the device asks for, which wants that of a bus; kind None for one that takes no PCI slot. A passed-through card
/// that is conventional asks for a conventional slot, unless the XML says where it goes.
topology::SlotWish wish_of(const domain::Device& device, topology::Want want, Written written,
                           const MachineFacts& machine, const HostCards& cards);

/// What a device asks for, which does not change while seats are given out.
struct Ask {
  topology::Want want = topology::Want::Nothing;  ///< of a PCI controller not asked
  /// In which its seat is searched for, should it have none; nothing for a device that wants none, or that the XML
  /// sends to another kind of bus.
  std::optional<topology::SeatingStep> step;
  topology::SlotWish wish{};                    ///< where there is a step
  std::optional<std::uint8_t> usb2_function{};  ///< of one of the four that share a slot
};
Ask ask_of(const domain::Device& device, const MachineFacts& machine, const HostCards& cards);
std::vector<Ask> asks_of(const domain::Domain& domain, const HostCards& cards);

topology::SlotWish endpoint_wish(topology::SlotKind kind);
topology::SlotWish controller_wish(pci::ControllerModel model);

}  // namespace busproof::assign
