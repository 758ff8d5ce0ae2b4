#include "verify/guest_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/domain/xml_document.h"
#include "tests/support/domain_builder.h"
#include "verify/history_hunt.h"
#include "verify/new_devices.h"

namespace busproof::verify {
namespace {

using ::testing::IsEmpty;

/// Where the device of that number sits after these changes to an empty q35; "nowhere" without a PCI address.
std::string place_after(const std::vector<std::string_view>& changes, std::uint32_t id) {
  const Selection all;
  Tally tally;
  GuestHistory history(*first_config({}), {all, tally});
  for (const std::string_view change : changes) history.apply(*parse_change(change));
  EXPECT_TRUE(history.breaches().empty()) << history.breaches()[0].words;
  for (const domain::Device& device : history.config().devices)
    if (device.alias == "ua-" + std::to_string(id))
      if (const auto* address = std::get_if<domain::PciAddress>(&device.address); address != nullptr && address->at)
        return to_string(*address->at) + (address->multifunction == domain::Switch::On ? " multifunction" : "");
  return "nowhere";
}

TEST(GuestHistory, ReadsWhatItWrites) {
  for (const std::string_view line :
       {"add 7 e1000", "add-many 8 virtio-nic 30", "add-controller 9 root-port 1 8", "remove 7", "replace 7",
        "edit 7 e1000e", "reorder 5", "set-multifunction 7", "clear-multifunction 7", "bus-nr 9 17", "node 9 1",
        "model 9 pci-bridge", "pin 7 1 2 3", "unpin 7", "regenerate", "save-and-load", "lock-and-apply",
        "hot-plug 10 rng", "unplug 7"})
    EXPECT_EQ(to_string(*parse_change(line)), line);
}

TEST(GuestHistory, RefusesLinesThatAreNoChange) {
  EXPECT_EQ(parse_change("explode 7").error().message, "'explode 7': no such change");
  EXPECT_EQ(parse_change("add 7").error().message, "'add 7': something is missing at the end");
  EXPECT_EQ(parse_change("add 7 toaster").error().message, "'add 7 toaster': 'toaster' is not known");
  EXPECT_EQ(parse_change("remove 7 8").error().message, "'remove 7 8': '8' is too much");
}

TEST(GuestHistory, DeviceStaysWhereItIsWhenAnotherOneComesOrGoes) {
  EXPECT_EQ(place_after({"add 7 virtio-nic"}, 7), "0000:03:00.0");
  EXPECT_EQ(place_after({"add 8 virtio-nic", "add 7 virtio-nic"}, 7), "0000:04:00.0");
  EXPECT_EQ(place_after({"add 8 virtio-nic", "add 7 virtio-nic", "remove 8"}, 7), "0000:04:00.0");
  EXPECT_EQ(place_after({"add 8 virtio-nic", "add 7 virtio-nic", "remove 8", "regenerate"}, 7), "0000:01:00.0");
}

TEST(GuestHistory, KeepsMultifunctionWhenTheOtherFunctionHasGone) {
  EXPECT_EQ(place_after({"add 7 virtio-nic", "pin 7 0 9 0", "add 8 rng", "pin 8 0 9 1"}, 7),
            "0000:00:09.0 multifunction");
  EXPECT_EQ(place_after({"add 7 virtio-nic", "pin 7 0 9 0", "add 8 rng", "pin 8 0 9 1", "remove 8"}, 7),
            "0000:00:09.0 multifunction");
}

TEST(GuestHistory, HotPlugNeedsAPortThatIsThere) {
  EXPECT_EQ(place_after({"hot-plug 7 virtio-nic"}, 7), "0000:03:00.0");
  EXPECT_EQ(place_after({"hot-plug 8 virtio-nic", "hot-plug 7 virtio-nic"}, 7), "nowhere");
}

TEST(GuestHistory, UnplugLeavesASlotThatIsShared) {
  const std::vector<std::string_view> shared = {"add 7 virtio-nic", "pin 7 0 9 0", "add 8 rng", "pin 8 0 9 1",
                                                "unplug 7"};
  EXPECT_EQ(place_after(shared, 7), "0000:00:09.0 multifunction");
}

TEST(GuestHistory, LockBringsBackWhatRegenerationMoves) {
  EXPECT_EQ(place_after({"add 8 virtio-nic", "add 7 virtio-nic", "remove 8", "lock-and-apply"}, 7), "0000:04:00.0");
}

TEST(GuestHistory, RefusedChangeChangesNothing) {
  EXPECT_EQ(place_after({"add 7 virtio-nic", "pin 7 0 31 0"}, 7), "0000:03:00.0");
}

/// What the reader makes of the row's own XML is what a history adds.
TEST(NewDevices, AreWhatTheReaderMakesOfTheirXml) {
  for (std::uint32_t row = 0; row < new_devices().size(); ++row) {
    const std::string xml = xml_of_new(row, 1234);
    const auto read_in = read({.machine = "q35", .devices = xml});
    ASSERT_TRUE(read_in) << xml << read_in.error().message;
    domain::Device expected = read_in->devices.at(0);
    expected.offset = new_device(row, 1234).offset;
    expected.element = new_device(row, 1234).element;
    EXPECT_TRUE(new_device(row, 1234) == expected) << xml;
  }
}

TEST(HistoryHunt, ReplaysAHistoryFromItsFile) {
  const auto hunt = make_history_hunt({});
  const auto held = hunt->replay({{"history.txt", "machine x86_64 pc 0\nadd 7 e1000\n# a remark\nremove 7\n"}});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_THAT(*held, IsEmpty());
  EXPECT_FALSE(hunt->replay({{"history.txt", "nonsense\n"}}));
  EXPECT_FALSE(hunt->replay({{"history.txt", "start start.xml\nremove 7\n"}}));
  EXPECT_FALSE(hunt->replay({}));
}

TEST(HistoryHunt, BeginsWithTheConfigOfAUser) {
  const auto hunt = make_history_hunt({}, xml_of({.machine = "pc", .devices = "<sound model='ac97'/>"}));
  Tally tally;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Breaches broken = hunt->run(seed, tally);
    EXPECT_TRUE(broken.empty()) << broken[0].words;
  }
  EXPECT_GT(tally.count("device", "sound"), 10U);
}

}  // namespace
}  // namespace busproof::verify
