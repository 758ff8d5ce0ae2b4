#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/host/inventory.h"

/// What a host's devices and groups are, for people.
namespace busproof::report {

/// A line a function, cut off at `columns_max`:
///
///     ADDRESS       ID         KIND      DRIVER    GROUP  NODE  NOTES
///     0000:01:00.0  10de:2204  display   nouveau       1     -  boot VGA; in use: boot console
///
/// "-" stands for nothing; a driver_override that is set stands behind the driver: "vfio-pci (override)", "- (override
/// none)". Ends with how many there are.
std::string host_list_text(const host::Inventory& inventory, std::size_t columns_max);

/// A group a paragraph: its number and type, a line a member, and whether all its members are off the host's own
/// drivers.
std::string host_groups_text(const host::Inventory& inventory, std::span<const host::IommuGroup> groups,
                             std::size_t columns_max);

/// All that is known of one function, "name: value" a line.
std::string host_device_text(const host::HostDevice& device);

}  // namespace busproof::report
