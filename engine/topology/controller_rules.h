#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "engine/pci/address.h"
#include "engine/pci/controller_model.h"

/// What every model of PCI controller offers as a bus and asks for as a device: one row a model (spec 2.1, 2.2, 2.4).
namespace busproof::topology {

/// What a device asks a bus for. Endpoints ask for PciDevice or PcieDevice, each controller for its own kind.
enum class SlotKind : std::uint8_t {
  None,  ///< a device that libvirt places although no bus takes it (spec 3: connect flags 00)
  PciDevice,
  PcieDevice,
  RootPort,
  UpstreamPort,
  DownstreamPort,
  DmiBridge,  ///< dmi-to-pci-bridge
  PciExpander,
  PcieExpander,
  Bridge,      ///< pci-bridge
  PcieBridge,  ///< pcie-to-pci-bridge
};

/// A set of slot kinds.
class KindSet {
 public:
  constexpr KindSet() = default;
  constexpr KindSet(std::initializer_list<SlotKind> kinds) {
    for (const SlotKind kind : kinds) bits_ |= bit(kind);
  }
  [[nodiscard]] constexpr bool contains(SlotKind kind) const { return (bits_ & bit(kind)) != 0; }
  [[nodiscard]] constexpr bool takes_endpoints() const {
    return contains(SlotKind::PciDevice) || contains(SlotKind::PcieDevice);
  }
  friend constexpr bool operator==(KindSet, KindSet) = default;

 private:
  static constexpr std::uint16_t bit(SlotKind kind) {
    return kind == SlotKind::None ? std::uint16_t{0} : static_cast<std::uint16_t>(1U << static_cast<unsigned>(kind));
  }
  std::uint16_t bits_ = 0;
};

/// Whether libvirt seats endpoints on the bus by itself, or only where the user wrote the address.
enum class Seating : std::uint8_t { Auto, ByUser };
/// Whether the bus takes a device while the guest runs.
enum class Plug : std::uint8_t { Cold, Hot };

/// The slots a bus has, both ends included.
struct SlotRange {
  std::uint8_t min = 0, max = 0;
  friend constexpr bool operator==(SlotRange, SlotRange) = default;
};

struct ControllerRule {
  pci::ControllerModel model;
  // As a bus:
  SlotRange slots;
  Seating seating;
  Plug plug;  ///< unless `<target hotplug='off'/>`
  KindSet accepts;
  // As a device:
  SlotKind asks_for;             ///< None: it is the root of its own tree
  bool shares_slot;              ///< several of them fill the functions of one slot
  std::string_view device_name;  ///< default `<model name=…>`: what QEMU calls it; empty where there must be none
};

// clang-format off
inline constexpr auto kControllerRules = [] {
  using enum pci::ControllerModel;
  using enum SlotKind;
  using enum Seating;
  using enum Plug;
  return std::to_array<ControllerRule>({
    // as a bus:                                                                                             as a device:
    // model                    slots    seating plug  accepts                                              asks for      shares slot  QEMU's name
    {PciRoot,                  {1, 31}, Auto,   Hot,  {PciDevice, Bridge, PciExpander},                    None,         false, ""},
    {PcieRoot,                 {1, 31}, ByUser, Cold, {PcieDevice, RootPort, DmiBridge, PcieExpander},     None,         false, ""},
    {PciBridge,                {1, 31}, Auto,   Hot,  {PciDevice, Bridge},                                 Bridge,       false, "pci-bridge"},
    {DmiToPciBridge,           {0, 31}, ByUser, Cold, {PciDevice, Bridge},                                 DmiBridge,    false, "i82801b11-bridge"},
    {PcieToPciBridge,          {1, 31}, Auto,   Hot,  {PciDevice, Bridge},                                 PcieBridge,   false, "pcie-pci-bridge"},
    {PcieRootPort,             {0, 0},  Auto,   Hot,  {PcieDevice, UpstreamPort, PcieBridge},              RootPort,     true,  "pcie-root-port"},
    {PcieSwitchUpstreamPort,   {0, 31}, ByUser, Cold, {DownstreamPort},                                    UpstreamPort, false, "x3130-upstream"},
    {PcieSwitchDownstreamPort, {0, 0},  Auto,   Hot,  {PcieDevice, UpstreamPort, PcieBridge},              DownstreamPort, false, "xio3130-downstream"},
    {PciExpanderBus,           {0, 31}, Auto,   Hot,  {PciDevice, Bridge},                                 PciExpander,  false, "pxb"},
    {PcieExpanderBus,          {0, 31}, ByUser, Cold, {RootPort, DmiBridge},                               PcieExpander, false, "pxb-pcie"},
  });
}();
// clang-format on

constexpr bool rows_are_in_model_order() {
  for (std::size_t i = 0; i < kControllerRules.size(); ++i)
    if (static_cast<std::size_t>(kControllerRules[i].model) != i) return false;
  return kControllerRules.size() == pci::kControllerModelNames.size();
}
static_assert(rows_are_in_model_order(), "rule_for() is an index");

constexpr bool ranges_are_slots() {
  for (const ControllerRule& rule : kControllerRules)
    if (rule.slots.min > rule.slots.max || rule.slots.max > pci::kSlotMax) return false;
  return true;
}
static_assert(ranges_are_slots());

constexpr const ControllerRule& rule_for(pci::ControllerModel model) {
  return kControllerRules[static_cast<std::size_t>(model)];
}

/// What the refusal of a device calls the controller it needs: "standard PCI device", "pcie-root-port" …
std::string_view required_name(SlotKind kind);

}  // namespace busproof::topology
