#include "fakesys/driver_rules.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace busproof::fakesys {
namespace {

using enum DriverRole;
using enum Enables;

/// Source: drivers/net/ethernet/intel/e1000e/e1000.h, enum e1000_boards
constexpr std::uint64_t kE1000eBoards = 16;

constexpr DriverRule kOrdinary = {"", Native, WhileBound, true, false, EIO, true, EIO};

// Sources: the probe and remove functions of the drivers themselves; the recordings for all that they show.
constexpr std::array kDriverRules = {
    //         name          role    enables     messages  sriov  foreign  powers up  lost  data
    DriverRule{"8139cp", Native, WhileBound, false, false, EIO, true, EIO},
    DriverRule{"8139too", Native, WhileBound, false, false, ENODEV, true, EIO},
    DriverRule{"ahci", Native, WhileBound, true, false, EINVAL, true, ENODEV},
    DriverRule{"e1000", Native, WhileBound, false, false, EIO, true, 0},
    DriverRule{"e1000e", Native, WhileBound, true, false, EIO, true, ENOENT, kE1000eBoards},
    DriverRule{"i801_smbus", Native, ForGood, false, false, ENODEV, true, ENODEV},
    DriverRule{"lpc_ich", Native, Never, false, false, ENODEV, false, ENODEV},
    DriverRule{"mlx5_core", Native, WhileBound, true, true, ENODEV, true, EIO},
    DriverRule{"nvme", Native, WhileBound, true, true, 0, true, 0, 0, false, true},
    DriverRule{"pci-stub", Stub, Never, false, false, 0, false, 0},
    DriverRule{"pciback", Stub, WhileBound, false, false, 0, true, 0},
    DriverRule{"pcieport", Port, WhileBound, true, false, ENODEV, false, 0},
    DriverRule{"serial", Native, WhileBound, false, false, ENODEV, true, EIO},
    DriverRule{"shpchp", Native, ForGood, true, false, ENODEV, false, EIO},
    DriverRule{"piix4_smbus", Native, Never, false, false, ENODEV, false, ENODEV},
    DriverRule{"vfio-pci", Vfio, Never, false, true, 0, true, 0},
    DriverRule{"mlx5_vfio_pci", Vfio, Never, false, true, 0, true, 0},
    DriverRule{"uhci_hcd", Native, WhileBound, true, false, EIO, true, EIO, 0, true},
    DriverRule{"virtio-pci", Native, WhileBound, true, true, ENODEV, true, 0},
    DriverRule{"xhci_hcd", Native, WhileBound, true, false, ENODEV, true, ENODEV},
};

constexpr PciId pair(std::uint32_t vendor, std::uint32_t device, std::uint64_t data = 0) {
  return {vendor, device, kAnyId, kAnyId, 0, 0, data, false};
}
constexpr PciId of_class(std::uint32_t code, std::uint32_t mask = 0xffffff) {
  return {kAnyId, kAnyId, kAnyId, kAnyId, code, mask, 0, false};
}

struct KnownIds {
  std::string_view driver;
  std::span<const PciId> ids;
};
constexpr PciId k8139[] = {pair(0x10ec, 0x8139)};
constexpr PciId kAhci[] = {of_class(0x010601), pair(0x8086, 0x2922)};
constexpr PciId kE1000[] = {pair(0x8086, 0x100e), pair(0x8086, 0x100f), pair(0x8086, 0x1004)};
constexpr PciId kE1000e[] = {pair(0x8086, 0x10d3), pair(0x8086, 0x105e)};
constexpr PciId kEhci[] = {of_class(0x0c0320)};
constexpr PciId kNvme[] = {pair(0x1b36, 0x0010), of_class(0x010802)};
constexpr PciId kOhci[] = {of_class(0x0c0310)};
constexpr PciId kPciback[] = {of_class(0, 0)};  // everything: its probe decides
constexpr PciId kPcieport[] = {of_class(0x060400), of_class(0x060401), of_class(0x080700)};
constexpr PciId kShpchp[] = {of_class(0x060400)};
constexpr PciId kUhci[] = {of_class(0x0c0300)};
constexpr PciId kVfio[] = {{kAnyId, kAnyId, kAnyId, kAnyId, 0, 0, 0, true}};
constexpr PciId kVirtio[] = {pair(0x1af4, kAnyId)};
constexpr PciId kXhci[] = {of_class(0x0c0330)};
constexpr std::array kKnown = {
    KnownIds{"8139cp", k8139},     KnownIds{"8139too", k8139},      KnownIds{"ahci", kAhci},
    KnownIds{"e1000", kE1000},     KnownIds{"e1000e", kE1000e},     KnownIds{"ehci-pci", kEhci},
    KnownIds{"nvme", kNvme},       KnownIds{"ohci-pci", kOhci},     KnownIds{"pcieport", kPcieport},
    KnownIds{"pciback", kPciback}, KnownIds{"shpchp", kShpchp},     KnownIds{"uhci_hcd", kUhci},
    KnownIds{"vfio-pci", kVfio},   KnownIds{"virtio-pci", kVirtio}, KnownIds{"xhci_hcd", kXhci},
};

}  // namespace

const DriverRule& rule_for(std::string_view driver) {
  const auto* found = std::ranges::find(kDriverRules, driver, &DriverRule::name);
  return found == kDriverRules.end() ? kOrdinary : *found;
}

std::span<const PciId> known_ids(std::string_view driver) {
  const auto* found = std::ranges::find(kKnown, driver, &KnownIds::driver);
  return found == kKnown.end() ? std::span<const PciId>{} : found->ids;
}

}  // namespace busproof::fakesys
