#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/host/inventory.h"
#include "engine/host/store.h"
#include "engine/host/trouble.h"
#include "engine/host/vf_net.h"

/// Who has which device: what must be known after a restart. One file a device, `/var/lib/busproof/0000:01:00.0`.
namespace busproof::host {

/// How a device is bound.
struct Binding {
  std::optional<std::string> driver{};       ///< none: no driver
  std::optional<std::string> override_to{};  ///< none: unset
  bool any_driver = false;                   ///< of a goal that nobody knows: whichever native driver takes it
  friend bool operator==(const Binding&, const Binding&) = default;
};
inline Binding binding_of(const HostDevice& device) { return {device.driver, device.override_to, false}; }

/// What is wrong with a device that could not be brought where it belongs, or what keeps it there.
enum class Flag : std::uint8_t {
  DeferredGiveback,  ///< goes back when its group is quiet
  Quarantined,       ///< did not answer after a reset: not to be given to anybody
  Stolen,            ///< somebody bound it elsewhere while it was ours
  Vanished,
  NativeProbeFailed,  ///< its own driver would not take it back
  IdentityChanged,    ///< another card is at its address
  Conflict,           ///< its override was written by somebody else
  Pending,            ///< a write to it has not come back
  IdLeaked,           ///< its id is left in the table of its stub, which takes every device that has it
};
/// "deferred-giveback".
std::string_view to_string(Flag flag);

/// The guest that has a device, or is to have it.
struct Owner {
  std::string driver;  ///< of the hypervisor: "qemu"
  std::string domain;  ///< name of the guest
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

struct LedgerEntry {
  HostAddress address;
  Pin pin{};
  std::string boot_id{};  ///< of the boot in which the device was touched last
  Binding origin{};       ///< how it was bound before it was touched first
  std::string origin_module{};
  std::string stub{};
  bool managed = false;          ///< goes back by itself when its guest stops
  std::optional<Owner> owner{};  ///< none: inactive, on its stub for whoever asks
  std::set<std::uint32_t>
      namespaces{};  ///< of an NVMe controller: the disks of the owner that use it; empty: all of it
  std::set<Flag> flags{};
  std::optional<VfSettings> net_origin{};  ///< of a guest's interface: the settings to go back to
  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};

using Ledger = std::map<HostAddress, LedgerEntry>;
const LedgerEntry* find(const Ledger& ledger, const HostAddress& address);

/// Errors: the system's; a file that is damaged, by name.
Checked<Ledger> read_ledger(Store& store);
/// Whether the ledger's file of a device, if there is one, is what was written.
bool entry_is_readable(Store& store, const HostAddress& address);
/// Errors: LedgerFailed.
Checked<void> put_entry(Store& store, const LedgerEntry& entry);
Checked<void> drop_entry(Store& store, const HostAddress& address);

}  // namespace busproof::host
