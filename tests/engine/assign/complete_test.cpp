#include "engine/assign/complete.h"

#include <gtest/gtest.h>

#include "engine/assign/address_rules.h"
#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

using domain::DeviceKind;

domain::Domain completed(const Guest& guest) {
  auto wish = read(guest);
  EXPECT_TRUE(wish) << wish.error().message;
  auto domain = complete(std::move(*wish));
  EXPECT_TRUE(domain) << domain.error().message;
  return std::move(*domain);
}

std::string controllers(const Guest& guest) { return controllers_of(completed(guest)); }

TEST(Complete, AddsWhatEachMachineBrings) {
  EXPECT_EQ(controllers({.machine = "pc"}), "usb 0 piix3-uhci, pci 0 pci-root");
  EXPECT_EQ(controllers({.machine = "q35"}), "usb 0 qemu-xhci, sata 0, pci 0 pcie-root");
  EXPECT_EQ(controllers({.machine = "isapc"}), "");
  EXPECT_EQ(controllers({.machine = "microvm"}), "usb 0 piix3-uhci");
  EXPECT_EQ(controllers({.machine = "virt", .arch = "aarch64"}), "pci 0 pcie-root");
  EXPECT_EQ(controllers({.machine = "virt", .arch = "riscv64"}), "pci 0 pcie-root");
  EXPECT_EQ(controllers({.machine = "pseries", .arch = "ppc64"}), "usb 0 qemu-xhci, pci 0 pci-root");
  EXPECT_EQ(controllers({.machine = "s390-ccw-virtio", .arch = "s390x"}), "pci 0 pci-root");
}

TEST(Complete, AddsABalloonUnlessTheXmlHasOneOrSaysNone) {
  const auto balloons = [](const Guest& guest) {
    const auto found = of_kind(completed(guest), DeviceKind::Memballoon);
    return found.size() == 1 ? found[0].model : "none of one";
  };
  EXPECT_EQ(balloons({}), "virtio");
  EXPECT_EQ(balloons({.devices = "<memballoon model='none'/>"}), "none");
  EXPECT_EQ(balloons({.machine = "virt", .arch = "aarch64"}), "none of one");
}

TEST(Complete, AUsbControllerWithIndexOneDoesNotStandInForIndexZero) {
  EXPECT_EQ(controllers({.machine = "pc", .devices = "<controller type='usb' index='1' model='ehci'/>"}),
            "usb 1 ehci, usb 0 piix3-uhci, pci 0 pci-root");
}

TEST(Complete, AWrittenUsbControllerWithoutModelIsPiix3EvenOnQ35) {
  EXPECT_EQ(controllers({.devices = "<controller type='usb'/>"}), "usb 0 piix3-uhci, sata 0, pci 0 pcie-root");
}

TEST(Complete, GivesAScsiControllerTheMachinesModel) {
  constexpr std::string_view kScsi = "<controller type='scsi'/><controller type='usb' model='none'/>";
  EXPECT_EQ(controllers({.machine = "pc", .devices = kScsi}), "scsi 0 lsilogic, usb 0 none, pci 0 pci-root");
  EXPECT_EQ(controllers({.machine = "pseries", .devices = kScsi, .arch = "ppc64"}),
            "scsi 0 ibmvscsi, usb 0 none, pci 0 pci-root");
}

TEST(Complete, DisksBringTheControllersUpToTheirs) {
  EXPECT_EQ(
      controllers({.machine = "pc",
                   .devices = "<disk type='block'><source dev='/a'/><target dev='sdz' bus='sata'/></disk>"
                              "<disk type='block'><source dev='/b'/><target dev='sdh'/></disk>"}),
      "usb 0 piix3-uhci, pci 0 pci-root, scsi 0 lsilogic, scsi 1 lsilogic, sata 0, sata 1, sata 2, sata 3, sata 4");
}

TEST(Complete, ChannelsBringExactlyTheControllerTheyName) {
  EXPECT_EQ(controllers({.machine = "pc",
                         .devices = "<channel type='pty'><target type='virtio' name='a'/>"
                                    "<address type='virtio-serial' controller='2' port='1'/></channel>"}),
            "usb 0 piix3-uhci, pci 0 pci-root, virtio-serial 2");
}

TEST(Complete, TheThirtyFirstChannelBringsASecondController) {
  std::string channels;
  for (int i = 0; i < 31; ++i)
    channels += fmt::format("<channel type='pty'><target type='virtio' name='c{}'/></channel>", i);
  EXPECT_EQ(controllers({.machine = "pc", .devices = channels}),
            "usb 0 piix3-uhci, pci 0 pci-root, virtio-serial 0, virtio-serial 1");
}

TEST(Complete, AScsiHostdevIsSeenBeforeControllersAreNumbered) {
  EXPECT_EQ(controllers({.machine = "pc",
                         .devices = "<controller type='scsi' model='virtio-scsi'/>"
                                    "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>"
                                    "<address bus='0' target='0' unit='1'/></source></hostdev>"}),
            "scsi 1 virtio-scsi, scsi 0 lsilogic, usb 0 piix3-uhci, pci 0 pci-root");
}

TEST(Complete, ScsiHostdevsTakeTheUnitsThatDisksLeave) {
  const auto domain = completed({.machine = "pc",
                                 .devices = "<disk type='block'><source dev='/a'/><target dev='sda'/></disk>"
                                            "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>"
                                            "<address bus='0' target='0' unit='1'/></source></hostdev>"});
  EXPECT_EQ(of_kind(domain, DeviceKind::Disk)[0].drive, (domain::DriveAddress{0, 0, 0, 0}));
  EXPECT_EQ(of_kind(domain, DeviceKind::Hostdev)[0].drive, (domain::DriveAddress{0, 0, 0, 1}));
}

TEST(Complete, GraphicsBringAPrimaryVideo) {
  const auto videos = of_kind(completed({.devices = "<graphics type='vnc'/>"}), DeviceKind::Video);
  ASSERT_EQ(videos.size(), 1U);
  EXPECT_EQ(videos[0].model, "cirrus");
  EXPECT_TRUE(videos[0].primary);
  EXPECT_EQ(videos[0].element, domain::kNoElement);
}

TEST(Complete, BringsDevicesIntoIterationOrder) {
  const auto domain = completed({.devices = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
                                            "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
                                            "<disk type='block'><source dev='/a'/><target dev='vda'/></disk>"});
  for (std::size_t i = 1; i < domain.devices.size(); ++i) EXPECT_LE(domain.devices[i - 1].kind, domain.devices[i].kind);
  EXPECT_EQ(domain.devices[0].bus, "virtio");
  EXPECT_EQ(of_kind(domain, DeviceKind::Interface)[0].model, "rtl8139");
}

TEST(Complete, AVideoOfTypeNoneLosesItsAddress) {
  const auto domain = completed({.devices = "<video><model type='none'/><address type='pci' slot='7'/></video>"});
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Video)[0].address), AddressType::None);
}

TEST(Complete, AChannelLosesAnAddressThatIsNoneOfChannels) {
  const auto domain = completed({.devices = "<channel type='pty'><target type='virtio' name='a'/>"
                                            "<address type='pci' slot='7'/></channel>"});
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Channel)[0].address), AddressType::None);
}

TEST(Complete, TheFirstConsoleLosesItsAddressBesideASerialPort) {
  const auto domain = completed({.devices = "<serial type='pty'><target type='pci-serial'/></serial>"
                                            "<console type='pty'><address type='pci' slot='7'/></console>"});
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Console)[0].address), AddressType::None);
}

// --- Transports

TEST(Transports, VirtioDevicesBecomeChannelDevicesOnS390x) {
  const auto domain = completed({.machine = "s390-ccw-virtio",
                                 .devices = "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
                                            "<disk type='block'><source dev='/a'/><target dev='vda'/>"
                                            "<address type='ccw' cssid='0xfe' ssid='0' devno='0x0000'/></disk>"
                                            "<memballoon model='virtio'><address type='pci'/></memballoon>",
                                 .arch = "s390x"});
  EXPECT_EQ(std::get<domain::CcwAddress>(of_kind(domain, DeviceKind::Interface)[0].address).number,
            (domain::CcwAddress::Number{0xfe, 0, 1}));
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Memballoon)[0].address), AddressType::Pci);
}

TEST(Transports, OneMmioDeviceDrawsTheOthersAlong) {
  constexpr std::string_view kDevices =
      "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
      "<rng model='virtio'><backend model='random'>/dev/urandom</backend><address type='virtio-mmio'/></rng>"
      "<vsock model='virtio'><cid auto='yes'/></vsock>";
  const auto domain = completed({.machine = "virt", .devices = kDevices, .arch = "aarch64"});
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Interface)[0].address), AddressType::VirtioMmio);
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Vsock)[0].address), AddressType::None);
  const auto pc = completed({.machine = "pc", .devices = kDevices});
  EXPECT_EQ(type_of(of_kind(pc, DeviceKind::Interface)[0].address), AddressType::None);
}

TEST(Transports, BoardsWithoutPciUseMmio) {
  const auto domain = completed({.machine = "vexpress-a9",
                                 .devices = "<disk type='block'><source dev='/a'/><target dev='vda'/></disk>",
                                 .arch = "armv7l"});
  EXPECT_EQ(type_of(of_kind(domain, DeviceKind::Disk)[0].address), AddressType::VirtioMmio);
}

TEST(Transports, SpaprRegistersGoUpInSteps) {
  const auto domain =
      completed({.machine = "pseries",
                 .devices = "<controller type='scsi'/><controller type='scsi'/>"
                            "<controller type='scsi'><address type='spapr-vio' reg='0x2000'/></controller>",
                 .arch = "ppc64"});
  std::vector<std::uint64_t> registers;
  for (const auto& device : of_kind(domain, DeviceKind::Controller))
    if (device.controller->type == domain::ControllerType::Scsi)
      registers.push_back(*std::get<domain::SpaprVioAddress>(device.address).reg);
  EXPECT_EQ(registers, (std::vector<std::uint64_t>{0x3000, 0x4000, 0x2000}));
}

// --- What is not modelled

TEST(Complete, WhatIsNotModelledIsUnsupportedAndNotRefused) {
  auto other_machine = read({.machine = "fuloong2e", .arch = "mips64el"});
  EXPECT_EQ(complete(*other_machine).error().kind, ErrorKind::Unsupported);
  auto other_hypervisor = read({});
  other_hypervisor->virt_type = "xen";
  EXPECT_EQ(complete(*other_hypervisor).error().kind, ErrorKind::Unsupported);
}

}  // namespace
}  // namespace busproof::assign
