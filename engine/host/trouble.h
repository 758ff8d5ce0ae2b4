#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/pci/address.h"

namespace busproof::host {

/// Why an operation on a host was refused or did not succeed. Source of the codes: section 6.10 of the host binding
/// specification.
enum class Code : std::uint8_t {
  NoSuchDevice,
  NotResponding,
  NotAssignable,
  InUse,
  DuplicateDevice,
  UnmanagedNotDetached,
  NotDetached,
  BusyOperation,
  PfHasVfs,
  PfInGroup,
  SharedId,
  GroupNotViable,
  GroupBusy,
  HostCritical,
  Quarantined,
  BackendUnsupported,
  BadDriverArgument,
  DriverNotFound,
  DriverProhibited,
  DriverRefused,
  NotAVfioDriver,
  StubUnusable,
  JournalFailed,
  LedgerFailed,
  WriteFailed,
  Timeout,
  BindFailed,
  NativeProbeFailed,
  IdentityChanged,
  Vanished,
  Conflict,
  NativeBound,
  NoResetMethod,
  ResetNotReady,
  ResetFailed,
  DeadAfterReset,
  Unreadable,
};
/// "no-such-device", "group-not-viable".
std::string_view to_string(Code code);

/// What went wrong, of which device, at which step, and what the kernel said.
struct Trouble {
  Code code{};
  std::string device{};              ///< "0000:01:00.0"; empty when none is meant
  std::string message{};             ///< a clause without full stop
  std::string step{};                ///< "unbind from nouveau"; empty before the first write
  std::string path{};                ///< of the file that was written or read
  int error = 0;                     ///< errno; 0 when no call failed
  std::vector<std::string> hints{};  ///< what would help
  friend bool operator==(const Trouble&, const Trouble&) = default;
};

/// The trouble with a device before anything was written.
Trouble trouble_of(const pci::HostAddress& address, Code code, std::string message,
                   std::vector<std::string> hints = {});

template <class T>
using Checked = std::expected<T, Trouble>;

/// "0000:01:00.0: write-failed: cannot write …: Permission denied".
std::string to_string(const Trouble& trouble);
/// What an errno means to its user: "Permission denied".
std::string error_words(int error);

}  // namespace busproof::host
