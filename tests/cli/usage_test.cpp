#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class EveryCommand : public testing::TestWithParam<const char*> {};

TEST_P(EveryCommand, HelpEndsWithAnExample) {
  const Ran ran = Folder().run(std::string(GetParam()) + " --help");
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("Examples?:\n(  [^\n]*busproof [^\n]*\n)+$"))) << ran.out;
  EXPECT_FALSE(std::regex_search(ran.out, std::regex("[^\n]{81}"))) << ran.out;
  EXPECT_THAT(ran.err, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Help, EveryCommand,
                         testing::Values("", "assign", "check", "diff", "fake", "headroom", "lock", "merge",
                                         "qemu-args", "render", "rules", "schema", "snapshot", "tree", "verify",
                                         "version", "host", "host plan", "host plan detach", "host detach",
                                         "host reattach", "host reset", "host prepare", "host release", "host status",
                                         "host recover", "host rehearse", "host rehearse detach"));

TEST(Usage, AnUnknownOptionNamesTheNearestOne) {
  const Folder folder;
  EXPECT_EQ(folder.run("assign --explian x.xml").code, 2);
  EXPECT_THAT(folder.run("assign --explian x.xml").err,
              StartsWith("busproof assign: error: unknown option '--explian'; did you mean '--explain'?\n"));
  EXPECT_THAT(folder.run("assign --inplace x.xml").err, HasSubstr("did you mean '--in-place'?"));
  EXPECT_THAT(folder.run("tree --formt=json x.xml").err, HasSubstr("'--formt'; did you mean '--format'?"));
  EXPECT_THAT(folder.run("assign --jbos 3").err, HasSubstr("did you mean '--jobs'?"));
}

TEST(Usage, AnUnknownCommandNamesTheNearestOne) {
  const Ran ran = Folder().run("asign x.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, StartsWith("busproof: error: unknown command 'asign'; did you mean 'assign'?\n"));
}

TEST(Usage, OptionsThatDoNotGoTogetherPointToTheHelp) {
  const Folder folder;
  EXPECT_EQ(folder.run("assign --in-place -o y.xml x.xml").err,
            "busproof assign: error: --in-place and -o exclude each other\nSee busproof assign --help.\n");
  for (const std::string command : {"lock --apply --update x.xml", "render x.xml y.xml -o z.svg", "diff - -",
                                    "check --regenerate --against x x.xml"})
    EXPECT_THAT(folder.run(command).err, HasSubstr(" --help.\n")) << command;
}

TEST(Usage, WhatIsMissingOrMalformedIsUnusable) {
  const Folder folder;
  EXPECT_EQ(folder.run("").code, 2);
  EXPECT_THAT(folder.run("").err, HasSubstr("a command is missing"));
  EXPECT_EQ(folder.run("assign").code, 2);
  EXPECT_EQ(folder.run("assign --format yaml x.xml").code, 2);
  EXPECT_EQ(folder.run("assign --jobs 0 x.xml").code, 2);
  EXPECT_EQ(folder.run("assign --in-place -o y.xml x.xml").code, 2);
  EXPECT_EQ(folder.run("assign --in-place -").code, 2);
  EXPECT_EQ(folder.run("tree --color pink x.xml").code, 2);
}

TEST(Version, SaysWhichLibvirtIsMatched) {
  const Folder folder;
  EXPECT_EQ(folder.run("version").out, "busproof " BUSPROOF_VERSION "\nmatches libvirt 9.0.0 with QEMU 7.2\n");
  EXPECT_EQ(folder.run("--version").out, "busproof " BUSPROOF_VERSION "\n");
  const auto json = nlohmann::json::parse(folder.run("version --format json").out);
  EXPECT_EQ(json["libvirt"], "9.0.0");
  EXPECT_EQ(json["qemu"], "7.2");
  EXPECT_EQ(json["busproof"], BUSPROOF_VERSION);
}

TEST(Version, DoesNotPretendToHaveWritten) {
  const Ran ran = Folder().run("version >/dev/full");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, EndsWith("cannot write: No space left on device\n"));
}

}  // namespace
}  // namespace busproof::cli_tests
