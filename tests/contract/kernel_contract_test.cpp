// What the seam promises, held by the kernel that is made up and by the one that reads files: the same made-up host,
// once as a model and once as a folder of files, must answer alike.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/host/real_kernel.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/new_host.h"
#include "tests/contract/tree_of_files.h"

namespace busproof::contract_tests {
namespace {

using host::Answer;
using host::Failure;
using testing::IsSupersetOf;

fakesys::FakeKernel made_up_kernel() {
  const auto host = fakesys::new_host(
      "host contract kernel=6.1\n"
      "00:00.0 8086:4660 060000\n"
      "00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
      "00:14.0 8086:7ad0 040300 driver=snd_hda_intel\n"
      "01:00.0 10de:2204 030000 multifunction boot-vga driver=nouveau\n"
      "01:00.1 10de:1aef 040300 driver=snd_hda_intel\n"
      "02:00.0 8086:10fb 020000 flr driver=ixgbe vfs=4 offset=128 stride=2 vf=10ed\n");
  if (!host) throw std::logic_error(host.error().message);
  return fakesys::FakeKernel(*host);
}

/// Both kernels, of which `real` reads the files that were made after `fake`.
class Both {
 public:
  Both() : fake(made_up_kernel()), real({.sys = folder_.path().string(), .root = folder_.path().string()}) {
    copy_tree(fake, "", folder_.path());
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;

 public:
  fakesys::FakeKernel fake;
  host::RealKernel real;
};

template <class T>
std::string shown(const Answer<T>& answer) {
  if (!answer) return "error " + std::to_string(answer.error().error);
  return testing::PrintToString(*answer);
}

enum class Kind { Fake, Real };

class KernelContract : public testing::TestWithParam<Kind> {
 protected:
  host::Kernel& kernel() {
    if (GetParam() == Kind::Fake) return both_.fake;
    return both_.real;
  }

 private:
  Both both_;
};
INSTANTIATE_TEST_SUITE_P(Of, KernelContract, testing::Values(Kind::Fake, Kind::Real),
                         [](const auto& param) { return param.param == Kind::Fake ? "Fake" : "Real"; });

TEST_P(KernelContract, ReadsAnAttributeWithoutTheNewlineAtItsEnd) {
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/vendor"), "0x10de");
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/driver_override"), "(null)");
}

TEST_P(KernelContract, TakesAPathBelowSysForWhatItIs) {
  EXPECT_EQ(kernel().read("/sys/bus/pci/devices/0000:01:00.0/vendor"), "0x10de");
}

TEST_P(KernelContract, FollowsLinksAndDotsOnTheWay) {
  EXPECT_EQ(kernel().read("bus/pci/drivers/nouveau/0000:01:00.0/device"), "0x2204");
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/driver/../nouveau/0000:01:00.0/device"), "0x2204");
  EXPECT_EQ(kernel().read("bus/./pci//devices/0000:01:00.0/../0000:01:00.1/device"), "0x1aef");
  EXPECT_EQ(kernel().read("bus/pci/../../bus/pci/devices/0000:00:14.0/vendor"), "0x8086");
}

TEST_P(KernelContract, DoesNotWalkUpFromWhatIsNotThere) {
  EXPECT_EQ(kernel().read("bus/pci/none/../devices/0000:01:00.0/vendor"), std::unexpected(Failure{ENOENT}));
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/vendor/../vendor"), std::unexpected(Failure{ENOTDIR}));
  EXPECT_EQ(kernel().list("bus/pci/devices/0000:01:00.0/../.."), kernel().list("devices/pci0000:00"));
}

TEST_P(KernelContract, SaysThatThereIsNoSuchFile) {
  const auto missing = std::unexpected(Failure{ENOENT});
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/nothing"), missing);
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:7f:00.0/vendor"), missing);
  EXPECT_EQ(kernel().read_bytes("bus/pci/devices/0000:7f:00.0/config", 0, 64), missing);
  EXPECT_EQ(kernel().list("bus/pci/devices/0000:7f:00.0"), missing);
  EXPECT_EQ(kernel().list("bus/usb"), missing);
  EXPECT_EQ(kernel().read_link("bus/pci/devices/0000:00:00.0/driver"), missing);
  EXPECT_EQ(kernel().read("/proc/none"), missing);
}

TEST_P(KernelContract, WritesToNothingThatIsNotThere) {
  const auto missing = std::unexpected(Failure{ENOENT});
  EXPECT_EQ(kernel().write("bus/pci/devices/0000:7f:00.0/driver_override", "x"), missing);
  EXPECT_EQ(kernel().write("bus/pci/drivers/none/bind", "x"), missing);
  EXPECT_EQ(kernel().list("bus/pci/drivers/none"), missing);
}

TEST_P(KernelContract, TellsFilesFromDirectories) {
  EXPECT_EQ(kernel().read("bus/pci/devices"), std::unexpected(Failure{EISDIR}));
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0"), std::unexpected(Failure{EISDIR}));
  EXPECT_EQ(kernel().write("bus/pci/devices", "x"), std::unexpected(Failure{EISDIR}));
  EXPECT_EQ(kernel().list("bus/pci/devices/0000:01:00.0/vendor"), std::unexpected(Failure{ENOTDIR}));
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/vendor/x"), std::unexpected(Failure{ENOTDIR}));
  EXPECT_EQ(kernel().read("bus/pci/devices/0000:01:00.0/vendor/"), std::unexpected(Failure{ENOTDIR}));
}

TEST_P(KernelContract, ListsTheNamesSorted) {
  EXPECT_EQ(kernel().list("bus/pci/devices"),
            (std::vector<std::string>{"0000:00:00.0", "0000:00:01.0", "0000:00:14.0", "0000:01:00.0", "0000:01:00.1",
                                      "0000:02:00.0"}));
  EXPECT_EQ(kernel().list("bus/pci/devices/"), kernel().list("bus/pci/devices"));
  const auto names = kernel().list("bus/pci/drivers/nouveau");
  ASSERT_TRUE(names.has_value());
  EXPECT_THAT(*names, IsSupersetOf({"0000:01:00.0", "bind", "unbind"}));
}

TEST_P(KernelContract, GivesALinksTargetAsItStands) {
  EXPECT_EQ(link_name(kernel(), "bus/pci/devices/0000:01:00.0/driver"), "nouveau");
  EXPECT_EQ(kernel().read_link("bus/pci/devices/0000:01:00.0/driver"), "../../../../bus/pci/drivers/nouveau");
  EXPECT_EQ(kernel().read_link("bus/pci/devices/0000:01:00.0/vendor"), std::unexpected(Failure{EINVAL}));
  EXPECT_EQ(kernel().read_link("bus/pci"), std::unexpected(Failure{EINVAL}));
}

TEST_P(KernelContract, ReadsFewerBytesWhereTheFileEnds) {
  const std::string config = "bus/pci/devices/0000:01:00.0/config";
  EXPECT_EQ(kernel().read_bytes(config, 0, 4), "\xde\x10\x04\x22");
  EXPECT_EQ(kernel().read_bytes(config, 2, 2), "\x04\x22");
  EXPECT_EQ(kernel().read_bytes(config, 4096, 4), "");
  EXPECT_EQ(kernel().read_bytes(config, 100'000, 4), "");
  EXPECT_EQ(kernel().read_bytes(config, 0, 0), "");
  const auto all = kernel().read_bytes(config, 0, 10'000);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(kernel().read_bytes(config, all->size() - 1, 4)->size(), 1u);
}

TEST_P(KernelContract, ReadsBackWhatWasWritten) {
  const std::string path = "bus/pci/devices/0000:00:14.0/driver_override";
  ASSERT_TRUE(kernel().write(path, "vfio-pci").has_value());
  EXPECT_TRUE(kernel().read(path)->starts_with("vfio-pci"));
}

TEST_P(KernelContract, DoesNothingWhenNothingIsWritten) {
  const std::string path = "bus/pci/devices/0000:00:14.0/driver_override";
  EXPECT_TRUE(kernel().write(path, "").has_value());
  EXPECT_EQ(kernel().read(path), "(null)");
}

TEST_P(KernelContract, KnowsOfNobodyWhoHasAGroupOpen) {
  const auto used = kernel().vfio_group_in_use(1);
  // A folder without /proc tells nothing of it.
  EXPECT_TRUE(used == Answer<bool>(false) || used == Answer<bool>(std::unexpected(Failure{ENOENT})));
}

TEST_P(KernelContract, HasATimeThatDoesNotGoBack) {
  const auto before = kernel().now();
  kernel().wait(std::chrono::milliseconds(3));
  EXPECT_GE(kernel().now() - before, std::chrono::milliseconds(3));
}

/// Asks both for all there is below a path.
void expect_alike(Both& both, const std::string& path, std::size_t& entries) {
  const auto names = both.fake.list(path);
  ASSERT_EQ(shown(both.real.list(path)), shown(names)) << path;
  for (const std::string& name : *names) {
    ++entries;
    std::string entry = path;
    entry.append(path.empty() ? "" : "/").append(name);
    const auto link = both.fake.read_link(entry);
    EXPECT_EQ(shown(both.real.read_link(entry)), shown(link)) << entry;
    if (link) continue;
    if (both.fake.list(entry)) {
      expect_alike(both, entry, entries);
      continue;
    }
    const auto text = both.fake.read(entry);
    // What a kernel refuses to show lies in a folder as an empty file.
    if (!text) continue;
    EXPECT_EQ(shown(both.real.read(entry)), shown(text)) << entry;
  }
}

TEST(KernelContractAlike, AWholeHostReadsTheSameThroughBoth) {
  Both both;
  std::size_t entries = 0;
  expect_alike(both, "", entries);
  EXPECT_GT(entries, 300u);
}

}  // namespace
}  // namespace busproof::contract_tests
