#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using Json = nlohmann::json;
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
  const Json report = Json::parse(folder.run("tree --format json -", refused_guest()).out);
  EXPECT_EQ(report[0]["error"]["rule"], "E305");
}

TEST(Tree, OfAHostHangsItsFunctionsBelowTheirBridges) {
  const Folder folder;
  const std::string host = BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json";
  const Ran ran = folder.run("tree --ascii --host " + host);
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr(": 12 functions, 8 IOMMU groups\n"
                                 "pci0000:00\n"
                                 "0000:00:00.0  |- host bridge 8086:4660, no driver, group 0\n"
                                 "0000:00:01.0  |- PCI bridge 8086:460d, pcieport, group 1, bus 01\n"
                                 "0000:01:00.0  |  |- VGA 10de:2204, nouveau, group 6, boot VGA; in use: boot console\n"
                                 "0000:01:00.1  |  `- HD audio 10de:1aef, snd_hda_intel, group 6\n"));
  EXPECT_EQ(Json::parse(folder.run("tree --format json --host " + host).out)["devices"].size(), 12U);
  EXPECT_EQ(folder.run("tree --host none.json").code, 2);
  EXPECT_EQ(folder.run("tree").code, 2);
  folder.write("a.xml", bare_guest(1));
  EXPECT_EQ(folder.run("tree a.xml --host " + host).code, 2);
}

TEST(Tree, DrawsSeveralFilesOneBelowTheOther) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran ran = folder.run("tree a.xml none.xml a.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.out, testing::ContainsRegex("guest: (.|\n)*\n\nguest: "));
  EXPECT_EQ(Json::parse(folder.run("tree --format json a.xml none.xml a.xml").out).size(), 3U);
}

}  // namespace
}  // namespace busproof::cli_tests
