#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "cli/parallel.h"

namespace busproof::cli {

/// Calls `work(0)` … `work(count - 1)`, up to `jobs` of them at a time, and `take` with their results, one at a time
/// and in that order, as soon as their turn comes. So few results wait at any time that memory does not grow with
/// `count`.
template <class Work, class Take>
void in_order(std::size_t count, std::size_t jobs, const Work& work, const Take& take) {
  using Value = decltype(work(std::size_t()));
  constexpr std::size_t kAheadOfEachJob = 32;
  std::vector<std::optional<Value>> waiting(
      std::clamp<std::size_t>(jobs * kAheadOfEachJob, 1, std::max<std::size_t>(count, 1)));
  std::mutex mutex;
  std::condition_variable room;
  std::size_t turn = 0;
  for_each(0, count, jobs, [&](std::size_t i) {
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] { return i < turn + waiting.size(); });
    }
    Value value = work(i);
    const std::lock_guard lock(mutex);
    waiting[i % waiting.size()].emplace(std::move(value));
    for (; waiting[turn % waiting.size()]; ++turn) {
      take(*std::exchange(waiting[turn % waiting.size()], std::nullopt));
      room.notify_all();
    }
  });
}

}  // namespace busproof::cli
