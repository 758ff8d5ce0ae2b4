#pragma once

#include <memory>

#include "verify/hunt.h"
#include "verify/libvirt_oracle.h"

namespace busproof::verify {

/// Random domains of all machines, each assigned once. With an oracle, its answer is compared too; it is asked by one
/// thread at a time and must outlive the hunt.
std::unique_ptr<Hunt> make_domain_hunt(Selection selection, LibvirtOracle* oracle = nullptr);

}  // namespace busproof::verify
