#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

namespace busproof::cli {

/// As many as the machine has cores.
std::size_t default_jobs();

/// Calls `work(first)` … `work(last - 1)`, up to `jobs` of them at a time, and returns when all are done.
void for_each(std::size_t first, std::size_t last, std::size_t jobs, const std::function<void(std::size_t)>& work);

/// As long as it lives a line on stderr tells how far the work is, if that is a terminal and once a second has passed:
/// "assign: 2100 of 10000 files".
class Progress {
 public:
  Progress(std::string_view verb, std::size_t count);
  /// One file more; may be called from any thread.
  void step() { ++done_; }

 private:
  void tell(const std::stop_token& stop, std::string_view verb, std::size_t count);

  std::atomic<std::size_t> done_ = 0;
  std::mutex mutex_;
  std::condition_variable_any stop_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace busproof::cli
