#include "cli/shard.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "engine/base/text.h"

namespace busproof::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::optional<std::uint64_t> number_in(const char* name) { return unsigned_64(environment(name), Radix::Decimal); }

/// The number of this job among its like, from 1.
std::optional<std::uint64_t> job_number() {
  if (const auto index = number_in("JOB_COMPLETION_INDEX")) return *index + 1;
  const auto task = number_in("SLURM_ARRAY_TASK_ID");
  if (!task) return std::nullopt;
  const std::uint64_t first = number_in("SLURM_ARRAY_TASK_MIN").value_or(1);
  return *task < first ? std::nullopt : std::optional(*task - first + 1);
}

}  // namespace

void add_shard(CLI::App& command, std::string& shard) {
  command.add_option("--shard", shard, "do the Ith of N parts; auto/N: as the job scheduler numbers this job")
      ->type_name("I/N");
}

Result<std::optional<Shard>> chosen_shard(const std::string& option) {
  const std::string said = option.empty() ? environment("BUSPROOF_SHARD") : option;
  if (said.empty()) return std::nullopt;
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(Error{ErrorKind::Unreadable, "", fmt::format("shard '{}': {}", said, why), {}, {}, {}});
  };
  const std::size_t slash = said.find('/');
  const std::string index_word = said.substr(0, slash);
  const bool is_auto = index_word == "auto";
  const auto index = is_auto ? job_number() : unsigned_64(index_word, Radix::Decimal);
  const auto count = slash != std::string::npos ? unsigned_64(said.substr(slash + 1), Radix::Decimal)
                                                : number_in("SLURM_ARRAY_TASK_COUNT");
  if (is_auto && !index) return wrong("neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID says which part this is");
  if (is_auto && !count) return wrong("nothing says how many parts there are; auto/8 would");
  if (!index || slash == std::string::npos || !count) {
    if (!(is_auto && index && count)) return wrong("it is written I/N, such as 3/8");
  }
  if (*index < 1 || *index > *count) return wrong(fmt::format("part {} of {} is none", *index, *count));
  return Shard{.index = *index, .count = *count};
}

}  // namespace busproof::cli
