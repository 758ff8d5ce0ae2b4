#include "engine/host/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/host/ledger.h"
#include "engine/host/perform.h"
#include "engine/host/records.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/faulty_kernel.h"
#include "fakesys/new_host.h"
#include "verify/crash_point.h"

namespace busproof::host {
namespace {

namespace fs = std::filesystem;

class OnDisk : public testing::Test {
 protected:
  OnDisk() {
    std::string name = (fs::temp_directory_path() / "busproof-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~OnDisk() override {
    std::error_code none;
    fs::remove_all(folder_, none);
  }
  fs::path folder_;
};
using DirectoryStoreTest = OnDisk;

TEST_F(DirectoryStoreTest, IsEmptyBeforeItsFolderIsThere) {
  DirectoryStore store((folder_ / "a/b").string());
  EXPECT_EQ(store.list(), std::vector<std::string>());
  EXPECT_TRUE(store.remove("none").has_value());
  EXPECT_EQ(store.read("none"), std::unexpected(Failure{ENOENT}));
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(DirectoryStoreTest, KeepsWhatItIsGiven) {
  DirectoryStore store((folder_ / "a/b").string());
  ASSERT_TRUE(store.append("x", "one\n").has_value());
  ASSERT_TRUE(store.append("x", "two\n").has_value());
  ASSERT_TRUE(store.replace("y", "three\n").has_value());
  EXPECT_EQ(store.read("x"), "one\ntwo\n");
  EXPECT_EQ(store.list(), (std::vector<std::string>{"x", "y"}));
  ASSERT_TRUE(store.remove("x").has_value());
  EXPECT_EQ(store.list(), std::vector<std::string>{"y"});
}

TEST_F(DirectoryStoreTest, LocksForOneAtATime) {
  DirectoryStore store(folder_.string()), other(folder_.string());
  {
    const auto held = store.lock("0000:01:00.0");
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(other.lock("0000:01:00.0").error().error, EWOULDBLOCK);
    EXPECT_TRUE(other.lock("0000:02:00.0").has_value());
  }
  EXPECT_TRUE(other.lock("0000:01:00.0").has_value());
  EXPECT_EQ(store.list(), std::vector<std::string>());  // locks are no files of the store
}

TEST_F(DirectoryStoreTest, SaysThatItsFolderIsAFile) {
  std::ofstream(folder_ / "file") << "x";
  DirectoryStore store((folder_ / "file").string());
  EXPECT_EQ(store.append("x", "y").error().error, ENOTDIR);
  EXPECT_FALSE(store.lock("x").has_value());
}

/// The first operation ever, which dies before it has anything to remember: there is no ledger yet.
TEST_F(DirectoryStoreTest, ACrashOfTheVeryFirstOperationIsRecovered) {
  auto host = fakesys::new_host("host nic kernel=6.12\n00:02.0 8086:10d3 020000 flr driver=e1000e\n");
  fakesys::FaultyKernel kernel(fakesys::FakeKernel(std::move(*host)),
                               {*fakesys::parse_fault("write bus/pci/drivers_probe #1 crash-before")});
  DirectoryStore journals((folder_ / "run").string()), ledger((folder_ / "lib").string());
  Request detach{.operation = Operation::Detach};
  detach.devices.push_back({*HostAddress::parse("00:02.0")});
  verify::Life life({}, [&] { return kernel.crashed(); });
  verify::MortalStore mortal_journals(journals, life), mortal_ledger(ledger, life);
  static_cast<void>(perform({kernel, mortal_journals, mortal_ledger}, detach));
  ASSERT_TRUE(kernel.crashed());
  const auto recovery = recover({kernel.kernel(), journals, ledger});
  ASSERT_TRUE(recovery.has_value()) << to_string(recovery.error());
  EXPECT_EQ(recovery->journals.front().end, RecoveredJournal::End::Undone);
  EXPECT_EQ(link_name(kernel.kernel(), "bus/pci/devices/0000:00:02.0/driver"), "e1000e");
  EXPECT_EQ(journals.list(), std::vector<std::string>());
}

LedgerEntry graphics_card() {
  return {.address = *HostAddress::parse("01:00.0"),
          .pin = {.vendor = 0x10de, .device = 0x2204, .subvendor = 0x1043, .subdevice = 1, .class_code = 0x030000},
          .boot_id = "b",
          .origin = {.driver = "nouveau", .any_driver = true},
          .stub = "vfio-pci",
          .managed = true,
          .owner = Owner{"qemu", "web \"1\""},
          .namespaces = {1, 20},
          .flags = {Flag::Stolen, Flag::Vanished},
          .net_origin = VfSettings{"52:54:00:12:34:56", 7}};
}

TEST(LedgersRecord, IsAChecksumAndJson) {
  EXPECT_EQ(
      record_of(graphics_card()).substr(8),
      R"( {"version":1,"address":"0000:01:00.0","pin":{"vendor":4318,"device":8708,"subvendor":4163,"subdevice":1,)"
      R"("class":196608,"revision":0},"boot_id":"b","origin":{"driver":"nouveau","override":null,"any_driver":true},)"
      R"("origin_module":"","stub":"vfio-pci","managed":true,"list":"active",)"
      R"("owner":{"driver":"qemu","domain":"web \"1\""},"namespaces":[1,20],"flags":["stolen","vanished"],)"
      R"("net_origin":{"mac":"52:54:00:12:34:56","vlan":7}})"
      "\n");
}

TEST(LedgersRecord, KeepsNamesOfAnyLetters) {
  LedgerEntry entry = graphics_card();
  entry.owner->domain = "\\ü\n\t{\"owner\":null},\x7f" + std::string(3000, 'x');
  MemoryStore store;
  ASSERT_TRUE(put_entry(store, entry));
  EXPECT_EQ(read_ledger(store)->at(entry.address), entry);
}

TEST(LedgersRecord, IsNoneWhenAnythingInItIsNotAsItWasWritten) {
  EXPECT_TRUE(entry_of_record(record_of(graphics_card())).value == std::nullopt);  // with its newline
  for (const std::string_view text : {"", "{", "{}", R"({"version":1})", R"({"version":1,"address":)", "[1]", "null"})
    EXPECT_EQ(entry_of_record(record_of(text).substr(0, record_of(text).size() - 1)).value, std::nullopt) << text;
  std::string record = record_of(graphics_card());
  record.pop_back();
  EXPECT_EQ(entry_of_record(record).value, graphics_card());
  for (std::size_t size = 0; size < record.size(); ++size)
    EXPECT_EQ(entry_of_record(record.substr(0, size)).value, std::nullopt) << size;
  for (std::size_t size = 9; size + 1 < record.size(); ++size) {  // whose checksum is right, but which ends early
    const std::string cut = record_of(std::string_view(record).substr(9, size - 9));
    EXPECT_EQ(entry_of_record(std::string_view(cut).substr(0, cut.size() - 1)).value, std::nullopt) << size;
  }
}

}  // namespace
}  // namespace busproof::host
