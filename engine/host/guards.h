#pragma once

#include <optional>
#include <set>
#include <vector>

#include "engine/host/operations.h"

namespace busproof::host {

/// Refuses, unless the refusal may be set aside and the user said so: then it is noted.
class Gate {
 public:
  explicit Gate(bool force) : force_(force) {}
  /// Whether to stop here.
  bool refuses(const std::optional<Trouble>& trouble) {
    if (!trouble) return false;
    if (!force_) return true;
    overridden_.push_back(*trouble);
    return false;
  }
  [[nodiscard]] const std::vector<Trouble>& overridden() const { return overridden_; }

 private:
  bool force_;
  std::vector<Trouble> overridden_;
};

/// The ledger's entry of a device, if it is of this boot: the kernel forgets overrides with each.
const LedgerEntry* current_entry(const Situation& situation, const HostAddress& address);

/// The device of a request, if it is there, answers, is the card that the ledger knows, and no other operation has it.
/// Errors: NoSuchDevice, NotResponding, IdentityChanged, BusyOperation.
Checked<const HostDevice*> find_target(const Situation& situation, const HostAddress& address);

/// Only endpoints are given away or reset.
std::optional<Trouble> not_assignable(const HostDevice& device);
std::optional<Trouble> in_use(const Situation& situation, const HostAddress& address);
std::optional<Trouble> quarantined(const Situation& situation, const HostAddress& address);
/// May be set aside.
std::optional<Trouble> has_virtual_functions(const HostDevice& device);
/// The host itself lives on it. May be set aside.
std::optional<Trouble> host_critical(const HostDevice& device);
/// Devices without a driver that have the same id would be taken along, where there are no overrides. May be set aside.
std::optional<Trouble> shares_id(const Situation& situation, const HostDevice& device,
                                 const std::set<HostAddress>& targets);
/// A process has the group open. May be set aside.
std::optional<Trouble> group_busy(const Situation& situation, const HostDevice& device);

}  // namespace busproof::host
