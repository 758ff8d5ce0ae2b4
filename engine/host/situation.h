#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/host/driver_choice.h"
#include "engine/host/inventory.h"
#include "engine/host/journal.h"
#include "engine/host/ledger.h"

namespace busproof::host {

/// Where an operation does what it does: a kernel, and the two folders that remember.
struct Machine {
  Kernel& kernel;
  Store& journals;          ///< by default /run/busproof: forgotten with the boot that the operations belong to
  Store& ledger;            ///< by default /var/lib/busproof
  VfNet* vf_net = nullptr;  ///< none: a host without networks, such as a model
};

/// All that decisions are made on, read once.
struct Situation {
  Inventory inventory;
  Ledger ledger;
  DriverFacts drivers;
  std::set<HostAddress> busy;                     ///< devices of operations that have not come to their end
  std::vector<std::string> unreadable_journals;   ///< by name: of operations of which nothing is known
  std::set<unsigned> groups_in_use;               ///< that a process has open, among those asked for
  std::map<HostAddress, VfSettings> vf_settings;  ///< of the virtual functions among those asked for
  std::map<std::string, std::string> modules;     ///< driver → the module it comes from, of the drivers that are bound
};

/// Reads the host. Whether a group is in use is asked of the groups of `devices` only. Errors: Unreadable,
/// LedgerFailed, JournalFailed.
Checked<Situation> survey(const Machine& machine, const std::vector<HostAddress>& devices);

}  // namespace busproof::host
