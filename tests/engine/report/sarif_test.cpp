#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "engine/report/writer.h"
#include "tests/support/findings_builder.h"

// What the published schema of SARIF 2.1.0 asks of the parts that busproof writes, and what GitHub's code scanning asks
// besides.
namespace busproof::report {
namespace {

using abi::RuleId;
using Parsed = nlohmann::json;
using tests::compared;
using tests::finding;

Parsed sarif(const std::vector<DomainReport>& reports) {
  const auto writer = sarif_writer({.command = "check", .version = "1.2.3"});
  std::string text = writer->begin();
  for (const DomainReport& report : reports) text += writer->add(report);
  return Parsed::parse(text + writer->end({}, 1));
}

DomainReport report() {
  DomainReport report = compared({finding(RuleId::DeviceMoved, "interface net0", "a -> b", 3),
                                  finding(RuleId::MachineAlias, "", "machine 'q35'")});
  report.findings[0].baseline = Baseline::New;
  report.findings[1].baseline = Baseline::Unchanged;
  report.findings[1].suppressed_because = "planned";
  return report;
}

/// One row an object: only these members may be in it ("additionalProperties": false in the schema), and those marked
/// must.
struct Members {
  std::string_view path;
  std::set<std::string> allowed, required;
};
const std::array kMembers = {
    Members{"", {"$schema", "version", "runs"}, {"version", "runs"}},
    Members{"/runs/0", {"tool", "results", "invocations"}, {"tool"}},
    Members{"/runs/0/tool", {"driver"}, {"driver"}},
    Members{"/runs/0/tool/driver", {"name", "version", "rules"}, {"name"}},
    Members{"/runs/0/tool/driver/rules/0",
            {"id", "name", "shortDescription", "help", "defaultConfiguration"},
            {"id", "help"}},
    Members{"/runs/0/tool/driver/rules/0/shortDescription", {"text"}, {"text"}},
    Members{"/runs/0/tool/driver/rules/0/help", {"text", "markdown"}, {"text"}},
    Members{"/runs/0/tool/driver/rules/0/defaultConfiguration", {"level"}, {}},
    Members{"/runs/0/results/0",
            {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "baselineState",
             "suppressions"},
            {"message"}},
    Members{"/runs/0/results/0/message", {"text"}, {"text"}},
    Members{"/runs/0/results/0/locations/0", {"physicalLocation", "logicalLocations"}, {}},
    Members{"/runs/0/results/0/locations/0/physicalLocation", {"artifactLocation", "region"}, {"artifactLocation"}},
    Members{"/runs/0/results/0/locations/0/physicalLocation/artifactLocation", {"uri"}, {}},
    Members{"/runs/0/results/0/locations/0/physicalLocation/region", {"startLine", "startColumn"}, {"startLine"}},
    Members{"/runs/0/results/0/locations/0/logicalLocations/0", {"name", "fullyQualifiedName"}, {}},
    Members{"/runs/0/results/1/suppressions/0", {"kind", "justification"}, {"kind"}},
    Members{"/runs/0/invocations/0",
            {"executionSuccessful", "exitCode", "toolExecutionNotifications"},
            {"executionSuccessful"}},
};

TEST(Sarif, HasTheMembersOfTheSchemaAndNoOthers) {
  const Parsed log = sarif({report()});
  for (const Members& row : kMembers) {
    const Parsed& object = log.at(Parsed::json_pointer(std::string(row.path)));
    ASSERT_TRUE(object.is_object()) << row.path;
    for (const auto& [name, value] : object.items()) EXPECT_TRUE(row.allowed.contains(name)) << row.path << "/" << name;
    for (const std::string& name : row.required) EXPECT_TRUE(object.contains(name)) << row.path << "/" << name;
  }
  EXPECT_EQ(log["version"], "2.1.0");
}

TEST(Sarif, EveryResultNamesItsRuleByIdAndIndex) {
  const Parsed log = sarif({report()});
  const Parsed& rules = log["runs"][0]["tool"]["driver"]["rules"];
  EXPECT_EQ(rules.size(), abi::kRules.size());
  for (const Parsed& result : log["runs"][0]["results"])
    EXPECT_EQ(rules[result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
}

TEST(Sarif, LevelsAndBaselinesAreThoseOfTheSchema) {
  const Parsed results = sarif({report()})["runs"][0]["results"];
  EXPECT_EQ(results[0]["level"], "error");
  EXPECT_EQ(results[0]["baselineState"], "new");
  EXPECT_EQ(results[1]["level"], "warning");
  EXPECT_EQ(results[1]["baselineState"], "unchanged");
  EXPECT_EQ(results[1]["suppressions"][0]["justification"], "planned");
}

TEST(Sarif, PathsAreRelativeUris) {
  DomainReport odd = report();
  odd.file = odd.findings[0].file = "./vms/web 01%.xml";
  const Parsed location = sarif({odd})["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
  EXPECT_EQ(location["artifactLocation"]["uri"], "vms/web%2001%25.xml");
  EXPECT_EQ(location["region"]["startLine"], 2);
  EXPECT_EQ(location["region"]["startColumn"], 3);
  odd.file = odd.findings[0].file = "/srv/web01.xml";
  EXPECT_EQ(sarif({odd})["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "file:///srv/web01.xml");
}

TEST(Sarif, AFileThatCouldNotBeReadIsToldOfTheRun) {
  DomainReport bad{.status = Status::Failed, .domain = {}, .uuid = {}, .file = "bad.xml"};
  bad.error = locate({ErrorKind::Unreadable, "E001", "no XML"}, {"bad.xml", ""});
  const Parsed invocation = sarif({bad})["runs"][0]["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);
  EXPECT_EQ(invocation["exitCode"], 1);
  EXPECT_EQ(invocation["toolExecutionNotifications"][0]["message"]["text"], "no XML");
}

}  // namespace
}  // namespace busproof::report
