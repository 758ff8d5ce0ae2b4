#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>

#include "engine/domain/xml_document.h"

namespace busproof::domain {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Result<Domain> read(const std::string& text) {
  const auto document = XmlDocument::parse(text);
  if (!document) return std::unexpected(document.error());
  return read_domain(*document);
}

std::string domain_of(std::string_view devices) {
  return fmt::format(
      "<domain type='kvm'><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{}</devices></domain>",
      devices);
}

Domain domain_with(std::string_view devices) {
  auto domain = read(domain_of(devices));
  if (!domain) {
    ADD_FAILURE() << domain.error().message;
    return {};
  }
  return *domain;
}

Device device_of(std::string_view element) {
  const Domain domain = domain_with(element);
  if (domain.devices.empty()) {
    ADD_FAILURE() << "no device in " << element;
    return {};
  }
  return domain.devices.front();
}

Error read_error(std::string_view devices) {
  const auto domain = read(domain_of(devices));
  if (domain) {
    ADD_FAILURE() << "taken: " << devices;
    return {};
  }
  EXPECT_EQ(domain.error().kind, ErrorKind::Refused);
  EXPECT_FALSE(domain.error().device.empty()) << domain.error().message;
  EXPECT_FALSE(domain.error().remedy.empty()) << domain.error().message;
  EXPECT_TRUE(domain.error().offset) << domain.error().message;
  return domain.error();
}

DeviceAddress address_of(std::string_view address) {
  return device_of(fmt::format("<hostdev mode='subsystem' type='pci'>{}<source/></hostdev>", address)).address;
}

PciAddress place_at(std::uint8_t bus, unsigned slot, unsigned function, Switch multifunction = Switch::Absent) {
  return {pci::GuestAddress::make(0, bus, slot, function), multifunction, {}};
}

// The domain itself.

TEST(ReadDomain, TellsWhatTheMachineIs) {
  const auto domain = read(
      "<domain type='kvm'><name>n</name><uuid>u</uuid><os><type arch='aarch64' machine='virt-7.2'>hvm</type></os>"
      "<features><acpi/></features><cpu><numa><cell id='0'/><cell id='1'/></numa></cpu>"
      "<devices><graphics type='vnc'/></devices></domain>");
  ASSERT_TRUE(domain);
  EXPECT_EQ(domain->virt_type, "kvm");
  EXPECT_EQ(domain->name, "n");
  EXPECT_EQ(domain->uuid, "u");
  EXPECT_EQ(domain->arch, "aarch64");
  EXPECT_EQ(domain->machine, "virt-7.2");
  EXPECT_TRUE(domain->has_acpi);
  EXPECT_TRUE(domain->has_graphics);
  EXPECT_EQ(domain->numa_cell_count, 2U);
  EXPECT_THAT(domain->devices, IsEmpty());
}

TEST(ReadDomain, AssumesAPcWhereNothingIsSaid) {
  const auto domain = read("<domain><os><type>hvm</type></os></domain>");
  ASSERT_TRUE(domain);
  EXPECT_EQ(domain->arch, "x86_64");
  EXPECT_EQ(domain->machine, "pc");
  EXPECT_FALSE(domain->has_acpi);
  EXPECT_FALSE(domain->has_graphics);
  EXPECT_EQ(domain->numa_cell_count, 0U);
}

TEST(ReadDomain, AssumesTheMachineThatLibvirtPrefers) {
  const auto machine_of = [](std::string_view arch) {
    return read(fmt::format("<domain><os><type arch='{}'>hvm</type></os></domain>", arch))->machine;
  };
  EXPECT_EQ(machine_of("i686"), "pc");
  EXPECT_EQ(machine_of("aarch64"), "integratorcp");
  EXPECT_EQ(machine_of("armv7l"), "integratorcp");
  EXPECT_EQ(machine_of("riscv64"), "spike");
  EXPECT_EQ(machine_of("ppc64"), "pseries");
  EXPECT_EQ(machine_of("s390x"), "s390-ccw-virtio");
}

TEST(ReadDomain, RefusesADomainThatDoesNotSayWhatToRun) {
  for (const char* os : {"", "<os/>", "<os><type/></os>", "<os><type arch='aarch64'/></os>"}) {
    const auto domain = read(fmt::format("<domain>{}<devices><sound model='x'/></devices></domain>", os));
    ASSERT_FALSE(domain);
    EXPECT_EQ(domain.error().message, "XML error: an os <type> must be specified");
  }
  EXPECT_EQ(read("<domain><os><type>bsd</type></os></domain>").error().message,
            "unsupported configuration: unknown OS type 'bsd'");
}

// Which attributes these are was asked of a libvirt 9.0.0, one by one.
TEST(ReadDomain, TakesAnAttributeWithAPrefixForTheOneWithout) {
  const auto devices = [](std::string_view xml) {
    return read(fmt::format("<domain xmlns:f='urn:f'><os><type>hvm</type></os><devices>{}</devices></domain>", xml))
        .value()
        .devices;
  };
  const Device nic = devices(
                         "<interface f:type='user'><mac f:address='52:54:00:00:00:01'/><model type='virtio'/>"
                         "<address f:type='pci' f:slot='9' slot='8'/></interface>")
                         .front();
  EXPECT_EQ(nic.mac, "52:54:00:00:00:01");
  EXPECT_EQ(std::get<PciAddress>(nic.address).at, pci::GuestAddress::make(0, 0, 9, 0));
  EXPECT_EQ(devices("<controller f:type='pci' f:index='4' f:model='pcie-root-port'/>").front().controller->index, 4U);

  EXPECT_EQ(devices("<interface type='user'><model f:type='e1000'/></interface>").front().model, "");
  EXPECT_EQ(devices("<sound model='ac97' f:=''><address type='pci' f:='1' f:slot='9'/></sound>").front().model, "ac97");
  EXPECT_EQ(devices("<sound model='ac97'><alias f:name='ua-x'/></sound>").front().alias, "");
  EXPECT_EQ(devices("<sound model='ac97' xmlns:g='urn:g'/><rng model='virtio'><address type='pci' g:slot='9'/></rng>")
                .back()
                .address,
            DeviceAddress(PciAddress{}));
}

TEST(ReadDomain, RefusesAnotherRoot) {
  const auto domain = read("<!-- x --><network><domain/></network>");
  ASSERT_FALSE(domain);
  EXPECT_EQ(domain.error().kind, ErrorKind::Unreadable);
  EXPECT_EQ(domain.error().rule, "E005");
  EXPECT_EQ(domain.error().offset, 10U);
  EXPECT_THAT(domain.error().message, HasSubstr("'network'"));
}

TEST(ReadDomain, CountsElementsOfEveryDevicesElement) {
  const auto domain = read(
      "<domain><devices><emulator/><!-- x --><rng model='virtio'/><new/></devices><devices><hub "
      "type='usb'/></devices><os><type>hvm</type></os></domain>");
  ASSERT_TRUE(domain);
  ASSERT_EQ(domain->devices.size(), 2U);
  EXPECT_EQ(domain->devices[0].element, 1U);
  EXPECT_EQ(domain->devices[0].offset, 38U);
  EXPECT_EQ(domain->devices[1].element, 3U);
}

TEST(ReadDomain, LooksAwayFromWhatItDoesNotKnow) {
  EXPECT_THAT(domain_with("<new model='x'><address type='bogus'/></new><q:rng xmlns:q='x'><address/></q:rng>"
                          "<!-- <rng/> --><![CDATA[<rng/>]]><?rng?>")
                  .devices,
              IsEmpty());
}

// Addresses.

struct AddressCase {
  std::string text;
  DeviceAddress address;
  friend void PrintTo(const AddressCase& row, std::ostream* out) { *out << row.text; }
};

class AddressSyntax : public testing::TestWithParam<AddressCase> {};

TEST_P(AddressSyntax, IsReadAsLibvirtReadsIt) { EXPECT_EQ(address_of(GetParam().text), GetParam().address); }

INSTANTIATE_TEST_SUITE_P(
    Pci, AddressSyntax,
    testing::Values(AddressCase{"", NoAddress{}}, AddressCase{"<address type='pci' slot='5'/>", place_at(0, 5, 0)},
                    AddressCase{"<address type='pci' domain='0x0000' bus='0xff' slot='0x1f' function='0x7'/>",
                                place_at(255, 31, 7)},
                    AddressCase{"<address type='pci' bus='010' slot=' +5' function='01'/>", place_at(8, 5, 1)},
                    AddressCase{"<address type='pci' slot='&#10;5'/>", place_at(0, 5, 0)},
                    AddressCase{"<address type='pci' slot='5' multifunction='on'/>", place_at(0, 5, 0, Switch::On)},
                    AddressCase{"<address type='pci' slot='5' multifunction='off'/>", place_at(0, 5, 0, Switch::Off)},
                    AddressCase{"<address type='pci' slot='5'/><address type='bogus'/>", place_at(0, 5, 0)},
                    AddressCase{"<source><address slot='6'/></source><address type='pci' slot='5'/>",
                                place_at(0, 5, 0)},
                    AddressCase{"<address type='pci' slot='5' new='x'><new/></address>", place_at(0, 5, 0)},
                    AddressCase{"<address type='pci' domain='4294967295' slot='5'/>",
                                PciAddress{pci::GuestAddress::make(4294967295U, 0, 5, 0), Switch::Absent, {}}},
                    AddressCase{"<address type='pci' bus='1'/>", place_at(1, 0, 0)},
                    AddressCase{"<address type='pci' domain='1'/>",
                                PciAddress{pci::GuestAddress::make(1, 0, 0, 0), Switch::Absent, {}}}));

INSTANTIATE_TEST_SUITE_P(
    EmptyPci, AddressSyntax,
    testing::Values(AddressCase{"<address type='pci'/>", PciAddress{}},
                    AddressCase{"<address type='pci' domain='0' bus='0x00' slot='00' function='0'/>", PciAddress{}},
                    AddressCase{"<address type='pci' function='3'/>", PciAddress{}},
                    AddressCase{"<address type='pci' slot='0' function='9'/>", PciAddress{}},
                    AddressCase{"<address type='pci' multifunction='on'/>", PciAddress{}},
                    AddressCase{"<address type='pci'><zpci uid='0x10' fid='010'/></address>",
                                PciAddress{std::nullopt, Switch::Absent, {16, 8}}},
                    AddressCase{"<address type='pci'><zpci uid='bad'/><zpci fid='0'/></address>",
                                PciAddress{std::nullopt, Switch::Absent, {std::nullopt, 0}}}));

INSTANTIATE_TEST_SUITE_P(
    Others, AddressSyntax,
    testing::Values(
        AddressCase{"<address type='drive' controller='1' bus='2' target='3' unit='010'/>", DriveAddress{1, 2, 3, 10}},
        AddressCase{"<address type='drive'/>", DriveAddress{}},
        AddressCase{"<address type='virtio-serial' controller='1' bus='2' port='3'/>", VirtioSerialAddress{1, 2, 3}},
        AddressCase{"<address type='ccid' controller='1' slot='2'/>", CcidAddress{1, 2}},
        AddressCase{"<address type='usb' bus='1' port='1.2.3.4'/>", UsbAddress{1, {1, 2, 3, 4}}},
        AddressCase{"<address type='usb'/>", UsbAddress{}},
        AddressCase{"<address type='usb' port='1 2'/>", UsbAddress{0, {1, 2}}},
        AddressCase{"<address type='spapr-vio' reg='1000'/>", SpaprVioAddress{0x1000}},
        AddressCase{"<address type='spapr-vio'/>", SpaprVioAddress{}},
        AddressCase{"<address type='ccw' cssid='0xfe' ssid='3' devno='0xffff'/>",
                    CcwAddress{CcwAddress::Number{0xfe, 3, 0xffff}}},
        AddressCase{"<address type='ccw'/>", CcwAddress{}},
        AddressCase{"<address type='virtio-mmio' slot='x'/>", VirtioMmioAddress{}},
        AddressCase{"<address type='isa' iobase='0x3f8' irq='0x4'/>", IsaAddress{0x3f8, 4}},
        AddressCase{"<address type='dimm' slot='1' base='0x100000000'/>", DimmAddress{1, 0x100000000}},
        AddressCase{"<address type='dimm' slot='0'/>", DimmAddress{}},
        AddressCase{"<address type='unassigned'/>", UnassignedAddress{}}));

/// A piece of XML that libvirt refuses while parsing, its words, and the rule.
struct RefusalCase {
  std::string text;
  std::string message;
  std::string rule;
  friend void PrintTo(const RefusalCase& row, std::ostream* out) { *out << row.text; }
};

class AddressRefusal : public testing::TestWithParam<RefusalCase> {};

TEST_P(AddressRefusal, SaysWhatLibvirtSays) {
  const std::string device = fmt::format("<hostdev mode='subsystem' type='pci'><source/>{}</hostdev>", GetParam().text);
  const Error error = read_error(device);
  EXPECT_EQ(error.message, GetParam().message);
  EXPECT_EQ(error.rule, GetParam().rule);
  EXPECT_EQ(error.device, "hostdev #1");
  EXPECT_THAT(domain_of(device).substr(*error.offset), testing::AnyOf(StartsWith("<address"), StartsWith("<zpci")));
}

std::string expected_number(std::string_view attribute, std::string_view value) {
  return fmt::format(
      "XML error: Invalid value for attribute '{}' in element 'address': '{}'. Expected non-negative integer value",
      attribute, value);
}

INSTANTIATE_TEST_SUITE_P(
    Pci, AddressRefusal,
    testing::Values(
        RefusalCase{"<address slot='5'/>", "internal error: No type specified for device address", "E101"},
        RefusalCase{"<address type='none'/>", "unsupported configuration: unknown address type 'none'", "E102"},
        RefusalCase{"<address type=''/>", "unsupported configuration: unknown address type ''", "E102"},
        RefusalCase{"<address type='PCI'/>", "unsupported configuration: unknown address type 'PCI'", "E102"},
        RefusalCase{"<address type='pci' slot='08'/>", expected_number("slot", "08"), "E103"},
        RefusalCase{"<address type='pci' slot='a'/>", expected_number("slot", "a"), "E103"},
        RefusalCase{"<address type='pci' slot=''/>", expected_number("slot", ""), "E103"},
        RefusalCase{"<address type='pci' bus='-1'/>", expected_number("bus", "-1"), "E103"},
        RefusalCase{"<address type='pci' function='5 '/>", expected_number("function", "5 "), "E103"},
        RefusalCase{"<address type='pci' domain='4294967296'/>", expected_number("domain", "4294967296"), "E103"},
        RefusalCase{"<address type='pci' multifunction='ON'/>",
                    "XML error: Invalid value for attribute 'multifunction' in element 'address': 'ON'.", "E104"},
        RefusalCase{"<address type='pci' bus='256'/>", "XML error: Invalid PCI address bus='0x100', must be <= 0xFF",
                    "E105"},
        RefusalCase{"<address type='pci' slot='32'/>", "XML error: Invalid PCI address slot='0x20', must be <= 0x1F",
                    "E106"},
        RefusalCase{"<address type='pci' slot='1' function='8'/>",
                    "XML error: Invalid PCI address function=0x8, must be <= 7", "E107"},
        RefusalCase{
            "<address type='pci'><zpci uid='x'/></address>",
            "XML error: Invalid value for attribute 'uid' in element 'zpci': 'x'. Expected non-negative integer "
            "value",
            "E103"}));

INSTANTIATE_TEST_SUITE_P(
    Others, AddressRefusal,
    testing::Values(
        RefusalCase{"<address type='drive' unit='0x1'/>", expected_number("unit", "0x1"), "E103"},
        RefusalCase{"<address type='virtio-serial' port='x'/>", expected_number("port", "x"), "E103"},
        RefusalCase{"<address type='ccid' slot='x'/>", expected_number("slot", "x"), "E103"},
        RefusalCase{"<address type='isa' irq='g'/>", expected_number("irq", "g"), "E103"},
        RefusalCase{"<address type='spapr-vio' reg='-1'/>", expected_number("reg", "-1"), "E103"},
        RefusalCase{"<address type='usb' bus='x'/>", expected_number("bus", "x"), "E103"},
        RefusalCase{"<address type='usb' port='1.2.3.4.5'/>", "internal error: Cannot parse <address> 'port' attribute",
                    "E116"},
        RefusalCase{"<address type='usb' port=''/>", "internal error: Cannot parse <address> 'port' attribute", "E116"},
        RefusalCase{"<address type='usb' port='1.'/>", "internal error: Cannot parse <address> 'port' attribute",
                    "E116"},
        RefusalCase{"<address type='usb' port='-1'/>", "internal error: Cannot parse <address> 'port' attribute",
                    "E116"},
        RefusalCase{"<address type='usb' port='4294967296'/>",
                    "internal error: Cannot parse <address> 'port' attribute", "E116"},
        RefusalCase{"<address type='virtio-s390'/>", "XML error: virtio-s390 bus doesn't have an address", "E116"},
        RefusalCase{"<address type='ccw' cssid='0xfe'/>",
                    "internal error: Invalid partial specification for virtio ccw address", "E116"},
        RefusalCase{"<address type='ccw' cssid='255' ssid='0' devno='1'/>",
                    "internal error: Invalid specification for virtio ccw address: cssid='0xff' ssid='0x0' "
                    "devno='0x0001'",
                    "E116"},
        RefusalCase{"<address type='dimm'/>", "XML error: Missing required attribute 'slot' in element 'address'",
                    "E115"},
        RefusalCase{"<address type='dimm' slot='0' base='g'/>", expected_number("base", "g"), "E103"}));

// Controllers.

Controller controller_of(std::string_view element) { return device_of(element).controller.value_or(Controller{}); }

TEST(ReadController, TellsWhatAPciControllerIs) {
  const Device device = device_of(
      "<controller type='pci' index='3' model='pcie-root-port'><model name='ioh3420'/>"
      "<target chassis='0x3' port='010' hotplug='off'/><address type='pci' slot='2'/></controller>");
  EXPECT_EQ(device.kind, DeviceKind::Controller);
  EXPECT_EQ(device.model, "pcie-root-port");
  EXPECT_EQ(device.address, DeviceAddress(place_at(0, 2, 0)));
  const Controller& controller = *device.controller;
  EXPECT_EQ(controller.type, ControllerType::Pci);
  EXPECT_EQ(controller.index, 3U);
  EXPECT_EQ(controller.pci_model, pci::ControllerModel::PcieRootPort);
  EXPECT_EQ(controller.model_name, "ioh3420");
  EXPECT_EQ(controller.target.chassis, 3);
  EXPECT_EQ(controller.target.port, 8);
  EXPECT_EQ(controller.target.hotplug, Switch::Off);
}

TEST(ReadController, ReadsWhatExpandersAndBridgesHave) {
  const Controller expander = controller_of(
      "<controller type='pci' model='pci-expander-bus'><target busNr='254'><node> +1</node></target></controller>");
  EXPECT_EQ(expander.index, std::nullopt);
  EXPECT_EQ(expander.target.bus_nr, 254);
  EXPECT_EQ(expander.target.node, 1);
  const PciTarget target =
      controller_of("<controller type='pci' model='pci-bridge'><target chassisNr='7' index='2'/></controller>").target;
  EXPECT_EQ(target.chassis_nr, 7);
  EXPECT_EQ(target.index, 2);
}

TEST(ReadController, IsIdeWithoutType) { EXPECT_EQ(controller_of("<controller/>").type, ControllerType::Ide); }

TEST(ReadController, ReadsTheIndexAsADecimalNumber) {
  EXPECT_EQ(controller_of("<controller type='sata' index='010'/>").index, 10U);
  EXPECT_EQ(controller_of("<controller type='sata' index='2147483647'/>").index, 2147483647U);
}

TEST(ReadController, TakesTheModelNameNoneForNoName) {
  EXPECT_THAT(controller_of("<controller type='pci' model='pcie-root'><model name='none'/></controller>").model_name,
              IsEmpty());
}

TEST(ReadController, LooksAwayFromTheTargetOfOtherTypes) {
  const Controller controller =
      controller_of("<controller type='sata'><model name='x'/><target busNr='x'><node>3</node></target></controller>");
  EXPECT_EQ(controller.target, PciTarget{});
  EXPECT_THAT(controller.model_name, IsEmpty());
}

TEST(ReadController, ReadsPortsWhereTheyAreCounted) {
  EXPECT_EQ(controller_of("<controller type='virtio-serial' ports='4'/>").ports, 4U);
  EXPECT_EQ(controller_of("<controller type='usb' ports='8'/>").ports, 8U);
  EXPECT_EQ(controller_of("<controller type='sata' ports='8'/>").ports, std::nullopt);
}

TEST(ReadController, GivesCompanionsTheirMastersPort) {
  constexpr std::string_view kMaster = "<controller type='usb' model='ich9-ehci1'/>";
  const auto companion = [&](std::string_view element) {
    return domain_with(std::string(kMaster) + std::string(element)).devices[1].controller->master_start;
  };
  EXPECT_EQ(companion("<controller type='usb' model='ich9-uhci1'/>"), 0U);
  EXPECT_EQ(companion("<controller type='usb' model='ich9-uhci2'/>"), 2U);
  EXPECT_EQ(companion("<controller type='usb' model='ich9-uhci3'/>"), 4U);
  EXPECT_EQ(companion("<controller type='usb' model='ich9-uhci3'><master startport='1'/></controller>"), 1U);
  EXPECT_EQ(companion("<controller type='usb' model='ich9-uhci3'><master/></controller>"), 0U);
  EXPECT_EQ(companion("<controller type='usb' model='qemu-xhci'/>"), std::nullopt);
}

TEST(ReadController, SeesAPcihole64OfARootOnly) {
  constexpr std::string_view kHole =
      "<controller type='pci' index='{}' model='{}'><pcihole64>1</pcihole64></controller>";
  EXPECT_TRUE(controller_of(fmt::format(kHole, 0, "pcie-root")).has_pcihole64);
  EXPECT_TRUE(controller_of(fmt::format(kHole, 0, "pci-root")).has_pcihole64);
  EXPECT_FALSE(controller_of(fmt::format(kHole, 1, "pci-bridge")).has_pcihole64);
}

TEST(ReadController, NeverLooksAtTheAddressOfDisabledUsb) {
  const Device none =
      device_of("<controller type='usb' model='none'><address type='bogus'/><master startport='x'/></controller>");
  EXPECT_EQ(none.address, DeviceAddress(NoAddress{}));
}

class DeviceRefusal : public testing::TestWithParam<RefusalCase> {};

TEST_P(DeviceRefusal, SaysWhatLibvirtSays) {
  const Error error = read_error(GetParam().text);
  EXPECT_EQ(error.message, GetParam().message);
  EXPECT_EQ(error.rule, GetParam().rule);
}

RefusalCase root_port(std::string_view inside, std::string_view message, std::string_view rule) {
  return {fmt::format("<controller type='pci' index='1' model='pcie-root-port'>{}</controller>", inside),
          std::string(message), std::string(rule)};
}

INSTANTIATE_TEST_SUITE_P(
    Controllers, DeviceRefusal,
    testing::Values(
        RefusalCase{"<controller type='nvme'/>",
                    "XML error: Invalid value for attribute 'type' in element 'controller': 'nvme'.", "E115"},
        RefusalCase{"<controller type='pci' model='pci_bridge'/>",
                    "unsupported configuration: Unknown model type 'pci_bridge'", "E115"},
        RefusalCase{"<controller type='pci' model=''/>", "unsupported configuration: Unknown model type ''", "E115"},
        RefusalCase{"<controller type='sata' model='ich6'/>", "unsupported configuration: Unknown model type 'ich6'",
                    "E115"},
        RefusalCase{"<controller type='pci' index='-1'/>",
                    "XML error: Invalid value for attribute 'index' in element 'controller': '-1'. Expected "
                    "non-negative value",
                    "E103"},
        RefusalCase{"<controller type='pci' index='4294967295'/>",
                    "XML error: Invalid value for attribute 'index' in element 'controller': '4294967295'. Expected "
                    "integer value",
                    "E103"},
        RefusalCase{"<controller type='usb'><model/><model/></controller>",
                    "XML error: Multiple <model> elements in controller definition not allowed", "E212"},
        RefusalCase{"<controller type='usb'><target/><target/></controller>",
                    "XML error: Multiple <target> elements in controller definition not allowed", "E212"},
        root_port("<model name='pxb2'/>", "XML error: Invalid value for attribute 'name' in element 'model': 'pxb2'.",
                  "E115"),
        root_port("<target busNr='abc'/>",
                  "XML error: Invalid value for attribute 'busNr' in element 'target': 'abc'. Expected integer value",
                  "E103"),
        root_port(
            "<target port='-1'/>",
            "XML error: Invalid value for attribute 'port' in element 'target': '-1'. Expected non-negative value",
            "E103"),
        root_port("<target index='x'/>",
                  "XML error: Invalid value for attribute 'index' in element 'target': 'x'. Expected integer value",
                  "E103"),
        root_port("<target hotplug='maybe'/>",
                  "XML error: Invalid value for attribute 'hotplug' in element 'target': 'maybe'.", "E104"),
        root_port("<target><node>0x0</node></target>", "XML error: invalid NUMA node in target", "E216"),
        root_port("<target><node>-1</node></target>", "XML error: invalid NUMA node in target", "E216"),
        RefusalCase{"<controller type='usb' ports='-1'/>",
                    "XML error: Invalid value for attribute 'ports' in element 'controller': '-1'. Expected "
                    "non-negative value",
                    "E103"},
        RefusalCase{"<controller type='virtio-serial' vectors='x'/>",
                    "XML error: Invalid value for attribute 'vectors' in element 'controller': 'x'. Expected integer "
                    "value",
                    "E103"},
        RefusalCase{"<controller type='usb'><master startport='x'/></controller>",
                    "XML error: Invalid value for attribute 'startport' in element 'master': 'x'. Expected "
                    "non-negative integer value",
                    "E103"},
        RefusalCase{"<controller type='pci' model='pcie-root'><pcihole64>x</pcihole64></controller>",
                    "XML error: Invalid value 'x' for element or attribute './pcihole64'", "E103"}));

INSTANTIATE_TEST_SUITE_P(
    Usb, DeviceRefusal,
    testing::Values(
        RefusalCase{"<controller type='usb' model='none'/><controller type='usb' index='1'/>",
                    "Can't add another USB controller: USB is disabled for this domain", "E227"},
        RefusalCase{"<controller type='usb'/><controller type='usb' model='none'/>",
                    "Can't add another USB controller: USB is disabled for this domain", "E227"},
        RefusalCase{"<controller type='usb' model='none'/><controller type='usb' model='none'/>",
                    "Can't add another USB controller: USB is disabled for this domain", "E227"},
        RefusalCase{"<controller type='usb' model='ich9-uhci1'/>", "No master USB controller specified", "E227"},
        RefusalCase{"<input type='tablet' bus='usb'/><controller type='usb' model='none'/>",
                    "unsupported configuration: Can't add USB input device. USB bus is disabled", "E227"},
        RefusalCase{"<input type='tablet'/><controller type='usb' model='none'/>",
                    "unsupported configuration: Can't add USB input device. USB bus is disabled", "E227"},
        RefusalCase{"<hub type='usb'/><controller type='usb' model='none'/>",
                    "unsupported configuration: Can't add USB hub: USB is disabled for this domain", "E227"},
        RefusalCase{"<hostdev type='usb'><source/></hostdev><controller type='usb' model='none'/>",
                    "unsupported configuration: Can't add host USB device: USB is disabled in this host", "E227"},
        RefusalCase{"<input type='tablet' bus='usb'><address type='pci'/></input>",
                    "XML error: Invalid address for a USB device", "E114"},
        RefusalCase{"<redirdev type='tcp'><address type='pci'/></redirdev>",
                    "XML error: Invalid address for a USB device", "E114"},
        RefusalCase{"<serial><target type='usb-serial'/><address type='pci'/></serial>",
                    "unsupported configuration: usb-serial requires address of usb type", "E114"}));

INSTANTIATE_TEST_SUITE_P(
    Twice, DeviceRefusal,
    testing::Values(RefusalCase{"<watchdog model='ib700'/><watchdog model='x'/>",
                                "internal error: only a single watchdog device is supported", "E401"},
                    RefusalCase{"<memballoon model='none'/><memballoon model='none'/>",
                                "internal error: only a single memory balloon device is supported", "E401"},
                    RefusalCase{"<nvram/><nvram/>", "internal error: only a single nvram device is supported", "E401"},
                    RefusalCase{"<iommu/><iommu/>", "XML error: only a single IOMMU device is supported", "E401"},
                    RefusalCase{"<vsock/><vsock/>", "XML error: only a single vsock device is supported", "E401"}));

std::string unknown_value(std::string_view attribute, std::string_view element) {
  return fmt::format("XML error: Invalid value for attribute '{}' in element '{}': 'x'.", attribute, element);
}

INSTANTIATE_TEST_SUITE_P(
    Words, DeviceRefusal,
    testing::Values(
        RefusalCase{"<disk type='x'/>", unknown_value("type", "disk"), "E115"},
        RefusalCase{"<disk device='x'/>", unknown_value("device", "disk"), "E115"},
        RefusalCase{"<disk model='x'/>", unknown_value("model", "disk"), "E115"},
        RefusalCase{"<disk><target bus='x'/></disk>", unknown_value("bus", "target"), "E115"},
        RefusalCase{"<filesystem type='x'/>", unknown_value("type", "filesystem"), "E115"},
        RefusalCase{"<filesystem model='x'/>", unknown_value("model", "filesystem"), "E115"},
        RefusalCase{"<filesystem><driver type='x'/></filesystem>", unknown_value("type", "driver"), "E115"},
        RefusalCase{"<interface type='x'/>", unknown_value("type", "interface"), "E115"},
        RefusalCase{"<smartcard mode='x'/>", unknown_value("mode", "smartcard"), "E115"},
        RefusalCase{"<sound model='x'/>", unknown_value("model", "sound"), "E115"},
        RefusalCase{"<memballoon model='x'/>", unknown_value("model", "memballoon"), "E115"},
        RefusalCase{"<tpm model='x'/>", unknown_value("model", "tpm"), "E115"},
        RefusalCase{"<shmem name='s'><model type='x'/></shmem>", unknown_value("type", "model"), "E115"},
        RefusalCase{"<memory model='x'/>", unknown_value("model", "memory"), "E115"},
        RefusalCase{"<iommu model='x'/>", unknown_value("model", "iommu"), "E115"},
        RefusalCase{"<vsock model='x'/>", unknown_value("model", "vsock"), "E115"},
        RefusalCase{"<hostdev type='pci'><driver name='x'/></hostdev>", unknown_value("name", "driver"), "E115"},
        RefusalCase{"<input type='x'/>", "unsupported configuration: unknown input device type 'x'", "E115"},
        RefusalCase{"<input type='mouse' model='x'/>", "unsupported configuration: unknown input model 'x'", "E115"},
        RefusalCase{"<input type='mouse' bus='x'/>", "unsupported configuration: unknown input bus type 'x'", "E115"},
        RefusalCase{"<video><model type='x'/></video>", "unsupported configuration: unknown video model 'x'", "E115"},
        RefusalCase{"<hostdev mode='x'/>", "unsupported configuration: unknown hostdev mode 'x'", "E115"},
        RefusalCase{"<hostdev type='x'/>", "unsupported configuration: unknown host device source address type 'x'",
                    "E115"},
        RefusalCase{"<hostdev type='mdev' model='x'><source/></hostdev>", unknown_value("model", "hostdev"), "E115"},
        RefusalCase{"<interface><model type='a b'/></interface>",
                    "invalid argument: Model name contains invalid characters", "E115"},
        RefusalCase{"<watchdog model='x'/>", "unsupported configuration: unknown watchdog model 'x'", "E115"},
        RefusalCase{"<rng model='x'/>", "unsupported configuration: unknown RNG model 'x'", "E115"},
        RefusalCase{"<hub type='x'/>", "unsupported configuration: unknown hub device type 'x'", "E115"},
        RefusalCase{"<redirdev bus='x'/>", "unsupported configuration: unknown redirdev bus 'x'", "E115"},
        RefusalCase{"<panic model='x'/>", "unsupported configuration: unknown panic model 'x'", "E115"}));

INSTANTIATE_TEST_SUITE_P(
    CharacterTargets, DeviceRefusal,
    testing::Values(
        RefusalCase{"<serial><target type='x'/></serial>",
                    "unsupported configuration: unknown target type 'x' specified for character device", "E115"},
        RefusalCase{"<channel><target type='x'/></channel>",
                    "unsupported configuration: unknown target type 'x' specified for character device", "E115"},
        RefusalCase{"<console><target type='x'/></console>",
                    "unsupported configuration: unknown target type 'x' specified for character device", "E115"},
        RefusalCase{"<channel/>", "XML error: target type must be specified for channel device", "E115"}));

INSTANTIATE_TEST_SUITE_P(
    MissingWords, DeviceRefusal,
    testing::Values(
        RefusalCase{"<sound/>", "XML error: Missing required attribute 'model' in element 'sound'", "E115"},
        RefusalCase{"<memballoon/>", "XML error: Missing required attribute 'model' in element 'memballoon'", "E115"},
        RefusalCase{"<smartcard/>", "XML error: Missing required attribute 'mode' in element 'smartcard'", "E115"},
        RefusalCase{"<memory/>", "XML error: Missing required attribute 'model' in element 'memory'", "E115"},
        RefusalCase{"<iommu/>", "XML error: Missing required attribute 'model' in element 'iommu'", "E115"},
        RefusalCase{"<input/>", "internal error: missing input device type", "E115"},
        RefusalCase{"<hub/>", "internal error: missing hub device type", "E115"},
        RefusalCase{"<hostdev/>", "XML error: missing source address type", "E115"},
        RefusalCase{"<watchdog/>", "internal error: watchdog must contain model name", "E115"},
        RefusalCase{"<rng/>", "XML error: missing RNG device model", "E115"},
        RefusalCase{"<interface type='hostdev'/>", "XML error: missing source address type", "E115"},
        RefusalCase{"<shmem/>", "XML error: shmem element must contain 'name' attribute", "E115"},
        RefusalCase{"<hostdev type='pci'/>", "XML error: Missing <source> element in hostdev device", "E115"},
        RefusalCase{"<hostdev type='mdev'><source/></hostdev>",
                    "XML error: Missing required attribute 'model' in element 'hostdev'", "E115"},
        RefusalCase{"<disk type='nvme'><source/></disk>", "XML error: missing 'type' attribute to disk source", "E115"},
        RefusalCase{"<disk type='nvme'><source type='usb'/></disk>", "XML error: unsupported source type 'usb'",
                    "E115"},
        RefusalCase{"<disk type='nvme'><source type='pci'/></disk>",
                    "XML error: missing 'namespace' attribute to disk source", "E115"},
        RefusalCase{"<disk type='nvme'><source type='pci' namespace='5 '/></disk>",
                    "XML error: malformed namespace '5 '", "E103"},
        RefusalCase{"<disk type='nvme'><source type='pci' namespace='1'/></disk>",
                    "XML error: NVMe disk source is missing address", "E115"}));

INSTANTIATE_TEST_SUITE_P(
    OtherNumbers, DeviceRefusal,
    testing::Values(
        RefusalCase{"<interface><acpi index='0'/></interface>",
                    "XML error: Invalid value for attribute 'index' in element 'acpi': Zero is not permitted", "E115"},
        RefusalCase{"<interface><acpi index='x'/></interface>",
                    "XML error: Invalid value for attribute 'index' in element 'acpi': 'x'. Expected non-negative "
                    "integer value",
                    "E103"},
        RefusalCase{"<interface><boot order='0'/></interface>",
                    "XML error: Invalid value for attribute 'order' in element 'boot': Zero is not permitted", "E115"},
        RefusalCase{"<interface><boot/></interface>", "XML error: Missing required attribute 'order' in element 'boot'",
                    "E115"},
        RefusalCase{"<interface><mac address='52:54:00:11:22'/></interface>",
                    "XML error: unable to parse mac address '52:54:00:11:22'", "E115"},
        RefusalCase{"<interface><mac address=' 52:54:00:11:22:33'/></interface>",
                    "XML error: unable to parse mac address ' 52:54:00:11:22:33'", "E115"},
        RefusalCase{"<interface><mac address='52:54:00:11:22:333'/></interface>",
                    "XML error: unable to parse mac address '52:54:00:11:22:333'", "E115"},
        RefusalCase{"<interface><mac address='01:54:00:11:22:33'/></interface>",
                    "XML error: expected unicast mac address, found multicast '01:54:00:11:22:33'", "E115"},
        RefusalCase{"<hostdev type='pci'><source><address slot='32'/></source></hostdev>",
                    "XML error: Invalid PCI address slot='0x20', must be <= 0x1F", "E106"},
        RefusalCase{"<interface type='hostdev'><source><address type='pci' bus='x'/></source></interface>",
                    "XML error: Invalid value for attribute 'bus' in element 'address': 'x'. Expected non-negative "
                    "integer value",
                    "E103"}));

TEST(ReadDomain, ReportsTheErrorLibvirtWouldFindFirst) {
  EXPECT_THAT(read_error("<vsock model='x'/><rng/><disk type='x'/><disk device='x'/>").message, HasSubstr("'type'"));
  EXPECT_THAT(read_error("<rng/><controller type='usb' model='ich9-uhci1'/>").message, HasSubstr("No master USB"));
  EXPECT_THAT(read_error("<watchdog/><watchdog/>").message, HasSubstr("only a single watchdog"));
  EXPECT_THAT(read_error("<input/><hub/><input type='tablet'/><controller type='usb' model='none'/>").message,
              HasSubstr("missing input device type"));
}

TEST(ReadDomain, NamesTheDeviceThatIsRefused) {
  EXPECT_EQ(read_error("<rng model='virtio'/><rng/>").device, "rng #2");
  EXPECT_EQ(read_error("<interface><mac address='52:54:00:AA:00:01'/><boot/></interface>").device,
            "interface 52:54:00:aa:00:01");
  EXPECT_EQ(
      read_error("<controller type='pci' index='4' model='pci-bridge'><target chassisNr='x'/></controller>").device,
      "controller pci 4");
}

// Devices.

TEST(ReadDevice, KeepsOnlyAliasesThatUsersChose) {
  EXPECT_EQ(device_of("<rng model='virtio'><alias name='ua-my_rng-1'/></rng>").alias, "ua-my_rng-1");
  EXPECT_THAT(device_of("<rng model='virtio'><alias name='rng0'/></rng>").alias, IsEmpty());
  EXPECT_THAT(device_of("<rng model='virtio'><alias name='ua-a.b'/></rng>").alias, IsEmpty());
}

TEST(ReadDevice, ReadsAnInterface) {
  const Device nic = device_of(
      "<interface type='bridge'><mac address='52:54:0:AA:b:1'/><target dev='vnet3'/><model type='virtio'/>"
      "<driver name='vhost'/><boot order='2'/><acpi index='7'/></interface>");
  EXPECT_EQ(nic.type, "bridge");
  EXPECT_EQ(nic.mac, "52:54:00:aa:0b:01");
  EXPECT_EQ(nic.target, "vnet3");
  EXPECT_EQ(nic.model, "virtio");
  EXPECT_EQ(nic.driver, "vhost");
  EXPECT_EQ(nic.boot_order, 2U);
  EXPECT_EQ(nic.acpi_index, 7U);
  EXPECT_EQ(device_of("<interface/>").type, "user");
}

TEST(ReadDevice, ReadsADisk) {
  const Device disk =
      device_of("<disk type='block' device='cdrom' model='virtio'><target dev='vda' bus='virtio'/></disk>");
  EXPECT_EQ(disk.type, "block");
  EXPECT_EQ(disk.mode, "cdrom");
  EXPECT_EQ(disk.model, "virtio");
  EXPECT_EQ(disk.target, "vda");
  EXPECT_EQ(disk.bus, "virtio");
  EXPECT_EQ(device_of("<disk/>").type, "file");
  EXPECT_EQ(device_of("<disk/>").mode, "disk");
}

TEST(ReadDevice, TellsWhichDeviceOfTheHostIsMeant) {
  const auto host = pci::HostAddress::parse("10001:e1:00.0");
  EXPECT_EQ(
      device_of("<hostdev type='pci'><source><address domain='0x10001' bus='0xe1'/></source></hostdev>").host_address,
      *host);
  EXPECT_EQ(
      device_of(
          "<interface type='hostdev'><source><address type='pci' domain='0x10001' bus='0xe1'/></source></interface>")
          .host_address,
      *host);
  const auto nvme = [](std::string_view number) {
    return device_of(
        fmt::format("<disk type='nvme'><source type='pci' namespace='{}'><address domain='0x10001' "
                    "bus='0xe1'/></source></disk>",
                    number));
  };
  EXPECT_EQ(nvme("1").host_address, *host);
  EXPECT_EQ(nvme(" 010").taking.nvme_namespace, 10U);
  EXPECT_EQ(nvme("-1").taking.nvme_namespace, std::nullopt);
  EXPECT_EQ(nvme("4294967296").taking.nvme_namespace, std::nullopt);
  EXPECT_EQ(device_of("<hostdev type='pci'><source/></hostdev>").host_address, std::nullopt);
}

struct SourceCase {
  std::string hostdev;
  std::string source;
};

TEST(ReadDevice, TellsWhatTwoHostdevsMustNotShare) {
  for (const auto& [hostdev, source] : {
           SourceCase{"type='usb'><source><vendor id='0x10'/><product id='2'/></source>", "usb 16:2"},
           SourceCase{"type='usb'><source><address bus='1' device='010'/></source>", "usb at 1:8"},
           SourceCase{"type='mdev' model='vfio-pci'><source><address uuid='C2177883-f1bb'/></source>",
                      "mdev c2177883f1bb"},
           SourceCase{"type='scsi'><source><adapter name='scsi_host0'/><address bus='0' target='1' unit='2'/></source>",
                      "scsi scsi_host0:0:1:2"},
           SourceCase{"type='scsi'><source protocol='iscsi' name='iqn'><host name='h' port='1'/></source>",
                      "iscsi h:1 iqn/0"},
           SourceCase{"type='scsi_host'><source protocol='vhost' wwpn='naa.5'/>", "scsi_host naa.5"},
           SourceCase{"mode='capabilities' type='misc'><source><char>/dev/x</char></source>", "misc /dev/x"},
       })
    EXPECT_EQ(device_of("<hostdev " + hostdev + "</hostdev>").source, source);
}

TEST(ReadDevice, PutsInputsOnTheBusThatTheArchitectureHas) {
  EXPECT_EQ(device_of("<input type='mouse'/>").bus, "ps2");
  EXPECT_EQ(device_of("<input type='keyboard'/>").bus, "ps2");
  EXPECT_EQ(device_of("<input type='tablet'/>").bus, "usb");
  EXPECT_EQ(device_of("<input type='passthrough'/>").bus, "virtio");
  EXPECT_EQ(device_of("<input type='evdev'/>").bus, "none");
  EXPECT_EQ(device_of("<input type='mouse' bus='virtio'/>").bus, "virtio");
  const auto bus_on = [](std::string_view arch) {
    return read(fmt::format(
                    "<domain><os><type arch='{}'>hvm</type></os><devices><input type='mouse'/></devices></domain>",
                    arch))
        ->devices[0]
        .bus;
  };
  EXPECT_EQ(bus_on("i686"), "ps2");
  EXPECT_EQ(bus_on("aarch64"), "usb");
  EXPECT_EQ(bus_on("s390x"), "virtio");
}

TEST(ReadDevice, ReadsTheOtherKinds) {
  const Device fs =
      device_of("<filesystem model='virtio'><driver type='virtiofs'/><target dir='/share'/></filesystem>");
  EXPECT_EQ(fs.driver, "virtiofs");
  EXPECT_EQ(fs.target, "/share");
  const Device serial =
      device_of("<serial type='pty'><target type='pci-serial'><model name='pci-serial'/></target></serial>");
  EXPECT_EQ(serial.type, "pty");
  EXPECT_EQ(serial.target_type, "pci-serial");
  EXPECT_EQ(serial.model, "pci-serial");
  EXPECT_EQ(device_of("<channel><target type='virtio' name='org.x'/></channel>").target, "org.x");
  const Device video = device_of("<video><model type='qxl' primary='yes'/></video>");
  EXPECT_EQ(video.model, "qxl");
  EXPECT_TRUE(video.primary);
  EXPECT_FALSE(device_of("<video/>").primary);
  EXPECT_THAT(device_of("<video><model type=''/></video>").model, IsEmpty());
  const Device shmem = device_of("<shmem name='s'><model type='ivshmem-plain'/></shmem>");
  EXPECT_EQ(shmem.model, "ivshmem-plain");
  EXPECT_EQ(shmem.target, "s");
  EXPECT_EQ(device_of("<hostdev type='mdev' model='vfio-pci'><source/></hostdev>").model, "vfio-pci");
  EXPECT_EQ(device_of("<redirdev type='spicevmc'/>").bus, "usb");
  EXPECT_EQ(device_of("<memballoon model='none'><address type='bogus'/></memballoon>").model, "none");
}

TEST(ReadDomain, KnowsEveryKind) {
  for (std::size_t i = 0; i < kDeviceKindCount; ++i) {
    const auto kind = static_cast<DeviceKind>(i);
    const auto domain =
        read(domain_of(fmt::format("<{}><address type='bogus'/></{}>", to_string(kind), to_string(kind))));
    EXPECT_FALSE(domain) << to_string(kind);
  }
}

TEST(ReadDomain, ReadsAHundredThousandDevices) {
  std::string devices;
  for (int i = 0; i < 100'000; ++i) devices += "<rng model='virtio'/>";
  EXPECT_EQ(domain_with(devices).devices.size(), 100'000U);
}

TEST(ReadDomain, SeesNoChildThatIsInANamespace) {
  const Device nic = device_of(
      "<interface type='user'><mac address='52:54:00:00:00:01'/><model xmlns='urn:x' type='virtio'/>"
      "<address xmlns = 'urn:x' type='pci' slot='9'/><alias xmlns='' name='ua-mine'/></interface>");
  EXPECT_EQ(nic.model, "");
  EXPECT_EQ(nic.address, DeviceAddress(NoAddress{}));
  EXPECT_EQ(nic.alias, "ua-mine");
}

}  // namespace
}  // namespace busproof::domain
