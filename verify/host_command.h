#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/host/operations.h"
#include "fakesys/faulty_kernel.h"
#include "fakesys/script.h"
#include "verify/crash_point.h"

/// What may happen to a host, a line of text each:
///
///     fault write * #2 fail EBUSY                  goes wrong in the operation that follows, at its second write
///     crash torn 14                                its program dies amid its 14th access
///     rehearse                                     it is tried on copies first, under every single fault
///     detach 0000:01:00.0 group=companions
///     beside 12,5 prepare dom1 0000:02:00.0        at the same time as the one before: after 12 accesses of that, it
///                                                  makes 5, and so on
///     commit dom1                                  the guest opens its groups
///     world write bus/pci/drivers_probe 0000:01:00.0
namespace busproof::verify {

enum class HostVerb : std::uint8_t {
  Detach,
  Reattach,
  Reset,
  Prepare,  ///< for a guest that is to start, or one more device of one that runs
  Release,  ///< all that a guest has, or the devices that are named
  Recover,
  VirtualFunctions,  ///< `count` of them, of the first device
  Commit,            ///< a guest's process opens the groups of its devices
  Close,             ///< and is gone
  Load,              ///< a module
  Unload,
  Swap,   ///< another card is at the address
  World,  ///< somebody else does something
};
inline constexpr std::size_t kHostVerbCount = 13;
std::string_view to_string(HostVerb verb);

struct HostCommand {
  HostVerb verb = HostVerb::Recover;
  std::string name{};  ///< of the guest, or of the module
  std::vector<host::HostAddress> devices{};
  std::string driver{};  ///< asked for by name; empty: the host's choice
  host::GroupPolicy group = host::GroupPolicy::Strict;
  bool force = false, reprobe = false, unmanaged = false, always_reset = false;
  unsigned count = 0;
  fakesys::Operation world{};
  friend bool operator==(const HostCommand&, const HostCommand&) = default;
};

/// Whether busproof does it, rather than the world.
bool is_operation(HostVerb verb);
/// What is asked of the engine: of Detach, Reattach, Reset, Prepare and Release.
std::optional<host::Request> request_of(const HostCommand& command);

struct HostStep {
  HostCommand command{};
  std::vector<fakesys::Fault> faults{};
  CrashPoint crash{};
  bool rehearsed = false;
  std::optional<HostCommand> beside{};
  std::vector<std::uint32_t> turns{};  ///< accesses of the one and of the other, in turn
};

std::string to_string(const HostCommand& command);
/// The lines of a step, each with its end.
std::string to_text(const HostStep& step);
/// Errors: Unreadable, with the line.
Result<std::vector<HostStep>> parse_host_steps(std::string_view text);

}  // namespace busproof::verify
