#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(RenderCommand, TakesTheFormatFromTheNameOfItsOutput) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  for (const auto& [name, start] :
       {std::pair("a.svg", "<?xml"), std::pair("a.png", "\x89PNG"), std::pair("a.pdf", "%PDF"),
        std::pair("a.dot", "digraph"), std::pair("A.SVG", "<?xml")}) {
    const Ran ran = folder.run(std::string("render a.xml -o ") + name);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(folder.read(name), StartsWith(start));
  }
}

TEST(RenderCommand, WritesToStdoutWhereTheFormatIsNamed) {
  const Folder folder;
  const Ran ran = folder.run("render - -o - --format dot", bare_guest(1));
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("interface-52:54:00:00:00:00"));
  EXPECT_EQ(folder.run("render - -o -", bare_guest(1)).code, 2);
}

TEST(RenderCommand, PutsSeveralPicturesIntoAFolder) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  folder.write("b.xml", bare_guest(2));
  EXPECT_EQ(folder.run("render a.xml b.xml -o pictures/ --format dot").code, 0);
  EXPECT_THAT(folder.read("pictures/a.dot"), StartsWith("digraph"));
  EXPECT_THAT(folder.read("pictures/b.dot"), StartsWith("digraph"));
}

TEST(RenderCommand, TellsFilesOfOneNameApartByTheirFolders) {
  const Folder folder;
  for (const char* name : {"rack1/web/vm.xml", "rack2/web/vm.xml", "rack2/index.xml", "rack2/db.xml"}) {
    fs::create_directories(fs::path(folder.path(name)).parent_path());
    folder.write(name, bare_guest(1));
  }
  EXPECT_EQ(folder.run("render rack1 rack2 --html -o fleet/").code, 0);
  for (const char* page : {"index", "rack1-web-vm", "rack2-web-vm", "rack2-index", "db"})
    EXPECT_THAT(folder.read(std::string("fleet/") + page + ".html"), StartsWith("<!DOCTYPE html>")) << page;
  EXPECT_THAT(folder.read("fleet/index.html"), HasSubstr("href=\"./rack1-web-vm.html\""));
}

TEST(RenderCommand, RefusesWhatItCannotBeMeantToDo) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  folder.write("b.xml", bare_guest(1));
  folder.write("index.xml", bare_guest(1));
  for (const char* words :
       {"a.xml", "-o a.svg", "a.xml -o a.jpeg", "a.xml b.xml -o a.svg", "a.xml -o - --format dot --open", "- -o d/",
        "a.xml --diff a.xml a.xml -o a.svg", "--diff a.xml a.xml -o d/", "--diff - - -o a.svg", "a.xml --host -o a.svg",
        "a.xml --html --format svg -o a.svg", "index.xml --html -o d/", "a.xml ./a.xml -o d/"}) {
    const Ran ran = folder.run(std::string("render ") + words);
    EXPECT_EQ(ran.code, 2) << words;
    EXPECT_THAT(ran.err, StartsWith("busproof render: error: ")) << words;
  }
  EXPECT_EQ(folder.entry_count(), 3U);
}

TEST(RenderCommand, OfARefusedGuestIsTheRefusalAndNoFile) {
  const Folder folder;
  const Ran ran = folder.run("render - -o a.svg", refused_guest());
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, StartsWith("<stdin>:8:5: error: "));
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(RenderCommand, WithoutGraphvizPluginsSaysSoAndLeavesTheOldPicture) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  folder.write("a.svg", "old");
  ::setenv("GVBINDIR", folder.path("").c_str(), 1);
  const Ran ran = folder.run("render a.xml -o a.svg");
  const Ran dot = folder.run("render a.xml -o a.dot");
  ::unsetenv("GVBINDIR");
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("plugins are installed"));
  EXPECT_EQ(folder.read("a.svg"), "old");
  EXPECT_EQ(dot.code, 0);
}

TEST(RenderCommand, DrawsADifferenceWithWhatDiffFinds) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  folder.write("b.xml", bare_guest(2));
  const Ran ran = folder.run("render --diff a.xml b.xml -o - --format dot");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("BP104 place-inherited"));
  EXPECT_EQ(folder.run("render --diff a.xml none.xml -o a.svg").code, 2);
}

TEST(RenderCommand, DrawsARecordedHost) {
  const Folder folder;
  const Ran ran = folder.run("render --host " BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json -o - --format dot");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("IOMMU group 6"));
  EXPECT_THAT(ran.out, HasSubstr("0000:01:00.0"));
  folder.write("host.json", "{}");
  EXPECT_EQ(folder.run("render --host host.json -o a.svg").code, 2);
  EXPECT_EQ(folder.run("render --host none.json -o a.svg").code, 2);
}

TEST(RenderCommand, SaysWhichGuestHasADeviceOfTheHost) {
  const Folder folder;
  fs::copy_file(BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json", folder.path("host.json"));
  folder.write("web01.xml",
               "<domain type='kvm'><name>web01</name><memory>262144</memory><os><type arch='x86_64' machine='q35'>hvm"
               "</type></os><devices><hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' "
               "bus='2' slot='0' function='0'/></source></hostdev></devices></domain>");
  ASSERT_EQ(folder.run("host prepare web01.xml --host-model host.json").code, 0);
  EXPECT_THAT(folder.run("render --host host.json -o - --format dot").out, HasSubstr("with web01 of qemu"));
}

TEST(RenderCommand, PutsTheTreeOfFunctionsOnThePageOfAHost) {
  const Folder folder;
  const Ran ran = folder.run("render --host " BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json -o - --html");
  EXPECT_THAT(ran.out, HasSubstr("Ethernet 8086:15f3, igc, group 7, eth0"));
}

TEST(RenderCommand, IsTheSameOnEveryRun) {
  const Folder folder;
  const std::string guest = bare_guest(9);
  for (const char* words :
       {"render - -o - --format dot", "render - -o - --format svg", "render - --dark -o - --format svg"})
    EXPECT_EQ(folder.run(words, guest).out, folder.run(words, guest).out);
}

/// Runs with a program of this text that is found as xdg-open.
Ran run_with_viewer(const Folder& folder, const std::string& program) {
  fs::create_directory(folder.path("bin"));
  folder.write("bin/xdg-open", program);
  fs::permissions(folder.path("bin/xdg-open"), fs::perms::owner_all);
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", (folder.path("bin") + ":" + before).c_str(), 1);
  Ran ran = folder.run("render a.xml -o a.dot --open");
  ::setenv("PATH", before.c_str(), 1);
  return ran;
}

TEST(RenderCommand, HandsThePictureToTheDesktopAndSaysWhenThatCannotShowIt) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran shown = run_with_viewer(folder, "#!/bin/sh\nhead -c 7 \"$1\"\n");
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(shown.out, "digraph");
  const Ran not_shown = run_with_viewer(folder, "#!/bin/sh\nexit 3\n");
  EXPECT_EQ(not_shown.code, 2);
  EXPECT_EQ(not_shown.err, "a.dot: error: written, but cannot be shown: xdg-open failed\n");
  EXPECT_THAT(folder.read("a.dot"), StartsWith("digraph"));
}

}  // namespace
}  // namespace busproof::cli_tests
