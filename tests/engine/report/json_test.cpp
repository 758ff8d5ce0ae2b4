#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/report/assignment_report.h"
#include "engine/report/message_text.h"
#include "engine/report/tree_json.h"
#include "tests/support/machine_builder.h"

namespace busproof::report {
namespace {

using enum pci::ControllerModel;
using Parsed = nlohmann::json;
using testing_support::at;
using testing_support::guest;
using testing_support::interface;

domain::Domain guest_with_expander() {
  domain::Domain domain =
      guest("pc", {{1, PciExpanderBus, 0, 2, 0, 252}, {2, PciExpanderBus, 0, 3, 0, 254}, {3, PciBridge, 1, 1, 0}});
  domain.devices[1].controller->target.node = 1;
  domain.devices.push_back(interface("52:54:00:00:00:01", at(1, 4, 0)));
  return domain;
}

Parsed tree_of(const domain::Domain& domain) {
  return Parsed::parse(tree_json(domain::as_placed(domain).value(), "guest.xml"));
}

TEST(TreeJson, SaysWhatEachBusIs) {
  const Parsed tree = tree_of(guest_with_expander());
  EXPECT_EQ(tree["schema_version"], 1);
  EXPECT_EQ(tree["file"], "guest.xml");
  EXPECT_EQ(tree["buses"].size(), 4U);
  const Parsed& bus = tree["buses"][1];
  EXPECT_EQ(bus["model"], "pci-expander-bus");
  EXPECT_EQ(bus["parent"], 0);
  EXPECT_EQ(bus["address"], "0000:00:02.0");
  EXPECT_EQ(bus["target"], Parsed({{"busNr", 252}, {"node", 1}}));
  EXPECT_EQ(bus["guest_bus"], 253);
  EXPECT_EQ(bus["guest_numa_node"], 1);
  EXPECT_EQ(bus["free_slots"].size(), 30U);
}

TEST(TreeJson, SaysWhereTheGuestHasEachDevice) {
  const Parsed device = tree_of(guest_with_expander())["buses"][1]["devices"][1];
  EXPECT_EQ(device["name"], "interface 52:54:00:00:00:01");
  EXPECT_EQ(device["address"], "0000:01:04.0");
  EXPECT_EQ(device["guest_address"], "0000:fd:04.0");
  EXPECT_EQ(device["alias"], nullptr);
  EXPECT_EQ(device["makes_bus"], nullptr);
}

TEST(TreeJson, SaysWhatIsLostAndWhatWouldHelp) {
  const Parsed tree = tree_of(guest_with_expander());
  EXPECT_EQ(tree["buses"][3]["guest_bus"], nullptr);
  EXPECT_EQ(tree["lost"][0]["bus"], 3);
  EXPECT_EQ(tree["lost"][0]["reason"], "number-taken");
  EXPECT_EQ(tree["lost"][0]["taken_by"], 2);
  EXPECT_EQ(tree["advice"], Parsed::parse(R"([{"bus": 1, "busNr": 251}])"));
}

TEST(TreeJson, BytesThatAreNoUtf8DoNoHarm) {
  domain::Domain domain = guest("pc", {});
  domain.name = "a\xff";
  EXPECT_EQ(tree_of(domain)["name"], "a\xEF\xBF\xBD");
}

const Error kError = {ErrorKind::Refused, "E305",        "XML error: Attempted double use of PCI Address 0000:00:03.0",
                      "interface x",      "choose 0x04", 8};

TEST(TreeJson, SaysWhyThereIsNoTree) {
  const Parsed tree = Parsed::parse(tree_json(kError, "<a>\n   <b/>", "f.xml"));
  EXPECT_EQ(tree["error"]["rule"], "E305");
  EXPECT_EQ(tree["error"]["line"], 2);
  EXPECT_EQ(tree["error"]["column"], 5);
}

TEST(AssignmentJson, HoldsTheErrorOfARefusedFile) {
  const Parsed report = Parsed::parse(assignment_json({.file = "f.xml", .error = &kError, .text = "<a>\n   <b/>"}));
  EXPECT_EQ(report["verdict"], "refused");
  EXPECT_EQ(report["error"]["device"], "interface x");
  EXPECT_EQ(report["xml"], nullptr);
}

assign::Assignment an_assignment() {
  return {.placed = domain::as_placed(guest_with_expander()).value(),
          .reasons = {{1, "as the XML says"}, {4, "first free slot"}}};
}

TEST(AssignmentJson, HoldsWhatEachDeviceGotAndWhy) {
  const auto assignment = an_assignment();
  const Parsed report =
      Parsed::parse(assignment_json({.file = "f.xml", .assignment = &assignment, .changed = true, .xml = "<domain/>"}));
  EXPECT_EQ(report["verdict"], "assigned");
  EXPECT_EQ(report["warnings"],
            Parsed({"bus 3 (pci-bridge) and all behind it are lost to the guest: number 254 goes to bus 2 "
                    "(pci-expander-bus, busNr 254); busNr='251' of bus 1 would work"}));
  EXPECT_EQ(report["devices"][1]["address"], "0000:01:04.0");
  EXPECT_EQ(report["devices"][1]["reason"], "first free slot");
  EXPECT_EQ(report["xml"], "<domain/>");
}

TEST(ExplainText, StandsInColumns) {
  EXPECT_EQ(explain_text(an_assignment()),
            "controller pci 1             0000:00:02.0  as the XML says\n"
            "interface 52:54:00:00:00:01  0000:01:04.0  first free slot\n");
}

TEST(MessageText, LooksLikeACompilers) {
  EXPECT_EQ(error_text("f.xml", "<a>\n   <b/>", kError),
            "f.xml:2:5: error: interface x: XML error: Attempted double use of PCI Address 0000:00:03.0 [E305]\n"
            "  remedy: choose 0x04\n");
  EXPECT_EQ(error_text("f.xml", "", {.rule = "", .message = "cannot read: Is a directory"}),
            "f.xml: error: cannot read: Is a directory\n");
  EXPECT_EQ(warning_text("f.xml", "mind the gap"), "f.xml: warning: mind the gap\n");
  EXPECT_EQ(note_text("f.xml", "by the way"), "f.xml: note: by the way\n");
}

TEST(MessageText, LetsNoControlCharacterThrough) { EXPECT_EQ(note_text("a\nb", "\x1b[2J"), "a?b: note: ?[2J\n"); }

}  // namespace
}  // namespace busproof::report
