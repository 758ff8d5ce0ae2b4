#include "engine/abi/bus_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "engine/assign/assign.h"
#include "engine/domain/address_text.h"
#include "tests/support/domain_builder.h"

namespace busproof::abi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Device → the place that it gets, as libvirt 9.0.0 was seen to give it.
std::map<std::string, std::string> given(std::string_view devices, std::string_view head = "") {
  auto wish = read({.machine = "pc-q35-7.2", .devices = devices, .head = head});
  EXPECT_TRUE(wish) << wish.error().message;
  const auto assignment = assign::assign(*std::move(wish));
  EXPECT_TRUE(assignment) << assignment.error().message;
  const domain::Domain& domain = assignment->placed.domain();
  std::map<std::string, std::string> places;
  for (const auto& [device, address] : bus_places(domain).of_device)
    places.emplace(display_name(domain, domain.devices[device]), domain::bus_address_text(address));
  return places;
}

TEST(BusPlaces, UsbPortsAreDealtOutHostDevicesFirst) {
  EXPECT_THAT(given("<input type='tablet' bus='usb'/>"
                    "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source>"
                    "</hostdev>"),
              ElementsAre(Pair("hostdev #1", "usb 0:1"), Pair("input #1", "usb 0:2")));
}

TEST(BusPlaces, PortZeroOfAVirtioSerialControllerIsForConsoles) {
  EXPECT_THAT(given("<channel type='pty'><target type='virtio' name='a'/></channel>"
                    "<channel type='pty'><target type='virtio' name='b'/>"
                    "<address type='virtio-serial' controller='0' bus='0' port='0'/></channel>"
                    "<console type='pty'><target type='virtio'/></console>"),
              ElementsAre(Pair("channel a", "virtio-serial 0:0:1"), Pair("channel b", "virtio-serial 0:0:2"),
                          Pair("console #1", "virtio-serial 0:0:0")));
}

TEST(BusPlaces, ASmartcardSitsInTheNextSlotAndItsReaderOnAUsbPort) {
  EXPECT_THAT(given("<smartcard mode='host'/>"),
              ElementsAre(Pair("controller ccid 0", "usb 0:1"), Pair("smartcard #1", "ccid 0:0")));
}

TEST(BusPlaces, MemoryTakesTheLowestFreeSlot) {
  const std::string module = "<memory model='dimm'><target><size unit='MiB'>512</size><node>0</node></target>";
  EXPECT_THAT(given(module + "</memory>" + module + "<address type='dimm' slot='0'/></memory>",
                    "<maxMemory slots='4' unit='GiB'>4</maxMemory>"
                    "<cpu><numa><cell id='0' cpus='0' memory='256' unit='MiB'/></numa></cpu>"),
              ElementsAre(Pair("memory #1", "dimm 1")));
}

TEST(BusPlaces, WhatIsSaidIsLeftAlone) {
  EXPECT_THAT(given("<input type='tablet' bus='usb'><address type='usb' bus='0' port='3'/></input>"), IsEmpty());
}

}  // namespace
}  // namespace busproof::abi
