#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/host/kernel.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

struct RecordWish {
  std::string name = "host";  ///< what the recorded host will be called
  /// Addresses of interfaces, serial numbers and addresses of networks are replaced by made-up ones.
  bool anonymise = false;
};

struct Recording {
  Host host;
  std::vector<std::string> warnings;  ///< what could not be seen, and what would help
};

/// Takes a kernel home: its devices with all attributes, links and config space, drivers, groups, slots, modules with
/// what they are loaded for, and the few files elsewhere that tell who uses a device. Nothing is written, and no
/// attribute is read that reading might change: memory and ports of a device, its ROM and its product data.
/// Errors: the kernel does not show its devices, or shows ones that contradict each other.
Result<Recording> record_host(host::Kernel& kernel, const RecordWish& wish);

}  // namespace busproof::fakesys
