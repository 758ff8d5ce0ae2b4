// `busproof host` as its user runs it: on a model in a file, one command after the other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using Json = nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A folder with the desktop of the corpus, whose graphics card and sound share a group.
class HostCommands : public testing::Test {
 protected:
  HostCommands() {
    std::filesystem::copy_file(BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json", folder_.path("host.json"));
  }
  Ran run(const std::string& arguments) { return folder_.run("host " + arguments + " --host-model host.json"); }
  Folder folder_;
};

constexpr const char* kGuest = R"(<domain type='kvm'>
  <name>web01</name><memory>1048576</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <driver name='vfio'/>
      <source><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source>
    </hostdev>
  </devices>
</domain>
)";

TEST_F(HostCommands, ThereAndBackAgain) {
  const Ran away = run("detach 02:00.0");
  EXPECT_EQ(away.code, 0) << away.err;
  EXPECT_THAT(away.out, HasSubstr("0000:02:00.0: vfio-pci, override vfio-pci\ndetach: done\n"));
  EXPECT_THAT(run("status").out, HasSubstr("0000:02:00.0: inactive, on vfio-pci, from igc with override unset"));
  EXPECT_THAT(run("detach 02:00.0").out,
              EndsWith("0000:02:00.0: vfio-pci, override vfio-pci\ndetach: nothing to do\n"));
  const Ran back = run("reattach 02:00.0");
  EXPECT_EQ(back.code, 0) << back.err;
  EXPECT_THAT(back.out, HasSubstr("0000:02:00.0: igc, override unset\n"));
  EXPECT_EQ(run("status").out, "no device is given away\n");
}

TEST_F(HostCommands, ADomainIsPreparedAndReleased) {
  folder_.write("web01.xml", kGuest);
  EXPECT_EQ(run("prepare web01.xml").code, 0);
  const Ran again = run("prepare web01.xml");
  EXPECT_EQ(again.code, 4);
  EXPECT_THAT(again.err, StartsWith("error: 0000:02:00.0: in-use: in use by driver qemu, domain web01\n"));
  EXPECT_EQ(run("detach 02:00.0").code, 4);
  EXPECT_EQ(run("release web01.xml").code, 0);
  EXPECT_EQ(run("status").out, "no device is given away\n");
  EXPECT_EQ(run("release web01.xml").out, "release: nothing to do\n");
}

TEST_F(HostCommands, AModelHasOneLedgerWhateverLinkNamesIt) {
  std::filesystem::create_symlink("host.json", folder_.path("link.json"));
  EXPECT_EQ(folder_.run("host detach 02:00.0 --host-model link.json").code, 0);
  EXPECT_THAT(run("status").out, HasSubstr("0000:02:00.0: inactive, on vfio-pci, from igc"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_.path("link.json")));
  EXPECT_THAT(run("reattach 02:00.0").out, HasSubstr("0000:02:00.0: igc, override unset\n"));
}

TEST_F(HostCommands, ADomainThatNeedsNothingIsPreparedAtOnce) {
  folder_.write("bare.xml", "<domain type='kvm'><name>bare</name><os><type>hvm</type></os></domain>");
  const Ran ran = run("prepare bare.xml");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "prepare: nothing to do\n");
  EXPECT_EQ(run("rehearse prepare bare.xml").code, 0);
}

TEST_F(HostCommands, ADomainWithoutANameHasNothingOfItsOwn) {
  std::string guest(kGuest);
  const std::size_t name = guest.find("<name>");
  guest.erase(name, guest.find("</name>") + 7 - name);
  folder_.write("nameless.xml", guest);
  const Ran ran = run("prepare nameless.xml");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("missing name information"));
  EXPECT_EQ(run("status").out, "no device is given away\n");
}

TEST_F(HostCommands, ACardOutOfAPoolIsNotPreparedAndThatIsSaid) {
  std::string guest(kGuest);
  guest.insert(guest.find("</devices>"),
               "<interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='pool'/></interface>");
  folder_.write("web01.xml", guest);
  const Ran ran = run("prepare web01.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err,
              StartsWith("web01.xml: warning: interface 52:54:00:aa:bb:cc is on a network: if that is a pool of "
                         "virtual functions, which one it gets is chosen when the guest starts"));
}

TEST_F(HostCommands, ADryRunWritesNothing) {
  const std::string before = folder_.read("host.json");
  const std::size_t entries = folder_.entry_count();
  const Ran ran = run("detach 02:00.0 --dry-run");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "load module vfio_pci\n"
            "0000:02:00.0: driver_override: (unset) -> vfio-pci\n"
            "0000:02:00.0: unbind from igc\n"
            "0000:02:00.0: probe, to be bound to vfio-pci\n"
            "0000:02:00.0: check that vfio-pci lets a guest open it\n"
            "note: 0000:02:00.0: there is no modules.alias: variants of vfio-pci were not looked for\n");
  EXPECT_EQ(run("plan detach 02:00.0").out, ran.out);
  const Json plan = Json::parse(run("plan detach 02:00.0 --format json").out);
  EXPECT_EQ(plan["result"], "planned");
  EXPECT_EQ(plan["steps"][1]["path"], "bus/pci/drivers/igc/unbind");
  EXPECT_EQ(folder_.read("host.json"), before);
  EXPECT_EQ(folder_.entry_count(), entries);
}

TEST_F(HostCommands, RefusalsSayWhyAndWhatWouldHelp) {
  const Ran group = run("detach 01:00.0");
  EXPECT_EQ(group.code, 4);
  EXPECT_THAT(group.err, HasSubstr("group-not-viable"));
  EXPECT_THAT(group.err, HasSubstr("0000:01:00.1 (native)"));
  EXPECT_THAT(group.err, HasSubstr("remedy: 0000:01:00.1: is on snd_hda_intel: detach it too"));
  const Ran console = run("detach 01:00.0 --group companions");
  EXPECT_EQ(console.code, 4);
  EXPECT_THAT(console.err, HasSubstr("host-critical: the host itself uses it: boot console"));
  const Ran forced = run("detach 01:00.0 --group companions --force");
  EXPECT_EQ(forced.code, 0) << forced.err;
  EXPECT_THAT(forced.out, HasSubstr("forced: 0000:01:00.0: host-critical"));
  const Ran variant = run("plan detach 02:00.0 --variant require");
  EXPECT_EQ(variant.code, 4);
  EXPECT_THAT(variant.err, HasSubstr("driver-not-found: there is no modules.alias to find a variant of vfio-pci in"));
  const Json refusal = Json::parse(run("detach 00:01.0 --format json").out);
  EXPECT_EQ(refusal["result"], "refused");
  EXPECT_EQ(refusal["error"]["code"], "not-assignable");
}

TEST_F(HostCommands, WithoutAHostTheySayWhatToPass) {
  for (const std::string command : {"detach 02:00.0", "status", "recover", "rehearse reset 02:00.0"}) {
    const Ran ran = folder_.run("host " + command);
    EXPECT_EQ(ran.code, 2) << command;
    EXPECT_THAT(ran.err, HasSubstr("pass --host-model FILE.json to work on a model, or --real")) << command;
  }
}

TEST_F(HostCommands, WhatCannotBeReadIsUnusable) {
  EXPECT_EQ(run("detach garbage").code, 2);
  EXPECT_EQ(run("detach 0000:00:20.0").code, 2);
  EXPECT_EQ(run("detach 0000:00:1e.7").code, 4);
  EXPECT_EQ(run("prepare none.xml").code, 2);
  EXPECT_EQ(run("detach 02:00.0 --group some").code, 2);
  folder_.write("torn.json", folder_.read("host.json").substr(0, 5000));
  EXPECT_EQ(folder_.run("host detach 02:00.0 --host-model torn.json").code, 2);
  EXPECT_EQ(folder_.run("host detach 02:00.0 --host-model none.json").code, 2);
  EXPECT_EQ(folder_.run("host detach 02:00.0 --host-model - <host.json").code, 2);
}

TEST_F(HostCommands, RehearsalsLoseNothing) {
  const Ran ran = run("rehearse detach 02:00.0");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, testing::MatchesRegex("[0-9]+ rehearsals, 0 left a device lost\n"));
  EXPECT_EQ(Json::parse(run("rehearse detach 02:00.0 --format json").out)["broken"], 0);
}

TEST_F(HostCommands, AProgramThatIsKilledLeavesWhatRecoverBringsHome) {
  for (int i = 0; i < 30; ++i) {
    // Killed after 0 to 29 ms: before, amid and after its work, as it happens.
    const std::string after = "0." + std::string(i < 10 ? "00" : "0") + std::to_string(i);
    folder_.shell("timeout -s KILL " + after + " " + std::string(BUSPROOF_COMMAND) +
                  " host detach 02:00.0 --host-model host.json");
    const Ran recovered = run("recover");
    EXPECT_EQ(recovered.code, 0) << i << ": " << recovered.out << recovered.err;
    EXPECT_EQ(run("recover").out, "nothing to recover\n") << i;
    const Ran status = run("status");
    EXPECT_EQ(status.code, 0) << i << ": " << status.out;
    EXPECT_EQ(run("reattach 02:00.0").code, 0) << i;
    EXPECT_THAT(run("show 02:00.0").out, HasSubstr("driver:           igc\n")) << i;
  }
}

TEST_F(HostCommands, WhoComesSecondToAModelWaitsForTheFirst) {
  folder_.shell("for i in 1 2 3; do " + std::string(BUSPROOF_COMMAND) +
                " host detach 02:00.0 --host-model host.json >out$i 2>&1 & done; wait");
  std::string all = folder_.read("out1") + folder_.read("out2") + folder_.read("out3");
  EXPECT_THAT(all, HasSubstr("detach: done\n"));
  EXPECT_THAT(run("status").out, HasSubstr("0000:02:00.0: inactive, on vfio-pci, from igc with override unset"));
}

TEST_F(HostCommands, ADamagedLedgerEntryCanBeForgotten) {
  ASSERT_EQ(run("detach 02:00.0").code, 0);
  folder_.write("host.json.state/0000:02:00.0", "garbage\n");
  const Ran status = run("status");
  EXPECT_EQ(status.code, 4);
  EXPECT_THAT(status.err, HasSubstr("'busproof host recover --forget 0000:02:00.0' drops it"));
  EXPECT_EQ(run("recover --forget 02:00.0").code, 0);
  EXPECT_EQ(run("reattach 02:00.0").code, 0);
}

TEST_F(HostCommands, RecoveringWhatIsInOrderDoesNothing) {
  EXPECT_EQ(run("recover").out, "nothing to recover\n");
  EXPECT_EQ(run("detach 02:00.0").code, 0);
  EXPECT_EQ(run("recover").out, "nothing to recover\n");
  EXPECT_EQ(run("recover --forget 02:00.0").out, "0000:02:00.0: forgotten: is forgotten, as asked\n");
}

}  // namespace
}  // namespace busproof::cli_tests
