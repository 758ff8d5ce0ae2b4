#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"

/// How reports call the things of a domain. No word holds a control character, whatever the XML holds.
namespace busproof::report {

/// "root-port" for pcie-root-port: what a person says.
std::string_view short_name(pci::ControllerModel model);

/// domain::display_name() of every device, in the order of the domain's devices.
std::vector<std::string> device_names(const domain::Domain& domain);

/// What else there is to say of a device: MAC and target where the name is an alias, model, device of the host.
std::vector<std::string> device_details(const domain::Device& device);

/// What `<target>` says of a PCI controller: "chassis 1", "port 0x8", "busNr 254", "hotplug off" …
std::vector<std::string> target_details(const domain::PciTarget& target);

/// What else there is to say of the bus that a controller of type pci makes: its target, its NUMA node, its alias.
std::vector<std::string> controller_details(const domain::Device& controller, bool node_is_told);

/// "27 free: 05-1f"; slots in hexadecimal, as addresses have them.
std::string free_text(const std::vector<std::uint8_t>& slots);

/// The text with every control character replaced by '?', and what is no UTF-8 by U+FFFD.
std::string printable(std::string_view text);

/// How many columns a terminal gives the UTF-8 text.
std::size_t column_count(std::string_view text);

/// The longest beginning of the text that fits in so many columns, ended by `mark` if something was cut off.
std::string fit(std::string_view text, std::size_t columns, std::string_view mark);

}  // namespace busproof::report
