#include "viz/measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace busproof::viz {
namespace {

using testing::ElementsAre;

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
  const ShownText shown = shown_text({.lines = {"title", "", "a b", std::string(60, 'x')}}, kWideText);
  EXPECT_THAT(shown.title, ElementsAre("title"));
  EXPECT_THAT(shown.details, ElementsAre("a b", std::string(54, 'x'), std::string(6, 'x')));
}

TEST(ShownText, BreaksTitlesTooWhereThereIsLittleRoom) {
  const ShownText shown = shown_text({.lines = {"interface 52:54:00:00:00:01 of a guest"}}, kNarrowText);
  EXPECT_THAT(shown.title, ElementsAre("interface 52:54:00:00:00:01", "of a guest"));
}

TEST(Measures, OfANodeAreThoseOfItsHeadingAndCells) {
  const Node node{.heading = {.lines = {"bus 1"}}, .rows = {{"00", {{.lines = {"net0", "virtio"}}}}}};
  EXPECT_GT(height_of(node, kWideText, false), height_of(node, kWideText, true));
  EXPECT_LT(width_of(node, kWideText, false), width_of(node, kWideText, true));
  EXPECT_EQ(height_of(node, kWideText, true), height_of(node.rows[0], kWideText));
  EXPECT_EQ(cell_count(node), 1U);
}

}  // namespace
}  // namespace busproof::viz
