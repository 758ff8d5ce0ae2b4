#pragma once

#include <string_view>
#include <utility>

#include "fakesys/host.h"

/// Loading modules.
namespace busproof::fakesys {

/// What finit_module(2) of the module's file does: "vfio_pci" with "ids=1234:11e8 disable_idle_d3=1". Parameters that
/// the module does not have are ignored, and those that are not given have their defaults again. Errors: EEXIST, it is
/// loaded; ENOENT, there is no such file, or what the module needs is not loaded; EINVAL, a value that its parameter
/// does not take.
std::pair<int, Tasks> insmod(Host& host, std::string_view name, std::string_view parameters);

/// What modprobe(8) does: loads the module and all that it needs, needed ones first. Errors as of Kernel::load_module.
int load_module_with_needs(Host& host, std::string_view name, Tasks& tasks);

}  // namespace busproof::fakesys
