#include "engine/host/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "engine/base/text.h"
#include "engine/host/records.h"

namespace busproof::host {
namespace {

constexpr std::string_view kIssued = "issued", kConfirmed = "confirmed", kWorker = "worker", kCommitted = "committed",
                           kPending = "pending", kSettled = "settled", kClosed = "closed";

/// "detach-0000:01:00.0", or "detach.2-0000:01:00.0" beside an older one.
bool is_journal(std::string_view name) {
  constexpr std::array kOperations = {Operation::Detach, Operation::Reattach, Operation::Reset, Operation::Prepare,
                                      Operation::Release};
  const std::string_view operation = name.substr(0, name.find_first_of(".-"));
  return std::ranges::any_of(kOperations, [&](Operation each) { return to_string(each) == operation; });
}

void add_address(std::string_view text, std::set<HostAddress>& addresses) {
  if (const auto address = HostAddress::parse(text)) addresses.insert(*address);
}

/// One line behind the plan: what happened, and of which step, device or worker.
void add_note(std::string_view what, std::string_view of, JournalState& state) {
  if (what == kIssued) state.issued = unsigned_32(of, Radix::Decimal);
  if (what == kConfirmed) state.confirmed = unsigned_32(of, Radix::Decimal);
  if (what == kWorker) state.workers.emplace(of);
  if (what == kPending) add_address(of, state.pending);
  if (what == kSettled) add_address(of, state.settled);
  state.committed = state.committed || what == kCommitted;
  state.closed = state.closed || what == kClosed;
}

JournalState state_of(const std::string& name, std::string_view text) {
  JournalState state{name, {}};
  for (std::size_t at = 0; at < text.size(); at = state.whole) {
    const std::size_t end = text.find('\n', at);
    const std::string_view line = text.substr(at, end == std::string_view::npos ? end : end - at);
    if (end == std::string_view::npos) {
      state.torn = true;
    } else if (at == 0) {
      auto plan = plan_of_record(line);
      state.newer = plan.newer;
      state.torn = !plan.value;
      if (plan.value) state.plan = *std::move(plan.value);
    } else if (const auto note = text_of_record(line)) {
      const std::size_t blank = std::min(note->find(' '), note->size());
      add_note(note->substr(0, blank), note->substr(std::min(blank + 1, note->size())), state);
    } else {
      state.torn = true;
    }
    if (state.torn) break;
    state.whole = end + 1;
  }
  return state;
}

/// Whoever runs an operation holds its devices locked, so the first of them names it. An older journal of that name is
/// kept as long as anything in it is open: another device of its operation may still wait.
std::string free_name(Store& store, const BindingPlan& plan) {
  const std::string address = to_string(plan.devices.front().address);
  std::string name = std::string(to_string(plan.operation)).append(1, '-').append(address);
  for (unsigned number = 2;; ++number) {
    const auto text = store.read(name);
    if (!text || state_of(name, *text).closed) return name;
    name = fmt::format("{}.{}-{}", to_string(plan.operation), number, address);
  }
}

}  // namespace

std::unexpected<Trouble> journal_failed(std::string message, const std::string& file, int error) {
  return std::unexpected(Trouble{.code = Code::JournalFailed,
                                 .message = std::move(message),
                                 .path = file,
                                 .error = error,
                                 .hints = {"see that the directory given with --journal can be written and has room"}});
}

std::set<HostAddress> devices_in_question(const JournalState& state) {
  std::set<HostAddress> devices;
  if (state.closed) return devices;
  if (state.plan.devices.empty()) {
    // Its name is all that is left of it.
    const auto address = HostAddress::parse(state.name.substr(state.name.find('-') + 1));
    if (address) devices.insert(*address);
  }
  for (const PlannedDevice& device : state.plan.devices)
    if (!state.settled.contains(device.address)) devices.insert(device.address);
  return devices;
}

Checked<Journal> Journal::open(Store& store, const BindingPlan& plan) {
  Journal journal(store, free_name(store, plan));
  if (const auto written = store.replace(journal.name_, record_of(plan)); !written)
    return journal_failed("cannot write the journal " + journal.name_, journal.name_, written.error().error);
  return journal;
}

Checked<void> Journal::mend(const JournalState& state) {
  if (!state.torn) return {};
  const auto text = store_->read(name_);
  if (!text) return journal_failed("cannot read the journal " + name_, name_, text.error().error);
  if (const auto mended = store_->replace(name_, std::string_view(*text).substr(0, state.whole)); !mended)
    return journal_failed("cannot write the journal " + name_, name_, mended.error().error);
  return {};
}

Checked<void> Journal::worker(const std::string& name) {
  if (name == worker_) return {};
  worker_ = name;
  return note(kWorker, name);
}

Checked<void> Journal::issued(std::size_t step) { return note(kIssued, std::to_string(step)); }
Checked<void> Journal::confirmed(std::size_t step) { return note(kConfirmed, std::to_string(step)); }
Checked<void> Journal::committed() { return note(kCommitted); }
Checked<void> Journal::pending(const HostAddress& device) { return note(kPending, to_string(device)); }
Checked<void> Journal::settled(const HostAddress& device) { return note(kSettled, to_string(device)); }

Checked<void> Journal::close() {
  // On a full disk the line cannot be written, but the file can still go.
  static_cast<void>(note(kClosed));
  if (const auto removed = store_->remove(name_); !removed)
    return journal_failed("cannot remove the journal " + name_, name_, removed.error().error);
  return {};
}

Checked<void> Journal::note(std::string_view what, std::string_view of) {
  if (const auto written = store_->append(name_, record_of(what, of)); !written)
    return journal_failed("cannot write the journal " + name_, name_, written.error().error);
  return {};
}

Checked<std::optional<JournalState>> read_journal(Store& store, const std::string& name) {
  const auto text = store.read(name);
  if (!text && text.error().error == ENOENT) return std::optional<JournalState>();
  if (!text) return journal_failed("cannot read the journal " + name, name, text.error().error);
  return state_of(name, *text);
}

Checked<std::vector<JournalState>> read_journals(Store& store) {
  const auto names = store.list();
  if (!names) return journal_failed("cannot read the journals", "", names.error().error);
  std::vector<JournalState> states;
  for (const std::string& name : *names) {
    if (!is_journal(name)) continue;
    auto state = read_journal(store, name);
    if (!state) return std::unexpected(state.error());
    if (*state) states.push_back(**std::move(state));  // else its operation has just ended
  }
  return states;
}

}  // namespace busproof::host
