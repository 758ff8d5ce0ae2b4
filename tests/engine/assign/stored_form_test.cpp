#include "engine/assign/stored_form.h"

#include <gtest/gtest.h>

#include "engine/assign/assign.h"
#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

using domain::DeviceKind;

domain::Domain stored(const Guest& guest) {
  auto assigned = assign(*read(guest));
  EXPECT_TRUE(assigned) << assigned.error().message;
  return assigned->placed.domain();
}

TEST(StoredForm, TheFirstConsoleShowsTheSerialPortsAddress) {
  const auto domain = stored({.machine = "pc",
                              .devices = "<serial type='pty'><target type='pci-serial'/></serial>"
                                         "<console type='pty'><target type='serial'/></console>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Console)[0].address, of_kind(domain, DeviceKind::Serial)[0].address);
}

TEST(StoredForm, AUsbHubHoldsItsPciSeatWhileOthersAreSeatedAndThenGivesItBack) {
  const auto domain = stored({.machine = "pc",
                              .devices = "<hub type='usb'><address type='pci' slot='2'/></hub>"
                                         "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Hub)[0].address.index(), 0U);
  EXPECT_EQ(to_string(*std::get<domain::PciAddress>(of_kind(domain, DeviceKind::Interface)[0].address).at),
            "0000:00:03.0");
}

TEST(StoredForm, AUsbHubMayHaveHadAnAddressOfATypeThatTheMachineLacks) {
  const auto domain = stored({.machine = "pc", .devices = "<hub type='usb'><address type='ccw'/></hub>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Hub)[0].address.index(), 0U);
}

TEST(StoredForm, AMemoryModuleHoldsItsPciSeatAndThenGivesItBack) {
  const auto domain = stored({.machine = "pc",
                              .devices = "<memory model='dimm'><target><size>1024</size></target>"
                                         "<address type='pci' slot='2'/></memory>"
                                         "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Memory)[0].address.index(), 0U);
  EXPECT_EQ(to_string(*std::get<domain::PciAddress>(of_kind(domain, DeviceKind::Interface)[0].address).at),
            "0000:00:03.0");
}

TEST(StoredForm, AWishForAPciSeatThatNobodyFillsIsDropped) {
  const auto domain = stored({.devices = "<input type='mouse' bus='ps2'><address type='pci'/></input>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Input)[0].address.index(), 0U);
}

}  // namespace
}  // namespace busproof::assign
