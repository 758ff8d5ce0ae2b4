#pragma once

#include "engine/host/inventory.h"

namespace busproof::host {

/// Notes at each device how the host itself depends on it: file systems and swap on disks behind it, routes by its
/// interfaces, the console. As far as /proc and the tree of block devices tell: what a volume manager in user space
/// hides stays hidden.
void note_uses(Kernel& kernel, Inventory& inventory);

}  // namespace busproof::host
