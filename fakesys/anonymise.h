#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// What is left out of a recording that is to be shown to others.
namespace busproof::fakesys {

/// Replaces the hardware address among an interface's recorded attributes by 02:00:00:00:xx:xx, other bytes for each
/// `number`.
void anonymise_interface(nlohmann::json& attributes, std::size_t number);

/// Zeroes the serial number in a config space that has such a capability.
void blank_serial_number(std::string& config);

/// A table of routes with made-up addresses in place of those that are no default route; other files as they are.
std::string anonymised_file(std::string_view path, std::string_view text);

}  // namespace busproof::fakesys
