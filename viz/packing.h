#pragma once

#include <string>
#include <string_view>

namespace busproof::viz {

/// The text as a gzip file (RFC 1952), without name and time: the same bytes for the same text.
std::string packed(std::string_view text);

}  // namespace busproof::viz
