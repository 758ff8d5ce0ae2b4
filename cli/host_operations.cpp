#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>

#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/host.h"
#include "cli/host_rehearsal.h"
#include "cli/host_request.h"
#include "cli/host_session.h"
#include "engine/report/host_report.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

using host::Operation;

struct HostOperationsOptions {
  HostOptions host;
  RequestOptions request;
  std::string format;
  bool dry_run = false;
};

/// One row an operation: how its help calls it.
struct OperationRow {
  Operation operation;
  const char* help;
  const char* example;
};
constexpr std::array kOperations = {
    OperationRow{Operation::Detach, "Take devices from the host's drivers, for a guest", "detach 0000:01:00.0"},
    OperationRow{Operation::Reattach, "Give devices back to the host's drivers", "reattach 0000:01:00.0"},
    OperationRow{Operation::Reset, "Reset devices that nobody uses", "reset 0000:01:00.0"},
    OperationRow{Operation::Prepare, "Take all devices that a domain needs, for it to start", "prepare web01.xml"},
    OperationRow{Operation::Release, "Give back what a domain had, after it has stopped", "release web01.xml"},
};

ExitCode show_plan(HostSession& session, const host::Request& request, const HostOperationsOptions& options) {
  const auto plan = host::plan_request(session.machine(), request);
  if (!plan) return not_done(plan.error(), is_json(options.format));
  return finish(is_json(options.format) ? report::plan_json(*plan) + '\n' : report::plan_text(*plan));
}

ExitCode carry_out(HostSession& session, const host::Request& request, const HostOperationsOptions& options) {
  if (session.is_real()) {
    if (const auto trouble = rehearse_first(session, request)) return not_done(*trouble, is_json(options.format));
  }
  const auto performance = host::perform(session.machine(), request);
  if (!performance) return not_done(performance.error(), is_json(options.format));
  if (const auto saved = session.save(); !saved) {
    write_err(report::error_text(session.name(), "", saved.error()));
    return ExitCode::Unusable;
  }
  const host::Outcome& outcome = performance->outcome;
  const bool good = outcome.end == host::Outcome::End::Done || outcome.end == host::Outcome::End::Already;
  if (!is_json(options.format)) {
    if (outcome.primary) write_err(report::trouble_text(*outcome.primary));
    for (const host::Trouble& trouble : outcome.secondary) write_err(report::trouble_text(trouble));
  }
  return finish(
      is_json(options.format) ? report::performance_json(*performance) + '\n' : report::performance_text(*performance),
      good ? ExitCode::Done : ExitCode::NotDone);
}

ExitCode run_operation(Operation operation, const HostOperationsOptions& options) {
  const auto request = read_request(operation, options.request);
  if (!request) return unusable("busproof host", request.error());
  auto session = open_host(options.host, options.dry_run ? HostAccess::Look : HostAccess::Change);
  if (!session) return session.error();
  return options.dry_run ? show_plan(*session, *request, options) : carry_out(*session, *request, options);
}

void add_operation(CLI::App& parent, const OperationRow& row, bool only_plan, Run& run) {
  const std::string name(host::to_string(row.operation));
  CLI::App* command = parent.add_subcommand(name, row.help);
  auto options = std::make_shared<HostOperationsOptions>();
  options->dry_run = only_plan;
  add_request_options(*command, row.operation, options->request);
  if (!only_plan) command->add_flag("--dry-run", options->dry_run, "show what would be written, and write nothing");
  add_host_options(*command, options->host);
  add_format(*command, options->format);
  command->footer(
      fmt::format("Exit code: 0 done; 4 refused or rolled back; 2 wrong usage, or a file that cannot be read.\n"
                  "\nExample:\n  busproof host {}{} --host-model desktop.json",
                  only_plan ? "plan " : "", row.example));
  command->callback([options, operation = row.operation, &run] {
    run = [options, operation] { return run_operation(operation, *options); };
  });
}

}  // namespace

void add_host_operations(CLI::App& host, Run& run) {
  CLI::App* plan = host.add_subcommand("plan", "Show what an operation would write, and write nothing");
  plan->require_subcommand(1);
  plan->footer("Example:\n  busproof host plan detach 0000:01:00.0 --host-model desktop.json");
  for (const OperationRow& row : kOperations) {
    add_operation(*plan, row, true, run);
    add_operation(host, row, false, run);
  }
}

}  // namespace busproof::cli
