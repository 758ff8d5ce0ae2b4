#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/domain/placed_domain.h"

namespace busproof::report {

/// What becomes of the things that QEMU's devices are connected to: disk images, networks, cards of the host.
enum class Backends : std::uint8_t {
  Omitted,   ///< `-device` arguments as libvirt 9.0.0 passes them, but for `drive=`, `netdev=`, `host=` and the like
  StandIns,  ///< a whole machine that starts anywhere: what needs a backend gets an empty one, or is replaced
};

/// One option of QEMU's command line.
struct QemuArg {
  std::string option;  ///< "-device"
  std::string value;   ///< "pcie-root-port,port=8,chassis=1,id=pci.1,bus=pcie.0,addr=0x1"; empty where it takes none
  friend bool operator==(const QemuArg&, const QemuArg&) = default;
};

/// The topology in QEMU 7.2's words: every device on a PCI bus that is no part of the machine itself.
std::vector<QemuArg> qemu_args(const domain::PlacedDomain& placed, Backends backends);

/// One option a line, quoted so that a shell and xargs read it alike.
std::string qemu_args_text(const std::vector<QemuArg>& args);

/// One JSON object without a final newline: schema_version, file, error (null), name, arch, machine and args, an array
/// of words.
std::string qemu_args_json(const domain::PlacedDomain& placed, const std::vector<QemuArg>& args, std::string_view file);
/// The same of a domain that has none: schema_version, file, and error.
std::string qemu_args_json(const Error& error, std::string_view text, std::string_view file);

}  // namespace busproof::report
