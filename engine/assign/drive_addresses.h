#pragma once

#include <cstdint>
#include <vector>

#include "engine/assign/device_lists.h"
#include "engine/base/result.h"
#include "engine/domain/domain.h"

/// Where disks and SCSI host devices sit on their controllers: decides which controllers there must be (spec 4.4).
namespace busproof::assign {

/// Whether a disk of that bus sits on a controller by a drive address.
bool sits_on_controller(std::string_view disk_bus);

/// Fills in `drive` of every disk, from its address or its name, and of every SCSI hostdev, from its address or the
/// first free unit. Disks must know their bus. Errors: E410 a name without number, E318 an address that a disk and a
/// SCSI hostdev share.
Result<void> place_drives(DeviceLists& devices, ControllerList& controllers);

/// Appends the SCSI controllers that SCSI hostdevs refer to, with the model of the one whose place they continue.
Result<void> add_scsi_hostdev_controllers(const DeviceList& hostdevs, ControllerList& controllers);

/// Appends controllers 0 … n of the types that disks refer to.
Result<void> add_disk_controllers(const DeviceList& disks, ControllerList& controllers);

/// What libvirt checks of one device's drive address once all controllers are known.
/// Errors: E226, E229 a number that the controller does not have. The error names no device.
class DriveChecker {
 public:
  explicit DriveChecker(const domain::Domain& placed);
  [[nodiscard]] Result<void> check(const domain::Device& device) const;

 private:
  std::vector<std::uint32_t> lsilogic_;  ///< indexes of the SCSI controllers of that model, sorted
};

/// Errors: E318 two drives at one place.
Result<void> check_duplicate_drives(const domain::Domain& placed);

}  // namespace busproof::assign
