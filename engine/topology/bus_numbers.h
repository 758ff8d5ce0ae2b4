#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"
#include "engine/topology/buses.h"

/// The bus numbers that firmware gives and the guest's kernel shows. Firmware counts: depth first, by slot and
/// function, first below bus 0, then below each expander in the order of their numbers:
///
///     pcie-root            0           pci-root             0
///     ├ 01.0 port          1           ├ 02.0 expander      (busNr 100: a bridge that QEMU puts at 64:00.0)
///     │  └ 00.0 bridge     2           │  └ its devices     101
///     ├ 01.1 port          3           │     └ 03.0 bridge  102
///     └ 04.0 expander      180         └ 04.0 bridge        1
///        └ 00.0 port       181
///
/// libvirt lets the numbers below one expander run into the next one. Two buses then answer to one number and the guest
/// has only one of them; which one follows from the order in which QEMU looks for a bus. So firmware and kernel are
/// acted out here on QEMU's own rules.
/// Source: QEMU 7.2 hw/pci/pci.c, pci_find_bus_nr(); SeaBIOS 1.16 src/fw/pciinit.c, pci_bios_init_bus(); Linux 6.1
/// drivers/pci/probe.c and arch/x86/pci/legacy.c. Compared with booted guests.
namespace busproof::topology {

enum class Loss : std::uint8_t {
  NumberTaken,     ///< another bus answers to its number
  NoFunctionZero,  ///< its controller sits on a slot without function 0
  NoAcpi,          ///< an expander of an i440fx machine without `<acpi/>`: nothing tells the kernel of it
  PastLimit,       ///< numbers above 255 are needed below it: SeaBIOS never comes to an end and nothing boots
  Adrift,          ///< no way leads to it from bus 0
};

/// A bus that the guest does not have, and with it all that hangs below.
struct LostBus {
  std::size_t bus = 0;  ///< index into Buses::all
  Loss loss{};
  std::optional<std::uint8_t> number{};   ///< the one it should have had
  std::optional<std::size_t> taken_by{};  ///< the bus that has it instead
  friend bool operator==(const LostBus&, const LostBus&) = default;
};

/// A busNr that would work better than the one it has.
struct BusNrAdvice {
  std::size_t bus = 0;  ///< index into Buses::all
  std::uint8_t bus_nr = 0;
  friend bool operator==(const BusNrAdvice&, const BusNrAdvice&) = default;
};

struct BusNumbers {
  bool predicted = true;  ///< false on s390x, where every function has a PCI segment of its own
  /// What the guest calls each bus, in the order of Buses::all; nothing for one that it does not have.
  std::vector<std::optional<std::uint8_t>> number{};
  std::vector<LostBus> lost{};        ///< topmost ones, by index
  std::vector<BusNrAdvice> advice{};  ///< taken together they give every bus a number; empty if nothing would
};

BusNumbers number_buses(const Buses& buses);

/// What snapshot, lint and pictures of one domain are all made from.
struct NumberedBuses {
  Buses buses{};
  BusNumbers numbers{};
};
NumberedBuses numbered_buses(const domain::Domain& domain);

/// Where the guest has the device; nothing if it does not have it.
std::optional<pci::AddressParts> guest_place(const BusNumbers& numbers, std::size_t bus, const Occupant& occupant);

/// "bus 5 (pci-expander-bus, busNr 254) and all behind it are lost to the guest: number 254 goes to bus 9 (pci-bridge);
/// busNr='248' would work". Ends without full stop.
std::string describe(const Buses& buses, const BusNumbers& numbers, const LostBus& lost);

/// One sentence for every bus and every device that the guest will not have, buses first.
std::vector<std::string> number_warnings(const domain::PlacedDomain& placed);

}  // namespace busproof::topology
