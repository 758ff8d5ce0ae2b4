#pragma once

#include <string>
#include <string_view>

namespace busproof::report {

/// The text with nothing in it that means something to a table of a page, or to HTML.
std::string escaped_for_markdown(std::string_view text);

}  // namespace busproof::report
