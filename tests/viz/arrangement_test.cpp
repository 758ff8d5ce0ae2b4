#include "viz/arrangement.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace busproof::viz {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Cell cell(const std::string& name) {
  return {.name = name, .label = ".0", .tag = {"NET", Hue::Network}, .lines = {name}};
}

/// A bus on which so many devices sit: "NAME.0", "NAME.1" …
Node bus(const std::string& name, int devices) {
  Node node{.heading = {.name = name, .lines = {name}}};
  for (int i = 0; i < devices; ++i)
    node.rows.push_back({fmt::format("{:02x}", i), {cell(fmt::format("{}.{}", name, i))}});
  return node;
}

/// A root with so many buses on it, each with as many devices as said.
Graph fan(int buses, int devices) {
  Graph graph;
  graph.nodes.push_back(bus("root", buses));
  for (int i = 0; i < buses; ++i) {
    graph.nodes.push_back(bus(fmt::format("bus {}", i), devices));
    graph.edges.push_back({.from = fmt::format("root.{}", i), .to = fmt::format("bus {}", i)});
  }
  return graph;
}

std::size_t columns_of(const Arrangement& plan) {
  std::size_t last = 0;
  for (const NodePlan& node : plan.nodes) last = std::max(last, node.column);
  return last;
}

TEST(Arrangement, PutsABusToTheRightOfWhatMakesIt) {
  Graph graph = fan(2, 1);
  graph.nodes.push_back(bus("below", 3));
  graph.edges.push_back({.from = "bus 1.0", .to = "below"});
  const Arrangement plan = arrange(graph);
  EXPECT_EQ(plan.nodes[0].column, 0U);
  EXPECT_EQ(plan.nodes[1].column, 1U);
  EXPECT_EQ(plan.nodes[3].column, 2U);
}

TEST(Arrangement, MakesABusFlatThatHasOneDeviceAndLeadsNoFurther) {
  Graph graph = fan(3, 1);
  graph.nodes[2] = bus("bus 1", 2);
  graph.nodes.push_back(bus("below", 0));
  graph.edges.push_back({.from = "bus 2.0", .to = "below"});
  const Arrangement plan = arrange(graph);
  EXPECT_TRUE(plan.nodes[1].flat);
  EXPECT_FALSE(plan.nodes[0].flat);
  EXPECT_FALSE(plan.nodes[2].flat);
  EXPECT_FALSE(plan.nodes[3].flat);
  EXPECT_TRUE(plan.nodes[4].flat);
}

TEST(Arrangement, StandsInSeveralColumnsWhatWouldBeATower) {
  EXPECT_EQ(columns_of(arrange(fan(32, 1))), 1U);
  EXPECT_EQ(columns_of(arrange(fan(30, 8))), 3U);
  EXPECT_EQ(columns_of(arrange(fan(125, 8))), 6U);
}

TEST(Arrangement, MakesTheNodesOfAColumnEquallyWide) {
  Graph graph = fan(3, 1);
  graph.nodes[2].rows[0].cells[0].lines = {"interface 52:54:00:00:00:01 · enp1s0", "virtio"};
  graph.nodes[3] = bus("bus 2", 2);
  const Arrangement plan = arrange(graph);
  EXPECT_EQ(plan.nodes[1].heading_width, plan.nodes[2].heading_width);
  EXPECT_EQ(plan.nodes[1].body_width, plan.nodes[2].body_width);
  const unsigned labels = plan.nodes[3].heading_width - plan.nodes[3].body_width;
  EXPECT_EQ(plan.nodes[3].heading_width, plan.nodes[2].heading_width + plan.nodes[2].body_width + labels);
  EXPECT_LT(plan.nodes[0].body_width, plan.nodes[3].body_width);
}

TEST(Arrangement, NamesTheLastOfWhatHangsNotTogetherFirst) {
  Graph graph = fan(1, 1);
  graph.nodes.push_back(bus("beside", 1));
  graph.nodes.push_back(bus("boxed", 1));
  graph.boxes.push_back({.name = "box"});
  graph.nodes[1].box = graph.nodes[3].box = 0;
  EXPECT_THAT(arrange(graph).order, ElementsAre(2, 0, 1, 3));
}

TEST(Arrangement, LeavesRoomWhereEdgesClimb) { EXPECT_LT(arrange(fan(2, 1)).gap, arrange(fan(30, 1)).gap); }

TEST(Arrangement, OfNothingIsNothing) { EXPECT_THAT(arrange({}).nodes, IsEmpty()); }

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_THAT(wrapped("one two three", 8, 3), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one", 8, 3), ElementsAre("one"));
  EXPECT_THAT(wrapped("", 8, 3), ElementsAre(""));
}

TEST(Wrapped, BreaksWordsThatAreLongerThanALine) {
  EXPECT_THAT(wrapped("a abcdefghijklmnopqr z", 8, 5), ElementsAre("a", "abcdefgh", "ijklmnop", "qr z"));
}

TEST(Wrapped, CutsOffWhatHasNoPlaceAndSaysSo) {
  EXPECT_THAT(wrapped("one two three four", 8, 2), ElementsAre("one two", "three f…"));
  EXPECT_THAT(wrapped(std::string(99, 'x'), 8, 2), ElementsAre("xxxxxxxx", "xxxxxxx…"));
}

TEST(ShownText, KeepsTheTitleInOneLineAndBreaksTheRest) {
  const ShownText shown = shown_text({.lines = {"title", "", "a b", std::string(60, 'x')}});
  EXPECT_EQ(shown.title, "title");
  EXPECT_THAT(shown.details, ElementsAre("a b", std::string(54, 'x'), std::string(6, 'x')));
}

}  // namespace
}  // namespace busproof::viz
