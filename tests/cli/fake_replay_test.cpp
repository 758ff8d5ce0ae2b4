#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A file of corpus/hosts.
std::string kept_host(const std::string& name) { return BUSPROOF_SOURCE_DIR "/corpus/hosts/" + name + ".json"; }

/// A scenario that reads the vendor of 01:00.0, which `machine` answered with `vendor`.
std::string scenario(const std::string& name, const std::string& machine, const std::string& vendor) {
  const Json step = {{"op", "read"}, {"path", "bus/pci/devices/0000:01:00.0/vendor"},
                     {"open", "ok"}, {"read", "ok"},
                     {"n", 7},       {"data", vendor + "\n"}};
  const Json line = {{"scenario", name}, {"topology", machine}, {"kernel", "6.1.0"}, {"steps", Json::array({step})}};
  return line.dump() + '\n';
}

class FakeReplay : public testing::Test {
 protected:
  FakeReplay() { fs::copy_file(kept_host("desktop"), folder_.path("sysfs-desktop.json")); }
  [[nodiscard]] Ran replay(const std::string& ops, const std::string& more = "") const {
    return folder_.run("fake replay - --tree sysfs-desktop.json " + more, ops);
  }
  Folder folder_;
};

TEST_F(FakeReplay, CountsWhatAgrees) {
  const Ran ran = replay(scenario("a", "desktop", "0x10de"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "1 of 1 scenarios, 1 of 1 steps agree\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(FakeReplay, PrintsEveryDifferenceAndEndsWithOne) {
  const Ran ran = replay(scenario("a", "desktop", "0x8086") + scenario("b", "desktop", "0x10de"));
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out,
            "a [desktop] step 0: read bus/pci/devices/0000:01:00.0/vendor: data\n"
            "    fake     \"0x10de\\n\"\n"
            "    recorded \"0x8086\\n\"\n"
            "1 of 2 scenarios, 1 of 2 steps agree\n");
}

TEST_F(FakeReplay, RunsOnlyWhatTheGlobNames) {
  const std::string ops = scenario("bind.a", "desktop", "0x8086") + scenario("vfio.b", "desktop", "0x10de");
  EXPECT_EQ(replay(ops, "--scenario 'vfio.*'").code, 0);
  EXPECT_EQ(replay(ops, "--scenario 'bind.?'").code, 1);
  const Ran none = replay(ops, "--scenario none");
  EXPECT_EQ(none.code, 3);
  EXPECT_EQ(none.err, "<stdin>: warning: no scenario is called none\n");
}

TEST_F(FakeReplay, TellsTheSameAsJson) {
  const Ran ran = replay(scenario("a", "desktop", "0x8086"), "--format json");
  EXPECT_EQ(ran.code, 1);
  const Json report = Json::parse(ran.out);
  EXPECT_EQ(report["scenarios_agreeing"], 0);
  EXPECT_EQ(report["steps"], 1);
  const Json& scenario = report["scenarios"][0];
  EXPECT_EQ(scenario["agrees"], false);
  EXPECT_EQ(scenario["differences"][0]["what"], "data");
  EXPECT_EQ(scenario["differences"][0]["recorded"], "\"0x8086\\n\"");
}

TEST_F(FakeReplay, FindsTheTreesOfOtherMachinesBesideTheGivenOneAndNextToItsFolder) {
  fs::create_directory(folder_.path("6.1"));
  fs::create_directory(folder_.path("6.12"));
  fs::rename(folder_.path("sysfs-desktop.json"), folder_.path("6.12/sysfs-desktop.json"));
  fs::copy_file(kept_host("no-iommu"), folder_.path("6.12/sysfs-no-iommu.json"));
  fs::copy_file(kept_host("nvme-box"), folder_.path("6.1/sysfs-nvme-box.json"));
  folder_.write("6.12/ops.jsonl", scenario("a", "desktop", "0x10de") + scenario("b", "no-iommu", "0xffff") +
                                      scenario("c", "nvme-box", "0xffff"));
  const Ran ran = folder_.run("fake replay 6.12/ops.jsonl --tree 6.12/sysfs-desktop.json");
  EXPECT_THAT(ran.out, EndsWith("of 3 scenarios, 1 of 3 steps agree\n"));
  EXPECT_EQ(ran.err,
            "6.12/ops.jsonl: note: scenarios of machine no-iommu run on 6.12/sysfs-no-iommu.json\n"
            "6.12/ops.jsonl: note: scenarios of machine nvme-box run on 6.1/sysfs-nvme-box.json\n");
  EXPECT_THAT(folder_.run("fake replay 6.12/ops.jsonl --tree 6.12").out, EndsWith("1 of 3 steps agree\n"));
}

TEST_F(FakeReplay, DoesNotPassWhatItCouldNotRun) {
  const Ran ran = replay(scenario("a", "desktop", "0x10de") + scenario("b", "elsewhere", "0x10de"));
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out,
            "b: not run: no tree of machine elsewhere\n"
            "1 of 1 scenarios, 1 of 1 steps agree\n");
  EXPECT_EQ(replay("").code, 3);
}

TEST_F(FakeReplay, SaysWhichLineIsNoScenario) {
  EXPECT_EQ(replay(scenario("a", "desktop", "0x10de") + "\n{\n").err,
            "<stdin>: error: line 3 is no recorded scenario: not JSON\n"
            "  remedy: one JSON object a line, as in a recording's ops.jsonl\n");
  for (const char* line : {"[]", "{}", R"({"scenario": 1, "topology": "desktop", "steps": []})",
                           R"({"scenario": "a", "topology": "desktop", "steps": [1]})",
                           R"({"scenario": "a", "topology": "desktop", "steps": [], "watch": [1]})",
                           R"({"scenario": "a", "topology": "desktop", "steps": [{"op": "race", "racers": [1]}]})",
                           R"({"scenario": "a", "topology": "desktop", "steps": [{"op": "race", "outcomes": 1}]})"}) {
    EXPECT_EQ(replay(line).code, 2) << line;
  }
  EXPECT_EQ(replay(R"({"scenario": "a", "topology": "desktop", "steps": [{}]})").code, 1);
}

TEST_F(FakeReplay, RefusesATreeThatIsNone) {
  folder_.write("tree.json", "{}");
  const Ran ran = folder_.run("fake replay - --tree tree.json", scenario("a", "desktop", "0x10de"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("tree.json"));
  EXPECT_EQ(folder_.run("fake replay - --tree none.json", "").code, 2);
}

TEST(Fake, SaysThatACommandIsMissing) {
  const Ran ran = Folder().run("fake");
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "busproof fake: error: a command is missing\nSee busproof fake --help.\n");
  EXPECT_THAT(Folder().run("fake repaly").err, HasSubstr("unknown command 'repaly'; did you mean 'replay'?"));
}

TEST(FakeReplayKernelTruth, AgreesWithWhatWasRecordedBesideTheCheckout) {
  const fs::path truth = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth";
  if (!fs::exists(truth)) GTEST_SKIP() << "no ../shared/kernel-truth";
  for (const char* kernel : {"linux-6.1", "linux-6.12"}) {
    const std::string recording = (truth / kernel).string();
    const Ran ran =
        Folder().run("fake replay " + recording + "/ops.jsonl --tree " + recording + "/sysfs-q35-intel.json");
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("Differences that are no kernel's doing:"));
    EXPECT_THAT(ran.out, HasSubstr(" scenarios, "));
  }
}

}  // namespace
}  // namespace busproof::cli_tests
