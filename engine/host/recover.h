#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/host/executor.h"
#include "engine/host/journal.h"

/// After a crash: what was interrupted is finished or undone, and the ledger is compared with the host.
namespace busproof::host {

/// What became of one journal.
struct RecoveredJournal {
  enum class End : std::uint8_t {
    Finished,   ///< what it was about is done
    Undone,     ///< all is as it was before
    Forgotten,  ///< the machine has been off since: nothing of it is left
    Pending,    ///< a write of it has still not come back
    Running,    ///< its operation is under way
    Damaged,    ///< cannot be read: it stays, for the operator
  };
  std::string name;
  End end{};
  std::vector<DeviceOutcome> devices{};
  std::vector<Trouble> troubles{};
};
std::string_view to_string(RecoveredJournal::End end);

/// A ledger entry that is not as the host is.
struct LedgerFinding {
  enum class Kind : std::uint8_t {
    BeforeBoot,  ///< of an earlier boot: dropped
    GivenBack,   ///< somebody has given the device back: dropped
    Vanished,
    Stolen,       ///< on a driver that is not its stub
    Unbound,      ///< lost its stub; the next prepare binds it anew
    Identity,     ///< another card at the address
    Back,         ///< answers again, or is on its stub again: the flag was taken off
    UnknownStub,  ///< on a stub, and nobody knows since when: not in the ledger
    Forgotten,    ///< because the user said so
    IdLeaked,     ///< its id is in the table of its stub: taken out
  };
  HostAddress address;
  Kind kind{};
  std::string text;  ///< "is on nouveau, and should be on vfio-pci"
};
std::string_view to_string(LedgerFinding::Kind kind);

struct Recovery {
  std::vector<RecoveredJournal> journals;
  std::vector<LedgerFinding> ledger;
};

/// Compares the ledger with the host; changes nothing.
std::vector<LedgerFinding> check_ledger(const Situation& situation);

/// Deals with the journals that name one of `devices`, or with all, whose operations do not run any more. Errors:
/// JournalFailed, LedgerFailed.
Checked<std::vector<RecoveredJournal>> recover_journals(const Machine& machine, const std::set<HostAddress>* devices,
                                                        const Patience& patience = {});

/// Journals, then the ledger. `forget` are devices whose entries go, whatever they say.
Checked<Recovery> recover(const Machine& machine, const std::set<HostAddress>& forget = {},
                          const Patience& patience = {});

}  // namespace busproof::host
