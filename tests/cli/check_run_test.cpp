#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/cli/command.h"

// How a run of `check` is steered: suppressions, shards, what it is compared with.
namespace busproof::cli_tests {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string with_alias(std::string config) {
  const std::string machine = "pc-q35-7.2";
  return config.replace(config.find(machine), machine.size(), "q35");
}

TEST(Suppression, HidesAFindingAndIsCounted) {
  const Folder folder;
  folder.write("web.xml", with_alias(card_on_bus("1")));
  EXPECT_EQ(folder.run("check web.xml --fail-on warning").code, 1);
  folder.write(".busproof.toml", "[[suppress]]\nrule = \"BP215\"\ndomain = \"web01\"\nreason = \"known\"\n");
  const Ran ran = folder.run("check web.xml --fail-on warning");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("0 errors, 0 warnings, 0 infos, 1 suppressed; "));
  const Json sarif = Json::parse(folder.run("check web.xml --format sarif").out);
  EXPECT_EQ(sarif["runs"][0]["results"][0]["suppressions"][0]["justification"], "known");
}

TEST(Suppression, IsFoundInTheNearestFolderUp) {
  const Folder folder;
  std::filesystem::create_directories(folder.path("a/b"));
  folder.write("a/b/web.xml", with_alias(card_on_bus("1")));
  folder.write(".busproof.json", R"({"suppress": [{"rule": "BP215", "reason": "known"}]})");
  const Ran ran = folder.shell("cd a/b && " BUSPROOF_COMMAND " check web.xml --fail-on warning");
  EXPECT_EQ(ran.code, 0);
}

TEST(Suppression, ThatHasExpiredIsAFindingItself) {
  const Folder folder;
  folder.write("web.xml", with_alias(card_on_bus("1")));
  folder.write("known.toml", "# why\n[[suppress]]\nrule = \"BP215\"\nreason = \"known\"\nexpires = 2026-01-31\n");
  ::setenv("SOURCE_DATE_EPOCH", "1769817600", 1);  // 2026-01-31
  EXPECT_EQ(folder.run("check web.xml --config known.toml --fail-on warning").code, 0);
  ::setenv("SOURCE_DATE_EPOCH", "1769904000", 1);  // 2026-02-01
  const Ran ran = folder.run("check web.xml --config known.toml --fail-on warning");
  ::unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("[BP215 machine-alias]"),
                             HasSubstr("known.toml:3:1: warning: BP215 (known) has expired on 2026-01-31 [BP311")));
}

TEST(Suppression, ThatHidesNothingIsAFindingItself) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  folder.write(".busproof.toml", "[[suppress]]\nrule = \"BP215\"\nreason = \"known\"\n");
  const Ran ran = folder.run("check web.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr(".busproof.toml:2:1: info: BP215 (known) hides nothing [BP310 suppression-unused]"));
}

TEST(Suppression, FileThatCannotBeUnderstoodIsUnusable) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  folder.write(".busproof.toml", "[[suppress]]\nrule = \"BP215\"\n");
  const Ran ran = folder.run("check web.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr(".busproof.toml:2:1: the suppression of BP215 gives no reason"));
  EXPECT_EQ(folder.run("check web.xml --config missing.toml").code, 2);
}

/// A guest whose memory comes from that node of the host, with a graphics card of node 1.
std::string card_of_host(std::string_view memory_node) {
  return fmt::format(R"(<domain type='kvm'>
  <name>guest</name><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <numatune><memory mode='strict' nodeset='{}'/></numatune>
  <devices>
  <hostdev mode='subsystem' type='pci' managed='yes'>
    <source><address domain='0' bus='0x86' slot='0' function='0'/></source>
  </hostdev>
  </devices>
</domain>
)",
                     memory_node);
}

class Shards : public testing::Test {
 protected:
  Shards() {
    std::filesystem::create_directories(folder_.path("vms"));
    for (unsigned i = 0; i < 9; ++i)
      folder_.write(fmt::format("vms/{}.xml", i),
                    with_alias(card_on_bus("1", fmt::format("vm{}", i),
                                           fmt::format("00000000-0000-0000-0000-00000000000{}", i))));
  }

  std::set<std::string> configs(std::string_view words, std::string_view environment = "") {
    const Ran ran =
        folder_.shell(fmt::format("{} {} check vms --format json {}", environment, BUSPROOF_COMMAND, words));
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::set<std::string> names;
    const Json json = Json::parse(ran.out);
    for (const Json& domain : json["domains"]) names.insert(domain["config"]);
    return names;
  }

  Folder folder_;
};

TEST_F(Shards, TogetherDoAllTheWorkOnce) {
  std::set<std::string> all;
  for (const char* shard : {"1/4", "2/4", "3/4", "4/4"}) {
    const auto part = configs(std::string("--shard ") + shard);
    EXPECT_GE(part.size(), 2);
    for (const std::string& config : part) EXPECT_TRUE(all.insert(config).second) << config;
  }
  EXPECT_EQ(all.size(), 9);
}

TEST_F(Shards, AreChosenByTheEnvironmentOfBatchSystems) {
  const auto third = configs("--shard 3/4");
  EXPECT_EQ(configs("", "BUSPROOF_SHARD=3/4"), third);
  EXPECT_EQ(configs("", "BUSPROOF_SHARD=auto/4 JOB_COMPLETION_INDEX=2"), third);
  EXPECT_EQ(configs("", "BUSPROOF_SHARD=auto/4 SLURM_ARRAY_TASK_ID=3"), third);
  EXPECT_EQ(configs("--shard auto", "SLURM_ARRAY_TASK_ID=12 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_COUNT=4"), third);
  EXPECT_EQ(configs("--shard 3/4", "BUSPROOF_SHARD=1/4"), third);
}

TEST_F(Shards, ThatCannotBeAreUnusable) {
  for (const char* shard : {"0/4", "5/4", "1", "a/b", "1/0", "-1/4"})
    EXPECT_EQ(folder_.run(std::string("check vms --shard=") + shard).code, 2) << shard;
  EXPECT_EQ(folder_.run("check vms --shard auto/4").code, 2);
}

TEST_F(Shards, ThatHaveNothingToDoArePassedByNobody) { EXPECT_EQ(folder_.run("check vms --shard 10/10").code, 3); }

TEST_F(Shards, MergedAreAsIfThereHadBeenOne) {
  for (const char* shard : {"1", "2", "3"})
    folder_.shell(fmt::format("{0} check vms --shard {1}/3 --format json=part{1}.json", BUSPROOF_COMMAND, shard));
  const Ran whole = folder_.run("check vms --format json");
  const Ran merged = folder_.run("merge part3.json part1.json part2.json");
  EXPECT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(merged.out, whole.out);
}

TEST_F(Shards, WithNothingToDoAreNoBlemishOfTheWhole) {
  for (int shard = 1; shard <= 11; ++shard)
    folder_.shell(fmt::format("{0} check vms --shard {1}/11 --format json=part{1}.json", BUSPROOF_COMMAND, shard));
  const Ran whole = folder_.run("check vms --format json");
  const Ran merged = folder_.shell(BUSPROOF_COMMAND " merge part?.json part??.json");
  EXPECT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(merged.out, whole.out);
  EXPECT_EQ(merged.err, whole.err);
}

TEST_F(Shards, OfNothingAreNoPassWhenMerged) {
  std::filesystem::create_directory(folder_.path("empty"));
  for (const char* shard : {"1", "2"})
    folder_.shell(fmt::format("{0} check empty --shard {1}/2 --format json=part{1}.json", BUSPROOF_COMMAND, shard));
  EXPECT_EQ(folder_.run("merge part1.json part2.json").code, 3);
}

TEST_F(Shards, RunUnderGnuParallel) {
  if (std::system("parallel --version 2>/dev/null | grep -q GNU") != 0) GTEST_SKIP() << "GNU parallel is not installed";
  const Ran whole = folder_.run("check vms --format json");
  const Ran merged = folder_.shell("seq 3 | parallel --will-cite -j2 " BUSPROOF_COMMAND
                                   " check vms --shard {}/3 --format json=part{}.json 2>/dev/null && " BUSPROOF_COMMAND
                                   " merge part*.json");
  EXPECT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(merged.out, whole.out);
}

TEST_F(Shards, OfWhichOneIsMissingAreNoWhole) {
  folder_.shell(BUSPROOF_COMMAND " check vms --shard 1/3 --format json=part1.json");
  folder_.shell(BUSPROOF_COMMAND " check vms --shard 3/3 --format json=part3.json");
  const Ran ran = folder_.run("merge part1.json part3.json");
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("shard 2 of 3 is missing"));
  EXPECT_EQ(folder_.run("merge part1.json part1.json part3.json").code, 2);
}

TEST(Merge, RefusesWhatIsNoResult) {
  const Folder folder;
  folder.write("list.json", "[]");
  folder.write("broken.json", "{");
  folder.write("other.json", R"({"schema_version": 9, "kind": "check", "totals": {}})");
  for (const char* file : {"list.json", "broken.json", "other.json", "missing.json"})
    EXPECT_EQ(folder.run(std::string("merge ") + file).code, 2) << file;
}

TEST(Against, ALockFileIsOneThatCheckKnows) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  EXPECT_EQ(folder.run("lock web.xml").code, 0);
  EXPECT_EQ(folder.run("check web.xml --against busproof.lock").code, 0);
  folder.write("web.xml", card_on_bus("2"));
  const Ran ran = folder.run("check web.xml --against busproof.lock");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("[BP101 device-moved]"));
  folder.write("busproof.lock", "{\"busproof_lock\": ");
  EXPECT_EQ(folder.run("check web.xml --against busproof.lock").code, 2);
}

TEST(Against, AnEmptyFolderIsNoReference) {
  const Folder folder;
  folder.write("web.xml", card_on_bus("1"));
  std::filesystem::create_directory(folder.path("empty"));
  EXPECT_EQ(folder.run("check web.xml --against empty").code, 3);
  EXPECT_EQ(folder.run("check web.xml --against missing").code, 2);
}

TEST(Check, LeavesNothingOfItsReportsWhenItIsKilled) {
  const Folder folder;
  // It waits for its config with the report begun.
  folder.shell("mkfifo pipe; " BUSPROOF_COMMAND
               " check - --format json=out.json <pipe & exec 3>pipe; sleep 0.5; "
               "kill -KILL $!; wait $!; rm pipe");
  EXPECT_EQ(folder.entry_count(), 0);
}

TEST(Check, TellsWhichCardsAreFarFromTheGuestsMemory) {
  const Folder folder;
  folder.write("near.xml", card_of_host("1"));
  folder.write("far.xml", card_of_host("0"));
  const Ran ran =
      folder.run("check near.xml far.xml --host-model " BUSPROOF_SOURCE_DIR "/corpus/hosts/dual-socket.json");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("far.xml:5:3: warning: hostdev #1: host device 0000:86:00.0 is on node 1, the guest's "
                                 "memory on node 0 [BP210 far-from-node]"));
  EXPECT_THAT(ran.out, Not(HasSubstr("near.xml:5:3: warning: hostdev #1: host")));
  EXPECT_THAT(folder.run("check far.xml").out, Not(HasSubstr("BP210")));
  EXPECT_EQ(folder.run("check far.xml --host-model missing.json").code, 2);
}

class Git : public testing::Test {
 protected:
  Git() {
    std::filesystem::create_directories(folder_.path("vms/db"));
    shell("git init -q -b main . && git config user.email a@b && git config user.name a");
    folder_.write("vms/web.xml", card_on_bus("1", "web", "00000000-0000-0000-0000-000000000001"));
    folder_.write("vms/db/db.xml", card_on_bus("1", "db", "00000000-0000-0000-0000-000000000002"));
    folder_.write("vms/net.xml", "<network/>");
    shell("git add -A && git commit -qm first");
  }

  void SetUp() override {
    if (std::system("git --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "git is not installed";
  }

  void shell(const std::string& words) { folder_.shell(words); }

  Folder folder_;
};

TEST_F(Git, ComparesWithARevision) {
  EXPECT_THAT(folder_.run("check vms --against git:HEAD").out, HasSubstr("in 2 domains\n"));
  EXPECT_EQ(folder_.run("check vms --against git:HEAD").code, 0);
  folder_.write("vms/web.xml", card_on_bus("2", "web", "00000000-0000-0000-0000-000000000001"));
  const Ran ran = folder_.run("check vms --against git:HEAD --format json");
  EXPECT_EQ(ran.code, 1);
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json["findings"][0]["rule"], "BP101");
  EXPECT_EQ(json["domains"][1]["old_config"], "git:HEAD:vms/web.xml");
}

TEST_F(Git, WorksFromAFolderBelowAndFollowsRenamedFiles) {
  shell("git mv vms/web.xml vms/db/renamed.xml");
  folder_.write("vms/db/renamed.xml", card_on_bus("2", "web", "00000000-0000-0000-0000-000000000001"));
  const Ran ran = folder_.shell("cd vms/db && " BUSPROOF_COMMAND " check . --against git:HEAD");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, StartsWith("./renamed.xml:12:5: error: interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> "));
  EXPECT_THAT(ran.out, Not(HasSubstr("domain-removed")));
}

TEST_F(Git, TellsWhatHasComeAndGoneBelowThePaths) {
  shell("git rm -q vms/db/db.xml");
  folder_.write("vms/new.xml", card_on_bus("1", "new", "00000000-0000-0000-0000-000000000003"));
  const Ran ran = folder_.run("check vms --against git:HEAD");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("vms/new.xml: info: only the new side has it [BP301 domain-added]"),
                             HasSubstr("git:HEAD:vms/db/db.xml: warning: only the old side has it [BP302")));
  EXPECT_THAT(folder_.run("check vms/web.xml --against git:HEAD").out, Not(HasSubstr("BP302")));
}

TEST_F(Git, KnowsWhatComesFromElsewhereByUuid) {
  const std::string moved = card_on_bus("2", "web", "00000000-0000-0000-0000-000000000001");
  const Ran ran = folder_.run("check - --against git:HEAD", moved);
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("<stdin>:12:5: error: interface 52:54:00:aa:bb:cc: 0000:01:00.0 -> 0000:02:00.0"));
  EXPECT_THAT(ran.out, Not(HasSubstr("domain-removed")));
}

TEST_F(Git, RevisionThatThereIsNotIsUnusable) {
  const Ran ran = folder_.run("check vms --against git:nosuch");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("git knows no revision 'nosuch'"));
  EXPECT_EQ(folder_.run("check vms --against git:").code, 2);
  EXPECT_EQ(folder_.run("check vms --against git:--all").code, 2);
}

}  // namespace
}  // namespace busproof::cli_tests
