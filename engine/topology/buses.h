#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/pci/address.h"
#include "engine/pci/controller_model.h"
#include "engine/topology/machine_rules.h"

/// A placed Domain as its buses, and who hangs under whom; read-only.
namespace busproof::topology {

/// A device that has its place on a PCI bus.
struct Occupant {
  std::size_t device = 0;  ///< index into the domain's devices
  pci::GuestAddress at;
  bool multifunction = false;          ///< multifunction='on'
  std::optional<std::size_t> makes{};  ///< index into Buses::all of the bus that it makes, if it makes one
  /// A function other than 0 in a slot that has no function 0: neither firmware nor guest looks there.
  bool unseen = false;
};

/// What one controller of type pci makes.
struct GuestBus {
  std::uint32_t index = 0;  ///< of its controller: what an address calls `bus`
  pci::ControllerModel model{};
  std::size_t controller = 0;             ///< index into the domain's devices
  std::optional<std::size_t> parent{};    ///< index into Buses::all of the bus its controller sits on; none: a root
  std::optional<std::size_t> occupant{};  ///< of that bus, the one which is this controller
  std::optional<std::uint8_t> bus_nr{};   ///< of an expander: the number that it begins with
  std::vector<Occupant> occupants{};      ///< by slot and function

  /// Whether a host bridge of its own leads to it: bus numbers start anew there.
  [[nodiscard]] bool is_expander() const {
    return model == pci::ControllerModel::PciExpanderBus || model == pci::ControllerModel::PcieExpanderBus;
  }
};

struct Buses {
  std::vector<GuestBus> all{};  ///< by index
  std::optional<Family> family{};
  bool has_acpi = false;

  /// Whether the guest is told which NUMA node a host bridge is on: by ACPI, on pseries by the device tree.
  [[nodiscard]] bool tells_nodes() const { return has_acpi || family == Family::Pseries; }
};

/// Every bus of the domain. A controller without index, without model or with an index another one has makes none;
/// an occupant of a bus that does not exist appears nowhere.
Buses buses_of(const domain::Domain& domain);

/// The bus of the host bridge that leads to this one: an expander's or a root's. None for buses that sit on each other.
const GuestBus* host_bus(const Buses& buses, const GuestBus& bus);

/// The NUMA node that the XML gives the host bridge which leads to the bus.
std::optional<int> node_of(const domain::Domain& domain, const Buses& buses, const GuestBus& bus);

/// The slots of the bus in which nothing sits, the chipset's own included, ascending.
std::vector<std::uint8_t> free_slots(const Buses& buses, std::size_t bus);

}  // namespace busproof::topology
