#pragma once

#include <graphviz/gvc.h>

#include <string>

namespace busproof::viz {

/// What to ask Graphviz for instead of "png": drawn by cairo as that is, but written quickly, where its own writer
/// takes two thirds of the time of a large picture.
inline constexpr const char* kQuickPng = "busproof_png";

/// Makes it known.
void add_quick_png(GVC_t* context);

/// The last picture made so, which is handed out once; empty if there is none. Graphviz's own buffer stays empty.
std::string take_quick_png();

}  // namespace busproof::viz
