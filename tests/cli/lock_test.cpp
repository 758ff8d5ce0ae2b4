#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string card(int number) {
  return fmt::format(
      "    <interface type='user'>\n"
      "      <mac address='52:54:00:00:00:{:02x}'/>\n"
      "      <model type='virtio'/>\n"
      "    </interface>\n",
      number);
}

/// What a generator writes: no addresses, no controllers.
std::string generated(std::string_view devices, std::string_view name = "web01") {
  return fmt::format(
      "<domain type='qemu'>\n"
      "  <name>{}</name>\n"
      "  <memory>65536</memory>\n"
      "  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>\n"
      "  <features><acpi/></features>\n"
      "  <devices>\n"
      "{}"
      "    <controller type='usb' model='none'/>\n"
      "    <memballoon model='none'/>\n"
      "  </devices>\n"
      "</domain>\n",
      name, devices);
}

std::string address_of(std::string_view xml, int number) {
  const std::size_t mac = xml.find(fmt::format("52:54:00:00:00:{:02x}", number));
  const std::size_t address = xml.find("<address", mac);
  return mac == std::string_view::npos ? "" : std::string(xml.substr(address, xml.find("/>", address) + 2 - address));
}

std::string at_bus(int bus) {
  return fmt::format("<address type='pci' domain='0x0000' bus='0x{:02x}' slot='0x00' function='0x0'/>", bus);
}

TEST(Lock, KeepsOldDevicesInPlaceAndGivesNewOnesPlacesThatNobodyHad) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2) + card(3)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);

  folder.write("vm.xml", generated(card(4) + card(3) + card(2)));
  const Ran applied = folder.run("lock --apply vm.xml");
  EXPECT_EQ(applied.code, 0) << applied.err;
  EXPECT_EQ(address_of(applied.out, 2), at_bus(2));
  EXPECT_EQ(address_of(applied.out, 3), at_bus(3));
  EXPECT_EQ(address_of(applied.out, 4), at_bus(4)) << "bus 1 was the first card's";
}

TEST(Lock, TellsOfTheConfigWhatHasGoneFromIt) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);
  folder.write("vm.xml", folder.run("lock --apply vm.xml").out);
  ASSERT_EQ(folder.run("check vm.xml --against busproof.lock").code, 0);
  folder.write("vm.xml", generated(card(2)));
  EXPECT_THAT(folder.run("check vm.xml --against busproof.lock").out,
              HasSubstr("vm.xml: info: interface 52:54:00:00:00:01: at 0000:01:00.0 [BP402 lock-outdated]\n"));
}

TEST(Lock, TakesOverChangesAndKeepsTheFreedPlaceFromThenOn) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);
  folder.write("vm.xml", generated(card(2)));
  const Ran updated = folder.run("lock --update vm.xml");
  EXPECT_EQ(updated.code, 0) << updated.err;
  EXPECT_THAT(updated.err, HasSubstr("1 place kept free"));
  EXPECT_THAT(folder.read("busproof.lock"), HasSubstr(R"({"pci":"0000:01:00.0","was":"interface 52:54:00:00:00:01"})"));
  EXPECT_THAT(folder.read("busproof.lock"),
              HasSubstr(R"("mac":"52:54:00:00:00:02","model":"virtio","pci":"0000:02:00.0")"));

  folder.write("vm.xml", generated(card(2) + card(3)));
  EXPECT_EQ(address_of(folder.run("lock --apply vm.xml").out, 3), at_bus(3));
  EXPECT_EQ(address_of(folder.run("lock --apply --reuse vm.xml").out, 3), at_bus(1));
}

TEST(Lock, IsStableOverRegeneratingApplyingAndLocking) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);
  const std::string first = folder.read("busproof.lock");
  folder.write("vm.xml", generated(card(2) + card(1)));
  ASSERT_EQ(folder.run("lock --apply --in-place vm.xml").code, 0);
  EXPECT_EQ(folder.run("lock vm.xml").code, 0);
  EXPECT_EQ(folder.run("lock --update vm.xml").code, 0);
  EXPECT_EQ(folder.read("busproof.lock"), first);
}

TEST(Lock, RefusesWithoutUpdateADomainThatIsNotAsTheLockHasIt) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);
  const std::string before = folder.read("busproof.lock");
  folder.write("vm.xml", generated(card(2)));
  const Ran moved = folder.run("lock vm.xml");
  EXPECT_EQ(moved.code, 1);
  EXPECT_THAT(moved.err, HasSubstr("BP101 device-moved"));
  EXPECT_THAT(moved.err, HasSubstr("--update"));
  EXPECT_EQ(folder.read("busproof.lock"), before);
}

TEST(Lock, GivesAFreedPlaceAwayOnlyWhenTold) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1) + card(2)));
  ASSERT_EQ(folder.run("lock vm.xml").code, 0);
  folder.write("vm.xml", generated(card(2)));
  ASSERT_EQ(folder.run("lock --update vm.xml").code, 0);
  std::string taken = card(3);
  taken.insert(taken.find("    </interface>"), "      <address type='pci' bus='1' slot='0'/>\n");
  folder.write("vm.xml", generated(card(2) + taken));
  const Ran refused = folder.run("lock --update vm.xml");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("BP403 freed-slot-taken"));
  const Ran reused = folder.run("lock --update --reuse vm.xml");
  EXPECT_EQ(reused.code, 0) << reused.err;
  EXPECT_THAT(reused.err, HasSubstr("0 places kept free"));
}

TEST(Lock, HoldsManyDomainsOfFilesAndFolders) {
  const Folder folder;
  folder.write("a.xml", generated(card(1), "a"));
  folder.write("b.xml", generated(card(2), "b"));
  const Ran ran = folder.run("lock a.xml b.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, StartsWith("busproof.lock: 2 domains, "));
  EXPECT_EQ(folder.run("lock .").code, 0);
  folder.write("c.xml", generated(card(3), "b"));
  const Ran twice = folder.run("lock .");
  EXPECT_EQ(twice.code, 2);
  EXPECT_THAT(twice.err, HasSubstr("describes the same domain 'b' as ./b.xml"));
}

TEST(Lock, ForgetsADomainOnlyWhenTold) {
  const Folder folder;
  folder.write("a.xml", generated(card(1), "a"));
  folder.write("b.xml", generated(card(2), "b"));
  ASSERT_EQ(folder.run("lock a.xml b.xml").code, 0);
  EXPECT_THAT(folder.run("lock --update a.xml").err, HasSubstr("2 domains"));
  EXPECT_THAT(folder.run("lock --update --prune a.xml").err, HasSubstr("1 domain,"));
}

TEST(Lock, LeavesALockAloneThatItCannotRead) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1)));
  for (const std::string_view broken :
       {"{\"busproof_lock\": 1,\n", "{\"busproof_lock\": 9, \"domains\": []}", "no JSON"}) {
    folder.write("busproof.lock", broken);
    for (const std::string_view how : {"", "--update ", "--apply "}) {
      const Ran ran = folder.run(fmt::format("lock {}vm.xml", how));
      EXPECT_EQ(ran.code, 2) << broken << how;
      EXPECT_THAT(ran.err, HasSubstr("busproof.lock"));
      EXPECT_EQ(ran.out, "");
    }
    EXPECT_EQ(folder.read("busproof.lock"), broken);
  }
}

TEST(Lock, WritesNothingWhenOneConfigIsWrong) {
  const Folder folder;
  folder.write("good.xml", generated(card(1)));
  folder.write("bad.xml", refused_guest());
  EXPECT_EQ(folder.run("lock good.xml bad.xml").code, 1);
  EXPECT_EQ(folder.entry_count(), 2U);
  EXPECT_EQ(folder.run("lock --apply good.xml").code, 2) << "there is no lock yet";
  EXPECT_EQ(folder.run("lock missing.xml").code, 2);
}

TEST(Lock, WarnsOfADomainThatItDoesNotKnow) {
  const Folder folder;
  folder.write("a.xml", generated(card(1), "a"));
  folder.write("b.xml", generated(card(2), "b"));
  ASSERT_EQ(folder.run("lock a.xml").code, 0);
  const Ran ran = folder.run("lock --apply b.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("warning: 'b' is not in busproof.lock [BP404 domain-not-locked]"));
  EXPECT_EQ(address_of(ran.out, 2), at_bus(1));
}

TEST(Lock, RefusesOptionsThatDoNotGoTogether) {
  const Folder folder;
  folder.write("vm.xml", generated(card(1)));
  for (const std::string_view arguments :
       {"lock", "lock --update --apply vm.xml", "lock --reuse vm.xml", "lock --in-place vm.xml", "lock -o x vm.xml",
        "lock --prune vm.xml", "lock --apply --in-place -o x vm.xml"})
    EXPECT_EQ(folder.run(arguments).code, 2) << arguments;
}

}  // namespace
}  // namespace busproof::cli_tests
