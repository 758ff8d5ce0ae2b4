#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "viz/graph.h"
#include "viz/theme.h"

/// From a Graph to bytes. The only place that knows Graphviz; its name is nowhere in the interface.
namespace busproof::viz {

enum class Format : std::uint8_t { Dot, Svg, Png, Pdf };
/// Also the endings of files.
inline constexpr std::array<std::string_view, 4> kFormatNames = {"dot", "svg", "png", "pdf"};
constexpr std::string_view to_string(Format format) { return kFormatNames[static_cast<std::size_t>(format)]; }
constexpr std::optional<Format> format_named(std::string_view name) {
  for (std::size_t i = 0; i < kFormatNames.size(); ++i)
    if (kFormatNames[i] == name) return static_cast<Format>(i);
  return std::nullopt;
}

struct Picture {
  std::string bytes;
  std::vector<std::string>
      remarks;  ///< of Graphviz, one line each: "graph is too large for … bitmaps. Scaling by 0.4 …"
};

/// Lays out and draws. Graphviz works on one picture at a time, so callers from several threads wait for each other.
/// The same bytes for the same graph, for Dot and Svg on every run; Dot has no layout and is the same on every machine,
/// Svg depends on the fonts that lines are measured with. An SVG is one element without scripts, with `<g id="a_NAME">`
/// for every cell, whose link leads to itself and has the tooltip as its title.
/// Errors: Unsupported, with what Graphviz says: no plugin for the layout or the format, no layout found.
Result<Picture> render(const Graph& graph, Format format, Theme theme = Theme::Light);

struct IndexPictures {
  Picture svg;
  std::string thumbnail;  ///< a small PNG, to be looked at among many; empty where Graphviz cannot draw one
};
/// Errors: as render().
Result<IndexPictures> render_for_index(const Graph& graph, Theme theme = Theme::Light);

}  // namespace busproof::viz
