#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/result.h"

/// Which part of a divided work this process does: an option that several commands have, or the environment of a job.
namespace busproof::cli {

/// The `index`th of `count`, counted from 1.
struct Shard {
  std::uint64_t index = 1, count = 1;
};

/// `--shard I/N`; `shard` must outlive the parsing.
void add_shard(CLI::App& command, std::string& shard);

/// What the option says, or else BUSPROOF_SHARD, in the same words: "3/8" is the third of eight; "auto/8" takes the
/// number from JOB_COMPLETION_INDEX (Kubernetes, from 0) or SLURM_ARRAY_TASK_ID (less SLURM_ARRAY_TASK_MIN), and "auto"
/// the count from SLURM_ARRAY_TASK_COUNT too. Nothing when neither is there. Errors: Unreadable, saying what is wrong.
Result<std::optional<Shard>> chosen_shard(const std::string& option);

}  // namespace busproof::cli
