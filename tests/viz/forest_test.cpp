#include "viz/forest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace busproof::viz {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Nodes "0", "1" … with cells "0.0", "0.1" each.
Graph separate_nodes(int count) {
  Graph graph;
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    graph.nodes.push_back({.heading = {.name = name}, .rows = {{"", {{.name = name + ".0"}, {.name = name + ".1"}}}}});
  }
  return graph;
}

TEST(Forest, HangsNodesOnTheCellsThatLinksStartFromInTheirOrder) {
  Graph graph = separate_nodes(3);
  graph.edges = {{.from = "0.1", .to = "2"}, {.from = "0.0", .to = "1"}};
  const Forest forest = forest_of(graph);
  EXPECT_THAT(forest.children[0], ElementsAre(1, 0));
  EXPECT_EQ(forest.parent[0], std::nullopt);
  EXPECT_EQ(forest.parent[2], 0U);
}

TEST(Forest, TakesArrowsForNoLinksAndKeepsPartsApart) {
  Graph graph = separate_nodes(3);
  graph.edges = {{.from = "0.0", .to = "1.0", .kind = EdgeKind::Arrow},
                 {.from = "0", .to = "2", .kind = EdgeKind::Onward}};
  const Forest forest = forest_of(graph);
  EXPECT_THAT(forest.children[0], IsEmpty());
  EXPECT_EQ(forest.parent[1], std::nullopt);
  EXPECT_EQ(forest.next[0], 1U);
  EXPECT_EQ(forest.parent[2], 1U);
}

TEST(Forest, HasNoCirclesAndNoSecondParents) {
  Graph graph = separate_nodes(3);
  graph.edges = {
      {.from = "0.0", .to = "1"}, {.from = "1.0", .to = "0"}, {.from = "2.0", .to = "1"}, {.from = "2.1", .to = "2"}};
  const Forest forest = forest_of(graph);
  EXPECT_EQ(forest.parent[0], std::nullopt);
  EXPECT_EQ(forest.parent[1], 0U);
  EXPECT_EQ(forest.parent[2], std::nullopt);
  EXPECT_THAT(forest.children[2], IsEmpty());
}

}  // namespace
}  // namespace busproof::viz
