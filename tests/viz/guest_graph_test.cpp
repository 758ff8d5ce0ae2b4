#include "viz/guest_graph.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/assign/assign.h"
#include "engine/domain/domain.h"
#include "tests/support/domain_builder.h"

namespace busproof::viz {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

Graph drawn(const Guest& guest) {
  const auto domain = read(guest);
  EXPECT_TRUE(domain.has_value()) << domain.error().message;
  const auto assignment = assign::assign(domain.value());
  EXPECT_TRUE(assignment.has_value()) << assignment.error().message;
  return guest_graph(assignment.value().placed);
}

const Node& node(const Graph& graph, std::string_view name) {
  for (const Node& node : graph.nodes)
    if (node.heading.name == name) return node;
  ADD_FAILURE() << "no node " << name;
  return graph.nodes.at(0);
}

const Cell& cell(const Graph& graph, std::string_view name) {
  for (const Node& node : graph.nodes)
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells)
        if (cell.name == name) return cell;
  ADD_FAILURE() << "no cell " << name;
  return graph.nodes.at(0).heading;
}

constexpr std::string_view kNic =
    "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>";

TEST(GuestGraph, DrawsTheBusesOfAGuestAndWhatSitsOnThem) {
  const Graph graph = drawn({.devices = kNic});
  EXPECT_EQ(graph.title, "guest · q35");
  EXPECT_THAT(node(graph, "bus-0").heading.lines, ElementsAre("bus 0 → 00–04", "pcie-root"));
  EXPECT_THAT(node(graph, "bus-1").heading.lines, ElementsAre("bus 1 → 01", "root-port, chassis 1, port 0x8"));
  EXPECT_THAT(cell(graph, "controller-pci-1").lines, ElementsAre("→ bus 1", "root-port, multifunction"));
  EXPECT_EQ(node(graph, "bus-0").look, Look::Express);
  const Cell& nic = cell(graph, "interface-52:54:00:00:00:01");
  EXPECT_THAT(nic.lines, ElementsAre("interface 52:54:00:00:00:01", "enp1s0, virtio"));
  EXPECT_EQ(nic.tag, (Tag{"NET", Hue::Network}));
  EXPECT_EQ(nic.label, ".0");
  EXPECT_THAT(nic.tooltip, HasSubstr("XML: 0000:01:00.0"));
  EXPECT_THAT(nic.tooltip, HasSubstr("guest: 0000:01:00.0"));
}

TEST(GuestGraph, LinksABusToTheFunctionThatMakesIt) {
  const Graph graph = drawn({.devices = kNic});
  EXPECT_THAT(graph.edges, Contains(testing::AllOf(Field(&Edge::from, "controller-pci-1"), Field(&Edge::to, "bus-1"),
                                                   Field(&Edge::look, Look::Express))));
}

TEST(GuestGraph, SetsConventionalBusesApart) {
  const Graph graph = drawn({.machine = "pc", .devices = "<controller type='pci' index='1' model='pci-bridge'/>"});
  EXPECT_EQ(node(graph, "bus-0").look, Look::Conventional);
  EXPECT_THAT(graph.edges, ElementsAre(Field(&Edge::look, Look::Conventional)));
}

TEST(GuestGraph, FoldsFreeSlotsAndSaysWhichTakeAPlug) {
  const Graph graph = drawn({.devices = kNic});
  EXPECT_EQ(node(graph, "bus-0").rows.back().cells[0].lines.back(), "29 free: 02-1e");
  const Graph pc = drawn({.machine = "pc"});
  EXPECT_EQ(node(pc, "bus-0").rows.back().cells[0].lines.back(), "29 free: 03-1f, hot-pluggable");
}

TEST(GuestGraph, DrawsAPortThatWaitsFaintly) {
  const Graph graph = drawn({.devices = "<controller type='pci' index='1' model='pcie-root-port'/>"
                                        "<controller type='pci' index='2' model='pcie-root-port'>"
                                        "<target hotplug='off'/></controller>"
                                        "<memballoon model='none'/><controller type='usb' model='none'/>"});
  EXPECT_EQ(node(graph, "bus-1").look, Look::Quiet);
  EXPECT_EQ(node(graph, "bus-1").rows.back().cells[0].lines.back(), "free, hot-pluggable");
  EXPECT_EQ(node(graph, "bus-2").rows.back().cells[0].lines.back(), "free");
}

TEST(GuestGraph, BoxesWhatIsOnANumaNode) {
  const Graph graph = drawn({.devices = "<controller type='pci' index='1' model='pcie-expander-bus'>"
                                        "<target busNr='200'><node>0</node></target></controller>"
                                        "<controller type='pci' index='2' model='pcie-root-port'>"
                                        "<address type='pci' bus='1' slot='0'/></controller>",
                             .head = "<vcpu>1</vcpu><features><acpi/></features><cpu><numa>"
                                     "<cell id='0' cpus='0' memory='262144'/></numa></cpu>"});
  ASSERT_EQ(graph.boxes.size(), 1U);
  EXPECT_EQ(graph.boxes[0].label, "NUMA node 0");
  EXPECT_EQ(node(graph, "bus-1").box, 0U);
  EXPECT_EQ(node(graph, "bus-2").box, 0U);
  EXPECT_EQ(node(graph, "bus-0").box, std::nullopt);
}

TEST(GuestGraph, PutsWhatIsOnNoPciBusBeside) {
  const Graph graph = drawn({.devices = "<disk type='file' device='disk'><target dev='sda' bus='sata'/></disk>"});
  const Node& beside = node(graph, "off-bus");
  EXPECT_THAT(beside.rows, ElementsAre(Field(&Row::cells, ElementsAre(Field(&Cell::name, "disk-sda")))));
  EXPECT_EQ(cell(graph, "disk-sda").lines[1], "at drive 0:0:0:0, sata");
}

TEST(GuestGraph, LeavesOutWhatStandsForNothing) {
  const Graph graph =
      drawn({.devices = "<memballoon model='none'/><controller type='usb' model='none'/><video><model type='none'/>"
                        "</video>"});
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].heading.name, "bus-0");
}

TEST(GuestGraph, WarnsOfWhatTheGuestWillNotHave) {
  const Graph graph =
      drawn({.devices = "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
                        "<address type='pci' slot='5' function='1'/></interface>"});
  EXPECT_EQ(cell(graph, "interface-52:54:00:00:00:01").look, Look::Lost);
  EXPECT_THAT(graph.warnings, testing::Not(IsEmpty()));
}

TEST(GuestGraph, OfAMachineWithoutPciShowsTheRest) {
  const Graph graph = drawn({.machine = "isapc", .devices = "<memballoon model='none'/>"});
  EXPECT_EQ(graph.subtitle, "x86_64, 0 PCI buses, 0 PCI functions");
}

}  // namespace
}  // namespace busproof::viz
