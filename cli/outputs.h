#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/files.h"
#include "engine/base/result.h"
#include "engine/report/writer.h"

/// Where findings go: one or several formats at once, on stdout and into files.
namespace busproof::cli {

/// `--format F[=FILE]`, several times; text on stdout unless given. `formats` must outlive the parsing.
void add_formats(CLI::App& command, std::vector<std::string>& formats);

class Outputs {
 public:
  /// Errors: two formats on stdout, a format that there is not, a file that cannot be written.
  static Result<Outputs> open(const std::vector<std::string>& formats, const report::RunFacts& facts);

  /// Puts out what each format makes of it.
  void add(const report::DomainReport& report);
  /// Ends every output and puts files in their places; tells stderr the totals where stdout does not. The code of a run
  /// that could not write is worse than that of the run.
  ExitCode end(ExitCode code);

  [[nodiscard]] const report::Totals& totals() const { return totals_; }
  /// Whether any format tells which findings were there before.
  [[nodiscard]] bool tells_baseline() const { return tells_baseline_; }

 private:
  struct Output {
    std::string path;  ///< "-" is stdout
    std::unique_ptr<report::Writer> writer;
    std::optional<Replacement> file{};
    std::string pending{};
    std::optional<Error> error{};
  };
  static void put(Output& output, std::string_view text);
  static void flush(Output& output);

  std::vector<Output> outputs_;
  report::Totals totals_;
  bool tells_totals_ = false;
  bool tells_baseline_ = false;
};

}  // namespace busproof::cli
