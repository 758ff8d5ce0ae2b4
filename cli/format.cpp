#include "cli/format.h"

#include <fmt/format.h>

#include "cli/files.h"
#include "engine/report/message_text.h"

namespace busproof::cli {

void add_format(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("text|json");
}

bool is_json(const std::string& format) { return format == "json"; }

std::string json_array(const std::vector<std::string>& items) {
  return fmt::format("[\n{}\n]\n", fmt::join(items, ",\n"));
}

ExitCode finish(std::string_view text, ExitCode code) {
  if (const auto written = write_out(text); !written) {
    write_err(report::error_text("<stdout>", "", written.error()));
    return worst(code, ExitCode::Unusable);
  }
  return code;
}

}  // namespace busproof::cli
