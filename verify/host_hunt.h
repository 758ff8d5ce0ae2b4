#pragma once

#include <memory>
#include <string>

#include "verify/hunt.h"

namespace busproof::verify {

/// Random histories of random hosts; of the host in `model` alone where one is given, a model that was recorded or made
/// up and can be loaded.
std::unique_ptr<Hunt> make_host_hunt(Selection selection, std::string model = {});

}  // namespace busproof::verify
