#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/unplaced.h"
#include "engine/domain/details.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"
#include "engine/pci/controller_model.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/machine_rules.h"

/// What a placed domain's guest can see of it: one plain sorted value. Two domains whose guests cannot tell them apart
/// have equal snapshots, offsets aside, in whatever order their XML lists the devices.
namespace busproof::abi {

/// One bridge or device on the way from a root bus down.
struct Step {
  std::uint8_t slot = 0, function = 0;
  friend auto operator<=>(const Step&, const Step&) = default;
};

/// The way to a device, as firmware spells it: PciRoot(0x64)/Pci(0x2,0x1)/Pci(0x0,0x0).
struct Path {
  std::uint32_t root = 0;     ///< 0, or the busNr of the expander that it begins at
  std::vector<Step> steps{};  ///< the last one is the device itself
  friend auto operator<=>(const Path&, const Path&) = default;
};

/// The number of the hot-plug slot that udev finds for a network card: its own, or that of the nearest bridge above it.
struct HotplugSlot {
  enum class Of : std::uint8_t { Device, Bridge };
  std::uint32_t number = 0;
  Of of = Of::Device;
  friend auto operator<=>(const HotplugSlot&, const HotplugSlot&) = default;
};

/// Where the guest has a device.
struct GuestView {
  std::uint32_t segment = 0;               ///< PCI domain: on pseries, the index of the host bridge
  std::uint8_t bus = 0;                    ///< the number that its kernel shows
  std::optional<HotplugSlot> slot{};       ///< of a network card
  std::optional<std::uint32_t> onboard{};  ///< its ACPI index, where there is ACPI to tell of it
  friend auto operator<=>(const GuestView&, const GuestView&) = default;
};

/// A place on a PCI bus.
struct PciPlace {
  pci::GuestAddress at;
  bool multifunction = false;     ///< the device's header says so
  std::optional<GuestView> seen;  ///< nothing: the guest does not have the device
  Path path{};
  std::vector<std::uint32_t> above{};  ///< indexes of the controllers on the way to it, bus 0 left out, topmost first
  std::optional<int> node;             ///< NUMA node
  std::optional<std::uint32_t> zpci_uid{}, zpci_fid{};  ///< s390x
  friend auto operator<=>(const PciPlace&, const PciPlace&) = default;
};

/// What a controller has besides a device.
struct AbiController {
  domain::ControllerType type{};
  std::uint32_t index = 0;
  std::optional<pci::ControllerModel> pci_model;
  std::string model_name;
  std::optional<int> chassis_nr, chassis, port, bus_nr, target_index, node;
  bool hotplug = true;
  std::optional<std::uint32_t> ports, master_start;
  std::optional<std::uint8_t> guest_bus;  ///< the number of the bus it makes
  friend auto operator<=>(const AbiController&, const AbiController&) = default;
};

struct AbiDevice {
  domain::DeviceKind kind{};
  // Who it is:
  std::string alias, mac, target, serial;
  std::string host;  ///< the host's device: "0000:3b:00.1", "mdev <uuid>"
  std::optional<AbiController> controller;
  // Where it is:
  std::optional<PciPlace> pci;
  std::string address;  ///< one that is not on a PCI bus, said or chosen: "drive 0:0:0:1", "usb 0:1.2"; else empty
  // What it is:
  std::string model;
  std::string type;  ///< all that says what sort of device it is: "disk virtio", "tablet usb"
  bool primary = false;
  std::optional<std::uint32_t> acpi_index, boot_order;
  std::vector<domain::DetailValue> details;  ///< sorted
  // For reports only:
  std::size_t number = 0;       ///< of its kind, from 1: its name where nothing else names it
  bool address_chosen = false;  ///< the place, where it has one, is left to libvirt
  bool added = false;           ///< not in the XML: libvirt adds it
  std::size_t offset = 0;
  friend auto operator<=>(const AbiDevice&, const AbiDevice&) = default;
};

/// "interface 52:54:00:aa:bb:cc", "rng #2"; counted in the order of the snapshot.
std::string display_name(const AbiDevice& device);

struct AbiSnapshot {
  std::string name, uuid;
  std::string virt_type, arch, machine;
  std::optional<topology::Family> family;
  bool has_acpi = false;
  std::vector<domain::DetailValue> details;  ///< sorted
  std::vector<AbiDevice> devices;            ///< sorted
  friend bool operator==(const AbiSnapshot&, const AbiSnapshot&) = default;
};

/// Where a device is that is not on a PCI bus: "drive 0:0:0:1", "usb 0:1.2"; empty where it is not known.
std::string address_text(const domain::Device& device);

/// What the XML has so that libvirt does not add it: `<memballoon model='none'/>` and its like. No snapshot holds it,
/// but for videos, which libvirt's check counts.
bool is_nothing(domain::DeviceKind kind, std::string_view model);

/// What the guest of `placed` sees, whose buses are known and of which places libvirt would choose.
AbiSnapshot snapshot(const domain::PlacedDomain& placed, const topology::NumberedBuses& numbered,
                     const Unplaced& unplaced);

/// The same of a domain that leaves none open.
AbiSnapshot snapshot(const domain::PlacedDomain& placed);

/// The same, knowing from the domain as it was read which places are open.
AbiSnapshot snapshot(const domain::PlacedDomain& placed, const domain::Domain& wish);

}  // namespace busproof::abi
