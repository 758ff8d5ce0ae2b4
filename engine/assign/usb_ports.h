#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::assign {

/// Acts out how libvirt gives ports to USB hubs and devices, adding hubs when ports run out. Nothing is kept of it but
/// whether it succeeds: ports are no PCI addresses.
/// Errors: E227 USB devices without USB; E319 a bus, port or hub that is not there, or taken, or no port left.
Result<void> check_usb_ports(const domain::Domain& placed);

}  // namespace busproof::assign
