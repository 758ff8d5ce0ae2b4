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
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string model(const std::string& name) {
  return " --host-model " BUSPROOF_SOURCE_DIR "/corpus/hosts/" + name + ".json";
}

TEST(HostList, PutsAFunctionOnALine) {
  const Ran ran = Folder().run("host list" + model("desktop"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("ADDRESS       ID         KIND         DRIVER         GROUP  NODE  NOTES\n"
                                 "0000:00:00.0  8086:4660  host bridge  -                  0     -\n"));
  EXPECT_THAT(ran.out, HasSubstr("0000:01:00.0  10de:2204  VGA          nouveau"));
  EXPECT_THAT(ran.out, HasSubstr("boot VGA"));
  EXPECT_THAT(ran.out, HasSubstr("12 functions, "));
}

TEST(HostList, TellsTheSameAsJson) {
  const Ran ran = Folder().run("host list --format json" + model("sriov-nic"));
  const Json host = Json::parse(ran.out);
  EXPECT_EQ(host["kernel"], "6.18");
  EXPECT_EQ(host["devices"][2]["address"], "0000:0a:00.0");
  EXPECT_EQ(host["devices"][2]["driver"], "mlx5_core");
  EXPECT_EQ(host["devices"][2]["sriov_totalvfs"], 8);
  EXPECT_EQ(host["devices"][2]["driver_override"], nullptr);
}

TEST(HostList, KeepsToTheWidthOfAPage) {
  const Ran ran = Folder().run("host list" + model("thousand"));
  for (std::size_t at = 0; at < ran.out.size();) {
    const auto end = ran.out.find('\n', at);
    EXPECT_LE(end - at, 100u);
    at = end + 1;
  }
}

TEST(HostShow, SaysAllOfAFunction) {
  const Ran ran = Folder().run("host show 01:00.0" + model("desktop"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("0000:01:00.0\n  card:             10de:2204"));
  EXPECT_THAT(ran.out, HasSubstr("  power management: yes\n"));
  EXPECT_THAT(ran.out, HasSubstr("  FLR:              no\n"));
  EXPECT_THAT(ran.out, HasSubstr("  boot VGA:         yes\n"));
  EXPECT_THAT(Json::parse(Folder().run("host show 0000:01:00.0 01:00.1 --format json" + model("desktop")).out),
              SizeIs(2));
}

TEST(HostShow, SaysThatThereIsNoSuchDevice) {
  for (const char* name : {"7f:00.0", "garbage", "0000:01:00"}) {
    const Ran ran = Folder().run(std::string("host show ") + name + model("desktop"));
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr(std::string("error: there is no device ") + name));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST(HostGroups, PutsMembersBelowTheirGroup) {
  const Ran ran = Folder().run("host groups" + model("conventional-bridge"));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("group 0, DMA-FQ, 1 function\n  0000:00:00.0  "));
  const Ran one = Folder().run("host groups 0 --format json" + model("conventional-bridge"));
  EXPECT_THAT(Json::parse(one.out), SizeIs(1));
  EXPECT_EQ(Folder().run("host groups 999" + model("conventional-bridge")).code, 2);
  EXPECT_EQ(Folder().run("host groups" + model("no-iommu")).out, "0 IOMMU groups\n");
}

TEST(HostModel, IsRefusedWhenItIsNone) {
  const Folder folder;
  folder.write("truncated.json", R"({"format": "busproof-host", "ver)");
  folder.write("newer.json", R"({"format": "busproof-host", "version": 1000})");
  for (const char* file : {"truncated.json", "newer.json", "none.json", "."}) {
    const Ran ran = folder.run(std::string("host list --host-model ") + file);
    EXPECT_EQ(ran.code, 2) << file;
    EXPECT_THAT(ran.err, HasSubstr(std::string(file) + ": error: "));
  }
}

/// Nothing here writes to the machine that the tests run on.
TEST(HostHere, IsListedShownAndRecordedReadOnly) {
  if (!fs::exists("/sys/bus/pci/devices")) GTEST_SKIP() << "no PCI on this machine";
  const Folder folder;
  const Ran listed = folder.run("host list");
  EXPECT_EQ(listed.code, 0) << listed.err;
  const Ran groups = folder.run("host groups --format json");
  EXPECT_EQ(groups.code, 0) << groups.err;
  const Ran recorded = folder.run("host record --anonymise -o here.json");
  EXPECT_EQ(recorded.code, 0) << recorded.err;
  EXPECT_EQ(folder.run("host list --host-model here.json").out, listed.out);
  EXPECT_EQ(folder.run("host groups --format json --host-model here.json").out, groups.out);
}

TEST(HostRecord, OfAModelIsTheSameHostAgain) {
  const Folder folder;
  for (const char* name : {"desktop", "sriov-nic", "nvme-box", "dual-socket", "no-iommu"}) {
    ASSERT_EQ(folder.run("host record -o again.json" + model(name)).code, 0) << name;
    EXPECT_EQ(folder.run("host list --host-model again.json").out, folder.run("host list" + model(name)).out) << name;
  }
}

TEST(HostRecord, TakesAFolderOfCopiedFiles) {
  const Folder folder;
  fs::create_directories(folder.path("root/sys/bus/pci/devices"));
  const Ran ran = folder.run("host record --root root");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out)["format"], "busproof-host");
  EXPECT_EQ(folder.run("host record --root elsewhere").code, 2);
}

TEST(HostRecord, SaysWhereItCannotWrite) {
  const Ran ran = Folder().run("host record -o none/here.json" + model("desktop"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("none/here.json: error: cannot write"));
}

}  // namespace
}  // namespace busproof::cli_tests
