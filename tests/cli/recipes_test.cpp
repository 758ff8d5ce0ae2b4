#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/cli/command.h"

// The recipes of docs/ci.md, run as they stand there, with a real git.
namespace busproof::cli_tests {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

/// The rest of the first line that begins so, blanks apart.
std::string line_after(const std::string& text, const std::string& beginning) {
  const std::size_t at = text.find(beginning);
  if (at == std::string::npos) return {};
  return text.substr(at + beginning.size(), text.find('\n', at) - at - beginning.size());
}

class Recipes : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("git --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "git is not installed";
    fs::create_directories(folder_.path("domains"));
    folder_.write("domains/web.xml", card_on_bus("1"));
    shell("git init -q . && git config user.email a@b && git config user.name a && git add -A && git commit -qm first");
  }

  /// With the command in the path.
  Ran shell(const std::string& line) {
    const std::string bin = fs::path(BUSPROOF_COMMAND).parent_path().string();
    return folder_.shell(fmt::format("PATH={}:$PATH; export PATH; {}", bin, line));
  }
  /// What docs/ci.md says to write into the file.
  void install_hook() {
    const std::string page = project_file("docs/ci.md");
    std::string script;
    for (std::size_t at = page.find("    #!/bin/sh"); page.compare(at, 4, "    ") == 0;) {
      const std::size_t end = page.find('\n', at) + 1;
      script += page.substr(at + 4, end - at - 4);
      at = end;
    }
    folder_.write(".git/hooks/pre-commit", script);
    fs::permissions(folder_.path(".git/hooks/pre-commit"), fs::perms::owner_all);
  }
  void move_card() { folder_.write("domains/web.xml", card_on_bus("2")); }

  Folder folder_;
};

TEST_F(Recipes, TheHookStopsACommitThatMovesADevice) {
  install_hook();
  folder_.write("domains/new.xml", card_on_bus("1", "new", "00000000-0000-0000-0000-000000000003"));
  EXPECT_EQ(shell("git add -A && git commit -qm second").code, 0);
  move_card();
  const Ran stopped = shell("git add -A && git commit -qm third");
  EXPECT_NE(stopped.code, 0);
  EXPECT_THAT(stopped.out + stopped.err, testing::StartsWith("domains/web.xml:12:5: error: "));
  EXPECT_THAT(shell("git log --oneline").out, testing::Not(HasSubstr("third")));
}

TEST_F(Recipes, TheHookLooksAtWhatIsStagedAndNotAtTheWorkTree) {
  install_hook();
  move_card();
  EXPECT_NE(shell("git add -A && cp domains/web.xml moved.xml && git show HEAD:domains/web.xml > domains/web.xml && "
                  "git commit -qm second")
                .code,
            0);
  folder_.write("domains/new.xml", card_on_bus("1", "new", "00000000-0000-0000-0000-000000000003"));
  const Ran passed =
      shell("git add domains && mv moved.xml domains/web.xml && git commit -qm third && git status --short");
  EXPECT_EQ(passed.code, 0) << passed.err;
  EXPECT_EQ(passed.out, " M domains/web.xml\n");
}

TEST_F(Recipes, TheHookLetsCommitsPassThatTouchNoConfig) {
  install_hook();
  EXPECT_EQ(shell("echo text > README && git add README && git commit -qm second").code, 0);
  EXPECT_EQ(shell("git rm -q domains/web.xml && git commit -qm third").code, 0);
}

TEST_F(Recipes, TheHookLetsTheFirstCommitPass) {
  shell("rm -rf .git && git init -q . && git config user.email a@b && git config user.name a");
  install_hook();
  const Ran passed = shell("git add -A && git commit -qm first && git log --oneline | wc -l");
  EXPECT_EQ(passed.code, 0) << passed.err;
  EXPECT_THAT(passed.out, testing::EndsWith("1\n"));
}

TEST_F(Recipes, PreCommitRunsTheCommandOnTheFilesThatItNames) {
  const std::string entry = line_after(project_file(".pre-commit-hooks.yaml"), "entry: ");
  EXPECT_EQ(shell(entry + " domains/web.xml").code, 0);
  move_card();
  EXPECT_THAT(shell(entry + " domains/web.xml").out, HasSubstr("domains/web.xml:12:5: error: "));
}

TEST_F(Recipes, TheDiffDriverTellsWhatAChangeMeans) {
  const std::string page = project_file("docs/ci.md");
  const std::string configure = line_after(page, "    git config diff.busproof.command ");
  ASSERT_FALSE(configure.empty());
  shell("git config diff.busproof.command " + configure);
  folder_.write(".gitattributes", "domains/*.xml diff=busproof\n");
  move_card();
  const Ran ran = shell("git diff domains");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("0000:01:00.0 -> 0000:02:00.0 [BP101 device-moved]"));
}

TEST_F(Recipes, TheDiffDriverTellsOfConfigsThatComeAndGo) {
  const std::string configure = line_after(project_file("docs/ci.md"), "    git config diff.busproof.command ");
  shell("git config diff.busproof.command " + configure);
  folder_.write(".gitattributes", "domains/*.xml diff=busproof\n");
  folder_.write("domains/new.xml", card_on_bus("1", "new", "00000000-0000-0000-0000-000000000003"));
  const Ran ran =
      shell("git rm -q domains/web.xml && git add domains/new.xml && git diff --no-renames --cached domains 2>&1");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("domains/new.xml: info: only the new side has it [BP301 domain-added]"));
  EXPECT_THAT(ran.out, HasSubstr("web.xml: warning: only the old side has it [BP302 domain-removed]"));
  EXPECT_THAT(ran.out, testing::Not(HasSubstr("/dev/null")));
}

TEST_F(Recipes, TheActionAnnotatesTellsAndWritesSarif) {
  move_card();
  const Ran ran =
      shell("GITHUB_STEP_SUMMARY=summary.md BUSPROOF_PATHS=domains BUSPROOF_AGAINST=git:HEAD " BUSPROOF_SOURCE_DIR
            "/.github/actions/busproof/check.sh");
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("::error file=domains/web.xml,line=12,col=5,title=BP101 device-moved::"));
  EXPECT_THAT(folder_.read("summary.md"), HasSubstr("| **error** | domains/web.xml:12 |"));
  EXPECT_THAT(folder_.read("busproof.sarif"), HasSubstr("\"version\": \"2.1.0\""));
}

TEST_F(Recipes, TheGitlabJobWritesBothReports) {
  move_card();
  const std::string script = line_after(project_file(".gitlab/busproof.yml"), "    - busproof ");
  ASSERT_FALSE(script.empty());
  const Ran ran = shell("BUSPROOF_PATHS=domains CI_MERGE_REQUEST_DIFF_BASE_SHA=HEAD; busproof " + script);
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_THAT(folder_.read("busproof.codequality.json"), HasSubstr("\"severity\": \"critical\""));
  EXPECT_THAT(folder_.read("busproof.junit.xml"), HasSubstr("<failure message="));
}

}  // namespace
}  // namespace busproof::cli_tests
