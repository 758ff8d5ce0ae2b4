#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/domain/domain.h"
#include "engine/topology/slot_map.h"

/// What every kind of device asks of a PCI bus (spec 3) and in which order libvirt seats them (spec 4.9).
namespace busproof::topology {

/// The place a device asks for when libvirt seats it.
enum class Want : std::uint8_t {
  Nothing,       ///< not a PCI device: passed over
  Impossible,    ///< passed to the search although no bus takes it; libvirt refuses ("connect flags 00")
  Conventional,  ///< a conventional PCI slot
  Express,       ///< a PCIe slot where bus 0 is PCIe, else a conventional one
  Integrated,    ///< as Express, and on bus 0 only
};

/// One row of kDeviceRules: the first row that fits a device decides.
struct DeviceRule {
  domain::DeviceKind kind;
  /// What sorts devices of one kind before their model does (see subject_of); empty fits any.
  std::string_view subject;
  /// As the XML spells it, compared without regard to case; empty fits any.
  std::string_view model;
  Want want;
};

// clang-format off
inline constexpr auto kDeviceRules = [] {
  using enum domain::DeviceKind;
  using enum Want;
  return std::to_array<DeviceRule>({
    // kind      subject          model                      want
    {Disk,       "virtio",        "virtio-transitional",     Conventional},
    {Disk,       "virtio",        "",                        Express},
    {Disk,       "",              "",                        Nothing},

    {Interface,  "hostdev",       "",                        Express},  // the card decides: see wants()
    {Interface,  "",              "virtio",                  Express},
    {Interface,  "",              "virtio-non-transitional", Express},
    {Interface,  "",              "virtio-transitional",     Conventional},
    {Interface,  "",              "e1000e",                  Express},
    {Interface,  "",              "usb-net",                 Impossible},
    {Interface,  "",              "rtl8139",                 Conventional},
    {Interface,  "",              "e1000",                   Conventional},
    {Interface,  "",              "netfront",                Conventional},
    {Interface,  "",              "vmxnet",                  Conventional},
    {Interface,  "",              "vmxnet2",                 Conventional},
    {Interface,  "",              "vmxnet3",                 Conventional},
    {Interface,  "",              "vlance",                  Conventional},
    {Interface,  "",              "am79c970a",               Conventional},
    {Interface,  "",              "am79c973",                Conventional},
    {Interface,  "",              "82540em",                 Conventional},
    {Interface,  "",              "82545em",                 Conventional},
    {Interface,  "",              "82543gc",                 Conventional},
    {Interface,  "",              "lan9118",                 Conventional},
    {Interface,  "",              "scm91c111",               Conventional},
    {Interface,  "",              "spapr-vlan",              Conventional},
    {Interface,  "",              "",                        Express},  // a model libvirt does not know

    {Sound,      "",              "es1370",                  Conventional},
    {Sound,      "",              "ac97",                    Conventional},
    {Sound,      "",              "ich6",                    Conventional},
    {Sound,      "",              "ich9",                    Conventional},
    {Sound,      "",              "ich7",                    Impossible},
    {Sound,      "",              "",                        Nothing},

    {Hostdev,    "pci",           "",                        Express},  // the card decides: see wants()
    {Hostdev,    "mdev",          "vfio-pci",                Express},
    {Hostdev,    "scsi_host",     "virtio-transitional",     Conventional},
    {Hostdev,    "scsi_host",     "",                        Express},
    {Hostdev,    "",              "",                        Nothing},

    {Video,      "",              "virtio",                  Express},
    {Video,      "",              "bochs",                   Express},
    {Video,      "",              "vga",                     Conventional},
    {Video,      "",              "cirrus",                  Conventional},
    {Video,      "",              "vmvga",                   Conventional},
    {Video,      "",              "xen",                     Conventional},
    {Video,      "",              "vbox",                    Conventional},
    {Video,      "",              "qxl",                     Conventional},
    {Video,      "",              "parallels",               Conventional},
    {Video,      "",              "none",                    Nothing},
    {Video,      "",              "ramfb",                   Nothing},
    {Video,      "",              "",                        Impossible},  // gop

    {Controller, "ide",           "",                        Conventional},
    {Controller, "sata",          "",                        Conventional},
    {Controller, "fdc",           "",                        Nothing},
    {Controller, "ccid",          "",                        Nothing},
    {Controller, "scsi",          "ncr53c90",                Nothing},
    {Controller, "scsi",          "virtio-scsi",             Express},
    {Controller, "scsi",          "virtio-non-transitional", Express},
    {Controller, "scsi",          "",                        Conventional},
    {Controller, "virtio-serial", "virtio-transitional",     Conventional},
    {Controller, "virtio-serial", "",                        Express},
    {Controller, "usb",           "none",                    Nothing},
    {Controller, "usb",           "qemu-xhci",               Express},
    {Controller, "usb",           "nec-xhci",                Express},
    {Controller, "usb",           "",                        Conventional},
    {Controller, "",              "",                        Impossible},  // xenbus, isa

    {Serial,     "pci-serial",    "",                        Conventional},
    {Input,      "virtio",        "virtio-transitional",     Conventional},
    {Input,      "virtio",        "",                        Express},
    {Filesystem, "virtiofs",      "",                        Express},
    {Filesystem, "",              "virtio-transitional",     Conventional},
    {Filesystem, "path",          "",                        Express},
    {Filesystem, "handle",        "",                        Express},
    {Filesystem, "loop",          "",                        Impossible},
    {Filesystem, "nbd",           "",                        Impossible},
    {Filesystem, "ploop",         "",                        Impossible},
    {Filesystem, "",              "",                        Express},
    {Watchdog,   "",              "i6300esb",                Conventional},
    {Memballoon, "",              "none",                    Nothing},
    {Memballoon, "",              "xen",                     Nothing},
    {Memballoon, "",              "virtio-transitional",     Conventional},
    {Memballoon, "",              "",                        Express},
    {Rng,        "",              "virtio-transitional",     Conventional},
    {Rng,        "",              "",                        Express},
    {Shmem,      "",              "",                        Conventional},
    {Memory,     "",              "virtio-mem",              Express},
    {Memory,     "",              "virtio-pmem",             Express},
    {Iommu,      "",              "virtio",                  Integrated},
    {Vsock,      "",              "virtio-transitional",     Conventional},
    {Vsock,      "",              "",                        Express},
  });
}();
// clang-format on

/// What the subject column is compared with: a disk's or input's bus, a filesystem's driver, a serial's target type, a
/// controller's type, else the element's own type.
std::string_view subject_of(const domain::Device& device);

/// The row's want for the device as libvirt 9.0.0 sees it. PCI controllers are not asked here: see kControllerRules.
Want wants(const domain::Device& device);

/// One step of the seating order; devices of a step follow in list order.
enum class SeatingStep : std::uint8_t {
  PciControllers,
  Filesystems,
  Interfaces,
  Sounds,
  OtherControllers,
  Disks,
  Hostdevs,  ///< interfaces of type hostdev come first
  Memballoon,
  Rngs,
  Watchdog,
  Videos,
  Shmems,
  Inputs,
  Serials,
  Iommu,
  Vsock,
  Memory,
};
inline constexpr std::size_t kSeatingStepCount = 17;

/// The step in which libvirt would seat the device; nothing for kinds that it never seats on a PCI bus.
std::optional<SeatingStep> seating_step(const domain::Device& device);

/// Whether the device is one of the four ICH9 USB2 controllers, which share a slot, and on which function of it.
std::optional<std::uint8_t> usb2_function(const domain::Device& device);

}  // namespace busproof::topology
