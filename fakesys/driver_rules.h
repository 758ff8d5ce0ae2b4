#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace busproof::fakesys {

inline constexpr std::uint32_t kAnyId = 0xffffffff;

/// One entry of a driver's table, static or dynamic: what it matches.
struct PciId {
  std::uint32_t vendor = kAnyId, device = kAnyId, subvendor = kAnyId, subdevice = kAnyId;
  std::uint32_t class_code = 0, class_mask = 0;
  std::uint64_t driver_data = 0;
  bool override_only = false;  ///< matches only a device whose override names the driver
  friend bool operator==(const PciId&, const PciId&) = default;
};

enum class DriverRole : std::uint8_t {
  Native,
  Port,  ///< pcieport: takes PCI Express ports only, and shares a group with a guest
  Stub,  ///< takes everything, touches nothing
  Vfio,  ///< hands the device to a user
};

/// What a driver does to the enable count of its device.
enum class Enables : std::uint8_t {
  Never,
  WhileBound,
  ForGood,  ///< enables when it binds and never disables
};

/// What a driver does besides matching. The rows know what can be seen in sysfs and nothing more.
struct DriverRule {
  std::string_view name;
  DriverRole role = DriverRole::Native;
  Enables enables = Enables::WhileBound;
  bool interrupts_by_message = true;  ///< uses MSI or MSI-X where the device has it
  bool configures_sriov = false;
  int foreign_errno = 0;              ///< what its probe says to a device that is not of its kind; 0: takes it
  bool foreign_powers_up = true;      ///< whether it has switched the device on before it finds out
  int lost_errno = 0;                 ///< the same for its own kind when that does not answer where the kernel looks
  std::uint64_t driver_data_max = 0;  ///< its own table has entries with all driver_data up to this
  bool makes_wakeable = false;        ///< knows that its devices can wake the machine, whatever they say themselves
  bool enables_anew = false;          ///< lets go of its device for every reset and takes it again
};

/// The row of a driver; one that is not in the table is an ordinary native driver that refuses foreign devices with
/// EIO.
const DriverRule& rule_for(std::string_view driver);

/// The ids that a driver is known to have in its own table, as far as they matter here. What a recorded host has bound
/// adds to them.
std::span<const PciId> known_ids(std::string_view driver);

}  // namespace busproof::fakesys
