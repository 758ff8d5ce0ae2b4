#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/domain/xml_document.h"

namespace busproof::domain {
namespace {

constexpr std::string_view kOs = "<os><type>hvm</type></os>";

/// Reads the text, lets `place` complete the domain, and writes it back. What every domain needs is put behind a text
/// that does without, and taken away again.
std::string written(std::string text, const std::function<void(Domain&)>& place) {
  const bool lacks_os = text.find("<os>") == std::string::npos && text.find("</domain>") != std::string::npos;
  if (lacks_os) {
    std::string whole = text;
    whole = written(whole.insert(whole.rfind("</domain>"), kOs), place);
    if (const std::size_t os = whole.rfind(kOs); os != std::string::npos) whole.erase(os, kOs.size());
    return whole;
  }
  const auto document = XmlDocument::parse(std::move(text));
  if (!document) return document.error().message;
  auto domain = read_domain(*document);
  if (!domain) return domain.error().message;
  place(*domain);
  const auto placed = as_placed(*domain);
  if (!placed) return placed.error().message;
  return write_places(*document, *placed);
}

void nothing(Domain&) {}

PciAddress at(std::uint8_t bus, unsigned slot, unsigned function, Switch multifunction = Switch::Absent) {
  return {pci::GuestAddress::make(0, bus, slot, function), multifunction, {}};
}

/// Gives the address to the first device.
std::function<void(Domain&)> placing(DeviceAddress address) {
  return [address = std::move(address)](Domain& domain) { domain.devices.at(0).address = address; };
}

/// Adds devices that the text does not have.
std::function<void(Domain&)> adding(std::vector<Device> devices) {
  return [devices = std::move(devices)](Domain& domain) {
    domain.devices.insert(domain.devices.end(), devices.begin(), devices.end());
  };
}

Device new_controller(ControllerType type, std::uint32_t index, std::string model = {}) {
  Device device;
  device.kind = DeviceKind::Controller;
  device.model = std::move(model);
  device.controller.emplace().type = type;
  device.controller->index = index;
  device.controller->pci_model = pci::controller_model(device.model);
  return device;
}

Device new_root_port(std::uint32_t index) {
  Device port = new_controller(ControllerType::Pci, index, "pcie-root-port");
  port.controller->model_name = "pcie-root-port";
  port.controller->target.chassis = static_cast<int>(index);
  port.controller->target.port = 0x10;
  port.address = at(0, 2, 0);
  return port;
}

Device new_balloon() {
  Device balloon;
  balloon.kind = DeviceKind::Memballoon;
  balloon.model = "virtio";
  balloon.address = at(1, 0, 0);
  return balloon;
}

// What needs nothing.

TEST(WritePlaces, LeavesAPlacedDomainByteForByte) {
  const std::string text =
      "<?xml version=\"1.0\" encoding='ISO-8859-1'?>\r\n<!-- \xe9 > -->\n<domain  type = 'kvm' >\r\n"
      "\t<name>&amp;&#233;\xe9<![CDATA[</devices>]]></name><devices><!-- <rng/> -->\n"
      "<rng\tmodel=\"virtio\"><address slot=' 0X8' type='pci' new='&lt;' bus='0x5' function='+0'><new/></address "
      "></rng "
      ">"
      "<controller model='pci-root' type='pci' index='0'/></devices></domain>\n<!-- end -->\n";
  EXPECT_EQ(written(text, nothing), text);
}

// Addresses that are added.

TEST(WritePlaces, AddsAnAddressAsTheLastChild) {
  EXPECT_EQ(
      written("<domain>\n  <devices>\n    <rng model='virtio'>\n      <rate/>\n    </rng>\n  </devices>\n</domain>\n",
              placing(at(1, 0x1f, 7))),
      "<domain>\n  <devices>\n    <rng model='virtio'>\n      <rate/>\n"
      "      <address type='pci' domain='0x0000' bus='0x01' slot='0x1f' function='0x7'/>\n"
      "    </rng>\n  </devices>\n</domain>\n");
}

TEST(WritePlaces, OpensAnEmptyElementForItsAddress) {
  EXPECT_EQ(written("<domain>\n  <devices>\n    <rng model='virtio' />\n  </devices>\n</domain>", placing(at(1, 0, 0))),
            "<domain>\n  <devices>\n    <rng model='virtio'>\n"
            "      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n"
            "    </rng>\n  </devices>\n</domain>");
}

TEST(WritePlaces, FillsAnElementWithNothingInIt) {
  EXPECT_EQ(written("<domain>\n <devices>\n  <rng model='virtio'></rng>\n </devices>\n</domain>",
                    placing(VirtioMmioAddress{})),
            "<domain>\n <devices>\n  <rng model='virtio'>\n   <address type='virtio-mmio'/>\n  </rng>\n </devices>\n"
            "</domain>");
  EXPECT_EQ(written("<domain>\n <devices>\n  <rng model='virtio'>\n  </rng>\n </devices>\n</domain>",
                    placing(VirtioMmioAddress{})),
            "<domain>\n <devices>\n  <rng model='virtio'>\n   <address type='virtio-mmio'/>\n  </rng>\n </devices>\n"
            "</domain>");
}

TEST(WritePlaces, IndentsWithTheDocumentsTabs) {
  EXPECT_EQ(written("<domain>\n\t<devices>\n\t\t<rng model='virtio'/>\n\t</devices>\n</domain>",
                    placing(VirtioMmioAddress{})),
            "<domain>\n\t<devices>\n\t\t<rng model='virtio'>\n\t\t\t<address type='virtio-mmio'/>\n\t\t</rng>\n"
            "\t</devices>\n</domain>");
}

TEST(WritePlaces, IndentsAsTheSiblingsAreHoweverOdd) {
  EXPECT_EQ(written("<domain>\n<devices>\n<rng model='virtio'>\n       <rate/>\n</rng>\n</devices>\n</domain>",
                    placing(VirtioMmioAddress{})),
            "<domain>\n<devices>\n<rng model='virtio'>\n       <rate/>\n       <address type='virtio-mmio'/>\n</rng>\n"
            "</devices>\n</domain>");
}

TEST(WritePlaces, EndsLinesAsTheDocumentDoes) {
  EXPECT_EQ(
      written("<domain>\r\n  <devices>\r\n    <rng model='virtio'/>\r\n  </devices>\r\n</domain>",
              placing(VirtioMmioAddress{})),
      "<domain>\r\n  <devices>\r\n    <rng model='virtio'>\r\n      <address type='virtio-mmio'/>\r\n    </rng>\r\n"
      "  </devices>\r\n</domain>");
}

TEST(WritePlaces, KeepsAOneLineDocumentOnOneLine) {
  EXPECT_EQ(written("<domain type='kvm'><devices><rng model='virtio'/></devices></domain>",
                    [](Domain& domain) {
                      domain.devices[0].address = VirtioMmioAddress{};
                      domain.devices.push_back(new_root_port(1));
                    }),
            "<domain type='kvm'><devices><controller type='pci' index='1' model='pcie-root-port'>"
            "<model name='pcie-root-port'/><target chassis='1' port='0x10'/>"
            "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></controller>"
            "<rng model='virtio'><address type='virtio-mmio'/></rng></devices></domain>");
}

TEST(WritePlaces, KeepsAnElementOnItsLine) {
  EXPECT_EQ(written("<domain>\n <devices>\n  <rng model='virtio'><rate/></rng>\n </devices>\n</domain>",
                    placing(VirtioMmioAddress{})),
            "<domain>\n <devices>\n  <rng model='virtio'><rate/><address type='virtio-mmio'/></rng>\n </devices>\n"
            "</domain>");
}

TEST(WritePlaces, FindsTheEndOfADeviceBehindCommentsAndCdata) {
  EXPECT_EQ(written("<domain><devices><rng model='virtio'><backend model='random'><![CDATA[</rng>]]></backend>"
                    "<!-- </rng></devices> --></rng></devices></domain>",
                    placing(VirtioMmioAddress{})),
            "<domain><devices><rng model='virtio'><backend model='random'><![CDATA[</rng>]]></backend>"
            "<!-- </rng></devices> --><address type='virtio-mmio'/></rng></devices></domain>");
  EXPECT_EQ(written("<domain><devices><rng model='virtio'><?x </rng>?></rng></devices></domain>",
                    placing(VirtioMmioAddress{})),
            "<domain><devices><rng model='virtio'><?x </rng>?><address type='virtio-mmio'/></rng></devices></domain>");
  EXPECT_EQ(
      written("<domain><devices><rng model='virtio'>a &gt; b</rng></devices></domain>", placing(VirtioMmioAddress{})),
      "<domain><devices><rng model='virtio'>a &gt; b<address type='virtio-mmio'/></rng></devices></domain>");
}

TEST(WritePlaces, QuotesAsTheDocumentDoes) {
  EXPECT_EQ(
      written("<domain type=\"kvm\"><devices><rng model=\"virtio\"/></devices></domain>", placing(VirtioMmioAddress{})),
      "<domain type=\"kvm\"><devices><rng model=\"virtio\"><address type=\"virtio-mmio\"/></rng></devices></domain>");
}

TEST(WritePlaces, PassesByGreaterSignsInAttributes) {
  EXPECT_EQ(
      written("<domain><devices><rng model='virtio' new='a>b/>'/></devices></domain>", placing(VirtioMmioAddress{})),
      "<domain><devices><rng model='virtio' new='a>b/>'><address type='virtio-mmio'/></rng></devices></domain>");
}

TEST(WritePlaces, WritesMultifunctionAndZpci) {
  PciAddress address = at(0, 3, 0, Switch::On);
  address.zpci = {0x10, 0x2};
  EXPECT_EQ(
      written("<domain><devices><rng model='virtio'/></devices></domain>", placing(address)),
      "<domain><devices><rng model='virtio'><address type='pci' domain='0x0000' bus='0x00' slot='0x03' "
      "function='0x0' multifunction='on'><zpci uid='0x0010' fid='0x00000002'/></address></rng></devices></domain>");
}

TEST(WritePlaces, WritesCcwAndSpaprVioAddresses) {
  EXPECT_EQ(written("<domain><devices><rng model='virtio'/></devices></domain>",
                    placing(CcwAddress{CcwAddress::Number{0xfe, 0, 1}})),
            "<domain><devices><rng model='virtio'><address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/></rng>"
            "</devices></domain>");
  EXPECT_EQ(
      written("<domain><devices><rng model='virtio'/></devices></domain>", placing(SpaprVioAddress{0x1000})),
      "<domain><devices><rng model='virtio'><address type='spapr-vio' reg='0x00001000'/></rng></devices></domain>");
}

/// The address added to a device that has none.
std::string added_address(const DeviceAddress& address) {
  const std::string text = written("<domain><devices><disk></disk></devices></domain>", placing(address));
  const std::size_t begin = text.find("<disk>") + 6;
  return text.substr(begin, text.find("</disk>") - begin);
}

TEST(WritePlaces, WritesAddressesOfOtherBuses) {
  EXPECT_EQ(added_address(DriveAddress{0, 1, 2, 3}),
            "<address type='drive' controller='0' bus='1' target='2' unit='3'/>");
  EXPECT_EQ(added_address(VirtioSerialAddress{0, 0, 4}),
            "<address type='virtio-serial' controller='0' bus='0' port='4'/>");
  EXPECT_EQ(added_address(UsbAddress{0, {1, 2}}), "<address type='usb' bus='0' port='1.2'/>");
  EXPECT_EQ(added_address(UsbAddress{1, {}}), "<address type='usb' bus='1'/>");
  EXPECT_EQ(added_address(IsaAddress{0x3f8, 4}), "<address type='isa' iobase='0x3f8' irq='0x4'/>");
  EXPECT_EQ(added_address(UnassignedAddress{}), "<address type='unassigned'/>");
  EXPECT_EQ(added_address(CcidAddress{0, 1}), "<address type='ccid' controller='0' slot='1'/>");
  EXPECT_EQ(added_address(DimmAddress{1, 0x100000000}), "<address type='dimm' slot='1' base='0x100000000'/>");
}

TEST(WritePlaces, LeavesOutAddressesThatSayNothing) { EXPECT_EQ(added_address(VirtioS390Address{}), ""); }

// Addresses that are there.

std::string with_address(std::string_view address, const DeviceAddress& wanted) {
  const std::string before = "<domain><devices><rng model='virtio'>";
  const std::string text = written(fmt::format("{}{}</rng></devices></domain>", before, address), placing(wanted));
  return text.substr(before.size(), text.find("</rng>") - before.size());
}

TEST(WritePlaces, FillsInAnAddressThatAsksForOne) {
  EXPECT_EQ(with_address("<address type='pci'/>", at(1, 2, 0)),
            "<address type='pci' domain='0x0000' bus='0x01' slot='0x02' function='0x0'/>");
  EXPECT_EQ(with_address("<address type=\"pci\" />", at(1, 2, 0)),
            "<address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" slot=\"0x02\" function=\"0x0\" />");
  EXPECT_EQ(
      with_address("<address function='3' slot='0' type='pci' bus='0' domain='0x0'><new/></address>", at(0, 2, 0)),
      "<address function='0x0' slot='0x02' type='pci' bus='0' domain='0x0'><new/></address>");
}

TEST(WritePlaces, DropsTheMultifunctionOfAnAddressThatAsksForOne) {
  EXPECT_EQ(with_address("<address type='pci' multifunction='on'  function='0'/>", at(1, 0, 0)),
            "<address type='pci'  function='0' domain='0x0000' bus='0x01' slot='0x00'/>");
  EXPECT_EQ(with_address("<address type='pci' multifunction='off'/>", at(1, 0, 0, Switch::On)),
            "<address type='pci' multifunction='on' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>");
}

TEST(WritePlaces, SetsMultifunctionAndNothingElse) {
  EXPECT_EQ(with_address("<address type='pci' slot='2' bus='8'/>", at(8, 2, 0, Switch::On)),
            "<address type='pci' slot='2' bus='8' multifunction='on'/>");
}

TEST(WritePlaces, RewritesABusAndNothingElse) {
  EXPECT_EQ(with_address("<address slot='2' bus=\"1\" type='pci'/>", at(2, 2, 0)),
            "<address slot='2' bus=\"0x02\" type='pci'/>");
}

TEST(WritePlaces, SpellsOctalNumbersAsLibvirtStoresThem) {
  EXPECT_EQ(with_address("<address type='pci' bus='010' slot='0x2' function='00'/>", at(8, 2, 0)),
            "<address type='pci' bus='0x08' slot='0x2' function='0x0'/>");
}

TEST(WritePlaces, AddsZpciIdsToAnAddress) {
  PciAddress address = at(0, 2, 0);
  address.zpci = {1, 0};
  EXPECT_EQ(with_address("<address type='pci' slot='2'/>", address),
            "<address type='pci' slot='2'><zpci uid='0x0001' fid='0x00000000'/></address>");
  EXPECT_EQ(with_address("<address type='pci' slot='2'><zpci fid='0'/></address>", address),
            "<address type='pci' slot='2'><zpci fid='0' uid='0x0001'/></address>");
}

TEST(WritePlaces, GivesACcwAddressItsNumbers) {
  EXPECT_EQ(with_address("<address type='ccw'/>", CcwAddress{CcwAddress::Number{0xfe, 0, 0x1a}}),
            "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x001a'/>");
}

TEST(WritePlaces, ReplacesAnAddressOfAnotherType) {
  EXPECT_EQ(with_address("<address type='pci'/>", CcwAddress{CcwAddress::Number{0xfe, 0, 0}}),
            "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0000'/>");
  EXPECT_EQ(with_address("<address type='virtio-mmio'></address>", at(0, 2, 0)),
            "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>");
}

TEST(WritePlaces, RemovesAPciAddressThatLibvirtDrops) {
  EXPECT_EQ(with_address("\n  <rate/>\n  <address type='pci' slot='2'/>\n", NoAddress{}), "\n  <rate/>\n");
  EXPECT_EQ(with_address("<address type='pci' slot='2'><zpci uid='1'/></address><rate/>", VirtioS390Address{}),
            "<rate/>");
}

TEST(WritePlaces, RemovesTheAddressesBehindItToo) {
  EXPECT_EQ(with_address("<address type='pci' slot='2'/><rate/>\n <address type='bogus'/>", NoAddress{}), "<rate/>");
}

TEST(WritePlaces, KeepsOtherAddressesThatTheDomainLacks) {
  EXPECT_EQ(with_address("<address type='isa'/>", NoAddress{}), "<address type='isa'/>");
}

TEST(WritePlaces, LeavesAnAddressThatAsksForNothingWhereNobodyIsSeated) {
  EXPECT_EQ(with_address("<address type='pci'/>", NoAddress{}), "<address type='pci'/>");
  EXPECT_EQ(with_address("<address type='pci' slot='3'/>", NoAddress{}), "");
}

TEST(WritePlaces, EmptiesAnAddressOfZerosWhereNobodyIsSeated) {
  EXPECT_THAT(
      written(
          "<domain><devices><input type='mouse' bus='ps2'><address type='pci' domain='0x0000' bus='0x00' slot='0x00' "
          "function='0x3' multifunction='on'/></input></devices></domain>",
          placing(NoAddress{})),
      testing::HasSubstr("<input type='mouse' bus='ps2'><address type='pci' multifunction='on'/></input>"));
}

TEST(WritePlaces, RemovesAMalformedAddressThatNobodyReads) {
  EXPECT_THAT(written("<domain><devices><memballoon model='none'><address type='pci' domain='0x' slot='5'/>"
                      "</memballoon></devices></domain>",
                      nothing),
              testing::HasSubstr("<memballoon model='none'></memballoon>"));
}

TEST(WritePlaces, LeavesASecondAddressAlone) {
  EXPECT_EQ(with_address("<address type='pci'/><address type='pci'/>", at(0, 2, 0)),
            "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/><address type='pci'/>");
}

TEST(WritePlaces, RemovesTheAddressOfABalloonThatIsNone) {
  EXPECT_EQ(
      written(
          "<domain><devices><memballoon model='none'>\n<address type='pci' slot='2'/></memballoon></devices></domain>",
          nothing),
      "<domain><devices><memballoon model='none'></memballoon></devices></domain>");
  const std::string malformed =
      "<domain><devices><memballoon model='none'><address type='x'/></memballoon></devices></domain>";
  EXPECT_EQ(written(malformed, nothing), malformed);
}

TEST(WritePlaces, TakesThePlaceFromElementsThatAreNoDevices) {
  EXPECT_EQ(written("<domain><devices><crypto model='virtio'>\n <address type='pci' slot='2'/>\n</crypto>"
                    "<new><address type='usb'/></new></devices></domain>",
                    nothing),
            "<domain><devices><crypto model='virtio'>\n</crypto><new><address type='usb'/></new></devices></domain>");
}

// Controllers.

std::string with_controller(std::string_view element, const std::function<void(Device&)>& complete) {
  const std::string before = "<domain>\n <devices>\n";
  const std::string text = written(fmt::format("{}{}\n </devices>\n</domain>", before, element),
                                   [&](Domain& domain) { complete(domain.devices[0]); });
  return text.substr(before.size(), text.find("\n </devices>") - before.size());
}

TEST(WritePlaces, SaysTheTypeOfAControllerThatHasNone) {
  EXPECT_THAT(written("<domain><devices><controller index='0'/></devices></domain>", nothing),
              testing::HasSubstr("<controller index='0' type='ide'/>"));
}

TEST(WritePlaces, GivesAControllerItsIndexAndModel) {
  EXPECT_EQ(with_controller("  <controller type=\"usb\"/>",
                            [](Device& device) {
                              device.controller->index = 0;
                              device.model = "piix3-uhci";
                            }),
            "  <controller type=\"usb\" index=\"0\" model=\"piix3-uhci\"/>");
  EXPECT_EQ(with_controller("  <controller type='scsi' model='auto' index='0'/>",
                            [](Device& device) { device.model = "lsilogic"; }),
            "  <controller type='scsi' model='lsilogic' index='0'/>");
}

TEST(WritePlaces, SpellsOddIndexesAndOctalTargetsPlainly) {
  EXPECT_EQ(
      with_controller("  <controller type='pci' index='01' model='pci-bridge'><target chassisNr='010'/></controller>",
                      [](Device&) {}),
      "  <controller type='pci' index='1' model='pci-bridge'><target chassisNr='8'/></controller>");
}

void complete_root_port(Device& device) {
  device.controller->index = 1;
  device.controller->model_name = "pcie-root-port";
  device.controller->target.chassis = 1;
  device.controller->target.port = 0x10;
  device.address = at(0, 2, 0);
}

TEST(WritePlaces, WritesModelTargetAndAddressInLibvirtsOrder) {
  EXPECT_EQ(with_controller("  <controller type='pci' index='1' model='pcie-root-port'/>", complete_root_port),
            "  <controller type='pci' index='1' model='pcie-root-port'>\n"
            "   <model name='pcie-root-port'/>\n   <target chassis='1' port='0x10'/>\n"
            "   <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>\n  </controller>");
  EXPECT_EQ(with_controller("  <controller type='pci' index='1' model='pcie-root-port'>\n"
                            "    <address type='pci' slot='2'/>\n  </controller>",
                            complete_root_port),
            "  <controller type='pci' index='1' model='pcie-root-port'>\n"
            "    <model name='pcie-root-port'/>\n    <target chassis='1' port='0x10'/>\n"
            "    <address type='pci' slot='2'/>\n  </controller>");
}

TEST(WritePlaces, CompletesATarget) {
  EXPECT_EQ(with_controller("  <controller type='pci' index='1' model='pcie-root-port'>\n   <target port='8'/>\n"
                            "   <model/>\n   <address type='pci' slot='2'/>\n  </controller>",
                            [](Device& device) {
                              complete_root_port(device);
                              device.controller->target.port = 8;
                            }),
            "  <controller type='pci' index='1' model='pcie-root-port'>\n   <target port='8' chassis='1'/>\n"
            "   <model name='pcie-root-port'/>\n   <address type='pci' slot='2'/>\n  </controller>");
}

TEST(WritePlaces, KeepsTheNodeOfATarget) {
  EXPECT_EQ(with_controller("  <controller type='pci' index='1' model='pci-expander-bus'><model name='pxb'/>"
                            "<target><node>1</node></target></controller>",
                            [](Device& device) { device.controller->target.bus_nr = 254; }),
            "  <controller type='pci' index='1' model='pci-expander-bus'><model name='pxb'/>"
            "<target busNr='254'><node>1</node></target></controller>");
}

TEST(WritePlaces, PutsChildrenBeforeAnAddressThatItRemoves) {
  EXPECT_EQ(
      with_controller("  <controller type='pci' index='1' model='pci-bridge'>\n   <address type='pci' slot='2'/>\n"
                      "  </controller>",
                      [](Device& device) {
                        device.controller->model_name = "pci-bridge";
                        device.address = NoAddress{};
                      }),
      "  <controller type='pci' index='1' model='pci-bridge'>\n   <model name='pci-bridge'/>\n  </controller>");
}

TEST(WritePlaces, WritesEveryTargetAttribute) {
  EXPECT_EQ(with_controller(
                "  <controller type='pci' index='1' model='pci-bridge'/>",
                [](Device& device) { device.controller->target = {1, 2, 3, 4, 5, std::nullopt, Switch::Absent}; }),
            "  <controller type='pci' index='1' model='pci-bridge'>\n"
            "   <target chassisNr='1' chassis='2' port='0x3' busNr='4' index='5'/>\n  </controller>");
}

// New devices.

TEST(WritePlaces, PutsNewDevicesWhereLibvirtPrintsThem) {
  const std::string text =
      "<domain>\n  <devices>\n    <emulator/>\n    <controller type='sata' index='0'/> <!-- disks -->\n"
      "    <interface/>\n    <new/>\n    <rng model='virtio'/>\n  </devices>\n</domain>\n";
  Device video;
  video.kind = DeviceKind::Video;
  video.model = "cirrus";
  video.primary = true;
  video.address = at(0, 1, 0);
  EXPECT_EQ(written(text, adding({new_balloon(), video, new_root_port(1),
                                  new_controller(ControllerType::Pci, 0, "pcie-root")})),
            "<domain>\n  <devices>\n    <emulator/>\n    <controller type='sata' index='0'/> <!-- disks -->\n"
            "    <controller type='pci' index='1' model='pcie-root-port'>\n"
            "      <model name='pcie-root-port'/>\n      <target chassis='1' port='0x10'/>\n"
            "      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>\n    </controller>\n"
            "    <controller type='pci' index='0' model='pcie-root'/>\n"
            "    <interface/>\n"
            "    <video>\n      <model type='cirrus' primary='yes'/>\n"
            "      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>\n    </video>\n"
            "    <memballoon model='virtio'>\n"
            "      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n    </memballoon>\n"
            "    <new/>\n    <rng model='virtio'/>\n  </devices>\n</domain>\n");
}

TEST(WritePlaces, PutsControllersFirstWhereNothingComesBefore) {
  EXPECT_EQ(
      written("<domain>\n  <devices>\n    <!-- the only one -->\n    <rng model='virtio'/>\n  </devices>\n</domain>\n",
              adding({new_controller(ControllerType::Pci, 0, "pcie-root"), new_controller(ControllerType::Sata, 0)})),
      "<domain>\n  <devices>\n    <!-- the only one -->\n    <controller type='pci' index='0' model='pcie-root'/>\n"
      "    <controller type='sata' index='0'/>\n    <rng model='virtio'/>\n  </devices>\n</domain>\n");
}

TEST(WritePlaces, FillsEmptyDevices) {
  EXPECT_EQ(written("<domain>\n  <devices/>\n</domain>\n", adding({new_controller(ControllerType::Ide, 0)})),
            "<domain>\n  <devices>\n    <controller type='ide' index='0'/>\n  </devices>\n</domain>\n");
  EXPECT_EQ(
      written("<domain>\n  <devices>\n    <!-- none -->\n  </devices>\n</domain>\n",
              adding({new_controller(ControllerType::Ide, 0)})),
      "<domain>\n  <devices>\n    <!-- none -->\n    <controller type='ide' index='0'/>\n  </devices>\n</domain>\n");
  EXPECT_EQ(written("<domain>\n  <devices><!-- none --></devices>\n</domain>\n",
                    adding({new_controller(ControllerType::Ide, 0)})),
            "<domain>\n  <devices><!-- none -->\n    <controller type='ide' index='0'/>\n  </devices>\n</domain>\n");
}

TEST(WritePlaces, WritesPlacesWithoutThePrefixThatLibvirtOverlooks) {
  EXPECT_EQ(
      written("<domain xmlns:f='urn:f'><devices><controller f:type='pci' f:index='4' model='pcie-root-port'>"
              "<target chassis='4' f:port='0x1'/><address type='pci' f:slot='9'/></controller></devices></domain>",
              placing(at(0, 9, 0))),
      "<domain xmlns:f='urn:f'><devices><controller type='pci' index='4' model='pcie-root-port'>"
      "<target chassis='4' port='0x1'/><address type='pci' domain='0x0000' bus='0x00' slot='0x09' "
      "function='0x0'/></controller></devices></domain>");
}

TEST(WritePlaces, LeavesAloneWhatIsInANamespace) {
  const std::string foreign =
      "<domain><devices xmlns='urn:a'><rng/></devices><devices><rng xmlns='urn:b'><address type='pci' slot='2'/></rng>";
  EXPECT_EQ(written(foreign + "</devices></domain>", nothing), foreign + "</devices></domain>");
  EXPECT_EQ(written(foreign + "</devices></domain>", adding({new_controller(ControllerType::Ide, 0)})),
            "<domain><devices xmlns='urn:a'><rng/></devices><devices><controller type='ide' index='0'/>"
            "<rng xmlns='urn:b'><address type='pci' slot='2'/></rng></devices></domain>");
  EXPECT_EQ(written("<domain xmlns='urn:a'><devices><rng/></devices></domain>", nothing),
            "XML error: expecting root element of 'domain' in no namespace, not in 'urn:a'");
  EXPECT_EQ(written("<domain xmlns=''><devices/></domain>", nothing), "<domain xmlns=''><devices/></domain>");
}

TEST(WritePlaces, AddsDevicesWhereThereAreNone) {
  EXPECT_EQ(
      written("<domain>\n  <os><type>hvm</type></os>\n</domain>\n", adding({new_controller(ControllerType::Ide, 0)})),
      "<domain>\n  <os><type>hvm</type></os>\n  <devices>\n    <controller type='ide' index='0'/>\n  </devices>\n"
      "</domain>\n");
  EXPECT_EQ(written("<domain><os><type>hvm</type></os></domain>", adding({new_controller(ControllerType::Ide, 0)})),
            "<domain><os><type>hvm</type></os><devices><controller type='ide' index='0'/></devices></domain>");
}

TEST(WritePlaces, WritesACompanionsMaster) {
  Device uhci = new_controller(ControllerType::Usb, 0, "ich9-uhci2");
  uhci.controller->master_start = 2;
  uhci.address = at(0, 0x1d, 1);
  EXPECT_EQ(
      written("<domain><devices/></domain>", adding({uhci})),
      "<domain><devices><controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/>"
      "<address type='pci' domain='0x0000' bus='0x00' slot='0x1d' function='0x1'/></controller></devices></domain>");
}

TEST(WritePlaces, WritesEveryControllerTypeThatMattersToPci) {
  for (const ControllerType type : {ControllerType::Ide, ControllerType::Scsi, ControllerType::Sata,
                                    ControllerType::VirtioSerial, ControllerType::Usb, ControllerType::Pci})
    EXPECT_THAT(written("<domain><devices/></domain>", adding({new_controller(type, 3)})),
                testing::HasSubstr(fmt::format("<controller type='{}' index='3'/>", to_string(type))));
}

TEST(WritePlaces, LeavesOutWhatMeansNothingToPci) {
  Device keyboard;
  keyboard.kind = DeviceKind::Input;
  keyboard.type = "keyboard";
  keyboard.bus = "ps2";
  EXPECT_EQ(written("<domain><devices/></domain>", adding({keyboard, new_controller(ControllerType::Fdc, 0),
                                                           new_controller(ControllerType::Ccid, 0)})),
            "<domain><devices/></domain>");
}

TEST(WritePlaces, ChangesNothingTheSecondTime) {
  const std::string text = "<domain>\n <devices>\n  <interface type='user'/>\n  <video/>\n </devices>\n</domain>\n";
  const std::string once = written(text, [](Domain& domain) {
    domain.devices[0].address = at(1, 0, 0);
    domain.devices[1].address = at(0, 1, 0);
    domain.devices.push_back(new_root_port(1));
    domain.devices.push_back(new_balloon());
  });
  EXPECT_NE(once, text);
  EXPECT_EQ(written(once, nothing), once);
}

}  // namespace
}  // namespace busproof::domain
