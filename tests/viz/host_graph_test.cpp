#include "viz/host_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace busproof::viz {
namespace {

using host::HostAddress;
using host::HostDevice;
using host::Inventory;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::Not;

HostAddress address(std::string_view text) { return HostAddress::parse(text).value(); }

/// A function of a host with one root bus; what is not said is as on most hosts.
struct Function {
  std::string_view at;
  std::uint32_t class_code = 0x020000;
  std::string_view driver{};
  std::optional<unsigned> group{};
  std::string_view parent{};
};

HostDevice device(const Function& function) {
  HostDevice device{.address = address(function.at)};
  device.pin = {.vendor = 0x8086, .device = 0x10fb, .class_code = function.class_code};
  if (!function.driver.empty()) device.driver = std::string(function.driver);
  device.group = function.group;
  device.root_bus = "pci0000:00";
  if (!function.parent.empty()) device.parent = address(function.parent);
  return device;
}

Inventory inventory(const std::vector<Function>& functions) {
  Inventory inventory;
  inventory.kernel_release = "6.1.0";
  for (const Function& function : functions) {
    inventory.devices.push_back(device(function));
    if (!function.group) continue;
    if (find_group(inventory, function.group) == nullptr) inventory.groups.push_back({.number = *function.group});
    for (host::IommuGroup& group : inventory.groups)
      if (group.number == *function.group) group.members.push_back(address(function.at));
  }
  return inventory;
}

/// A graphics card with its sound, as a guest is to have it, behind a root port.
Inventory graphics(std::string_view sound_driver) {
  return inventory(
      {{.at = "0000:00:01.0", .class_code = 0x060400, .driver = "pcieport", .group = 1},
       {.at = "0000:01:00.0", .class_code = 0x030000, .driver = "vfio-pci", .group = 1, .parent = "0000:00:01.0"},
       {.at = "0000:01:00.1", .class_code = 0x040300, .driver = sound_driver, .group = 1, .parent = "0000:00:01.0"}});
}

Graph host_drawn(const Inventory& inventory, const report::PciNames& names = {}) {
  return host_graph(inventory, {}, names, "host");
}

const Cell& host_cell(const Graph& graph, std::string_view name) {
  for (const Node& node : graph.nodes)
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells)
        if (cell.name == name) return cell;
  ADD_FAILURE() << "no cell " << name;
  return graph.nodes.at(0).heading;
}

TEST(HostGraph, HangsBusesOnTheFunctionsThatLeadToThem) {
  const Graph graph = host_drawn(graphics("vfio-pci"), {});
  EXPECT_EQ(graph.title, "host · Linux 6.1.0");
  EXPECT_EQ(graph.subtitle, "3 PCI functions, 1 IOMMU group");
  EXPECT_THAT(graph.edges, Contains(AllOf(Field(&Edge::from, "0000:00:01.0"), Field(&Edge::to, "bus-0000:01"))));
  EXPECT_THAT(graph.edges, Contains(AllOf(Field(&Edge::from, "pci0000:00"), Field(&Edge::to, "bus-0000:00"))));
}

TEST(HostGraph, BearsTheNameOfItsHost) {
  EXPECT_EQ(host_graph(graphics("vfio-pci"), {}, {}, "host rack7").title, "host rack7 · Linux 6.1.0");
}

TEST(HostGraph, SaysWhichGuestHasADevice) {
  const Inventory host = graphics("vfio-pci");
  const HostAddress card = address("0000:01:00.0"), sound = address("0000:01:00.1");
  const host::Ledger ledger = {{card, {.address = card, .owner = host::Owner{"qemu", "web01"}}},
                               {sound, {.address = sound}}};
  const Graph graph = host_graph(host, ledger, {}, "host");
  EXPECT_THAT(host_cell(graph, "0000:01:00.0").lines, Contains("with web01 of qemu"));
  EXPECT_THAT(host_cell(graph, "0000:01:00.0").tooltip, testing::HasSubstr("with web01 of qemu"));
  EXPECT_THAT(host_cell(graph, "0000:01:00.1").lines, Contains("for any guest"));
}

TEST(HostGraph, SetsConventionalBusesApart) {
  Inventory host = inventory({{.at = "0000:00:1c.0", .class_code = 0x060400, .driver = "pcieport"},
                              {.at = "0000:01:00.0", .class_code = 0x060400, .parent = "0000:00:1c.0"},
                              {.at = "0000:02:01.0", .parent = "0000:01:00.0"}});
  const auto look_of_last_bus = [&] { return host_drawn(host, {}).nodes.back().look; };
  EXPECT_EQ(look_of_last_bus(), Look::Plain);
  host.devices[1].config.express = host::Known::No;
  EXPECT_EQ(look_of_last_bus(), Look::Conventional);
  host.devices[1].config.express = host::Known::Yes;
  host.devices[1].config.port_type = pci::PortType::PcieToPci;
  EXPECT_EQ(look_of_last_bus(), Look::Conventional);
  host.devices[1].config.port_type = pci::PortType::DownstreamPort;
  EXPECT_EQ(look_of_last_bus(), Look::Express);
}

TEST(HostGraph, ExplainsItsTags) {
  EXPECT_THAT(host_drawn(graphics("vfio-pci"), {}).legend,
              AllOf(Contains(AllOf(Field(&Key::tag, Tag{"VGA", Hue::Display}), Field(&Key::text, "graphics card"))),
                    Contains(Field(&Key::text, "sound or video")), Not(Contains(Field(&Key::text, "network card")))));
}

TEST(HostGraph, SaysWhatHasADeviceAndWhatItIs) {
  const auto names = report::PciNames::parse("8086  Intel Corporation\n\t10fb  82599ES\n");
  const Graph graph = host_drawn(inventory({{.at = "0000:00:02.0", .driver = "ixgbe", .group = 4}}), names);
  EXPECT_THAT(host_cell(graph, "0000:00:02.0").lines, ElementsAre("00:02.0 · ixgbe", "[8086:10fb] 82599ES", "group 4"));
  EXPECT_EQ(host_cell(graph, "0000:00:02.0").tag.text, "NET");
  const Graph nameless = host_drawn(inventory({{.at = "0000:00:02.0"}}), {});
  EXPECT_THAT(host_cell(nameless, "0000:00:02.0").lines, ElementsAre("00:02.0 · no driver", "[8086:10fb] ", ""));
  EXPECT_EQ(host_cell(nameless, "0000:00:02.0").look, Look::Quiet);
}

TEST(HostGraph, OutlinesAGroupAcrossTheBusesThatItReachesOver) {
  const Graph graph = host_drawn(graphics("vfio-pci"), {});
  ASSERT_EQ(graph.boxes.size(), 1U);
  EXPECT_EQ(graph.boxes[0].label, "IOMMU group 1");
  EXPECT_EQ(graph.boxes[0].look, Look::Group);
  std::size_t inside = 0;
  for (const Node& node : graph.nodes) inside += node.box == 0U;
  EXPECT_EQ(inside, 2U);
}

TEST(HostGraph, SaysWhyAGroupIsNotViable) {
  const Graph graph = host_drawn(graphics("snd_hda_intel"), {});
  EXPECT_EQ(graph.boxes[0].look, Look::Unviable);
  EXPECT_EQ(graph.boxes[0].label, "IOMMU group 1 · not viable");
  EXPECT_EQ(graph.boxes[0].remark, "01:00.1 is bound to snd_hda_intel");
  EXPECT_EQ(host_cell(graph, "0000:01:00.0").look, Look::Stub);
}

TEST(HostGraph, TakesNoGroupForUnviableThatNobodyWants) {
  Inventory native = graphics("snd_hda_intel");
  native.devices[1].driver = "nouveau";
  EXPECT_EQ(host_drawn(native, {}).boxes[0].look, Look::Group);
  Inventory unbound = graphics("");
  EXPECT_EQ(host_drawn(unbound, {}).boxes[0].look, Look::Group);
}

TEST(HostGraph, CountsWhatIsNoPciDeviceAsABlocker) {
  Inventory mixed = graphics("vfio-pci");
  mixed.groups[0].foreign = {"platform: serial8250"};
  EXPECT_EQ(host_drawn(mixed, {}).boxes[0].remark, "platform: serial8250");
}

TEST(HostGraph, KnowsAVariantDriverByItsVfioDevice) {
  Inventory host = inventory({{.at = "0000:00:02.0", .driver = "mlx5_vfio_pci"}});
  EXPECT_EQ(host_cell(host_drawn(host, {}), "0000:00:02.0").look, Look::Plain);
  host.devices[0].vfio_device = true;
  EXPECT_EQ(host_cell(host_drawn(host, {}), "0000:00:02.0").look, Look::Stub);
}

TEST(HostGraph, MarksWhatTheHostItselfLivesOn) {
  Inventory host = inventory({{.at = "0000:00:02.0", .class_code = 0x010802, .driver = "nvme"}});
  host.devices[0].uses = {{host::HostUse::Kind::Mount, "/ on nvme0n1p2"}};
  const Graph graph = host_drawn(host, {});
  EXPECT_EQ(host_cell(graph, "0000:00:02.0").look, Look::Owned);
  EXPECT_THAT(host_cell(graph, "0000:00:02.0").lines, Contains("in use: / on nvme0n1p2"));
}

TEST(HostGraph, PutsVirtualFunctionsWithTheirPhysicalOne) {
  Inventory host = inventory(
      {{.at = "0000:03:00.0", .driver = "ixgbe", .group = 5}, {.at = "0000:03:10.0", .driver = "ixgbevf", .group = 6}});
  host.devices[0].virtual_functions = {address("0000:03:10.0")};
  host.devices[0].virtual_functions_max = 63;
  host.devices[1].physical_function = address("0000:03:00.0");
  const Graph graph = host_drawn(host, {});
  EXPECT_EQ(host_cell(graph, "0000:03:00.0").lines[2], "group 5, 1 of 63 VFs");
  EXPECT_EQ(host_cell(graph, "0000:03:10.0").lines[2], "group 6, VF of 03:00.0");
  EXPECT_THAT(graph.edges, Contains(AllOf(Field(&Edge::from, "0000:03:00.0"), Field(&Edge::to, "0000:03:10.0"),
                                          Field(&Edge::kind, EdgeKind::Arrow))));
}

TEST(HostGraph, BoxesNumaNodesWithTheGroupsWithin) {
  Inventory host = graphics("vfio-pci");
  for (HostDevice& device : host.devices) device.numa_node = 1;
  const Graph graph = host_drawn(host, {});
  ASSERT_EQ(graph.boxes.size(), 2U);
  EXPECT_EQ(graph.boxes[0].label, "NUMA node 1");
  EXPECT_EQ(graph.boxes[1].within, 0U);
  host.devices[0].numa_node = 0;
  const Graph across = host_drawn(host, {});
  ASSERT_EQ(across.boxes.size(), 3U);
  EXPECT_EQ(across.boxes[2].within, std::nullopt);
}

TEST(HostGraph, OfAHostWithoutPciIsEmpty) {
  EXPECT_EQ(host_drawn({}, {}).subtitle, "0 PCI functions, 0 IOMMU groups");
  EXPECT_TRUE(host_drawn({}, {}).nodes.empty());
}

TEST(HostGraph, PassesWarningsOnButNotWithoutEnd) {
  Inventory host;
  host.warnings = {"a", "b", "c", "d", "e", "f"};
  EXPECT_THAT(host_drawn(host, {}).warnings, ElementsAre("a", "b", "c", "d", "and 2 more warnings"));
}

}  // namespace
}  // namespace busproof::viz
