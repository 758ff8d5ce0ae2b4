#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace busproof::cli {

/// Which of the names is the fewest changed letters away from what was typed; the first of several. `names` must not
/// be empty.
std::string nearest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace busproof::cli
