#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace busproof::cli {

/// The files that the paths stand for: each file itself, and of each folder every *.xml below it. Sorted, none twice,
/// "-" first. Errors (Unreadable, naming the path as its device): a folder that cannot be read or has no XML.
Result<std::vector<std::string>> config_files(const std::vector<std::string>& paths);

}  // namespace busproof::cli
