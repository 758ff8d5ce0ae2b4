#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct stat status_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

TEST(Assign, WritesTheXmlToStandardOutput) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran ran = folder.run("assign a.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"));
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_EQ(folder.read("a.xml"), bare_guest(1));
}

TEST(Assign, ReadsStandardInput) {
  const Folder folder;
  folder.write("a.xml", bare_guest(2));
  EXPECT_EQ(folder.run("assign -", bare_guest(2)).out, folder.run("assign a.xml").out);
}

TEST(Assign, ExplainsEveryDeviceOnStandardError) {
  const Folder folder;
  const Ran ran = folder.run("assign --explain -", bare_guest(2));
  EXPECT_THAT(ran.out, StartsWith("<domain"));
  EXPECT_THAT(ran.err, HasSubstr("interface 52:54:00:00:00:01  0000:02:00.0  "));
}

TEST(Assign, RefusesLikeACompilerWithLibvirtsWords) {
  const Folder folder;
  folder.write("a.xml", refused_guest());
  const Ran ran = folder.run("assign a.xml");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, StartsWith("a.xml:8:5: error: interface 52:54:00:00:00:02: "));
  EXPECT_THAT(ran.err, HasSubstr("Attempted double use of PCI Address 0000:00:03.0"));
  EXPECT_THAT(ran.err, HasSubstr("[E305]\n  remedy: "));
}

TEST(Assign, WarnsOfBusesThatTheGuestLoses) {
  const Ran ran = Folder().run(
      "assign -",
      "<domain type='qemu'><name>g</name><memory>1</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>"
      "<features><acpi/></features><devices><controller type='pci' index='1' model='pci-expander-bus'/>"
      "<controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='1'/></controller>"
      "</devices></domain>");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, StartsWith("<stdin>: warning: bus 1 (pci-expander-bus, busNr 254)"));
  EXPECT_THAT(ran.err, HasSubstr("busNr='253' would work\n"));
}

TEST(Assign, DoesNotSupportWhatItDoesNotKnow) {
  EXPECT_EQ(Folder()
                .run("assign -",
                     "<domain type='qemu'><name>g</name><memory>1</memory>"
                     "<os><type arch='xtensa' machine='sim'>hvm</type></os><devices/></domain>")
                .code,
            3);
}

TEST(AssignUnreadable, SaysWhatTheSystemSaid) {
  const Folder folder;
  fs::create_directory(folder.path("folder"));
  EXPECT_EQ(folder.run("assign none.xml").code, 2);
  EXPECT_EQ(folder.run("assign none.xml").err, "none.xml: error: cannot read: No such file or directory\n");
  EXPECT_EQ(folder.run("assign folder").err, "folder: error: cannot read: Is a directory\n");
  EXPECT_EQ(folder.run("assign folder").code, 2);
}

TEST(AssignUnreadable, SaysWhereItIsNoXml) {
  const Folder folder;
  const Ran ran = folder.run("assign -", "<domain>\n  <name></domain>");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, StartsWith("<stdin>:2:"));
  EXPECT_EQ(folder.run("assign -", "").code, 2);
  EXPECT_EQ(folder.run("assign -", "<network/>").code, 2);
}

TEST(AssignUnreadable, DoesNotReadMoreThanADomainMayHave) {
  const Folder folder;
  folder.write("big.xml", "");
  fs::resize_file(folder.path("big.xml"), std::uintmax_t{100} << 20U);
  const Ran ran = folder.run("assign big.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "big.xml: error: cannot read: File too large\n");
  EXPECT_EQ(folder.run("assign - <big.xml").code, 2);
}

TEST(AssignOutput, GoesToTheFileNamed) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran ran = folder.run("assign a.xml -o b.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(folder.read("b.xml"), folder.run("assign a.xml").out);
  EXPECT_EQ(folder.entry_count(), 2U);
}

TEST(AssignOutput, OfANewFileFollowsTheUmask) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const mode_t mask = ::umask(027);
  EXPECT_EQ(folder.run("assign a.xml -o b.xml").code, 0);
  ::umask(mask);
  EXPECT_EQ(status_of(folder.path("b.xml")).st_mode & 07777U, 0640U);
}

TEST(AssignOutput, OfSeveralFilesNeedsAFolder) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  folder.write("b.xml", bare_guest(2));
  EXPECT_EQ(folder.run("assign a.xml b.xml").code, 2);
  EXPECT_EQ(folder.run("assign a.xml b.xml -o c.xml").code, 2);
  fs::create_directory(folder.path("out"));
  EXPECT_EQ(folder.run("assign a.xml b.xml -o out").code, 0);
  EXPECT_EQ(folder.read("out/b.xml"), folder.run("assign b.xml").out);
}

TEST(AssignOutput, NeverWritesTwoFilesToOneName) {
  const Folder folder;
  fs::create_directory(folder.path("out"));
  fs::create_directory(folder.path("sub"));
  folder.write("a.xml", bare_guest(1));
  folder.write("sub/a.xml", bare_guest(2));
  EXPECT_EQ(folder.run("assign a.xml sub/a.xml -o out").code, 2);
  EXPECT_FALSE(fs::exists(folder.path("out/a.xml")));
}

TEST(AssignOutput, ToAFullDiskLosesNothing) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran to_file = folder.run("assign a.xml -o /dev/full");
  EXPECT_EQ(to_file.code, 2);
  EXPECT_EQ(to_file.err, "a.xml: error: /dev/full: cannot write: No space left on device\n");
  const Ran to_stdout = folder.run("assign a.xml >/dev/full");
  EXPECT_EQ(to_stdout.code, 2);
  EXPECT_EQ(to_stdout.err, "<stdout>: error: cannot write: No space left on device\n");
}

TEST(AssignOutput, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  const Folder folder;
  folder.write("a.xml", bare_guest(60));
  folder.write("b.xml", "old");
  // The largest file that the process may write stands for the disk's room.
  const Ran ran =
      folder.run("version >/dev/null; trap '' XFSZ; ulimit -f 4; " BUSPROOF_COMMAND " assign a.xml -o b.xml 2>../full");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(folder.read("../full"), "a.xml: error: b.xml: cannot write: File too large\n");
  EXPECT_EQ(folder.read("b.xml"), "old");
  EXPECT_EQ(folder.entry_count(), 2U);
}

TEST(AssignOutput, ToAFolderThatIsNotThereSaysSo) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const Ran ran = folder.run("assign a.xml -o none/b.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("No such file or directory"));
}

TEST(AssignInPlace, ReplacesTheFileAndKeepsModeAndOwner) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  const std::string wanted = folder.run("assign a.xml").out;
  ASSERT_EQ(::chmod(folder.path("a.xml").c_str(), 0604), 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::chown(folder.path("a.xml").c_str(), 12345, 23456), 0);
  }
  const Ran ran = folder.run("assign --in-place a.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(folder.read("a.xml"), wanted);
  EXPECT_EQ(status_of(folder.path("a.xml")).st_mode & 07777U, 0604U);
  if (is_root) {
    EXPECT_EQ(status_of(folder.path("a.xml")).st_uid, 12345U);
    EXPECT_EQ(status_of(folder.path("a.xml")).st_gid, 23456U);
  }
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(AssignInPlace, DoesNotTouchAFileThatNeedsNothing) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  ASSERT_EQ(folder.run("assign --in-place a.xml").code, 0);
  const struct stat before = status_of(folder.path("a.xml"));
  ASSERT_EQ(folder.run("assign --in-place a.xml").code, 0);
  const struct stat after = status_of(folder.path("a.xml"));
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST(AssignInPlace, ReplacesWhatALinkPointsTo) {
  const Folder folder;
  fs::create_directory(folder.path("sub"));
  folder.write("sub/a.xml", bare_guest(1));
  const std::string wanted = folder.run("assign sub/a.xml").out;
  fs::create_symlink("sub/a.xml", folder.path("link"));
  fs::create_symlink("link", folder.path("link to link"));
  EXPECT_EQ(folder.run("assign --in-place 'link to link'").code, 0);
  EXPECT_TRUE(fs::is_symlink(folder.path("link to link")));
  EXPECT_TRUE(fs::is_symlink(folder.path("link")));
  EXPECT_FALSE(fs::is_symlink(folder.path("sub/a.xml")));
  EXPECT_EQ(folder.read("sub/a.xml"), wanted);
}

TEST(AssignInPlace, LeavesARefusedFileAsItWas) {
  const Folder folder;
  folder.write("a.xml", refused_guest());
  const struct stat before = status_of(folder.path("a.xml"));
  EXPECT_EQ(folder.run("assign --in-place a.xml").code, 1);
  EXPECT_EQ(folder.read("a.xml"), refused_guest());
  EXPECT_EQ(status_of(folder.path("a.xml")).st_ino, before.st_ino);
}

/// A folder of which a user without privileges owns the files, and the command run as that user.
class ReadOnly : public testing::Test {
 protected:
  static constexpr unsigned kNobody = 65534;

  void SetUp() override {
    folder_.write("a.xml", bare_guest(1));
    if (::geteuid() != 0) return;
    // The build may lie where nobody else can look.
    fs::copy_file(BUSPROOF_COMMAND, folder_.path("../busproof"));
    fs::permissions(folder_.path(".."), fs::perms{0755});
    for (const std::string& path : {folder_.path("a.xml"), folder_.path("")})
      ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
  }

  [[nodiscard]] Ran run_unprivileged(const std::string& arguments) const {
    if (::geteuid() != 0) return folder_.run(arguments);
    return folder_.run("--version >/dev/null && exec setpriv --reuid 65534 --regid 65534 --clear-groups ../busproof " +
                       arguments + " 2>../stderr");
  }

  void allow(const std::string& name, unsigned mode) const {
    fs::permissions(folder_.path(name), static_cast<fs::perms>(mode));
  }

  Folder folder_;
};

TEST_F(ReadOnly, AFileIsLeftAsItWas) {
  allow("a.xml", 0444);
  const Ran ran = run_unprivileged("assign --in-place a.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(folder_.read("../stderr"), "a.xml: error: cannot write: Permission denied\n");
  EXPECT_EQ(folder_.read("a.xml"), bare_guest(1));
}

TEST_F(ReadOnly, AFileInAFolderWithoutWayInIsLeftAsItWas) {
  allow("", 0555);
  const Ran ran = run_unprivileged("assign --in-place a.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(folder_.read("../stderr"), "a.xml: error: cannot write beside it: Permission denied\n");
  EXPECT_EQ(folder_.read("a.xml"), bare_guest(1));
  allow("", 0755);
}

TEST_F(ReadOnly, AnUnreadableFileIsSaidToBeSo) {
  allow("a.xml", 0);
  EXPECT_EQ(run_unprivileged("assign a.xml").code, 2);
  EXPECT_EQ(folder_.read("../stderr"), "a.xml: error: cannot read: Permission denied\n");
}

TEST(AssignInPlace, WorksOnManyFilesAndReportsInTheirOrder) {
  const Folder folder;
  std::string names;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "f" + std::to_string(i) + ".xml";
    folder.write(name, i % 20 == 7 ? "<broken" : bare_guest(static_cast<unsigned>(i)));
    names += name + " ";
  }
  const Ran many = folder.run("assign --in-place --jobs 8 " + names);
  EXPECT_EQ(many.code, 2);
  EXPECT_THAT(many.err, testing::ContainsRegex("f7.xml:(.|\n)*f27.xml:(.|\n)*f47.xml:"));
  const Ran again = folder.run("assign --in-place --jobs 1 " + names);
  EXPECT_EQ(again.err, many.err);
  EXPECT_EQ(folder.entry_count(), 60U);
  EXPECT_THAT(folder.read("f59.xml"), HasSubstr("bus='0x3b'"));
}

TEST(AssignInPlace, EndsWithTheWorstOfAllResults) {
  const Folder folder;
  folder.write("good.xml", bare_guest(1));
  folder.write("refused.xml", refused_guest());
  EXPECT_EQ(folder.run("assign --in-place good.xml refused.xml").code, 1);
  EXPECT_EQ(folder.run("assign --in-place refused.xml none.xml good.xml").code, 2);
}

TEST(AssignJson, ReportsEveryFileInOneArray) {
  const Folder folder;
  folder.write("good.xml", bare_guest(1));
  folder.write("refused.xml", refused_guest());
  const Ran ran = folder.run("assign --format json good.xml refused.xml none.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, IsEmpty());
  const Json report = Json::parse(ran.out);
  ASSERT_EQ(report.size(), 3U);
  EXPECT_EQ(report[0]["verdict"], "assigned");
  EXPECT_EQ(report[0]["xml"], folder.run("assign good.xml").out);
  EXPECT_EQ(report[1]["verdict"], "refused");
  EXPECT_EQ(report[1]["error"]["rule"], "E305");
  EXPECT_EQ(report[1]["error"]["line"], 8);
  EXPECT_EQ(report[2]["verdict"], "unreadable");
}

TEST(AssignJson, HoldsNoXmlThatWentToAFile) {
  const Folder folder;
  folder.write("a.xml", bare_guest(1));
  Json report = Json::parse(folder.run("assign --format json --in-place a.xml").out);
  EXPECT_EQ(report[0]["xml"], nullptr);
  EXPECT_EQ(report[0]["changed"], true);
  report = Json::parse(folder.run("assign --format json --in-place a.xml").out);
  EXPECT_EQ(report[0]["verdict"], "unchanged");
}

}  // namespace
}  // namespace busproof::cli_tests
