// Pictures of the corpus as dot text, looked at as PNG when they were made. BUSPROOF_UPDATE_CORPUS=1 makes them anew.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/host/inventory.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/recorded_host.h"
#include "tests/support/files.h"
#include "viz/diff_graph.h"
#include "viz/guest_graph.h"
#include "viz/host_graph.h"
#include "viz/render.h"

namespace busproof::viz {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(BUSPROOF_SOURCE_DIR) / "corpus";
const fs::path kGolden = fs::path(BUSPROOF_SOURCE_DIR) / "tests/viz/golden";

domain::Domain wish_in(const fs::path& path) {
  const auto document = domain::XmlDocument::parse(file_text(path));
  return domain::read_domain(document.value()).value();
}

abi::AbiSnapshot snapshot_in(const fs::path& path) {
  const domain::Domain wish = wish_in(path);
  return abi::snapshot(assign::assign(wish).value().placed, wish);
}

void expect_kept(std::string_view name, const Graph& graph, Theme theme = Theme::Light) {
  const std::string drawn = render(graph, Format::Dot, theme).value().bytes;
  const fs::path path = kGolden / (std::string(name) + ".dot");
  if (std::getenv("BUSPROOF_UPDATE_CORPUS") != nullptr) std::ofstream(path, std::ios::binary) << drawn;
  EXPECT_EQ(drawn, file_text(path)) << path;
}

// One for each thing that a picture of a guest can show.
constexpr std::array<std::string_view, 9> kGuests = {
    "q35-one-of-every-class",                      // every tag, both sorts of buses
    "q35-switch",                                  // a tree that goes deep
    "q35-three-expanders",                         // host bridges of their own
    "expander-bus-nr-and-node-with-bridge-below",  // NUMA nodes
    "q35-nine-nics-two-slots-of-ports",            // functions of a slot, ports that wait
    "pc-web-server",                               // one conventional bus
    "pc-expander-nested-bridges",                  // conventional buses below each other
    "pseries-host-bridges-and-targets",            // several roots
    "isapc-without-balloon",                       // no PCI bus
};
constexpr std::array<std::string_view, 3> kPairs = {"nic-pushed-aside", "bridge-inserted-above-a-nic",
                                                    "chassis-nr-changed"};
constexpr std::array<std::string_view, 3> kHosts = {
    "broken-acs",           // a group across the tree
    "conventional-bridge",  // a bus that is no PCI Express
    "dual-socket",          // NUMA nodes with groups within
};

TEST(GoldenPictures, OfGuests) {
  for (const std::string_view name : kGuests) {
    const domain::Domain wish = wish_in(kCorpus / "domains" / name / "in.xml");
    expect_kept(name, guest_graph(assign::assign(wish).value().placed));
  }
}

TEST(GoldenPictures, OfDifferences) {
  for (const std::string_view name : kPairs) {
    const fs::path pair = kCorpus / "pairs" / name;
    expect_kept("diff-" + std::string(name), diff_graph(snapshot_in(pair / "old.xml"), snapshot_in(pair / "new.xml")));
  }
}

TEST(GoldenPictures, OfHosts) {
  for (const std::string_view name : kHosts) {
    const auto host = fakesys::load_host(file_text(kCorpus / "hosts" / (std::string(name) + ".json")));
    fakesys::FakeKernel kernel(host.value());
    expect_kept("host-" + std::string(name), host_graph(host::scan(kernel).value(), {}, {}, "host"));
  }
}

TEST(GoldenPictures, OnDark) {
  const fs::path pair = kCorpus / "pairs" / "nic-pushed-aside";
  expect_kept("diff-nic-pushed-aside-dark", diff_graph(snapshot_in(pair / "old.xml"), snapshot_in(pair / "new.xml")),
              Theme::Dark);
}

}  // namespace
}  // namespace busproof::viz
