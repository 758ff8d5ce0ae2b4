#pragma once

#include <string_view>

/// The parts of pages that are the same in every one.
namespace busproof::viz {

extern const std::string_view kPageStyle;
extern const std::string_view kPageBody;
extern const std::string_view kPageScript;
extern const std::string_view kIndexScript;

}  // namespace busproof::viz
