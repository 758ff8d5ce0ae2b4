#pragma once

#include <string_view>

#include "engine/base/result.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// A host from a captured tree ("busproof-sysfs-tree/1"), as it stood when it was captured: bound devices are bound,
/// groups are the groups, and every attribute reads as it was read. Errors: not JSON, another format, a tree that
/// contradicts itself.
Result<Host> load_tree(std::string_view text);

}  // namespace busproof::fakesys
