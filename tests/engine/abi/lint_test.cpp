#include "engine/abi/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "engine/abi/rules.h"
#include "engine/domain/xml_document.h"

namespace busproof::abi {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

domain::Domain domain_of(std::string_view machine, std::string_view devices, std::string_view head = "") {
  const std::string xml = "<domain type='kvm'><name>guest</name><os><type arch='x86_64' machine='" +
                          std::string(machine) + "'>hvm</type></os>" + std::string(head) + "<devices>" +
                          std::string(devices) + "</devices></domain>";
  const auto document = domain::XmlDocument::parse(xml);
  EXPECT_TRUE(document) << document.error().message;
  auto domain = read_domain(document.value());
  EXPECT_TRUE(domain) << domain.error().message;
  return std::move(domain.value());
}

Findings lint_of(std::string_view machine, std::string_view devices,
                 std::string_view head = "<features><acpi/></features>", const HostFacts& facts = {}) {
  const auto placed = as_placed(domain_of(machine, devices, head)).value();
  return lint(placed, topology::numbered_buses(placed.domain()), facts);
}

std::set<std::string> rules_in(const Findings& findings) {
  std::set<std::string> rules;
  for (const Finding& finding : findings) rules.insert(finding.rule);
  return rules;
}

constexpr std::string_view kPc = "pc-i440fx-7.2";
constexpr std::string_view kQ35 = "pc-q35-7.2";
constexpr std::string_view kAcpi = "<features><acpi/></features>";

/// A config that breaks one rule, and its twin that does not.
struct LintCase {
  std::string_view rule;
  std::string_view machine;
  std::string_view bad, good;
  std::string_view head = kAcpi;
};

#define ROOT "<controller type='pci' index='0' model='pci-root'/>"
#define EROOT "<controller type='pci' index='0' model='pcie-root'/>"
#define AT(bus, slot, function) "<address type='pci' bus='" bus "' slot='" slot "' function='" function "'/>"
#define MFAT(slot) "<address type='pci' slot='" slot "' function='0' multifunction='on'/>"
#define PORT(index, target, at) \
  "<controller type='pci' index='" index "' model='pcie-root-port'>" target at "</controller>"
#define BRIDGE(index, target, at) \
  "<controller type='pci' index='" index "' model='pci-bridge'>" target at "</controller>"
#define PXB(index, target, at) \
  "<controller type='pci' index='" index "' model='pcie-expander-bus'>" target at "</controller>"
#define NIC(model, at) \
  "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='" model "'/>" at "</interface>"
#define CARD(at) \
  "<hostdev mode='subsystem' type='pci'><source><address bus='0x3b' slot='0' function='0'/></source>" at "</hostdev>"
#define CELLS "<features><acpi/></features><cpu><numa><cell id='0' memory='1'/><cell id='1' memory='1'/></numa></cpu>"

constexpr LintCase kCases[] = {
    {"BP201", kPc, ROOT NIC("virtio", AT("0", "5", "2")), ROOT NIC("virtio", AT("0", "5", "0"))},
    {"BP202", kPc, ROOT "<rng model='virtio'>" AT("0", "5", "0") "</rng>" NIC("virtio", AT("0", "5", "2")),
     ROOT "<rng model='virtio'>" MFAT("5") "</rng>" NIC("virtio", AT("0", "5", "2"))},
    {"BP203", kQ35,
     EROOT PXB("1", "<target busNr='254'/>", AT("0", "4", "0")) PORT("2", "", AT("1", "0", "0"))
         PORT("3", "", AT("1", "1", "0")),
     EROOT PXB("1", "<target busNr='250'/>", AT("0", "4", "0")) PORT("2", "", AT("1", "0", "0"))
         PORT("3", "", AT("1", "1", "0"))},
    {"BP204", kQ35,
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='101'/>", AT("0", "5", "0"))
         PORT("3", "", AT("1", "0", "0")) PORT("4", "", AT("2", "0", "0")),
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='110'/>", AT("0", "5", "0"))
         PORT("3", "", AT("1", "0", "0")) PORT("4", "", AT("2", "0", "0"))},
    {"BP206", kQ35,
     EROOT PORT("1", "<target chassis='4' port='0x8'/>", AT("0", "1", "0"))
         PORT("2", "<target chassis='4' port='0x10'/>", AT("0", "2", "0")),
     EROOT PORT("1", "<target chassis='1' port='0x8'/>", AT("0", "1", "0"))
         PORT("2", "<target chassis='2' port='0x10'/>", AT("0", "2", "0"))},
    {"BP207", kPc,
     ROOT BRIDGE("1", "<target chassisNr='3'/>", AT("0", "5", "0"))
         BRIDGE("2", "<target chassisNr='3'/>", AT("0", "6", "0")),
     ROOT BRIDGE("1", "<target chassisNr='1'/>", AT("0", "5", "0"))
         BRIDGE("2", "<target chassisNr='2'/>", AT("0", "6", "0"))},
    {"BP208", kQ35,
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='100'/>", AT("0", "5", "0")),
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='120'/>", AT("0", "5", "0"))},
    {"BP209", kQ35, EROOT PORT("1", "", AT("0", "1", "0")) CARD(AT("1", "0", "0")),
     EROOT PXB("1", "<target busNr='100'><node>1</node></target>", AT("0", "4", "0")) PORT("2", "", AT("1", "0", "0"))
         CARD(AT("2", "0", "0")),
     CELLS},
    {"BP211", kQ35, EROOT PORT("1", "", AT("0", "1", "0")) NIC("virtio", AT("1", "0", "0")),
     EROOT PORT("1", "", AT("0", "1", "0")) NIC("virtio", AT("0", "5", "0"))},
    {"BP212", kQ35,
     EROOT PORT("1", "", AT("0", "1", "0")) "<controller type='pci' index='2' model='pcie-to-pci-bridge'>" AT(
         "1", "0", "0") "</controller>" NIC("rtl8139", AT("2", "1", "0")),
     EROOT PORT("1", "", AT("0", "1", "0")) NIC("virtio", AT("1", "0", "0"))},
    {"BP213", kPc, ROOT BRIDGE("1", "", AT("0", "5", "0")),
     ROOT BRIDGE("1", "", AT("0", "5", "0")) NIC("e1000", AT("1", "1", "0"))},
    {"BP213", kPc, ROOT "<controller type='scsi' index='0' model='virtio-scsi'>" AT("0", "5", "0") "</controller>",
     ROOT "<controller type='scsi' index='0' model='virtio-scsi'>" AT(
         "0", "5", "0") "</controller><disk type='file' device='disk'><target dev='sda' bus='scsi'/>"
                        "<address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>"},
    {"BP213", kPc, ROOT "<controller type='virtio-serial' index='0'>" AT("0", "5", "0") "</controller>",
     ROOT "<controller type='virtio-serial' index='0'>" AT(
         "0", "5", "0") "</controller><channel type='unix'><target type='virtio' name='a'/>"
                        "<address type='virtio-serial' controller='0' bus='0' port='1'/></channel>"},
    {"BP213", kPc, ROOT "<controller type='virtio-serial' index='0'>" AT("0", "5", "0") "</controller>",
     ROOT "<controller type='virtio-serial' index='0'>" AT(
         "0", "5", "0") "</controller><channel type='unix'><target type='virtio' name='a'/></channel>"},
    {"BP214", kQ35,
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='101'/>", AT("0", "5", "0"))
         PORT("3", "", AT("1", "0", "0")) NIC("virtio", AT("3", "0", "0")),
     EROOT PXB("1", "<target busNr='100'/>", AT("0", "4", "0")) PXB("2", "<target busNr='110'/>", AT("0", "5", "0"))
         PORT("3", "", AT("1", "0", "0")) NIC("virtio", AT("3", "0", "0"))},
    {"BP215", "q35", EROOT, EROOT},
    {"BP216", kPc, ROOT NIC("virtio", AT("0", "1", "4")),
     ROOT "<controller type='usb' index='0' model='piix3-uhci'>" AT("0", "1", "2") "</controller>"},
    {"BP217", kQ35, EROOT NIC("e1000e", AT("0", "5", "0")),
     EROOT PORT("1", "", AT("0", "1", "0")) NIC("e1000e", AT("1", "0", "0"))},
    {"BP217", kQ35, EROOT PORT("1", "<target hotplug='off'/>", AT("0", "1", "0")) NIC("e1000e", AT("1", "0", "0")),
     EROOT PORT("1", "<target hotplug='on'/>", AT("0", "1", "0")) NIC("e1000e", AT("1", "0", "0"))},
    {"BP218", kPc, ROOT NIC("i82801", AT("0", "5", "0")), ROOT NIC("E1000", AT("0", "5", "0"))},
    {"BP219", kPc, ROOT NIC("virtio", "<address type='isa' iobase='0x300'/>"), ROOT NIC("virtio", AT("0", "5", "0"))},
    {"BP220", kPc, ROOT BRIDGE("1", "", AT("2", "5", "0")) BRIDGE("2", "", AT("0", "6", "0")),
     ROOT BRIDGE("1", "", AT("0", "5", "0")) BRIDGE("2", "", AT("1", "6", "0"))},
    {"BP221", kPc, ROOT BRIDGE("1", "<target chassisNr='0'/>", AT("0", "5", "0")),
     ROOT BRIDGE("1", "<target chassisNr='1'/>", AT("0", "5", "0"))},
    {"BP222", kQ35, EROOT PORT("1", "<target chassis='1' port='0x77'/>", AT("0", "2", "1")),
     EROOT PORT("1", "<target chassis='1' port='0x11'/>", AT("0", "2", "1"))},
};

class Lint : public testing::TestWithParam<LintCase> {};

TEST_P(Lint, SeesItAndLeavesItsTwinAlone) {
  const LintCase& row = GetParam();
  const std::string rule(row.rule);
  const std::string_view twin_machine = row.machine == "q35" ? kQ35 : row.machine;
  EXPECT_THAT(rules_in(lint_of(row.machine, row.bad, row.head)), Contains(rule));
  EXPECT_THAT(rules_in(lint_of(twin_machine, row.good, row.head)), Not(Contains(rule)));
}

INSTANTIATE_TEST_SUITE_P(Rows, Lint, testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.rule) + "_" + std::to_string(row.index); });

TEST(Lint, FindsAnExpanderThatNobodyTellsTheGuestOf) {
  const std::string_view devices =
      ROOT "<controller type='pci' index='1' model='pci-expander-bus'><target busNr='100'/>" AT("0", "4",
                                                                                                "0") "</controller>";
  EXPECT_THAT(rules_in(lint_of(kPc, devices, "")), Contains("BP205"));
  EXPECT_THAT(rules_in(lint_of(kPc, devices, kAcpi)), Not(Contains("BP205")));
}

TEST(Lint, FindsACardFarFromItsNode) {
  const std::string_view devices = EROOT PXB("1", "<target busNr='100'><node>1</node></target>", AT("0", "4", "0"))
      PORT("2", "", AT("1", "0", "0")) CARD(AT("2", "0", "0"));
  const auto card = pci::HostAddress::parse("0000:3b:00.0").value();
  EXPECT_THAT(rules_in(lint_of(kQ35, devices, CELLS, {{{card, 0}}, {{1, 1}}})), Contains("BP210"));
  EXPECT_THAT(rules_in(lint_of(kQ35, devices, CELLS, {{{card, 1}}, {{1, 1}}})), Not(Contains("BP210")));
  EXPECT_THAT(rules_in(lint_of(kQ35, devices, CELLS)), Not(Contains("BP210")));
}

TEST(Lint, TellsOfPlacesLeftToLibvirt) {
  const auto wish = domain_of(kPc, ROOT NIC("virtio", ""));
  const auto placed = as_placed(domain_of(kPc, ROOT NIC("virtio", AT("0", "3", "0")))).value();
  const Findings findings = lint_unplaced(placed, Unplaced(wish));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].rule, "BP223");
  EXPECT_EQ(findings[0].device, "interface 52:54:00:00:00:01");
  EXPECT_EQ(findings[0].change, "now 0000:00:03.0");
  EXPECT_THAT(lint_unplaced(placed, Unplaced(placed.domain())), IsEmpty());
}

TEST(Lint, KeepsTheWordsOfARefusal) {
  Error error = refused("E305", "XML error: Attempted double use of PCI Address 0000:00:03.0", "move one").error();
  error.device = "disk vda";
  error.offset = 17;
  const Finding finding = refusal_finding(error);
  EXPECT_EQ(finding.rule, "BP200");
  EXPECT_EQ(finding.device, "disk vda");
  EXPECT_EQ(finding.change, "XML error: Attempted double use of PCI Address 0000:00:03.0");
  EXPECT_EQ(finding.remedy, "move one");
  EXPECT_EQ(finding.place.offset, 17U);
}

TEST(Rules, AreFoundByIdAndByName) {
  ASSERT_NE(find_rule("BP101"), nullptr);
  EXPECT_EQ(find_rule("BP101"), find_rule("device-moved"));
  EXPECT_EQ(find_rule("BP999"), nullptr);
}

TEST(Rules, SayWhyAndWhatHelps) {
  for (const Rule& rule : kRules) {
    EXPECT_FALSE(rule.reason.empty()) << rule.id;
    EXPECT_FALSE(rule.reason.ends_with('.')) << rule.id;
    EXPECT_TRUE(!rule.remedy.empty() || rule.rule == RuleId::Refused) << rule.id;
  }
}

#undef ROOT
#undef EROOT
#undef AT
#undef MFAT
#undef PORT
#undef BRIDGE
#undef PXB
#undef NIC
#undef CARD
#undef CELLS

}  // namespace
}  // namespace busproof::abi
