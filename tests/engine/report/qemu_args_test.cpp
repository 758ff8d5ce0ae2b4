#include "engine/report/qemu_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"

namespace busproof::report {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

domain::PlacedDomain placed(const std::string& xml) {
  auto wish = domain::read_domain(domain::XmlDocument::parse(xml).value());
  return assign::assign(wish.value()).value().placed;
}

/// A guest of that machine, with those devices and no others but what is part of the machine.
std::string guest(const std::string& machine, const std::string& devices,
                  const std::string& head = "<features><acpi/></features>") {
  return "<domain type='qemu'><name>g</name><memory>1</memory><os><type arch='x86_64' machine='" + machine +
         "'>hvm</type></os>" + head + "<devices><controller type='usb' model='none'/><memballoon model='none'/>" +
         devices + "</devices></domain>";
}

/// The values of every `-device`.
std::vector<std::string> devices_of(const std::string& xml, Backends backends = Backends::Omitted) {
  std::vector<std::string> devices;
  for (const QemuArg& arg : qemu_args(placed(xml), backends))
    if (arg.option == "-device") devices.push_back(arg.value);
  return devices;
}

TEST(QemuArgs, NameTheBusAndThePlaceOnIt) {
  EXPECT_THAT(
      devices_of(guest("q35",
                       "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"
                       "<interface type='user'><mac address='52:54:00:00:00:02'/><model type='e1000'/>"
                       "<address type='pci' bus='0' slot='0x10' function='3'/></interface>")),
      ElementsAre("pcie-root-port,port=8,chassis=1,id=pci.1,bus=pcie.0,multifunction=on,addr=0x1",
                  "pcie-root-port,port=9,chassis=2,id=pci.2,bus=pcie.0,addr=0x1.0x1",
                  "virtio-net-pci,id=net0,mac=52:54:00:00:00:01,bus=pci.1,addr=0x0",
                  "e1000,id=net1,mac=52:54:00:00:00:02,bus=pcie.0,addr=0x10.0x3"));
}

TEST(QemuArgs, HaveTheControllersByIndexBeforeWhatSitsOnThem) {
  EXPECT_THAT(
      devices_of(guest("pc",
                       "<controller type='scsi' model='virtio-scsi'><address type='pci' bus='2' slot='5'/></controller>"
                       "<controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='1'/>"
                       "</controller><controller type='pci' index='1' model='pci-expander-bus'>"
                       "<target busNr='200'><node>0</node></target></controller>",
                       "<vcpu>1</vcpu><cpu><numa><cell id='0' cpus='0' memory='1'/></numa></cpu>")),
      ElementsAre("pxb,bus_nr=200,id=pci.1,numa_node=0,bus=pci.0,addr=0x2",
                  "pci-bridge,chassis_nr=2,id=pci.2,bus=pci.1,addr=0x1",
                  "virtio-scsi-pci,id=scsi0,bus=pci.2,addr=0x5"));
}

TEST(QemuArgs, LeaveOutWhatTheMachineHasItself) {
  EXPECT_THAT(devices_of(guest("q35", "<controller type='sata' index='0'/>")), ElementsAre());
  EXPECT_THAT(devices_of(guest("pc", "<controller type='ide' index='0'/><controller type='sata' index='0'/>")),
              ElementsAre("ahci,id=sata0,bus=pci.0,addr=0x2"));
}

TEST(QemuArgs, HangUsbCompanionsOnTheirMaster) {
  const std::string usb2 =
      "<domain type='qemu'><name>g</name><memory>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
      "<devices><memballoon model='none'/><controller type='usb' index='0' model='ich9-ehci1'/>"
      "<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>"
      "<controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/></controller></devices></domain>";
  EXPECT_THAT(devices_of(usb2),
              ElementsAre("ich9-usb-ehci1,id=usb,bus=pcie.0,addr=0x1d.0x7",
                          "ich9-usb-uhci1,masterbus=usb.0,firstport=0,bus=pcie.0,multifunction=on,addr=0x1d",
                          "ich9-usb-uhci2,masterbus=usb.0,firstport=2,bus=pcie.0,addr=0x1d.0x1"));
}

TEST(QemuArgs, CarryTheTransportOfVirtioModels) {
  EXPECT_THAT(devices_of(guest("pc", "<rng model='virtio-non-transitional'><backend model='random'/></rng>")),
              ElementsAre("virtio-rng-pci-non-transitional,id=rng0,bus=pci.0,addr=0x2"));
}

TEST(QemuArgs, UseAliasesAsIds) {
  EXPECT_THAT(devices_of(guest("pc",
                               "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='e1000'/>"
                               "<alias name='ua-uplink'/></interface>")),
              ElementsAre("e1000,id=ua-uplink,mac=52:54:00:00:00:01,bus=pci.0,addr=0x2"));
}

constexpr std::string_view kNeedsMuch =
    "<disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/></disk>"
    "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='6' slot='0' "
    "function='0'/></source></hostdev>"
    "<vsock model='virtio'/>";

TEST(QemuArgs, OfTheTopologyAloneNameWhatLibvirtNames) {
  EXPECT_THAT(devices_of(guest("pc", std::string(kNeedsMuch))),
              ElementsAre("virtio-blk-pci,id=virtio-disk0,bus=pci.0,addr=0x2",
                          "vfio-pci,id=hostdev0,bus=pci.0,addr=0x3", "vhost-vsock-pci,id=vsock0,bus=pci.0,addr=0x4"));
}

TEST(QemuArgs, WithStandInsAreAWholeMachineThatNeedsNothing) {
  const std::vector<QemuArg> args =
      qemu_args(placed(guest("pc-i440fx-7.2", std::string(kNeedsMuch), "")), Backends::StandIns);
  EXPECT_THAT(
      args, ElementsAre(QemuArg{"-machine", "pc-i440fx-7.2,usb=off,acpi=off"}, QemuArg{"-nodefaults", ""},
                        QemuArg{"-blockdev", "driver=null-co,node-name=virtio-disk0-none,size=1048576,read-zeroes=on"},
                        QemuArg{"-device", "virtio-blk-pci,drive=virtio-disk0-none,id=virtio-disk0,bus=pci.0,addr=0x2"},
                        QemuArg{"-device", "virtio-rng-pci,id=hostdev0,bus=pci.0,addr=0x3"},
                        QemuArg{"-device", "virtio-rng-pci,id=vsock0,bus=pci.0,addr=0x4"}));
}

TEST(QemuArgs, WithStandInsHaveTheCellsThatExpandersBelongTo) {
  const std::string xml =
      guest("q35", "", "<vcpu>2</vcpu><cpu><numa><cell id='0' memory='1'/><cell id='1' memory='1'/></numa></cpu>");
  EXPECT_THAT(qemu_args(placed(xml), Backends::StandIns), Contains(QemuArg{"-numa", "node,nodeid=1,memdev=ram-node1"}));
}

TEST(QemuArgs, HaveNothingToSayOfAControllerWithoutAModel) {
  EXPECT_THAT(devices_of("<domain type='qemu'><name>g</name><memory>1</memory>"
                         "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os><devices>"
                         "<controller type='usb' index='0'><address type='pci' slot='1'/></controller>"
                         "<memballoon model='none'/></devices></domain>"),
              ElementsAre());
}

TEST(QemuArgs, NameTheIdsOfADeviceOfS390xBeforeIt) {
  EXPECT_THAT(devices_of("<domain type='qemu'><name>g</name><memory>1</memory>"
                         "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os><devices>"
                         "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
                         "<address type='pci'><zpci uid='7' fid='9'/></address></interface>"
                         "<memballoon model='none'/></devices></domain>"),
              ElementsAre("zpci,uid=7,fid=9,target=net0,id=zpci7",
                          "virtio-net-pci,id=net0,mac=52:54:00:00:00:01,bus=pci.0,addr=0x1"));
}

TEST(QemuArgs, AreReadAlikeByAShellAndXargs) {
  EXPECT_EQ(qemu_args_text({{"-nodefaults", ""}, {"-device", "e1000,id=net0"}, {"-name", "it's two words"}}),
            "-nodefaults\n-device e1000,id=net0\n-name 'it'\\''s two words'\n");
}

/// `e1000,id=net0,bus=pci.1,multifunction=on` of the JSON that libvirt passes, without what it is connected to.
std::string as_text(const nlohmann::ordered_json& device) {
  std::string text = device.at("driver");
  for (const auto& [key, value] : device.items()) {
    if (key == "driver" || key == "netdev" || key == "drive" || key == "rng") continue;
    const std::string word = value.is_string()    ? value.get<std::string>()
                             : value.is_boolean() ? (value.get<bool>() ? "on" : "off")
                                                  : value.dump();
    text += "," + key + "=" + word;
  }
  return text;
}

TEST(QemuArgs, AreThoseOfTheGuestsThatLibvirtStarted) {
  const fs::path folder = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/kernel-truth/guest-topologies";
  if (!fs::exists(folder)) GTEST_SKIP() << "no ../shared/kernel-truth here";
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const auto truth = nlohmann::ordered_json::parse(file);
    std::vector<std::string> wanted;
    for (const auto& device : truth.at("qemu_devices"))
      wanted.push_back(as_text(device.is_string() ? nlohmann::ordered_json::parse(device.get<std::string>()) : device));
    EXPECT_EQ(devices_of(truth.at("domain_xml")), wanted) << entry.path();
  }
}

}  // namespace
}  // namespace busproof::report
