#include "fakesys/record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "fakesys/anonymise.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

TEST(Record, KeepsWhatIsBoundOverriddenAndShared) {
  auto host = new_host(
      "host a kernel=6.1\n"
      "00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
      "01:00.0 10de:2204 030000 multifunction driver=nouveau override=nouveau\n"
      "01:00.1 10de:1aef 040300\n");
  ASSERT_TRUE(host.has_value());
  FakeKernel before(*host);
  auto recording = record_host(before, {.name = "b"});
  ASSERT_TRUE(recording.has_value()) << recording.error().message;
  EXPECT_EQ(recording->host.facts->name, "b");
  FakeKernel after(recording->host);
  for (const char* link : {"driver", "iommu_group"}) {
    const std::string path = std::string("bus/pci/devices/0000:01:00.0/") + link;
    EXPECT_EQ(after.read_link(path), before.read_link(path));
  }
  EXPECT_EQ(after.read("bus/pci/devices/0000:01:00.0/driver_override"), "nouveau");
  EXPECT_EQ(after.list("kernel/iommu_groups"), before.list("kernel/iommu_groups"));
  EXPECT_TRUE(after.write("bus/pci/drivers/nouveau/unbind", "0000:01:00.0").has_value());
}

TEST(Record, CannotBeDoneWithoutDevices) {
  FakeKernel empty{Host(kProfiles[0])};
  const auto recording = record_host(empty, {});
  EXPECT_TRUE(!recording || recording->host.model.in_order().empty());
}

TEST(Anonymise, GivesEachInterfaceAnAddressOfItsOwn) {
  json attributes = {{"address", {{"text", "52:54:00:12:34:56\n"}}}, {"mtu", {{"text", "1500\n"}}}};
  anonymise_interface(attributes, 258);
  EXPECT_EQ(attributes["address"]["text"], "02:00:00:00:01:02\n");
  EXPECT_EQ(attributes["mtu"]["text"], "1500\n");
}

TEST(Anonymise, BlanksTheSerialNumberAndNothingElse) {
  std::string config(4096, '\0');
  const auto put = [&](std::size_t offset, std::string_view bytes) { config.replace(offset, bytes.size(), bytes); };
  put(0x100, std::string_view("\x01\x00\x01\x14", 4));           // AER, next at 0x140
  put(0x140, std::string_view("\x03\x00\x01\x00SERIALNO", 12));  // the serial number
  put(0x180, "KEPT");
  blank_serial_number(config);
  EXPECT_EQ(config.substr(0x144, 8), std::string(8, '\0'));
  EXPECT_EQ(config.substr(0x140, 2), std::string("\x03\0", 2));
  EXPECT_EQ(config.substr(0x180, 4), "KEPT");
  std::string shorter(64, 'x');
  blank_serial_number(shorter);
  EXPECT_EQ(shorter, std::string(64, 'x'));
}

TEST(Anonymise, KeepsDefaultRoutesAndHidesNetworks) {
  const std::string routes =
      "Iface\tDestination\tGateway\tFlags\n"
      "eth0\t00000000\t0100A8C0\t0003\n"
      "eth0\t0000A8C0\t00000000\t0001\n";
  EXPECT_EQ(anonymised_file("/proc/net/route", routes),
            "Iface\tDestination\tGateway\tFlags\n"
            "eth0\t00000000\t000200C0\t0003\n"
            "eth0\t000200C0\t00000000\t0001\n");
  EXPECT_EQ(anonymised_file("/proc/swaps", "eth0\t0000A8C0\n"), "eth0\t0000A8C0\n");
}

}  // namespace
}  // namespace busproof::fakesys
