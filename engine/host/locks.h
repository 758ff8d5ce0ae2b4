#pragma once

#include <memory>
#include <set>
#include <vector>

#include "engine/host/inventory.h"
#include "engine/host/store.h"
#include "engine/host/trouble.h"

namespace busproof::host {

using Locks = std::vector<std::unique_ptr<Lock>>;

/// Locks each device, in ascending order, so that two who want the same ones never wait for each other: one has them,
/// the other is told. Errors: BusyOperation; JournalFailed.
Checked<Locks> lock_devices(Store& journals, const std::set<HostAddress>& devices);

}  // namespace busproof::host
