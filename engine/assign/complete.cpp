#include "engine/assign/complete.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "engine/assign/address_rules.h"
#include "engine/assign/device_lists.h"
#include "engine/assign/drive_addresses.h"
#include "engine/assign/transports.h"
#include "engine/assign/virtio_serial_ports.h"
#include "engine/topology/machine_rules.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using domain::NoAddress;
using pci::ControllerModel;
using topology::MachineRule;
using topology::Trait;

/// A domain on its way, and the rules of its machine.
struct Draft {
  const Domain& domain;  ///< without devices
  const MachineRule& machine;
  const topology::ArchRule& arch;
  DeviceLists devices;
};

Error unsupported(std::string message, std::string remedy) {
  return {ErrorKind::Unsupported, "E010", std::move(message), {}, std::move(remedy), {}};
}

/// Brings the lists into the order in which libvirt keeps what it read.
void sort_lists(DeviceLists& devices) {
  sort_disks(devices[DeviceKind::Disk]);
  sort_controllers(devices[DeviceKind::Controller]);
  sort_videos(devices[DeviceKind::Video]);
}

// --- The machine's own devices

Device new_device(DeviceKind kind, std::string_view model) {
  Device device;
  device.kind = kind;
  device.model = model;
  return device;
}

Result<void> add_root(Draft& draft, ControllerList& controllers) {
  if (!draft.machine.root) return {};
  const ControllerModel root = *draft.machine.root;
  const Device* there = controllers.find(ControllerType::Pci, 0);
  if (there == nullptr) {
    controllers.ensure(ControllerType::Pci, 0, to_string(root));
    return {};
  }
  if (there->controller->pci_model == root) return {};
  const std::string_view found =
      there->controller->pci_model ? to_string(*there->controller->pci_model) : std::string_view("(null)");
  return std::unexpected(
      about(refused("E201",
                    fmt::format("XML error: The PCI controller with index='0' must be model='{}' for this machine "
                                "type, but model='{}' was found instead",
                                to_string(root), found),
                    fmt::format("index 0 is the machine's own {}; write another index here", to_string(root)))
                .error(),
            draft.devices[DeviceKind::Controller], *there));
}

Result<void> add_default_devices(Draft& draft, ControllerList& controllers) {
  const topology::Traits& traits = draft.machine.traits;
  if (traits.contains(Trait::AddsUsb)) controllers.ensure(ControllerType::Usb, 0, draft.machine.added_usb_model);
  if (traits.contains(Trait::AddsSata)) controllers.ensure(ControllerType::Sata, 0);
  if (auto added = add_root(draft, controllers); !added) return added;
  if (traits.contains(Trait::AddsBalloon) && draft.devices[DeviceKind::Memballoon].empty())
    draft.devices.add(new_device(DeviceKind::Memballoon, "virtio"));
  return {};
}

// --- Defaults of single devices

/// The bus of a disk for which the XML names none, by the beginning of its name.
constexpr auto kBusOfName = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"hd", "ide"}, {"sd", "scsi"}, {"vd", "virtio"}, {"xvd", "xen"}, {"ubd", "uml"}});

std::string_view default_bus(const Device& disk) {
  if (disk.mode == "floppy") return "fdc";
  for (const auto& [prefix, bus] : kBusOfName)
    if (disk.target.starts_with(prefix)) return bus;
  return "ide";
}

std::string_view default_nic_model(const Device& interface, const MachineRule& machine) {
  if (interface.type == "hostdev") return {};
  return interface.type == "vdpa" ? "virtio" : machine.nic_model;
}

/// Whether the XML leaves the choice to libvirt; it has a word for that too.
bool says_nothing(std::string_view value, std::string_view word) { return value.empty() || value == word; }

std::string_view default_serial_type(const Device& serial, const MachineRule& machine) {
  // libvirt takes isa-serial for "whatever the machine has".
  if (says_nothing(serial.target_type, "none") || serial.target_type == "isa-serial") return machine.serial_type;
  return serial.target_type;
}

void fill_defaults(Draft& draft) {
  const MachineRule& machine = draft.machine;
  for (Device& disk : draft.devices[DeviceKind::Disk])
    if (disk.bus.empty()) disk.bus = default_bus(disk);
  for (Device& interface : draft.devices[DeviceKind::Interface])
    if (interface.model.empty()) interface.model = default_nic_model(interface, machine);
  for (Device& video : draft.devices[DeviceKind::Video])
    if (says_nothing(video.model, "default")) video.model = machine.video_model;
  for (Device& serial : draft.devices[DeviceKind::Serial]) serial.target_type = default_serial_type(serial, machine);
  for (Device& console : draft.devices[DeviceKind::Console])
    if (says_nothing(console.target_type, "none")) console.target_type = "serial";
  for (Device& panic : draft.devices[DeviceKind::Panic])
    if (says_nothing(panic.model, "default")) panic.model = machine.panic_model;
  // A crypto processor sits on no bus that has addresses; libvirt forgets the one that the XML gives it.
  for (Device& hostdev : draft.devices[DeviceKind::Hostdev])
    if (hostdev.type == "mdev" && hostdev.model == "vfio-ap") hostdev.address = NoAddress{};
}

Result<void> check_hostdevs(const DeviceList& hostdevs) {
  for (const Device& hostdev : hostdevs)
    if (auto checked = check_address_type(hostdev, When::Before); !checked)
      return std::unexpected(about(checked.error(), hostdevs, hostdev));
  return {};
}

// --- Controllers, one by one

constexpr std::uint32_t kXhciPortMax = 15;

void fill_usb_model(Device& controller, const Draft& draft) {
  if (!controller.model.empty()) return;
  // On s390x an address is taken as the wish for a controller, but no model comes to libvirt's mind.
  const bool wished = draft.arch.usb_model == "none" && !std::holds_alternative<NoAddress>(controller.address);
  if (!wished) controller.model = draft.arch.usb_model;
}

Result<void> check_usb_controller(const Device& controller, const Domain& domain) {
  if (controller.model == "qusb1" || controller.model == "qusb2")
    return refused("E227",
                   fmt::format("unsupported configuration: USB controller model type 'qusb1' or 'qusb2' is not "
                               "supported in {}",
                               domain.virt_type),
                   "those are Xen's; use qemu-xhci");
  const bool xhci = controller.model == "nec-xhci" || controller.model == "qemu-xhci";
  if (xhci && controller.controller->ports.value_or(0) > kXhciPortMax)
    return refused("E227",
                   fmt::format("unsupported configuration: '{}' controller only supports up to '{}' ports",
                               controller.model, kXhciPortMax),
                   fmt::format("write ports='{}' or less, and add a second controller", kXhciPortMax));
  return {};
}

Result<void> check_numa_node(const Device& controller, const Domain& domain) {
  const auto& node = controller.controller->target.node;
  if (!node || *node < 0 || static_cast<std::uint32_t>(*node) < domain.numa_cell_count) return {};
  return refused("E215",
                 fmt::format("XML error: {} with index {} is configured for a NUMA node ({}) not present in the "
                             "domain's <cpu><numa> array ({})",
                             controller.controller->pci_model ? to_string(*controller.controller->pci_model) : "(null)",
                             *controller.controller->index, *node, domain.numa_cell_count),
                 domain.numa_cell_count == 0
                     ? std::string("declare the guest's cells in <cpu><numa>, or leave the node out")
                     : fmt::format("the guest has the nodes 0-{}", domain.numa_cell_count - 1));
}

Result<void> check_pci_controller(const Device& controller, const Draft& draft) {
  const topology::Traits& traits = draft.machine.traits;
  const auto& model = controller.controller->pci_model;
  if (pci::is_root(model) && *controller.controller->index != 0 && !traits.contains(Trait::ManyRoots))
    return refused("E202", "XML error: pci-root and pcie-root controllers should have index 0",
                   "this machine has one root only; remove this one");
  if (model == ControllerModel::PciExpanderBus && !traits.contains(Trait::PciExpander))
    return refused("E206",
                   "unsupported configuration: pci-expander-bus controllers are only supported on 440fx-based "
                   "machinetypes",
                   traits.contains(Trait::PcieExpander) ? "use model='pcie-expander-bus'" : "use machine='pc'");
  if (model == ControllerModel::PcieExpanderBus && !traits.contains(Trait::PcieExpander))
    return refused(
        "E207", "unsupported configuration: pcie-expander-bus controllers are not supported with this machine type",
        traits.contains(Trait::PciExpander) ? "use model='pci-expander-bus'" : "use machine='q35', or 'virt' on ARM");
  return check_numa_node(controller, draft.domain);
}

void fill_scsi_model(Device& controller, const MachineRule& machine) {
  if (says_nothing(controller.model, "auto")) controller.model = machine.scsi_model;
}

Result<void> settle_controller(Device& controller, const Draft& draft) {
  switch (controller.controller->type) {
    case ControllerType::Scsi:
      fill_scsi_model(controller, draft.machine);
      return {};
    case ControllerType::Usb:
      fill_usb_model(controller, draft);
      return check_usb_controller(controller, draft.domain);
    case ControllerType::Pci:
      return check_pci_controller(controller, draft);
    default:
      return {};
  }
}

Result<void> settle_controllers(Draft& draft) {
  DeviceList& controllers = draft.devices[DeviceKind::Controller];
  for (Device& controller : controllers)
    if (auto settled = settle_controller(controller, draft); !settled)
      return std::unexpected(about(settled.error(), controllers, controller));
  return {};
}

// --- What there may be only once

Result<void> check_duplicate_controllers(ControllerList& controllers) {
  for (const Device& device : controllers.devices()) {
    const domain::Controller& controller = *device.controller;
    if (controller.type == ControllerType::Usb) continue;
    if (controllers.find(controller.type, *controller.index) == &device) continue;
    return std::unexpected(about(refused("E204",
                                         fmt::format("XML error: Multiple '{}' controllers with index '{}'",
                                                     to_string(controller.type), *controller.index),
                                         "give each its own index, or leave index out")
                                     .error(),
                                 controllers.devices(), device));
  }
  return {};
}

Result<void> check_duplicate_panics(const DeviceList& panics) {
  std::set<std::string_view> seen;
  for (const Device& panic : panics)
    if (!seen.insert(panic.model).second)
      return std::unexpected(
          about(refused("E407", fmt::format("XML error: Multiple panic devices with model '{}'", panic.model),
                        "keep one of each model")
                    .error(),
                panics, panic));
  return {};
}

/// Devices boot in the order that they say themselves, or by their kinds as `<os>` does.
Result<void> check_boot_orders(const DeviceLists& lists, bool names_boot_devices) {
  std::set<std::uint32_t> seen;
  std::optional<Error> beside_kinds;
  for (const DeviceKind kind : domain::kKindsWithBootOrder) {
    const DeviceList& devices = lists[kind];
    for (const Device& device : devices) {
      if (!device.boot_order) continue;
      if (!seen.insert(*device.boot_order).second)
        return std::unexpected(
            about(refused("E419",
                          fmt::format("unsupported configuration: boot order '{}' used for more than one device",
                                      *device.boot_order),
                          "number each device that is to boot")
                      .error(),
                  devices, device));
      if (!names_boot_devices || beside_kinds) continue;
      beside_kinds =
          about(refused("E419",
                        "unsupported configuration: per-device boot elements cannot be used together with os/boot "
                        "elements",
                        "remove <boot dev='…'/> from <os>, or <boot order='…'/> from the devices")
                    .error(),
                devices, device);
    }
  }
  if (beside_kinds) return std::unexpected(*std::move(beside_kinds));
  return {};
}

// --- What other devices imply

void add_virtio_serial_controllers(const DeviceList& list, ControllerList& controllers) {
  for (const Device& device : list) {
    if (device.target_type != "virtio") continue;
    const auto* address = std::get_if<domain::VirtioSerialAddress>(&device.address);
    const std::uint32_t index = address == nullptr ? 0 : address->controller;
    // Above that, libvirt takes the number for a negative one, adds none of that index, and then misses it.
    constexpr auto kIndexMax = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
    if (index <= kIndexMax) controllers.ensure(ControllerType::VirtioSerial, index);
  }
}

void add_smartcard_controllers(const DeviceList& smartcards, ControllerList& controllers) {
  for (const Device& smartcard : smartcards) {
    const auto* address = std::get_if<domain::CcidAddress>(&smartcard.address);
    controllers.ensure(ControllerType::Ccid, address == nullptr ? 0 : address->controller);
  }
}

void settle_videos(Draft& draft) {
  const DeviceList& videos = draft.devices[DeviceKind::Video];
  if (videos.empty() && draft.domain.has_graphics)
    draft.devices.add(new_device(DeviceKind::Video, draft.machine.video_model));
  if (videos.empty()) return;
  Device& first = videos.front();
  if (first.model == "none")
    first.address = NoAddress{};
  else
    first.primary = true;
}

/// The first console may be a serial port; where there are serial ports it is the first of them shown a second time,
/// and its own address is not looked at.
Result<void> settle_consoles(Draft& draft) {
  const DeviceList& consoles = draft.devices[DeviceKind::Console];
  if (consoles.empty()) return {};
  Device& first = consoles.front();
  for (const Device& console : consoles)
    if (&console != &first && console.target_type == "serial")
      return std::unexpected(
          about(refused("E417", "unsupported configuration: Only the first console can be a serial port",
                        "write a <serial> instead, or <target type='virtio'/>")
                    .error(),
                consoles, console));
  if (first.target_type == "serial" && !draft.devices[DeviceKind::Serial].empty()) first.address = NoAddress{};
  return {};
}

Result<void> add_implied_devices(Draft& draft, ControllerList& controllers) {
  if (auto settled = settle_consoles(draft); !settled) return settled;
  if (auto added = add_disk_controllers(draft.devices[DeviceKind::Disk], controllers); !added) return added;
  add_virtio_serial_controllers(draft.devices[DeviceKind::Channel], controllers);
  add_virtio_serial_controllers(draft.devices[DeviceKind::Console], controllers);
  add_smartcard_controllers(draft.devices[DeviceKind::Smartcard], controllers);
  if (auto added = add_scsi_hostdev_controllers(draft.devices[DeviceKind::Hostdev], controllers); !added) return added;
  for (Device& controller : draft.devices[DeviceKind::Controller])
    if (controller.controller->type == ControllerType::Scsi) fill_scsi_model(controller, draft.machine);
  settle_videos(draft);
  return {};
}

// --- Virtio disks

constexpr AddressTypes kVirtioDiskAddresses = {AddressType::None, AddressType::Pci, AddressType::Ccw};

bool may_have(const topology::ArchRule& arch, AddressType type) {
  return kVirtioDiskAddresses.contains(type) || (type == AddressType::VirtioMmio && arch.has_virtio_mmio);
}

Result<void> check_virtio_disks(Draft& draft) {
  if (draft.machine.family == topology::Family::NoPciOther) return {};
  const DeviceList& disks = draft.devices[DeviceKind::Disk];
  for (const Device& disk : disks)
    if (disk.bus == "virtio" && !may_have(draft.arch, type_of(disk.address)))
      return std::unexpected(
          about(refused("E112",
                        fmt::format("unsupported configuration: virtio disk cannot have an address of type '{}'",
                                    type_name(disk.address)),
                        "use <address type='pci'/>, or remove the element")
                    .error(),
                disks, disk));
  return {};
}

Result<void> complete_devices(Draft& draft) {
  sort_lists(draft.devices);
  ControllerList controllers(draft.devices);
  // libvirt reads SCSI hostdevs, and adds what they need, before it numbers controllers without index.
  if (auto added = add_scsi_hostdev_controllers(draft.devices[DeviceKind::Hostdev], controllers); !added) return added;
  controllers.number_all();
  if (auto added = add_default_devices(draft, controllers); !added) return added;
  fill_defaults(draft);
  if (auto placed = place_drives(draft.devices, controllers); !placed) return placed;
  if (auto checked = check_hostdevs(draft.devices[DeviceKind::Hostdev]); !checked) return checked;
  if (auto settled = settle_controllers(draft); !settled) return settled;
  if (auto checked = check_duplicate_controllers(controllers); !checked) return checked;
  if (auto checked = check_duplicate_panics(draft.devices[DeviceKind::Panic]); !checked) return checked;
  if (auto checked = check_boot_orders(draft.devices, draft.domain.names_boot_devices); !checked) return checked;
  if (auto added = add_implied_devices(draft, controllers); !added) return added;
  if (auto placed = place_virtio_serial_ports(draft.devices, controllers); !placed) return placed;
  if (auto chosen = choose_transports(draft.devices, draft.machine); !chosen) return chosen;
  return check_virtio_disks(draft);
}

}  // namespace

Result<Domain> complete(Domain wish) {
  if (wish.virt_type != "qemu" && wish.virt_type != "kvm")
    return std::unexpected(unsupported(fmt::format("hypervisor type '{}' is not modelled", wish.virt_type),
                                       "busproof knows domains of type qemu and kvm"));
  const MachineRule* machine = topology::machine_rule(wish.arch, wish.machine);
  if (machine == nullptr)
    return std::unexpected(
        unsupported(fmt::format("machine type '{}' of architecture '{}' is not modelled", wish.machine, wish.arch),
                    "busproof knows the machines of x86_64, aarch64, riscv64, ppc64, s390x and a few others"));
  std::vector<Device> devices = std::exchange(wish.devices, {});
  Draft draft{wish, *machine, topology::rule_for(*topology::arch_of(wish.arch)), DeviceLists(std::move(devices))};
  if (auto completed = complete_devices(draft); !completed) return std::unexpected(completed.error());
  wish.devices = std::move(draft.devices).joined();
  return wish;
}

}  // namespace busproof::assign
