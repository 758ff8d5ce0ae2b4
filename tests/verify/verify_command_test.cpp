#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <sstream>
#include <string>

// `busproof verify` as its users call it.
namespace busproof::verify {
namespace {

using ::testing::HasSubstr;

struct Said {
  int code = -1;
  std::string text{};  ///< both streams
};

Said verify(const std::string& arguments) {
  Said said;
  FILE* pipe = ::popen((std::string(BUSPROOF_COMMAND) + " verify " + arguments + " 2>&1").c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said.text += static_cast<char>(c);
  said.code = WEXITSTATUS(::pclose(pipe));
  return said;
}

std::string corpus(const std::string& path) { return std::string(BUSPROOF_SOURCE_DIR) + "/corpus/" + path; }

TEST(VerifyCommand, ListsEveryLawOfTheDesign) {
  const Said said = verify("--list");
  EXPECT_EQ(said.code, 0);
  for (int number = 1; number <= 12; ++number)
    EXPECT_THAT(said.text, testing::ContainsRegex(" law " + std::to_string(number) + "[:,]"));
}

TEST(VerifyCommand, SaysWhatItCovered) {
  const Said said = verify("--seed 4 --cases 40 --jobs 2");
  EXPECT_EQ(said.code, 0) << said.text;
  for (const char* const part : {"domains: 40 cases", "histories: 40 cases", "hosts: 40 cases", "    controller:",
                                 "    depth:", "    refused:", "    fault:", "never seen:", "every law held"})
    EXPECT_THAT(said.text, HasSubstr(part));
}

TEST(VerifyCommand, FitsATerminal) {
  for (const char* const arguments : {"--list", "--seed 4 --cases 3 --jobs 1"}) {
    std::istringstream lines(verify(arguments).text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(VerifyCommand, DoesNotPassWhatItHasNotLookedAt) {
  const Said said = verify("--cases 0");
  EXPECT_EQ(said.code, 3);
  EXPECT_THAT(said.text, HasSubstr("nothing was looked at\n"));
  EXPECT_THAT(said.text, testing::Not(HasSubstr("every law held")));
}

TEST(VerifyCommand, RefusesNumbersBelowZero) {
  for (const char* const option : {"--cases", "--first", "--seed"})
    EXPECT_EQ(verify(std::string(option) + " -1").code, 2) << option;
}

TEST(VerifyCommand, HuntsOnAHostOfTheUsers) {
  const Said said = verify("--host-model " + corpus("hosts/desktop.json") + " --seed 4 --cases 20");
  EXPECT_EQ(said.code, 0) << said.text;
  EXPECT_THAT(said.text, HasSubstr("hosts: 20 cases"));
  EXPECT_THAT(said.text, testing::Not(HasSubstr("domains:")));
  EXPECT_EQ(verify("--host-model " + corpus("hosts/desktop.txt") + " --cases 1").code, 2);
}

TEST(VerifyCommand, ReplaysACaseFromItsFolderOrItsScript) {
  const std::string folder = corpus("counterexamples/group-of-two-guests");
  EXPECT_EQ(verify("--replay " + folder).text, folder + ": every law of hosts held\n");
  EXPECT_EQ(verify("--replay " + folder + "/script.txt").code, 0);
  EXPECT_EQ(verify("--replay " + corpus("counterexamples/usb-disabled-beside-another/in.xml")).code, 0);
}

TEST(VerifyCommand, AsksLibvirtAboutRandomDomainsOnly) {
  const Said said = verify("--oracle libvirt:test:///default --host-model " + corpus("hosts/desktop.json"));
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, HasSubstr("goes with neither --start nor --host-model"));
}

}  // namespace
}  // namespace busproof::verify
