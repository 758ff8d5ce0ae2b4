#pragma once

#include "engine/host/operations.h"

namespace busproof::host {

/// From the host to a stub: detach, and prepare for a guest. Devices that depend on others go first, and of one card
/// the last function.
Checked<BindingPlan> plan_away(const Situation& situation, const Request& request);

/// Where the functions of one card stand beside each other in the order of going away, and no other order changes.
std::vector<HostAddress> order_of_going(const Inventory& inventory, std::vector<HostAddress> addresses);

}  // namespace busproof::host
