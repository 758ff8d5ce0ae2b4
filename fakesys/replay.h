#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// A kind of difference that is no kernel's doing, with its reason. The report names those that it met.
struct Excuse {
  std::string_view name;
  std::string_view reason;
};
std::span<const Excuse> excuses();

/// Something that the fake did otherwise than the recorded kernel.
struct Difference {
  int step = -1;     ///< index into the scenario's steps; -1: the state before them
  std::string call;  ///< "write bus/pci/drivers_probe"
  std::string what;  ///< "write", "n", "state /devices/0000:01:00.0/driver", "uevents"
  std::string ours, recorded;
  std::string excuse;  ///< name of what excuses it; empty: nothing does
  friend bool operator==(const Difference&, const Difference&) = default;
};

struct ScenarioReport {
  std::string name, machine, kernel;
  std::string skipped;  ///< why it was not run; empty: it was
  std::size_t steps = 0, steps_agreeing = 0;
  std::vector<Difference> differences;
  [[nodiscard]] bool agrees() const;
};

struct ReplayReport {
  std::vector<ScenarioReport> scenarios;  ///< in the order of the file; those that the glob leaves out are not there
  [[nodiscard]] std::size_t run() const;
  [[nodiscard]] std::size_t agreeing() const;
  [[nodiscard]] std::size_t steps() const;
  [[nodiscard]] std::size_t steps_agreeing() const;
  /// Something was run, and all of it agrees.
  [[nodiscard]] bool all_agree() const;
};

/// Runs recorded scenarios (one JSON object a line, ../shared/kernel-truth/linux-6.1/README.md) system call by system
/// call, each on a fresh copy of the machine that its "topology" names, with the profile of the kernel that it was
/// recorded on. A scenario of a machine that is not there is skipped. `glob` knows * and ?. Errors: a line that is no
/// scenario.
Result<ReplayReport> replay(std::string_view jsonl, std::span<const Host> machines, std::string_view glob = "*");

/// The machines that the scenarios were recorded on, sorted: "pc-noiommu", "q35-intel". Errors as of replay().
Result<std::vector<std::string>> machines_of(std::string_view jsonl, std::string_view glob = "*");

/// The report as JSON: {"scenarios": [{"name", "machine", "kernel", "agrees", "steps", "steps_agreeing", "not_run",
/// "differences": [{"step", "call", "what", "fake", "recorded", "excuse"}]}], "excuses": {NAME: {"reason", "met"}},
/// "scenarios_run", "scenarios_agreeing", "steps", "steps_agreeing"}.
std::string to_json(const ReplayReport& report);

/// The report as the command prints it: every difference, the excuses that were met, and last
/// "N of M scenarios, X of Y steps agree".
std::string to_text(const ReplayReport& report);

/// Whether a name fits a pattern of *, ? and plain characters.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace busproof::fakesys
