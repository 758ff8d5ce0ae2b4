#pragma once

#include <string>
#include <string_view>

#include "engine/domain/domain.h"

namespace busproof::abi {

/// What sort of device it is, the model apart: "disk virtio", "subsystem pci", "tablet usb". What it is called on the
/// host, and how the host provides it, is no part of it.
std::string type_of(const domain::Device& device);

/// Writes what type_of() read into a device of that kind.
void set_type(domain::Device& device, std::string_view type);

/// The device of the host behind it: "0000:3b:00.1", "mdev <uuid>"; empty when there is none.
std::string host_of(const domain::Device& device);

}  // namespace busproof::abi
