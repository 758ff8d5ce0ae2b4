#pragma once

#include <string_view>

#include "cli/exit_code.h"
#include "engine/base/result.h"

namespace busproof::host {
struct Trouble;
}

/// What a command says on standard error when it cannot go on, and the code that it ends with.
namespace busproof::cli {

/// Of options that do not go together: "busproof check: error: …".
ExitCode misused(std::string_view command, std::string_view why);

/// Of a file, or whatever was named, that the error is about; `text` is what its offset leads into.
ExitCode unusable(std::string_view name, const Error& error, std::string_view text = {});

/// Of an operation on a host; as JSON on standard output where that was asked for.
ExitCode not_done(const host::Trouble& trouble, bool as_json);

}  // namespace busproof::cli
