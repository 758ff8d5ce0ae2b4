#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"

/// What libvirt assumes about every machine type: one row a kind of machine, the first row that fits decides (spec 0.3,
/// 4.2, 4.3).
namespace busproof::topology {

/// Machines that share a chipset, as far as their buses go (spec 0.3).
enum class Family : std::uint8_t {
  I440fx,
  Q35,
  NoPci,  ///< isapc, microvm, xenfv, none …: no PCI bus of its own, and asking for one is refused
  ArmVirt,
  RiscvVirt,
  Pseries,
  S390,
  OtherPpc,    ///< every other ppc machine: pci-root, no fixed devices
  OtherPci,    ///< alpha, sh4, sparc64, versatilepb, malta: pci-root, no fixed devices
  NoPciOther,  ///< other boards: libvirt 9 leaves their devices without an address
};

/// The architectures of which at least one machine is modelled, as `<type arch='…'>` spells them.
enum class Arch : std::uint8_t {
  X86_64,
  I686,
  Aarch64,
  Armv7l,
  Armv6l,
  Riscv64,
  Riscv32,
  Ppc64,
  Ppc64le,
  Ppc,
  S390x,
  Alpha,
  Sh4,
  Sh4eb,
  Sparc64,
  Mips,
  Mipsel,
  Mips64,
  Mips64el,
};
inline constexpr std::size_t kArchCount = 19;

struct ArchRule {
  Arch arch;
  std::string_view name;
  std::string_view usb_model;  ///< of a USB controller for which the XML names none
  bool has_virtio_mmio;        ///< QEMU has virtio-mmio devices for it
};

// clang-format off
inline constexpr auto kArchRules = std::to_array<ArchRule>({
  {Arch::X86_64,   "x86_64",   "piix3-uhci", true},
  {Arch::I686,     "i686",     "piix3-uhci", true},
  {Arch::Aarch64,  "aarch64",  "qemu-xhci",  true},
  {Arch::Armv7l,   "armv7l",   "piix3-uhci", true},
  {Arch::Armv6l,   "armv6l",   "piix3-uhci", true},
  {Arch::Riscv64,  "riscv64",  "piix3-uhci", true},
  {Arch::Riscv32,  "riscv32",  "piix3-uhci", true},
  {Arch::Ppc64,    "ppc64",    "qemu-xhci",  false},
  {Arch::Ppc64le,  "ppc64le",  "qemu-xhci",  false},
  {Arch::Ppc,      "ppc",      "piix3-uhci", false},
  {Arch::S390x,    "s390x",    "none",       false},
  {Arch::Alpha,    "alpha",    "piix3-uhci", false},
  {Arch::Sh4,      "sh4",      "piix3-uhci", false},
  {Arch::Sh4eb,    "sh4eb",    "piix3-uhci", false},
  {Arch::Sparc64,  "sparc64",  "piix3-uhci", false},
  {Arch::Mips,     "mips",     "piix3-uhci", false},
  {Arch::Mipsel,   "mipsel",   "piix3-uhci", false},
  {Arch::Mips64,   "mips64",   "piix3-uhci", false},
  {Arch::Mips64el, "mips64el", "piix3-uhci", false},
});
// clang-format on

/// A set of small enumerators.
template <class Enum>
class EnumSet {
 public:
  constexpr EnumSet() = default;
  constexpr EnumSet(std::initializer_list<Enum> members) {
    for (const Enum member : members) bits_ |= bit(member);
  }
  [[nodiscard]] constexpr bool contains(Enum member) const { return (bits_ & bit(member)) != 0; }
  friend constexpr bool operator==(EnumSet, EnumSet) = default;

 private:
  static constexpr std::uint32_t bit(Enum member) { return 1U << static_cast<unsigned>(member); }
  std::uint32_t bits_ = 0;
};

/// What a machine is given by default, has built in, or bears.
enum class Trait : std::uint8_t {
  AddsUsb,              ///< a USB controller with index 0 when there is none
  AddsSata,             ///< a SATA controller with index 0
  AddsBalloon,          ///< a virtio memory balloon
  AddsUsbInputs,        ///< a USB keyboard and mouse where there are graphics
  BuiltinIde,           ///< an IDE controller of its own, and no other
  PciExpander,          ///< bears pci-expander-bus
  PcieExpander,         ///< bears pcie-expander-bus
  PciHole64,            ///< the size of the 64-bit PCI hole can be set
  VirtioIommu,          ///< bears a virtio IOMMU
  ManyRoots,            ///< several pci-root controllers are allowed
  CcwTransport,         ///< virtio devices are channel devices by default
  MmioIfAnyMmio,        ///< virtio devices follow the first that has a virtio-mmio address
  MmioTransport,        ///< virtio devices are virtio-mmio by default
  MmioWithoutPcieRoot,  ///< … where the XML brings no pcie-root
  SpaprVioDevices,      ///< nvram, tpm and serial ports sit on spapr-vio
};
using Traits = EnumSet<Trait>;

/// How machine types are recognised: a whole name, or with a final star the beginning of one.
using MachineNames = std::array<std::string_view, 5>;

struct MachineRule {
  Family family;
  EnumSet<Arch> arches;
  MachineNames names;
  std::optional<pci::ControllerModel> root;  ///< model of the PCI controller with index 0
  Traits traits;
  std::string_view added_usb_model;  ///< of the USB controller that libvirt adds; empty: the architecture's default
  std::string_view nic_model;
  std::string_view video_model;
  std::string_view scsi_model;
  std::string_view panic_model;
  std::string_view serial_type;  ///< target type of a serial port for which the XML names none
};

inline constexpr EnumSet<Arch> kX86 = {Arch::X86_64, Arch::I686};
inline constexpr EnumSet<Arch> kArm = {Arch::Aarch64, Arch::Armv7l, Arch::Armv6l};
inline constexpr EnumSet<Arch> kArmFrom7 = {Arch::Aarch64, Arch::Armv7l};
inline constexpr EnumSet<Arch> kRiscv = {Arch::Riscv64, Arch::Riscv32};
inline constexpr EnumSet<Arch> kPpc64 = {Arch::Ppc64, Arch::Ppc64le};
inline constexpr EnumSet<Arch> kMips = {Arch::Mips, Arch::Mipsel, Arch::Mips64, Arch::Mips64el};

// clang-format off
inline constexpr auto kMachineRules = [] {
  using enum Family;
  using enum Trait;
  using pci::ControllerModel::PciRoot;
  using pci::ControllerModel::PcieRoot;
  constexpr std::nullopt_t kNoRoot = std::nullopt;
  return std::to_array<MachineRule>({
    // family    arches          names                                             root      traits                                                       added USB    NIC        video     SCSI           panic      serial
    {I440fx,     kX86,           {"pc", "pc-0.*", "pc-1.*", "pc-i440fx-*", "rhel*"}, PciRoot,  {AddsUsb, AddsBalloon, BuiltinIde, PciExpander, PciHole64},   "",          "rtl8139", "cirrus", "lsilogic",    "isa",     "isa-serial"},
    {Q35,        kX86,           {"q35", "pc-q35-*"},                              PcieRoot, {AddsUsb, AddsSata, AddsBalloon, PcieExpander, PciHole64, VirtioIommu}, "qemu-xhci", "rtl8139", "cirrus", "lsilogic", "isa", "isa-serial"},
    {NoPci,      kX86,           {"isapc"},                                        kNoRoot,  {AddsBalloon},                                                "",          "rtl8139", "cirrus", "lsilogic",    "isa",     "isa-serial"},
    {NoPci,      kX86,           {"*"},                                            kNoRoot,  {AddsUsb, AddsBalloon},                                       "",          "rtl8139", "cirrus", "lsilogic",    "isa",     "isa-serial"},
    {ArmVirt,    {Arch::Armv6l}, {"virt", "virt-*"},                               kNoRoot,  {PcieExpander, VirtioIommu, MmioIfAnyMmio, MmioWithoutPcieRoot}, "",       "virtio",  "virtio", "lsilogic",    "isa",     "system-serial"},
    {ArmVirt,    kArmFrom7,      {"virt", "virt-*"},                               PcieRoot, {PcieExpander, VirtioIommu, MmioIfAnyMmio},                   "",          "virtio",  "virtio", "lsilogic",    "isa",     "system-serial"},
    {OtherPci,   {Arch::Armv6l}, {"versatilepb"},                                  PciRoot,  {},                                                           "",          "scm91c111", "cirrus", "lsilogic",  "isa",     ""},
    {NoPci,      kArmFrom7,      {"versatilepb"},                                  kNoRoot,  {},                                                           "",          "scm91c111", "cirrus", "lsilogic",  "isa",     ""},
    {NoPciOther, kArm,           {"vexpress-*"},                                   kNoRoot,  {MmioTransport},                                              "",          "lan9118", "cirrus", "lsilogic",    "isa",     ""},
    {NoPciOther, kArm,           {"*"},                                            kNoRoot,  {},                                                           "",          "lan9118", "cirrus", "lsilogic",    "isa",     ""},
    {RiscvVirt,  kRiscv,         {"virt", "virt-*"},                               PcieRoot, {AddsBalloon, MmioIfAnyMmio},                                 "",          "virtio",  "virtio", "lsilogic",    "isa",     "system-serial"},
    {NoPciOther, kRiscv,         {"*"},                                            kNoRoot,  {AddsBalloon},                                                "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {Pseries,    kPpc64,         {"pseries", "pseries-*"},                         PciRoot,  {AddsUsb, AddsBalloon, AddsUsbInputs, ManyRoots, SpaprVioDevices}, "", "rtl8139", "vga", "ibmvscsi", "pseries", "spapr-vio-serial"},
    {OtherPpc,   kPpc64,         {"*"},                                            PciRoot,  {AddsUsb, AddsBalloon, AddsUsbInputs},             "",          "rtl8139", "vga",    "lsilogic",    "isa",     ""},
    {OtherPpc,   {Arch::Ppc},    {"g3beige"},                                      PciRoot,  {AddsUsb, AddsBalloon, BuiltinIde},                           "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {OtherPpc,   {Arch::Ppc},    {"*"},                                            PciRoot,  {AddsUsb, AddsBalloon},                                       "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {S390,       {Arch::S390x},  {"s390-ccw*"},                                    PciRoot,  {AddsBalloon, CcwTransport},                                  "",          "virtio",  "virtio", "virtio-scsi", "s390",    "sclp-serial"},
    {OtherPci,   {Arch::Alpha, Arch::Sh4, Arch::Sh4eb}, {"*"},                     PciRoot,  {AddsUsb, AddsBalloon},                                       "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {OtherPci,   {Arch::Sparc64}, {"sun4u"},                                       PciRoot,  {AddsUsb, AddsBalloon, BuiltinIde},                           "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {OtherPci,   {Arch::Sparc64}, {"*"},                                           PciRoot,  {AddsUsb, AddsBalloon},                                       "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
    {OtherPci,   kMips,          {"malta"},                                        PciRoot,  {AddsUsb, AddsBalloon, BuiltinIde},                           "",          "rtl8139", "cirrus", "lsilogic",    "isa",     ""},
  });
}();
// clang-format on

constexpr bool arches_are_in_order() {
  for (std::size_t i = 0; i < kArchRules.size(); ++i)
    if (static_cast<std::size_t>(kArchRules[i].arch) != i) return false;
  return kArchRules.size() == kArchCount;
}
static_assert(arches_are_in_order(), "rule_for(arch) is an index");

constexpr bool added_controllers_fit_the_root() {
  for (const MachineRule& rule : kMachineRules) {
    if (rule.names[0].empty()) return false;
    const auto root = rule.root;
    if (rule.traits.contains(Trait::PciExpander) && root && root != pci::ControllerModel::PciRoot) return false;
    if (rule.traits.contains(Trait::PcieExpander) && root && root != pci::ControllerModel::PcieRoot) return false;
    if (rule.traits.contains(Trait::ManyRoots) && rule.root != pci::ControllerModel::PciRoot) return false;
  }
  return true;
}
static_assert(added_controllers_fit_the_root());

constexpr const ArchRule& rule_for(Arch arch) { return kArchRules[static_cast<std::size_t>(arch)]; }

/// The first row of the family.
const MachineRule& rule_for(Family family);

/// The architecture of that name; nothing for one of which no machine is modelled.
std::optional<Arch> arch_of(std::string_view name);

/// The row of a machine type, alias ("pc") or versioned ("pc-i440fx-7.2"); null for an architecture or machine that is
/// not modelled.
const MachineRule* machine_rule(std::string_view arch, std::string_view machine);

/// The family of a machine type; nothing for an architecture or machine that is not modelled.
std::optional<Family> family_of(std::string_view arch, std::string_view machine);

}  // namespace busproof::topology
