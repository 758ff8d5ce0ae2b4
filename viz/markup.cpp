#include "viz/markup.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/device_words.h"
#include "viz/arrangement.h"
#include "viz/measures.h"

namespace busproof::viz {
namespace {

constexpr std::size_t kLineColumnsMax = 56;
constexpr std::size_t kTooltipBytesMax = 4000;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kKeysPerLine = 4;
constexpr unsigned kTagWidth = 42;
constexpr std::string_view kSampleShape = R"( HEIGHT="17" CELLPADDING="0" FIXEDSIZE="TRUE")";
constexpr std::size_t kWarningColumns = 90, kWarningLinesMax = 4;

/// Length of the valid UTF-8 sequence at the beginning of the text; 0 if there is none. XML knows neither surrogates
/// nor U+FFFE and U+FFFF.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  if (length < 3) return length;
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second >= 0xA0) || (lead == 0xF4 && second >= 0x90);
  const bool no_character = lead == 0xEF && second == 0xBF && byte(2) >= 0xBE;
  return overlong || beyond || no_character ? 0 : length;
}

struct Escape {
  char character;
  std::string_view markup;
};
constexpr std::array kEscapes = {
    Escape{'&', "&amp;"},  Escape{'<', "&lt;"},   Escape{'>', "&gt;"},  Escape{'"', "&quot;"},
    Escape{'\'', "&#39;"}, Escape{'\n', "&#10;"}, Escape{'\\', "\\\\"},
};

std::string point_attribute(std::string_view port) { return port.empty() ? "" : fmt::format(" PORT=\"{}\"", port); }

/// What makes a cell something that can be pointed to: its id in the SVG is "a_" and its name, and that is where its
/// link leads.
std::string link_attributes(const Cell& cell) {
  if (cell.name.empty()) return {};
  return fmt::format(R"( ID="{0}" HREF="#a_{0}" TITLE="{1}")", cell.name, escaped(shown_tooltip(cell.tooltip)));
}

std::string text_of(const Cell& cell, const TextShape& shape, std::string_view colour) {
  constexpr std::string_view kLineEnd = R"(<BR ALIGN="LEFT"/>)";
  const ShownText shown = shown_text(cell, shape);
  std::string text;
  for (const std::string& line : shown.title) text += fmt::format("<B>{}</B>{}", escaped(line), kLineEnd);
  for (const std::string& line : shown.details)
    text += fmt::format("<FONT POINT-SIZE=\"9\">{}</FONT>{}", escaped(line), kLineEnd);
  return text.empty() ? std::string(" ") : fmt::format("<FONT COLOR=\"{}\">{}</FONT>", colour, text);
}

/// `shape` says how high it is.
std::string tag_cell(const Tag& tag, std::string_view shape, Theme theme) {
  return fmt::format(
      R"(<TD WIDTH="{}"{} BGCOLOR="{}" COLOR="{}" BORDER="1"><FONT COLOR="#ffffff" POINT-SIZE="8"><B>{}</B></FONT></TD>)",
      kTagWidth, shape, kHueFills[static_cast<std::size_t>(tag.hue)], paint_of(Look::Plain, theme).fill,
      escaped(shown_line(tag.text)));
}

std::string quiet_cell(std::string_view text, std::string_view port, Theme theme) {
  const std::string line = escaped(shown_line(text));
  return fmt::format(R"(<TD{} WIDTH="22">{}</TD>)", point_attribute(port),
                     line.empty() ? std::string(" ")
                                  : fmt::format(R"(<FONT COLOR="{}" POINT-SIZE="9">{}</FONT>)",
                                                paint_of(Look::Quiet, theme).text, line));
}

/// Plain cells have no outline of their own: the node's is enough.
bool stands_out(Look look) { return look != Look::Plain && look != Look::Quiet && look != Look::Unchanged; }

/// How a cell is drawn in its place.
struct CellPlace {
  unsigned width = 0, height = 0;  ///< of its text at least
  std::size_t number = 0;          ///< of its ports
};

std::string height_attribute(unsigned height) { return height == 0 ? "" : fmt::format(R"( HEIGHT="{}")", height); }

std::string body_cell(const Cell& cell, const CellPlace& place, const TextShape& shape, Theme theme) {
  const LookRule& rule = rule_of(cell.look);
  const Paint& paint = paint_of(cell.look, theme);
  // Filled even where nobody sees it: what has no area cannot be pointed at, nor lit up by a page.
  const std::string outline = stands_out(cell.look)
                                  ? fmt::format(R"( BGCOLOR="{}" COLOR="{}" BORDER="{}" STYLE="{}")", paint.fill,
                                                paint.line, outline_width(cell.look), rule.style)
                              : cell.name.empty() ? ""
                                                  : fmt::format(R"( BGCOLOR="{}")", paint_of(Look::Plain, theme).fill);
  return fmt::format(R"(<TD PORT="c{}"{}{} WIDTH="{}"{}{} ALIGN="LEFT" BALIGN="LEFT">{}</TD>)", place.number,
                     link_attributes(cell), cell.tag.text.empty() ? R"( COLSPAN="2")" : "",
                     cell.tag.text.empty() ? place.width + kTagWidth : place.width, height_attribute(place.height),
                     outline, text_of(cell, shape, paint.text));
}

std::string row_cells(const Cell& cell, std::string_view slot, const CellPlace& place, const TextShape& shape,
                      Theme theme) {
  return quiet_cell(slot, fmt::format("w{}", place.number), theme) + quiet_cell(cell.label, "", theme) +
         (cell.tag.text.empty() ? "" : tag_cell(cell.tag, "", theme)) + body_cell(cell, place, shape, theme);
}

std::string sample_of(const Key& key, Theme theme) {
  if (key.sample == Key::Sample::Tag) return tag_cell(key.tag, kSampleShape, theme);
  const LookRule& rule = rule_of(key.look);
  const Paint& paint = paint_of(key.look, theme);
  if (key.sample == Key::Sample::Line)
    return fmt::format(R"(<TD><FONT COLOR="{}"><B>{}</B></FONT></TD>)", paint.line,
                       rule.style == "solid"    ? "———"
                       : rule.style == "dashed" ? "– – –"
                                                : "· · · ·");
  return fmt::format(R"(<TD WIDTH="{}"{} BGCOLOR="{}" COLOR="{}" BORDER="2" STYLE="{}"> </TD>)", kTagWidth,
                     kSampleShape, paint.fill, paint.line, rule.style);
}

std::string legend_of(const Graph& graph, Theme theme) {
  std::string rows;
  for (std::size_t i = 0; i < graph.legend.size(); ++i) {
    if (i % kKeysPerLine == 0) rows += i == 0 ? "<TR>" : "</TR><TR>";
    rows += sample_of(graph.legend[i], theme);
    rows += fmt::format(R"(<TD ALIGN="LEFT"><FONT POINT-SIZE="9" COLOR="{}">{}</FONT></TD>)",
                        paint_of(Look::Plain, theme).text, escaped(shown_line(graph.legend[i].text)));
  }
  if (rows.empty()) return {};
  return fmt::format(
      R"(<TR><TD ALIGN="LEFT"><TABLE BORDER="1" COLOR="{}" CELLBORDER="0" CELLSPACING="3" CELLPADDING="2">{}</TR></TABLE></TD></TR>)",
      paint_of(Look::Quiet, theme).line, rows);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    const auto escape = std::ranges::find(kEscapes, text[0], &Escape::character);
    if (length == 0)
      safe += kReplacement;
    else if (escape != kEscapes.end())
      safe += escape->markup;
    else
      safe += report::printable(sequence);
    text.remove_prefix(sequence.size());
  }
  return safe;
}

std::string shown_line(std::string_view text) { return report::fit(report::printable(text), kLineColumnsMax, kCut); }

std::string shown_tooltip(std::string_view text) {
  if (text.size() <= kTooltipBytesMax) return std::string(text);
  return fmt::format("{}{} ({} bytes in all)", text.substr(0, kTooltipBytesMax), kCut, text.size());
}

std::string label_of(const Node& node, const NodePlan& plan, const TextShape& shape, Theme theme) {
  const LookRule& rule = rule_of(node.look);
  const Paint& outline = paint_of(node.look, theme);
  const Paint& heading = paint_of(node.heading.look, theme);
  std::string rows =
      fmt::format(R"(<TR><TD PORT="h"{} WIDTH="{}"{}{} ALIGN="LEFT" BALIGN="LEFT" BGCOLOR="{}">{}</TD>)",
                  link_attributes(node.heading), plan.heading_width, height_attribute(plan.height),
                  plan.flat ? "" : R"( COLSPAN="4")", heading.fill, text_of(node.heading, shape, heading.text));
  CellPlace place{.width = plan.body_width};
  for (const Row& row : node.rows) {
    for (const Cell& cell : row.cells) {
      if (!plan.flat) rows += "</TR><TR>";
      if (!plan.cell_heights.empty()) place.height = plan.cell_heights[place.number];
      rows += row_cells(cell, &cell == &row.cells.front() ? row.label : "", place, shape, theme);
      ++place.number;
    }
  }
  return fmt::format(
      R"(<TABLE BORDER="{}" COLOR="{}" BGCOLOR="{}" STYLE="{}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{}</TR></TABLE>)",
      outline_width(node.look), outline.line, paint_of(Look::Plain, theme).fill, rule.style, rows);
}

std::string label_of(const Box& box, Theme theme) {
  std::string text = fmt::format("<B>{}</B>", escaped(shown_line(box.label)));
  if (!box.remark.empty())
    text += fmt::format(R"(<BR/><FONT POINT-SIZE="9">{}</FONT>)", escaped(shown_line(box.remark)));
  return fmt::format("<FONT COLOR=\"{}\">{}</FONT>", paint_of(box.look, theme).text, text);
}

std::string heading_of(const Graph& graph, Theme theme) {
  const Paint& plain = paint_of(Look::Plain, theme);
  std::string rows = fmt::format(R"(<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="18" COLOR="{}"><B>{}</B></FONT></TD></TR>)",
                                 plain.text, escaped(shown_line(graph.title)));
  const auto add_line = [&](std::string_view line, std::string_view colour) {
    rows += fmt::format(R"(<TR><TD ALIGN="LEFT"><FONT COLOR="{}">{}</FONT></TD></TR>)", colour, escaped(line));
  };
  if (!graph.subtitle.empty()) add_line(graph.subtitle, plain.text);
  for (const std::string& warning : graph.warnings)
    for (const std::string& line : wrapped(warning, kWarningColumns, kWarningLinesMax))
      add_line(line, paint_of(Look::Lost, theme).text);
  return fmt::format(R"(<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2">{}{}</TABLE>)", rows,
                     legend_of(graph, theme));
}

}  // namespace busproof::viz
