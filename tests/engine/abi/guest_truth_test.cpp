#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/abi/consequences.h"
#include "engine/abi/snapshot.h"
#include "engine/domain/xml_document.h"

namespace busproof::abi {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kTruth = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth/guest-topologies";

std::vector<std::string> recorded_guests() {
  std::vector<std::string> names;
  if (fs::exists(kTruth))
    for (const auto& entry : fs::directory_iterator(kTruth))
      if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

json record_of(const std::string& name) {
  std::ifstream file(kTruth / (name + ".json"));
  return json::parse(file);
}

AbiSnapshot snapshot_of(const std::string& xml) {
  const auto document = domain::XmlDocument::parse(xml);
  EXPECT_TRUE(document) << document.error().message;
  auto domain = read_domain(*document);
  EXPECT_TRUE(domain) << domain.error().message;
  const auto placed = domain::as_placed(std::move(*domain));
  EXPECT_TRUE(placed) << placed.error().message;
  return snapshot(*placed);
}

const AbiDevice* card(const AbiSnapshot& abi, const std::string& mac) {
  const auto device = std::ranges::find(abi.devices, mac, &AbiDevice::mac);
  return device == abi.devices.end() ? nullptr : &*device;
}

const NamingScheme& debian_12() { return *std::ranges::find(kNamingSchemes, "v251", &NamingScheme::name); }

/// What a booted guest said of itself. Without the records beside the checkout there is nothing to compare.
class GuestTruth : public testing::TestWithParam<std::string> {};

TEST_P(GuestTruth, NamesNetworkCardsAsUdevDid) {
  const json record = record_of(GetParam());
  const AbiSnapshot abi = snapshot_of(record["assigned_xml"]);
  for (const json& device : record["guest"]["devices"]) {
    for (const json& net : device.value("net", json::array())) {
      const AbiDevice* nic = card(abi, net["mac"]);
      ASSERT_NE(nic, nullptr) << net["mac"];
      const auto names = linux_names(*nic, debian_12());
      ASSERT_TRUE(names) << net["mac"];
      EXPECT_EQ(names->path, net["net_id"].value("ID_NET_NAME_PATH", "")) << net["mac"];
      EXPECT_EQ(names->slot, net["net_id"].value("ID_NET_NAME_SLOT", "")) << net["mac"];
      EXPECT_EQ(linux_name(*nic, debian_12()), net["udev_name"].get<std::string>()) << net["mac"];
    }
  }
}

TEST_P(GuestTruth, KnowsWhichCardsTheGuestHas) {
  const json record = record_of(GetParam());
  const AbiSnapshot abi = snapshot_of(record["assigned_xml"]);
  for (const json& device : record["libvirt_devices"]) {
    if (device["element"] != "interface") continue;
    const AbiDevice* nic = card(abi, device["mac"]);
    ASSERT_NE(nic, nullptr) << device["mac"];
    const bool has = !device["guest_bdf_by_mac"].is_null();
    EXPECT_EQ(nic->pci->seen.has_value(), has) << device["mac"];
    EXPECT_EQ(linux_name(*nic, debian_12()), has ? device["guest_name"].get<std::string>() : "") << device["mac"];
  }
}

TEST_P(GuestTruth, PutsCardsOnTheNodesThatTheGuestSaw) {
  const json record = record_of(GetParam());
  const AbiSnapshot abi = snapshot_of(record["assigned_xml"]);
  for (const json& device : record["guest"]["devices"])
    for (const json& net : device.value("net", json::array())) {
      const AbiDevice* nic = card(abi, net["mac"]);
      ASSERT_NE(nic, nullptr) << net["mac"];
      EXPECT_EQ(nic->pci->node.value_or(-1), device["numa_node"].get<int>()) << net["mac"];
    }
}

INSTANTIATE_TEST_SUITE_P(Recorded, GuestTruth, testing::ValuesIn(recorded_guests()), [](const auto& guest) {
  std::string name = guest.param;
  std::ranges::replace(name, '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GuestTruth);

}  // namespace
}  // namespace busproof::abi
