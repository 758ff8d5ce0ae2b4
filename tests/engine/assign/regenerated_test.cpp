#include "engine/assign/regenerated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/domain/xml_document.h"

namespace busproof::assign {
namespace {

using domain::ControllerType;
using domain::Device;
using pci::ControllerModel;

domain::Domain domain_of_xml(std::string_view devices) {
  const auto document =
      domain::XmlDocument::parse("<domain type='qemu'><name>g</name><os><type machine='q35'>hvm</type></os><devices>" +
                                 std::string(devices) + "</devices></domain>");
  return domain::read_domain(document.value()).value();
}

TEST(Regenerated, KeepsDevicesWithoutTheirPciAddresses) {
  const domain::Domain domain = regenerated(domain_of_xml(
      "<interface type='user'><mac address='52:54:00:00:00:01'/><address type='pci' bus='1' slot='0'/></interface>"
      "<disk device='cdrom'><target dev='sda' bus='sata'/><address type='drive' unit='3'/></disk>"));
  ASSERT_EQ(domain.devices.size(), 2);
  EXPECT_TRUE(std::holds_alternative<domain::NoAddress>(domain.devices[0].address));
  EXPECT_EQ(domain.devices[0].mac, "52:54:00:00:00:01");
  EXPECT_TRUE(std::holds_alternative<domain::DriveAddress>(domain.devices[1].address));
}

TEST(Regenerated, LeavesControllersToLibvirtThatItAddsByItself) {
  const domain::Domain domain = regenerated(
      domain_of_xml("<controller type='pci' index='0' model='pcie-root'/>"
                    "<controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x8'/>"
                    "<address type='pci' slot='1'/></controller>"
                    "<controller type='pci' index='2' model='pcie-root-port'><target hotplug='off' chassis='2'/>"
                    "</controller>"
                    "<controller type='pci' index='3' model='pcie-expander-bus'><target busNr='200'><node>0</node>"
                    "</target></controller>"
                    "<controller type='scsi' index='0'/>"));
  ASSERT_EQ(domain.devices.size(), 4);
  EXPECT_EQ(domain.devices[0].controller->index, 0);
  EXPECT_EQ(domain.devices[1].controller->target.hotplug, domain::Switch::Off);
  EXPECT_FALSE(domain.devices[1].controller->index || domain.devices[1].controller->target.chassis);
  EXPECT_EQ(domain.devices[2].controller->pci_model, ControllerModel::PcieExpanderBus);
  EXPECT_EQ(domain.devices[2].controller->target.bus_nr, 200);
  EXPECT_EQ(domain.devices[3].controller->index, 0);
}

}  // namespace
}  // namespace busproof::assign
