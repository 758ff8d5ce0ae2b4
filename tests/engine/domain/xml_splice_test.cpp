#include "engine/domain/xml_splice.h"

#include <gtest/gtest.h>

namespace busproof::domain {
namespace {

struct Change {
  std::size_t offset, length;
  const char* text;
};

std::string spliced(std::string_view text, const std::vector<Change>& changes) {
  Splices splices(0);
  for (const Change& change : changes) splices.add(change.offset, change.length, change.text);
  return splices.made_in(text);
}

TEST(Splices, LeaveTheTextWhereThereIsNone) { EXPECT_EQ(spliced("abc", {}), "abc"); }

TEST(Splices, InsertReplaceAndRemove) {
  EXPECT_EQ(spliced("abcdef", {{5, 1, "Z"}, {0, 0, "<"}, {6, 0, ">"}, {1, 2, ""}, {3, 1, "longer"}}), "<alongereZ>");
}

TEST(Splices, KeepTheOrderOfWhatIsInsertedAtOneOffset) {
  EXPECT_EQ(spliced("ab", {{1, 0, "1"}, {1, 0, "2"}, {1, 0, "3"}}), "a123b");
}

TEST(Splices, KeepThatOrderAlsoWhereTheyComeUnordered) {
  EXPECT_EQ(spliced("ab", {{2, 0, "!"}, {1, 0, "1"}, {1, 0, ""}, {1, 0, "2"}}), "a12b!");
}

TEST(Splices, InsertBeforeWhatTheyReplace) { EXPECT_EQ(spliced("ab", {{1, 1, "B"}, {1, 0, "+"}}), "a+B"); }

}  // namespace
}  // namespace busproof::domain
