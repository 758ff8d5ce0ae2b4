#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/domain/address.h"

namespace busproof::domain {

/// An address that is not on a PCI bus, as reports print it: "drive 0:0:0:1", "usb 0:1.2", "ccw fe.0.0001". Empty for
/// no address and for one on a PCI bus.
std::string bus_address_text(const DeviceAddress& address);

/// What bus_address_text() printed; nothing for a text that it does not print.
std::optional<DeviceAddress> parse_bus_address(std::string_view text);

}  // namespace busproof::domain
