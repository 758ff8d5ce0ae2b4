#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_code.h"

/// What the commands' outputs have in common.
namespace busproof::cli {

/// `--format text|json`, text unless given; `format` must outlive the parsing.
void add_format(CLI::App& command, std::string& format);
bool is_json(const std::string& format);

/// "[\n…,\n…\n]\n"
std::string json_array(const std::vector<std::string>& items);

/// Puts the text on stdout; Unusable, with a message, when that cannot be written.
ExitCode finish(std::string_view text, ExitCode code = ExitCode::Done);

}  // namespace busproof::cli
