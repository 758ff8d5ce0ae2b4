#pragma once

#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {

/// The guest's architecture decides which bus an `<input>` without one is on.
enum class InputDefault : std::uint8_t { Ps2, Virtio, Usb };
InputDefault input_default(std::string_view arch);

/// Fills in everything but `element`. On an error the device holds what had been read, enough for display_name().
/// Errors: those of read_controller, read_words and read_address, E114 and E227 for USB devices, E115, E103.
Result<void> read_device(const Element& element, InputDefault input, Device& device);

}  // namespace busproof::domain
