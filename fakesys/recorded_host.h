#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// The version of the format that save_host() writes; a file of a newer one is refused.
inline constexpr int kHostFormatVersion = 1;

/// A host as it stands, as text: {"format": "busproof-host", "version": 1, …}. Reading it back gives the same host,
/// except that calls under way are forgotten. Byte-for-byte the same for the same host.
std::string save_host(const Host& host);

/// A host from text, of either kind: what save_host() wrote, or a captured tree ("busproof-sysfs-tree/1").
/// Errors: not JSON, a newer version, a host that contradicts itself; nothing is guessed.
Result<Host> load_host(std::string_view text);

/// A host after a loss of power: overrides, dynamic ids and VFs forgotten, nobody has anything open, drivers bound
/// anew.
Host rebooted(const Host& host);

}  // namespace busproof::fakesys
