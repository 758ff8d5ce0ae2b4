#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST(Diff, SaysWhereAMovedCardWasAndWhatComesOfIt) {
  const Folder folder;
  folder.write("old.xml", card_on_bus("1"));
  folder.write("new.xml", card_on_bus("2"));
  const Ran ran = folder.run("diff old.xml new.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, StartsWith("new.xml:12:5: error: interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> 0000:02:00.0 "
                                  "[BP101 device-moved]\n"));
  EXPECT_THAT(ran.out, HasSubstr("enp1s0 becomes enp2s0"));
  EXPECT_THAT(ran.out, HasSubstr("in 1 domain\n"));
}

TEST(Diff, FindsNothingBetweenAConfigAndItself) {
  const Folder folder;
  folder.write("old.xml", card_on_bus("1"));
  const Ran ran = folder.run("diff old.xml old.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, MatchesRegex("0 errors, 0 warnings, 0 infos; [0-9]+ rules on [0-9]+ devices in 1 domain\n"));
}

TEST(Diff, IsDataWhenAskedFor) {
  const Folder folder;
  folder.write("old.xml", card_on_bus("1"));
  folder.write("new.xml", card_on_bus("2"));
  const Ran ran = folder.run("diff --format json old.xml new.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr(R"("rule": "BP101")"));
  EXPECT_THAT(ran.out, HasSubstr(R"("line": 12)"));
}

TEST(Diff, RefusesToCompareWhatLibvirtRefusesToDefine) {
  const Folder folder;
  folder.write("old.xml", card_on_bus("1"));
  folder.write("new.xml", refused_guest());
  const Ran ran = folder.run("diff old.xml new.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("0 rules on 0 devices in 0 domains; 1 file not looked at"));
  EXPECT_THAT(ran.err, HasSubstr("Attempted double use"));
  EXPECT_EQ(folder.run("diff old.xml missing.xml").code, 2);
  EXPECT_EQ(folder.run("diff - -").code, 2);
}

TEST(Diff, FailsOnlyFromTheChosenSeverityOn) {
  const Folder folder;
  std::string aliased = card_on_bus("1");
  aliased.replace(aliased.find("pc-q35-7.2"), std::string("pc-q35-7.2").size(), "q35");
  folder.write("old.xml", card_on_bus("1"));
  folder.write("new.xml", aliased);
  EXPECT_EQ(folder.run("diff old.xml new.xml").code, 0);
  EXPECT_EQ(folder.run("diff --fail-on warning old.xml new.xml").code, 1);
}

TEST(Rules, ListsEveryRuleInEachFormat) {
  const Folder folder;
  EXPECT_THAT(folder.run("rules").out, StartsWith("BP101  device-moved"));
  const std::string table = folder.run("rules --format markdown").out;
  EXPECT_THAT(table, StartsWith("| id | name | severity | reason | remedy |\n"));
  EXPECT_THAT(table, HasSubstr("give it back its old \\<address\\>"));  // which a page would take for an element
  EXPECT_THAT(folder.run("rules --format json").out, HasSubstr(R"("id": "BP223")"));
}

}  // namespace
}  // namespace busproof::cli_tests
