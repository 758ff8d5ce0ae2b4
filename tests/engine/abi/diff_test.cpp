#include "engine/abi/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/abi/matching.h"
#include "engine/domain/xml_document.h"

namespace busproof::abi {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

domain::Domain domain_of(std::string_view devices) {
  const std::string xml =
      "<domain type='kvm'><name>guest</name><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>"
      "<features><acpi/></features><devices><controller type='pci' index='0' model='pci-root'/>" +
      std::string(devices) + "</devices></domain>";
  const auto document = domain::XmlDocument::parse(xml);
  EXPECT_TRUE(document) << document.error().message;
  auto domain = read_domain(document.value());
  EXPECT_TRUE(domain) << domain.error().message;
  return std::move(domain.value());
}

AbiSnapshot guest(std::string_view devices) { return snapshot(as_placed(domain_of(devices)).value()); }

Findings diff_of(std::string_view before, std::string_view after) { return diff(guest(before), guest(after)); }

std::string nic(std::string_view mac, std::string_view slot, std::string_view more = "") {
  return "<interface type='user'><mac address='52:54:00:00:00:" + std::string(mac) + "'/><model type='virtio'/>" +
         std::string(more) + "<address type='pci' slot='" + std::string(slot) + "'/></interface>";
}
std::string rng(std::string_view slot) {
  return "<rng model='virtio'><backend model='random'/><address type='pci' slot='" + std::string(slot) + "'/></rng>";
}
std::string disk(std::string_view target, std::string_view slot, std::string_view serial) {
  return "<disk type='file' device='disk'><target dev='" + std::string(target) + "' bus='virtio'/><serial>" +
         std::string(serial) + "</serial><address type='pci' slot='" + std::string(slot) + "'/></disk>";
}

std::string card(std::string_view model, std::string_view driver) {
  return "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='" + std::string(model) + "'/>" +
         std::string(driver) + "<address type='pci' slot='3'/></interface>";
}

TEST(Diff, TakesQueuesThatLibvirtDoesNotStoreForNone) {
  // What libvirt 9.0.0 was seen to print of the left one is the right one.
  EXPECT_THAT(diff_of(card("e1000", "<driver name='vhost' queues='5'/>"), card("e1000", "")), IsEmpty());
  EXPECT_THAT(diff_of(card("virtio", "<driver name='vhost' queues='1'/>"), card("virtio", "<driver name='vhost'/>")),
              IsEmpty());
  EXPECT_THAT(diff_of(card("virtio", "<driver queues='1' rx_queue_size='0'/>"), card("virtio", "")), IsEmpty());
  EXPECT_THAT(diff_of(card("virtio", "<driver unknown='1'/>"), card("virtio", "")), IsEmpty());
  EXPECT_THAT(diff_of(card("VIRTIO", "<driver queues='4'/>"), card("virtio", "<driver queues='4'/>")), IsEmpty());
}

TEST(Diff, SeesQueuesThatLibvirtStores) {
  EXPECT_THAT(diff_of(card("virtio", "<driver queues='2'/>"), card("virtio", "<driver queues='4'/>")),
              ElementsAre(Field(&Finding::rule, "BP127")));
  EXPECT_THAT(diff_of(card("virtio", "<driver queues='2'/>"), card("virtio", "")),
              ElementsAre(Field(&Finding::rule, "BP127"), Field(&Finding::rule, "BP133")));
}

TEST(Diff, SaysWhatLinuxWindowsFirmwareAndMigrationMakeOfAMove) {
  const Findings findings = diff_of(nic("aa", "3"), nic("aa", "4"));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].rule, "BP101");
  EXPECT_EQ(findings[0].severity, Severity::Error);
  EXPECT_EQ(findings[0].device, "interface 52:54:00:00:00:aa");
  EXPECT_EQ(findings[0].change, "0000:00:03.0 -> 0000:00:04.0");
  EXPECT_THAT(findings[0].witness,
              ElementsAre(Witness{Observer::Linux, "ens3 becomes ens4"},
                          Witness{Observer::Windows, "new adapter; the settings stay with the old one, now hidden"},
                          Witness{Observer::Firmware,
                                  "the boot entry PciRoot(0x0)/Pci(0x3,0x0) no longer leads to it; now at "
                                  "PciRoot(0x0)/Pci(0x4,0x0)"},
                          Witness{Observer::Migration, "refused"}));
}

TEST(Diff, PointsToTheElementThatChanged) {
  const std::string before = nic("aa", "3") + nic("bb", "4"), after = nic("aa", "3") + nic("bb", "5");
  const Findings moved = diff_of(before, after);
  ASSERT_THAT(moved, SizeIs(1));
  EXPECT_EQ(moved[0].place.side, Place::Side::New);
  EXPECT_EQ(moved[0].place.offset, domain_of(after).devices.back().offset);

  const Findings removed = diff_of(before, nic("aa", "3"));
  ASSERT_THAT(removed, SizeIs(1));
  EXPECT_EQ(removed[0].place.side, Place::Side::Old);
  EXPECT_EQ(removed[0].place.offset, domain_of(before).devices.back().offset);
}

TEST(Diff, FindsTwoThingsWhereTwoCardsSwapAddresses) {
  EXPECT_THAT(diff_of(nic("aa", "3") + nic("bb", "4"), nic("aa", "4") + nic("bb", "3")),
              ElementsAre(Field(&Finding::rule, "BP101"), Field(&Finding::rule, "BP101")));
}

TEST(Diff, FindsNothingWhereThingsOfOneSortSwapElements) {
  EXPECT_THAT(diff_of(rng("3") + rng("4"), rng("4") + rng("3")), IsEmpty());
}

TEST(Diff, TellsAPinThatWasLostFromOneThatNeverWas) {
  const auto placed = as_placed(domain_of(nic("aa", "3"))).value();
  const auto wish =
      domain_of("<interface type='user'><mac address='52:54:00:00:00:aa'/><model type='virtio'/></interface>");
  EXPECT_THAT(diff(snapshot(placed), snapshot(placed, wish)), ElementsAre(Field(&Finding::rule, "BP110")));
  EXPECT_THAT(diff(snapshot(placed, wish), snapshot(placed, wish)), IsEmpty());
  EXPECT_THAT(diff(snapshot(placed, wish), snapshot(placed)), IsEmpty());
}

TEST(Diff, BeginsWithTheWorst) {
  const Findings findings = diff_of(nic("aa", "3") + "<tpm><backend type='emulator' version='2.0'/></tpm>",
                                    nic("aa", "4") + "<tpm><backend type='emulator'/></tpm>");
  EXPECT_THAT(findings,
              ElementsAre(Field(&Finding::severity, Severity::Error), Field(&Finding::severity, Severity::Warning)));
}

TEST(Matching, PrefersTheAliasToTheMac) {
  const auto before = guest(nic("aa", "3", "<alias name='ua-a'/>") + nic("bb", "4", "<alias name='ua-b'/>"));
  const auto after = guest(nic("bb", "3", "<alias name='ua-a'/>") + nic("aa", "4", "<alias name='ua-b'/>"));
  EXPECT_THAT(diff(before, after), ElementsAre(Field(&Finding::rule, "BP122"), Field(&Finding::rule, "BP122")));
}

TEST(Matching, PrefersTheSerialToTheTarget) {
  const auto findings =
      diff_of(disk("vda", "3", "A") + disk("vdb", "4", "B"), disk("vdb", "3", "A") + disk("vda", "4", "B"));
  EXPECT_THAT(findings, ElementsAre(Field(&Finding::change, "target: vdb -> vda"),
                                    Field(&Finding::change, "target: vda -> vdb")));
}

TEST(Matching, TakesACardInTheSamePlaceForTheSame) {
  EXPECT_THAT(diff_of(nic("aa", "3"), nic("cc", "3")), ElementsAre(Field(&Finding::rule, "BP122")));
  EXPECT_THAT(diff_of(nic("aa", "3"), nic("cc", "4")),
              ElementsAre(Field(&Finding::rule, "BP102"), Field(&Finding::rule, "BP103")));
}

TEST(Matching, LeavesOverWhatCameAndWent) {
  const auto before = guest(nic("aa", "3") + rng("4")), after = guest(rng("4") + rng("5"));
  const Matching matching = match(before, after);
  EXPECT_THAT(matching.same, SizeIs(2));  // the root and one rng
  ASSERT_THAT(matching.gone, SizeIs(1));
  ASSERT_THAT(matching.come, SizeIs(1));
  EXPECT_EQ(before.devices[matching.gone[0]].mac, "52:54:00:00:00:aa");
  EXPECT_EQ(display_name(after.devices[matching.come[0]]), "rng #2");
}

}  // namespace
}  // namespace busproof::abi
