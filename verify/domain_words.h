#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// What random domains are made of: machines, controllers and models, and where the limits are.
namespace busproof::verify::words {

inline constexpr std::uint8_t kPc = 1, kQ35 = 2, kVirt = 4, kPseries = 8, kS390 = 16;
inline constexpr std::uint8_t kX86 = kPc | kQ35;
inline constexpr std::uint8_t kExpress = kQ35 | kVirt;
inline constexpr std::uint8_t kAnyMachine = 31;

struct MachineRow {
  std::uint8_t family;
  std::uint32_t weight;
  std::string_view arch;
  std::string_view machine;
};
inline constexpr std::array kMachines = {
    MachineRow{kPc, 8, "x86_64", "pc"},
    MachineRow{kPc, 2, "x86_64", "pc-i440fx-7.2"},
    MachineRow{kPc, 1, "x86_64", "pc-i440fx-2.12"},
    MachineRow{kQ35, 11, "x86_64", "q35"},
    MachineRow{kQ35, 2, "x86_64", "pc-q35-7.2"},
    MachineRow{kQ35, 1, "x86_64", "pc-q35-4.2"},
    MachineRow{kVirt, 4, "aarch64", "virt"},
    MachineRow{kVirt, 2, "riscv64", "virt"},
    MachineRow{kPseries, 4, "ppc64", "pseries"},
    MachineRow{kS390, 4, "s390x", "s390-ccw-virtio"},
};

/// A controller of type pci that a user may write on machines of those families.
struct ControllerRow {
  std::uint8_t families;
  std::uint32_t weight;
  std::string_view model;
  std::string_view parents;  ///< models it is usually put below, with blanks around each
  std::uint32_t slot_min, slot_max;
  bool seats_endpoints;
  std::string_view targets;  ///< attributes of <target> it knows
  std::string_view model_name;
};
inline constexpr std::array kControllers = {
    ControllerRow{kAnyMachine, 3, "pci-bridge",
                  " pci-root pci-bridge dmi-to-pci-bridge pcie-to-pci-bridge pci-expander-bus ", 1, 31, true,
                  " chassisNr ", "pci-bridge"},
    ControllerRow{kPc, 2, "pci-expander-bus", " pci-root ", 0, 31, true, " busNr node ", "pxb"},
    ControllerRow{kExpress, 9, "pcie-root-port", " pcie-root pcie-expander-bus ", 0, 0, true, " chassis port hotplug ",
                  "pcie-root-port"},
    ControllerRow{kExpress, 2, "pcie-switch-upstream-port", " pcie-root-port pcie-switch-downstream-port ", 0, 31,
                  false, "  ", "x3130-upstream"},
    ControllerRow{kExpress, 4, "pcie-switch-downstream-port", " pcie-switch-upstream-port ", 0, 0, true,
                  " chassis port hotplug ", "xio3130-downstream"},
    ControllerRow{kExpress, 2, "pcie-to-pci-bridge", " pcie-root-port pcie-switch-downstream-port ", 1, 31, true, "  ",
                  "pcie-pci-bridge"},
    ControllerRow{kExpress, 2, "dmi-to-pci-bridge", " pcie-root pcie-expander-bus ", 0, 31, true, "  ",
                  "i82801b11-bridge"},
    ControllerRow{kExpress, 2, "pcie-expander-bus", " pcie-root ", 0, 31, false, " busNr node ", "pxb-pcie"},
    ControllerRow{kPseries, 5, "pci-root", " none ", 1, 31, true, " index node ", "spapr-pci-host-bridge"},
};
inline constexpr ControllerRow kConventionalRoot{kPc, 0, "pci-root", "", 1, 31, true, " hotplug ", ""};
inline constexpr ControllerRow kExpressRoot{kExpress, 0, "pcie-root", "", 1, 31, true, "  ", ""};

inline constexpr std::array<std::string_view, 3> kVirtioModels = {"virtio", "virtio-transitional",
                                                                  "virtio-non-transitional"};
inline constexpr std::array<std::string_view, 20> kNicModels = {
    "virtio",
    "virtio",
    "virtio",
    "virtio",
    "virtio",
    "e1000",
    "e1000",
    "e1000e",
    "rtl8139",
    "",
    "vmxnet3",
    "ne2k_pci",
    "pcnet",
    "i82551",
    "virtio-transitional",
    "virtio-non-transitional",
    "igb",
    "E1000",
    "netfront",
    "usb-net",
};
inline constexpr std::array<std::string_view, 8> kUsbModels = {"qemu-xhci", "nec-xhci", "piix3-uhci", "piix4-uhci",
                                                               "ehci",      "pci-ohci", "",           "vt82c686b-uhci"};
inline constexpr std::array<std::string_view, 8> kScsiModels = {
    "virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078", "", "virtio-transitional", "virtio-non-transitional",
    "virtio-scsi"};
inline constexpr std::array<std::string_view, 8> kSoundModels = {"ich6", "ich9", "ac97", "es1370",
                                                                 "ich9", "sb16", "usb",  "ich7"};
inline constexpr std::array<std::string_view, 8> kPrimaryVideos = {"vga",   "cirrus", "qxl",   "virtio",
                                                                   "bochs", "none",   "ramfb", "vmvga"};
inline constexpr std::array<std::string_view, 3> kSecondVideos = {"qxl", "virtio", "qxl"};
inline constexpr std::array<std::string_view, 3> kInterfaceTypes = {"user", "network", "bridge"};
inline constexpr std::array<std::string_view, 10> kOtherAddressTypes = {
    "drive", "usb", "virtio-serial", "ccid", "isa", "ccw", "virtio-mmio", "spapr-vio", "unassigned", "dimm"};
inline constexpr std::array<std::uint32_t, 9> kEdgeSlots = {0, 1, 2, 3, 0x1a, 0x1b, 0x1d, 0x1e, 0x1f};
inline constexpr std::array<std::uint32_t, 6> kEdgeFunctions = {1, 2, 3, 6, 7, 7};
/// How many devices just fit, or just do not (spec 13).
inline constexpr std::array<std::uint32_t, 14> kEdgeCounts = {1, 2, 7, 8, 9, 28, 29, 30, 31, 32, 59, 60, 61, 62};

}  // namespace busproof::verify::words
