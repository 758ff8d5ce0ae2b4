#include "engine/host/ledger.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/host/records.h"
#include "engine/pci/canonical.h"

namespace busproof::host {
namespace {

constexpr std::array<std::string_view, 9> kFlagNames = {
    "deferred-giveback", "quarantined", "stolen",  "vanished", "native-probe-failed",
    "identity-changed",  "conflict",    "pending", "id-leaked"};

std::unexpected<Trouble> ledger_failed(std::string message, std::string file, int error) {
  return std::unexpected(Trouble{.code = Code::LedgerFailed,
                                 .message = std::move(message),
                                 .path = std::move(file),
                                 .error = error,
                                 .hints = {"look at the directory given with --state"}});
}

/// A ledger's file is one record.
Recorded<LedgerEntry> entry_in(std::string_view text) { return entry_of_record(text.substr(0, text.find('\n'))); }

}  // namespace

std::string_view to_string(Flag flag) { return kFlagNames[static_cast<std::size_t>(flag)]; }

const LedgerEntry* find(const Ledger& ledger, const HostAddress& address) {
  const auto found = ledger.find(address);
  return found == ledger.end() ? nullptr : &found->second;
}

Checked<Ledger> read_ledger(Store& store) {
  const auto names = store.list();
  if (!names) return ledger_failed("cannot read the ledger", "", names.error().error);
  Ledger ledger;
  for (const std::string& name : *names) {
    const auto address = pci::canonical_address(name);
    if (!address) continue;  // nothing of ours
    const auto text = store.read(name);
    if (!text) return ledger_failed("cannot read the ledger's file " + name, name, text.error().error);
    auto [entry, newer] = entry_in(*text);
    if (newer)
      return ledger_failed("the ledger's file " + name + " was written by a later version of busproof", name, 0);
    if (!entry || entry->address != *address) {
      auto damaged = ledger_failed("the ledger's file " + name + " is damaged", name, 0);
      damaged.error().hints.push_back("'busproof host recover --forget " + name + "' drops it");
      return damaged;
    }
    ledger.emplace(*address, *std::move(entry));
  }
  return ledger;
}

bool entry_is_readable(Store& store, const HostAddress& address) {
  const auto text = store.read(to_string(address));
  if (!text) return text.error().error == ENOENT;
  const auto entry = entry_in(*text).value;
  return entry && entry->address == address;
}

Checked<void> put_entry(Store& store, const LedgerEntry& entry) {
  const std::string name = to_string(entry.address);
  if (const auto put = store.replace(name, record_of(entry)); !put)
    return ledger_failed("cannot write the ledger's file " + name, name, put.error().error);
  return {};
}

Checked<void> drop_entry(Store& store, const HostAddress& address) {
  const std::string name = to_string(address);
  if (const auto dropped = store.remove(name); !dropped)
    return ledger_failed("cannot remove the ledger's file " + name, name, dropped.error().error);
  return {};
}

}  // namespace busproof::host
