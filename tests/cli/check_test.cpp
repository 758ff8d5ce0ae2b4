#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

/// The verdict that ends a text report.
std::string last_line(const std::string& text) {
  const std::size_t begin = text.rfind('\n', text.size() - 2);
  return text.substr(begin == std::string::npos ? 0 : begin + 1);
}

TEST(Check, FindsNothingWrongWithAGoodConfig) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  const Ran ran = folder.run("check web.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, MatchesRegex("0 errors, 0 warnings, 0 infos; [0-9]+ rules on [0-9]+ devices in 1 domain\n"));
}

TEST(Check, SaysWhatLibvirtWouldRefuseAndWhere) {
  const Folder folder;
  folder.write("bad.xml", refused_guest());
  const Ran ran = folder.run("check bad.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, AllOf(StartsWith("bad.xml:8:5: error: "), HasSubstr("Attempted double use"),
                             HasSubstr("[BP200 refused]")));
}

TEST(Check, LooksIntoFoldersAndLeavesOutWhatIsNoDomain) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("vms/db/.hidden"));
  folder.write("vms/web.xml", card_on_bus("1"));
  folder.write("vms/db/db.xml", card_on_bus("2"));
  folder.write("vms/db/net.xml", "<network/>");
  folder.write("vms/db/notes.txt", "no XML");
  folder.write("vms/db/.hidden/old.xml", "no XML");
  const Ran ran = folder.run("check vms --format json");
  EXPECT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  ASSERT_EQ(json["domains"].size(), 2);
  EXPECT_EQ(json["domains"][0]["config"], "vms/db/db.xml");
  EXPECT_EQ(json["domains"][1]["config"], "vms/web.xml");
  EXPECT_EQ(folder.run("check vms/db/net.xml").code, 2);
}

TEST(Check, StillChecksTheOthersWhenOneCannotBeRead) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  folder.write("broken.xml", "<domain>\n  <name>");
  const Ran ran = folder.run("check missing.xml broken.xml web.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("missing.xml: error: cannot read: No such file"), HasSubstr("broken.xml:2:")));
  EXPECT_THAT(last_line(ran.out), EndsWith(" in 1 domain; 2 files not looked at\n"));
}

TEST(Check, TellsOfALinkThatLeadsNowhere) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("vms"));
  folder.write("vms/web.xml", card_on_bus("1"));
  std::filesystem::create_symlink("gone.xml", folder.path("vms/dangling.xml"));
  const Ran ran = folder.run("check vms");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("vms/dangling.xml: error: cannot read: No such file or directory"));
}

TEST(Check, ReplacesWhatIsNoUtf8InWhatPeopleRead) {
  const Folder folder;
  for (const char* bus : {"1", "2"})
    folder.write(std::string(bus) + ".xml",
                 "<?xml version='1.0' encoding='ISO-8859-1'?>\n" + card_on_bus(bus, "caf\xe9"));
  for (const char* format : {"github", "junit"})
    EXPECT_THAT(folder.run(std::string("diff 1.xml 2.xml --format ") + format).out, HasSubstr("caf\xef\xbf\xbd"));
}

TEST(Check, ZeroRulesAreNoPass) {
  const Folder folder;
  std::filesystem::create_directory(folder.path("empty"));
  const Ran ran = folder.run("check empty");
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.out, EndsWith("0 rules on 0 devices in 0 domains\n"));
}

TEST(Check, ReadsStandardInput) {
  const Ran ran = Folder().run("check -", refused_guest());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, StartsWith("<stdin>:8:5: error: "));
}

TEST(Check, ComparesWithTheFileOfTheSameDomainWhereverItLies) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("old"));
  std::filesystem::create_directories(folder.path("new/sub"));
  folder.write("old/web.xml", card_on_bus("1", "web", "00000000-0000-0000-0000-000000000001"));
  folder.write("old/gone.xml", card_on_bus("1", "gone", "00000000-0000-0000-0000-000000000002"));
  folder.write("new/sub/renamed.xml", card_on_bus("2", "web", "00000000-0000-0000-0000-000000000001"));
  folder.write("new/fresh.xml", card_on_bus("1", "fresh", "00000000-0000-0000-0000-000000000003"));
  const Ran ran = folder.run("check new --against old");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("new/sub/renamed.xml:12:5: error: interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> "
                                       "0000:02:00.0 [BP101 device-moved]"),
                             HasSubstr("new/fresh.xml: info: only the new side has it [BP301 domain-added]"),
                             HasSubstr("old/gone.xml: warning: only the old side has it [BP302 domain-removed]")));
}

TEST(Check, SeesThatTwoFilesChangedTheirNames) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("old"));
  std::filesystem::create_directories(folder.path("new"));
  const std::string a = card_on_bus("1", "a", "00000000-0000-0000-0000-000000000001");
  const std::string b = card_on_bus("2", "b", "00000000-0000-0000-0000-000000000002");
  folder.write("old/a.xml", a);
  folder.write("old/b.xml", b);
  folder.write("new/a.xml", b);
  folder.write("new/b.xml", a);
  EXPECT_THAT(folder.run("diff old new").out, StartsWith("0 errors, 0 warnings, 0 infos; "));
}

TEST(Check, SaysWhichFindingsTheOldConfigHadToo) {
  const Folder folder;
  std::string aliased = card_on_bus("1");
  aliased.replace(aliased.find("pc-q35-7.2"), std::string("pc-q35-7.2").size(), "q35");
  folder.write("old.xml", aliased);
  folder.write("new.xml", aliased);
  const Json json = Json::parse(folder.run("check new.xml --against old.xml --format json").out);
  EXPECT_EQ(json["findings"][0]["rule"], "BP215");
  EXPECT_EQ(json["findings"][0]["baseline"], "unchanged");
}

TEST(Check, TellsWhatAManagerThatDropsAddressesWouldChange) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("2"));
  const Ran ran = folder.run("check --regenerate web.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("0000:02:00.0 -> 0000:01:00.0 [BP101 device-moved]"));
  EXPECT_EQ(folder.run("check --regenerate --against web.xml web.xml").code, 2);
}

TEST(Check, ComparesNothingWithALibvirtThatDoesNotAnswer) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer puts functions of its own before those that libvirt finds in libtirpc, and crashes";
#endif
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  const Ran ran = folder.run("check web.xml --against libvirt:nobody:///there");
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("libvirt:nobody:///there: error: "));
  EXPECT_EQ(ran.out, "");
}

TEST(Check, WritesSeveralFormatsAtOnce) {
  const Folder folder;
  folder.write("bad.xml", refused_guest());
  const Ran ran = folder.run("check bad.xml --format sarif=a.sarif --format junit=a.xml --format github");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, StartsWith("::error file=bad.xml,line=8,col=5,title=BP200 refused::"));
  EXPECT_THAT(ran.err, EndsWith(" in 1 domain\n"));
  EXPECT_EQ(Json::parse(folder.read("a.sarif"))["runs"][0]["results"].size(), 1);
  EXPECT_THAT(folder.read("a.xml"), HasSubstr("<failure message="));
}

/// BUSPROOF_SARIF_SCHEMA names the schema that OASIS publishes, sarif-schema-2.1.0.json.
TEST(Check, WritesSarifThatIsValidByThePublishedSchema) {
  if (std::getenv("BUSPROOF_SARIF_SCHEMA") == nullptr) GTEST_SKIP() << "BUSPROOF_SARIF_SCHEMA names no schema";
  if (std::system("python3 -c 'import jsonschema' 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3-jsonschema";
  const Folder folder;
  folder.shell("mkdir old new; for pair in " BUSPROOF_SOURCE_DIR
               "/corpus/pairs/*; do for side in old new; do"
               " cp $pair/$side.xml $side/$(basename $pair).xml; done; done; echo '<domain' >new/broken.xml");
  folder.write("known.toml", "[[suppress]]\nrule = \"BP101\"\nreason = \"moved on purpose\"\n");
  EXPECT_EQ(folder.run("check new --against old --config known.toml --format sarif=a.sarif").code, 2);
  const Ran ran = folder.shell(
      "python3 -c 'import json, os, jsonschema; schema = json.load(open(os.environ[\"BUSPROOF_SARIF_SCHEMA\"]));"
      " jsonschema.validators.validator_for(schema)(schema).validate(json.load(open(\"a.sarif\")))'");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST(Check, RefusesFormatsThatCannotBe) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  EXPECT_THAT(folder.run("check web.xml --format yaml").err,
              HasSubstr("no format 'yaml'; there are text, json, sarif"));
  const Ran two = folder.run("check web.xml --format json --format sarif");
  EXPECT_THAT(two.err, HasSubstr("two formats go to standard output"));
  EXPECT_EQ(two.out, "");
  EXPECT_EQ(folder.run("check web.xml --format json=/nowhere/x.json").code, 2);
  EXPECT_EQ(folder.run("check web.xml --format json=").code, 2);
  EXPECT_EQ(folder.run("check web.xml --format json >/dev/full").code, 2);
  EXPECT_EQ(folder.run("check web.xml --fail-on never").code, 2);
  EXPECT_EQ(folder.run("check").code, 2);
}

TEST(Check, PutsOutTheSameBytesWithAnyNumberOfJobs) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("vms"));
  for (unsigned i = 0; i < 200; ++i)
    folder.write(fmt::format("vms/{:03}.xml", i), i % 7 == 0 ? refused_guest() : card_on_bus(i % 2 == 0 ? "1" : "2"));
  const Ran one = folder.run("check vms --against vms --format json --jobs 1");
  const Ran many = folder.run("check vms --against vms --format json --jobs 8");
  EXPECT_EQ(one.out, many.out);
  EXPECT_EQ(Json::parse(one.out)["domains"].size(), 200);
}

}  // namespace
}  // namespace busproof::cli_tests
