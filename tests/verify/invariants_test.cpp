#include "verify/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/support/domain_builder.h"

// Each law finds a breach that is put in by hand, and only that; and finds nothing in what assign() makes.
namespace busproof::verify {
namespace {

using domain::Device;
using domain::PciAddress;
using domain::Switch;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kServer =
    "<controller type='pci' index='0' model='pcie-root'/>"
    "<controller type='pci' index='1' model='pcie-root-port'/>"
    "<controller type='pci' index='2' model='pcie-expander-bus'/>"
    "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"
    "<interface type='user'><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>";

domain::PlacedDomain placed(std::string_view devices, std::string_view machine = "q35") {
  return assign::assign(*read({.machine = machine, .devices = devices}))->placed;
}

/// The placed server with something changed, as if assign() had made that of it.
template <class Change>
domain::PlacedDomain spoilt(const domain::PlacedDomain& good, Change change) {
  domain::Domain domain = good.domain();
  change(domain);
  return *as_placed(std::move(domain));
}

Device& nic(domain::Domain& domain, int number) {
  const std::string mac = "52:54:00:00:00:0" + std::to_string(number);
  return *std::ranges::find(domain.devices, mac, &Device::mac);
}

Device& pci_controller(domain::Domain& domain, std::uint32_t index) {
  return *std::ranges::find_if(domain.devices, [index](const Device& device) {
    return device.controller && device.controller->pci_model && device.controller->index == index;
  });
}

PciAddress& address_of(Device& device) { return std::get<PciAddress>(device.address); }

TEST(GuestLaws, HoldOfWhatIsAssigned) {
  const domain::PlacedDomain good = placed(kServer);
  for (const GuestLaw& law : guest_laws()) EXPECT_THAT(law.breaches({good.domain(), good}), IsEmpty()) << law.name;
}

TEST(GuestLaws, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const GuestLaw& law : guest_laws()) names.insert(law.name);
  EXPECT_THAT(names, SizeIs(guest_laws().size()));
}

/// libvirt clears the address of a first video that is none, and gives a memory module a memory slot.
TEST(GuestLaws, LetDevicesGoToWhichLibvirtLeavesNoPciAddress) {
  const domain::Domain wish = *read(
      {.machine = "pc",
       .devices = "<video><model type='none'/><address type='pci' slot='9'/></video>"
                  "<memory model='dimm'><target><size>1024</size></target><address type='pci' slot='8'/></memory>"});
  const domain::PlacedDomain good = assign::assign(wish)->placed;
  for (const GuestLaw& law : guest_laws()) EXPECT_THAT(law.breaches({wish, good}), IsEmpty()) << law.name;
}

TEST(GuestLaws, SeeWhatASecondAssignmentAdds) {
  const auto lacking = spoilt(placed(kServer), [](domain::Domain& domain) {
    std::erase_if(domain.devices, [](const Device& device) { return device.kind == domain::DeviceKind::Memballoon; });
  });
  EXPECT_FALSE(assigning_again_changes_nothing({lacking.domain(), lacking}).empty());
}

TEST(GuestLaws, SeeAnAddressThatMoves) {
  const domain::PlacedDomain good = placed(kServer);
  const auto moved = spoilt(
      good, [](domain::Domain& domain) { address_of(nic(domain, 1)).at = *pci::GuestAddress::make(0, 3, 5, 0); });
  const Violations found = addresses_stay({good.domain(), moved});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].what, "moves from 0000:01:00.0 to 0000:03:05.0");
}

TEST(GuestLaws, SeeMultifunctionThatIsLost) {
  const domain::PlacedDomain good = placed(kServer);
  const auto lost = spoilt(
      good, [](domain::Domain& domain) { address_of(pci_controller(domain, 1)).multifunction = Switch::Absent; });
  EXPECT_THAT(multifunction_stays({good.domain(), lost}), SizeIs(1));
  EXPECT_THAT(function_zero_leads({good.domain(), lost}), SizeIs(1));
}

TEST(GuestLaws, SeeTwoDevicesOnOneFunction) {
  const domain::PlacedDomain good = placed(kServer);
  const auto shared = spoilt(good, [](domain::Domain& domain) { nic(domain, 2).address = nic(domain, 1).address; });
  EXPECT_EQ(to_string(no_shared_function({good.domain(), shared})),
            "interface 52:54:00:00:00:02: sits on interface 52:54:00:00:00:01 at 0000:01:00.0\n");
}

TEST(GuestLaws, SeeWhatItsBusDoesNotTake) {
  const domain::PlacedDomain good = placed(kServer);
  const auto seated_at = [&](std::uint8_t bus, unsigned slot) {
    const auto odd = spoilt(good, [&](domain::Domain& domain) {
      address_of(nic(domain, 1)).at = *pci::GuestAddress::make(0, bus, slot, 0);
    });
    return to_string(every_place_fits({good.domain(), odd}));
  };
  EXPECT_EQ(seated_at(9, 0), "interface 52:54:00:00:00:01: sits at 0000:09:00.0, on a bus that does not exist\n");
  EXPECT_EQ(seated_at(1, 3),
            "interface 52:54:00:00:00:01: sits at 0000:01:03.0, in a slot that its bus does not have\n");
  EXPECT_EQ(seated_at(2, 3),
            "interface 52:54:00:00:00:01: sits at 0000:02:03.0, which a pcie-expander-bus does not take\n");
}

TEST(GuestLaws, SeeABusNumberThatGoesUp) {
  const auto wish = read({.machine = "q35", .devices = kServer});
  const auto up = spoilt(placed(kServer),
                         [](domain::Domain& domain) { pci_controller(domain, 2).controller->target.bus_nr = 256; });
  EXPECT_THAT(chosen_bus_numbers_descend({*wish, up}), SizeIs(1));
}

TEST(GuestLaws, SeeAControllerThatIsRenumbered) {
  const domain::PlacedDomain good = placed(kServer);
  const auto other =
      spoilt(good, [](domain::Domain& domain) { pci_controller(domain, 1).controller->target.chassis = 7; });
  EXPECT_EQ(to_string(controllers_keep_their_numbers({good.domain(), other})),
            "controller pci 1: chassis was 1 and is 7\n");
}

TEST(GuestLaws, SeeATextThatLosesAPlace) {
  const domain::PlacedDomain good = placed(kServer);
  EXPECT_FALSE(text_keeps_every_place(good, xml_of({.machine = "q35", .devices = kServer})).empty());
}

}  // namespace
}  // namespace busproof::verify
