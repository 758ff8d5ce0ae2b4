#pragma once

#include <memory>

#include "verify/hunt.h"

namespace busproof::verify {

/// Random changes to a config, one after the other; after each of them the guest's laws hold. The histories begin with
/// an empty machine, or all of them with `start`, the text of a domain that can be assigned.
std::unique_ptr<Hunt> make_history_hunt(Selection selection, std::string start = {});

}  // namespace busproof::verify
