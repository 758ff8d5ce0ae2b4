#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/pci/config_registers.h"

namespace busproof::host {

/// What can be told of something that may be out of sight.
enum class Known : std::uint8_t { No, Yes, Unknown };
constexpr std::string_view to_string(Known known) {
  constexpr std::string_view kWords[] = {"no", "yes", "unknown"};
  return kWords[static_cast<std::size_t>(known)];
}

/// What the registers of a function say that bears on giving it away.
struct ConfigFacts {
  std::size_t visible = 0;             ///< bytes that we may read: 64 without privileges, else 256 or 4096
  Known responding = Known::Unknown;   ///< No: all ones, the device is dead or off the bus
  std::optional<std::uint8_t> header;  ///< type 0 endpoint, 1 bridge, 2 cardbus bridge; without the multifunction bit
  bool multifunction = false;
  Known power_management = Known::Unknown;
  Known pm_reset = Known::Unknown;  ///< going to D3hot and back resets it
  Known express = Known::Unknown;
  std::optional<pci::PortType> port_type{};
  Known flr = Known::Unknown;     ///< Express function-level reset
  Known af_flr = Known::Unknown;  ///< reset by the Advanced Features capability: both bits, as the kernel wants them
  Known acs = Known::Unknown;     ///< the capability is there
  Known acs_isolates = Known::Unknown;  ///< and all four of its controls that keep functions apart are on
  std::optional<std::uint8_t> primary{}, secondary{}, subordinate{};  ///< buses of a bridge
  std::string trouble{};  ///< "capability-loop", "header type 5 is unknown"; empty when all is well

  friend bool operator==(const ConfigFacts&, const ConfigFacts&) = default;
};

/// Reads `count` bytes from an offset on; fewer, or none, where they are out of sight.
using ConfigReader = std::function<std::string(std::uint64_t offset, std::size_t count)>;

/// Reads 256 bytes at once, and of the rest only what leads to the ACS capability. A virtual function's own id
/// registers are all ones: whether it answers is seen from its command register. Source: PCI Express Base
/// Specification 5.0, chapter 7; PCI Local Bus Specification 3.0, 6.1 and 6.7.
ConfigFacts read_config(const ConfigReader& read, bool is_virtual_function);

}  // namespace busproof::host
