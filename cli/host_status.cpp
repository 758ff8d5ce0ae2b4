#include <memory>
#include <string>

#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "cli/host_session.h"
#include "engine/host/recover.h"
#include "engine/report/host_report.h"

namespace busproof::cli {
namespace {

struct HostStatusOptions {
  HostOptions host;
  std::string format;
};

ExitCode show_status(const HostStatusOptions& options) {
  auto session = open_host(options.host, HostAccess::Look);
  if (!session) return session.error();
  const auto situation = host::survey(session->machine(), {});
  if (!situation) {
    if (is_json(options.format)) return finish(report::refusal_json(situation.error()) + '\n', ExitCode::NotDone);
    write_err(report::trouble_text(situation.error()));
    return ExitCode::NotDone;
  }
  const auto findings = host::check_ledger(*situation);
  const bool fine = findings.empty() && situation->busy.empty() && situation->unreadable_journals.empty();
  return finish(is_json(options.format) ? report::status_json(*situation, findings) + '\n'
                                        : report::status_text(*situation, findings),
                fine ? ExitCode::Done : ExitCode::Refused);
}

}  // namespace

void add_host_status(CLI::App& host, Run& run) {
  CLI::App* command = host.add_subcommand("status", "Show who has which device, and where that is not so any more");
  auto options = std::make_shared<HostStatusOptions>();
  add_host_options(*command, options->host);
  add_format(*command, options->format);
  command->footer(
      "Changes nothing. Exit code: 0 all is as it should be; 1 an operation is unfinished, or the ledger\n"
      "and the host differ.\n"
      "\n"
      "Example:\n  busproof host status --host-model desktop.json");
  command->callback([options, &run] { run = [options] { return show_status(*options); }; });
}

}  // namespace busproof::cli
