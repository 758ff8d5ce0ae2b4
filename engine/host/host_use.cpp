#include "engine/host/host_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <string_view>

#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

/// The lines of a text, each as its words.
std::vector<std::vector<std::string>> table_of(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  for (const auto line : std::views::split(text, '\n')) {
    auto& row = rows.emplace_back();
    std::string word;
    for (const char c : line) {
      if (c != ' ' && c != '\t') {
        word += c;
      } else if (!word.empty()) {
        row.push_back(std::exchange(word, {}));
      }
    }
    if (!word.empty()) row.push_back(std::move(word));
  }
  return rows;
}

std::vector<std::vector<std::string>> read_table(Kernel& kernel, std::string_view path) {
  return table_of(kernel.read(path).value_or(std::string()));
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// The last PCI device on the way to something.
std::optional<HostAddress> nearest_device(std::string_view target) {
  std::optional<HostAddress> nearest;
  for (const auto part : std::views::split(target, '/'))
    if (const auto address = HostAddress::parse(std::string_view(part.begin(), part.end()))) nearest = *address;
  return nearest;
}

/// Finds the PCI devices that a block device is made of.
class BlockDevices {
 public:
  explicit BlockDevices(Kernel& kernel) : kernel_(kernel) {}

  /// `link` is the block device's own name in sysfs; one on top of others stands for them.
  std::set<HostAddress> devices_behind(const std::string& link) {
    std::set<HostAddress> found;
    follow(link, kDepthMax, found);
    return found;
  }

 private:
  static constexpr int kDepthMax = 8;  // partitions on LVM on LUKS on RAID on multipath: no more than that

  void follow(const std::string& link, int depth, std::set<HostAddress>& found) {
    const auto target = kernel_.read_link(link);
    if (!target || depth == 0) return;
    if (const auto address = nearest_device(*target)) {
      found.insert(*address);
      return;
    }
    if (const auto subsystem = nvme_subsystem_of(*target); !subsystem.empty())
      return follow_controllers(subsystem, found);
    for (const std::string& lower : kernel_.list(link + "/slaves").value_or(std::vector<std::string>()))
      follow(paths::block_name(lower), depth - 1, found);
  }

  /// "nvme-subsys0" of ".../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1": a disk with several ways to it.
  static std::string nvme_subsystem_of(std::string_view target) {
    for (const auto part : std::views::split(target, '/')) {
      const std::string_view name(part.begin(), part.end());
      if (name.starts_with("nvme-subsys") && name != "nvme-subsystem") return std::string(name);
    }
    return {};
  }

  void follow_controllers(const std::string& subsystem, std::set<HostAddress>& found) {
    const std::string folder = paths::nvme_subsystem(subsystem);
    for (const std::string& name : kernel_.list(folder).value_or(std::vector<std::string>())) {
      const auto target = kernel_.read_link(folder + '/' + name);
      if (const auto address = target ? nearest_device(*target) : std::nullopt) found.insert(*address);
    }
  }

  Kernel& kernel_;
};

/// A line of mountinfo: "22 1 259:2 / /boot rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw".
struct MountLine {
  std::string number, directory, type, source;
};

std::optional<MountLine> mount_of(const std::vector<std::string>& words) {
  constexpr std::size_t kNumber = 2, kDirectory = 4, kSourceBehindDash = 2;
  const auto dash = std::ranges::find(words, "-");
  if (words.size() <= kDirectory || words.end() - dash <= static_cast<std::ptrdiff_t>(kSourceBehindDash))
    return std::nullopt;
  return MountLine{words[kNumber], words[kDirectory], dash[1], dash[kSourceBehindDash]};
}

using Uses = std::vector<std::pair<HostAddress, HostUse>>;

void find_mounts(Kernel& kernel, Uses& uses, std::vector<std::string>& warnings) {
  BlockDevices blocks(kernel);
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string> pools;
  for (const auto& words : read_table(kernel, paths::kMounts)) {
    const auto mount = mount_of(words);
    if (mount && mount->type == "zfs") pools.insert(mount->source.substr(0, mount->source.find('/')));
    // Only what comes from a disk: /proc and its like have no source in /dev.
    if (!mount || !mount->source.starts_with("/dev/")) continue;
    if (!seen.emplace(mount->source, mount->directory).second) continue;
    const std::string name(last_part(mount->source));
    auto devices = blocks.devices_behind(paths::block_device(mount->number));
    // A file system over several disks has a number of its own; the name of one disk is all that is told.
    if (devices.empty()) devices = blocks.devices_behind(paths::block_name(name));
    for (const HostAddress& device : devices)
      uses.emplace_back(device, HostUse{HostUse::Kind::Mount, mount->directory + " on " + name});
  }
  for (const std::string& pool : pools)
    warnings.push_back(
        fmt::format("ZFS pool {} is in use, and the kernel does not tell on which disks: see 'zpool status -L {}' "
                    "before one is given away",
                    pool, pool));
}

/// What btrfs has mounted it shows with all its disks, of which the table of mounts names one, by any name.
void find_btrfs(Kernel& kernel, Uses& uses) {
  BlockDevices blocks(kernel);
  const std::string folder(paths::kBtrfs);
  for (const std::string& file_system : kernel.list(folder).value_or(std::vector<std::string>())) {
    const auto disks = kernel.list(folder + '/' + file_system + "/devices");
    if (!disks) continue;
    for (const std::string& disk : *disks) {
      for (const HostAddress& device : blocks.devices_behind(paths::block_name(disk)))
        uses.emplace_back(device, HostUse{HostUse::Kind::Mount, "btrfs on " + disk});
    }
  }
}

void find_swaps(Kernel& kernel, Uses& uses) {
  BlockDevices blocks(kernel);
  for (const auto& words : read_table(kernel, paths::kSwaps)) {
    if (words.empty() || !words[0].starts_with("/dev/")) continue;
    const std::string name(last_part(words[0]));
    for (const HostAddress& device : blocks.devices_behind(paths::block_name(name)))
      uses.emplace_back(device, HostUse{HostUse::Kind::Swap, "swap on " + name});
  }
}

/// The interfaces by which a default route goes, and those that have an address, which shows in a route of their own.
struct Routes {
  std::set<std::string> defaults, addresses;
};

Routes read_routes(Kernel& kernel) {
  Routes routes;
  constexpr std::size_t kDestination = 1, kMask = 7;
  for (const auto& words : read_table(kernel, paths::kRoutes)) {
    if (words.size() <= kMask || words[0] == "Iface") continue;
    const bool is_default = words[kDestination] == "00000000" && words[kMask] == "00000000";
    (is_default ? routes.defaults : routes.addresses).insert(words[0]);
  }
  constexpr std::size_t kPrefix = 1, kInterface = 9;
  const std::string anywhere(32, '0');
  for (const auto& words : read_table(kernel, paths::kRoutesOfIpv6)) {
    if (words.size() <= kInterface || words[kInterface] == "lo") continue;
    // Link-local and multicast routes are there wherever a link is up.
    if (words[0].starts_with("fe80") || words[0].starts_with("ff")) continue;
    (words[0] == anywhere && words[kPrefix] == "00" ? routes.defaults : routes.addresses).insert(words[kInterface]);
  }
  // An address for itself alone has no route but to itself. Those of links are there wherever a link is up.
  constexpr std::size_t kScope = 3, kName = 5;
  for (const auto& words : read_table(kernel, paths::kAddressesOfIpv6))
    if (words.size() > kName && words[kScope] != "20" && words[kName] != "lo") routes.addresses.insert(words[kName]);
  return routes;
}

/// The interface itself, and all that is built on it: a VLAN of it, the bond that it is a part of, the bridge over
/// that.
std::vector<std::string> with_uppers(Kernel& kernel, const HostDevice& device, const std::string& interface) {
  constexpr std::string_view kUpper = "upper_";
  std::vector<std::string> names = {interface};
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  if (const auto master = link_name(kernel, paths::of_device(device.address, "net/" + interface + "/master")))
    add(*master);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string folder = paths::interface(names[i]);
    if (const auto master = link_name(kernel, folder + "/master")) add(*master);
    for (const std::string& entry : kernel.list(folder).value_or(std::vector<std::string>()))
      if (entry.starts_with(kUpper)) add(entry.substr(kUpper.size()));
  }
  return names;
}

void find_network_uses(Kernel& kernel, const Inventory& inventory, Uses& uses) {
  const Routes routes = read_routes(kernel);
  if (routes.defaults.empty() && routes.addresses.empty()) return;
  for (const HostDevice& device : inventory.devices) {
    for (const std::string& interface : device.interfaces) {
      for (const std::string& name : with_uppers(kernel, device, interface)) {
        if (routes.defaults.contains(name))
          uses.emplace_back(device.address, HostUse{HostUse::Kind::DefaultRoute, "default route by " + name});
        if (routes.addresses.contains(name))
          uses.emplace_back(device.address, HostUse{HostUse::Kind::Address, name + " has an address"});
      }
    }
  }
}

}  // namespace

void note_uses(Kernel& kernel, Inventory& inventory) {
  Uses uses;
  find_mounts(kernel, uses, inventory.warnings);
  find_btrfs(kernel, uses);
  find_swaps(kernel, uses);
  find_network_uses(kernel, inventory, uses);
  for (HostDevice& device : inventory.devices) {
    // A card that no driver has, or that was given away, shows nothing.
    const bool shows = device.driver && !device.vfio_device && *device.driver != "vfio-pci" &&
                       *device.driver != "pci-stub" && *device.driver != "pciback";
    if (device.boot_vga && shows) device.uses.push_back({HostUse::Kind::Console, "boot console"});
  }
  for (auto& [address, use] : uses) {
    const auto device = std::ranges::lower_bound(inventory.devices, address, {}, &HostDevice::address);
    if (device != inventory.devices.end() && device->address == address) device->uses.push_back(std::move(use));
  }
  for (HostDevice& device : inventory.devices) {
    std::ranges::sort(device.uses);
    const auto repeated = std::ranges::unique(device.uses);
    device.uses.erase(repeated.begin(), repeated.end());
  }
}

}  // namespace busproof::host
