#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakesys/host.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {

/// A member of recorded JSON, or what stands for one that is not there.
std::string recorded_text(const nlohmann::json& object, const char* name, std::string otherwise = {});
std::int64_t recorded_number(const nlohmann::json& object, const char* name, std::int64_t otherwise = 0);

/// A recorded scenario's steps done on a host of our own: every system call, with its results written down as the
/// recorder would have done.
class ScenarioRunner {
 public:
  /// `scenario` must outlive this. The host gets the profile of the scenario's kernel.
  ScenarioRunner(Host host, const nlohmann::json& scenario);

  /// Does a step and lets the time pass that the recorder waits; gives the step's results.
  nlohmann::json run(const nlohmann::json& step);
  /// The devices that are watched, their groups, and what has come and gone, as a STATE of the recording.
  nlohmann::json state();
  /// Those sent since the last time this was asked.
  std::vector<std::string> uevents();
  /// Whether the device is an emulated controller that never becomes ready.
  [[nodiscard]] bool has_dead_controller(std::string_view device) const;
  /// Whether a call that had been left behind was done during the last step.
  [[nodiscard]] bool released() const { return released_; }

 private:
  /// A call that was left behind: how to tell its result when it is done.
  struct Waiting {
    CallId call = 0;
    File file;
    const char* kind = "write";  ///< or "read"
    std::size_t count = 0;
  };

  void pass(std::int64_t milliseconds);
  /// Waits for a call up to the step's limit. Nothing: it is left behind.
  std::optional<int> wait_for(CallId call, std::int64_t limit_ms);
  nlohmann::json leave(const nlohmann::json& step, Waiting left);
  nlohmann::json finish(const nlohmann::json& step, const char* kind, const File& file, IoResult result,
                        std::size_t count);
  nlohmann::json write(const nlohmann::json& step);
  nlohmann::json read(const nlohmann::json& step);
  nlohmann::json pread(const nlohmann::json& step);
  nlohmann::json pwrite(const nlohmann::json& step);
  nlohmann::json list(const nlohmann::json& step);
  nlohmann::json readlink(const nlohmann::json& step);
  nlohmann::json stat(const nlohmann::json& step);
  nlohmann::json chmod(const nlohmann::json& step);
  nlohmann::json sleep(const nlohmann::json& step);
  nlohmann::json join(const nlohmann::json& step);
  nlohmann::json signal(const nlohmann::json& step);

  nlohmann::json run_module(const nlohmann::json& step, std::pair<int, Tasks> prepared);
  nlohmann::json insmod(const nlohmann::json& step);
  /// "1234:11e8,8086:10d3:ffffffff:ffffffff:020000:ff0000"
  nlohmann::json rmmod(const nlohmann::json& step);

  [[nodiscard]] int handle(const std::string& name) const;
  nlohmann::json vfio(const nlohmann::json& step);
  int vfio_call(const std::string& call, const std::vector<std::string>& args, nlohmann::json& more);
  [[nodiscard]] int info(const std::string& device, nlohmann::json& more) const;
  [[nodiscard]] int hot_info(const std::string& device, nlohmann::json& more) const;

  [[nodiscard]] std::vector<std::string> watched() const;
  nlohmann::json race(const nlohmann::json& step);

  nlohmann::json attribute(const std::string& path);
  [[nodiscard]] nlohmann::json link_name(const std::string& path) const;
  nlohmann::json device_state(const std::string& name);
  [[nodiscard]] std::vector<std::string> devices_now() const;

  Host host_;
  const nlohmann::json& scenario_;
  std::map<std::string, int> handles_;
  std::map<std::string, Waiting> waiting_;
  std::vector<std::string> at_start_;
  bool released_ = false;
};

}  // namespace busproof::fakesys
