#include "engine/lock/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/assign/assign.h"
#include "tests/support/domain_builder.h"

namespace busproof::lock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kTwoCards =
    "<controller type='usb' model='none'/><memballoon model='none'/>"
    "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"
    "<interface type='user'><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>";
/// The same after the first card has gone.
constexpr std::string_view kSecondCard =
    "<controller type='usb' model='none'/><memballoon model='none'/>"
    "<interface type='user'><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>";

domain::PlacedDomain placed(std::string_view devices, std::string_view machine = "pc-q35-7.2") {
  auto wish = read({.machine = machine, .devices = devices});
  EXPECT_TRUE(wish) << wish.error().message;
  auto assignment = assign::assign(*std::move(wish));
  EXPECT_TRUE(assignment) << assignment.error().message;
  return assignment->placed;
}

abi::AbiSnapshot seen(std::string_view devices) { return abi::snapshot(placed(devices)); }

std::vector<std::string> told(const Findings& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) lines.push_back(finding.rule + " " + finding.device + ": " + finding.change);
  return lines;
}

std::string refusal(std::string_view text) {
  const auto lock = read_lock(text);
  return lock ? "none" : lock.error().message;
}

/// A lock of one domain with that between the brackets of its devices.
std::string lock_with(std::string_view devices) {
  return R"({"busproof_lock": 1, "domains": [{"name": "a", "arch": "x86_64", "machine": "q35", "acpi": true,)"
         R"( "devices": [)" +
         std::string(devices) + R"(], "freed": []}]})";
}

TEST(LockFile, PinsASerialPortThatIsAConsoleTooOnce) {
  const Lock lock{
      {locked(placed("<serial type='pty'><target type='pci-serial'/></serial><console type='pty'/>", "pc"))}};
  const auto read = read_lock(lock_text(lock));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, lock);
}

TEST(LockFile, HasOneDeviceALineSortedForReview) {
  EXPECT_EQ(lock_text({{locked(placed(kSecondCard))}}),
            R"({
  "busproof_lock": 1,
  "domains": [
    {
      "name": "guest",
      "arch": "x86_64",
      "machine": "pc-q35-7.2",
      "acpi": false,
      "devices": [
        {"kind":"interface","mac":"52:54:00:00:00:02","model":"virtio","pci":"0000:01:00.0"},
        {"kind":"controller","type":"sata","index":0,"pci":"0000:00:1f.2"},
        {"kind":"controller","type":"pci","index":0,"model":"pcie-root"},
        {"kind":"controller","type":"pci","index":1,"model":"pcie-root-port","model_name":"pcie-root-port","chassis":1,"port":8,"pci":"0000:00:01.0","multifunction":"on"},
        {"kind":"controller","type":"pci","index":2,"model":"pcie-root-port","model_name":"pcie-root-port","chassis":2,"port":9,"pci":"0000:00:01.1"}
      ],
      "freed": []
    }
  ]
}
)");
}

TEST(LockFile, IsReadAsItWasWritten) {
  LockedDomain first = locked(placed(kTwoCards));
  first.freed.push_back({*pci::GuestAddress::make(0, 3, 0, 0), "disk vda"});
  LockedDomain second =
      locked(placed("<serial type='pty'/><hub type='usb'><address type='usb' bus='0' port='1'/></hub>"
                    "<disk type='file' device='disk'><target dev='sda' bus='scsi'/>"
                    "<serial>S1</serial></disk>",
                    "pc-i440fx-7.2"));
  second.domain.name = "other";
  const Lock lock{{first, second}};
  const auto again = read_lock(lock_text(lock));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, lock);
}

TEST(LockFile, RefusesWhatIsNoLock) {
  EXPECT_EQ(refusal(""), "the lock is empty");
  EXPECT_EQ(refusal("{\"busproof_lock\": 1, \"domains\": ["), "the lock ends too early; it is cut off");
  EXPECT_EQ(refusal("{\"busproof_lock\": 1,, \"domains\": []}"), "the lock is no JSON");
  EXPECT_EQ(refusal("{}"), "this is no lock: it lacks 'busproof_lock'");
  EXPECT_EQ(refusal("[]"), "this is no lock: it lacks 'busproof_lock'");
  EXPECT_EQ(refusal(R"({"busproof_lock": "1", "domains": []})"), "wrong lock: 'busproof_lock' is no version");
  EXPECT_EQ(refusal(R"({"busproof_lock": 2, "domains": []})"),
            "the lock is of version 2, and this busproof knows up to 1");
  EXPECT_EQ(refusal(R"({"busproof_lock": 1})"), "wrong lock: the file lacks 'domains'");
  EXPECT_EQ(refusal(R"({"busproof_lock": 1, "domains": {}})"), "wrong lock: the file has 'domains' that are no list");
  EXPECT_EQ(refusal(R"({"busproof_lock": 1, "domains": [], "domains": []})"),
            "the lock has the key 'domains' twice in one object");
  EXPECT_EQ(refusal(R"({"busproof_lock": 1, "domains": [3]})"), "wrong lock: domain 1 is no object");
}

TEST(LockFile, RefusesADomainTwice) {
  const LockedDomain one = locked(placed(kSecondCard));
  EXPECT_EQ(refusal(lock_text({{one, one}})), "wrong lock: it names the domain 'guest' twice");
  LockedDomain a = one, b = one;
  a.domain.uuid = b.domain.uuid = "1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b";
  b.domain.name = "b";
  EXPECT_EQ(refusal(lock_text({{a, b}})), "wrong lock: it names the domain 1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b twice");
}

TEST(LockFile, RefusesDevicesThatMakeNoSense) {
  EXPECT_EQ(refusal(lock_with(R"({"kind": "toaster"})")),
            "wrong lock: device 1 of domain 'a' has an unknown kind 'toaster'");
  EXPECT_EQ(refusal(lock_with(R"({"kind": "rng", "colour": "red"})")),
            "wrong lock: device 1 of domain 'a' has an unknown key 'colour'");
  EXPECT_EQ(refusal(lock_with(R"({"kind": "rng", "pci": "0000:00:20.0"})")),
            "wrong lock: device 1 of domain 'a' has a 'pci' that is no address: '0000:00:20.0'");
  EXPECT_EQ(refusal(lock_with(R"({"kind": "disk", "address": "drive 0:0"})")),
            "wrong lock: device 1 of domain 'a' has an 'address' that is none: 'drive 0:0'");
  EXPECT_EQ(refusal(lock_with(R"({"kind": "controller", "type": "pci", "index": 1, "model": "bus"})")),
            "wrong lock: device 1 of domain 'a' has an unknown model 'bus'");
  EXPECT_EQ(
      refusal(lock_with(R"({"kind": "rng", "pci": "0000:01:00.0"}, {"kind": "watchdog", "pci": "0000:01:00.0"})")),
      "wrong lock: domain 'a' has rng #1 and watchdog #1 both at 0000:01:00.0");
}

TEST(LockCompare, FindsNothingWrongWithWhatWasLocked) {
  EXPECT_THAT(compare(locked(placed(kTwoCards)), seen(kTwoCards)), IsEmpty());
}

TEST(LockCompare, FindsADeviceThatHasMovedAndOneThatHasGone) {
  EXPECT_THAT(
      told(compare(locked(placed(kTwoCards)), seen(kSecondCard))),
      ElementsAre("BP101 interface 52:54:00:00:00:02: 0000:02:00.0 -> 0000:01:00.0, where interface "
                  "52:54:00:00:00:01 was",
                  "BP402 controller pci 3: at 0000:00:01.2", "BP402 interface 52:54:00:00:00:01: at 0000:01:00.0"));
}

TEST(LockCompare, TakesADeviceThatItDoesNotKnowForNoError) {
  const LockedDomain lock = locked(placed(kSecondCard));
  const auto now = seen(std::string(kSecondCard) +
                        "<controller type='pci' index='0' model='pcie-root'/>"
                        "<rng model='virtio'><backend model='random'>/dev/random</backend>"
                        "<address type='pci' bus='2' slot='0'/></rng>");
  for (const Finding& finding : compare(lock, now)) EXPECT_NE(finding.severity, Severity::Error) << finding.change;
}

TEST(LockCompare, GivesNobodyAFreedSlot) {
  LockedDomain lock = locked(placed(kSecondCard));
  lock.freed.push_back({*pci::GuestAddress::make(0, 1, 0, 0), "disk vda"});
  EXPECT_THAT(told(compare(lock, seen(kSecondCard))),
              ElementsAre("BP403 interface 52:54:00:00:00:02: at 0000:01:00.0, where disk vda was"));
}

TEST(LockCompare, SaysThatADomainIsNotInTheLock) {
  EXPECT_THAT(told(compare(Lock{}, seen(kTwoCards))), ElementsAre("BP404 : guest"));
}

TEST(LockFind, PrefersTheUuidToTheName) {
  LockedDomain a, b;
  a.domain.name = "a";
  a.domain.uuid = "1";
  b.domain.name = "b";
  b.domain.uuid = "2";
  const Lock lock{{a, b}};
  EXPECT_EQ(find(lock, "2", "a"), &lock.domains[1]);
  EXPECT_EQ(find(lock, "3", "a"), &lock.domains[0]);
  EXPECT_EQ(find(lock, "", "c"), nullptr);
}

}  // namespace
}  // namespace busproof::lock
