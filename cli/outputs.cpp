#include "cli/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

/// Files are written in pieces of that size.
constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

struct Wish {
  std::string format, path;
};

Wish wish_of(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return {word, "-"};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

std::string format_names() {
  std::string names;
  for (const report::Format& format : report::kFormats)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  return names;
}

Refusal bad_wish(std::string message) { return Refusal(Error{ErrorKind::Unreadable, "", std::move(message)}); }

}  // namespace

void add_formats(CLI::App& command, std::vector<std::string>& formats) {
  command.add_option("--format", formats, "text, json, sarif, junit, github, gitlab, markdown; repeatable")
      ->type_name("F[=FILE]")
      ->allow_extra_args(false);
}

Result<Outputs> Outputs::open(const std::vector<std::string>& formats, const report::RunFacts& facts) {
  Outputs outputs;
  for (const std::string& word : formats.empty() ? std::vector<std::string>{"text"} : formats) {
    const Wish wish = wish_of(word);
    const report::Format* format = report::find_format(wish.format);
    if (format == nullptr) return bad_wish(fmt::format("no format '{}'; there are {}", wish.format, format_names()));
    if (wish.path.empty()) return bad_wish(fmt::format("--format {}: a file name is missing", word));
    const bool taken = std::ranges::count(outputs.outputs_, wish.path, &Output::path) != 0;
    if (taken)
      return bad_wish(fmt::format("two formats go to {}; write --format {}=FILE",
                                  wish.path == "-" ? "standard output" : wish.path, wish.format));
    outputs.tells_baseline_ = outputs.tells_baseline_ || format->tells_baseline;
    Output output{.path = wish.path, .writer = format->make(facts)};
    if (wish.path == "-") {
      outputs.tells_totals_ = format->tells_totals;
    } else {
      auto file = Replacement::prepare(wish.path, "");
      if (!file) return bad_wish(fmt::format("{}: {}", wish.path, file.error().message));
      output.file.emplace(*std::move(file));
    }
    outputs.outputs_.push_back(std::move(output));
  }
  // Nothing is printed before all are known to be possible.
  for (Output& output : outputs.outputs_) put(output, output.writer->begin());
  return outputs;
}

void Outputs::put(Output& output, std::string_view text) {
  output.pending += text;
  if (!output.file || output.pending.size() >= kPieceBytes) flush(output);
}

void Outputs::flush(Output& output) {
  if (!output.error && !output.pending.empty()) {
    const auto done = output.file ? output.file->append(output.pending) : write_out(output.pending);
    if (!done) output.error = done.error();
  }
  output.pending.clear();
}

void Outputs::add(const report::DomainReport& report) {
  report::add(totals_, report);
  for (Output& output : outputs_) put(output, output.writer->add(report));
}

ExitCode Outputs::end(ExitCode code) {
  for (Output& output : outputs_) {
    put(output, output.writer->end(totals_, static_cast<int>(code)));
    flush(output);
    if (output.file && !output.error) {
      auto done = output.file->sync();
      if (done) done = output.file->take_place();
      if (!done) output.error = done.error();
    }
    if (!output.error) continue;
    write_err(report::error_text(output.path == "-" ? "<stdout>" : output.path, "", *output.error));
    code = worst(code, ExitCode::Unusable);
  }
  if (!tells_totals_) write_err(report::totals_text(totals_) + '\n');
  return code;
}

}  // namespace busproof::cli
