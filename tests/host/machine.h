#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/perform.h"
#include "engine/host/sysfs_paths.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/faulty_kernel.h"
#include "fakesys/new_host.h"
#include "verify/crash_point.h"

/// A made-up host with busproof at work on it, for scenarios told step by step.
namespace busproof::host {

inline HostAddress at(std::string_view text) { return *HostAddress::parse(text); }

/// The network side of virtual functions, made up: `refused` are settings that a card does not take.
class FakeVfNet final : public VfNet {
 public:
  std::map<VfPlace, VfSettings> settings;
  std::set<std::string> refused;

  Answer<VfSettings> get(const VfPlace& place) override {
    return settings.try_emplace(place, VfSettings{"00:00:00:00:00:00", 0}).first->second;
  }
  Answer<void> set_mac(const VfPlace& place, const std::string& mac) override {
    if (refused.contains(mac)) return std::unexpected(Failure{EINVAL});
    settings[place].mac = mac;
    return {};
  }
  Answer<void> set_vlan(const VfPlace& place, unsigned vlan) override {
    if (refused.contains("vlan " + std::to_string(vlan))) return std::unexpected(Failure{EINVAL});
    settings[place].vlan = vlan;
    return {};
  }
};

class TestMachine {
 public:
  /// `faults`, one a line, count from the first access on.
  explicit TestMachine(std::string_view description, const std::vector<std::string>& faults = {}) {
    auto host = fakesys::new_host(description);
    EXPECT_TRUE(host.has_value()) << (host ? "" : host.error().message);
    kernel_ = std::make_unique<fakesys::FaultyKernel>(fakesys::FakeKernel(std::move(*host)), script(faults));
  }
  /// From now on with these faults and none of the old.
  void break_with(const std::vector<std::string>& faults) {
    fakesys::FakeKernel kernel = kernel_->kernel();
    kernel_ = std::make_unique<fakesys::FaultyKernel>(std::move(kernel), script(faults));
  }

  [[nodiscard]] Machine machine() { return {*kernel_, mortal_journals_, mortal_ledger_, &vf_net}; }
  [[nodiscard]] fakesys::FaultyKernel& kernel() { return *kernel_; }
  [[nodiscard]] fakesys::FakeKernel& fake() { return kernel_->kernel(); }

  Checked<Performance> run(const Request& request) { return perform(machine(), request); }
  /// "done", "already", "rolled-back bind-failed", "refused in-use": how it ended, in a word.
  std::string ended(const Request& request) {
    last = run(request);
    if (!last) return "refused " + std::string(to_string(last.error().code));
    std::string text(to_string(last->outcome.end));
    if (last->outcome.primary) text += " " + std::string(to_string(last->outcome.primary->code));
    return text;
  }
  std::string detach(std::vector<std::string_view> devices) { return ended(request(Operation::Detach, devices)); }
  std::string reattach(std::vector<std::string_view> devices) { return ended(request(Operation::Reattach, devices)); }
  std::string reset(std::vector<std::string_view> devices) { return ended(request(Operation::Reset, devices)); }
  std::string prepare(const std::string& domain, std::vector<std::string_view> devices, bool managed = true) {
    Request wish = request(Operation::Prepare, devices);
    wish.owner = Owner{"qemu", domain};
    for (Wish& each : wish.devices) {
      each.managed = managed;
      each.driver.backend = Backend::Qemu;
    }
    return ended(wish);
  }
  std::string stop(const std::string& domain, std::vector<std::string_view> devices = {}) {
    Request wish = request(Operation::Release, devices);
    wish.owner = Owner{"qemu", domain};
    return ended(wish);
  }

  static Request request(Operation operation, const std::vector<std::string_view>& devices) {
    Request wish{.operation = operation};
    for (const std::string_view device : devices) wish.devices.push_back({at(device)});
    return wish;
  }

  /// "vfio-pci/vfio-pci": driver and override; "-" for none.
  std::string state(std::string_view device) {
    const HostAddress address = at(device);
    const auto driver = link_name(fake(), paths::of_device(address, "driver"));
    const std::string override_to = fake().read(paths::of_device(address, "driver_override")).value_or("(gone)");
    return driver.value_or("-") + "/" + (override_to == "(null)" ? "-" : override_to);
  }
  /// "2/1": how many are inactive and active.
  std::string lists() {
    std::size_t active = 0, inactive = 0;
    const auto entries = *read_ledger(ledger);
    for (const auto& [address, entry] : entries) ++(entry.owner ? active : inactive);
    return std::to_string(inactive) + "/" + std::to_string(active);
  }
  std::string flags(std::string_view device) {
    std::string text;
    const auto entries = *read_ledger(ledger);
    const LedgerEntry* entry = find(entries, at(device));
    if (entry == nullptr) return "no entry";
    for (const Flag flag : entry->flags) text.append(text.empty() ? "" : " ").append(to_string(flag));
    return text;
  }
  /// What was written to the kernel since the last call, one line each: "driver_override=vfio-pci".
  std::vector<std::string> writes() {
    std::vector<std::string> lines;
    const auto& all = kernel_->accesses();
    for (; seen_ < all.size(); ++seen_) {
      if (all[seen_].access != fakesys::Access::Write) continue;
      std::string path = all[seen_].path;
      for (const std::string_view prefix : {"bus/pci/devices/", "bus/pci/"})
        if (path.starts_with(prefix)) path.erase(0, prefix.size());
      lines.push_back(path + "=" + (all[seen_].value == "\n" ? "" : all[seen_].value));
    }
    return lines;
  }

  MemoryStore journals, ledger;
  FakeVfNet vf_net;
  Checked<Performance> last = std::unexpected(Trouble{});

 private:
  static std::vector<fakesys::Fault> script(const std::vector<std::string>& lines) {
    std::vector<fakesys::Fault> faults;
    for (const std::string& line : lines) {
      auto fault = fakesys::parse_fault(line);
      EXPECT_TRUE(fault.has_value()) << line;
      faults.push_back(*std::move(fault));
    }
    return faults;
  }

  std::unique_ptr<fakesys::FaultyKernel> kernel_;
  verify::Life life_{{}, [this] { return kernel_->crashed(); }};  // who crashes writes nothing more to files either
  verify::MortalStore mortal_journals_{journals, life_}, mortal_ledger_{ledger, life_};
  std::size_t seen_ = 0;
};

/// The host of section 9.1 of the specification that has the shapes of libvirt's own tests.
inline constexpr std::string_view kHostLv = R"(host lv kernel=5.4
0000:00:00.0 8086:0044 060000 driver=iwlwifi group=0
0000:00:01.0 8086:0044 028000 pm flr driver=iwlwifi group=1
0000:00:02.0 8086:0046 030000 pm af conventional driver=i915 group=2
0000:00:03.0 8086:0048 030000 pm multifunction group=3
0001:00:00.0 1014:03b9 060400 port=root bus=01 group=4
0001:01:00.0 8086:105e 020000 pm multifunction group=5
0001:01:00.1 8086:105e 020000 pm group=5
0005:80:00.0 10b5:8112 060400 port=to-pci bus=90 group=6
0005:90:01.0 1033:0035 0c0310 pm conventional multifunction group=7
0005:90:01.1 1033:0035 0c0310 pm conventional group=7
0005:90:01.2 1033:00e0 0c0320 pm conventional group=7
0000:0a:01.0 8086:0047 030000 driver=i915 group=8
0000:0a:02.0 8286:0048 030000 group=8
0000:0a:03.0 8386:0048 030000 group=8
0000:01:00.0 1cc1:8201 010802 flr driver=nvme group=14
0000:02:00.0 1cc1:8201 010802 flr driver=nvme group=15
)";

/// A graphics card and its sound in one group, behind a port that is a member too.
inline constexpr std::string_view kHostGpu = R"(host gpu kernel=6.18
00:01.0 8086:460d 060400 port=root bus=01 driver=pcieport group=14
01:00.0 10de:2204 030000 multifunction driver=nouveau group=14
01:00.1 10de:1aef 040300 driver=snd_hda_intel group=14
)";

/// A kernel from before there were overrides, with two cards of one id.
inline constexpr std::string_view kHostOld = R"(host old kernel=3.10
03:00.0 8086:10fb 020000 flr driver=ixgbe
04:00.0 8086:10fb 020000 flr driver=ixgbe
)";

/// A network card with virtual functions, for which a vfio driver of its own exists.
inline constexpr std::string_view kHostNic = R"(host nic kernel=6.18
00:01.0 8086:352a 060400 port=root bus=0a acs driver=pcieport
0a:00.0 15b3:101d 020000 flr multifunction driver=mlx5_core vfs=8 offset=2 stride=1 vf=101e
module mlx5_vfio_pci drivers=mlx5_vfio_pci needs=vfio_pci_core,vfio available
alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci
alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci
)";

}  // namespace busproof::host
