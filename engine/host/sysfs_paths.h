#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/pci/address.h"

/// The name of every file of a kernel that we use, once. As `Kernel` takes them: below /sys unless they begin with "/".
namespace busproof::host::paths {

inline constexpr std::string_view kDevices = "bus/pci/devices";
inline constexpr std::string_view kDrivers = "bus/pci/drivers";
inline constexpr std::string_view kDriversProbe = "bus/pci/drivers_probe";
inline constexpr std::string_view kDriversAutoprobe = "bus/pci/drivers_autoprobe";
inline constexpr std::string_view kRescan = "bus/pci/rescan";
inline constexpr std::string_view kGroups = "kernel/iommu_groups";
inline constexpr std::string_view kModules = "module";

inline constexpr std::string_view kBootId = "/proc/sys/kernel/random/boot_id";
inline constexpr std::string_view kKernelRelease = "/proc/sys/kernel/osrelease";
inline constexpr std::string_view kMounts = "/proc/self/mountinfo";
inline constexpr std::string_view kSwaps = "/proc/swaps";
inline constexpr std::string_view kRoutes = "/proc/net/route";
inline constexpr std::string_view kRoutesOfIpv6 = "/proc/net/ipv6_route";
inline constexpr std::string_view kAddressesOfIpv6 = "/proc/net/if_inet6";
inline constexpr std::string_view kVfioDirectory = "/dev/vfio";
inline constexpr std::string_view kBtrfs = "fs/btrfs";

/// Put together at one go: nothing is done more often.
inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string path;
  path.reserve(size);
  for (const std::string_view part : parts) path.append(part);
  return path;
}
inline std::string device(const pci::HostAddress& address) { return joined({kDevices, "/", to_string(address)}); }
/// "bus/pci/devices/0000:01:00.0/driver_override"
inline std::string of_device(const pci::HostAddress& address, std::string_view name) {
  return joined({kDevices, "/", to_string(address), "/", name});
}

/// The paths of one device's files, for who asks for one after the other: each holds until the next.
class OfDevice {
 public:
  explicit OfDevice(const pci::HostAddress& address) {
    constexpr std::size_t kUsualSize = 64;
    text_.reserve(kUsualSize);
    text_.append(kDevices).append(1, '/').append(to_string(address)).append(1, '/');
    directory_ = text_.size();
  }
  std::string_view operator()(std::string_view name) {
    text_.resize(directory_);
    return text_.append(name);
  }

 private:
  std::string text_;
  std::size_t directory_;
};

inline std::string driver(std::string_view driver) { return joined({kDrivers, "/", driver}); }
/// "bus/pci/drivers/vfio-pci/unbind"
inline std::string of_driver(std::string_view name, std::string_view file) {
  return joined({kDrivers, "/", name, "/", file});
}
inline std::string module(std::string_view name) { return joined({kModules, "/", name}); }
inline std::string group(unsigned number) { return joined({kGroups, "/", std::to_string(number)}); }
inline std::string group_node(unsigned number) { return joined({kVfioDirectory, "/", std::to_string(number)}); }
inline std::string modules_alias(std::string_view release) {
  return joined({"/lib/modules/", release, "/modules.alias"});
}
/// Where a disk is in the tree of devices, by its number, "259:2", or its name, "nvme0n1p2".
inline std::string block_device(std::string_view number) { return joined({"dev/block/", number}); }
inline std::string nvme_subsystem(std::string_view name) { return joined({"class/nvme-subsystem/", name}); }
inline std::string interface(std::string_view name) { return joined({"class/net/", name}); }
inline std::string block_name(std::string_view name) { return joined({"class/block/", name}); }

}  // namespace busproof::host::paths
