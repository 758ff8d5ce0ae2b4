#pragma once

#include <optional>
#include <pugixml.hpp>

#include "engine/base/result.h"
#include "engine/domain/address.h"
#include "engine/pci/address.h"

namespace busproof::domain {

/// What an `<address>` below a device says (spec 1.2–1.4); NoAddress for a null element.
/// Errors: E101–E107, E116 (a ccw address in part or out of range, a malformed USB port, a dimm without slot).
Result<DeviceAddress> read_address(pugi::xml_node address);

/// The `<address>` inside a `<source>`: a device of the host, which has no EMPTY rule and needs no type.
/// Errors: E103–E107.
Result<std::optional<pci::HostAddress>> read_host_address(pugi::xml_node address);

}  // namespace busproof::domain
