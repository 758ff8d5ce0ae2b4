#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/domain/domain.h"
#include "engine/topology/machine_rules.h"

/// What QEMU 7.2 calls the devices that can sit on a PCI bus, in the order in which libvirt 9.0.0 passes them. PCI
/// controllers, which name their own device (`<model name>`), come before all but the IOMMU.
namespace busproof::report {

/// What a device needs besides itself before QEMU starts.
enum class Backend : std::uint8_t {
  None,
  Image,
  SharedMemory,
  Characters,
  Audio,
  Host,  ///< something of the host's or of another program: nothing that could be made up
};

/// One row a model; the first that fits a device decides.
struct QemuDevice {
  domain::DeviceKind kind;
  std::string_view subject;  ///< topology::subject_of(), empty fits any
  std::string_view model;    ///< as libvirt completes it; empty fits any
  std::string_view driver;   ///< empty: what the XML calls the model
  std::string_view id;       ///< what libvirt's alias begins with; a number follows
  Backend backend = Backend::None;
};

// clang-format off
inline constexpr auto kQemuDevices = [] {
  using enum domain::DeviceKind;
  using enum Backend;
  return std::to_array<QemuDevice>({
    // kind      subject          model             QEMU's name             id                needs
    {Iommu,      "",              "virtio",         "virtio-iommu-pci",     "iommu"},
    {Controller, "usb",           "piix3-uhci",     "piix3-usb-uhci",       "usb"},
    {Controller, "usb",           "piix4-uhci",     "piix4-usb-uhci",       "usb"},
    {Controller, "usb",           "ehci",           "usb-ehci",             "usb"},
    {Controller, "usb",           "ich9-ehci1",     "ich9-usb-ehci1",       "usb"},
    {Controller, "usb",           "ich9-uhci1",     "ich9-usb-uhci1",       "usb"},
    {Controller, "usb",           "ich9-uhci2",     "ich9-usb-uhci2",       "usb"},
    {Controller, "usb",           "ich9-uhci3",     "ich9-usb-uhci3",       "usb"},
    {Controller, "usb",           "vt82c686b-uhci", "vt82c686b-usb-uhci",   "usb"},
    {Controller, "usb",           "nec-xhci",       "nec-usb-xhci",         "usb"},
    {Controller, "usb",           "",               "",                     "usb"},
    {Controller, "scsi",          "virtio-scsi",    "virtio-scsi-pci",      "scsi"},
    {Controller, "scsi",          "virtio",         "virtio-scsi-pci",      "scsi"},
    {Controller, "scsi",          "lsilogic",       "lsi",                  "scsi"},
    {Controller, "scsi",          "lsisas1068",     "mptsas1068",           "scsi"},
    {Controller, "scsi",          "lsisas1078",     "megasas",              "scsi"},
    {Controller, "scsi",          "vmpvscsi",       "pvscsi",               "scsi"},
    {Controller, "scsi",          "",               "",                     "scsi"},
    {Controller, "sata",          "",               "ahci",                 "sata"},
    {Controller, "virtio-serial", "",               "virtio-serial-pci",    "virtio-serial"},
    {Memory,     "",              "virtio-mem",     "virtio-mem-pci",       "virtiomem",      Host},
    {Memory,     "",              "virtio-pmem",    "virtio-pmem-pci",      "virtiopmem",     Host},
    {Disk,       "virtio",        "",               "virtio-blk-pci",       "virtio-disk",    Image},
    {Filesystem, "virtiofs",      "",               "vhost-user-fs-pci",    "fs",             Host},
    {Filesystem, "",              "",               "virtio-9p-pci",        "fs",             Host},
    {Interface,  "hostdev",       "",               "vfio-pci",             "hostdev",        Host},
    {Interface,  "",              "virtio",         "virtio-net-pci",       "net"},
    {Interface,  "",              "",               "",                     "net"},
    {Serial,     "pci-serial",    "",               "pci-serial",           "serial",         Characters},
    {Input,      "virtio",        "",               "",                     "input"},  // by the input's type: see below
    {Video,      "",              "vga",            "VGA",                  "video"},
    {Video,      "",              "cirrus",         "cirrus-vga",           "video"},
    {Video,      "",              "vmvga",          "vmware-svga",          "video"},
    {Video,      "",              "bochs",          "bochs-display",        "video"},
    {Video,      "",              "qxl",            "qxl",                  "video"},
    {Video,      "",              "virtio",         "virtio-gpu-pci",       "video"},
    {Video,      "",              "",               "",                     "video"},
    {Sound,      "",              "es1370",         "ES1370",               "sound",          Audio},
    {Sound,      "",              "ac97",           "AC97",                 "sound",          Audio},
    {Sound,      "",              "ich6",           "intel-hda",            "sound"},
    {Sound,      "",              "ich9",           "ich9-intel-hda",       "sound"},
    {Watchdog,   "",              "",               "",                     "watchdog"},
    {Hostdev,    "scsi_host",     "",               "vhost-scsi-pci",       "hostdev",        Host},
    {Hostdev,    "",              "",               "vfio-pci",             "hostdev",        Host},
    {Memballoon, "",              "",               "virtio-balloon-pci",   "balloon"},
    {Rng,        "",              "",               "virtio-rng-pci",       "rng"},
    {Shmem,      "",              "ivshmem-plain",  "ivshmem-plain",        "shmem",          SharedMemory},
    {Shmem,      "",              "",               "ivshmem-doorbell",     "shmem",          Host},
    {Vsock,      "",              "",               "vhost-vsock-pci",      "vsock",          Host},
  });
}();

/// A virtio input is one device or another by the `<input type>`.
struct QemuInput {
  std::string_view type, driver;
  Backend backend = Backend::None;
};
inline constexpr auto kQemuInputs = std::to_array<QemuInput>({
    {"mouse",       "virtio-mouse-pci"},
    {"tablet",      "virtio-tablet-pci"},
    {"keyboard",    "virtio-keyboard-pci"},
    {"passthrough", "virtio-input-host-pci", Backend::Host},
    {"evdev",       "virtio-input-host-pci", Backend::Host},
});

/// The primary video is another device where QEMU has one with a VGA part.
struct QemuPrimaryVideo {
  std::string_view model, driver;
};
inline constexpr topology::EnumSet<topology::Arch> kQemuHasVga = {topology::Arch::X86_64, topology::Arch::I686,
                                                                  topology::Arch::Riscv64, topology::Arch::Riscv32};
inline constexpr auto kQemuPrimaryVideos = std::to_array<QemuPrimaryVideo>({
    {"qxl",    "qxl-vga"},
    {"virtio", "virtio-vga"},
});

/// What can be made up for a device that would otherwise keep QEMU from starting: an argument that defines it under a
/// name, and the property that uses it. Without an argument: another device takes its place.
struct QemuStandIn {
  Backend backend;
  std::string_view option, value;  ///< the name is put for NAME
  std::string_view property;
};
inline constexpr auto kQemuStandIns = std::to_array<QemuStandIn>({
    {Backend::Image,         "-blockdev", "driver=null-co,node-name=NAME,size=1048576,read-zeroes=on", "drive"},
    {Backend::SharedMemory, "-object",   "memory-backend-ram,id=NAME,size=1M,share=on",               "memdev"},
    {Backend::Characters,   "-chardev",  "null,id=NAME",                                              "chardev"},
    {Backend::Audio,        "-audiodev", "none,id=NAME",                                              "audiodev"},
});

/// In the place of one with a Backend::Host: QEMU takes it on conventional buses and on PCI Express ones.
inline constexpr std::string_view kQemuStandInDevice = "virtio-rng-pci";
// clang-format on

}  // namespace busproof::report
