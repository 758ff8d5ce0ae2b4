#include "engine/report/merge.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "engine/report/message_text.h"
#include "verify/campaign_report.h"

namespace busproof::cli {
namespace {

/// Whether the result is one of `verify`, whose counts are added up; those of `check` and `diff` are joined.
bool is_of_campaign(const report::NamedText& result) {
  return result.text.find(R"("kind": "verify")") != std::string::npos;
}

ExitCode merge_campaigns(const std::vector<report::NamedText>& results) {
  std::vector<std::string> texts;
  for (const report::NamedText& result : results) texts.emplace_back(result.text);
  const auto merged = verify::merge_campaigns(texts);
  if (!merged) return unusable("busproof merge", merged.error());
  const bool holds = merged->find(R"("failures": [])") != std::string::npos;
  return finish(*merged, holds ? ExitCode::Done : ExitCode::Refused);
}

ExitCode merge_files(const std::vector<std::string>& files) {
  std::vector<report::NamedText> results;
  for (const std::string& file : files) {
    auto text = read_text(file);
    if (!text) return unusable(shown_name(file), text.error());
    results.push_back({shown_name(file), *std::move(text)});
  }
  if (is_of_campaign(results.front())) return merge_campaigns(results);
  const auto merged = report::merge(results);
  if (!merged) return unusable("busproof merge", merged.error());
  write_err(merged->totals_text + '\n');
  return finish(merged->text, static_cast<ExitCode>(merged->exit_code));
}

}  // namespace

void add_merge(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("merge", "Make one JSON result of those of several shards");
  command->group("Commands");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("RESULT", *files, "what --format json wrote; - is standard input")->required()->type_name("");
  command->footer(
      "The result is what one run over everything would have written. Shards that are\n"
      "missing, or given twice, are refused.\n"
      "Exit code: the worst of the results; 2 a file that is no result; 3 a shard is\n"
      "missing.\n"
      "\n"
      "Example:\n"
      "  parallel busproof check vms --shard {}/8 --format json={}.json ::: $(seq 8)\n"
      "  busproof merge [1-8].json > result.json");
  command->callback([files, &run] { run = [files] { return merge_files(*files); }; });
}

}  // namespace busproof::cli
