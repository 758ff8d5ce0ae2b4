// What holds of the picture of every domain, hunted for on random ones.

#include <graphviz/cgraph.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <pugixml.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/abi/diff.h"
#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/report/device_words.h"
#include "engine/topology/buses.h"
#include "verify/domain_generator.h"
#include "viz/diff_graph.h"
#include "viz/guest_graph.h"
#include "viz/parts.h"
#include "viz/render.h"

namespace busproof::viz {
namespace {

/// The sketch as libvirt would store it; discards what it would refuse.
domain::PlacedDomain placed(const verify::SketchedDomain& sketch) {
  const auto document = domain::XmlDocument::parse(to_xml(sketch));
  RC_PRE(document.has_value());
  auto wish = read_domain(*document);
  RC_PRE(wish.has_value());
  auto assignment = assign::assign(*std::move(wish));
  RC_PRE(assignment.has_value());
  return std::move(assignment->placed);
}

std::string drawn(const Graph& graph, Format format) {
  const auto picture = render(graph, format);
  RC_ASSERT(picture.has_value());
  return picture->bytes;
}

std::multiset<std::string> first_lines_of_tooltips(const Graph& graph) {
  std::multiset<std::string> found;
  for (const Node& node : graph.nodes)
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells)
        if (!cell.name.empty()) found.insert(cell.tooltip.substr(0, cell.tooltip.find('\n')));
  return found;
}

RC_GTEST_PROP(Pictures, ShowEveryDeviceExactlyOnce, (const verify::SketchedDomain& sketch)) {
  const domain::PlacedDomain domain = placed(sketch);
  const topology::Buses buses = topology::buses_of(domain.domain());
  const std::vector<std::string> names = report::device_names(domain.domain());
  std::multiset<std::string> expected;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const domain::Device& device = domain.domain().devices[i];
    const bool is_root = std::ranges::any_of(
        buses.all, [&](const topology::GuestBus& bus) { return !bus.parent && bus.controller == i; });
    if (!is_root && !abi::is_nothing(device.kind, device.model)) expected.insert(names[i]);
  }
  RC_ASSERT(first_lines_of_tooltips(guest_graph(domain)) == expected);
}

RC_GTEST_PROP(Pictures, DrawEveryLinkOfTheTopology, (const verify::SketchedDomain& sketch)) {
  const domain::PlacedDomain domain = placed(sketch);
  const Graph graph = guest_graph(domain);
  std::size_t links = 0;
  for (const topology::GuestBus& bus : topology::buses_of(domain.domain()).all) {
    if (!bus.parent) continue;
    ++links;
    const std::string below = "bus-" + std::to_string(bus.index);
    RC_ASSERT(std::ranges::count(graph.edges, below, &Edge::to) == 1);
  }
  RC_ASSERT(graph.edges.size() == links);
}

RC_GTEST_PROP(Pictures, NameNothingTwice, (const verify::SketchedDomain& sketch)) {
  const Graph graph = guest_graph(placed(sketch));
  std::set<std::string> names;
  for (const Box& box : graph.boxes) RC_ASSERT(names.insert(box.name).second);
  for (const Node& node : graph.nodes) {
    RC_ASSERT(names.insert(node.heading.name).second);
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells) RC_ASSERT(cell.name.empty() || names.insert(cell.name).second);
  }
}

RC_GTEST_PROP(Pictures, AreXmlWithAnElementForEveryCell, (const verify::SketchedDomain& sketch)) {
  const Graph graph = guest_graph(placed(sketch));
  pugi::xml_document svg;
  RC_ASSERT(svg.load_string(drawn(graph, Format::Svg).c_str()).status == pugi::status_ok);
  std::set<std::string> ids;
  for (const auto& id : svg.select_nodes("//@id")) RC_ASSERT(ids.insert(id.attribute().value()).second);
  for (const Node& node : graph.nodes)
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells) RC_ASSERT(cell.name.empty() || ids.contains("a_" + cell.name));
}

/// What cgraph reads: for each node its label, and the edges that are seen, from port to port.
struct ReadBack {
  std::map<std::string, std::string> labels;
  std::multiset<std::string> edges;
  friend bool operator==(const ReadBack&, const ReadBack&) = default;
};

ReadBack read_back(Agraph_t* graph) {
  std::string label = "label", tail = "tailport", head = "headport", style = "style";
  ReadBack read;
  for (Agnode_t* node = agfstnode(graph); node != nullptr; node = agnxtnode(graph, node)) {
    read.labels[agnameof(node)] = agget(node, label.data());
    for (Agedge_t* edge = agfstout(graph, node); edge != nullptr; edge = agnxtout(graph, edge)) {
      if (std::string_view(agget(edge, style.data())) == "invis") continue;
      read.edges.insert(std::string(agnameof(node)) + ":" + agget(edge, tail.data()) + ">" + agnameof(aghead(edge)) +
                        ":" + agget(edge, head.data()));
    }
  }
  return read;
}

RC_GTEST_PROP(Pictures, AreTheSameGraphWhenTheirDotTextIsRead, (const verify::SketchedDomain& sketch)) {
  const Graph whole = guest_graph(placed(sketch));
  const std::string text = drawn(whole, Format::Dot);
  const Graph graph = in_parts(whole);
  Agraph_t* first = agmemread(text.c_str());
  RC_ASSERT(first != nullptr);
  const ReadBack read = read_back(first);
  agclose(first);
  RC_ASSERT(read.labels.size() == graph.nodes.size());
  RC_ASSERT(read.edges.size() == graph.edges.size());
  for (const Node& node : graph.nodes) {
    const std::string& label = read.labels.at(node.heading.name);
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells)
        RC_ASSERT(cell.name.empty() || label.find("ID=\"" + cell.name + "\"") != std::string::npos);
  }
}

RC_GTEST_PROP(Pictures, OfADifferenceShowEveryFinding,
              (const verify::SketchedDomain& one, const verify::SketchedDomain& other)) {
  const abi::AbiSnapshot before = abi::snapshot(placed(one)), after = abi::snapshot(placed(other));
  std::string shown;
  const Graph graph = diff_graph(before, after);
  for (const Node& node : graph.nodes) {
    shown += node.heading.tooltip + '\n';
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells) shown += cell.tooltip + '\n';
  }
  for (const Finding& finding : abi::diff(before, after)) {
    RC_ASSERT(shown.find(finding.rule) != std::string::npos);
    RC_ASSERT(shown.find(finding.change) != std::string::npos);
  }
}

}  // namespace
}  // namespace busproof::viz
