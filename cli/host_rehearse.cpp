#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "cli/host_rehearsal.h"
#include "cli/host_request.h"
#include "engine/report/host_report.h"
#include "engine/report/json.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

using host::Operation;

struct HostRehearseOptions {
  HostOptions host;
  RequestOptions request;
  std::string format;
};

std::string rehearsal_json(const verify::Rehearsal& rehearsal) {
  report::Json json = {{"schema_version", report::kSchemaVersion},
                       {"runs", rehearsal.runs},
                       {"broken", rehearsal.lost},
                       {"violations", nullptr}};
  json["violations"] = report::Json::array();
  for (const verify::BrokenRun& run : rehearsal.broken) {
    for (const verify::Violation& violation : run.violations) {
      json["violations"].push_back({{"fault", run.fault},
                                    {"law", fmt::format("INV-{}", run.law)},
                                    {"device", report::text_or_null(violation.device)},
                                    {"text", violation.what}});
    }
  }
  return report::dumped(json);
}

ExitCode run_rehearsal(Operation operation, const HostRehearseOptions& options) {
  const auto request = read_request(operation, options.request);
  if (!request) return unusable("busproof host", request.error());
  auto session = open_host(options.host, HostAccess::Look);
  if (!session) return session.error();
  const auto rehearsal = rehearse_on_copy(*session, *request);
  if (!rehearsal) {
    if (is_json(options.format)) return finish(report::refusal_json(rehearsal.error()) + '\n', ExitCode::NotDone);
    write_err(report::trouble_text(rehearsal.error()));
    return ExitCode::NotDone;
  }
  return finish(is_json(options.format) ? rehearsal_json(*rehearsal) + '\n' : verify::to_text(*rehearsal),
                rehearsal->broken.empty() ? ExitCode::Done : ExitCode::Refused);
}

}  // namespace

host::Checked<verify::Rehearsal> rehearse_on_copy(HostSession& session, const host::Request& request) {
  auto copy = session.copy();
  if (!copy) {
    return std::unexpected(
        host::Trouble{.code = host::Code::Unreadable, .message = "the host cannot be copied: " + copy.error().message});
  }
  const host::Machine machine = session.machine();
  const auto journals = host::contents(machine.journals), ledger = host::contents(machine.ledger);
  if (!journals || !ledger) {
    return std::unexpected(host::Trouble{.code = host::Code::Unreadable,
                                         .message = "the journal or the ledger cannot be read",
                                         .error = (journals ? ledger : journals).error().error});
  }
  return verify::rehearse_request(*copy, *journals, *ledger, request);
}

std::optional<host::Trouble> rehearse_first(HostSession& session, const host::Request& request) {
  const auto rehearsal = rehearse_on_copy(session, request);
  if (!rehearsal) return rehearsal.error();
  write_err(verify::to_text(*rehearsal));
  if (rehearsal->broken.empty()) return std::nullopt;
  return host::Trouble{.code = host::Code::Conflict,
                       .message = "the rehearsal on a copy of this host did not go well: nothing was done",
                       .hints = {"'busproof host rehearse' shows it without touching anything"}};
}

void add_host_rehearse(CLI::App& host, Run& run) {
  CLI::App* rehearse =
      host.add_subcommand("rehearse", "Try an operation on copies of the host, under every fault and crash");
  rehearse->require_subcommand(1);
  rehearse->footer("Example:\n  busproof host rehearse detach 0000:01:00.0 --host-model desktop.json");
  for (const Operation operation :
       {Operation::Detach, Operation::Reattach, Operation::Reset, Operation::Prepare, Operation::Release}) {
    const std::string name(host::to_string(operation));
    CLI::App* command = rehearse->add_subcommand(name, "Rehearse: " + name);
    auto options = std::make_shared<HostRehearseOptions>();
    add_request_options(*command, operation, options->request);
    add_host_options(*command, options->host);
    add_format(*command, options->format);
    const bool of_domain = operation == Operation::Prepare || operation == Operation::Release;
    command->footer(
        fmt::format("Exit code: 0 no rehearsal broke a law; 1 one did; 4 refused.\n"
                    "\nExample:\n  busproof host rehearse {} {} --host-model desktop.json",
                    name, of_domain ? "web01.xml" : "0000:01:00.0"));
    command->callback(
        [options, operation, &run] { run = [options, operation] { return run_rehearsal(operation, *options); }; });
  }
}

}  // namespace busproof::cli
