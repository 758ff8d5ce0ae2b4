#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/pci/address.h"
#include "engine/topology/controller_rules.h"

/// Which functions of which slots are taken while addresses are being given out.
namespace busproof::topology {

/// An address in the making. Unlike a GuestAddress its bus may lie beyond 255: the rehearsal of an assignment counts
/// the buses it would need before it knows that they are too many.
struct Seat {
  std::uint32_t segment = 0;
  std::uint32_t bus = 0;
  std::uint8_t slot = 0;
  std::uint8_t function = 0;
  friend auto operator<=>(const Seat&, const Seat&) = default;
};
/// "0000:03:1f.7"; a bus beyond 255 takes three digits.
std::string to_string(const Seat& seat);

/// Isolation groups keep host devices of different IOMMU groups on buses of their own (pseries). Most devices: 0.
using IsolationGroup = std::uint32_t;

/// What a device wants of a bus.
struct SlotWish {
  SlotKind kind = SlotKind::None;
  bool endpoint_seating = false;         ///< subject to Seating::ByUser: true for endpoints, false for controllers
  bool shares_slot = false;              ///< may fill a further function of a slot opened by its like
  bool integrated = false;               ///< bus 0 only, and there also where seating is ByUser
  std::optional<std::uint8_t> function;  ///< a USB2 companion wants its own one; absent: 0, or any in a shared slot
  IsolationGroup group = 0;
};

/// One bus, as its controller shapes it.
struct Bus {
  pci::ControllerModel model{};
  SlotRange slots{};
  Seating seating = Seating::Auto;
  Plug plug = Plug::Hot;
  KindSet accepts{};
  bool group_locked = false;
  IsolationGroup group = 0;
  struct Slot {
    std::uint8_t functions = 0;  ///< bit n: function n is taken
    bool shared = false;         ///< opened by a device that shares slots
  };
  std::array<Slot, pci::kSlotCount> slot{};
  std::uint8_t taken_slots = 0;  ///< slots of the range with any function taken

  [[nodiscard]] bool is_empty() const { return taken_slots == 0; }
  [[nodiscard]] bool is_full() const { return taken_slots == slots.max - slots.min + 1; }
};

/// The bus that a controller of that model makes.
Bus bus_of(pci::ControllerModel model, bool hotplug_off = false);
/// A root port that takes a pcie-to-pci-bridge and nothing else: added together with the bridge, so that nobody else
/// sits down on it before the bridge does (spec 4.10, rule 2c).
Bus root_port_for_bridge();

/// Why a bus does not seat a device.
enum class Obstacle : std::uint8_t { NotIntegrated, ByUserOnly, WrongKind };

/// Whether the address was written by the user (looser rules, spec 2.3) or is libvirt's own choice.
enum class Origin : std::uint8_t { Xml, Chosen };

/// Why `bus` (with that index) cannot take `wish`; nothing if it can.
std::optional<Obstacle> obstacle(const Bus& bus, std::uint32_t index, const SlotWish& wish, Origin origin);

class SlotMap {
 public:
  explicit SlotMap(std::vector<Bus> buses);

  [[nodiscard]] std::uint32_t bus_count() const { return static_cast<std::uint32_t>(buses_.size()); }
  [[nodiscard]] const std::vector<Bus>& buses() const { return buses_; }
  [[nodiscard]] bool takes_a_bridge() const { return takes_a_bridge_; }
  [[nodiscard]] bool slot_in_use(std::uint32_t bus, std::uint8_t slot) const;
  /// True when every slot of every bus is taken.
  [[nodiscard]] bool is_full() const;

  void add_bus(const Bus& bus);

  /// The first free place for the wish: buses of its own isolation group first, then empty ones that may change theirs.
  std::optional<Seat> find(const SlotWish& wish);
  /// Marks the function as taken. The seat must exist and be free.
  void take(const Seat& seat, const SlotWish& wish, Origin origin);
  [[nodiscard]] bool is_taken(const Seat& seat) const;

 private:
  /// The first free place on that bus, in none of the slots below `from`.
  [[nodiscard]] std::optional<Seat> find_on(std::uint32_t index, const SlotWish& wish, unsigned from) const;

  std::vector<Bus> buses_;
  bool takes_a_bridge_ = false;

  /// Places are only ever taken, so a bus or slot once without room for a wish never has it again: a search goes on
  /// where the last one for the same wish ended, and a domain with n devices costs n steps, not n times its buses.
  struct Cursor {
    SlotWish wish;
    std::uint32_t bus = 0;
    std::uint8_t slot = 0;  ///< of that bus
  };
  std::vector<Cursor> cursors_;
};

}  // namespace busproof::topology
