#pragma once

#include "fakesys/fake_kernel.h"
#include "fakesys/script.h"
#include "verify/invariants.h"

namespace busproof::verify {

/// Law 11. What sections 7.2 to 7.6 of the host binding specification say of a write to driver_override, to
/// drivers_probe, or to a driver's bind or unbind, told once more without the fake: its errno, and how the device is
/// bound then. Writes to other files, and those that have not come back, are not judged.
Violations answers_as_a_kernel(const fakesys::FakeKernel& before, const fakesys::Operation& write,
                               const fakesys::Done& done, const fakesys::FakeKernel& after);

}  // namespace busproof::verify
