#include "engine/host/operations.h"

#include <algorithm>
#include <iterator>

#include "engine/host/plan_away.h"
#include "engine/host/plan_back.h"

namespace busproof::host {

std::vector<HostAddress> addresses_of(const Request& request, const Ledger& ledger) {
  std::vector<HostAddress> addresses;
  if (request.operation == Operation::Release && request.devices.empty()) {
    for (const auto& [address, entry] : ledger)
      if (entry.owner == request.owner) addresses.push_back(address);
    return addresses;
  }
  std::ranges::transform(request.devices, std::back_inserter(addresses), &Wish::address);
  return addresses;
}

Checked<BindingPlan> make_plan(const Situation& situation, const Request& request) {
  switch (request.operation) {
    case Operation::Detach:
    case Operation::Prepare:
      return plan_away(situation, request);
    case Operation::Reattach:
      return plan_reattach(situation, request);
    case Operation::Release:
      return plan_release(situation, request);
    case Operation::Reset:
      break;
  }
  return plan_reset(situation, request);
}

}  // namespace busproof::host
