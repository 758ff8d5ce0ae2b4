#pragma once

#include <pugixml.hpp>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::domain {

/// Which device of the host a `<source>` of that type (pci, usb, scsi, scsi_host, mdev, or storage, misc, net) names:
/// sets `device.host_address` for pci, `device.source` for the others.
/// Errors: E103–E107, of the numbers in it.
Result<void> read_host_source(pugi::xml_node source, std::string_view type, Device& device);

}  // namespace busproof::domain
