#include "engine/assign/drive_addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::DriveAddress;

/// How libvirt spreads the disks of a bus over controllers by their names, and what it calls the controllers.
struct DriveBus {
  std::string_view bus;
  ControllerType type;
  std::uint32_t per_controller;
  std::uint32_t units;  ///< of one bus of a controller
};
inline constexpr auto kDriveBuses = std::to_array<DriveBus>({
    // in the order in which libvirt adds missing controllers
    {"scsi", ControllerType::Scsi, 7, 7},
    {"fdc", ControllerType::Fdc, 2, 2},
    {"ide", ControllerType::Ide, 4, 2},
    {"sata", ControllerType::Sata, 6, 6},
});

const DriveBus* drive_bus(std::string_view bus) {
  const auto* const row = std::ranges::find(kDriveBuses, bus, &DriveBus::bus);
  return row == kDriveBuses.end() ? nullptr : row;
}

/// A PCI guest has no room for more controllers than this: 255 buses of 31 slots.
constexpr std::uint32_t kControllerIndexMax = 7905;
/// Units that libvirt gives out on one SCSI bus.
constexpr std::uint32_t kScsiUnitCount = 7;
/// An LSI SAS1068 has two only.
constexpr std::uint32_t kSas1068UnitCount = 2;

using DriveKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

DriveKey key_of(const DriveAddress& drive) { return {drive.controller, drive.bus, drive.target, drive.unit}; }

bool is_scsi_hostdev(const Device& device) { return device.kind == DeviceKind::Hostdev && device.type == "scsi"; }

std::string numbers_of(const DriveAddress& drive) {
  return fmt::format("controller='{}' bus='{}' target='{}' unit='{}'", drive.controller, drive.bus, drive.target,
                     drive.unit);
}

/// The SCSI places that are taken while drives are being placed.
struct ScsiPlaces {
  std::set<DriveKey> by_disk;
  std::set<DriveKey> by_hostdev;
  DriveAddress next;  ///< none before it is free: places are only ever taken
};

Result<void> place_disk(Device& disk, ScsiPlaces& places) {
  const DriveBus* bus = drive_bus(disk.bus);
  if (const auto* written = std::get_if<DriveAddress>(&disk.address)) {
    disk.drive = *written;
  } else if (disk.address.index() == 0) {
    const auto number = target_number(disk.target);
    if (!number)
      return refused("E410", fmt::format("XML error: Unknown disk name '{}' and no address specified", disk.target),
                     "name it after its bus, such as 'vda' or 'sdb'");
    if (bus != nullptr) {
      const std::uint32_t rest = *number % bus->per_controller;
      disk.drive = DriveAddress{*number / bus->per_controller, rest / bus->units, 0, rest % bus->units};
      if (disk.bus == "scsi" && places.by_hostdev.contains(key_of(*disk.drive)))
        return refused("E318",
                       fmt::format("unsupported configuration: using disk target name '{}' conflicts with SCSI host "
                                   "device address controller='{}' bus='0' target='0' unit='{}",
                                   disk.target, disk.drive->controller, disk.drive->unit),
                       "give the disk another target name, or the host device another unit");
    }
  }
  if (disk.bus == "scsi" && disk.drive) places.by_disk.insert(key_of(*disk.drive));
  return {};
}

std::uint32_t unit_count(const Device* controller) {
  return controller != nullptr && controller->model == "lsisas1068" ? kSas1068UnitCount : kScsiUnitCount;
}

/// The first unit on the first controller that is not taken.
DriveAddress first_free_unit(ScsiPlaces& places, ControllerList& controllers) {
  DriveAddress& next = places.next;
  for (;; next = {next.controller + 1, 0, 0, 0}) {
    const std::uint32_t end = unit_count(controllers.find(ControllerType::Scsi, next.controller));
    for (; next.unit < end; ++next.unit)
      if (!places.by_disk.contains(key_of(next)) && !places.by_hostdev.contains(key_of(next))) return next;
  }
}

Result<void> place_scsi_hostdev(Device& hostdev, ScsiPlaces& places, ControllerList& controllers) {
  if (const auto* written = std::get_if<DriveAddress>(&hostdev.address))
    hostdev.drive = *written;
  else if (hostdev.address.index() == 0)
    hostdev.drive = first_free_unit(places, controllers);
  else
    return {};
  places.by_hostdev.insert(key_of(*hostdev.drive));
  if (places.by_disk.contains(key_of(*hostdev.drive)))
    return refused("E318",
                   fmt::format("XML error: SCSI host address {} in use by a SCSI disk", numbers_of(*hostdev.drive)),
                   "give the host device another unit, or leave its <address> out");
  return {};
}

/// Appends the controllers first … last that are missing.
Result<void> ensure_range(ControllerType type, std::uint32_t first, std::uint32_t last, std::string_view model,
                          ControllerList& controllers) {
  if (last > kControllerIndexMax)
    return refused("E311", "internal error: No more available PCI slots",
                   fmt::format("controller {} of type {} would need {} others before it; use a lower number", last,
                               to_string(type), last));
  for (std::uint32_t index = first; index <= last; ++index) controllers.ensure(type, index, model);
  return {};
}

/// libvirt reads the number as a signed one where it counts controllers, and then sees none.
bool is_countable(std::uint32_t controller) { return static_cast<std::int32_t>(controller) >= 0; }

}  // namespace

bool sits_on_controller(std::string_view disk_bus) { return drive_bus(disk_bus) != nullptr; }

Result<void> place_drives(DeviceLists& devices, ControllerList& controllers) {
  ScsiPlaces places;
  DeviceList& hostdevs = devices[DeviceKind::Hostdev];
  for (const Device& hostdev : hostdevs)
    if (const auto* written = std::get_if<DriveAddress>(&hostdev.address); is_scsi_hostdev(hostdev) && written)
      places.by_hostdev.insert(key_of(*written));
  DeviceList& disks = devices[DeviceKind::Disk];
  for (Device& disk : disks)
    if (auto placed = place_disk(disk, places); !placed) return std::unexpected(about(placed.error(), disks, disk));
  for (Device& hostdev : hostdevs) {
    if (!is_scsi_hostdev(hostdev)) continue;
    if (auto placed = place_scsi_hostdev(hostdev, places, controllers); !placed)
      return std::unexpected(about(placed.error(), hostdevs, hostdev));
  }
  return {};
}

Result<void> add_scsi_hostdev_controllers(const DeviceList& hostdevs, ControllerList& controllers) {
  std::int64_t last = -1;
  std::string model;
  for (const Device& hostdev : hostdevs) {
    if (!is_scsi_hostdev(hostdev)) continue;
    const auto* written = std::get_if<DriveAddress>(&hostdev.address);
    const std::uint32_t index = hostdev.drive ? hostdev.drive->controller : written ? written->controller : 0;
    if (!is_countable(index) || index <= last) continue;
    const Device* there = controllers.find(ControllerType::Scsi, index);
    if (there != nullptr && !there->model.empty()) model = there->model;
    const auto first = static_cast<std::uint32_t>(last + 1);
    if (auto added = ensure_range(ControllerType::Scsi, first, index, model, controllers); !added)
      return std::unexpected(about(added.error(), hostdevs, hostdev));
    last = index;
  }
  return {};
}

Result<void> add_disk_controllers(const DeviceList& disks, ControllerList& controllers) {
  for (const DriveBus& row : kDriveBuses) {
    const Device* last = nullptr;
    for (const Device& disk : disks)
      if (disk.bus == row.bus && disk.drive && is_countable(disk.drive->controller) &&
          (last == nullptr || disk.drive->controller > last->drive->controller))
        last = &disk;
    if (last == nullptr) continue;
    if (auto added = ensure_range(row.type, 0, last->drive->controller, {}, controllers); !added)
      return std::unexpected(about(added.error(), disks, *last));
  }
  return {};
}

namespace {

/// One number of a drive address that a bus allows to be 0 only.
struct ZeroRule {
  std::string_view bus;
  std::uint32_t DriveAddress::* number;
  std::string_view rule;
  std::string_view refusal;
};
// clang-format off
inline constexpr auto kZeroRules = std::to_array<ZeroRule>({
  // bus    number                     rule    refusal
  {"scsi", &DriveAddress::bus,        "E229", "internal error: SCSI controller only supports 1 bus"},
  {"ide",  &DriveAddress::controller, "E226", "internal error: Only 1 IDE controller is supported"},
  {"ide",  &DriveAddress::target,     "E229", "unsupported configuration: target must be 0 for ide controller"},
  {"fdc",  &DriveAddress::controller, "E229", "internal error: Only 1 fdc controller is supported"},
  {"fdc",  &DriveAddress::bus,        "E229", "internal error: Only 1 fdc bus is supported"},
  {"fdc",  &DriveAddress::target,     "E229", "unsupported configuration: target must be 0 for controller fdc"},
  {"sata", &DriveAddress::bus,        "E229", "unsupported configuration: bus must be 0 for sata controller"},
  {"sata", &DriveAddress::target,     "E229", "unsupported configuration: target must be 0 for sata controller"},
});
// clang-format on

std::string remedy_for(const ZeroRule& rule, const Device& device) {
  if (rule.number != &DriveAddress::controller || device.address.index() != 0)
    return "write 0 there, or leave the <address> out";
  const DriveBus& bus = *drive_bus(rule.bus);
  return fmt::format(
      "its name puts it on controller {}; there is room for {} such disks, so give it an earlier name or "
      "another bus",
      device.drive->controller, bus.per_controller);
}

}  // namespace

DriveChecker::DriveChecker(const domain::Domain& placed) {
  for (const Device& device : placed.devices)
    if (device.controller && device.controller->type == ControllerType::Scsi && device.model == "lsilogic")
      lsilogic_.push_back(*device.controller->index);
  std::ranges::sort(lsilogic_);
}

Result<void> DriveChecker::check(const Device& device) const {
  const auto* written = std::get_if<DriveAddress>(&device.address);
  if (written == nullptr && !device.drive) return {};
  const DriveAddress& drive = device.drive ? *device.drive : *written;
  // Whatever is no disk counts as a SCSI host device there.
  const std::string_view bus = device.kind == DeviceKind::Disk ? std::string_view(device.bus) : "scsi";
  for (const ZeroRule& rule : kZeroRules)
    if (rule.bus == bus && drive.*rule.number != 0)
      return refused(std::string(rule.rule), std::string(rule.refusal), remedy_for(rule, device));
  if (bus == "scsi" && drive.target != 0 && std::ranges::binary_search(lsilogic_, drive.controller))
    return refused("E229", "unsupported configuration: target must be 0 for controller model 'lsilogic'",
                   "write target='0', or use a virtio-scsi controller");
  return {};
}

namespace {

Result<void> check_duplicate_disks(const domain::Domain& placed) {
  std::map<std::pair<std::string_view, DriveKey>, const Device*> owners;
  const Device* first = nullptr;  // libvirt names the earlier of a pair, and the earliest of several pairs
  for (const Device& disk : placed.devices) {
    if (disk.kind != DeviceKind::Disk || !disk.drive) continue;
    const auto [owner, vacant] = owners.try_emplace({disk.bus, key_of(*disk.drive)}, &disk);
    if (!vacant && (first == nullptr || owner->second < first)) first = owner->second;
  }
  if (first == nullptr) return {};
  Error error{ErrorKind::Refused,
              "E318",
              fmt::format("unsupported configuration: Found duplicate drive address for disk with target name '{}' {}",
                          first->target, numbers_of(*first->drive)),
              display_name(placed, *first),
              "give one of the disks another unit, or leave its <address> out",
              first->offset};
  return std::unexpected(std::move(error));
}

/// libvirt swaps the first two numbers in this text.
std::string swapped_numbers_of(const DriveAddress& drive) {
  return numbers_of({drive.bus, drive.controller, drive.target, drive.unit});
}

}  // namespace

Result<void> check_duplicate_drives(const domain::Domain& placed) {
  if (auto checked = check_duplicate_disks(placed); !checked) return checked;
  std::map<DriveKey, const Device*> owners;
  const Device* first = nullptr;
  for (const Device& device : placed.devices) {
    if (!is_scsi_hostdev(device) || !device.drive) continue;
    const auto [owner, vacant] = owners.try_emplace(key_of(*device.drive), &device);
    if (!vacant && (first == nullptr || owner->second < first)) first = owner->second;
  }
  if (first == nullptr) return {};
  Error error{ErrorKind::Refused,
              "E318",
              fmt::format("unsupported configuration: SCSI host address {} in use by another SCSI host device",
                          swapped_numbers_of(*first->drive)),
              display_name(placed, *first),
              "give one of the host devices another unit, or leave its <address> out",
              first->offset};
  return std::unexpected(std::move(error));
}

}  // namespace busproof::assign
