#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "cli/host_session.h"
#include "engine/host/recover.h"
#include "engine/report/host_report.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

struct HostRecoverOptions {
  HostOptions host;
  std::vector<std::string> forget;
  std::string format;
};

bool has_unsettled(const host::Recovery& recovery) {
  for (const host::RecoveredJournal& journal : recovery.journals) {
    using End = host::RecoveredJournal::End;
    if (journal.end == End::Pending || journal.end == End::Damaged || !journal.troubles.empty()) return true;
  }
  return false;
}

ExitCode run_recovery(const HostRecoverOptions& options) {
  std::set<host::HostAddress> forget;
  for (const std::string& text : options.forget) {
    const auto address = host::HostAddress::parse(text);
    if (!address) {
      write_err(report::error_text("busproof host recover", "", address.error()));
      return ExitCode::Unusable;
    }
    forget.insert(*address);
  }
  auto session = open_host(options.host, HostAccess::Change);
  if (!session) return session.error();
  const auto recovery = host::recover(session->machine(), forget);
  if (const auto saved = session->save(); !saved) {
    write_err(report::error_text(session->name(), "", saved.error()));
    return ExitCode::Unusable;
  }
  if (!recovery) return not_done(recovery.error(), is_json(options.format));
  return finish(is_json(options.format) ? report::recovery_json(*recovery) + '\n' : report::recovery_text(*recovery),
                has_unsettled(*recovery) ? ExitCode::NotDone : ExitCode::Done);
}

}  // namespace

void add_host_recover(CLI::App& host, Run& run) {
  CLI::App* command = host.add_subcommand("recover", "Finish or undo what was interrupted, and mend the ledger");
  auto options = std::make_shared<HostRecoverOptions>();
  command->add_option("--forget", options->forget, "a device whose entry in the ledger is to go")->type_name("DEVICE");
  add_host_options(*command, options->host);
  add_format(*command, options->format);
  command->footer(
      "Exit code: 0 nothing is left to do; 4 a write has not come back, or a device could not be brought\n"
      "where it belongs.\n"
      "\n"
      "Example:\n  busproof host recover --host-model desktop.json");
  command->callback([options, &run] { run = [options] { return run_recovery(*options); }; });
}

}  // namespace busproof::cli
