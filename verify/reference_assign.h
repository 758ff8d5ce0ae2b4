#pragma once

#include <string>
#include <variant>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "verify/reference_lists.h"

/// The allocator once more, slow and obvious: the sentences of the specification one after the other (sections 2, 4, 5,
/// 6 and 8), written without looking at engine/assign. It shares with the engine the reader of the XML and the plain
/// values of engine/domain and engine/pci, and nothing of its rules. It covers machines of the i440fx and q35 families,
/// and of their devices the PCI places; what it does not know it says so of.
namespace busproof::verify::reference {

/// The domain with all its PCI places, or a refusal during allocation, or why there is no answer.
using Answer = std::variant<domain::Domain, Error, NotCovered>;
Answer assign(const domain::Domain& wish);

/// Whether this allocator decides about that refusal at all: what fails in parsing or in the checks that follow
/// allocation is none of its business.
bool decides_about(const Error& error);

}  // namespace busproof::verify::reference
