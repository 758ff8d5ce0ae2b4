#include "engine/assign/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/assign/address_rules.h"
#include "engine/assign/controller_options.h"
#include "engine/assign/drive_addresses.h"
#include "engine/assign/value_rules.h"
#include "engine/topology/machine_rules.h"
#include "engine/topology/usb_ports.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using topology::Family;
using topology::MachineRule;
using topology::Trait;

/// The refusal, said of that device.
Refusal said_of(const Domain& domain, const Device& device, Error error) {
  return Refusal(about(std::move(error), domain, device));
}

/// What the checks of one device look at besides it.
struct Scene {
  const Domain& domain;
  const MachineRule& machine;
  topology::Arch arch;
  DriveChecker drives;
  std::array<std::size_t, domain::kDeviceKindCount> counts{};

  Scene(const Domain& placed, const MachineRule& rule)
      : domain(placed), machine(rule), arch(*topology::arch_of(placed.arch)), drives(placed) {
    for (const Device& device : placed.devices) ++counts[static_cast<std::size_t>(device.kind)];
  }
  [[nodiscard]] std::size_t count(DeviceKind kind) const { return counts[static_cast<std::size_t>(kind)]; }
};

// --- Every device's address

Result<void> check_unassigned(const Device& device) {
  if (device.kind == DeviceKind::Hostdev || !std::holds_alternative<domain::UnassignedAddress>(device.address))
    return {};
  return refused("E110", "unsupported configuration: address of type 'unassigned' is supported only for hostdevs",
                 "remove the <address> element");
}

Result<void> check_zpci(const Device& device, const Scene& scene) {
  constexpr std::uint32_t kUidMax = 0xffff;
  const auto* pci = std::get_if<domain::PciAddress>(&device.address);
  if (pci == nullptr || (!pci->zpci.uid && !pci->zpci.fid)) return {};
  if (scene.machine.traits.contains(Trait::CcwTransport)) {
    const std::uint32_t uid = pci->zpci.uid.value_or(1);
    if (uid != 0 && uid <= kUidMax) return {};
    return refused("E109",
                   fmt::format("XML error: Invalid PCI address uid='0x{:04x}', must be > 0x0000 and <= 0xffff", uid),
                   "write another uid, or leave it out");
  }
  return refused("E109", "unsupported configuration: This QEMU binary doesn't support zPCI",
                 "remove <zpci>: only s390x machines have it");
}

Result<void> check_ccw(const Device& device, const Scene& scene) {
  if (!std::holds_alternative<domain::CcwAddress>(device.address)) return {};
  if (scene.machine.traits.contains(Trait::CcwTransport)) return {};
  return refused("E113",
                 fmt::format("unsupported configuration: cannot use CCW address type for device '{}' using machine "
                             "type '{}'",
                             device.alias.empty() ? "<null>" : device.alias, scene.domain.machine),
                 "use <address type='pci'/>, or remove the element: only s390x machines have CCW");
}

Result<void> check_register(const Device& device) {
  constexpr std::uint64_t kRegisterMax = 0xffffffff;
  const auto* address = std::get_if<domain::SpaprVioAddress>(&device.address);
  if (address == nullptr || address->reg.value_or(0) <= kRegisterMax) return {};
  return refused("E315",
                 fmt::format("unsupported configuration: spapr-vio reg='{:#x}' exceeds maximum possible value "
                             "(0xffffffff)",
                             *address->reg),
                 "use a lower register, or leave reg out");
}

/// Devices that end up with an address of their own type although the XML gives them none.
bool has_other_address(const Device& device) {
  if (device.drive || device.kind == DeviceKind::Hub || device.kind == DeviceKind::Redirdev ||
      device.kind == DeviceKind::Smartcard)
    return true;
  if (device.address.index() != 0) return !std::holds_alternative<domain::PciAddress>(device.address);
  return (device.kind == DeviceKind::Channel && device.target_type == "virtio") ||
         (device.kind == DeviceKind::Disk && device.bus == "usb") ||
         (device.kind == DeviceKind::Input && device.bus == "usb") ||
         (device.kind == DeviceKind::Hostdev && device.type == "usb") ||
         (device.kind == DeviceKind::Sound && device.model == "usb") ||
         (device.kind == DeviceKind::Serial && device.target_type == "usb-serial") ||
         (device.controller && device.controller->type == ControllerType::Ccid);
}

Result<void> check_acpi_index(const Device& device) {
  if (device.acpi_index.value_or(0) == 0 || !has_other_address(device)) return {};
  return refused("E411", "unsupported configuration: ACPI index is only supported for PCI devices",
                 "remove <acpi index='…'>, or make it a PCI device");
}

Result<void> check_address(const Device& device, const Scene& scene) {
  if (auto checked = check_zpci(device, scene); !checked) return checked;
  if (auto checked = check_register(device); !checked) return checked;
  if (auto checked = check_ccw(device, scene); !checked) return checked;
  if (auto checked = scene.drives.check(device); !checked) return checked;
  return check_acpi_index(device);
}

// --- Kinds of devices, in libvirt's common code

/// What the names of hard disks begin with.
constexpr auto kHardDiskPrefixes = std::to_array<std::string_view>({"hd", "sd", "vd", "xvd", "ubd"});

Result<void> check_disk_name(const Device& disk) {
  const bool is_floppy = disk.mode == "floppy";
  if (is_floppy != (disk.bus == "fdc"))
    return refused(
        "E415",
        fmt::format("internal error: Invalid bus type '{}' for {}", disk.bus, is_floppy ? "floppy disk" : "disk"),
        is_floppy ? "use bus='fdc'" : "only a device='floppy' sits on bus fdc");
  const bool is_hard_disk = disk.mode == "disk" || disk.mode == "lun";
  const auto begins_name = [&](std::string_view prefix) { return disk.target.starts_with(prefix); };
  if (is_hard_disk && std::ranges::none_of(kHardDiskPrefixes, begins_name))
    return refused("E415", fmt::format("internal error: Invalid harddisk device name: {}", disk.target),
                   "name it after its bus, such as 'vda' or 'sda'");
  if (is_floppy && !disk.target.starts_with("fd"))
    return refused("E415", fmt::format("internal error: Invalid floppy device name: {}", disk.target),
                   "name it 'fda' or 'fdb'");
  return {};
}

/// Commands of SCSI go to what takes them. Whether a block device or a volume is one, the XML does not say.
Result<void> check_lun(const Device& disk) {
  if (disk.mode != "lun") return {};
  if (disk.type != "block" && disk.type != "network" && disk.type != "volume")
    return refused("E420", "unsupported configuration: disk device='lun' is only valid for block type disk source",
                   "use type='block', or device='disk'");
  if (disk.bus != "scsi" && disk.bus != "virtio")
    return refused("E420",
                   fmt::format("unsupported configuration: disk device='lun' is not supported for bus='{}'", disk.bus),
                   "use bus='scsi', or device='disk'");
  return {};
}

Result<void> check_disk_source(const Device& disk) {
  if (disk.taking.nvme_namespace == 0)
    return refused("E420", "unsupported configuration: NVMe namespace can't be zero",
                   "namespaces count from 1: /dev/nvme0n1 is the first");
  return check_lun(disk);
}

Result<void> check_video_company(const Scene& scene) {
  const auto is_none = [](const Device& device) { return device.kind == DeviceKind::Video && device.model == "none"; };
  if (scene.count(DeviceKind::Video) <= 1 || std::ranges::none_of(scene.domain.devices, is_none)) return {};
  return refused("E412",
                 "unsupported configuration: a 'none' video type must be the only video device defined for the domain",
                 "remove the video of type none, or the others");
}

Result<void> check_common(const Device& device) {
  if (auto checked = check_unassigned(device); !checked) return checked;
  if (auto checked = check_address_type(device, When::Common); !checked) return checked;
  if (device.kind == DeviceKind::Disk) {
    if (auto checked = check_disk_name(device); !checked) return checked;
    return check_disk_source(device);
  }
  if (device.kind == DeviceKind::Controller && device.controller->type == ControllerType::Pci)
    return check_pci_ranges(device);
  return {};
}

// --- Kinds of devices, in libvirt's QEMU driver

Result<void> check_ide_controller(const Device& controller, const Scene& scene) {
  const bool builtin = scene.machine.traits.contains(Trait::BuiltinIde);
  if (builtin && *controller.controller->index == 0) return {};
  if (builtin)
    return refused("E226", "unsupported configuration: Only a single IDE controller is supported for this machine type",
                   "the machine has room for 4 IDE disks; put others on another bus");
  return refused("E226",
                 "unsupported configuration: IDE controllers are unsupported for this QEMU binary or machine type",
                 "use bus='sata', 'scsi' or 'virtio'");
}

Result<void> check_scsi_controller(const Device& controller) {
  if (controller.model != "ncr53c90") return {};
  return refused("E230",
                 *controller.controller->index == 0
                     ? "unsupported configuration: ncr53c90 SCSI controller is not a built-in for this machine"
                     : "unsupported configuration: ncr53c90 can only be used as first SCSI controller",
                 "use virtio-scsi");
}

Result<void> check_controller(const Device& controller, const Scene& scene) {
  switch (controller.controller->type) {
    case ControllerType::Ide:
      return check_ide_controller(controller, scene);
    case ControllerType::Scsi:
      return check_scsi_controller(controller);
    case ControllerType::Pci:
      return check_pci_options(controller, scene.domain, scene.machine);
    default:
      return {};
  }
}

Result<void> check_disk(const Device& disk) {
  if (disk.mode == "cdrom" && (disk.bus == "virtio" || disk.bus == "sd"))
    return refused(
        "E415",
        fmt::format("unsupported configuration: disk type of '{}' does not support ejectable media", disk.target),
        "use bus='sata' or 'scsi'");
  if (!disk.model.empty() && disk.model != "default" && disk.bus != "virtio")
    return refused(
        "E415",
        fmt::format("unsupported configuration: disk model '{}' not supported for bus '{}'", disk.model, disk.bus),
        "remove the model, or use bus='virtio'");
  const auto end_of_letters = disk.target.find_last_not_of("0123456789");
  if (end_of_letters + 1 != disk.target.size() && disk.target.substr(end_of_letters + 1) != "0")
    return refused("E415",
                   fmt::format("unsupported configuration: invalid disk target '{}', partitions can't appear in disk "
                               "targets",
                               disk.target),
                   "leave the number out");
  return {};
}

Result<void> check_video(const Device& video) {
  if (video.model == "none" || video.model == "qxl" || video.model == "virtio" || video.primary) return {};
  return refused(
      "E403",
      fmt::format("unsupported configuration: video type '{}' is only valid as primary video device", video.model),
      "use qxl or virtio for further videos");
}

struct IommuRule {
  std::string_view model;
  std::array<Family, 2> families;
  std::string_view machines;  ///< as libvirt calls them
};
constexpr auto kIommuRules = std::to_array<IommuRule>({
    {"intel", {Family::Q35, Family::Q35}, "Q35 machines"},
    {"smmuv3", {Family::ArmVirt, Family::ArmVirt}, "ARM Virt machines"},
    {"virtio", {Family::Q35, Family::ArmVirt}, "Q35 and ARM Virt machines"},
});

Result<void> check_iommu(const Device& iommu, const Scene& scene) {
  const auto* const rule = std::ranges::find(kIommuRules, std::string_view(iommu.model), &IommuRule::model);
  if (rule == kIommuRules.end()) return {};
  if (std::ranges::find(rule->families, scene.machine.family) == rule->families.end())
    return refused("E402",
                   fmt::format("unsupported configuration: IOMMU device: '{}' is only supported with {}", iommu.model,
                               rule->machines),
                   "remove it, or use another machine type");
  if (iommu.model == "virtio" && !scene.domain.has_acpi)
    return refused("E402", "unsupported configuration: IOMMU device: 'virtio' requires ACPI",
                   "add <features><acpi/></features>");
  return {};
}

Result<void> check_smartcard(const Device& smartcard, const Scene& scene) {
  const auto* address = std::get_if<domain::CcidAddress>(&smartcard.address);
  const bool is_first = address == nullptr || *address == domain::CcidAddress{};
  if (is_first && scene.count(DeviceKind::Smartcard) == 1) return {};
  return refused("E408", "unsupported configuration: this QEMU binary lacks multiple smartcard support",
                 "keep one smartcard, on controller 0 and slot 0");
}

Result<void> check_nvram(const Scene& scene) {
  if (scene.machine.traits.contains(Trait::SpaprVioDevices)) return {};
  return refused("E409", "unsupported configuration: nvram device is only supported for PPC64", "remove it");
}

Result<void> check_watchdog(const Device& watchdog, const Scene& scene) {
  if (watchdog.model != "diag288" || scene.machine.family == Family::S390) return {};
  return refused("E416", "unsupported configuration: diag288 model of watchdog is allowed for s390 and s390x only",
                 "use model='i6300esb'");
}

Result<void> check_input(const Device& input) {
  if (input.bus != "ps2" || input.type == "mouse" || input.type == "keyboard") return {};
  return refused("E416", fmt::format("internal error: ps2 bus does not support {} input device", input.type),
                 "use bus='usb' or 'virtio'");
}

Result<void> check_parallel(const Scene& scene) {
  const Family family = scene.machine.family;
  if (family != Family::S390 && family != Family::Pseries) return {};
  return refused("E416", "unsupported configuration: parallel ports are not supported", "remove it");
}

/// Where there are no serial ports, the first console is one.
Result<void> check_console(const Device& console, const Scene& scene) {
  if (console.target_type != "serial" || scene.count(DeviceKind::Serial) != 0) return {};
  Device serial = console;
  serial.kind = DeviceKind::Serial;
  serial.target_type = scene.machine.serial_type;
  return check_address_type(serial, When::Driver);
}

Result<void> check_filesystem(const Device& filesystem) {
  if (filesystem.driver != "virtiofs" || filesystem.model.empty()) return {};
  return refused("E414", "unsupported configuration: virtiofs does not support model", "remove the model");
}

Result<void> check_driver(const Device& device, const Scene& scene) {
  if (auto checked = check_values(device, scene.domain, scene.arch); !checked) return checked;
  if (auto checked = check_address_type(device, When::Driver); !checked) return checked;
  switch (device.kind) {
    case DeviceKind::Disk:
      return check_disk(device);
    case DeviceKind::Video:
      return check_video(device);
    case DeviceKind::Controller:
      return check_controller(device, scene);
    case DeviceKind::Smartcard:
      return check_smartcard(device, scene);
    case DeviceKind::Parallel:
      return check_parallel(scene);
    case DeviceKind::Console:
      return check_console(device, scene);
    case DeviceKind::Input:
      return check_input(device);
    case DeviceKind::Filesystem:
      return check_filesystem(device);
    case DeviceKind::Watchdog:
      return check_watchdog(device, scene);
    case DeviceKind::Nvram:
      return check_nvram(scene);
    case DeviceKind::Iommu:
      return check_iommu(device, scene);
    default:
      return {};
  }
}

Result<void> check_device(const Device& device, const Scene& scene) {
  if (auto checked = check_common(device); !checked) return checked;
  if (auto checked = check_address(device, scene); !checked) return checked;
  return check_driver(device, scene);
}

// --- The domain as a whole

/// Those that QEMU has for 64-bit ARM alone.
constexpr std::array<std::string_view, 5> kArm64Boards = {"raspi3ap", "raspi3b", "sbsa-ref", "xlnx-versal-virt",
                                                          "xlnx-zcu102"};

Result<void> check_board(const Domain& domain) {
  const bool is_arm_32 = domain.arch == "armv7l" || domain.arch == "armv6l";
  if (!is_arm_32 || std::ranges::find(kArm64Boards, domain.machine) == kArm64Boards.end()) return {};
  return refused("E418",
                 fmt::format("unsupported configuration: Emulator '/usr/bin/qemu-system-arm' does not support machine "
                             "type '{}'",
                             domain.machine),
                 "write arch='aarch64'; QEMU has this board with 64-bit processors only");
}

Result<void> check_whole_address_types(const Domain& domain) {
  for (const Device& device : domain.devices)
    if (auto checked = check_address_type(device, When::Whole); !checked)
      return said_of(domain, device, checked.error());
  return {};
}

Result<void> check_duplicate_targets(const Domain& domain) {
  std::unordered_set<std::string_view> seen;
  for (const Device& device : domain.devices)
    if (device.kind == DeviceKind::Disk && !seen.insert(device.target).second)
      return said_of(domain, device,
                     refused("E415", fmt::format("XML error: target '{}' duplicated for disk sources", device.target),
                             "give each disk its own <target dev>")
                         .error());
  return {};
}

/// What two host devices must not share; empty where the XML does not say it.
std::string host_identity(const Device& device) {
  const bool is_interface = device.kind == DeviceKind::Interface && device.type == "hostdev";
  if (!is_interface && device.kind != DeviceKind::Hostdev) return {};
  if (device.host_address) return "pci " + to_string(*device.host_address);
  return device.source;
}

Result<void> check_duplicate_hostdevs(const Domain& domain) {
  std::unordered_set<std::string> seen;
  for (const Device& device : domain.devices)
    if (std::string identity = host_identity(device); !identity.empty() && !seen.insert(std::move(identity)).second)
      return said_of(domain, device,
                     refused("E404", "XML error: Hostdev already exists in the domain configuration",
                             "give a host device to the guest once")
                         .error());
  return {};
}

/// Serial ports that libvirt shows a second time, as the first console, with the same alias.
constexpr auto kMirroredSerials =
    std::to_array<std::string_view>({"isa-serial", "spapr-vio-serial", "system-serial", "sclp-serial", ""});

Result<void> check_aliases(const Domain& domain) {
  std::unordered_set<std::string_view> seen;
  bool first_serial = true;
  for (const Device& device : domain.devices) {
    const bool mirrored = device.kind == DeviceKind::Serial && std::exchange(first_serial, false) &&
                          std::ranges::find(kMirroredSerials, device.target_type) != kMirroredSerials.end();
    if (mirrored || device.alias.empty() || seen.insert(device.alias).second) continue;
    return said_of(
        domain, device,
        refused("E111", fmt::format("unsupported configuration: non unique alias detected: {}", device.alias),
                "give each device its own alias")
            .error());
  }
  return {};
}

Result<void> check_primary_video(const Domain& domain) {
  const Device* first = nullptr;
  for (const Device& device : domain.devices) {
    if (device.kind != DeviceKind::Video || !device.primary) continue;
    if (first != nullptr)
      return said_of(domain, device,
                     refused("E413", "unsupported configuration: Only one primary video device is supported",
                             "write primary='yes' once")
                         .error());
    first = &device;
  }
  return {};
}

Result<void> check_whole(const Domain& domain) {
  if (auto checked = check_duplicate_targets(domain); !checked) return checked;
  if (auto checked = check_duplicate_hostdevs(domain); !checked) return checked;
  if (auto checked = check_duplicate_drives(domain); !checked) return checked;
  if (auto checked = check_aliases(domain); !checked) return checked;
  return check_primary_video(domain);
}

}  // namespace

Result<void> validate(const Domain& placed) {
  const MachineRule* machine = topology::machine_rule(placed.arch, placed.machine);
  if (machine == nullptr)
    return std::unexpected(
        Error{ErrorKind::Unsupported, "E010",
              fmt::format("machine type '{}' of architecture '{}' is not modelled", placed.machine, placed.arch)});
  if (auto given = topology::give_usb_ports(placed); !given) return std::unexpected(given.error());
  if (auto known = check_board(placed); !known) return known;
  if (auto checked = check_whole_address_types(placed); !checked) return checked;
  const Scene scene(placed, *machine);
  for (const Device& device : placed.devices)
    if (auto checked = check_device(device, scene); !checked) return said_of(placed, device, checked.error());
  if (auto checked = check_video_company(scene); !checked) return checked;
  return check_whole(placed);
}

}  // namespace busproof::assign
