#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/snapshot.h"
#include "engine/base/finding.h"

/// What guests, their firmware and a migration make of a change.
namespace busproof::abi {

/// How one version of systemd, and those up to the next row, names network cards.
/// Source: systemd src/shared/netif-naming-scheme.h and src/udev/udev-builtin-net_id.c; systemd.net-naming-scheme(7).
struct NamingScheme {
  std::string_view name;
  bool climbs;                   ///< a card without slot number takes that of a bridge above it
  bool refuses_bridges;          ///< but not where that slot holds a bridge
  bool except_of_multifunction;  ///< unless the card is multifunction
  std::uint32_t onboard_max;     ///< the highest ACPI index that becomes eno…
};
// clang-format off
inline constexpr auto kNamingSchemes = std::to_array<NamingScheme>({
  // name  climbs refuses except onboard
  {"v238", false, false, false, 16383},
  {"v239", true,  false, false, 16383},
  {"v247", true,  true,  false, 16383},
  {"v249", true,  true,  false, 65535},
  {"v251", true,  true,  true,  65535},
  {"v255", true,  true,  false, 65535},
});
// clang-format on

/// "eno3", "ens3f0" and "enp2s1", in another PCI domain than the first "enP7p0s1"; empty where there is no such name.
struct LinuxNames {
  std::string onboard, slot, path;
  friend bool operator==(const LinuxNames&, const LinuxNames&) = default;
};

/// The names that udev finds for the card; nothing for one that its guest does not have.
std::optional<LinuxNames> linux_names(const AbiDevice& nic, const NamingScheme& scheme);

/// The name that Debian's and systemd's own NamePolicy ("onboard slot path") gives it, on s390x under Linux 5.13 or
/// later; empty where there is none.
std::string linux_name(const AbiDevice& nic, const NamingScheme& scheme);

/// The same on s390x, where every function has a segment of its own: "eno7", and "enP7s5" of a Linux before 5.13.
struct ZpciNames {
  std::string onboard, slot;
  friend bool operator==(const ZpciNames&, const ZpciNames&) = default;
};
/// Nothing for a card without uid and fid.
std::optional<ZpciNames> zpci_names(const AbiDevice& nic);

/// "PciRoot(0x0)/Pci(0x2,0x1)/Pci(0x0,0x0)".
std::string uefi_path(const Path& path);

/// What can happen to a device; one column of the table of consequences.
enum class Change : std::uint8_t {
  Moved,       ///< its own address
  Renumbered,  ///< its bus has another number; the address is the same
  Rerouted,    ///< the bridges above it sit elsewhere
  Lost,        ///< the guest has it no more
  Removed,
  Added,
  Remodelled,     ///< another model or type in its place
  HeaderChanged,  ///< the multifunction bit
  Reindexed,      ///< ACPI index
  Resegmented,    ///< uid of zPCI: the PCI segment that the device is in
  Reslotted,      ///< only its fid: the hot-plug slot
  Renamed,        ///< MAC
  Reordered,      ///< boot order
  Altered,        ///< any other property
};

/// Whether libvirt's own check of two definitions sees the change.
enum class LibvirtCheck : std::uint8_t {
  Refuses,
  Silent,
  Undecided,  ///< it would refuse, if the two are not the same after all
};

/// What Linux, Windows, firmware and migration make of it, in that order. `before` or `after` is null for a device that
/// there is only on one side.
std::vector<Witness> consequences(Change change, const AbiDevice* before, const AbiDevice* after, LibvirtCheck check);

/// The same for what concerns the whole domain: what a migration makes of it.
std::vector<Witness> migration_only(LibvirtCheck check);

}  // namespace busproof::abi
