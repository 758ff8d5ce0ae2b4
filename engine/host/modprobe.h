#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/host/kernel.h"

namespace busproof::host {

/// Has `program` (modprobe) load a module, heeding blacklists and install rules. Errors: EPERM, one of these forbids
/// it; ENOENT, there is no such module; ENOSYS, the program cannot be run; ETIMEDOUT, pending, when it is not done by
/// the deadline; else what the kernel said, or EIO where that cannot be told. A blacklisted module is no error to
/// modprobe: whoever asks must look whether it is there.
Answer<void> run_modprobe(const std::string& program, const std::string& module, std::chrono::milliseconds deadline);

/// Whether the configuration that modprobe goes by forbids the module. Errors: as of run_modprobe().
Answer<bool> modprobe_forbids(const std::string& program, std::string_view module, std::chrono::milliseconds deadline);

/// What modprobe said, as an errno: "… Key was rejected by service" is EKEYREJECTED, "… not found in directory …" is
/// ENOENT; EIO when it is nothing that is known.
int errno_of_modprobe(std::string_view message);

/// Whether a configuration, as "modprobe --showconfig" prints it, keeps the module from being loaded: by a blacklist,
/// or by an install rule that loads nothing ("install vfio_pci /bin/false"). In names - and _ are the same.
bool is_forbidden(std::string_view config, std::string_view module);

}  // namespace busproof::host
