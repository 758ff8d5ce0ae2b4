// What a real kernel answered, recorded beside the checkout: every scenario is replayed, every attribute read back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string>
#include <vector>

#include "engine/base/base64.h"
#include "fakesys/recorded_host.h"
#include "fakesys/recorded_tree.h"
#include "fakesys/replay.h"
#include "fakesys/sysfs.h"
#include "tests/support/files.h"

namespace busproof::fakesys {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kTruth = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth";

/// The trees of a recording; machines that it has none of come from Linux 6.1's.
std::vector<Host> machines(const fs::path& recording) {
  std::vector<fs::path> trees;
  for (const fs::path& folder : {recording, kTruth / "linux-6.1"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const auto name = entry.path().filename();
      if (!name.string().starts_with("sysfs-")) continue;
      if (std::ranges::find(trees, name, &fs::path::filename) == trees.end()) trees.push_back(entry.path());
    }
  }
  std::vector<Host> hosts;
  for (const fs::path& tree : trees) {
    auto host = load_tree(file_text(tree));
    EXPECT_TRUE(host.has_value()) << tree << ": " << host.error().message;
    if (host) hosts.push_back(std::move(*host));
  }
  return hosts;
}

class KernelTruth : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!fs::exists(kTruth / GetParam())) GTEST_SKIP() << "no ../shared/kernel-truth/" << GetParam();
  }
};
INSTANTIATE_TEST_SUITE_P(Linux, KernelTruth, testing::Values("linux-6.1", "linux-6.12"),
                         [](const auto& param) { return std::string(param.param) == "linux-6.1" ? "v6_1" : "v6_12"; });

TEST_P(KernelTruth, EveryRecordedScenarioComesOutTheSame) {
  const fs::path recording = kTruth / GetParam();
  const auto hosts = machines(recording);
  const auto report = replay(file_text(recording / "ops.jsonl"), hosts);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->all_agree()) << to_text(*report);
  EXPECT_GE(report->run(), 133u);
  EXPECT_EQ(report->run(), report->scenarios.size()) << "scenarios of machines that are not there";
}

TEST_P(KernelTruth, AHostKeptInAFileIsTheSameHost) {
  for (const Host& host : machines(kTruth / GetParam())) {
    const std::string kept = save_host(host);
    const auto back = load_host(kept);
    ASSERT_TRUE(back.has_value()) << host.facts->name << ": " << back.error().message;
    EXPECT_EQ(save_host(*back), kept) << host.facts->name;
  }
}

TEST_P(KernelTruth, ScenariosComeOutTheSameOnAHostThatCameFromAFile) {
  const fs::path recording = kTruth / GetParam();
  std::vector<Host> hosts;
  for (const Host& host : machines(recording)) {
    auto back = load_host(save_host(host));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    hosts.push_back(std::move(*back));
  }
  const auto report = replay(file_text(recording / "ops.jsonl"), hosts);
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->all_agree()) << to_text(*report);
}

TEST_P(KernelTruth, GroupsMadeByTheRulesAreTheRecordedOnes) {
  for (const Host& host : machines(kTruth / GetParam())) {
    const Host again = rebooted(host);
    for (const Slot slot : host.model.by_address()) {
      const Device& device = host.model.device(slot);
      const Slot same = again.model.find(device.function->address);
      ASSERT_NE(same, kNoSlot);
      EXPECT_EQ(again.model.device(same).group, device.group)
          << host.facts->name << ' ' << to_string(device.function->address);
    }
  }
}

TEST_P(KernelTruth, ResetMethodsWorkedOutAreTheRecordedOnes) {
  for (const Host& host : machines(kTruth / GetParam())) {
    for (const Slot slot : host.model.by_address()) {
      const Device& device = host.model.device(slot);
      const auto* recorded = device.function->recorded->attribute("reset_method");
      const auto file = open_file(host, "bus/pci/devices/" + to_string(device.function->address) + "/reset_method",
                                  {.reading = true});
      EXPECT_EQ(file.error == 0, recorded != nullptr) << to_string(device.function->address);
      if (recorded != nullptr && file.error == 0) {
        EXPECT_EQ(read_now(host, file.value).data, recorded->text);
      }
    }
  }
}

TEST(KernelTruthOfTheLab, EveryRecordedScenarioComesOutTheSame) {
  if (!fs::exists(kTruth / "linux-6.1")) GTEST_SKIP() << "no ../shared/kernel-truth/linux-6.1";
  const fs::path recording = fs::path(BUSPROOF_SOURCE_DIR) / "corpus/kernel/linux-6.1";
  const auto report = replay(file_text(recording / "ops.jsonl"), machines(kTruth / "linux-6.1"));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->all_agree()) << to_text(*report);
}

// ---- attributes.jsonl
// --------------------------------------------------------------------------------------------------

/// What one recorded directory says, compared with the fake's, path by path.
void expect_same(Host& host, const std::string& path, const json& recorded) {
  if (!recorded.is_object()) return;  // a directory that could not be read
  const json attributes = recorded.value("attrs", json::object());
  const json links = recorded.value("links", json::object());
  const json directories = recorded.value("dirs", json::object());
  for (const auto& [name, attribute] : attributes.items()) {
    const std::string file_path = path + '/' + name;
    const auto stat = stat_file(host, file_path);
    ASSERT_EQ(stat.error, 0) << file_path;
    EXPECT_EQ(stat.value.mode & 07777, std::stoul(attribute.value("mode", "0"), nullptr, 8)) << file_path;
    EXPECT_EQ(stat.value.size, attribute.value("size", std::size_t{4096})) << file_path;
    const auto file = open_file(host, file_path, {.reading = true});
    if (attribute.contains("text")) {
      ASSERT_EQ(file.error, 0) << file_path;
      EXPECT_EQ(read_file(host, file.value).data, attribute["text"].get<std::string>()) << file_path;
    } else if (attribute.contains("b64")) {
      ASSERT_EQ(file.error, 0) << file_path;
      std::string bytes = *from_base64(attribute["b64"].get<std::string>());
      bytes.resize(attribute.value("size", bytes.size()));
      EXPECT_EQ(read_at(host, file.value, 0, bytes.size() + 1).data, bytes) << file_path;
    } else if (attribute.contains("err")) {
      ASSERT_EQ(file.error, 0) << file_path;
      EXPECT_EQ(errno_name(read_file(host, file.value).error), attribute["err"].get<std::string>()) << file_path;
    }
  }
  for (const auto& [name, target] : links.items()) {
    const auto link = read_link(host, path + '/' + name);
    EXPECT_EQ(link.error, 0) << path << '/' << name;
    EXPECT_EQ(link.value, target.get<std::string>()) << path << '/' << name;
  }
  for (const auto& [name, below] : directories.items()) expect_same(host, path + '/' + name, below);
}

TEST(KernelTruthAttributes, ReadBackByteForByte) {
  const fs::path recording = kTruth / "linux-6.1";
  if (!fs::exists(recording)) GTEST_SKIP() << "no ../shared/kernel-truth/linux-6.1";
  auto host = load_tree(file_text(recording / "sysfs-q35-intel.json"));
  ASSERT_TRUE(host.has_value());
  std::size_t devices = 0;
  std::ifstream lines(recording / "attributes.jsonl");
  for (std::string line; std::getline(lines, line);) {
    const json device = json::parse(line);
    ++devices;
    const std::string path = "bus/pci/devices/" + device["device"].get<std::string>();
    EXPECT_EQ(read_link(*host, path).value, device["link"].get<std::string>());
    expect_same(*host, path, device);
    expect_same(*host, device["path"].get<std::string>(), device);
  }
  EXPECT_EQ(devices, 36u);
}

TEST(KernelTruthAttributes, ADirectoryListsNeitherMoreNorLessThanWasThere) {
  const fs::path recording = kTruth / "linux-6.1";
  if (!fs::exists(recording)) GTEST_SKIP() << "no ../shared/kernel-truth/linux-6.1";
  const json tree = json::parse(file_text(recording / "sysfs-q35-intel.json"));
  const auto host = load_tree(tree.dump());
  ASSERT_TRUE(host.has_value());
  for (const auto& [name, device] : tree["devices"].items()) {
    std::vector<std::string> names;
    for (const char* part : {"attrs", "links", "dirs"}) {
      for (const auto& [entry, value] : device[part].items()) names.push_back(entry);
    }
    for (const char* part : {"other_dirs", "children"}) {
      const json others = device.value(part, json::array());
      for (const auto& entry : others) names.push_back(entry.get<std::string>());
    }
    std::ranges::sort(names);
    EXPECT_THAT(list_directory(*host, "bus/pci/devices/" + name).value, testing::ElementsAreArray(names)) << name;
  }
}

}  // namespace
}  // namespace busproof::fakesys
