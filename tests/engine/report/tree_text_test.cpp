#include "engine/report/tree_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "engine/report/device_words.h"
#include "tests/support/machine_builder.h"

namespace busproof::report {
namespace {

using enum pci::ControllerModel;
using testing::Each;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing_support::at;
using testing_support::guest;
using testing_support::interface;

std::string draw(const domain::Domain& domain, const TreeStyle& style = {}) {
  return tree_text(domain::as_placed(domain).value(), style);
}

std::vector<std::size_t> widths(const std::string& text) {
  std::vector<std::size_t> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) found.push_back(column_count(line));
  return found;
}

/// Two root ports, a bridge behind the first, and devices.
domain::Domain small_guest() {
  domain::Domain domain =
      guest("q35", {{1, PcieRootPort, 0, 1, 0}, {2, PcieRootPort, 0, 1, 1}, {3, PcieToPciBridge, 1, 0, 0}});
  domain.devices[1].address = at(0, 1, 0, domain::Switch::On);
  domain.devices[1].controller->target.chassis = 1;
  domain.devices[1].controller->target.port = 8;
  domain.devices.push_back(interface("52:54:00:00:00:01", at(3, 1, 0)));
  domain.devices.push_back(interface("52:54:00:00:00:02", at(0, 0x10, 0)));
  domain.devices.back().alias = "ua-net1";
  return domain;
}

TEST(TreeText, ShowsBusesAndDevicesAsTheGuestHasThem) {
  EXPECT_EQ(draw(small_guest()),
            "guest: q35, 4 buses, 2 devices\n"
            "00       bus 0 → 00  pcie-root\n"
            "00:01.0  ├─ 01.0  bus 1 → 01  root-port, chassis 1, port 0x8, multifunction\n"
            "01:00.0  │  └─ 00.0  bus 3 → 02  pcie-to-pci\n"
            "02:01.0  │     ├─ 01.0  interface 52:54:00:00:00:01, virtio\n"
            "         │     └─ 30 free: 02-1f\n"
            "00:01.1  ├─ 01.1  bus 2 → 03  root-port, empty\n"
            "00:10.0  ├─ 10.0  interface ua-net1, 52:54:00:00:00:02, virtio\n"
            "         └─ 28 free: 02-0f, 11-1e\n");
}

TEST(TreeText, CanDoWithAsciiAlone) {
  EXPECT_EQ(draw(small_guest(), {.glyphs = Glyphs::Ascii}),
            "guest: q35, 4 buses, 2 devices\n"
            "00       bus 0 -> 00  pcie-root\n"
            "00:01.0  |- 01.0  bus 1 -> 01  root-port, chassis 1, port 0x8, multifunction\n"
            "01:00.0  |  `- 00.0  bus 3 -> 02  pcie-to-pci\n"
            "02:01.0  |     |- 01.0  interface 52:54:00:00:00:01, virtio\n"
            "         |     `- 30 free: 02-1f\n"
            "00:01.1  |- 01.1  bus 2 -> 03  root-port, empty\n"
            "00:10.0  |- 10.0  interface ua-net1, 52:54:00:00:00:02, virtio\n"
            "         `- 28 free: 02-0f, 11-1e\n");
}

/// The second expander's numbers run into the first one.
domain::Domain guest_with_a_lost_bus() {
  domain::Domain domain =
      guest("pc", {{1, PciExpanderBus, 0, 2, 0, 254}, {2, PciExpanderBus, 0, 3, 0, 252}, {3, PciBridge, 2, 1, 0}});
  domain.devices[1].controller->target.node = 0;
  domain.devices.push_back(interface("52:54:00:00:00:01", at(1, 4, 0)));
  return domain;
}

TEST(TreeText, MarksALostBusWithItsDevicesAndSaysWhatWouldWork) {
  EXPECT_EQ(draw(guest_with_a_lost_bus(), {.columns_max = 72}),
            "guest: pc, 4 buses, 1 device\n"
            "00       bus 0 → 00  pci-root\n"
            "00:02.0  ├─ 02.0  bus 1 → lost  pci-expander, busNr 254, node 0\n"
            "lost     │  ├─ 04.0  interface 52:54:00:00:00:01, virtio\n"
            "         │  └─ 31 free: 00-03, 05-1f\n"
            "00:03.0  ├─ 03.0  bus 2 → fd  pci-expander, busNr 252\n"
            "fd:01.0  │  ├─ 01.0  bus 3 → fe  pci-bridge\n"
            "         │  │  └─ 31 free: 01-1f\n"
            "         │  └─ 31 free: 00, 02-1f\n"
            "         └─ 28 free: 04-1f\n"
            "\n"
            "bus 1 (pci-expander-bus, busNr 254) and all behind it are lost to the\n"
            "  guest: number 254 goes to bus 3 (pci-bridge); busNr='250' would work\n");
}

TEST(TreeText, PaintsOnlyWhenAskedTo) {
  EXPECT_THAT(draw(guest_with_a_lost_bus()), Not(HasSubstr("\x1b")));
  EXPECT_THAT(draw(guest_with_a_lost_bus(), {.colour = Colour::Always}), HasSubstr("\x1b[31m"));
}

TEST(TreeText, SaysWhenTheGuestDoesNotSeeTheNode) {
  domain::Domain domain = guest("q35", {{1, PcieExpanderBus, 0, 2, 0, 100}});
  domain.devices[1].controller->target.node = 1;
  EXPECT_THAT(draw(domain), HasSubstr("busNr 100, node 1\n"));
  domain.has_acpi = false;
  EXPECT_THAT(draw(domain), HasSubstr("node 1 (not seen: no acpi)\n"));
}

TEST(TreeText, CutsWhatIsTooLong) {
  domain::Domain domain = small_guest();
  domain.name = std::string(300, 'x');
  domain.devices.back().alias = std::string(200, 'y');
  for (const std::size_t columns : {40U, 80U, 100U, 300U})
    EXPECT_THAT(widths(draw(domain, {.columns_max = columns})), Each(Le(columns)));
  EXPECT_THAT(draw(domain, {.columns_max = 60}), HasSubstr("yyy…\n"));
}

TEST(TreeText, LeavesRoomForDevicesHoweverDeepTheTree) {
  std::vector<testing_support::ControllerAt> bridges;
  for (unsigned i = 1; i <= 60; ++i) bridges.push_back({i, PciBridge, i - 1, 5, 0});
  domain::Domain domain = guest("pc", bridges);
  domain.devices.push_back(interface("52:54:00:00:00:01", at(60, 1, 0)));
  const std::string text = draw(domain, {.columns_max = 80});
  EXPECT_THAT(widths(text), Each(Le(80U)));
  EXPECT_THAT(text, HasSubstr("01.0  interface 52:54:00:00:00:01, virtio\n"));
}

TEST(TreeText, ShowsControllersThatSitOnEachOtherOnce) {
  const std::string text = draw(guest("pc", {{1, PciBridge, 2, 1, 0}, {2, PciBridge, 1, 1, 0}}));
  EXPECT_THAT(text, HasSubstr("bus 1 → lost"));
  EXPECT_THAT(text, HasSubstr("no way leads to it from bus 0"));
}

TEST(TreeText, LetsNoControlCharacterThrough) {
  domain::Domain domain = small_guest();
  domain.name = "a\x1b[2Jb\nc\xc2\x9bq";
  EXPECT_THAT(draw(domain), testing::StartsWith("a?[2Jb?c?q: q35"));
}

TEST(DeviceWords, CountColumnsAsTerminalsDo) {
  EXPECT_EQ(column_count("ab→"), 3U);
  EXPECT_EQ(column_count("仮想"), 4U);
  EXPECT_EQ(fit("仮想マシン", 5, "…"), "仮想…");
  EXPECT_EQ(fit("abc", 3, "…"), "abc");
}

}  // namespace
}  // namespace busproof::report
