#include "engine/abi/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "engine/abi/consequences.h"
#include "engine/domain/xml_document.h"
#include "engine/report/snapshot_json.h"

namespace busproof::abi {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

AbiSnapshot guest(std::string_view machine, std::string_view devices, std::string_view features = "<acpi/>",
                  std::string_view arch = "x86_64") {
  const auto document = domain::XmlDocument::parse(
      "<domain type='kvm'><name>guest</name><memory unit='MiB'>1</memory><os><type arch='" + std::string(arch) +
      "' machine='" + std::string(machine) + "'>hvm</type></os><features>" + std::string(features) +
      "</features><devices>" + std::string(devices) + "</devices></domain>");
  EXPECT_TRUE(document) << document.error().message;
  auto domain = read_domain(document.value());
  EXPECT_TRUE(domain) << domain.error().message;
  return snapshot(as_placed(std::move(domain.value())).value());
}

const AbiDevice& nic(const AbiSnapshot& abi) {
  return *std::ranges::find(abi.devices, domain::DeviceKind::Interface, &AbiDevice::kind);
}

std::string snapshot_card(std::string_view address, std::string_view more = "") {
  return "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>" + std::string(more) +
         "<address type='pci' " + std::string(address) + "/></interface>";
}

constexpr std::string_view kExpander =
    "<controller type='pci' index='0' model='pcie-root'/>"
    "<controller type='pci' index='1' model='pcie-expander-bus'><target busNr='100'><node>1</node></target>"
    "<address type='pci' bus='0' slot='4' function='0'/></controller>"
    "<controller type='pci' index='2' model='pcie-root-port'><target chassis='2' port='0x8'/>"
    "<address type='pci' bus='1' slot='1' function='0'/></controller>";

TEST(Snapshot, SeesADeviceAsItsGuestDoes) {
  const AbiSnapshot abi = guest("pc-q35-7.2", std::string(kExpander) + snapshot_card("bus='2' slot='0' function='0'"));
  const PciPlace& place = *nic(abi).pci;
  EXPECT_EQ(to_string(place.at), "0000:02:00.0");
  EXPECT_EQ(place.seen->bus, 101);
  EXPECT_EQ(place.node, 1);
  EXPECT_THAT(place.above, ElementsAre(1U, 2U));
  EXPECT_EQ(uefi_path(place.path), "PciRoot(0x64)/Pci(0x1,0x0)/Pci(0x0,0x0)");
}

TEST(Snapshot, HasTheHiddenBridgeOfAConventionalExpanderInThePath) {
  const AbiSnapshot abi = guest("pc-i440fx-7.2",
                                "<controller type='pci' index='0' model='pci-root'/>"
                                "<controller type='pci' index='1' model='pci-expander-bus'><target busNr='200'/>"
                                "<address type='pci' slot='5'/></controller>" +
                                    snapshot_card("bus='1' slot='3'"));
  EXPECT_EQ(uefi_path(nic(abi).pci->path), "PciRoot(0xc8)/Pci(0x0,0x0)/Pci(0x3,0x0)");
}

TEST(Snapshot, LeavesOutWhatIsOnlyThereToSayNo) {
  const AbiSnapshot abi =
      guest("pc-i440fx-7.2", "<controller type='usb' index='0' model='none'/><memballoon model='none'/>");
  EXPECT_THAT(abi.devices, IsEmpty());
}

TEST(Snapshot, CountsAVideoOfModelNoneAsLibvirtsCheckDoes) {
  EXPECT_EQ(guest("pc-i440fx-7.2", "<memballoon model='none'/><video><model type='none'/></video>").devices.size(), 1U);
}

TEST(Snapshot, CountsSizesInBytes) {
  const AbiSnapshot abi = guest("pc-i440fx-7.2", "");
  const auto memory = std::ranges::find(abi.details, domain::Detail::Memory, &domain::DetailValue::detail);
  ASSERT_NE(memory, abi.details.end());
  EXPECT_EQ(memory->value, "1048576");
}

const NamingScheme& scheme(std::string_view name) {
  return *std::ranges::find(kNamingSchemes, name, &NamingScheme::name);
}

/// A card behind a bridge in slot 5 of a machine whose firmware names all slots of the root bus.
AbiDevice card_below_a_named_slot(std::string_view address) {
  const AbiSnapshot abi = guest("pc-q35-7.2",
                                "<controller type='pci' index='0' model='pcie-root'/>"
                                "<controller type='pci' index='1' model='pcie-root-port'><address type='pci' slot='5'/>"
                                "</controller>" +
                                    snapshot_card(address),
                                "");
  return nic(abi);
}

TEST(LinuxName, ClimbsToTheSlotOfABridgeWhereTheSchemeDoes) {
  const AbiDevice single = card_below_a_named_slot("bus='1' slot='0'");
  EXPECT_EQ(linux_name(single, scheme("v238")), "enp1s0");
  EXPECT_EQ(linux_name(single, scheme("v239")), "ens5");
  EXPECT_EQ(linux_name(single, scheme("v247")), "enp1s0");
  EXPECT_EQ(linux_name(single, scheme("v251")), "enp1s0");
  EXPECT_EQ(linux_name(single, scheme("v255")), "enp1s0");
}

TEST(LinuxName, TakesABridgesSlotForOneOfSeveralFunctionsFromV251To254) {
  const AbiDevice multi = card_below_a_named_slot("bus='1' slot='0' multifunction='on'");
  EXPECT_EQ(linux_name(multi, scheme("v249")), "enp1s0f0");
  EXPECT_EQ(linux_name(multi, scheme("v251")), "ens5f0");
  EXPECT_EQ(linux_name(multi, scheme("v255")), "enp1s0f0");
}

TEST(LinuxName, PrefersTheAcpiIndexUpToTheSchemesLimit) {
  const std::string root = "<controller type='pci' index='0' model='pci-root'/>";
  const AbiSnapshot low = guest("pc-i440fx-7.2", root + snapshot_card("slot='5'", "<acpi index='3'/>"));
  const AbiSnapshot high = guest("pc-i440fx-7.2", root + snapshot_card("slot='5'", "<acpi index='20000'/>"));
  EXPECT_EQ(linux_name(nic(low), scheme("v255")), "eno3");
  EXPECT_EQ(linux_name(nic(high), scheme("v247")), "ens5");
  EXPECT_EQ(linux_name(nic(high), scheme("v249")), "eno20000");
}

TEST(LinuxName, HasNoAcpiIndexWithoutAcpi) {
  const AbiSnapshot abi =
      guest("pc-i440fx-7.2",
            "<controller type='pci' index='0' model='pci-root'/>" + snapshot_card("slot='5'", "<acpi index='3'/>"), "");
  EXPECT_EQ(linux_name(nic(abi), scheme("v255")), "ens5");
}

TEST(LinuxName, SaysThePciDomainThatAHostBridgeOfPseriesIsInTheGuest) {
  const std::string bridges =
      "<controller type='pci' index='0' model='pci-root'/>"
      "<controller type='pci' index='1' model='pci-root'><target index='7'><node>1</node></target></controller>";
  const AbiSnapshot first = guest("pseries-7.2", bridges + snapshot_card("bus='0' slot='5'"), "", "ppc64");
  const AbiSnapshot other = guest("pseries-7.2", bridges + snapshot_card("bus='1' slot='5'"), "", "ppc64");
  EXPECT_EQ(linux_name(nic(first), scheme("v255")), "enp0s5");
  EXPECT_EQ(linux_name(nic(other), scheme("v255")), "enP7p0s5");
  EXPECT_EQ(nic(other).pci->node, 1);
}

TEST(LinuxName, IsOfTheUidOnS390x) {
  const AbiSnapshot abi =
      guest("s390-ccw-virtio-7.2",
            "<controller type='pci' index='0' model='pci-root'/>"
            "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
            "<address type='pci' slot='1'><zpci uid='0x0010' fid='0x00000002'/></address></interface>",
            "", "s390x");
  EXPECT_EQ(linux_name(nic(abi), scheme("v255")), "eno16");
}

TEST(Snapshot, GoesOnceRoundBusesThatSitOnEachOther) {
  const AbiSnapshot abi = guest("q35",
                                "<controller type='pci' index='0' model='pcie-root'/>"
                                "<controller type='pci' index='1' model='pcie-switch-downstream-port'>"
                                "<address type='pci' bus='2' slot='0'/></controller>"
                                "<controller type='pci' index='2' model='pcie-switch-upstream-port'>"
                                "<address type='pci' bus='1' slot='0'/></controller>" +
                                    snapshot_card("bus='1' slot='0' function='1'"));
  EXPECT_THAT(nic(abi).pci->above, SizeIs(2));
}

TEST(SnapshotJson, SaysWhatTheSnapshotHas) {
  const AbiSnapshot abi = guest("pc-q35-7.2", std::string(kExpander) + snapshot_card("bus='2' slot='0' function='0'"));
  const json printed = json::parse(report::snapshot_json(abi));
  EXPECT_EQ(printed["machine"], "pc-q35-7.2");
  EXPECT_EQ(printed["details"]["memory"], "1048576");
  ASSERT_THAT(printed["devices"], SizeIs(4));
  EXPECT_EQ(printed["devices"][0]["name"], "interface 52:54:00:00:00:01");
  EXPECT_EQ(printed["devices"][0]["pci"]["guest_bus"], 101);
  EXPECT_EQ(printed["devices"][0]["pci"]["numa_node"], 1);
  EXPECT_EQ(printed["devices"][3]["controller"]["chassis"], 2);
  EXPECT_EQ(printed["devices"][3]["controller"]["guest_bus"], 101);
}

/// Keys that an object of the schema does not know; the schema allows no others.
void expect_known(const json& schema, const json& object, const std::string& where) {
  const json& known = schema["properties"];
  for (const auto& [key, value] : object.items()) EXPECT_TRUE(known.contains(key)) << where << "." << key;
  for (const json& key : schema["required"]) EXPECT_TRUE(object.contains(key)) << where << "." << key;
}

TEST(SnapshotJson, KeepsToItsSchema) {
  const AbiSnapshot abi =
      guest("pc-q35-7.2", std::string(kExpander) +
                              snapshot_card("bus='2' slot='0' function='0'", "<acpi index='3'/><boot order='1'/>"));
  const json schema = json::parse(report::kSnapshotSchema), printed = json::parse(report::snapshot_json(abi));
  expect_known(schema, printed, "domain");
  for (const json& device : printed["devices"]) {
    expect_known(schema["$defs"]["device"], device, "device");
    if (device.contains("pci")) expect_known(schema["$defs"]["pci"], device["pci"], "pci");
    if (device.contains("controller")) expect_known(schema["$defs"]["controller"], device["controller"], "controller");
  }
}

}  // namespace
}  // namespace busproof::abi
