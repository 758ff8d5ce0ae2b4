#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Tree, ShowsABareGuestAsLibvirtWouldCompleteIt) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran bare = folder.run("tree a.xml");
  EXPECT_EQ(bare.code, 0);
  EXPECT_EQ(bare.err, "a.xml: note: not fully assigned; this is how libvirt would complete it\n");
  EXPECT_THAT(bare.out, HasSubstr("01:00.0  │  └─ 00.0  interface 52:54:00:00:00:00, virtio\n"));
  const Ran placed = folder.run("tree -", folder.run("assign a.xml").out);
  EXPECT_THAT(placed.err, IsEmpty());
  EXPECT_EQ(placed.out, bare.out);
}

TEST(Tree, IsPlainWhereThereIsNoTerminal) {
  const Folder folder;
  EXPECT_THAT(folder.run("tree -", bare_guest(1)).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(folder.run("tree --color always -", bare_guest(1)).out, HasSubstr("\x1b[1m"));
}

TEST(Tree, CanDoWithAsciiAlone) {
  for (const char c : Folder().run("tree --ascii -", bare_guest(3)).out)
    ASSERT_LT(static_cast<unsigned char>(c), 0x80U);
}

TEST(Tree, OfARefusedGuestIsTheRefusal) {
  const Folder folder;
  const Ran text = folder.run("tree -", refused_guest());
  EXPECT_EQ(text.code, 1);
  EXPECT_THAT(text.out, IsEmpty());
  EXPECT_THAT(text.err, StartsWith("<stdin>:8:5: error: "));
  const json report = json::parse(folder.run("tree --format json -", refused_guest()).out);
  EXPECT_EQ(report[0]["error"]["rule"], "E305");
}

TEST(Tree, DrawsSeveralFilesOneBelowTheOther) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran ran = folder.run("tree a.xml none.xml a.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.out, testing::ContainsRegex("guest: (.|\n)*\n\nguest: "));
  EXPECT_EQ(json::parse(folder.run("tree --format json a.xml none.xml a.xml").out).size(), 3U);
}

}  // namespace
}  // namespace busproof::cli_tests
