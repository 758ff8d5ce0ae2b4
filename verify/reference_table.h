#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/pci/address.h"
#include "verify/reference_rules.h"

/// The table of buses that a pass of the reference allocator fills (spec 4.6, 4.10).
namespace busproof::verify::reference {

/// A place; its bus may lie beyond 255 in the dry run.
struct Spot {
  std::uint32_t bus = 0;
  std::uint8_t slot = 0, function = 0;
};

/// What is to be seated.
struct Guest {
  Asked asked;
  bool aggregates = false;  ///< fills further functions of a slot of its like
  std::uint8_t function = 0;
};

class Table {
 public:
  enum class Growth : std::uint8_t { Allowed, Forbidden };
  Table(const std::vector<domain::Device>& controllers, bool express_root, Growth growth);

  struct Bus {
    pci::ControllerModel model{};
    bool for_bridge_only = false;  ///< a root port kept for the pcie-to-pci-bridge added with it
    struct Slot {
      std::uint8_t functions = 0;
      bool aggregate = false;
    };
    std::array<Slot, pci::kSlotCount> slots{};
  };
  [[nodiscard]] const std::vector<Bus>& buses() const { return buses_; }
  [[nodiscard]] bool all_full() const;
  [[nodiscard]] bool slot_unused(std::uint32_t bus, std::uint8_t slot) const;

  /// Takes a written place, growing first where its bus is missing; `at` may be moved to another bus by that.
  std::optional<Error> take_written(Spot& at, const Guest& guest);
  /// Takes the first free place.
  Result<Spot> take_first(const Guest& guest);
  /// Takes a place of which nobody asks whether it fits.
  std::optional<Error> take(const Spot& at, const Guest& guest);

 private:
  std::optional<Error> grow(const Guest& guest, std::uint32_t& bus);
  void add(pci::ControllerModel model, bool for_bridge_only = false);
  [[nodiscard]] bool accepts(const Bus& bus, std::uint32_t index, const Guest& guest) const;

  bool may_grow_;
  std::vector<Bus> buses_{};
};

}  // namespace busproof::verify::reference
