// Captured trees that are not as they should be: an error, whatever is wrong with them.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "fakesys/recorded_tree.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

/// A bridge and a card behind it.
json tree() {
  const auto device = [](const char* path, const char* header) {
    return json{{"path", path}, {"attrs", {{"config", {{"b64", header}, {"size", 256}}}}}};
  };
  json tree = {{"format", "busproof-sysfs-tree/1"}, {"machine", "small"}, {"kernel", "6.1.0"}};
  tree["host_bridges"]["pci0000:00"] = json::object();
  tree["devices"]["0000:00:01.0"] = device("devices/pci0000:00/0000:00:01.0", "hoDAKQ==");
  tree["devices"]["0000:00:01.0"]["attrs"]["secondary_bus_number"] = {{"text", "1\n"}};
  tree["devices"]["0000:01:00.0"] = device("devices/pci0000:00/0000:00:01.0/0000:01:00.0", "hoDAKQ==");
  tree["iommu_groups"]["0"] = {{"devices", {"0000:00:01.0"}}};
  return tree;
}

std::string error_of(const json& tree) {
  const auto host = load_tree(tree.dump());
  return host ? "" : host.error().message;
}

TEST(RecordedTree, IsReadWhereAllIsWell) { EXPECT_EQ(error_of(tree()), ""); }

TEST(RecordedTree, OfAnotherFormatIsRefused) {
  json newer = tree();
  newer["format"] = "busproof-sysfs-tree/2";
  EXPECT_NE(error_of(newer), "");
  newer["format"] = 1;
  EXPECT_NE(error_of(newer), "");
}

TEST(RecordedTree, WithADeviceOfTheWrongShapeIsRefused) {
  for (const json& wrong : {json(5), json("text"), json(nullptr), json::array()}) {
    json broken = tree();
    broken["devices"]["0000:01:00.0"] = wrong;
    EXPECT_NE(error_of(broken), "") << wrong;
    broken = tree();
    broken["devices"]["0000:01:00.0"]["path"] = wrong;
    EXPECT_NE(error_of(broken), "") << wrong;
    broken = tree();
    broken["devices"]["0000:01:00.0"]["attrs"]["config"] = wrong;
    EXPECT_NE(error_of(broken), "") << wrong;
    broken = tree();
    broken["iommu_groups"]["0"]["devices"] = {wrong};
    EXPECT_NE(error_of(broken), "") << wrong;
  }
}

TEST(RecordedTree, WithDevicesBehindEachOtherIsRefused) {
  json loop = tree();
  loop["devices"]["0000:00:01.0"]["path"] = "devices/pci0000:00/0000:01:00.0/0000:00:01.0";
  EXPECT_NE(error_of(loop), "");
}

TEST(RecordedTree, WithNumbersThatNoKernelCountsToIsRefusedOrReadWithoutThem) {
  json huge = tree();
  huge["iommu_groups"]["99999999999"] = {{"devices", {"0000:01:00.0"}}};
  EXPECT_NE(error_of(huge), "");
  huge = tree();
  huge["misc"]["numa_nodes"]["node99999999999"] = json::object();
  huge["devices"]["0000:01:00.0"]["net"]["eth99999999999"] = json::object();
  huge["devices"]["0000:01:00.0"]["attrs"]["config"]["size"] = 99999999999;
  EXPECT_EQ(error_of(huge), "");
}

}  // namespace
}  // namespace busproof::fakesys
