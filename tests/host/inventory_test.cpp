#include "engine/host/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fakesys/fake_kernel.h"
#include "fakesys/faulty_kernel.h"
#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "tests/host/tree_kernel.h"

namespace busproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HostAddress at(std::string_view text) { return *HostAddress::parse(text); }

fakesys::FakeKernel kernel_of(std::string_view description) {
  auto host = fakesys::new_host(description);
  EXPECT_TRUE(host.has_value()) << host.error().message;
  return fakesys::FakeKernel(std::move(*host));
}

constexpr std::string_view kDesktop = R"(host test kernel=6.18.1-test nodes=2
00:00.0 8086:4660 060000
00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport
00:02.0 8086:100e 020000 conventional driver=e1000 numa=1
01:00.0 10de:2204 030000 pm multifunction boot-vga driver=nouveau sub=1043:87b3 rev=a1
01:00.1 10de:1aef 040300
)";

TEST(Inventory, TellsWhatAHostIsMadeOf) {
  auto kernel = kernel_of(kDesktop);
  const auto inventory = scan(kernel);
  ASSERT_TRUE(inventory.has_value());
  EXPECT_THAT(inventory->warnings, IsEmpty());
  EXPECT_EQ(inventory->kernel_release, "6.18.1-test");
  EXPECT_EQ(inventory->devices.size(), 5u);

  const HostDevice* card = find(*inventory, at("01:00.0"));
  ASSERT_NE(card, nullptr);
  EXPECT_EQ(to_string(card->pin), "10de:2204 (rev a1, class 030000, subsystem 1043:87b3)");
  EXPECT_EQ(card->driver, "nouveau");
  EXPECT_EQ(card->override_to, std::nullopt);
  EXPECT_EQ(card->parent, at("00:01.0"));
  EXPECT_EQ(card->root_bus, "pci0000:00");
  EXPECT_TRUE(card->boot_vga);
  EXPECT_EQ(card->config.pm_reset, Known::Yes);
  EXPECT_THAT(card->uses, ElementsAre(HostUse{HostUse::Kind::Console, "boot console"}));

  const HostDevice* sound = find(*inventory, at("01:00.1"));
  EXPECT_EQ(sound->driver, std::nullopt);
  EXPECT_THAT(sound->uses, IsEmpty());
  EXPECT_EQ(sound->group, card->group);
  EXPECT_THAT(group_members(*inventory, *sound), ElementsAre(at("01:00.0"), at("01:00.1")));

  const HostDevice* port = find(*inventory, at("00:01.0"));
  EXPECT_TRUE(is_bridge(*port));
  EXPECT_EQ(port->config.port_type, pci::PortType::RootPort);
  EXPECT_EQ(port->config.acs_isolates, Known::Yes);
  EXPECT_EQ(port->config.secondary, 1);
  EXPECT_EQ(port->parent, std::nullopt);
  EXPECT_EQ(find(*inventory, at("00:02.0"))->numa_node, 1);
}

TEST(HostScenario, T01_ADeviceIsNamedAndKnowsItsIds) {
  auto kernel = kernel_of("host lv kernel=5.4\n00:00.0 8086:0044 060000 driver=iwlwifi\n");
  const auto inventory = scan(kernel);
  ASSERT_TRUE(inventory.has_value());
  const HostDevice& device = inventory->devices.front();
  EXPECT_EQ(to_string(device.address), "0000:00:00.0");
  EXPECT_EQ(id_string(device.pin), "8086 0044");
}

TEST(HostScenario, T97_ALongDomainIsLikeAnyOther) {
  auto kernel = kernel_of("host vmd kernel=6.12\n10000:e1:00.0 8086:0953 010802 driver=nvme\n");
  const auto inventory = scan(kernel);
  ASSERT_EQ(inventory->devices.size(), 1u);
  EXPECT_EQ(to_string(inventory->devices[0].address), "10000:e1:00.0");
  EXPECT_EQ(inventory->devices[0].driver, "nvme");
}

TEST(HostScenario, T84_WhatTheUnprivilegedCannotSeeIsUnknownAndNoError) {
  TreeKernel kernel;
  const std::string device = "bus/pci/devices/0000:00:02.0/";
  kernel.files[device + "modalias"] = "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00";
  std::string config(64, '\0');
  config[0] = '\x86';
  config[6] = '\x10';
  config[0x34] = '\x40';
  kernel.files[device + "config"] = config;
  const auto inventory = scan(kernel);
  ASSERT_EQ(inventory->devices.size(), 1u);
  EXPECT_EQ(inventory->devices[0].config.flr, Known::Unknown);
  EXPECT_THAT(inventory->warnings, IsEmpty());
}

TEST(Inventory, KnowsVirtualFunctionsAndTheirPhysicalOne) {
  auto kernel = kernel_of(
      "host nic kernel=6.18\n0a:00.0 15b3:101d 020000 flr driver=mlx5_core vfs=8 offset=2 stride=1 vf=101e\n");
  ASSERT_TRUE(kernel.write("bus/pci/devices/0000:0a:00.0/sriov_numvfs", "2"));
  kernel.wait(std::chrono::seconds(5));
  const auto inventory = scan(kernel);
  const HostDevice* physical = find(*inventory, at("0a:00.0"));
  EXPECT_EQ(physical->virtual_functions_max, 8u);
  EXPECT_THAT(physical->virtual_functions, ElementsAre(at("0a:00.2"), at("0a:00.3")));
  const HostDevice* virtual_function = find(*inventory, at("0a:00.3"));
  ASSERT_NE(virtual_function, nullptr);
  EXPECT_EQ(virtual_function->physical_function, at("0a:00.0"));
  EXPECT_EQ(virtual_function->config.responding, Known::Yes);
}

TEST(Inventory, FindsWhatTheHostLivesOn) {
  auto kernel = kernel_of(R"(host box kernel=6.12
00:02.0 1cc1:8201 010802 driver=nvme
00:03.0 1cc1:8201 010802 driver=nvme
00:04.0 1cc1:8201 010802 driver=nvme
file /proc/self/mountinfo 22 1 259:2 / / rw shared:1 - ext4 /dev/nvme0n1p2 rw
file /proc/self/mountinfo 23 22 253:0 / /srv rw - xfs /dev/mapper/data rw
file /proc/self/mountinfo 24 22 0:5 / /proc rw - proc proc rw
file /proc/swaps Filename Type Size Used Priority
file /proc/swaps /dev/nvme2n1 partition 1000 0 -2
link dev/block/259:2 ../../devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1/nvme0n1p2
link dev/block/253:0 ../../devices/virtual/block/dm-0
link dev/block/253:0/slaves/nvme1n1 ../../../../pci0000:00/0000:00:03.0/nvme/nvme1/nvme1n1
link class/block/nvme1n1 ../../devices/pci0000:00/0000:00:03.0/nvme/nvme1/nvme1n1
link class/block/nvme2n1 ../../devices/pci0000:00/0000:00:04.0/nvme/nvme2/nvme2n1
)");
  const auto inventory = scan(kernel);
  EXPECT_THAT(inventory->devices[0].uses, ElementsAre(HostUse{HostUse::Kind::Mount, "/ on nvme0n1p2"}));
  EXPECT_THAT(inventory->devices[1].uses, ElementsAre(HostUse{HostUse::Kind::Mount, "/srv on data"}));
  EXPECT_THAT(inventory->devices[2].uses, ElementsAre(HostUse{HostUse::Kind::Swap, "swap on nvme2n1"}));
}

TEST(Inventory, FindsTheInterfaceThatHoldsTheRoute) {
  auto kernel = kernel_of(R"(host nic kernel=6.12
00:02.0 8086:10d3 020000 driver=e1000e
file /proc/net/route Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
file /proc/net/route eth0 00000000 0102A8C0 0003 0 0 100 00000000 0 0 0
file /proc/net/route eth0 0002A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0
)");
  kernel.host().model.name_interface(0, 0);
  const auto inventory = scan(kernel);
  EXPECT_THAT(inventory->devices[0].interfaces, ElementsAre("eth0"));
  EXPECT_THAT(inventory->devices[0].uses, ElementsAre(HostUse{HostUse::Kind::DefaultRoute, "default route by eth0"},
                                                      HostUse{HostUse::Kind::Address, "eth0 has an address"}));
}

TEST(Inventory, FindsAnAddressThatHasNoRoute) {
  auto kernel = kernel_of(R"(host nic kernel=6.12
00:02.0 8086:10d3 020000 driver=e1000e
00:03.0 8086:10d3 020000 driver=e1000e
file /proc/net/if_inet6 20010db8000000000000000000000007 02 80 00 80 eth0
file /proc/net/if_inet6 fe80000000000000505400fffe123456 03 40 20 80 eth1
)");
  kernel.host().model.name_interface(0, 0);
  kernel.host().model.name_interface(1, 1);
  const auto inventory = scan(kernel);
  EXPECT_THAT(inventory->devices[0].uses, ElementsAre(HostUse{HostUse::Kind::Address, "eth0 has an address"}));
  EXPECT_THAT(inventory->devices[1].uses, ElementsAre());
}

TEST(Inventory, WarnsOfAFileSystemWhoseDisksNobodyTells) {
  auto kernel = kernel_of(R"(host box kernel=6.12
00:02.0 1cc1:8201 010802 driver=nvme
file /proc/self/mountinfo 22 1 0:30 / / rw shared:1 - zfs tank/root rw
file /proc/self/mountinfo 23 1 0:31 / /home rw shared:1 - zfs tank/home rw
)");
  EXPECT_THAT(scan(kernel)->warnings,
              ElementsAre("ZFS pool tank is in use, and the kernel does not tell on which disks: "
                          "see 'zpool status -L tank' before one is given away"));
}

TEST(Inventory, FollowsAnInterfaceToWhatIsBuiltOnIt) {
  // A VLAN of the card is in a bond, the bond in a bridge, and the bridge has the address.
  auto kernel = kernel_of(R"(host nic kernel=6.12
00:02.0 8086:10d3 020000 driver=e1000e
file /proc/net/route Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
file /proc/net/route br0 0002A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0
link class/net/eth0/upper_eth0.10 ../eth0.10
link class/net/eth0.10/master ../bond0
link class/net/bond0/upper_br0 ../br0
)");
  kernel.host().model.name_interface(0, 0);
  const auto inventory = scan(kernel);
  EXPECT_THAT(inventory->devices[0].uses, ElementsAre(HostUse{HostUse::Kind::Address, "br0 has an address"}));
}

TEST(Inventory, FindsEveryDiskOfAFileSystemOverSeveral) {
  auto kernel = kernel_of(R"(host box kernel=6.12
00:02.0 1cc1:8201 010802 driver=nvme
00:03.0 1cc1:8201 010802 driver=nvme
00:04.0 1cc1:8201 010802 driver=nvme
file /proc/self/mountinfo 22 1 0:30 / / rw shared:1 - btrfs /dev/mapper/pool rw
link fs/btrfs/0b5f/devices/dm-0 ../../../../devices/virtual/block/dm-0
link fs/btrfs/0b5f/devices/nvme1n1 ../../../../devices/pci0000:00/0000:00:03.0/nvme/nvme1/nvme1n1
link class/block/dm-0 ../../devices/virtual/block/dm-0
link class/block/dm-0/slaves/nvme0n1 ../../../../pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1
link class/block/nvme0n1 ../../devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1
link class/block/nvme1n1 ../../devices/pci0000:00/0000:00:03.0/nvme/nvme1/nvme1n1
)");
  const auto inventory = scan(kernel);
  EXPECT_THAT(inventory->devices[0].uses, ElementsAre(HostUse{HostUse::Kind::Mount, "btrfs on dm-0"}));
  EXPECT_THAT(inventory->devices[1].uses, ElementsAre(HostUse{HostUse::Kind::Mount, "btrfs on nvme1n1"}));
  EXPECT_THAT(inventory->devices[2].uses, IsEmpty());
}

TEST(Inventory, FindsEveryControllerOfADiskWithSeveralWaysToIt) {
  auto kernel = kernel_of(R"(host box kernel=6.12
00:02.0 1cc1:8201 010802 driver=nvme
00:03.0 1cc1:8201 010802 driver=nvme
file /proc/self/mountinfo 22 1 259:2 / / rw shared:1 - ext4 /dev/nvme0n1p2 rw
link dev/block/259:2 ../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p2
link class/nvme-subsystem/nvme-subsys0/nvme0 ../../../pci0000:00/0000:00:02.0/nvme/nvme0
link class/nvme-subsystem/nvme-subsys0/nvme1 ../../../pci0000:00/0000:00:03.0/nvme/nvme1
)");
  const auto inventory = scan(kernel);
  for (const HostDevice& device : inventory->devices)
    EXPECT_THAT(device.uses, ElementsAre(HostUse{HostUse::Kind::Mount, "/ on nvme0n1p2"})) << to_string(device.address);
}

TEST(Inventory, SkipsWhatIsNoDeviceAndSaysSo) {
  TreeKernel kernel;
  const std::string devices = "bus/pci/devices/";
  const std::string modalias = "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00";
  kernel.files[devices + "garbage/config"] = "";
  kernel.files[devices + "0000:0A:00.0/config"] = "";  // not as a kernel writes it
  kernel.files[devices + "0000:00:01.0"] = "-> nowhere";
  kernel.files[devices + "0000:00:02.0"] = "!40";              // ELOOP
  kernel.files[devices + "0000:00:03.0/modalias"] = modalias;  // no config: missing
  kernel.files[devices + "0000:00:04.0/modalias"] = std::string(1 << 20, 'x');
  kernel.files[devices + "0000:00:04.0/config"] = "";
  kernel.files[devices + "0000:00:05.0/modalias/oops"] = "";
  kernel.files[devices + "0000:00:05.0/config"] = "";
  kernel.files[devices + "0000:00:05.0/vendor"] = "0x8086";
  kernel.files[devices + "0000:00:05.0/device"] = "0x1533";
  kernel.files[devices + "0000:00:05.0/driver"] = "not a link";
  kernel.files[devices + "0000:00:05.0/iommu_group"] = "-> ../../kernel/iommu_groups/many";
  kernel.files[devices + "0000:00:05.0/numa_node/oops"] = "";
  kernel.files[devices + "0000:00:05.0/driver_override"] = "!13";
  const auto inventory = scan(kernel);
  ASSERT_TRUE(inventory.has_value());
  ASSERT_EQ(inventory->devices.size(), 1u);
  EXPECT_EQ(id_string(inventory->devices[0].pin), "8086 1533");
  EXPECT_THAT(
      inventory->warnings,
      ElementsAre("0000:00:01.0: skipped: Not a directory", "0000:00:02.0: skipped: Too many levels of symbolic links",
                  "0000:00:04.0: skipped: No such device", "0000:00:05.0: modalias: Is a directory",
                  "0000:00:05.0: driver: Invalid argument", "0000:00:05.0: driver_override: Permission denied",
                  "0000:00:05.0: iommu_group: 'many' is no number", "0000:00:05.0: numa_node: Is a directory",
                  "'0000:0A:00.0' is no address: skipped", "'garbage' is no address: skipped"));
}

TEST(Inventory, ADeviceThatVanishesMeanwhileIsLeftOut) {
  for (std::uint32_t nth = 1; nth < 200; ++nth) {
    auto host = fakesys::new_host(kDesktop);
    fakesys::Fault vanish{.nth = nth, .kind = fakesys::FaultKind::Vanish, .device = "0000:01:00.0"};
    fakesys::FaultyKernel kernel(fakesys::FakeKernel(std::move(*host)), {vanish});
    const auto inventory = scan(kernel);
    ASSERT_TRUE(inventory.has_value());
    EXPECT_GE(inventory->devices.size(), 4u) << nth;
    EXPECT_NE(find(*inventory, at("00:02.0")), nullptr) << nth;
  }
}

TEST(Inventory, NothingToListIsAnError) {
  TreeKernel kernel;
  EXPECT_EQ(scan(kernel).error().error, ENOENT);
}

TEST(Inventory, EveryHostOfTheCorpusIsReadWithoutAWarning) {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::directory_iterator(fs::path(BUSPROOF_SOURCE_DIR) / "corpus/hosts")) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto host = fakesys::load_host(text);
    ASSERT_TRUE(host.has_value());
    const std::size_t count = host->model.in_order().size();
    fakesys::FakeKernel kernel(std::move(*host));
    const auto inventory = scan(kernel);
    EXPECT_EQ(inventory->devices.size(), count) << entry.path();
    EXPECT_THAT(inventory->warnings, IsEmpty()) << entry.path();
  }
}

}  // namespace
}  // namespace busproof::host
