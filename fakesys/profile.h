#pragma once

#include <cstdint>
#include <string_view>

namespace busproof::fakesys {

/// Who may be kept from what while a group is in a container.
enum class DmaOwnership : std::uint8_t {
  Whitelist,  ///< to 5.18: vfio looks at every driver of the group by name; a native driver bound in a live group is a
              ///< BUG
  Owner,      ///< from 5.19: native drivers count against the group, and cannot be bound in a group in use
};

/// When iommu_groups/N/type may be written.
enum class GroupTypeRule : std::uint8_t {
  ReadOnly,       ///< to 5.10
  OneUnbound,     ///< one device in the group, and it has no driver
  NoNativeBound,  ///< from 6.4 or so: any group none of whose devices is on a native driver
};

/// What differs between kernels, one switch a difference: a test may turn any of them, whatever version they came with.
/// Sources: the recordings of 6.1.192 and 6.12.117 for the rows of these two; for the others the kernels' sources, by
/// way of section 7.16 of the host binding spec.
struct KernelProfile {
  std::string_view version;
  bool driver_override;  ///< the attribute exists; before, a stub took a device by its table of ids
  DmaOwnership dma_ownership;
  GroupTypeRule group_type;
  bool bind_tells_why;             ///< `bind` returns the probe's errno, and EBUSY for a bound device; else ENODEV
  bool override_takes_lock;        ///< reading and writing driver_override wait for the device lock
  bool override_only_ids;          ///< vfio-pci's own table matches what an override gives it, and nothing else
  bool new_id_knows_dynamic;       ///< new_id refuses a duplicate of a dynamic id too
  bool numvfs_read_takes_lock;     ///< reading sriov_numvfs waits for the device lock
  bool numvfs_takes_rescan_lock;   ///< writing sriov_numvfs takes the lock of removal and rescan
  bool vf_override_passes_gate;    ///< a VF with an override is probed although sriov_drivers_autoprobe is 0
  bool vfio_pf;                    ///< vfio-pci's enable_sriov, and VFs that inherit its override
  bool reset_method;               ///< the attribute exists
  bool reset_subordinate;          ///< the attribute exists on bridges
  bool reset_locks_bridge;         ///< a reset takes the lock of the bridge above too
  bool vfio_dev;                   ///< devices on a vfio driver have a vfio-dev/vfioN
  bool vfio_dev_goes_first;        ///< it goes at the beginning of an unbind, not at its end
  bool slot_module_link;           ///< slots have a `module` link
  bool uevent_read_takes_lock;     ///< reading a device's uevent waits for the device lock
  bool nvme_probes_synchronously;  ///< a dead nvme controller fails the probe; before, it is let go of later
  bool waiting_for_supplier;       ///< what firmware knows has this attribute until a driver takes it
  bool rom_takes_words;            ///< `rom` is switched by yes and no; before, by whether it was "0" and a byte
};

// clang-format off
inline constexpr KernelProfile kProfiles[] = {
    {"3.10", false, DmaOwnership::Whitelist, GroupTypeRule::ReadOnly,
     false, true, false, false, false, false, false, false, false,
     false, false, false, false, true, false, false, false, false},
    {"4.19", true, DmaOwnership::Whitelist, GroupTypeRule::ReadOnly,
     false, true, false, false, false, false, false, false, false,
     false, false, false, false, true, false, false, false, false},
    {"5.15", true, DmaOwnership::Whitelist, GroupTypeRule::OneUnbound,
     true, true, true, true, true, false, true, true, true,
     false, false, false, false, true, false, false, true, false},
    {"6.1", true, DmaOwnership::Owner, GroupTypeRule::OneUnbound,
     true, true, true, true, true, true, true, true, true,
     true, false, true, false, true, true, false, true, true},
    {"6.12", true, DmaOwnership::Owner, GroupTypeRule::NoNativeBound,
     true, false, true, true, true, true, true, true, true,
     true, true, true, true, false, false, true, true, true},
    {"6.18", true, DmaOwnership::Owner, GroupTypeRule::NoNativeBound,
     true, true, true, true, true, true, true, true, true,
     true, true, true, true, false, false, true, true, true},
};
// clang-format on

/// The row of a release such as "6.1.0-56-amd64": the newest that is not newer. An older or unreadable release gets the
/// first.
const KernelProfile& profile_for(std::string_view release);

}  // namespace busproof::fakesys
