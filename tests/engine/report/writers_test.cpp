#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "engine/report/writer.h"
#include "tests/support/findings_builder.h"

namespace busproof::report {
namespace {

using abi::RuleId;
using Parsed = nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using tests::compared;
using tests::finding;

std::string written(std::string_view format, const std::vector<DomainReport>& reports) {
  const auto writer = find_format(format)->make({.command = "check", .version = "1.2.3"});
  std::string text = writer->begin();
  Totals totals;
  for (const DomainReport& report : reports) {
    add(totals, report);
    text += writer->add(report);
  }
  return text + writer->end(totals, 1);
}

DomainReport moved_nic() {
  Finding moved = finding(RuleId::DeviceMoved, "interface net0", "0000:01:00.0 -> 0000:02:00.0", 3);
  moved.witness = {{Observer::Linux, "enp1s0 becomes enp2s0"}, {Observer::Migration, "refused"}};
  return compared({moved});
}

DomainReport removed_disk() {
  Finding removed = finding(RuleId::DeviceRemoved, "disk vda", "at 0000:01:00.0", 2);
  removed.place.side = Place::Side::Old;
  return compared({removed});
}

DomainReport unreadable() {
  DomainReport report{.status = Status::Failed, .domain = {}, .uuid = {}, .file = "bad,name.xml"};
  report.error = locate({ErrorKind::Unreadable, "E001", "no XML"}, {"bad,name.xml", ""});
  return report;
}

TEST(TextWriter, PrintsWhatEditorsJumpTo) {
  EXPECT_EQ(written("text", {moved_nic()}),
            "db/web01.xml:2:3: error: interface net0: 0000:01:00.0 -> 0000:02:00.0 [BP101 device-moved]\n"
            "  Linux: enp1s0 becomes enp2s0; migration: refused\n"
            "  remedy: give it back its old <address>; pin addresses with busproof lock\n"
            "1 error, 0 warnings, 0 infos; 83 rules on 4 devices in 1 domain\n");
}

TEST(TextWriter, TellsOfWhatIsGoneWhereTheOldConfigHasIt) {
  EXPECT_THAT(written("text", {removed_disk()}), testing::StartsWith("old.xml:3:1: error: disk vda: "));
}

TEST(TextWriter, CountsWhatIsSuppressedAndWhatCouldNotBeRead) {
  DomainReport report = moved_nic();
  report.findings[0].suppressed_because = "planned";
  EXPECT_EQ(written("text", {report, unreadable()}),
            "0 errors, 0 warnings, 0 infos, 1 suppressed; 83 rules on 4 devices in 1 domain; 1 file not looked at\n");
}

TEST(JsonWriter, IsValidWithAndWithoutFindings) {
  const Parsed empty = Parsed::parse(written("json", {}));
  EXPECT_EQ(empty["findings"], Parsed::array());
  EXPECT_EQ(empty["domains"], Parsed::array());
  const Parsed json = Parsed::parse(written("json", {moved_nic(), removed_disk(), unreadable()}));
  EXPECT_EQ(json["kind"], "check");
  EXPECT_EQ(json["shard"], nullptr);
  ASSERT_EQ(json["findings"].size(), 2);
  EXPECT_EQ(json["findings"][0]["line"], 2);
  EXPECT_EQ(json["findings"][0]["witness"][0]["observer"], "Linux");
  EXPECT_EQ(json["findings"][1]["file"], "old.xml");
  ASSERT_EQ(json["domains"].size(), 3);
  EXPECT_EQ(json["domains"][2]["status"], "failed");
  EXPECT_EQ(json["domains"][2]["error"]["message"], "no XML");
  EXPECT_EQ(json["totals"]["exit_code"], 1);
  EXPECT_EQ(json["totals"]["errors"], 2);
}

TEST(GithubWriter, EscapesWhatCommandsAreMadeOf) {
  DomainReport report = compared({finding(RuleId::MachineAlias, "", "100%\nbad", 3)});
  report.file = "a,b:c.xml";
  report.findings[0].file = report.file;
  EXPECT_EQ(
      written("github", {report}),
      "::warning file=a%2Cb%3Ac.xml,line=2,col=3,title=BP215 machine-alias::web01: 100%25?bad%0Aremedy: write the "
      "versioned machine type that libvirt chose\n");
  EXPECT_EQ(written("github", {unreadable()}),
            "::error file=bad%2Cname.xml,line=1,col=1,title=not looked at::no XML\n");
}

TEST(GithubWriter, PutsWhatIsGoneToTheBeginningOfTheFileThatIsThere) {
  EXPECT_THAT(written("github", {removed_disk()}), HasSubstr("file=db/web01.xml,line=1,col=1,"));
}

TEST(GitlabWriter, WritesAnArrayOfIssues) {
  EXPECT_EQ(Parsed::parse(written("gitlab", {})), Parsed::array());
  const Parsed issues = Parsed::parse(written("gitlab", {moved_nic(), unreadable()}));
  EXPECT_EQ(issues[0], Parsed::parse(R"json({
      "description": "web01: interface net0: 0000:01:00.0 -> 0000:02:00.0 (Linux: enp1s0 becomes enp2s0; migration: refused)",
      "check_name": "BP101 device-moved",
      "fingerprint": "db/web01.xml|BP101|interface net0|1",
      "severity": "critical",
      "location": {
    "path" : "db/web01.xml", "lines" : {"begin" : 2}}
})json"));
  EXPECT_EQ(issues[1]["severity"], "blocker");
}

TEST(Fingerprints, StayWhenLinesMoveAndDifferWhenAllElseIsEqual) {
  const auto twice = [](std::string_view text, std::size_t offset) {
    const Finding queues = finding(RuleId::PropertyChanged, "disk vda", "a: 1 -> 2", offset);
    Finding other = queues;
    other.change = "b: 1 -> 2";
    return locate({queues, other}, {}, {"web01.xml", text});
  };
  const auto high = twice("<x/>", 1), low = twice("\n\n\n<x/>", 4);
  EXPECT_NE(high[0].place, low[0].place);
  EXPECT_EQ(high[0].fingerprint, low[0].fingerprint);
  EXPECT_NE(high[0].fingerprint, high[1].fingerprint);
}

TEST(JunitWriter, HasACaseForEachGroupOfRulesThatWasRun) {
  EXPECT_EQ(written("junit", {moved_nic()}),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="busproof check">
  <testsuite name="web01" tests="5" failures="1" errors="0" skipped="0" file="db/web01.xml">
    <testcase classname="web01" name="places of devices" file="db/web01.xml">
      <failure message="web01: interface net0: 0000:01:00.0 -> 0000:02:00.0">db/web01.xml:2:3: error: web01: interface net0: 0000:01:00.0 -&gt; 0000:02:00.0 [BP101 device-moved]
  Linux: enp1s0 becomes enp2s0; migration: refused
  remedy: give it back its old &lt;address&gt;; pin addresses with busproof lock
</failure>
    </testcase>
    <testcase classname="web01" name="properties of devices" file="db/web01.xml" />
    <testcase classname="web01" name="controllers" file="db/web01.xml" />
    <testcase classname="web01" name="the whole domain" file="db/web01.xml" />
    <testcase classname="web01" name="the config alone" file="db/web01.xml" />
  </testsuite>
</testsuites>
)");
}

TEST(JunitWriter, TellsOfWhatDoesNotFailBesides) {
  const std::string text =
      written("junit", {compared({finding(RuleId::MachineAlias, "", "machine 'q35'")}), unreadable()});
  EXPECT_THAT(text, Not(HasSubstr("<failure")));
  EXPECT_THAT(text, HasSubstr("<system-out>"));
  EXPECT_THAT(text, HasSubstr(R"(<error message="no XML">)"));
}

TEST(MarkdownWriter, EscapesWhatWouldBreakTheTable) {
  DomainReport report = compared({finding(RuleId::ModelChanged, "interface <b>|`x`", "a*b -> c_d", 3)});
  EXPECT_THAT(
      written("markdown", {report}),
      HasSubstr(R"(| **error** | db/web01.xml:2 | interface \<b\>\|\`x\` | a\*b -\> c\_d (BP120 model-changed) |  |)"));
}

TEST(MarkdownWriter, EndsBeforeACommentIsTooLong) {
  const std::string text = written("markdown", std::vector<DomainReport>(1000, moved_nic()));
  EXPECT_LT(text.size(), 65'536);
  EXPECT_THAT(text, HasSubstr(" more rows left out here.\n"));
  EXPECT_THAT(text, HasSubstr("1000 errors"));
}

}  // namespace
}  // namespace busproof::report
