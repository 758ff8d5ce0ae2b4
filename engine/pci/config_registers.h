#pragma once

#include <cstddef>
#include <cstdint>

/// What the PCI specifications call by number in a function's config space.
namespace busproof::pci {

/// Offsets in the header of every function, and what is looked at there.
inline constexpr std::size_t kCommand = 0x04, kStatus = 0x06;
inline constexpr std::uint16_t kBusMaster = 0x0004;           ///< of the command
inline constexpr std::uint16_t kStatusCapabilities = 0x0010;  ///< of the status: there is a list of capabilities

// Capabilities, and an extended one.
inline constexpr std::uint8_t kPowerManagement = 0x01;
inline constexpr std::uint8_t kMsi = 0x05;
inline constexpr std::uint8_t kExpress = 0x10;
inline constexpr std::uint8_t kMsix = 0x11;
inline constexpr std::uint8_t kAdvancedFeatures = 0x13;
inline constexpr std::uint16_t kAcs = 0x000d;

/// The type of a PCI Express function, as its Express capability numbers them.
enum class PortType : std::uint8_t {
  Endpoint = 0,
  LegacyEndpoint = 1,
  RootPort = 4,
  UpstreamPort = 5,
  DownstreamPort = 6,
  PcieToPci = 7,
  PciToPcie = 8,
  IntegratedEndpoint = 9,
  EventCollector = 10,
};

}  // namespace busproof::pci
