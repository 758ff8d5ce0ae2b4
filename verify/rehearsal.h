#pragma once

#include <string>
#include <vector>

#include "engine/host/operations.h"
#include "engine/host/store.h"
#include "fakesys/fake_kernel.h"
#include "verify/host_invariants.h"

namespace busproof::verify {

/// A run that broke a law.
struct BrokenRun {
  std::string fault;  ///< what went wrong: "write bus/pci/drivers_probe #1 lie", "crash after access 12"
  int law = 0;        ///< INV-…
  Violations violations{};
};

struct Rehearsal {
  std::size_t runs = 0;
  std::size_t lost = 0;  ///< runs that broke a law
  std::vector<BrokenRun> broken{};
};

/// Runs a plan on copies of a host: once as it is, and then the request that it came from once more and back again;
/// under every single fault at each access; and with a crash before, after and amid each. After each, what is left is
/// recovered, twice, and the laws are checked. The drivers of the plan are to be loaded. `journals` and `ledger` are
/// what the program remembers when the plan begins.
Rehearsal rehearse(const fakesys::FakeKernel& kernel, const host::MemoryStore::Files& journals,
                   const host::MemoryStore::Files& ledger, const host::BindingPlan& plan, const host::Request& request);

/// The same for a request as it is made, its plan made on the way: where drivers have to be loaded for it, each load
/// goes wrong in turn as well. Errors: a refusal, before anything would be changed.
host::Checked<Rehearsal> rehearse_request(const fakesys::FakeKernel& kernel, const host::MemoryStore::Files& journals,
                                          const host::MemoryStore::Files& ledger, const host::Request& request);

/// "612 rehearsals, 0 left a device lost", and a line for each that did.
std::string to_text(const Rehearsal& rehearsal);

}  // namespace busproof::verify
