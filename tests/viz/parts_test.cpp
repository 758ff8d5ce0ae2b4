#include "viz/parts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace busproof::viz {
namespace {

using testing::ElementsAre;

/// A bus with slots of two functions each.
Graph bus_of(int slots) {
  Node node{.heading = {.name = "bus", .lines = {"bus 0", "root"}, .tooltip = "bus 0"}, .look = Look::Express};
  for (int i = 0; i < slots; ++i)
    node.rows.push_back({fmt::format("{:02x}", i),
                         {{.name = fmt::format("{}.0", i), .lines = {"device", "of a slot"}},
                          {.name = fmt::format("{}.1", i), .lines = {"device", "of a slot"}}}});
  Graph graph;
  graph.nodes = {node};
  return graph;
}

std::vector<std::string> names_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.heading.name);
  return names;
}

TEST(Parts, LeaveABusThatIsNotTallAsItIs) { EXPECT_EQ(in_parts(bus_of(16)), bus_of(16)); }

TEST(Parts, OfATallBusHoldItsSlotsInTheirOrderAndWhole) {
  const Graph tall = bus_of(100), cut = in_parts(tall);
  EXPECT_THAT(names_of(cut), ElementsAre("bus", "bus+2", "bus+3", "bus+4", "bus+5"));
  std::vector<Row> rows;
  for (const Node& node : cut.nodes) {
    EXPECT_EQ(node.rows.size(), 20U);
    rows.insert(rows.end(), node.rows.begin(), node.rows.end());
  }
  EXPECT_EQ(rows, tall.nodes[0].rows);
}

TEST(Parts, SayWhatTheyArePartsOfAndFollowEachOther) {
  const Graph cut = in_parts(bus_of(100));
  EXPECT_THAT(cut.nodes[1].heading.lines, ElementsAre("bus 0", "continued"));
  EXPECT_EQ(cut.nodes[1].look, Look::Express);
  ASSERT_EQ(cut.edges.size(), 4U);
  EXPECT_EQ(cut.edges[1].from, "bus+2");
  EXPECT_EQ(cut.edges[1].to, "bus+3");
  EXPECT_EQ(cut.edges[1].kind, EdgeKind::Onward);
}

TEST(Parts, AreEquallyHighTogetherWithWhatHangsOnThem) {
  Graph tall = bus_of(100);
  for (int i = 0; i < 50; ++i) {
    tall.nodes.push_back({.heading = {.name = fmt::format("below {}", i), .lines = {"bus"}},
                          .rows = {{"00", {{.name = fmt::format("below {}.0", i), .lines = {"a", "b"}}}},
                                   {"01", {{.name = fmt::format("below {}.1", i), .lines = {"a", "b"}}}}}});
    tall.edges.push_back({.from = fmt::format("{}.0", i), .to = fmt::format("below {}", i)});
  }
  const Graph cut = in_parts(tall);
  EXPECT_LT(cut.nodes[0].rows.size(), 30U);
  EXPECT_EQ(std::ranges::count(cut.edges, EdgeKind::Link, &Edge::kind), 50);
}

}  // namespace
}  // namespace busproof::viz
