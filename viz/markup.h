#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "viz/arrangement.h"
#include "viz/graph.h"
#include "viz/theme.h"

/// Texts of a picture as Graphviz reads them. What comes out is ASCII or valid UTF-8, closes what it opens, and holds
/// nothing of the text that anybody takes for markup.
namespace busproof::viz {

/// For labels and attributes in the form of HTML: broken bytes become U+FFFD, control characters '?', backslashes are
/// doubled since Graphviz looks for \N and its like. A newline stays one in attributes ("&#10;").
std::string escaped(std::string_view text);

inline constexpr std::string_view kCut = "…";
/// A line as it is shown: not longer than is useful, ended by "…" if it was cut.
std::string shown_line(std::string_view text);
/// A tooltip as it is shown; cut only where it would burden the page.
std::string shown_tooltip(std::string_view text);

/// The label of a node, as markup between < and >. Ports: "h" the heading, "c0", "c1" … the cells, and "w0", "w1" …
/// the beginnings of their lines.
std::string label_of(const Node& node, const NodePlan& plan, const TextShape& shape, Theme theme);
/// The label of a box.
std::string label_of(const Box& box, Theme theme);
/// The heading of the picture: title, warnings and legend.
std::string heading_of(const Graph& graph, Theme theme);

}  // namespace busproof::viz
