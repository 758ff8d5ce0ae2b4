#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/topology/slot_map.h"

namespace busproof::assign {

/// How a device came to its seat.
enum class SeatedBy : std::uint8_t {
  Nobody,     ///< it has none
  Xml,        ///< the user wrote it
  Chipset,    ///< it is part of the chipset
  Preferred,  ///< libvirt's customary slot for it was unused
  Companion,  ///< it joined the slot of its USB2 set
  Search,     ///< first free slot of the first bus that takes it
};

/// A device's seat while addresses are being given out.
struct Place {
  std::optional<topology::Seat> seat;
  domain::Switch multifunction = domain::Switch::Absent;
  domain::ZpciIds zpci{};
  SeatedBy by = SeatedBy::Nobody;
  std::string passed_over{};  ///< with Explain::Yes: the buses that a search went past, and why
};

/// Why libvirt adds a PCI controller.
struct AddedController {
  std::uint32_t index = 0;
  pci::ControllerModel model{};
  enum class Cause : std::uint8_t { Gap, Device, Spare } cause = Cause::Gap;
  std::size_t device =
      0;  ///< for Cause::Device: the one that found no room; index into the devices before the addition
};

/// A completed domain whose devices all have their seats.
struct Seated {
  domain::Domain domain;      ///< with the added controllers, at the end of the controllers
  std::vector<Place> places;  ///< one a device
  std::vector<AddedController> added;
};

/// Gives every device its seat: a rehearsal that adds buses as it runs out of them tells which controllers are missing,
/// then the real seating in the buses that there are (spec 8). `completed` comes from complete().
/// Errors: E301–E307, E310–E314, E221–E225.
Result<Seated> seat_devices(domain::Domain completed, Explain explain, const HostCards& cards,
                            const KeptFree& kept_free);

}  // namespace busproof::assign
