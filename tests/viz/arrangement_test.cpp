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
  EXPECT_EQ(columns_of(arrange(fan(30, 8))), 5U);
  EXPECT_EQ(columns_of(arrange(fan(125, 8))), 9U);
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

TEST(Arrangement, LeavesRoomWhereEdgesClimb) { EXPECT_LT(arrange(fan(2, 2)).gap, arrange(fan(30, 2)).gap); }

TEST(Arrangement, StandsAPortInLineWithTheOnlyDeviceBehindIt) {
  const Arrangement plan = arrange(fan(3, 1));
  const unsigned outlines = 2, gap = 6;
  ASSERT_EQ(plan.nodes[0].cell_heights.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(plan.nodes[0].cell_heights[i], plan.nodes[i + 1].height + outlines + gap);
  EXPECT_LT(arrange(fan(3, 2)).nodes[0].cell_heights[0], plan.nodes[0].cell_heights[0]);
}

TEST(Arrangement, PutsPartsWithManyColumnsBelowEachOther) {
  Graph graph = fan(30, 8);
  graph.nodes.push_back(bus("root+2", 1));
  graph.edges.push_back({.from = "root", .to = "root+2", .kind = EdgeKind::Onward});
  const Arrangement plan = arrange(graph);
  EXPECT_EQ(plan.nodes.back().column, 0U);
  EXPECT_EQ(plan.edges.back().span, 0U);
}

/// Each bus with a bridge to the next and a device beside it.
Graph chain(int depth) {
  Graph graph;
  for (int i = 0; i <= depth; ++i) {
    graph.nodes.push_back(bus(fmt::format("bus {}", i), 2));
    if (i > 0) graph.edges.push_back({.from = fmt::format("bus {}.0", i - 1), .to = fmt::format("bus {}", i)});
  }
  for (Node& node : graph.nodes) node.rows[1].cells[0].lines = {"interface 52:54:00:00:00:01", "virtio"};
  return graph;
}

TEST(Arrangement, LetsADeepChainTurnWhereItWouldBeWide) {
  for (const int depth : {6, 9, 12, 30}) {
    const Arrangement plan = arrange(chain(depth));
    EXPECT_EQ(columns_of(plan), 4U) << depth;
    std::size_t turns = 0;
    for (int i = 0; i < depth; ++i) {
      const std::size_t edge = static_cast<std::size_t>(i);
      const std::size_t from = plan.nodes[edge].column, to = plan.nodes[edge + 1].column;
      EXPECT_EQ(to, plan.edges[edge].turns ? 1 : from + 1);
      turns += plan.edges[edge].turns ? 1 : 0;
    }
    EXPECT_EQ(turns, static_cast<std::size_t>((depth - 1) / 4)) << depth;
    EXPECT_EQ(plan.guides.size(), turns);
  }
}

TEST(Arrangement, TurnsNothingThatHasRoom) {
  const Arrangement plan = arrange(chain(4));
  EXPECT_EQ(columns_of(plan), 4U);
  EXPECT_EQ(std::ranges::count(plan.edges, true, &EdgePlan::turns), 0);
}

TEST(Arrangement, TurnsAsFewLinksAsItCan) {
  Graph graph = chain(6);
  // Four more buses on the fifth: one link turns, to that bus, not five on it.
  graph.nodes[4] = bus("bus 4", 6);
  for (int i = 2; i < 6; ++i) {
    graph.nodes.push_back(bus(fmt::format("leaf {}", i), 2));
    graph.edges.push_back({.from = fmt::format("bus 4.{}", i), .to = fmt::format("leaf {}", i)});
  }
  const Arrangement plan = arrange(graph);
  EXPECT_EQ(std::ranges::count(plan.edges, true, &EdgePlan::turns), 1);
  EXPECT_TRUE(plan.edges[3].turns);
}

TEST(Arrangement, PutsPartsOfABusSideBySideWithWhatHangsOnThem) {
  Graph graph = fan(4, 1);
  graph.nodes.push_back(bus("root+2", 1));
  graph.nodes.push_back(bus("below", 1));
  graph.edges.push_back({.from = "root", .to = "root+2", .kind = EdgeKind::Onward});
  graph.edges.push_back({.from = "root+2.0", .to = "below"});
  const Arrangement plan = arrange(graph);
  EXPECT_EQ(plan.nodes[5].column, 2U);
  EXPECT_EQ(plan.edges[4].span, 2U);
  EXPECT_EQ(plan.nodes[6].column, 3U);
}

TEST(Arrangement, OfNothingIsNothing) { EXPECT_THAT(arrange({}).nodes, IsEmpty()); }

}  // namespace
}  // namespace busproof::viz
