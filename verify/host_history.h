#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "verify/guest_check.h"
#include "verify/host_run.h"
#include "verify/quiet_laws.h"

namespace busproof::verify {

/// The laws of hosts that host_laws() has and those that speak of several runs.
std::vector<LawRow> host_law_rows();

/// A host as things happen to it: what busproof is asked to do, with faults and crashes in it and somebody else beside
/// it, guests that come and go, and what the world does. The laws are looked at after every step, and once more after
/// a recovery on a copy.
class HostHistory {
 public:
  HostHistory(fakesys::FakeKernel kernel, const Looking& looking) : world_{std::move(kernel)}, looking_(looking) {}

  void apply(const HostStep& step);

  [[nodiscard]] const HostWorld& world() const { return world_; }
  [[nodiscard]] const Breaches& breaches() const { return breaches_; }

 private:
  void act(const HostCommand& command);
  void commit(const std::string& guest);
  void close(const std::string& guest);
  void do_in_world(const fakesys::Operation& operation);
  void operate(const HostStep& step);
  void learn_homes(const HostState& now);
  void learn_what_one_found_of_the_other(const HostState& later);
  [[nodiscard]] std::set<host::HostAddress> excused(const HostStep& step, const HostState& before) const;
  void classify(const HostStep& step, const StepRun& run);

  void look_at_run(const HostStep& step, const StepRun& run, const HostState& before);
  void look_at_recovery(const HostStep& step, const StepRun& run, const HostState& before);
  [[nodiscard]] bool is_part_of_recovery(const HostState& before, const HostState& after) const;
  void look_at_refusal(const HostStep& step, const StepRun& run, const HostState& before, const HostState& after,
                       const std::set<host::HostAddress>& spared);
  void look_at_time(const StepRun& run, const HostState& before);
  void look_at_quiet(const HostStep& step, const StepRun& run, const HostState& before);
  void compare(const QuietRun& quiet);
  void rehearse_first(const host::Request& request);
  void look_at_all(const HostRun& run, std::string_view when);
  void look(const LawRow& law, const Violations& violations, std::string_view when = {});
  [[nodiscard]] bool has(const LawRow& law) const { return looking_.selection.has(law.name); }

  HostWorld world_;
  Homes homes_{};
  std::uint32_t homes_boot_ = 0;
  std::set<host::HostAddress> homeless_{};  ///< that came just now, or are on their way back from nobody knows where
  std::set<host::HostAddress> restless_{};  ///< devices that somebody else is doing something to just now
  std::map<std::string, std::vector<int>> opened_{};  ///< by guest: handles of what its process has open
  Looking looking_;
  Breaches breaches_{};
};

}  // namespace busproof::verify
