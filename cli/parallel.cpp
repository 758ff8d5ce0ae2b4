#include "cli/parallel.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "cli/files.h"
#include "engine/base/memory.h"

namespace busproof::cli {

using namespace std::chrono_literals;

std::size_t default_jobs() { return std::max(1U, std::thread::hardware_concurrency()); }

void for_each(std::size_t first, std::size_t last, std::size_t jobs, const std::function<void(std::size_t)>& work) {
  keep_freed_memory();
  std::atomic<std::size_t> next = first;
  const auto work_on = [&] {
    for (std::size_t at = next++; at < last; at = next++) work(at);
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(jobs, last - first); ++i) helpers.emplace_back(work_on);
  work_on();
}

Progress::Progress(std::string_view verb, std::size_t count) {
  if (count > 1 && ::isatty(STDERR_FILENO) == 1)
    thread_ = std::jthread([this, verb, count](const std::stop_token& stop) { tell(stop, verb, count); });
}

void Progress::tell(const std::stop_token& stop, std::string_view verb, std::size_t count) {
  std::unique_lock lock(mutex_);
  bool told = false;
  for (auto pause = 1000ms; !stop_.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); }); pause = 200ms) {
    write_err(fmt::format("\r{}: {} of {} files", verb, done_.load(), count));
    told = true;
  }
  if (told) write_err("\r\x1b[K");
}

}  // namespace busproof::cli
