#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/finding.h"

/// Every rule that a finding can name, in one table: BP1xx are differences of two configs, BP2xx are said of one, BP3xx
/// of a set of configs and of what hides findings, BP4xx of a config and its lock. An id once given is never given to
/// another rule.
namespace busproof::abi {

// clang-format off
enum class RuleId : std::uint8_t {
  // Where a device is
  DeviceMoved, DeviceRemoved, DeviceAdded, PlaceInherited, GuestBusChanged, ReachChanged, NumaNodeChanged,
  MultifunctionCleared, MultifunctionSet, PinLost, AddressChanged, PortChanged, PathChanged, InterfaceRenamed,
  ZpciIdsChanged,
  // What it is
  ModelChanged, TypeChanged, MacChanged, AcpiIndexChanged, BootOrderChanged, PrimaryVideoChanged, SerialChanged,
  QueuesChanged, VirtioOptionChanged, RomChanged, PropertyChanged, HostDeviceChanged, PropertyUndecided,
  DriverElementChanged,
  // Controllers
  ControllerRemoved, ControllerAdded, ControllerInserted, ControllerModelChanged, ControllerModelNameChanged,
  ChassisChanged, ChassisNrChanged, ControllerPortChanged, BusNrChanged, ControllerNodeChanged, HotplugChanged,
  TargetIndexChanged, PciHoleChanged, ControllerIndexChanged,
  // The whole domain
  MachineChanged, MachineAliasChanged, VirtTypeChanged, ArchChanged, UuidChanged, NameChanged, MemoryChanged,
  VcpusChanged, CpuChanged, FeaturesChanged, TimersChanged, SmbiosChanged, NumaChanged, GenerationIdChanged,
  FirmwareChanged, OsTypeChanged, BootDevicesChanged, CpuUndecided, UuidUndecided, MemoryBackingChanged,
  CurrentMemoryChanged, RedirectionFilterChanged,
  // One config
  Refused, FunctionZeroMissing, MultifunctionMissing, BusNumbersOverflow, BusNumbersMeet, BusUnreachable,
  ChassisRepeated, ChassisNrRepeated, BusNrRepeated, NodeUnknown, FarFromNode, NoHotplugRoom, ConventionalOnExpress,
  ControllerUnused, DeviceOutOfReach, MachineAlias, ChipsetSlot, NotHotpluggable, NicModelUnknown, NicOffBus,
  IndexBelowParent, ChassisZero, PortDiffers, Unplaced,
  // The set of configs, and what is said of findings
  DomainAdded, DomainRemoved, SuppressionUnused, SuppressionExpired,
  // A config and its lock
  NotLocked, LockOutdated, FreedSlotTaken, DomainNotLocked,
};

struct Rule {
  RuleId rule;
  std::string_view id;
  std::string_view name;
  Severity severity;
  std::string_view reason;  ///< one line, no full stop
  std::string_view remedy;
};

inline constexpr auto kRules = [] {
  using enum RuleId;
  using enum Severity;
  return std::to_array<Rule>({
    {DeviceMoved,          "BP101", "device-moved",            Error, "the guest finds a known device at another PCI address", "give it back its old <address>; pin addresses with busproof lock"},
    {DeviceRemoved,        "BP102", "device-removed",          Error, "the guest loses a device, and libvirt refuses to migrate", "unplug it in the running guest first, or keep it"},
    {DeviceAdded,          "BP103", "device-added",            Error, "the guest finds a device that it did not have, and libvirt refuses to migrate", "plug it into the running guest first, or wait for its next cold start"},
    {PlaceInherited,       "BP104", "place-inherited",         Error, "a new device sits where the guest knew another one, and inherits its settings", "give the new device an address that nobody had"},
    {GuestBusChanged,      "BP105", "guest-bus-changed",       Error, "the address in the XML is the same, but the guest's bus has another number", "put new bridges and ports behind the existing ones, by slot and function"},
    {ReachChanged,         "BP106", "reach-changed",           Error, "the guest loses a device that the XML still has, or finds one that it could not see", "give every bus a number of its own, and every slot a function 0"},
    {NumaNodeChanged,      "BP107", "numa-node-changed",       Error, "the guest sees the device on another NUMA node", "keep the <node> of the expander bus above it"},
    {MultifunctionCleared, "BP108", "multifunction-cleared",   Error, "the bit is part of the device's header: the guest names network cards by it and looks at no other function without it", "keep multifunction='on', also after the other functions of the slot have gone"},
    {MultifunctionSet,     "BP109", "multifunction-set",       Error, "the bit is part of the device's header: the guest names network cards by it", "put the new function into a slot of its own"},
    {PinLost,              "BP110", "pin-lost",                Warning, "the XML no longer says where the device is; libvirt will choose", "write its <address>; pin addresses with busproof lock"},
    {AddressChanged,       "BP111", "address-changed",         Error, "the guest finds the device elsewhere on its controller or bus", "give it back its old <address>"},
    {PortChanged,          "BP112", "port-changed",            Error, "the guest finds the device at another port, which libvirt does not check", "give it back its old <address>"},
    {PathChanged,          "BP113", "path-changed",            Error, "the bridges above the device have moved, and with them the paths by which firmware and guest know it", "leave the controllers above it where they were"},
    {InterfaceRenamed,     "BP114", "interface-renamed",       Error, "Linux calls a network card otherwise although it has not moved: another slot has taken its number, or freed it", "pin the name in the guest by MAC address, or undo the change of the other slot"},
    {ZpciIdsChanged,       "BP115", "zpci-ids-changed",        Error, "a guest on s390x numbers PCI segments by uid and hot-plug slots by fid, and libvirt does not check them", "keep <zpci> of its <address>"},
    {ModelChanged,         "BP120", "model-changed",           Error, "the guest finds another device, which wants another driver", "keep the model, or add the new one beside it first"},
    {TypeChanged,          "BP121", "type-changed",            Error, "the guest finds another sort of device", "keep the bus and type, or add the new one beside it first"},
    {MacChanged,           "BP122", "mac-changed",             Error, "the guest knows its network by the card's MAC address", "write the <mac> into the XML and keep it"},
    {AcpiIndexChanged,     "BP123", "acpi-index-changed",      Error, "Linux names network cards by their ACPI index before all else", "keep <acpi index>"},
    {BootOrderChanged,     "BP124", "boot-order-changed",      Error, "firmware tries the devices in another order", "keep <boot order>"},
    {PrimaryVideoChanged,  "BP125", "primary-video-changed",   Error, "firmware and console move to another screen", "keep primary='yes' where it was"},
    {SerialChanged,        "BP126", "serial-changed",          Error, "the guest knows its disks by serial number and WWN", "keep <serial> and <wwn>"},
    {QueuesChanged,        "BP127", "queues-changed",          Error, "the device has another number or size of queues, and so of interrupt vectors", "keep the queues of <driver>"},
    {VirtioOptionChanged,  "BP128", "virtio-option-changed",   Error, "the guest's driver has negotiated other features with the device", "keep iommu, ats and packed of <driver>"},
    {RomChanged,           "BP129", "rom-changed",             Error, "the device's ROM BAR and what firmware runs from it are another", "keep <rom>"},
    {PropertyChanged,      "BP130", "property-changed",        Error, "the guest can tell", "keep it, or change it together with a cold start that the guest is ready for"},
    {HostDeviceChanged,    "BP131", "host-device-changed",     Warning, "another device of the host sits in the same place; whether it is the same card cannot be told", "make sure that it is the same model with the same firmware"},
    {PropertyUndecided,    "BP132", "property-undecided",      Warning, "only one of the configs says it; what libvirt fills in for the other cannot be told", "compare definitions as libvirt prints them, virsh dumpxml --inactive"},
    {DriverElementChanged, "BP133", "driver-element-changed",  Error, "libvirt takes a virtio device with <driver> for another than one without, and refuses to migrate", "keep <driver>, even where it says nothing that the guest can tell"},
    {ControllerRemoved,    "BP140", "controller-removed",      Error, "the guest loses a controller, and libvirt refuses to migrate", "keep it, even without a device on it"},
    {ControllerAdded,      "BP141", "controller-added",        Error, "the guest finds a new controller, and libvirt refuses to migrate", "have spare ports from the beginning: busproof headroom"},
    {ControllerInserted,   "BP142", "controller-inserted",     Error, "a new controller sits above devices that were there before", "hang the new controller beside them, not above them"},
    {ControllerModelChanged, "BP143", "controller-model-changed", Error, "what was one kind of bridge or port is another", "keep the model, and add the new one under a free index"},
    {ControllerModelNameChanged, "BP144", "controller-model-name-changed", Error, "the bridge is another device to the guest, with other ids", "keep <model name>"},
    {ChassisChanged,       "BP145", "chassis-changed",         Error, "the guest numbers hot-plug slots by chassis", "keep chassis in <target>"},
    {ChassisNrChanged,     "BP146", "chassis-nr-changed",      Error, "the guest numbers hot-plug slots by chassis", "keep chassisNr in <target>"},
    {ControllerPortChanged,"BP147", "controller-port-changed", Error, "the port number stands in the device's PCI Express capability", "keep port in <target>"},
    {BusNrChanged,         "BP148", "bus-nr-changed",          Error, "all buses of the expander get other numbers, and firmware another PciRoot", "keep busNr in <target>"},
    {ControllerNodeChanged,"BP149", "controller-node-changed", Error, "all that is below the expander is on another NUMA node", "keep <node> in <target>"},
    {HotplugChanged,       "BP150", "hotplug-changed",         Error, "the port's slot capabilities are others", "keep hotplug in <target>"},
    {TargetIndexChanged,   "BP151", "target-index-changed",    Error, "the host bridge has another index, and the guest other device tree paths", "keep index in <target>"},
    {PciHoleChanged,       "BP152", "pci-hole-changed",        Error, "firmware lays out the 64-bit PCI window otherwise", "keep <pcihole64>"},
    {ControllerIndexChanged, "BP153", "controller-index-changed", Error, "addresses of drives, ports and buses name the controller by its index, and libvirt refuses to migrate", "keep index"},
    {MachineChanged,       "BP160", "machine-changed",         Error, "another machine type is another chipset, or another version of all its devices", "keep the versioned machine type"},
    {MachineAliasChanged,  "BP161", "machine-alias-changed",   Warning, "an alias stands for whatever version the QEMU of that host has", "write the versioned machine type"},
    {VirtTypeChanged,      "BP162", "virt-type-changed",       Error, "the guest sees another hypervisor", "keep the domain's type"},
    {ArchChanged,          "BP163", "arch-changed",            Error, "the guest's code is not made for it", "keep arch"},
    {UuidChanged,          "BP164", "uuid-changed",            Error, "the UUID is in the guest's SMBIOS tables; licences and cloud-init depend on it", "keep <uuid>"},
    {NameChanged,          "BP165", "name-changed",            Error, "libvirt refuses to migrate or restore under another name", "rename with virsh domrename"},
    {MemoryChanged,        "BP166", "memory-changed",          Error, "the guest's memory map is another", "keep <memory> and <maxMemory>; the balloon's <currentMemory> may change"},
    {VcpusChanged,         "BP167", "vcpus-changed",           Error, "the guest has other processors", "plug processors into the running guest"},
    {CpuChanged,           "BP168", "cpu-changed",             Error, "the guest sees another processor", "keep <cpu>"},
    {FeaturesChanged,      "BP169", "features-changed",        Error, "the guest sees another platform", "keep <features>"},
    {TimersChanged,        "BP170", "timers-changed",          Error, "the guest's clocks are others", "keep the <timer> elements"},
    {SmbiosChanged,        "BP171", "smbios-changed",          Error, "the guest reads it in its SMBIOS tables", "keep <sysinfo> and <smbios>"},
    {NumaChanged,          "BP172", "numa-changed",            Error, "the guest's NUMA nodes are others", "keep <numa>"},
    {GenerationIdChanged,  "BP173", "generation-id-changed",   Error, "a new generation id tells Windows that it was rolled back or cloned", "keep <genid>"},
    {FirmwareChanged,      "BP174", "firmware-changed",        Error, "the guest boots with another firmware, which may not find its boot loader", "keep <loader> and firmware of <os>"},
    {OsTypeChanged,        "BP175", "os-type-changed",         Error, "the guest is started in another way", "keep the <type> of <os>"},
    {BootDevicesChanged,   "BP176", "boot-devices-changed",    Error, "firmware tries the devices in another order", "keep the <boot> elements of <os>"},
    {CpuUndecided,         "BP177", "cpu-undecided",           Warning, "only one of the configs says what processor the guest has", "compare definitions as libvirt prints them, virsh dumpxml --inactive"},
    {UuidUndecided,        "BP178", "uuid-undecided",          Warning, "libvirt makes up a UUID for a config that has none", "write the <uuid> into the XML"},
    {MemoryBackingChanged, "BP179", "memory-backing-changed",  Error, "the guest cannot tell, but libvirt refuses to migrate or restore", "keep <source type> of <memoryBacking>"},
    {CurrentMemoryChanged, "BP180", "current-memory-changed",  Warning, "the balloon moves anyway, but libvirt does not restore a saved guest with another value", "keep <currentMemory>, or set it in the running guest: virsh setmem"},
    {RedirectionFilterChanged, "BP181", "redirection-filter-changed", Error, "other USB devices can be redirected into the guest, and libvirt refuses to migrate", "keep <redirfilter>"},
    {Refused,              "BP200", "refused",                 Error, "libvirt would not define this domain", ""},
    {FunctionZeroMissing,  "BP201", "function-zero-missing",   Error, "neither firmware nor guest looks at a slot without function 0", "put a device on function 0 of the slot"},
    {MultifunctionMissing, "BP202", "multifunction-missing",   Error, "the guest looks at no other function of the slot", "set multifunction='on' on function 0"},
    {BusNumbersOverflow,   "BP203", "bus-numbers-overflow",    Error, "more bus numbers are needed than there are, and the guest does not boot", "lower busNr of the expander"},
    {BusNumbersMeet,       "BP204", "bus-numbers-meet",        Error, "two buses answer to one number, and the guest has only one of them", "spread the busNr of the expanders further apart"},
    {BusUnreachable,       "BP205", "bus-unreachable",         Error, "the guest never finds the bus", "give the guest <acpi/>, and the controller a way to bus 0"},
    {ChassisRepeated,      "BP206", "chassis-repeated",        Error, "QEMU does not start with the same chassis in two ports", "give each port a chassis of its own"},
    {ChassisNrRepeated,    "BP207", "chassis-nr-repeated",     Warning, "the guest cannot tell the slots of the two bridges apart", "give each bridge a chassisNr of its own"},
    {BusNrRepeated,        "BP208", "bus-nr-repeated",         Error, "QEMU does not start with the same busNr in two expanders", "give each expander a busNr of its own"},
    {NodeUnknown,          "BP209", "node-unknown",            Info, "the guest has several NUMA nodes and is not told on which one the passed-through device is", "put it behind a pcie-expander-bus with a <node>"},
    {FarFromNode,          "BP210", "far-from-node",           Warning, "the host's device is on another NUMA node than the guest's memory, or than the node that the guest is told", "put it behind the expander of its own node, or bind the memory to that node"},
    {NoHotplugRoom,        "BP211", "no-hotplug-room",         Warning, "no device can be plugged while the guest runs", "add root ports (q35) or a pci-bridge (i440fx) before the next start"},
    {ConventionalOnExpress,"BP212", "conventional-on-express", Info, "a conventional device on a PCI Express machine costs a port and a bridge, and gives the guest a slower device", "take a model for PCI Express"},
    {ControllerUnused,     "BP213", "controller-unused",       Info, "nobody uses the controller", "remove it at the next cold start, or keep it as room to grow"},
    {DeviceOutOfReach,     "BP214", "device-out-of-reach",     Error, "the XML has the device, and its guest never will", "move it to a bus and slot that the guest can reach"},
    {MachineAlias,         "BP215", "machine-alias",           Warning, "the guest gets another machine when QEMU is upgraded", "write the versioned machine type that libvirt chose"},
    {ChipsetSlot,          "BP216", "chipset-slot",            Warning, "the slot belongs to the chipset, which may grow into it", "move the device to a slot of its own"},
    {NotHotpluggable,      "BP217", "not-hotpluggable",        Info, "the device can be neither plugged nor unplugged while the guest runs", "put it behind a root port"},
    {NicModelUnknown,      "BP218", "nic-model-unknown",       Warning, "libvirt does not know the model, takes it for PCI Express, and QEMU may not have it", "write virtio, e1000e or another model that libvirt knows"},
    {NicOffBus,            "BP219", "nic-off-bus",             Warning, "the card has an address that is not on a PCI bus, which libvirt accepts and QEMU does not get", "write <address type='pci'/>"},
    {IndexBelowParent,     "BP220", "index-below-parent",      Error, "QEMU is told of the controller before that of the bus it sits on, and does not start", "give the controller a higher index than its bus"},
    {ChassisZero,          "BP221", "chassis-zero",            Error, "QEMU takes no chassis 0 for a bridge", "count chassis from 1"},
    {PortDiffers,          "BP222", "port-differs",            Info, "the port number is not that of slot and function, so it was moved or written by hand", "leave it: guests know the port by it"},
    {Unplaced,             "BP223", "unplaced",                Warning, "libvirt will choose the address, and another one when other devices come or go", "write the address that busproof assign gives it"},
    {DomainAdded,          "BP301", "domain-added",            Info, "there is nothing to compare the domain with", "nothing, if it is meant to be new"},
    {DomainRemoved,        "BP302", "domain-removed",          Warning, "nobody can tell here whether its guest is still needed", "undefine it where it runs, or put its config back"},
    {SuppressionUnused,    "BP310", "suppression-unused",      Info, "the suppression hides nothing, and would hide what comes next", "remove it"},
    {SuppressionExpired,   "BP311", "suppression-expired",     Warning, "its findings count again", "mend what it hid, or give it another date and a reason"},
    {NotLocked,            "BP401", "not-locked",              Info, "the lock does not say where the device belongs", "take it over with busproof lock --update"},
    {LockOutdated,         "BP402", "lock-outdated",           Info, "the lock keeps the place of a device that the config no longer has", "take it over with busproof lock --update; the place stays free"},
    {FreedSlotTaken,       "BP403", "freed-slot-taken",        Error, "the guest knew another device there, whose settings the new one inherits", "let busproof lock --apply find it a place, or give the place away with --reuse"},
    {DomainNotLocked,      "BP404", "domain-not-locked",       Warning, "nothing says where its devices belong", "take it over with busproof lock --update"},
  });
}();
// clang-format on

constexpr bool rules_are_in_order() {
  for (std::size_t i = 0; i < kRules.size(); ++i)
    if (static_cast<std::size_t>(kRules[i].rule) != i || (i > 0 && kRules[i].id <= kRules[i - 1].id)) return false;
  return static_cast<std::size_t>(RuleId::DomainNotLocked) + 1 == kRules.size();
}
static_assert(rules_are_in_order(), "rule_of() is an index, and ids ascend");

constexpr const Rule& rule_of(RuleId id) { return kRules[static_cast<std::size_t>(id)]; }

/// How many of them say something of two configs.
constexpr std::size_t difference_rule_count() { return static_cast<std::size_t>(RuleId::Refused); }

/// How many of them say something of a config and its lock.
constexpr std::size_t lock_rule_count() { return kRules.size() - static_cast<std::size_t>(RuleId::NotLocked); }

/// How many of them say something of one config.
constexpr std::size_t config_rule_count() {
  return static_cast<std::size_t>(RuleId::DomainAdded) - static_cast<std::size_t>(RuleId::Refused);
}

/// Rules that look at the same side of a domain; each group goes to the next one's first rule.
struct RuleGroup {
  RuleId first;
  std::string_view name;
};
inline constexpr std::array<RuleGroup, 7> kRuleGroups = {{
    {RuleId::DeviceMoved, "places of devices"},
    {RuleId::ModelChanged, "properties of devices"},
    {RuleId::ControllerRemoved, "controllers"},
    {RuleId::MachineChanged, "the whole domain"},
    {RuleId::Refused, "the config alone"},
    {RuleId::DomainAdded, "the set of configs"},
    {RuleId::NotLocked, "the lock"},
}};
const RuleGroup& group_of(RuleId rule);

/// The rule of that id or name; nothing for one that there is not.
const Rule* find_rule(std::string_view id_or_name);

/// A finding of that rule, with nothing yet of what it is about.
Finding finding_of(RuleId id);

}  // namespace busproof::abi
