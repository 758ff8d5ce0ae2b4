#pragma once

#include <span>
#include <string>

#include "engine/host/inventory.h"

namespace busproof::report {

/// {"kernel": "6.1.0", "boot_id", "devices": [DEVICE], "groups": [GROUP], "drivers": [name], "warnings": [text]}
///
/// DEVICE: address, vendor, device, subvendor, subdevice, class, revision: as in "0x10de"; modalias; driver,
/// driver_override, iommu_group, numa_node, physfn, parent: null where there is none; root_bus; virtfns,
/// sriov_totalvfs; net; boot_vga, reset, vfio_dev; reset_methods: null where the kernel does not say; consumers,
/// suppliers; config: {visible, responding, header, multifunction, express, power_management, pm_reset, flr, af_flr,
/// acs, acs_isolates: "yes", "no" or "unknown", secondary, subordinate}; in_use: [text].
/// GROUP: number, type, devices, foreign. Ends with a newline.
std::string host_json(const host::Inventory& inventory);

/// The devices alone, as a list.
std::string host_devices_json(std::span<const host::HostDevice> devices);
/// The groups alone, as a list.
std::string host_groups_json(std::span<const host::IommuGroup> groups);

}  // namespace busproof::report
