#include "viz/diff_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/diff.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/support/domain_builder.h"

namespace busproof::viz {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

abi::AbiSnapshot snapshot_of_wish(const domain::Domain& wish) {
  return abi::snapshot(assign::assign(wish).value().placed, wish);
}
abi::AbiSnapshot snapshot_of(const Guest& guest) { return snapshot_of_wish(read(guest).value()); }

std::vector<Cell> cells(const Graph& graph) {
  std::vector<Cell> all;
  for (const Node& node : graph.nodes) {
    all.push_back(node.heading);
    for (const Row& row : node.rows) all.insert(all.end(), row.cells.begin(), row.cells.end());
  }
  return all;
}

Look look_of(const Graph& graph, std::string_view name) {
  for (const Cell& cell : cells(graph))
    if (cell.name == name) return cell.look;
  ADD_FAILURE() << "no cell " << name;
  return Look::Plain;
}

std::string nic(std::string_view number, unsigned slot) {
  return fmt::format(
      "<interface type='user'><mac address='52:54:00:00:00:{}'/><model type='virtio'/>"
      "<address type='pci' slot='{}'/></interface>",
      number, slot);
}

Graph drawn(std::string_view before, std::string_view after) {
  return diff_graph(snapshot_of({.machine = "pc-i440fx-7.2", .devices = before}),
                    snapshot_of({.machine = "pc-i440fx-7.2", .devices = after}));
}

TEST(DiffGraph, OfTwoEqualGuestsSaysSo) {
  const Graph graph = drawn(nic("01", 5), nic("01", 5));
  EXPECT_EQ(graph.subtitle, "nothing");
  EXPECT_EQ(look_of(graph, "interface-52:54:00:00:00:01"), Look::Unchanged);
  EXPECT_THAT(graph.legend, ElementsAre(Field(&Key::look, Look::Unchanged)));
}

TEST(DiffGraph, TellsAddedFromRemoved) {
  const Graph graph = drawn(nic("01", 5), nic("02", 6));
  EXPECT_EQ(look_of(graph, "interface-52:54:00:00:00:01"), Look::Removed);
  EXPECT_EQ(look_of(graph, "interface-52:54:00:00:00:02"), Look::Added);
  EXPECT_EQ(graph.subtitle, "2 findings: 1 added, 1 removed, 0 moved, 0 changed");
}

TEST(DiffGraph, LeadsFromTheOldPlaceToTheNewOne) {
  const Graph graph = drawn(nic("01", 5), nic("01", 7));
  EXPECT_EQ(look_of(graph, "was-interface-52:54:00:00:00:01"), Look::MovedAway);
  EXPECT_EQ(look_of(graph, "interface-52:54:00:00:00:01"), Look::Moved);
  EXPECT_THAT(graph.edges,
              Contains(AllOf(Field(&Edge::from, "was-interface-52:54:00:00:00:01"),
                             Field(&Edge::to, "interface-52:54:00:00:00:01"), Field(&Edge::kind, EdgeKind::Arrow))));
  EXPECT_THAT(cells(graph),
              Contains(Field(&Cell::lines, ElementsAre("» interface 52:54:00:00:00:01", "0000:00:05.0 -> 0000:00:07.0",
                                                       "ens5 becomes ens7"))));
}

TEST(DiffGraph, WritesAChangedTargetAsOldAndNew) {
  const auto bridge = [](int number) {
    return fmt::format("<controller type='pci' index='1' model='pci-bridge'><target chassisNr='{}'/></controller>",
                       number);
  };
  const Graph graph = drawn(bridge(1), bridge(7));
  EXPECT_EQ(look_of(graph, "bus-1"), Look::Changed);
  EXPECT_THAT(cells(graph),
              Contains(Field(&Cell::lines, ElementsAre("± pci-bridge → bus 1", "chassis-nr-changed: 1 -> 7"))));
}

TEST(DiffGraph, PutsWhatConcernsTheDomainBeside) {
  const Graph graph = diff_graph(snapshot_of({.machine = "pc-i440fx-7.2"}), snapshot_of({.machine = "pc-q35-7.2"}));
  EXPECT_THAT(graph.nodes, Contains(Field(&Node::heading, Field(&Cell::name, "domain"))));
  EXPECT_THAT(cells(graph), Contains(Field(&Cell::name, "finding-BP160")));
}

TEST(DiffGraph, CountsWhatIsOnNoPciBusAndUnchanged) {
  constexpr std::string_view kDisk = "<disk type='file' device='disk'><target dev='hda' bus='ide'/></disk>";
  const Graph graph = drawn(kDisk, kDisk);
  EXPECT_THAT(cells(graph), Contains(Field(&Cell::lines, ElementsAre("", "1 unchanged"))));
}

abi::AbiSnapshot snapshot_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const auto document = domain::XmlDocument::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  return snapshot_of_wish(domain::read_domain(document.value()).value());
}

TEST(DiffGraph, ShowsEveryFindingOfEveryPairOfTheCorpus) {
  std::size_t pairs = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(BUSPROOF_SOURCE_DIR) / "corpus/pairs")) {
    if (!fs::exists(entry.path() / "old.xml")) continue;
    const auto before = snapshot_of_file(entry.path() / "old.xml"), after = snapshot_of_file(entry.path() / "new.xml");
    const auto drawn_cells = cells(diff_graph(before, after));
    for (const Finding& finding : abi::diff(before, after)) {
      const bool shown = std::ranges::any_of(drawn_cells, [&](const Cell& cell) {
        return cell.tooltip.find(finding.rule) != std::string::npos &&
               cell.tooltip.find(finding.change) != std::string::npos &&
               (finding.device.empty() || cell.tooltip.starts_with(finding.device + "\n"));
      });
      EXPECT_TRUE(shown) << entry.path() << ": " << finding.rule << ' ' << finding.device << ' ' << finding.change;
    }
    ++pairs;
  }
  EXPECT_GT(pairs, 50U);
}

}  // namespace
}  // namespace busproof::viz
