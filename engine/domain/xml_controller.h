#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {

/// What a `<controller>` says that other devices do not: type, model, index, `<model name>`, `<target>`, ports,
/// `<master>`, `<pcihole64>`. Sets `device.controller` and `device.model`.
/// Errors, in libvirt's order: E115 unknown type, model or model name; E103; E212; E104; E216.
Result<void> read_controller(const Element& element, Device& device);

/// `<controller type='usb' model='none'>`: no controller at all, and its address is never looked at.
bool is_usb_none(const Device& device);

/// The same, after the address: what libvirt reads last. Errors: E103.
Result<void> read_controller_ports(const Element& element, Device& device);

}  // namespace busproof::domain
