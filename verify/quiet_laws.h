#pragma once

#include <span>

#include "verify/host_invariants.h"
#include "verify/host_run.h"
#include "verify/hunt.h"

/// The laws of operations in which nothing goes wrong: INV-9, 13, 19 and 20 of section 8.3 of the host binding
/// specification, and laws 10 of DESIGN.md. They try things on copies.
namespace busproof::verify {

/// One operation that nothing and nobody disturbed.
struct QuietRun {
  const HostCommand& command;
  const HostWorld& world;  ///< in which it began
  const HostState& before;
  const StepRun& run;
  const HostState& after;
  const Homes& homes;
};

/// INV-9. Done once more it writes nothing and says that there is nothing to do.
Violations repeats_as_nothing(const QuietRun& quiet);
/// INV-13. A dry run changes nothing, and what is written is what was planned, in that order.
Violations does_as_planned(const QuietRun& quiet);
/// INV-19. Detached and reattached a device is as it was.
Violations goes_there_and_back(const QuietRun& quiet);
/// INV-20. Everything asked for is as the request says, which is told without looking at the plan.
Violations is_as_modelled(const QuietRun& quiet);
/// Law 10. A guest is given a group only when the kernel would let it open that.
Violations group_is_viable(const QuietRun& quiet);

struct QuietLaw {
  LawRow row;
  Violations (*breaches)(const QuietRun&);
};
std::span<const QuietLaw> quiet_laws();

}  // namespace busproof::verify
