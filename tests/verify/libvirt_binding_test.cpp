#include "verify/libvirt_binding.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/host/sysfs_paths.h"
#include "fakesys/faulty_kernel.h"
#include "fakesys/new_host.h"

// The rows of the tables of sections 3.2, 3.4, 6.2 and 6.4 of the host binding specification, what libvirt leaves
// behind included.
namespace busproof::verify::libvirt {
namespace {

constexpr std::string_view kHost = R"(host test kernel=6.12
00:01.0 8086:0044 028000 driver=iwlwifi group=1
00:02.0 8086:0046 030000 driver=i915 group=2
00:03.0 8086:0048 030000 group=3
module vfio_pci drivers=vfio-pci needs=vfio,vfio_iommu_type1,vfio_pci_core
)";

HostAddress at(std::string_view text) { return *HostAddress::parse(text); }

class LibvirtBinding : public testing::Test {
 protected:
  void break_with(std::string_view fault) {
    kernel_ = fakesys::FaultyKernel(kernel_.kernel(), {*fakesys::parse_fault(fault)});
  }
  /// "iwlwifi/-": driver and override.
  std::string state(std::string_view device) {
    const auto driver = host::link_name(kernel_, host::paths::of_device(at(device), "driver"));
    const auto text = kernel_.read(host::paths::of_device(at(device), "driver_override"));
    return driver.value_or("-") + "/" + (text == "(null)" ? "-" : *text);
  }
  /// "inactive", "active dom1", "-".
  std::string list(std::string_view device) {
    const auto found = binder_.lists().find(at(device));
    if (found == binder_.lists().end()) return "-";
    return found->second.owner ? "active " + found->second.owner->domain : "inactive";
  }

  fakesys::FaultyKernel kernel_{fakesys::FakeKernel(*fakesys::new_host(kHost)), {}};
  Binder binder_{kernel_, {}};
};

TEST_F(LibvirtBinding, DetachAndReattach) {
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), std::nullopt);
  EXPECT_EQ(state("00:01.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(list("00:01.0"), "inactive");
  EXPECT_EQ(binder_.reattach(at("00:01.0")), std::nullopt);
  EXPECT_EQ(state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(list("00:01.0"), "-");
}

TEST_F(LibvirtBinding, Step5ThatFailsChangesNothing) {
  break_with("write */driver_override #1 fail EACCES");
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), Refusal::WriteFailed);
  EXPECT_EQ(state("00:01.0"), "iwlwifi/-");
}

TEST_F(LibvirtBinding, Step6ThatFailsLeavesTheOverride) {
  break_with("write */unbind #1 fail EIO");
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), Refusal::WriteFailed);
  EXPECT_EQ(state("00:01.0"), "iwlwifi/vfio-pci");
  EXPECT_EQ(list("00:01.0"), "-");
}

TEST_F(LibvirtBinding, Step7ThatFailsLeavesNoDriver) {
  break_with("write */drivers_probe #1 fail EINVAL");
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), Refusal::WriteFailed);
  EXPECT_EQ(state("00:01.0"), "-/vfio-pci");
}

TEST_F(LibvirtBinding, NobodyLooksWhetherTheStubHasIt) {
  break_with("write */drivers_probe #1 lie");
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), std::nullopt);
  EXPECT_EQ(state("00:01.0"), "-/vfio-pci");
  EXPECT_EQ(list("00:01.0"), "inactive");
}

TEST_F(LibvirtBinding, PrepareAndRelease) {
  const host::Owner owner{"qemu", "dom1"};
  EXPECT_EQ(binder_.prepare(owner, {{at("00:01.0"), "vfio-pci"}, {at("00:02.0"), "vfio-pci"}}, true), std::nullopt);
  EXPECT_EQ(list("00:01.0"), "active dom1");
  EXPECT_EQ(binder_.prepare({"qemu", "dom2"}, {{at("00:02.0"), "vfio-pci"}}, true), Refusal::InUse);
  EXPECT_EQ(binder_.detach(at("00:02.0"), "vfio-pci"), Refusal::InUse);
  EXPECT_EQ(binder_.reattach(at("00:02.0")), Refusal::InUse);
  binder_.release({"qemu", "dom2"}, {at("00:01.0")});
  EXPECT_EQ(list("00:01.0"), "active dom1");
  binder_.release(owner, {at("00:01.0"), at("00:02.0")});
  EXPECT_EQ(state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(state("00:02.0"), "i915/-");
  EXPECT_EQ(list("00:02.0"), "-");
}

TEST_F(LibvirtBinding, PrepareThatFailsForgetsTheDeviceThatFailed) {
  break_with("write */drivers_probe #2 fail EINVAL");
  EXPECT_EQ(binder_.prepare({"qemu", "dom1"}, {{at("00:01.0"), "vfio-pci"}, {at("00:02.0"), "vfio-pci"}}, true),
            Refusal::WriteFailed);
  EXPECT_EQ(state("00:01.0"), "iwlwifi/-");
  EXPECT_EQ(state("00:02.0"), "-/vfio-pci");
}

TEST_F(LibvirtBinding, UnmanagedMustBeDetachedAndStaysSo) {
  const host::Owner owner{"qemu", "dom1"};
  EXPECT_EQ(binder_.prepare(owner, {{at("00:01.0"), "vfio-pci"}}, false), Refusal::Unmanaged);
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), std::nullopt);
  EXPECT_EQ(binder_.prepare(owner, {{at("00:01.0"), "vfio-pci"}}, false), std::nullopt);
  binder_.release(owner, {at("00:01.0")});
  EXPECT_EQ(state("00:01.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(list("00:01.0"), "inactive");
}

TEST_F(LibvirtBinding, MixedStaysDetached) {
  const host::Owner owner{"qemu", "dom1"};
  EXPECT_EQ(binder_.detach(at("00:01.0"), "vfio-pci"), std::nullopt);
  EXPECT_EQ(binder_.prepare(owner, {{at("00:01.0"), "vfio-pci"}}, true), std::nullopt);
  binder_.release(owner, {at("00:01.0")});
  EXPECT_EQ(state("00:01.0"), "vfio-pci/vfio-pci");
}

TEST_F(LibvirtBinding, OffersToDriversWhatHadNone) {
  EXPECT_EQ(binder_.detach(at("00:03.0"), "vfio-pci"), std::nullopt);
  EXPECT_EQ(state("00:03.0"), "vfio-pci/vfio-pci");
  EXPECT_EQ(binder_.reattach(at("00:03.0")), std::nullopt);
  EXPECT_EQ(state("00:03.0"), "-/-");
}

}  // namespace
}  // namespace busproof::verify::libvirt
