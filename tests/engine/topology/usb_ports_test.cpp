#include "engine/topology/usb_ports.h"

#include <gtest/gtest.h>

#include "engine/assign/complete.h"
#include "tests/support/domain_builder.h"

namespace busproof::topology {
namespace {

std::string tablets(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "<input type='tablet' bus='usb'/>";
  return text;
}

Result<UsbPorts> check(const std::string& devices, std::string_view machine = "q35") {
  return give_usb_ports(*assign::complete(*read({.machine = machine, .devices = devices})));
}

TEST(UsbPorts, HubsAreAddedWhenPortsRunOut) { EXPECT_TRUE(check(tablets(100))); }

TEST(UsbPorts, HubsStackedOnTheFirstPortReachTheFourthLevelLongBeforeAllPortsAreUsed) {
  // Recorded from libvirt 9.0.0: it puts every hub on the first free port, so that 200 devices are too many.
  EXPECT_EQ(check(tablets(200)).error().message, "internal error: No free USB ports");
  EXPECT_EQ(check(tablets(200), "pc").error().message, "internal error: No free USB ports");
}

TEST(UsbPorts, ADeviceSitsBehindAHubThatIsThere) {
  EXPECT_TRUE(
      check("<hub type='usb'><address type='usb' bus='0' port='2'/></hub>"
            "<input type='tablet' bus='usb'><address type='usb' bus='0' port='2.8'/></input>"));
}

TEST(UsbPorts, AHubWithoutPortTakesAFreeOne) {
  EXPECT_TRUE(check("<hub type='usb'/><hub type='usb'><address type='usb' bus='0'/></hub>" + tablets(10)));
}

TEST(UsbPorts, CompanionsHaveNoPortsOfTheirOwn) {
  EXPECT_TRUE(
      check("<controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' "
            "model='ich9-uhci1'/><input type='tablet' bus='usb'><address type='usb' bus='0' port='6'/></input>"));
}

}  // namespace
}  // namespace busproof::topology
