#include "engine/host/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/host/perform.h"
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

}  // namespace
}  // namespace busproof::host
