#include "engine/host/real_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/host/modprobe.h"

namespace busproof::host {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view kDevice = "bus/pci/devices/0000:01:00.0";

std::string in_device(std::string_view name) { return std::string(kDevice).append("/").append(name); }

template <class T>
Answer<T> failed_with(int error) {
  return std::unexpected(Failure{error});
}

/// A folder with the beginnings of a /sys, and a kernel over it.
class OverFolder : public testing::Test {
 protected:
  OverFolder() {
    std::string name = (fs::temp_directory_path() / "busproof-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / kDevice);
  }
  ~OverFolder() override {
    std::error_code none;
    fs::remove_all(folder_, none);
  }

  [[nodiscard]] KernelPlaces places() const {
    return {.sys = folder_.string(),
            .root = folder_.string(),
            .modprobe = (folder_ / "modprobe").string(),
            .deadline = 200ms,
            .module_deadline = 200ms};
  }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  /// A program that stands for modprobe.
  void put_modprobe(const std::string& script) const {
    put("modprobe", "#!/bin/sh\n" + script);
    fs::permissions(folder_ / "modprobe", fs::perms::owner_all);
  }
  [[nodiscard]] std::string content(const std::string& path) const {
    std::ifstream file(folder_ / path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};
using RealKernelTest = OverFolder;
using RealKernelModules = OverFolder;
using RealKernelVfio = OverFolder;

TEST_F(RealKernelTest, TakesOffOneNewlineAndNoMore) {
  put(in_device("a"), "x\n\n");
  put(in_device("b"), "");
  RealKernel kernel(places());
  EXPECT_EQ(kernel.read(in_device("a")), "x\n");
  EXPECT_EQ(kernel.read(in_device("b")), "");
}

TEST_F(RealKernelTest, ReadsWhatIsLargeAndRefusesWhatIsTooLarge) {
  put(in_device("large"), std::string(1'000'000, 'x'));
  put(in_device("driver_override"), std::string(1'000'000, 'y'));
  put(in_device("larger"), "");
  fs::resize_file(folder_ / in_device("larger"), RealKernel::kTextMaxBytes + 1);
  RealKernel kernel(places());
  EXPECT_EQ(kernel.read(in_device("large"))->size(), 1'000'000u);
  EXPECT_EQ(kernel.read(in_device("driver_override"))->size(), 1'000'000u);
  EXPECT_EQ(kernel.read(in_device("larger")), failed_with<std::string>(EFBIG));
}

TEST_F(RealKernelTest, WritesExactlyWhatItIsGivenOnce) {
  put(in_device("driver_override"), "");
  RealKernel kernel(places());
  ASSERT_TRUE(kernel.write(in_device("driver_override"), "vfio-pci\n").has_value());
  EXPECT_EQ(content(in_device("driver_override")), "vfio-pci\n");
  // Neither made longer by a second write nor cut off before: a kernel's file knows neither.
  ASSERT_TRUE(kernel.write(in_device("driver_override"), "x").has_value());
  EXPECT_EQ(content(in_device("driver_override")), "xfio-pci\n");
}

TEST_F(RealKernelTest, NeverMakesAFile) {
  RealKernel kernel(places());
  EXPECT_EQ(kernel.write(in_device("driver_override"), "x"), failed_with<void>(ENOENT));
  EXPECT_FALSE(fs::exists(folder_ / in_device("driver_override")));
}

TEST_F(RealKernelTest, TellsOfLinksThatDangleOrLoop) {
  fs::create_symlink("../none", folder_ / in_device("driver"));
  fs::create_symlink("loop", folder_ / in_device("loop"));
  RealKernel kernel(places());
  EXPECT_EQ(link_name(kernel, in_device("driver")), "none");
  EXPECT_EQ(kernel.read(in_device("driver")), failed_with<std::string>(ENOENT));
  EXPECT_EQ(kernel.list(in_device("driver")), failed_with<std::vector<std::string>>(ENOENT));
  EXPECT_EQ(kernel.read(in_device("loop")), failed_with<std::string>(ELOOP));
  EXPECT_EQ(kernel.write(in_device("loop"), "x"), failed_with<void>(ELOOP));
}

TEST_F(RealKernelTest, GoesOnAfterAnErrorOfTheWorker) {
  put(in_device("driver_override"), "x");
  RealKernel kernel(places());
  EXPECT_EQ(kernel.read(in_device("none/driver_override")), failed_with<std::string>(ENOENT));
  EXPECT_EQ(kernel.read(in_device("driver_override")), "x");
}

TEST_F(RealKernelTest, SaysThatItMayNotWrite) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anything";
  put(in_device("driver_override"), "x");
  fs::permissions(folder_ / in_device("driver_override"), fs::perms::owner_read);
  EXPECT_EQ(RealKernel(places()).write(in_device("driver_override"), "x"), failed_with<void>(EACCES));
}

TEST_F(RealKernelTest, SaysThatAFileSystemIsReadOnly) {
  // The kernel's own numbers live on the one file system that is read-only or refuses everywhere: nobody may write
  // this one.
  RealKernel kernel({.root = ""});
  const auto answer = kernel.write("/proc/version", "x");
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().error, testing::AnyOf(EACCES, EROFS, EIO));
}

/// A named pipe that nobody reads from takes no end of waiting: it stands for an attribute whose device is locked.
TEST_F(RealKernelTest, LeavesAWriteBehindThatDoesNotComeBackInTime) {
  ASSERT_EQ(::mkfifo((folder_ / in_device("unbind")).c_str(), 0600), 0);
  put(in_device("driver_override"), "x");
  RealKernel kernel(places());
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(kernel.write(in_device("unbind"), "0000:01:00.0"), (std::unexpected(Failure{ETIMEDOUT, true})));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_EQ(kernel.read(in_device("driver_override")), "x");
  EXPECT_TRUE(kernel.write(in_device("driver_override"), "y").has_value());
}

TEST_F(RealKernelTest, WhatWasLeftBehindMayStillHappen) {
  const fs::path pipe = folder_ / in_device("unbind");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  RealKernel kernel(places());
  EXPECT_TRUE(kernel.write(in_device("unbind"), "late").error().pending);
  std::ifstream reader(pipe);
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "late");
}

TEST_F(RealKernelTest, KnowsWhetherAWorkerIsStillAtTheWriteThatItWasLeftWith) {
  const fs::path pipe = folder_ / in_device("unbind");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  RealKernel kernel({.sys = folder_.string(), .deadline = 200ms});
  const std::string worker = kernel.worker();
  EXPECT_THAT(worker, testing::MatchesRegex("[0-9]+ [0-9]+"));
  EXPECT_EQ(kernel.worker(), worker);
  EXPECT_TRUE(kernel.write(in_device("unbind"), "late").error().pending);
  RealKernel another;  // as of a program that comes later
  EXPECT_TRUE(another.at_work(worker));
  EXPECT_NE(kernel.worker(), worker);
  std::ifstream reader(pipe);
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "late");
  for (int i = 0; i < 100 && another.at_work(worker); ++i) another.wait(10ms);
  EXPECT_FALSE(another.at_work(worker));
  EXPECT_FALSE(another.at_work(""));
  EXPECT_FALSE(another.at_work("1 0"));  // another process has the number
}

TEST_F(RealKernelTest, ListsNothingOfAnEmptyFolder) {
  fs::create_directory(folder_ / in_device("net"));
  EXPECT_EQ(RealKernel(places()).list(in_device("net")), std::vector<std::string>{});
}

TEST_F(RealKernelModules, LoadsWithoutOptionsThatANameMightHide) {
  put_modprobe("echo \"$@\" > " + (folder_ / "arguments").string() + "; mkdir -p " +
               (folder_ / "module/vfio_pci").string());
  EXPECT_TRUE(RealKernel(places()).load_module("vfio-pci").has_value());
  EXPECT_EQ(content("arguments"), "--use-blacklist -- vfio-pci\n");
  EXPECT_EQ(RealKernel(places()).load_module("a b"), failed_with<void>(ENOENT));
  EXPECT_EQ(RealKernel(places()).load_module("../x"), failed_with<void>(ENOENT));
  EXPECT_EQ(RealKernel(places()).load_module(""), failed_with<void>(ENOENT));
}

TEST_F(RealKernelModules, TellsMissingFromForbiddenFromRefused) {
  RealKernel kernel(places());
  put_modprobe("echo 'modprobe: FATAL: Module x not found in directory /lib/modules/6.1' >&2; exit 1");
  EXPECT_EQ(kernel.load_module("x"), failed_with<void>(ENOENT));
  put_modprobe("echo \"modprobe: ERROR: could not insert 'x': Key was rejected by service\" >&2; exit 1");
  EXPECT_EQ(kernel.load_module("x"), failed_with<void>(EKEYREJECTED));
  put_modprobe("echo 'modprobe: something new' >&2; exit 1");
  EXPECT_EQ(kernel.load_module("x"), failed_with<void>(EIO));
  put_modprobe("[ $1 = --showconfig ] && echo 'install x /bin/false' && exit; exit 1");
  EXPECT_EQ(kernel.load_module("x"), failed_with<void>(EPERM));
}

TEST_F(RealKernelModules, LooksWhetherABlacklistKeptModprobeFromLoading) {
  put_modprobe("[ $1 = --showconfig ] && echo 'blacklist vfio_pci'; exit 0");
  EXPECT_EQ(RealKernel(places()).load_module("vfio-pci"), failed_with<void>(EPERM));
  put_modprobe("exit 0");
  EXPECT_TRUE(RealKernel(places()).load_module("built-in").has_value());
}

TEST_F(RealKernelModules, DoesNotWaitForEver) {
  put_modprobe("exec sleep 1");
  EXPECT_EQ(RealKernel(places()).load_module("x"), (std::unexpected(Failure{ETIMEDOUT, true})));
}

TEST_F(RealKernelModules, SaysThatThereIsNoModprobe) {
  EXPECT_EQ(RealKernel(places()).load_module("x"), failed_with<void>(ENOSYS));
}

TEST(Modprobe, ReadsItsConfigurationAsItDoes) {
  EXPECT_TRUE(is_forbidden("alias a b\nblacklist vfio-pci\n", "vfio_pci"));
  EXPECT_TRUE(is_forbidden("install vfio_pci /usr/bin/false\n", "vfio-pci"));
  EXPECT_TRUE(is_forbidden("install  vfio_pci  /bin/true", "vfio_pci"));
  EXPECT_FALSE(is_forbidden("install vfio_pci /sbin/modprobe --ignore-install vfio_pci\n", "vfio_pci"));
  EXPECT_FALSE(is_forbidden("blacklist vfio\nblacklist\n\n", "vfio_pci"));
}

TEST_F(RealKernelVfio, SeesWhoHasAGroupOpen) {
  const auto opens = [&](const std::string& descriptor, const std::string& target) {
    fs::create_directories(folder_ / "proc/77/fd");
    fs::create_symlink(target, folder_ / "proc/77/fd" / descriptor);
  };
  fs::create_directories(folder_ / "proc/self");
  fs::create_directories(folder_ / "proc/78");
  RealKernel kernel(places());
  opens("0", "/dev/null");
  opens("1", "/dev/vfio/vfio");
  EXPECT_EQ(kernel.vfio_group_in_use(12), false);
  opens("2", "/dev/vfio/12");
  opens("3", "anon_inode:[vfio-device]");
  EXPECT_EQ(kernel.vfio_group_in_use(12), true);
  EXPECT_EQ(kernel.vfio_group_in_use(1), false);
}

TEST_F(RealKernelVfio, SeesWhoHasADeviceOfTheGroupOpen) {
  fs::create_directories(folder_ / "proc/77/fd");
  fs::create_symlink("/dev/vfio/devices/vfio3", folder_ / "proc/77/fd/9");
  fs::create_directories(folder_ / "class/vfio-dev/vfio3/device");
  fs::create_symlink("../../../kernel/iommu_groups/12", folder_ / "class/vfio-dev/vfio3/device/iommu_group");
  RealKernel kernel(places());
  EXPECT_EQ(kernel.vfio_group_in_use(12), true);
  EXPECT_EQ(kernel.vfio_group_in_use(3), false);
}

TEST_F(RealKernelVfio, TakesADeviceOfUnknownGroupForOneOfTheGroup) {
  fs::create_directories(folder_ / "proc/77/fd");
  fs::create_symlink("anon_inode:[vfio-device]", folder_ / "proc/77/fd/9");
  EXPECT_EQ(RealKernel(places()).vfio_group_in_use(12), true);
}

TEST(RealKernelHere, ReadsTheTestMachinesOwnDevices) {
  if (!fs::exists("/sys/bus/pci/devices")) GTEST_SKIP() << "no PCI on this machine";
  RealKernel kernel;
  const auto devices = kernel.list("bus/pci/devices");
  ASSERT_TRUE(devices.has_value());
  for (const std::string& device : *devices) {
    const std::string path = "bus/pci/devices/" + device;
    EXPECT_THAT(kernel.read(path + "/vendor").value_or(""), testing::StartsWith("0x")) << device;
    EXPECT_EQ(kernel.read_bytes(path + "/config", 0, 64).value_or("").size(), 64u) << device;
    EXPECT_TRUE(kernel.read(path + "/driver_override").has_value()) << device;
  }
  EXPECT_EQ(kernel.write("bus/pci/none", "x"), failed_with<void>(ENOENT));
}

}  // namespace
}  // namespace busproof::host
