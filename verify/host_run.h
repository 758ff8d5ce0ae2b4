#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "engine/host/perform.h"
#include "engine/host/store.h"
#include "fakesys/fake_kernel.h"
#include "verify/host_command.h"
#include "verify/host_invariants.h"

namespace busproof::verify {

/// A host and what busproof remembers of it. A copy is a snapshot.
struct HostWorld {
  fakesys::FakeKernel kernel;
  host::MemoryStore::Files journals{}, ledger{};
};
HostState state_of(const HostWorld& world);

/// The devices that a release lets go of: those named, or all, that the guest has.
std::vector<host::HostAddress> let_go_by(const HostCommand& release, const HostState& before);

/// What came of one operation.
struct OperationRun {
  std::optional<host::Performance> performance{};  ///< none: refused, or no request of the engine's
  std::optional<host::Trouble> refusal{};
  bool crashed = false;                          ///< its program died, so that nobody was told anything
  std::vector<fakesys::AccessRecord> changes{};  ///< what it wrote and loaded
};

/// What came of a step.
struct StepRun {
  OperationRun first{};
  std::optional<OperationRun> second{};           ///< of what was beside it
  std::vector<fakesys::AccessRecord> accesses{};  ///< of both, in order
  std::vector<Newcomer> newcomers{};
  std::chrono::milliseconds took{};
  HostWorld world;  ///< as it is when both have come back
  HostWorld later;  ///< and when what was late has happened
};

/// Carries an operation out on a copy of the world, with all that goes wrong in it.
StepRun run_step(const HostWorld& world, const HostStep& step);

}  // namespace busproof::verify
