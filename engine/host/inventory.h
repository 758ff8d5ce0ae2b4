#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/host/config_space.h"
#include "engine/host/kernel.h"
#include "engine/host/sysfs_paths.h"
#include "engine/pci/address.h"

/// What is in a host, as plain data: read once, then looked at without asking the kernel again.
namespace busproof::host {

using pci::HostAddress;

/// Which card it is, as far as can be told cheaply: compared before anything is written, lest another card now sit at
/// the address.
struct Pin {
  std::uint16_t vendor = 0, device = 0, subvendor = 0, subdevice = 0;
  std::uint32_t class_code = 0;  ///< 24 bits: base class, sub class, interface
  std::uint8_t revision = 0;
  friend bool operator==(const Pin&, const Pin&) = default;
};

/// "10de:2204 (rev a1, class 030000, subsystem 1043:87b3)".
std::string to_string(const Pin& pin);
/// "10de 2204": what `new_id` and `remove_id` take.
std::string id_string(const Pin& pin);

/// How the host itself depends on a device.
struct HostUse {
  enum class Kind : std::uint8_t { Mount, Swap, DefaultRoute, Address, Console } kind{};
  std::string what;  ///< "/ on nvme0n1p2", "default route by eth0", "eth0 has an address", "boot console"
  friend auto operator<=>(const HostUse&, const HostUse&) = default;
};

/// One PCI function.
struct HostDevice {
  HostAddress address;
  Pin pin{};
  std::string modalias{};                    ///< "pci:v00008086d000010D3sv…"; empty if unreadable
  std::optional<std::string> driver{};       ///< none: no driver is visible
  std::optional<std::string> override_to{};  ///< driver_override; none: unset
  bool has_override = true;                  ///< the attribute is there: not before Linux 3.16
  std::optional<unsigned> group{};
  std::optional<HostAddress> physical_function{};   ///< of a virtual function
  std::vector<HostAddress> virtual_functions{};     ///< that exist
  std::optional<unsigned> virtual_functions_max{};  ///< none: not a physical function of SR-IOV
  std::optional<HostAddress> parent{};              ///< the bridge right above; none on a root bus
  std::string root_bus{};                           ///< "pci0000:00"
  ConfigFacts config{};
  std::optional<int> numa_node{};
  std::vector<std::string> interfaces{};  ///< names of network interfaces
  bool boot_vga = false;
  bool has_reset = false;  ///< the kernel knows how to reset it
  std::optional<std::vector<std::string>>
      reset_methods{};                                ///< in the order the kernel tries them; none: it does not say
  bool vfio_device = false;                           ///< has a vfio-dev: it is on a VFIO driver
  bool bonds_known = true;                            ///< driver, override and group could be read, or are not there
  std::vector<HostAddress> consumers{}, suppliers{};  ///< by device links: the sound of a graphics card is its consumer
  std::vector<HostUse> uses{};                        ///< sorted

  friend bool operator==(const HostDevice&, const HostDevice&) = default;
};

constexpr std::uint32_t kBridgeClass = 0x0604;
/// The 16 bits that decide what a device is: 0x0604 is a PCI-to-PCI bridge.
inline std::uint32_t kind_of(const HostDevice& device) { return device.pin.class_code >> 8; }
inline bool is_bridge(const HostDevice& device) {
  return device.config.header ? *device.config.header != 0 : kind_of(device) == kBridgeClass;
}

struct IommuGroup {
  unsigned number = 0;
  std::string type{};  ///< "DMA-FQ", "identity"; empty where the kernel does not say
  std::vector<HostAddress> members{};
  std::vector<std::string> foreign{};  ///< members that are not PCI
  friend bool operator==(const IommuGroup&, const IommuGroup&) = default;
};

/// A release such as "6.1.0-56-amd64" as far as it can be compared: {6, 1}. {0, 0} when it cannot be read.
using KernelVersion = std::pair<unsigned, unsigned>;
KernelVersion kernel_version(std::string_view release);

struct Inventory {
  std::string kernel_release, boot_id;  ///< empty where the kernel does not say
  std::vector<HostDevice> devices;      ///< by address
  std::set<HostAddress> unreadable;     ///< devices that are there, and of which too little could be read just now
  std::vector<IommuGroup> groups;       ///< by number
  std::vector<std::string> drivers;     ///< names of the PCI drivers that are loaded
  std::vector<std::string> warnings;    ///< what could not be read or was skipped, and why
  friend bool operator==(const Inventory&, const Inventory&) = default;
};

const HostDevice* find(const Inventory& inventory, const HostAddress& address);
const IommuGroup* find_group(const Inventory& inventory, std::optional<unsigned> number);
/// The device, or all members of its group; the device alone where it has none.
std::vector<HostAddress> group_members(const Inventory& inventory, const HostDevice& device);

/// What names this run of the kernel; empty where the kernel has no such name. Errors: that it cannot be read.
Answer<std::string> read_boot_id(Kernel& kernel);

/// Reads the whole host. A device that goes away meanwhile is not in it; what cannot be read is missing or unknown, and
/// a warning says why. Errors: the errno of listing the devices at all, or of read_boot_id().
Answer<Inventory> scan(Kernel& kernel);

/// One device, as scan() would have it but without `uses`. Errors: ENOENT, there is no such device; what the kernel
/// said.
Answer<HostDevice> look_at(Kernel& kernel, const HostAddress& address, std::vector<std::string>& warnings);

/// The card that is at the address now, whose paths `path` makes. Errors: ENOENT, ENODEV: none; what else the kernel
/// said.
Answer<Pin> read_pin(Kernel& kernel, const HostAddress& address, paths::OfDevice& path);

}  // namespace busproof::host
