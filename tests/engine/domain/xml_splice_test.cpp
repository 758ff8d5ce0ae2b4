#include "engine/domain/xml_splice.h"

#include <gtest/gtest.h>

namespace busproof::domain {
namespace {

TEST(WithSplices, IsTheTextWhereThereIsNone) { EXPECT_EQ(with_splices("abc", {}), "abc"); }

TEST(WithSplices, InsertsReplacesAndRemoves) {
  EXPECT_EQ(with_splices("abcdef", {{5, 1, "Z"}, {0, 0, "<"}, {6, 0, ">"}, {1, 2, ""}, {3, 1, "longer"}}),
            "<alongereZ>");
}

TEST(WithSplices, KeepsTheOrderOfWhatIsInsertedAtOneOffset) {
  EXPECT_EQ(with_splices("ab", {{1, 0, "1"}, {1, 0, "2"}, {1, 0, "3"}}), "a123b");
}

TEST(WithSplices, InsertsBeforeWhatItReplaces) { EXPECT_EQ(with_splices("ab", {{1, 1, "B"}, {1, 0, "+"}}), "a+B"); }

}  // namespace
}  // namespace busproof::domain
