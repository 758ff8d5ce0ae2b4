#include "verify/new_devices.h"

#include <fmt/format.h>

#include <vector>

#include "engine/domain/xml_document.h"

namespace busproof::verify {
namespace {

// clang-format off
constexpr std::array kDevices = {
  NewDevice{"virtio-nic",      10, false, false, "<interface type='user'><mac address='52:54:00:{2}'/><model type='virtio'/></interface>"},
  NewDevice{"e1000",            6, false, false, "<interface type='user'><mac address='52:54:00:{2}'/><model type='e1000'/></interface>"},
  NewDevice{"e1000e",           2, false, false, "<interface type='user'><mac address='52:54:00:{2}'/><model type='e1000e'/></interface>"},
  NewDevice{"virtio-disk",      8, false, false, "<disk type='file' device='disk'><source file='/srv/{0}'/><target dev='vd{1}' bus='virtio'/></disk>"},
  NewDevice{"scsi-disk",        3, false, false, "<disk type='file' device='disk'><source file='/srv/{0}'/><target dev='sd{1}' bus='scsi'/></disk>"},
  NewDevice{"sata-disk",        2, true,  false, "<disk type='file' device='disk'><source file='/srv/{0}'/><target dev='sd{1}' bus='sata'/></disk>"},
  NewDevice{"hostdev",          3, false, false, "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0001' bus='{3}' slot='{4}' function='0'/></source></hostdev>"},
  NewDevice{"rng",              3, false, false, "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"},
  NewDevice{"transitional-rng", 2, false, false, "<rng model='virtio-transitional'><backend model='random'>/dev/urandom</backend></rng>"},
  NewDevice{"watchdog",         1, true,  true,  "<watchdog model='i6300esb' action='reset'/>"},
  NewDevice{"ich9-sound",       2, true,  false, "<sound model='ich9'/>"},
  NewDevice{"ac97-sound",       1, true,  false, "<sound model='ac97'/>"},
  NewDevice{"shmem",            2, true,  false, "<shmem name='shm{0}'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"},
  NewDevice{"tablet",           2, false, false, "<input type='tablet' bus='virtio'/>"},
  NewDevice{"pci-serial",       1, true,  false, "<serial type='pty'><target type='pci-serial'/></serial>"},
  NewDevice{"channel",          2, false, false, "<channel type='unix'><target type='virtio' name='org.example.{0}'/></channel>"},
  NewDevice{"filesystem",       2, false, false, "<filesystem type='mount'><source dir='/srv/{0}'/><target dir='tag{0}'/></filesystem>"},
  NewDevice{"vsock",            1, false, true,  "<vsock model='virtio'><cid auto='no' address='4711'/></vsock>"},
  NewDevice{"qxl-video",        2, true,  false, "<video><model type='qxl'/></video>"},
};

constexpr std::array kNewControllers = {
  NewController{"root-port",       8, true,  false, pci::ControllerModel::PcieRootPort},
  NewController{"pci-bridge",      4, true,  true,  pci::ControllerModel::PciBridge},
  NewController{"dmi-bridge",      2, true,  false, pci::ControllerModel::DmiToPciBridge},
  NewController{"pcie-bridge",     2, true,  false, pci::ControllerModel::PcieToPciBridge},
  NewController{"upstream-port",   3, true,  false, pci::ControllerModel::PcieSwitchUpstreamPort},
  NewController{"downstream-port", 3, true,  false, pci::ControllerModel::PcieSwitchDownstreamPort},
  NewController{"pci-expander",    4, false, true,  pci::ControllerModel::PciExpanderBus},
  NewController{"pcie-expander",   4, true,  false, pci::ControllerModel::PcieExpanderBus},
};
// clang-format on

/// 0 is "a", 25 "z", 26 "aa".
std::string letters(std::uint32_t number) {
  std::string text;
  for (++number; number > 0; number = (number - 1) / 26)
    text.insert(text.begin(), static_cast<char>('a' + (number - 1) % 26));
  return text;
}

domain::Device read_one(const std::string& element) {
  const auto document = domain::XmlDocument::parse(
      "<domain type='qemu'><name>one</name><memory>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
      "<devices>" +
      element + "</devices></domain>");
  return domain::read_domain(*document)->devices.at(0);
}

/// Rows are read once; a device of another number differs in its names only.
const std::vector<domain::Device>& read_rows() {
  static const std::vector<domain::Device> rows = [] {
    std::vector<domain::Device> read;
    for (std::uint32_t row = 0; row < kDevices.size(); ++row) read.push_back(read_one(xml_of_new(row, 0)));
    return read;
  }();
  return rows;
}

std::string mac_tail(std::uint32_t id) {
  return fmt::format("{:02x}:{:02x}:{:02x}", id >> 16U & 0xffU, id >> 8U & 0xffU, id & 0xffU);
}

}  // namespace

std::span<const NewDevice> new_devices() { return kDevices; }
std::span<const NewController> new_controllers() { return kNewControllers; }

std::string xml_of_new(std::uint32_t row, std::uint32_t id) {
  std::string xml = fmt::format(fmt::runtime(kDevices[row % kDevices.size()].xml), id, letters(id), mac_tail(id),
                                fmt::format("{:#x}", 1 + id / 32 % 255), fmt::format("{:#x}", id % 32));
  const std::string alias = fmt::format("<alias name='ua-{}'/>", id);
  if (xml.ends_with("/>") && xml.find('>') == xml.size() - 1)
    return fmt::format("{}>{}</{}>", xml.substr(0, xml.size() - 2), alias, xml.substr(1, xml.find(' ') - 1));
  return xml.insert(xml.rfind("</"), alias);
}

domain::Device new_device(std::uint32_t row, std::uint32_t id) {
  row %= static_cast<std::uint32_t>(kDevices.size());
  domain::Device device = read_rows()[row];
  device.alias = fmt::format("ua-{}", id);
  if (!device.mac.empty()) device.mac = "52:54:00:" + mac_tail(id);
  if (device.kind == domain::DeviceKind::Disk) device.target = device.target.substr(0, 2) + letters(id);
  if (device.kind == domain::DeviceKind::Shmem) device.target = fmt::format("shm{}", id);
  if (device.kind == domain::DeviceKind::Filesystem) device.target = fmt::format("tag{}", id);
  if (device.kind == domain::DeviceKind::Channel) device.target = fmt::format("org.example.{}", id);
  if (device.host_address)
    device.host_address = pci::HostAddress::make(1, static_cast<std::uint8_t>(1 + id / 32 % 255), id % 32, 0);
  return device;
}

domain::Device new_controller(std::uint32_t row, std::uint32_t id, std::uint32_t index) {
  const NewController& wanted = kNewControllers[row % kNewControllers.size()];
  domain::Device device;
  device.kind = domain::DeviceKind::Controller;
  device.type = "pci";
  device.model = to_string(wanted.model);
  device.alias = fmt::format("ua-{}", id);
  device.controller.emplace();
  device.controller->index = index;
  device.controller->pci_model = wanted.model;
  return device;
}

}  // namespace busproof::verify
