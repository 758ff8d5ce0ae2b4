#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fakesys/host.h"

namespace busproof::fakesys {

/// The kinds of directories there are, each with the pattern of its path.
enum class Place : std::uint8_t {
  Sys,               ///< /sys
  Bus,               ///< bus
  BusPci,            ///< bus/pci
  Devices,           ///< bus/pci/devices
  Drivers,           ///< bus/pci/drivers
  Driver,            ///< bus/pci/drivers/*
  Slots,             ///< bus/pci/slots
  SlotDir,           ///< bus/pci/slots/*
  Class,             ///< class
  ClassPciBus,       ///< class/pci_bus
  ClassIommu,        ///< class/iommu
  ClassNet,          ///< class/net
  ClassVfio,         ///< class/vfio
  ClassVfioDev,      ///< class/vfio-dev
  DevicesRoot,       ///< devices
  HostBridge,        ///< devices/pci*
  DeviceDir,         ///< devices/pci*/…/*
  DevicePower,       ///< devices/pci*/…/*/power
  DevicePart,        ///< devices/pci*/…/*/*: what was recorded of it
  DeviceBuses,       ///< devices/pci*/…/pci_bus
  BusDir,            ///< devices/pci*/…/pci_bus/*
  DeviceVirtio,      ///< devices/pci*/…/*/virtio*
  DeviceNet,         ///< devices/pci*/…/*/net
  Interface,         ///< devices/pci*/…/*/net/*
  VfioDevs,          ///< devices/pci*/…/*/vfio-dev
  VfioDev,           ///< devices/pci*/…/*/vfio-dev/vfio*
  Kernel,            ///< kernel
  Groups,            ///< kernel/iommu_groups
  GroupDir,          ///< kernel/iommu_groups/*
  GroupDevices,      ///< kernel/iommu_groups/*/devices
  Modules,           ///< module
  ModuleDir,         ///< module/*
  ModuleParameters,  ///< module/*/parameters
  ModuleDrivers,     ///< module/*/drivers
  Recorded,          ///< somewhere that only a capture knows of
  Dev,               ///< /dev
  DevVfio,           ///< /dev/vfio
};
inline constexpr std::size_t kPlaceCount = static_cast<std::size_t>(Place::DevVfio) + 1;

/// One directory: of which device, driver, bus or group it is, as far as its place asks.
struct Node {
  Place place = Place::Sys;
  DeviceRef device{};
  int number = kNone;         ///< of a driver, group, slot, module or interface
  std::uint32_t segment = 0;  ///< of a bus or host bridge; its number is `number`
  const RecordedDirectory* recorded = nullptr;
};

struct AttributeRow;

/// What a name in a directory stands for: a directory, a link, an attribute, or a device node.
struct Entry {
  enum class Kind : std::uint8_t { Directory, Link, Attribute, CharacterDevice } kind = Kind::Attribute;
  std::optional<Node> node{};                   ///< the directory, or what the link leads to; none if it dangles
  std::string target{};                         ///< of a link
  const AttributeRow* row = nullptr;            ///< of an attribute that the model knows
  const RecordedAttribute* recorded = nullptr;  ///< of one that only the capture knows
  unsigned mode = 0;                            ///< of a device node
};

/// What `name` is in the directory, if anything.
std::optional<Entry> find_entry(const Host& host, const Node& node, std::string_view name);
/// The names in the directory, sorted.
std::vector<std::string> entry_names(const Host& host, const Node& node);
/// The directory's path, unique to it: below /sys, or absolute.
std::string path_of(const Host& host, const Node& node);

Node device_node(const Host& host, Slot slot);
/// The device that a directory is of.
inline const Device& device_of(const Host& host, const Node& node) { return host.model.device(node.device.slot); }

}  // namespace busproof::fakesys
