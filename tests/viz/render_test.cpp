#include "viz/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "viz/graph.h"

namespace busproof::viz {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

Graph one_device(const std::string& text) {
  Graph graph{.title = text, .subtitle = "one device"};
  Cell cell{.name = "device", .label = ".0", .tag = {"NET", Hue::Network}, .lines = {text, text}, .tooltip = text};
  graph.boxes.push_back({.name = "box", .label = text, .tooltip = text, .tint = 0});
  Node node{.heading = {.name = "bus-0", .lines = {text}, .tooltip = text}, .rows = {{"01", {cell}}}, .box = 0};
  Node below{.heading = {.name = "bus-1", .lines = {text}}};
  graph.nodes = {node, below};
  graph.edges.push_back({.from = "device", .to = "bus-1", .tooltip = text});
  graph.warnings = {text};
  graph.legend.push_back({Key::Sample::Cell, {}, Look::Plain, text});
  return graph;
}

std::string rendered(const Graph& graph, Format format, Theme theme = Theme::Light) {
  const auto picture = render(graph, format, theme);
  EXPECT_TRUE(picture.has_value()) << picture.error().message;
  return picture ? picture->bytes : std::string();
}

pugi::xml_document parsed(const std::string& svg) {
  pugi::xml_document document;
  const auto result = document.load_string(svg.c_str(), pugi::parse_full);
  EXPECT_TRUE(result) << result.description() << " at " << result.offset << " of " << svg;
  return document;
}

std::string title_of_device(const pugi::xml_document& svg) {
  return svg.select_node("//*[@id='a_device']/*[local-name()='a']").node().attribute("xlink:title").value();
}

TEST(Render, MakesEveryFormat) {
  const Graph graph = one_device("net0");
  EXPECT_THAT(rendered(graph, Format::Dot), StartsWith("digraph busproof {"));
  EXPECT_THAT(rendered(graph, Format::Svg), StartsWith("<?xml"));
  EXPECT_THAT(rendered(graph, Format::Png), StartsWith("\x89PNG"));
  EXPECT_THAT(rendered(graph, Format::Pdf), StartsWith("%PDF"));
}

TEST(Render, LinksADeviceToItsNameAndSaysAllOfItInATooltip) {
  const auto svg = parsed(rendered(one_device("net0"), Format::Svg));
  const auto link = svg.select_node("//*[@id='a_device']/*[local-name()='a']").node();
  EXPECT_STREQ(link.attribute("xlink:href").value(), "#a_device");
  EXPECT_STREQ(link.attribute("xlink:title").value(), "net0");
  EXPECT_TRUE(svg.select_node("//*[@id='bus-0']").node());
  EXPECT_TRUE(svg.select_node("//*[@id='edge-bus-1']").node());
  EXPECT_TRUE(svg.select_node("//*[@id='box']").node());
}

TEST(Render, GivesTheSameBytesAgain) {
  const Graph graph = one_device("net0");
  for (const Format format : {Format::Dot, Format::Svg}) EXPECT_EQ(rendered(graph, format), rendered(graph, format));
  EXPECT_THAT(rendered(graph, Format::Svg), Not(HasSubstr("enerated by")));
}

TEST(Render, KeepsTheOrderOfBoxesWhereverTheirNamesLieInMemory) {
  Graph graph;
  for (int i = 0; i < 40; ++i) {
    // Names of changing lengths fill the gaps that earlier ones have left.
    const std::string name = std::string(static_cast<std::size_t>(7 * i % 40), 'x') + std::to_string(i);
    graph.boxes.push_back({.name = name});
    graph.nodes.push_back({.heading = {.name = "n" + name}, .box = static_cast<std::size_t>(i)});
  }
  for (int round = 0; round < 3; ++round) {
    const std::string dot = rendered(graph, Format::Dot);
    std::size_t at = 0;
    for (const Box& box : graph.boxes) {
      const std::size_t found = dot.find("cluster_" + box.name, at);
      ASSERT_NE(found, std::string::npos) << box.name << " in round " << round;
      at = found;
    }
  }
}

TEST(Render, TakesTextForTextWhateverIsInIt) {
  const std::array<std::string_view, 12> kTexts = {"\"quoted\" 'twice'",
                                                   "<b>bold</b>",
                                                   "a & b &amp; &lt; &#60; &nbsp;",
                                                   "{a|b}",
                                                   "back\\slash \\N \\G \\n \\",
                                                   "</text><script>alert(1)</script>",
                                                   "javascript:alert(1)",
                                                   "--> ]]> <!--",
                                                   "%3 %s %n",
                                                   "日本語 é",
                                                   ">",
                                                   "$(x)`y`"};
  for (const std::string_view text : kTexts) {
    const auto svg = parsed(rendered(one_device(std::string(text)), Format::Svg));
    EXPECT_EQ(title_of_device(svg), text);
    const auto words = svg.select_node("//*[@id='a_device']//*[local-name()='text']").node().text().get();
    EXPECT_EQ(std::string_view(words), text);
    EXPECT_TRUE(svg.select_nodes("//*[local-name()='script']").empty()) << text;
    for (const auto& link : svg.select_nodes("//@*[local-name()='href']"))
      EXPECT_THAT(link.attribute().value(), StartsWith("#a_"));
  }
}

TEST(Render, KeepsTheLinesOfATooltip) {
  Graph graph = one_device("net0");
  graph.nodes[0].rows[0].cells[0].tooltip = "net0\nvirtio";
  EXPECT_THAT(rendered(graph, Format::Svg), HasSubstr("net0&#10;virtio"));
}

TEST(Render, MakesBrokenAndInvisibleBytesVisible) {
  using std::string_literals::operator""s;
  for (const std::string& text :
       {"\xff\xfe"s, "\xc3"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xc0\xaf"s, "\xef\xbf\xbf"s}) {
    const auto svg = parsed(rendered(one_device("a" + text + "b"), Format::Svg));
    EXPECT_THAT(title_of_device(svg), testing::MatchesRegex("a(\xEF\xBF\xBD)+b"));
  }
  EXPECT_EQ(title_of_device(parsed(rendered(one_device("a\x01\x1b[31m\x7f\0b"s), Format::Svg))), "a??[31m??b");
}

TEST(Render, ShortensWhatNobodyReadsAndSaysSo) {
  const std::string name(10'000, 'x');
  const std::string svg = rendered(one_device(name), Format::Svg);
  const auto document = parsed(svg);
  const auto words = document.select_node("//*[@id='a_device']//*[local-name()='text']").node().text().get();
  EXPECT_EQ(std::string_view(words), std::string(55, 'x') + "…");
  EXPECT_THAT(title_of_device(document), testing::EndsWith("… (10000 bytes in all)"));
}

TEST(Render, HasAThemeForDarkPages) {
  const std::string svg = rendered(one_device("net0"), Format::Svg, Theme::Dark);
  EXPECT_THAT(svg, HasSubstr("fill=\"#14171a\""));
  EXPECT_THAT(svg, Not(HasSubstr("fill=\"#ffffff\" stroke")));
}

/// Buses one below the other, each with a bridge to the next.
Graph bridges_below_each_other(int depth) {
  Graph graph;
  for (int i = 0; i <= depth; ++i) {
    const std::string name = "bus-" + std::to_string(i);
    Cell cell{.name = name + ".0", .lines = {"interface 52:54:00:00:00:01", "virtio"}};
    graph.nodes.push_back({.heading = {.name = name, .lines = {name}}, .rows = {{"00", {cell, {.lines = {"x"}}}}}});
    if (i > 0) graph.edges.push_back({.from = "bus-" + std::to_string(i - 1) + ".0", .to = name});
  }
  return graph;
}

double inches_wide(const Graph& graph) {
  return parsed(rendered(graph, Format::Svg)).document_element().attribute("width").as_double() / 72;
}

TEST(Render, DrawsAChainOfAnyDepthOnAPageOfUsefulWidth) {
  for (const int depth : {3, 6, 9, 12, 40}) {
    const Graph graph = bridges_below_each_other(depth);
    EXPECT_LT(inches_wide(graph) * 96, 2100) << depth;
    const auto svg = parsed(rendered(graph, Format::Svg));
    EXPECT_EQ(svg.select_nodes("//*[@class='edge']").size(), static_cast<std::size_t>(depth));
    for (const Edge& edge : graph.edges)
      EXPECT_TRUE(svg.select_node(("//*[@id='edge-" + edge.to + "']//*[local-name()='path']").c_str())) << edge.to;
  }
}

/// Of a PNG.
unsigned number_at(const std::string& png, std::size_t at) {
  unsigned number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = 256 * number + static_cast<unsigned char>(png.at(at + i));
  return number;
}
unsigned width_of_png(const std::string& png) { return number_at(png, 16); }
unsigned height_of_png(const std::string& png) { return number_at(png, 20); }

TEST(Render, GivesAPng96DotsPerInchAndFewerWhereItIsVeryLarge) {
  const Graph small = one_device("net0");
  EXPECT_NEAR(width_of_png(rendered(small, Format::Png)), 96 * inches_wide(small), 2);
  Graph large;
  for (int i = 0; i < 500; ++i)
    large.nodes.push_back({.heading = {.name = std::to_string(i), .lines = {std::string(50, 'm'), "x"}}});
  const unsigned width = width_of_png(rendered(large, Format::Png));
  EXPECT_LT(width, 90 * inches_wide(large));
  EXPECT_GT(width, 71 * inches_wide(large));
}

TEST(Render, MakesTheSameSvgForAnIndexWithASmallPictureBesideIt) {
  for (const int depth : {0, 5, 40}) {
    const Graph graph = bridges_below_each_other(depth);
    const auto pictures = render_for_index(graph);
    ASSERT_TRUE(pictures.has_value()) << pictures.error().message;
    EXPECT_EQ(pictures->svg.bytes, rendered(graph, Format::Svg));
    EXPECT_THAT(pictures->thumbnail, StartsWith("\x89PNG"));
    EXPECT_LE(width_of_png(pictures->thumbnail), 460U);
    EXPECT_LE(height_of_png(pictures->thumbnail), 300U);
  }
}

TEST(Render, DrawsAGraphWithNothingInIt) {
  parsed(rendered({}, Format::Svg));
  EXPECT_THAT(rendered({}, Format::Png), StartsWith("\x89PNG"));
}

}  // namespace
}  // namespace busproof::viz
