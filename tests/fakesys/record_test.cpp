#include "fakesys/record.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

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

/// A host from which a device goes while it is recorded: its name is still listed.
class LosesADevice final : public host::Kernel {
 public:
  explicit LosesADevice(FakeKernel kernel) : kernel_(std::move(kernel)) {}
  host::Answer<std::string> read(std::string_view path) override {
    return is_gone(path) ? gone<std::string>() : kernel_.read(path);
  }
  host::Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override {
    return is_gone(path) ? gone<std::string>() : kernel_.read_bytes(path, offset, count);
  }
  host::Answer<void> write(std::string_view, std::string_view) override { return gone<void>(); }
  host::Answer<std::vector<std::string>> list(std::string_view path) override {
    return is_gone(path) ? gone<std::vector<std::string>>() : kernel_.list(path);
  }
  host::Answer<std::string> read_link(std::string_view path) override {
    return is_gone(path) ? gone<std::string>() : kernel_.read_link(path);
  }
  host::Answer<void> load_module(std::string_view) override { return gone<void>(); }
  host::Answer<bool> vfio_group_in_use(unsigned group) override { return kernel_.vfio_group_in_use(group); }
  std::string worker() override { return {}; }
  bool at_work(std::string_view) override { return false; }
  std::chrono::milliseconds now() override { return kernel_.now(); }
  void wait(std::chrono::milliseconds duration) override { kernel_.wait(duration); }

 private:
  static bool is_gone(std::string_view path) { return path.contains("0000:01:00.1"); }
  template <class T>
  static host::Answer<T> gone() {
    return std::unexpected(host::Failure{ENOENT});
  }
  FakeKernel kernel_;
};

TEST(Record, LeavesOutWhatGoesMeanwhileAndSaysSo) {
  auto host = new_host(
      "host a kernel=6.1\n"
      "00:01.0 8086:460d 060400 port=root bus=01 acs driver=pcieport\n"
      "01:00.0 10de:2204 030000 multifunction driver=nouveau\n"
      "01:00.1 10de:1aef 040300\n");
  ASSERT_TRUE(host.has_value());
  LosesADevice kernel(FakeKernel(*std::move(host)));
  const auto recording = record_host(kernel, {.name = "b"});
  ASSERT_TRUE(recording.has_value()) << recording.error().message;
  EXPECT_EQ(recording->warnings, std::vector<std::string>{"0000:01:00.1 is listed, but is not there: it was left out"});
  EXPECT_EQ(FakeKernel(recording->host).list("bus/pci/devices"),
            (std::vector<std::string>{"0000:00:01.0", "0000:01:00.0"}));
}

TEST(Record, KnowsTheAddressesOfInterfaces) {
  auto host = new_host(
      "host a kernel=6.1\n"
      "00:02.0 8086:10d3 020000 driver=e1000e\n"
      "file /proc/net/if_inet6 20010db8000000000000000000000007 02 80 00 80 eth0\n");
  ASSERT_TRUE(host.has_value());
  FakeKernel before(*std::move(host));
  const auto recording = record_host(before, {});
  ASSERT_TRUE(recording.has_value());
  EXPECT_EQ(FakeKernel(recording->host).read("/proc/net/if_inet6"), before.read("/proc/net/if_inet6"));
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
