#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/binding_plan.h"
#include "engine/host/store.h"
#include "engine/host/trouble.h"

/// What an operation is about to do and has done, written down before and after each write, so that whoever comes after
/// a crash can finish it or undo it. One file an operation: the plan as JSON, and then a line of
/// words for each thing that happened, "issued 2", "pending 0000:01:00.0"; each line with a checksum.
namespace busproof::host {

/// An operation as its journal tells it.
struct JournalState {
  std::string name;  ///< of the file
  BindingPlan plan;
  std::optional<std::size_t> issued{}, confirmed{};  ///< last steps, by number
  bool committed = false;                            ///< all is done but the ledger
  std::set<HostAddress> pending{};                   ///< devices of writes that did not come back
  std::set<std::string> workers{};                   ///< who made the writes: Kernel::worker()
  std::set<HostAddress> settled{};  ///< devices that are where they belong, whatever becomes of the others
  bool closed = false;
  bool newer = false;     ///< a later version of this program wrote it: what it says is not known
  bool torn = false;      ///< the last record was cut off: what it said did not happen
  std::size_t whole = 0;  ///< bytes of the records before it
};

/// The devices that nobody else may touch as long as the journal is there.
std::set<HostAddress> devices_in_question(const JournalState& state);

class Journal {
 public:
  /// Writes the plan down. Errors: JournalFailed; then nothing is left behind.
  static Checked<Journal> open(Store& store, const BindingPlan& plan);
  /// One that is there already, to go on with.
  Journal(Store& store, std::string name) : store_(&store), name_(std::move(name)) {}

  /// Takes a torn record off, so that others can follow.
  Checked<void> mend(const JournalState& state);
  Checked<void> issued(std::size_t step);
  Checked<void> confirmed(std::size_t step);
  /// Who makes the writes from here on; written down before the first of them.
  Checked<void> worker(const std::string& name);
  Checked<void> committed();
  Checked<void> pending(const HostAddress& device);
  Checked<void> settled(const HostAddress& device);
  /// The operation is over and the ledger knows: the journal goes.
  Checked<void> close();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Checked<void> note(std::string_view what, std::string_view of = {});

  Store* store_;
  std::string name_;
  std::string worker_;  ///< the last that was written down
};

/// That what is kept of operations could not be written or read.
std::unexpected<Trouble> journal_failed(std::string message, const std::string& file, int error);

/// One journal; nothing when it is not there. Errors: JournalFailed.
Checked<std::optional<JournalState>> read_journal(Store& store, const std::string& name);

/// All journals that are there, by name. One that was damaged from its beginning on comes without a plan. Errors:
/// JournalFailed.
Checked<std::vector<JournalState>> read_journals(Store& store);

}  // namespace busproof::host
