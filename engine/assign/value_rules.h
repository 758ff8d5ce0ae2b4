#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/topology/machine_rules.h"

/// Values that libvirt can read and its QEMU driver refuses, everywhere or where the architecture's QEMU or the machine
/// has nothing of the kind.
namespace busproof::assign {

using Arches = topology::EnumSet<topology::Arch>;

struct ValueRule {
  Arches arches;  ///< where it is refused
  domain::DeviceKind kind;
  /// What sorts devices of one kind before their model does (see topology::subject_of); empty fits any.
  std::string_view subject;
  std::string domain::Device::* field;
  std::string_view value;    ///< of the field; empty fits any
  std::string_view refusal;  ///< libvirt's text; {value}, {type} and {hypervisor} stand for what there is
  std::string_view remedy;
};

/// `<model name>` of a serial port's target: the type it needs, and where QEMU has it.
struct SerialModelRule {
  std::string_view model;
  std::string_view type;
  Arches arches;
  bool is_usual;  ///< what libvirt takes for that type where the XML names none
};

/// Errors: E414 when a row fits the device, or a serial port's model does not fit its type. The error names no device.
Result<void> check_values(const domain::Device& device, const domain::Domain& domain, topology::Arch arch);

// Which architecture lacks what was asked of libvirt 9.0.0 beside the QEMU 7.2 of Debian 12, built for each.
inline constexpr Arches kEverywhere = [] {
  using enum topology::Arch;
  return Arches{X86_64, I686,  Aarch64, Armv7l, Armv6l,  Riscv64, Riscv32, Ppc64,  Ppc64le, Ppc,
                S390x,  Alpha, Sh4,     Sh4eb,  Sparc64, Mips,    Mipsel,  Mips64, Mips64el};
}();
inline constexpr Arches kNotX86 = [] {
  using enum topology::Arch;
  return Arches{Aarch64, Armv7l, Armv6l, Riscv64, Riscv32, Ppc64,  Ppc64le, Ppc,     S390x,
                Alpha,   Sh4,    Sh4eb,  Sparc64, Mips,    Mipsel, Mips64,  Mips64el};
}();
inline constexpr Arches kNotX86OrArm = [] {
  using enum topology::Arch;
  return Arches{Riscv64, Riscv32, Ppc64,   Ppc64le, Ppc,    S390x,  Alpha,
                Sh4,     Sh4eb,   Sparc64, Mips,    Mipsel, Mips64, Mips64el};
}();
inline constexpr Arches kNotS390 = [] {
  using enum topology::Arch;
  return Arches{X86_64, I686,  Aarch64, Armv7l, Armv6l,  Riscv64, Riscv32, Ppc64,  Ppc64le,
                Ppc,    Alpha, Sh4,     Sh4eb,  Sparc64, Mips,    Mipsel,  Mips64, Mips64el};
}();
inline constexpr Arches kNotPpc64 = [] {
  using enum topology::Arch;
  return Arches{X86_64, I686, Aarch64, Armv7l,  Armv6l, Riscv64, Riscv32, Ppc,     S390x,
                Alpha,  Sh4,  Sh4eb,   Sparc64, Mips,   Mipsel,  Mips64,  Mips64el};
}();
inline constexpr Arches kS390 = {topology::Arch::S390x};
inline constexpr Arches kWithoutRamfb = [] {
  using enum topology::Arch;
  return Arches{Ppc64, Ppc64le, Ppc, S390x, Alpha, Sh4, Sh4eb, Sparc64, Mips, Mipsel, Mips64, Mips64el};
}();
inline constexpr Arches kWithoutPs2 = [] {
  using enum topology::Arch;
  return Arches{Aarch64, Armv7l, Armv6l, Riscv64, Riscv32, S390x, Sh4, Sh4eb};
}();
inline constexpr Arches kWithoutIvshmem = [] {
  using enum topology::Arch;
  return Arches{S390x, Alpha, Sh4, Sh4eb, Sparc64, Mips, Mipsel, Mips64};
}();
inline constexpr Arches kWithoutMemoryHotplug = [] {
  using enum topology::Arch;
  return Arches{Riscv64, Riscv32, Ppc, S390x, Alpha, Sh4, Sh4eb, Sparc64, Mips, Mipsel, Mips64, Mips64el};
}();

// clang-format off
inline constexpr auto kValueRules = [] {
  using enum domain::DeviceKind;
  using domain::Device;
  constexpr std::string_view kNoVideo = "unsupported configuration: domain configuration does not support video model '{value}'";
  constexpr std::string_view kNoTransitional = "unsupported configuration: virtio (non-)transitional models are not supported for input type={type}";
  constexpr std::string_view kNoFilesystem = "unsupported configuration: Filesystem driver type not supported";
  constexpr std::string_view kNoPs2 = "unsupported configuration: ps2 is not supported by this QEMU binary";
  constexpr std::string_view kNoEvdevBus = "unsupported configuration: input evdev doesn't support bus element";
  constexpr std::string_view kNotVirtio = "unsupported configuration: only bus 'virtio' is supported for 'passthrough' input devices";
  constexpr std::string_view kNoShmem = "unsupported configuration: shmem model '{value}' is not supported by this QEMU binary";
  constexpr std::string_view kNoSmartcard = "unsupported configuration: this QEMU binary lacks smartcard host mode support";
  constexpr std::string_view kNoConsole = "unsupported configuration: unsupported console target type {value}";
  constexpr std::string_view kVideos = "use virtio, vga, qxl, bochs or cirrus";
  constexpr std::string_view kVirtioVideo = "use model type='virtio': the QEMU of this architecture lacks the other";
  constexpr std::string_view kVirtioScsi = "use model='virtio-scsi': the QEMU of this architecture lacks the other";
  constexpr std::string_view kVirtioInput = "use bus='virtio': the QEMU of this architecture lacks the other";
  constexpr std::string_view kRemoveIt = "remove it: the QEMU of this architecture has none";
  return std::to_array<ValueRule>({
    // refused on           kind        subject       field                 value                     refusal
    {kEverywhere,           Hostdev,    "",           &Device::mode,        "capabilities",            "unsupported configuration: hostdev mode '{value}' is not supported in {hypervisor}", "use mode='subsystem'"},
    {kNotS390,              Hostdev,    "mdev",       &Device::model,       "vfio-ccw",                "unsupported configuration: VFIO CCW device assignment is not supported by this version of QEMU", "use model='vfio-pci': only s390x has the others"},
    {kNotS390,              Hostdev,    "mdev",       &Device::model,       "vfio-ap",                 "unsupported configuration: VFIO AP device assignment is not supported by this version of QEMU", "use model='vfio-pci': only s390x has the others"},
    {kEverywhere,           Video,      "",           &Device::model,       "xen",                     kNoVideo, kVideos},
    {kEverywhere,           Video,      "",           &Device::model,       "vbox",                    kNoVideo, kVideos},
    {kEverywhere,           Video,      "",           &Device::model,       "parallels",               kNoVideo, kVideos},
    {kEverywhere,           Video,      "",           &Device::model,       "gop",                     kNoVideo, kVideos},
    {kNotX86,               Video,      "",           &Device::model,       "qxl",                     kNoVideo, kVirtioVideo},
    {kWithoutRamfb,         Video,      "",           &Device::model,       "ramfb",                   kNoVideo, kVirtioVideo},
    {kS390,                 Video,      "",           &Device::model,       "vga",                     kNoVideo, kVirtioVideo},
    {kS390,                 Video,      "",           &Device::model,       "cirrus",                  kNoVideo, kVirtioVideo},
    {kS390,                 Video,      "",           &Device::model,       "vmvga",                   kNoVideo, kVirtioVideo},
    {kS390,                 Video,      "",           &Device::model,       "bochs",                   kNoVideo, kVirtioVideo},
    {kEverywhere,           Controller, "scsi",       &Device::model,       "buslogic",                "unsupported configuration: Unsupported controller model: {value}", "use virtio-scsi"},
    {kS390,                 Controller, "scsi",       &Device::model,       "lsilogic",                "unsupported configuration: This QEMU doesn't support the LSI 53C895A SCSI controller", kVirtioScsi},
    {kS390,                 Controller, "scsi",       &Device::model,       "lsisas1068",              "unsupported configuration: This QEMU doesn't support the LSI SAS1068 (MPT Fusion) controller", kVirtioScsi},
    {kS390,                 Controller, "scsi",       &Device::model,       "lsisas1078",              "unsupported configuration: This QEMU doesn't support the LSI SAS1078 (MegaRAID) controller", kVirtioScsi},
    {kS390,                 Controller, "scsi",       &Device::model,       "vmpvscsi",                "unsupported configuration: This QEMU doesn't support the pvscsi (VMware paravirtual SCSI) controller", kVirtioScsi},
    {kS390,                 Controller, "sata",       &Device::model,       "",                        "unsupported configuration: SATA is not supported with this QEMU binary", "put the disks on bus='virtio' or 'scsi'"},
    {kEverywhere,           Input,      "xen",        &Device::type,        "",                        "internal error: unsupported input bus xen", "use bus='usb' or 'virtio'"},
    {kEverywhere,           Input,      "",           &Device::model,       "virtio-transitional",     kNoTransitional, "use model='virtio', or leave it out"},
    {kEverywhere,           Input,      "",           &Device::model,       "virtio-non-transitional", kNoTransitional, "use model='virtio', or leave it out"},
    {kEverywhere,           Input,      "usb",        &Device::type,        "evdev",                   kNoEvdevBus, "leave the bus out"},
    {kEverywhere,           Input,      "virtio",     &Device::type,        "evdev",                   kNoEvdevBus, "write bus='none'"},
    {kEverywhere,           Input,      "usb",        &Device::type,        "passthrough",             kNotVirtio, "use bus='virtio'"},
    {kEverywhere,           Input,      "none",       &Device::type,        "passthrough",             kNotVirtio, "use bus='virtio'"},
    {kS390,                 Input,      "virtio",     &Device::type,        "passthrough",             "unsupported configuration: virtio-input-host is not supported by this QEMU binary", kRemoveIt},
    {kS390,                 Input,      "usb",        &Device::type,        "keyboard",                "unsupported configuration: usb keyboard is not supported by this QEMU binary", kVirtioInput},
    {kWithoutPs2,           Input,      "ps2",        &Device::type,        "mouse",                   kNoPs2, kVirtioInput},
    {kWithoutPs2,           Input,      "ps2",        &Device::type,        "keyboard",                kNoPs2, kVirtioInput},
    {kEverywhere,           Sound,      "",           &Device::model,       "ich7",                    "internal error: sound card model '{value}' is not supported by qemu", "use model='ich6' or 'ich9'"},
    {kS390,                 Sound,      "",           &Device::model,       "ich9",                    "unsupported configuration: The ich9-intel-hda audio controller is not supported in this QEMU binary", kRemoveIt},
    {kEverywhere,           Filesystem, "loop",       &Device::type,        "",                        kNoFilesystem, "use type='path' or 'virtiofs'"},
    {kEverywhere,           Filesystem, "nbd",        &Device::type,        "",                        kNoFilesystem, "use type='path' or 'virtiofs'"},
    {kEverywhere,           Filesystem, "ploop",      &Device::type,        "",                        kNoFilesystem, "use type='path' or 'virtiofs'"},
    {kEverywhere,           Memballoon, "",           &Device::model,       "xen",                     "unsupported configuration: Memory balloon device type '{value}' is not supported by this version of qemu", "use model='virtio', or 'none'"},
    {kEverywhere,           Shmem,      "",           &Device::model,       "ivshmem",                 "unsupported configuration: ivshmem device is not supported with this QEMU binary", "use model type='ivshmem-plain' or 'ivshmem-doorbell'"},
    {kWithoutIvshmem,       Shmem,      "",           &Device::model,       "ivshmem-plain",           kNoShmem, kRemoveIt},
    {kWithoutIvshmem,       Shmem,      "",           &Device::model,       "ivshmem-doorbell",        kNoShmem, kRemoveIt},
    {kS390,                 Hub,        "",           &Device::type,        "",                        "unsupported configuration: usb-hub not supported by QEMU binary", kRemoveIt},
    {kS390,                 Redirdev,   "",           &Device::bus,         "usb",                     "unsupported configuration: USB redirection is not supported by this version of QEMU", kRemoveIt},
    {kS390,                 Smartcard,  "",           &Device::mode,        "host",                    kNoSmartcard, kRemoveIt},
    {kS390,                 Smartcard,  "",           &Device::mode,        "host-certificates",       kNoSmartcard, kRemoveIt},
    {kS390,                 Smartcard,  "",           &Device::mode,        "passthrough",             "unsupported configuration: this QEMU binary lacks smartcard passthrough mode support", kRemoveIt},
    {kEverywhere,           Console,    "",           &Device::target_type, "xen",                     kNoConsole, "use target type='serial' or 'virtio'"},
    {kEverywhere,           Console,    "",           &Device::target_type, "uml",                     kNoConsole, "use target type='serial' or 'virtio'"},
    {kEverywhere,           Console,    "",           &Device::target_type, "lxc",                     kNoConsole, "use target type='serial' or 'virtio'"},
    {kEverywhere,           Console,    "",           &Device::target_type, "openvz",                  kNoConsole, "use target type='serial' or 'virtio'"},
    {kNotS390,              Console,    "",           &Device::target_type, "sclp",                    "unsupported configuration: {value}console is not supported in this QEMU binary", "use target type='serial' or 'virtio'"},
    {kNotS390,              Console,    "",           &Device::target_type, "sclplm",                  "unsupported configuration: {value}console is not supported in this QEMU binary", "use target type='serial' or 'virtio'"},
    {kNotX86,               Serial,     "isa-debug",  &Device::type,        "",                        "unsupported configuration: isa-debug serial type only valid on x86 architecture", "leave the target's type out"},
    {kNotX86,               Panic,      "",           &Device::model,       "isa",                     "unsupported configuration: the QEMU binary does not support the ISA panic device", "leave the model out, or remove it"},
    {kNotX86,               Panic,      "",           &Device::model,       "hyperv",                  "unsupported configuration: only i686 and x86_64 guests support panic device of model 'hyperv'", "leave the model out, or remove it"},
    {kNotPpc64,             Panic,      "",           &Device::model,       "pseries",                 "unsupported configuration: only pSeries guests support panic device of model 'pseries'", "leave the model out, or remove it"},
    {kNotS390,              Panic,      "",           &Device::model,       "s390",                    "unsupported configuration: only S390 guests support panic device of model 's390'", "leave the model out, or remove it"},
    {kNotX86OrArm,          Memory,     "",           &Device::model,       "virtio-mem",              "unsupported configuration: virtio-mem isn't supported by this QEMU binary", kRemoveIt},
    {kNotX86,               Memory,     "",           &Device::model,       "virtio-pmem",             "unsupported configuration: virtio-pmem isn't supported by this QEMU binary", kRemoveIt},
    {kWithoutMemoryHotplug, Memory,     "",           &Device::model,       "dimm",                    "unsupported configuration: memory hotplug isn't supported by this QEMU binary", kRemoveIt},
    {kWithoutMemoryHotplug, Memory,     "",           &Device::model,       "nvdimm",                  "unsupported configuration: nvdimm isn't supported by this QEMU binary", kRemoveIt},
  });
}();
// clang-format on

// clang-format off
inline constexpr auto kSerialModelRules = [] {
  using enum topology::Arch;
  return std::to_array<SerialModelRule>({
    {"isa-serial",     "isa-serial",       kEverywhere,                 false},
    {"usb-serial",     "usb-serial",       kEverywhere,                 false},
    {"pci-serial",     "pci-serial",       kEverywhere,                 false},
    {"isa-debugcon",   "isa-debug",        {X86_64, I686},              false},
    {"spapr-vty",      "spapr-vio-serial", {Ppc64, Ppc64le},            true},
    {"pl011",          "system-serial",    {Aarch64, Armv7l, Armv6l},   false},
    {"16550a",         "system-serial",    {Riscv64, Riscv32},          false},
    {"sclpconsole",    "sclp-serial",      {S390x},                     true},
    {"sclplmconsole",  "sclp-serial",      {S390x},                     false},
  });
}();
// clang-format on

}  // namespace busproof::assign
