#include "engine/assign/headroom.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kAcpi = "<features><acpi/></features>";
constexpr std::string_view kNothing = "<controller type='usb' model='none'/><memballoon model='none'/>";

domain::PlacedDomain placed(const Guest& guest) {
  auto wish = read(guest);
  EXPECT_TRUE(wish) << wish.error().message;
  auto assignment = assign(*std::move(wish));
  EXPECT_TRUE(assignment) << assignment.error().message;
  return std::move(assignment->placed);
}

ClassHeadroom room(const Guest& guest, PlugClass of) { return headroom(placed(guest))[static_cast<std::size_t>(of)]; }

/// The guest with nothing in it, but for that.
Guest guest(std::string& devices, std::string_view machine, std::string_view head = kAcpi) {
  devices = std::string(kNothing) + devices;
  return {.machine = machine, .devices = devices, .head = head};
}

/// "5 pcie-root-port at 0000:00:01.4, …"
std::string added(const std::optional<MoreRoom>& more) {
  std::string text;
  if (!more) return "nothing";
  for (const domain::Device& device : more->controllers)
    text += fmt::format("{}{} {} at {}", text.empty() ? "" : ", ", device.controller->index.value_or(0), device.model,
                        to_string(*std::get<domain::PciAddress>(device.address).at));
  return text + fmt::format(": {}", more->count);
}

TEST(Headroom, CountsTheSlotsOfTheRootBusForColdEndpointsOfQ35) {
  std::string devices;
  const ClassHeadroom row = room(guest(devices, "q35"), PlugClass::PcieEndpoint);
  EXPECT_EQ(row.cold.count, 239U) << "30 slots of 8 ports, one kept by libvirt as a spare";
  EXPECT_EQ(row.cold_seen, 239U);
  EXPECT_EQ(row.cold.limit, PlugLimit::Slot);
  EXPECT_THAT(row.cold.why, HasSubstr("pcie-root-port"));
}

TEST(Headroom, CountsEmptyPortsForHotEndpoints) {
  std::string devices =
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>"
      "<interface type='user'><model type='virtio'/></interface>";
  const Guest domain = guest(devices, "q35");
  EXPECT_EQ(room(domain, PlugClass::PcieEndpoint).hot.count, 1U);
  EXPECT_EQ(room(domain, PlugClass::PcieEndpoint).hot.limit, PlugLimit::Port);
  EXPECT_EQ(room(domain, PlugClass::Conventional).hot.count, 0U);
  EXPECT_EQ(room(domain, PlugClass::RootPort).hot.limit, PlugLimit::Libvirt);
  EXPECT_EQ(added(more_room(placed(domain), PlugClass::PcieEndpoint, PlugTime::Hot, 3)),
            "3 pcie-root-port at 0000:00:01.2, 4 pcie-root-port at 0000:00:01.3: 3");
  EXPECT_EQ(added(more_room(placed(domain), PlugClass::PcieEndpoint, PlugTime::Hot, 1)), "nothing");
}

TEST(Headroom, CountsNoPortWhereHotplugIsOff) {
  std::string devices =
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' model='pcie-root-port'><target hotplug='off'/></controller>";
  const ClassHeadroom row = room(guest(devices, "q35"), PlugClass::PcieEndpoint);
  EXPECT_EQ(row.hot.count, 0U);
  EXPECT_EQ(row.hot.limit, PlugLimit::HotplugOff);
}

TEST(Headroom, CountsSlotsForConventionalDevices) {
  std::string devices;
  const ClassHeadroom row = room(guest(devices, "pc"), PlugClass::Conventional);
  EXPECT_EQ(row.hot.count, 30U);
  EXPECT_EQ(row.hot.limit, PlugLimit::Slot);
  EXPECT_EQ(row.cold.count, 59U) << "sixty would fit exactly, and libvirt refuses them";
  EXPECT_EQ(row.cold.limit, PlugLimit::Libvirt);
}

TEST(Headroom, FindsNoHotplugOnTheRootBusWithoutAcpi) {
  std::string devices;
  const Guest domain = guest(devices, "pc", "");
  EXPECT_EQ(room(domain, PlugClass::Conventional).hot.count, 0U);
  EXPECT_EQ(room(domain, PlugClass::Conventional).hot.limit, PlugLimit::HotplugOff);
}

TEST(Headroom, SaysWhatAMachineDoesNotHave) {
  std::string devices;
  const Guest domain = guest(devices, "pc");
  EXPECT_EQ(room(domain, PlugClass::PcieEndpoint).cold.limit, PlugLimit::Machine);
  EXPECT_EQ(room(domain, PlugClass::PcieEndpoint).hot.limit, PlugLimit::Machine);
  EXPECT_EQ(room(domain, PlugClass::RootPort).cold.limit, PlugLimit::Machine);
}

TEST(Headroom, TellsExpandersThatTheGuestDoesNotSee) {
  std::string devices;
  const ClassHeadroom without_acpi = room(guest(devices, "pc", ""), PlugClass::Expander);
  EXPECT_GT(without_acpi.cold.count, 0U);
  EXPECT_EQ(without_acpi.cold_seen, 0U);
}

TEST(Headroom, ExtendsAConventionalBusByABridgeAndAPciExpressOneByTwo) {
  std::string devices =
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' model='pcie-root-port'/>";
  EXPECT_EQ(added(more_room(placed(guest(devices, "q35")), PlugClass::Conventional, PlugTime::Hot, 1)),
            "2 pcie-to-pci-bridge at 0000:01:00.0: 31");
  std::string none;
  EXPECT_EQ(added(more_room(placed(guest(none, "pc")), PlugClass::Conventional, PlugTime::Hot, 31)),
            "1 pci-bridge at 0000:00:02.0: 60");
}

TEST(Headroom, LeavesASlotWithOneFunctionAsTheGuestKnowsIt) {
  std::string devices =
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' index='1' model='pcie-root-port'>"
      "<address type='pci' bus='0' slot='1' function='0'/></controller>"
      "<interface type='user'><model type='virtio'/><address type='pci' bus='1' slot='0'/></interface>";
  EXPECT_EQ(added(more_room(placed(guest(devices, "q35")), PlugClass::PcieEndpoint, PlugTime::Hot, 2)),
            "2 pcie-root-port at 0000:00:02.0, 3 pcie-root-port at 0000:00:02.1: 2");
}

TEST(Headroom, PutsANewPortBehindThoseThatAreThere) {
  std::string devices =
      "<controller type='pci' index='0' model='pcie-root'/>"
      "<controller type='pci' index='1' model='pcie-root-port'>"
      "<address type='pci' bus='0' slot='5'/></controller>"
      "<interface type='user'><model type='virtio'/></interface>";
  EXPECT_EQ(added(more_room(placed(guest(devices, "q35")), PlugClass::PcieEndpoint, PlugTime::Hot, 1)),
            "2 pcie-root-port at 0000:00:06.0: 1");
}

}  // namespace
}  // namespace busproof::assign
