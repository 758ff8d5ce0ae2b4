#include "engine/assign/assign.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "engine/domain/xml_document.h"
#include "engine/topology/bus_numbers.h"

namespace busproof::assign {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr std::string_view kBare = "<controller type='usb' model='none'/><memballoon model='none'/>";

std::string domain_xml(std::string_view machine, std::string_view devices, std::string_view arch = "x86_64") {
  return fmt::format(
      "<domain type='qemu'><name>guest</name><memory>65536</memory><os><type arch='{}' machine='{}'>hvm</type></os>"
      "{}<devices>{}</devices></domain>",
      arch, machine, arch == "x86_64" ? "<features><acpi/></features>" : "", devices);
}

domain::Domain domain_from_text(const std::string& xml) {
  const auto document = domain::XmlDocument::parse(xml);
  EXPECT_TRUE(document) << document.error().message;
  auto read = domain::read_domain(*document);
  EXPECT_TRUE(read) << read.error().message;
  return *std::move(read);
}

std::string nic(unsigned number, std::string_view model = "virtio", std::string_view address = "") {
  return fmt::format("<interface type='user'><mac address='52:54:00:00:00:{:02x}'/><model type='{}'/>{}</interface>",
                     number, model, address);
}

std::string nics(unsigned count, std::string_view model = "virtio") {
  std::string all;
  for (unsigned number = 1; number <= count; ++number) all += nic(number, model);
  return all;
}

std::string at(std::string_view place, std::string_view more = "") {
  return fmt::format("<address type='pci' bus='0x{}' slot='0x{}' function='0x{}'{}/>", place.substr(0, 2),
                     place.substr(3, 2), place.substr(6), more);
}

/// "interface 52:54:00:00:00:01" -> "01:00.0", with "+" where multifunction is on.
std::map<std::string, std::string> seats(const Assignment& assignment) {
  std::map<std::string, std::string> seats;
  const domain::Domain& domain = assignment.placed.domain();
  for (const domain::Device& device : domain.devices) {
    const auto* pci = std::get_if<domain::PciAddress>(&device.address);
    if (pci == nullptr || !pci->at) continue;
    std::string seat = to_string(*pci->at).substr(5);
    if (pci->multifunction == domain::Switch::On) seat += "+";
    seats[display_name(domain, device)] = seat;
  }
  return seats;
}

std::map<std::string, std::string> seats_of(std::string_view machine, const std::string& devices,
                                            std::string_view arch = "x86_64", const HostCards& cards = {}) {
  const auto assignment = assign(domain_from_text(domain_xml(machine, devices, arch)), Explain::No, cards);
  EXPECT_TRUE(assignment) << assignment.error().message;
  return assignment ? seats(*assignment) : std::map<std::string, std::string>{};
}

Error refusal_of(std::string_view machine, const std::string& devices) {
  const auto assignment = assign(domain_from_text(domain_xml(machine, devices)));
  EXPECT_FALSE(assignment);
  return assignment ? Error{} : assignment.error();
}

TEST(Assign, AnEmptyQ35GetsPortsForWhatLibvirtAddsAndOneSpare) {
  EXPECT_THAT(seats_of("q35", ""),
              ElementsAre(Pair("controller pci 1", "00:01.0+"), Pair("controller pci 2", "00:01.1"),
                          Pair("controller pci 3", "00:01.2"), Pair("controller sata 0", "00:1f.2"),
                          Pair("controller usb 0", "01:00.0"), Pair("memballoon #1", "02:00.0")));
}

TEST(Assign, AnEmptyPcHasItsUsbInTheChipset) {
  EXPECT_THAT(seats_of("pc", ""), ElementsAre(Pair("controller usb 0", "00:01.2"), Pair("memballoon #1", "00:02.0")));
}

TEST(Assign, NoSparePortWhereTheUserListedAController) {
  const auto seats = seats_of("q35", std::string(kBare) +
                                         "<controller type='pci' model='pcie-root' index='0'/>"
                                         "<controller type='pci' model='pcie-root-port' index='1'/>" +
                                         nic(1));
  EXPECT_THAT(seats, Contains(Pair("interface 52:54:00:00:00:01", "01:00.0")));
  EXPECT_FALSE(seats.contains("controller pci 2"));
}

TEST(Assign, AConventionalNicOnQ35BringsAPortWithABridge) {
  EXPECT_THAT(seats_of("q35", std::string(kBare) + nic(1, "e1000")),
              AllOf(Contains(Pair("controller pci 1", "00:01.0+")), Contains(Pair("controller pci 2", "01:00.0")),
                    Contains(Pair("interface 52:54:00:00:00:01", "02:01.0"))));
}

TEST(Assign, ThirtyNicsOnPcNeedABridgeAlthoughThirtySlotsWouldDo) {
  EXPECT_FALSE(seats_of("pc", std::string(kBare) + nics(29)).contains("controller pci 1"));
  EXPECT_THAT(
      seats_of("pc", std::string(kBare) + nics(30)),
      AllOf(Contains(Pair("controller pci 1", "00:02.0")), Contains(Pair("interface 52:54:00:00:00:1e", "01:01.0"))));
}

TEST(Assign, AnExactFitLeavesNoRoomForTheBridgeItself) {
  const Error error = refusal_of("pc", std::string(kBare) + nics(60));
  EXPECT_EQ(error.rule, "E312");
  EXPECT_THAT(error.message, HasSubstr("model='pci-bridge', but none is available"));
  EXPECT_THAT(error.device, HasSubstr("interface 52:54:00"));
  EXPECT_TRUE(assign(domain_from_text(domain_xml("pc", std::string(kBare) + nics(61)))));
}

TEST(Assign, AnExplicitAddressOfTheOnlyMissingBusMovesUpOne) {
  EXPECT_THAT(seats_of("q35", std::string(kBare) + nic(1, "e1000", at("01:01.0"))),
              Contains(Pair("interface 52:54:00:00:00:01", "02:01.0")));
  EXPECT_EQ(refusal_of("q35", std::string(kBare) + nic(1, "e1000", at("01:00.0"))).message,
            "XML error: Invalid PCI address 0000:01:00.0. slot must be >= 1");
}

TEST(Assign, FunctionZeroGetsTheBitWhenAnotherFunctionIsInUse) {
  EXPECT_THAT(seats_of("pc", std::string(kBare) + nic(1, "e1000", at("00:06.1")) + nic(2, "e1000", at("00:06.0"))),
              Contains(Pair("interface 52:54:00:00:00:02", "00:06.0+")));
}

TEST(Assign, AnExplicitOffIsKeptAndAnExplicitOnOutlivesTheOtherFunctions) {
  EXPECT_THAT(seats_of("pc", std::string(kBare) + nic(1, "e1000", at("00:06.1")) +
                                 nic(2, "e1000", at("00:06.0", " multifunction='off'"))),
              Contains(Pair("interface 52:54:00:00:00:02", "00:06.0")));
  EXPECT_THAT(seats_of("pc", std::string(kBare) + nic(2, "e1000", at("00:06.0", " multifunction='on'"))),
              Contains(Pair("interface 52:54:00:00:00:02", "00:06.0+")));
}

TEST(Assign, ASlotWithoutFunctionZeroGetsNoBit) {
  EXPECT_THAT(seats_of("pc", std::string(kBare) + nic(1, "e1000", at("00:06.3"))),
              ElementsAre(Pair("interface 52:54:00:00:00:01", "00:06.3")));
}

TEST(Assign, ThePrimaryVideoHasACustomarySlotAndGivesWayWhenItIsTaken) {
  const std::string vga = "<video><model type='vga'/></video>";
  EXPECT_THAT(seats_of("pc", std::string(kBare) + vga), Contains(Pair("video #1", "00:02.0")));
  EXPECT_THAT(seats_of("pc", std::string(kBare) + vga + nic(1, "e1000", at("00:02.0"))),
              Contains(Pair("video #1", "00:03.0")));
  EXPECT_THAT(seats_of("q35", std::string(kBare) + vga), Contains(Pair("video #1", "00:01.0")));
  EXPECT_THAT(seats_of("q35", std::string(kBare) + vga + nic(1, "e1000", at("00:01.0"))),
              Contains(Pair("video #1", "02:01.0")));
}

TEST(Assign, TheUsb2SetSharesASlotAndTheFirstFunctionCarriesTheBit) {
  const std::string set =
      "<controller type='usb' index='0' model='ich9-ehci1'/>"
      "<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>"
      "<controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/></controller>"
      "<controller type='usb' index='0' model='ich9-uhci3'><master startport='4'/></controller>"
      "<memballoon model='none'/>";
  const auto assignment = assign(domain_from_text(domain_xml("q35", set)));
  ASSERT_TRUE(assignment);
  std::vector<std::string> usb;
  for (const domain::Device& device : assignment->placed.domain().devices)
    if (device.controller && device.controller->type == domain::ControllerType::Usb)
      usb.push_back(to_string(*std::get<domain::PciAddress>(device.address).at).substr(5));
  EXPECT_THAT(usb, ElementsAre("00:1d.7", "00:1d.0", "00:1d.1", "00:1d.2"));
}

TEST(Assign, ADmiBridgeWithoutAddressGoesToItsCustomarySlot) {
  const std::string dmi = "<controller type='pci' index='1' model='dmi-to-pci-bridge'>";
  EXPECT_THAT(seats_of("q35", std::string(kBare) + dmi + "</controller>"),
              Contains(Pair("controller pci 1", "00:1e.0")));
  EXPECT_THAT(seats_of("q35", std::string(kBare) + dmi + "<address type='pci'/></controller>"),
              Contains(Pair("controller pci 1", "00:01.0")));
}

TEST(Assign, DevicesOverflowOntoAConventionalExpanderFromSlotZero) {
  const auto seats =
      seats_of("pc", std::string(kBare) + "<controller type='pci' index='1' model='pci-expander-bus'/>" + nics(31));
  EXPECT_THAT(seats, AllOf(Contains(Pair("controller pci 1", "00:02.0")),
                           Contains(Pair("interface 52:54:00:00:00:1e", "01:00.0")),
                           Contains(Pair("interface 52:54:00:00:00:1f", "01:01.0"))));
}

TEST(Assign, AVirtioIommuStaysOnTheRootBusBehindThePorts) {
  const auto assignment =
      assign(domain_from_text(domain_xml("q35", std::string(kBare) + "<iommu model='virtio'/>" + nic(1))));
  ASSERT_TRUE(assignment) << assignment.error().message;
  EXPECT_THAT(seats(*assignment),
              AllOf(Contains(Pair("iommu #1", "00:02.0")), Contains(Pair("interface 52:54:00:00:00:01", "01:00.0"))));
}

TEST(Assign, ARefusalNamesTheDeviceTheOwnerAndAFreeSlot) {
  const Error error =
      refusal_of("pc", std::string(kBare) + nic(1, "e1000", at("00:05.0")) + nic(2, "e1000", at("00:05.0")));
  EXPECT_EQ(error.rule, "E305");
  EXPECT_EQ(error.message, "XML error: Attempted double use of PCI Address 0000:00:05.0");
  EXPECT_EQ(error.device, "interface 52:54:00:00:00:02");
  EXPECT_THAT(error.remedy, AllOf(HasSubstr("52:54:00:00:00:01 has it"), HasSubstr("slot 0x02 of bus 0 is free")));
  EXPECT_TRUE(error.offset);
}

TEST(Assign, RefusesAUserDeviceOnTheChipsetsPlaceAndNamesBoth) {
  const Error error = refusal_of("pc", std::string(kBare) + nic(1, "e1000", at("00:01.0")));
  EXPECT_EQ(error.message, "XML error: Attempted double use of PCI Address 0000:00:01.0");
  EXPECT_EQ(error.device, "interface 52:54:00:00:00:01");
  EXPECT_THAT(error.remedy, HasSubstr("PIIX3"));
}

TEST(Assign, RefusesAWrittenBridgeWithTheWordsForAConventionalDevice) {
  const Error error = refusal_of("q35", std::string(kBare) +
                                            "<controller type='pci' index='1' model='pcie-root-port'/>"
                                            "<controller type='pci' index='2' model='pcie-switch-upstream-port'/>"
                                            "<controller type='pci' index='3' model='pci-bridge'>" +
                                            at("02:01.0") + "</controller>");
  EXPECT_EQ(error.rule, "E306");
  EXPECT_THAT(error.message, HasSubstr("requires a controller that accepts a standard PCI device."));
}

TEST(Assign, AnIndexNoMachineCouldHaveIsRefusedAtOnce) {
  const Error error =
      refusal_of("pc", std::string(kBare) + "<controller type='pci' index='2147483647' model='pci-bridge'/>");
  EXPECT_EQ(error.rule, "E205");
  EXPECT_EQ(error.message, "unsupported configuration: PCI controller index 2147483647 too high, maximum is 255");
}

TEST(Assign, AMachineWithoutPciRefusesTheFirstDeviceThatWantsIt) {
  EXPECT_EQ(refusal_of("isapc", "").message, "XML error: No PCI buses available");
  EXPECT_THAT(seats_of("isapc", std::string(kBare)), IsEmpty());
}

TEST(Assign, APassedThroughCardThatIsConventionalGoesBehindABridge) {
  const std::string card =
      "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='5' slot='0' function='0'/></source>"
      "</hostdev>";
  EXPECT_THAT(seats_of("q35", std::string(kBare) + card), Contains(Pair(Not("x"), "01:00.0")));
  const HostCards cards{{*pci::HostAddress::make(0, 5, 0, 0), {.conventional = true, .iommu_group = {}}}};
  EXPECT_THAT(seats_of("q35", std::string(kBare) + card, "x86_64", cards), Contains(Pair(Not("x"), "02:01.0")));
}

TEST(Assign, OnPseriesCardsOfDifferentGroupsGetHostBridgesOfTheirOwn) {
  const auto card = [](unsigned bus) {
    return fmt::format(
        "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='{}' slot='0' "
        "function='0'/></source></hostdev>",
        bus);
  };
  const HostCards cards{{*pci::HostAddress::make(0, 5, 0, 0), {.conventional = false, .iommu_group = 3}},
                        {*pci::HostAddress::make(0, 6, 0, 0), {.conventional = false, .iommu_group = 4}},
                        {*pci::HostAddress::make(0, 7, 0, 0), {.conventional = false, .iommu_group = 3}}};
  const auto assignment =
      assign(domain_from_text(domain_xml("pseries", std::string(kBare) + card(5) + card(6) + card(7), "ppc64le")),
             Explain::No, cards);
  ASSERT_TRUE(assignment) << assignment.error().message;
  std::vector<std::string> hostdevs;
  for (const domain::Device& device : assignment->placed.domain().devices)
    if (device.kind == domain::DeviceKind::Hostdev)
      hostdevs.push_back(to_string(*std::get<domain::PciAddress>(device.address).at).substr(5));
  EXPECT_THAT(hostdevs, ElementsAre("01:01.0", "02:01.0", "01:02.0"));
}

TEST(AssignExplain, SaysWhyEachDeviceIsWhereItIs) {
  const auto assignment = assign(domain_from_text(domain_xml("q35", std::string(kBare) + nic(1))), Explain::Yes);
  ASSERT_TRUE(assignment);
  std::map<std::string, std::string> reasons;
  const domain::Domain& domain = assignment->placed.domain();
  for (const Reason& reason : assignment->reasons)
    reasons[display_name(domain, domain.devices[reason.device])] = reason.text;
  EXPECT_EQ(reasons.at("interface 52:54:00:00:00:01"),
            "first free slot; passed over: bus 0 (by explicit address only)");
  EXPECT_EQ(reasons.at("controller pci 1"),
            "added because no bus had room for interface 52:54:00:00:00:01; first free slot");
  EXPECT_EQ(reasons.at("controller pci 2"), "added as a spare for hot-plug; first free slot");
  EXPECT_EQ(reasons.at("controller sata 0"), "added by default; part of the chipset");
}

TEST(AssignExplain, SaysThatAWrittenBusHadToBecomeAPort) {
  const auto assignment =
      assign(domain_from_text(domain_xml("q35", std::string(kBare) + nic(1, "e1000", at("01:01.0")))), Explain::Yes);
  ASSERT_TRUE(assignment);
  std::vector<std::string> texts;
  for (const Reason& reason : assignment->reasons) texts.push_back(reason.text);
  EXPECT_THAT(texts, Contains("the XML says bus 1, which had to become the root port above it"));
}

TEST(AssignExplain, GivesNoReasonsUnasked) {
  const auto assignment = assign(domain_from_text(domain_xml("q35", "")));
  ASSERT_TRUE(assignment);
  EXPECT_THAT(assignment->reasons, IsEmpty());
}

TEST(AssignWarnings, TellOfABusThatTheGuestWillNotHave) {
  const std::string expander =
      "<controller type='pci' index='{}' model='pci-expander-bus'><target busNr='{}'/></controller>";
  const auto overlapping = assign(domain_from_text(
      domain_xml("pc", std::string(kBare) + fmt::format(fmt::runtime(expander), 1, 100) +
                           fmt::format(fmt::runtime(expander), 2, 102) +
                           "<controller type='pci' index='3' model='pci-bridge'>" + at("01:01.0") + "</controller>" +
                           "<controller type='pci' index='4' model='pci-bridge'>" + at("01:02.0") + "</controller>")));
  ASSERT_TRUE(overlapping) << overlapping.error().message;
  EXPECT_THAT(topology::number_warnings(overlapping->placed), Contains(HasSubstr("busNr=")));
  const auto apart =
      assign(domain_from_text(domain_xml("pc", std::string(kBare) + fmt::format(fmt::runtime(expander), 1, 100))));
  ASSERT_TRUE(apart);
  EXPECT_THAT(topology::number_warnings(apart->placed), IsEmpty());
}

TEST(AssignWarnings, TellOfABridgeThatHasNoZpciIdsYet) {
  std::string cards;
  for (int i = 0; i < 40; ++i)
    cards += fmt::format(
        "<interface type='user'><mac address='52:54:00:00:01:{:02x}'/><address type='pci'/></interface>", i);
  const auto grown = assign(domain_from_text(domain_xml("s390-ccw-virtio", cards, "s390x")));
  ASSERT_TRUE(grown) << grown.error().message;
  EXPECT_THAT(warnings_of(grown->placed),
              ElementsAre(AllOf(HasSubstr("controller pci 1, which libvirt adds, gets its zPCI uid"),
                                HasSubstr("model='pci-bridge'/> in the XML"))));
  const auto written = assign(domain_from_text(
      domain_xml("s390-ccw-virtio", "<controller type='pci' index='1' model='pci-bridge'/>" + cards, "s390x")));
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_THAT(warnings_of(written->placed), IsEmpty());
}

/// "interface 52:54:…: <interface type='user'>": the device that the refusal names, and the tag that it points to.
std::string blamed(const std::string& xml) {
  const auto assignment = assign(domain_from_text(xml));
  if (assignment) return "nobody";
  const Error& error = assignment.error();
  if (!error.offset) return error.device + ": nowhere";
  return error.device + ": " + xml.substr(*error.offset, xml.find('>', *error.offset) + 1 - *error.offset);
}

TEST(AssignRefusals, PointToTheElementForWhichAControllerWasAdded) {
  EXPECT_EQ(blamed(domain_xml("q35", "<controller type='pci' index='255' model='pcie-root-port'/>")),
            "controller pci 255: <controller type='pci' index='255' model='pcie-root-port'/>");
  EXPECT_EQ(blamed(domain_xml("q35", nic(1, "rtl8139", at("ff:01.0")))),
            "controller pci 256, added for interface 52:54:00:00:00:01: <interface type='user'>");
  EXPECT_EQ(blamed(domain_xml("q35", "<disk type='block'><source dev='/dev/x'/><target dev='hda' bus='ide'/></disk>")),
            "controller ide 0, added for disk hda: <disk type='block'>");
  EXPECT_EQ(blamed(domain_xml("pc", "<controller type='usb' model='none'/><smartcard mode='host'/>")),
            "controller ccid 0, added for smartcard #1: <smartcard mode='host'/>");
  EXPECT_EQ(
      blamed(domain_xml(
          "isapc", "<memballoon model='none'/><channel type='pty'><target type='virtio' name='org.x'/></channel>")),
      "controller virtio-serial 0, added for channel org.x: <channel type='pty'>");
}

TEST(AssignRefusals, PointToTheMachineWhereNoElementIsToBlame) {
  EXPECT_EQ(blamed(domain_xml("isapc", "")), "memballoon #1: <type arch='x86_64' machine='isapc'>");
  EXPECT_EQ(blamed(domain_xml("fuloong2e", "", "mips")), ": <type arch='mips' machine='fuloong2e'>");
}

}  // namespace
}  // namespace busproof::assign
