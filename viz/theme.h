#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "viz/graph.h"

/// The colours of pictures. Nothing is told by colour alone: looks differ in line style too, tags say their kind.
namespace busproof::viz {

enum class Theme : std::uint8_t { Light, Dark };

/// Of what is painted: "#rrggbb".
struct Paint {
  std::string_view fill, line, text;
};

struct LookRule {
  Look look;
  std::string_view style;      ///< of outlines and edges, as Graphviz calls it
  std::string_view pen_width;  ///< points
  std::array<Paint, 2> paint;  ///< by theme
};

// After the palette of Okabe and Ito, which people with any colour vision tell apart.
// clang-format off
inline constexpr auto kLookRules = std::to_array<LookRule>({
  //                   style     pen    light: fill line       text         dark: fill line       text
  {Look::Plain,        "solid",  "1", {{{"#ffffff", "#8c8c8c", "#1b1b1b"}, {"#22262b", "#7d858e", "#e8eaed"}}}},
  {Look::Express,      "solid",  "1.6", {{{"#dbe8f6", "#0072b2", "#0b2a45"}, {"#173a56", "#56b4e9", "#e3f1fc"}}}},
  {Look::Conventional, "dashed", "1.6", {{{"#f6e8cf", "#9a6300", "#402a00"}, {"#4a3714", "#e69f00", "#fdf1d8"}}}},
  {Look::Quiet,        "dotted", "1",   {{{"#fafafa", "#b9b9b9", "#757575"}, {"#1c1f23", "#555c64", "#9aa1a9"}}}},
  {Look::Lost,         "dashed", "2",   {{{"#fdeee5", "#d55e00", "#8a3c00"}, {"#43230f", "#ff8b42", "#ffd9c0"}}}},
  {Look::Unchanged,    "solid",  "1",   {{{"#f5f5f5", "#b0b0b0", "#6b6b6b"}, {"#24282d", "#626a73", "#a7aeb6"}}}},
  {Look::Added,        "solid",  "2.4", {{{"#d9f2e9", "#009e73", "#00432f"}, {"#0d3d30", "#1fd0a0", "#d6fbef"}}}},
  {Look::Removed,      "dashed", "2.4", {{{"#fbe3d6", "#d55e00", "#7a3300"}, {"#4a230c", "#ff8b42", "#ffdcc5"}}}},
  {Look::Moved,        "solid",  "2",   {{{"#dcecf9", "#0072b2", "#003a5c"}, {"#123a55", "#56b4e9", "#dff0fc"}}}},
  {Look::MovedAway,    "dotted", "2",   {{{"#ffffff", "#0072b2", "#3d6f91"}, {"#1c1f23", "#56b4e9", "#8fbfdf"}}}},
  {Look::Changed,      "solid",  "2",   {{{"#fdf3d0", "#b78a00", "#4d3a00"}, {"#453a0d", "#f0c93c", "#fff3c4"}}}},
  {Look::Stub,         "solid",  "2",   {{{"#f3e3ee", "#b0578d", "#55173c"}, {"#45203a", "#e08fc0", "#fbe0f0"}}}},
  {Look::Owned,        "solid",  "2",   {{{"#fdf3d0", "#b78a00", "#4d3a00"}, {"#453a0d", "#f0c93c", "#fff3c4"}}}},
  {Look::Unviable,     "dashed", "2.4", {{{"#fbe3d6", "#d55e00", "#7a3300"}, {"#4a230c", "#ff8b42", "#ffdcc5"}}}},
  {Look::Group,        "solid",  "1.4", {{{"#ffffff", "#4f4f4f", "#2b2b2b"}, {"#22262b", "#aab2bb", "#e8eaed"}}}},
});
// clang-format on

constexpr bool looks_are_in_order() {
  for (std::size_t i = 0; i < kLookRules.size(); ++i)
    if (static_cast<std::size_t>(kLookRules[i].look) != i) return false;
  return kLookRules.size() == kLookCount;
}
static_assert(looks_are_in_order(), "rule_of() is an index");

constexpr const LookRule& rule_of(Look look) { return kLookRules[static_cast<std::size_t>(look)]; }
/// Of the outlines of tables, which are thin or thick.
constexpr unsigned outline_width(Look look) { return rule_of(look).pen_width == "1" ? 1 : 2; }
constexpr const Paint& paint_of(Look look, Theme theme) { return rule_of(look).paint[static_cast<std::size_t>(theme)]; }

/// Behind white letters, by Hue; the same in both themes.
inline constexpr std::array<std::string_view, kHueCount> kHueFills = {"#5f6b76", "#00608f", "#9c4a00", "#8a3a6e",
                                                                      "#00694c", "#7a1f1f", "#4b4b4b"};

/// Behind what is on one NUMA node, by theme and then by node number, which starts anew behind the last.
inline constexpr std::array<std::array<std::string_view, 4>, 2> kTints = {
    {{"#eaf5ea", "#f3ecf8", "#fdf4e3", "#e6f3f7"}, {"#1c2b20", "#2a2233", "#302a19", "#182a31"}}};

/// Behind the whole picture, by theme.
inline constexpr std::array<std::string_view, 2> kBackgrounds = {"#ffffff", "#14171a"};

}  // namespace busproof::viz
