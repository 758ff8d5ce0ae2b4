#include "cli/failures.h"

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/format.h"
#include "engine/host/trouble.h"
#include "engine/report/host_report.h"
#include "engine/report/message_text.h"

namespace busproof::cli {

ExitCode misused(std::string_view command, std::string_view why) {
  write_err(fmt::format("busproof {0}: error: {1}\nSee busproof {0} --help.\n", command, why));
  return ExitCode::Unusable;
}

ExitCode unusable(std::string_view name, const Error& error, std::string_view text) {
  write_err(report::error_text(name, text, error));
  return exit_code(error.kind);
}

ExitCode not_done(const host::Trouble& trouble, bool as_json) {
  if (as_json) return finish(report::refusal_json(trouble) + '\n', ExitCode::NotDone);
  write_err(report::trouble_text(trouble));
  return ExitCode::NotDone;
}

}  // namespace busproof::cli
