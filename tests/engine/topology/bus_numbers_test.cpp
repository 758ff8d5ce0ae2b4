#include "engine/topology/bus_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "engine/domain/xml_document.h"
#include "tests/support/machine_builder.h"

namespace busproof::topology {
namespace {

using enum pci::ControllerModel;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing_support::at;
using testing_support::ControllerAt;
using testing_support::guest;
using testing_support::interface;

namespace fs = std::filesystem;

/// Index of a bus, and the number that the guest gives it: what the guest does not have is left out.
std::map<std::uint32_t, int> numbers_of(const domain::Domain& domain) {
  const Buses buses = buses_of(domain);
  const BusNumbers numbers = number_buses(buses);
  std::map<std::uint32_t, int> found;
  for (std::size_t i = 0; i < buses.all.size(); ++i)
    if (numbers.number[i]) found[buses.all[i].index] = *numbers.number[i];
  return found;
}

std::vector<std::string> warnings_of(const domain::Domain& domain) {
  return number_warnings(domain::as_placed(domain).value());
}

// Below, what Linux 6.1 showed on QEMU 7.2 with SeaBIOS 1.16.2 for these very machines.

TEST(BusNumbers, CountDepthFirstBySlotAndFunction) {
  EXPECT_THAT(numbers_of(guest("q35", {{1, PcieRootPort, 0, 3, 0},
                                       {2, PcieRootPort, 0, 2, 1},
                                       {3, PcieRootPort, 0, 2, 0},
                                       {4, PcieToPciBridge, 3, 0, 0},
                                       {5, PciBridge, 4, 9, 0}})),
              ElementsAre(Pair(0, 0), Pair(1, 5), Pair(2, 4), Pair(3, 1), Pair(4, 2), Pair(5, 3)));
}

TEST(BusNumbers, APcieExpanderIsOnItsBusNrAndAPciExpanderOneAbove) {
  EXPECT_THAT(numbers_of(guest("q35", {{1, PcieExpanderBus, 0, 2, 0, 100}, {2, PcieRootPort, 1, 0, 0}})),
              ElementsAre(Pair(0, 0), Pair(1, 100), Pair(2, 101)));
  EXPECT_THAT(numbers_of(guest("pc", {{1, PciExpanderBus, 0, 2, 0, 200}, {2, PciBridge, 1, 3, 0}})),
              ElementsAre(Pair(0, 0), Pair(1, 201), Pair(2, 202)));
}

TEST(BusNumbers, TheExpanderMadeLastKeepsItsBusesWhenNumbersMeet) {
  EXPECT_THAT(numbers_of(guest("pc", {{1, PciExpanderBus, 0, 2, 0, 254},
                                      {2, PciExpanderBus, 0, 3, 0, 252},
                                      {3, PciBridge, 1, 1, 0},
                                      {4, PciBridge, 2, 1, 0}})),
              ElementsAre(Pair(0, 0), Pair(2, 253), Pair(4, 254)));
  EXPECT_THAT(
      numbers_of(
          guest("pc", {{1, PciExpanderBus, 0, 2, 0, 252}, {2, PciExpanderBus, 0, 3, 0, 254}, {3, PciBridge, 1, 1, 0}})),
      ElementsAre(Pair(0, 0), Pair(1, 253), Pair(2, 255)));
}

TEST(BusNumbers, CountingGoesOnBehindAnExpanderMetOnTheWay) {
  EXPECT_THAT(numbers_of(guest("q35", {{1, PcieExpanderBus, 0, 2, 0, 100},
                                       {2, PcieExpanderBus, 0, 3, 0, 102},
                                       {3, PcieRootPort, 1, 3, 0},
                                       {4, PcieRootPort, 1, 4, 0},
                                       {5, PcieRootPort, 1, 5, 0},
                                       {6, PcieRootPort, 1, 6, 0},
                                       {8, PcieRootPort, 2, 8, 0},
                                       {9, PcieRootPort, 2, 9, 0}})),
              ElementsAre(Pair(0, 0), Pair(1, 100), Pair(2, 102), Pair(3, 101), Pair(5, 105), Pair(6, 106),
                          Pair(8, 103), Pair(9, 104)));
}

TEST(BusNumbers, AnExpanderMadeBeforeThePortsOfBusZeroLosesToThem) {
  EXPECT_THAT(numbers_of(guest("q35", {{1, PcieExpanderBus, 0, 9, 0, 4},
                                       {2, PcieRootPort, 0, 2, 0},
                                       {3, PcieRootPort, 0, 3, 0},
                                       {4, PcieRootPort, 0, 4, 0},
                                       {5, PcieRootPort, 0, 5, 0},
                                       {6, PcieRootPort, 0, 6, 0},
                                       {9, PcieRootPort, 1, 9, 0}})),
              ElementsAre(Pair(0, 0), Pair(2, 1), Pair(3, 2), Pair(4, 3), Pair(5, 4), Pair(6, 5)));
}

TEST(BusNumbers, AnExpanderMadeAfterThePortsOfBusZeroTakesTheirNumber) {
  domain::Domain domain = guest("q35", {{1, PcieRootPort, 0, 1, 0},
                                        {2, PcieRootPort, 0, 2, 0},
                                        {3, PcieRootPort, 0, 3, 0},
                                        {4, PcieRootPort, 0, 4, 0},
                                        {5, PcieRootPort, 0, 5, 0},
                                        {8, PcieExpanderBus, 0, 9, 0, 4},
                                        {9, PcieRootPort, 8, 9, 0},
                                        {10, PcieRootPort, 8, 10, 0}});
  domain.devices.push_back(interface("52:54:00:00:00:01", at(9, 0, 0)));
  domain.devices.push_back(interface("52:54:00:00:00:02", at(10, 0, 0)));
  const auto numbers = numbers_of(domain);
  EXPECT_EQ(numbers.count(4), 0U);
  EXPECT_EQ(numbers.at(5), 7);
  EXPECT_EQ(numbers.at(9), 5);
  EXPECT_EQ(numbers.at(10), 6);
}

TEST(BusNumbers, WithoutAcpiOnlyQ35FindsItsExpanders) {
  domain::Domain pc = guest("pc", {{1, PciExpanderBus, 0, 2, 0, 200}, {2, PciBridge, 1, 1, 0}});
  pc.has_acpi = false;
  EXPECT_THAT(numbers_of(pc), ElementsAre(Pair(0, 0)));
  EXPECT_THAT(warnings_of(pc), ElementsAre(HasSubstr("without <acpi/>")));
  domain::Domain q35 = guest("q35", {{1, PcieExpanderBus, 0, 2, 0, 100}, {2, PcieRootPort, 1, 0, 0}});
  q35.has_acpi = false;
  EXPECT_THAT(numbers_of(q35), ElementsAre(Pair(0, 0), Pair(1, 100), Pair(2, 101)));
}

TEST(BusNumbers, FirmwareThatRunsOutOfNumbersBootsNothing) {
  const domain::Domain domain = guest("pc", {{1, PciExpanderBus, 0, 2, 0, 254}, {2, PciBridge, 1, 1, 0}});
  EXPECT_THAT(numbers_of(domain), IsEmpty());
  EXPECT_THAT(
      warnings_of(domain),
      ElementsAre("bus 1 (pci-expander-bus, busNr 254): what hangs below it needs bus numbers above 255, and the "
                  "guest's firmware never comes to an end; busNr='253' would work"));
}

TEST(BusNumbers, ABridgeWithoutFunctionZeroIsLost) {
  const domain::Domain domain =
      guest("q35", {{1, PcieRootPort, 0, 5, 3}, {2, PcieToPciBridge, 1, 0, 0}, {3, PcieRootPort, 0, 6, 0}});
  EXPECT_THAT(numbers_of(domain), ElementsAre(Pair(0, 0), Pair(3, 1)));
  EXPECT_THAT(warnings_of(domain),
              ElementsAre("bus 1 (pcie-root-port) and all behind it are lost to the guest: it sits "
                          "on 0000:00:05.3, and nothing sits on function 0 of that slot"));
}

TEST(BusNumbers, ADeviceWithoutFunctionZeroIsLost) {
  domain::Domain domain = guest("pc", {});
  domain.devices.push_back(interface("52:54:00:00:00:01", at(0, 5, 3)));
  const Buses buses = buses_of(domain);
  EXPECT_EQ(guest_place(number_buses(buses), 0, buses.all[0].occupants[0]), std::nullopt);
  EXPECT_THAT(warnings_of(domain), ElementsAre(HasSubstr("interface 52:54:00:00:00:01 is lost to the guest")));
}

TEST(BusNumbers, ControllersThatSitOnEachOtherAreAdrift) {
  const Buses buses = buses_of(guest("pc", {{1, PciBridge, 2, 1, 0}, {2, PciBridge, 1, 1, 0}}));
  EXPECT_THAT(number_buses(buses).lost, ElementsAre(LostBus{1, Loss::Adrift}, LostBus{2, Loss::Adrift}));
}

TEST(BusNumbers, AreNotPredictedForS390x) {
  domain::Domain domain = guest("s390-ccw-virtio", {});
  domain.arch = "s390x";
  EXPECT_FALSE(number_buses(buses_of(domain)).predicted);
  EXPECT_THAT(warnings_of(domain), IsEmpty());
}

TEST(BusNumbers, AWarningNamesTheBusNrThatWouldWork) {
  EXPECT_THAT(
      warnings_of(guest("pc", {{5, PciExpanderBus, 0, 2, 0, 254},
                               {6, PciExpanderBus, 0, 3, 0, 252},
                               {7, PciBridge, 5, 1, 0},
                               {8, PciBridge, 7, 1, 0},
                               {9, PciBridge, 6, 2, 0}})),
      ElementsAre(
          "bus 5 (pci-expander-bus, busNr 254) and all behind it are lost to the guest: number 254 goes to bus 9 "
          "(pci-bridge); busNr='248' would work"));
}

TEST(BusNumbers, AdviceMayConcernAnotherExpanderThanTheLostBus) {
  EXPECT_THAT(
      warnings_of(
          guest("pc", {{1, PciExpanderBus, 0, 2, 0, 252}, {2, PciExpanderBus, 0, 3, 0, 254}, {3, PciBridge, 1, 1, 0}})),
      ElementsAre("bus 3 (pci-bridge) and all behind it are lost to the guest: number 254 goes to bus 2 "
                  "(pci-expander-bus, busNr 254); busNr='251' of bus 1 would work"));
}

/// Expanders with `bridges` bridges on each, numbered downwards from 254 by two, as libvirt does.
domain::Domain crowded_guest(unsigned expanders, unsigned bridges) {
  std::vector<ControllerAt> controllers;
  std::uint32_t index = 0;
  for (unsigned i = 0; i < expanders; ++i)
    controllers.push_back({++index, PciExpanderBus, 0, 2 + i, 0, static_cast<int>(254 - 2 * i)});
  for (unsigned i = 0; i < expanders; ++i)
    for (unsigned bridge = 0; bridge < bridges; ++bridge)
      controllers.push_back({++index, PciBridge, 1 + i, 1 + bridge, 0});
  return guest("pc", controllers);
}

TEST(BusNumbers, WhoFollowsTheAdviceLosesNoBus) {
  for (const unsigned expanders : {1U, 2U, 5U, 12U})
    for (const unsigned bridges : {1U, 2U, 7U, 18U}) {
      domain::Domain domain = crowded_guest(expanders, bridges);
      const Buses buses = buses_of(domain);
      const BusNumbers numbers = number_buses(buses);
      ASSERT_FALSE(numbers.lost.empty());
      for (const BusNrAdvice& advice : numbers.advice)
        domain.devices[buses.all[advice.bus].controller].controller->target.bus_nr = advice.bus_nr;
      EXPECT_THAT(number_buses(buses_of(domain)).lost, IsEmpty())
          << expanders << " expanders, " << bridges << " bridges";
    }
}

TEST(BusNumbers, ThereIsNoAdviceWhereNoNumbersAreLeft) {
  const auto warnings = warnings_of(crowded_guest(20, 30));
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings.front(), HasSubstr("no busNr leaves room for all of them"));
}

// What booted guests told of themselves.

const fs::path kRecorded = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth/guest-topologies";

nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

/// Whether the recording speaks of that device.
bool is_same(const nlohmann::json& recorded, const domain::Device& device) {
  const auto* address = std::get_if<domain::PciAddress>(&device.address);
  return address != nullptr && address->at && address->at->bus() == recorded["bus"] &&
         address->at->slot() == recorded["slot"] && address->at->function() == recorded["function"];
}

class BootedGuests : public testing::TestWithParam<fs::path> {};

TEST_P(BootedGuests, HaveEveryBusAndDeviceWherePredicted) {
  const nlohmann::json recorded = read_json(GetParam());
  const auto document = domain::XmlDocument::parse(recorded["assigned_xml"]).value();
  const domain::Domain domain = domain::read_domain(document).value();
  const Buses buses = buses_of(domain);
  const BusNumbers numbers = number_buses(buses);
  nlohmann::json bus_map = nlohmann::json::object();
  std::size_t compared = 0;
  for (std::size_t i = 0; i < buses.all.size(); ++i) {
    if (numbers.number[i]) bus_map[std::to_string(buses.all[i].index)] = *numbers.number[i];
    for (const Occupant& occupant : buses.all[i].occupants)
      for (const nlohmann::json& device : recorded["libvirt_devices"]) {
        if (!is_same(device, domain.devices[occupant.device])) continue;
        const auto place = guest_place(numbers, i, occupant);
        EXPECT_EQ(device["guest_bdf"], place ? nlohmann::json(pci::format_address_parts(*place)) : nlohmann::json())
            << device;
        ++compared;
      }
  }
  EXPECT_EQ(bus_map, recorded["bus_map"]);
  EXPECT_EQ(compared, recorded["libvirt_devices"].size());
}

std::vector<fs::path> recordings() {
  std::vector<fs::path> found;
  if (!fs::exists(kRecorded)) return found;
  for (const auto& entry : fs::directory_iterator(kRecorded))
    if (entry.path().extension() == ".json") found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BootedGuests);
INSTANTIATE_TEST_SUITE_P(Recorded, BootedGuests, testing::ValuesIn(recordings()), [](const auto& test) {
  std::string name = test.param.stem().string();
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace busproof::topology
