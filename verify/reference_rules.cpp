#include "verify/reference_rules.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include "engine/base/ascii.h"

namespace busproof::verify::reference {
namespace {

using domain::Device;
using domain::DeviceKind;
using Words = std::initializer_list<std::string_view>;

// clang-format off
const std::array kRows = [] {
  using enum pci::ControllerModel;
  using enum Kind;
  return std::array{
      ControllerRow{PciRoot, 1, 31, true, {Conventional, Bridge, Expander}, None, ""},
      ControllerRow{PcieRoot, 1, 31, false, {Express, RootPort, Dmi, ExpressExpander}, None, ""},
      ControllerRow{PciBridge, 1, 31, true, {Conventional, Bridge}, Bridge, "pci-bridge"},
      ControllerRow{DmiToPciBridge, 0, 31, false, {Conventional, Bridge}, Dmi, "i82801b11-bridge"},
      ControllerRow{PcieToPciBridge, 1, 31, true, {Conventional, Bridge}, ExpressBridge, "pcie-pci-bridge"},
      ControllerRow{PcieRootPort, 0, 0, true, {Express, Upstream, ExpressBridge}, RootPort, "pcie-root-port"},
      ControllerRow{PcieSwitchUpstreamPort, 0, 31, false, {Downstream}, Upstream, "x3130-upstream"},
      ControllerRow{PcieSwitchDownstreamPort, 0, 0, true, {Express, Upstream, ExpressBridge}, Downstream,
                    "xio3130-downstream"},
      ControllerRow{PciExpanderBus, 0, 31, true, {Conventional, Bridge}, Expander, "pxb"},
      ControllerRow{PcieExpanderBus, 0, 31, false, {RootPort, Dmi}, ExpressExpander, "pxb-pcie"},
  };
}();
// clang-format on

/// The network cards that libvirt knows to be conventional; every other name counts as PCI Express.
constexpr std::array<std::string_view, 13> kConventionalCards = {
    "rtl8139",  "e1000",   "vmxnet",  "vmxnet2", "vmxnet3",  "vlance",  "am79c970a",
    "am79c973", "82540em", "82545em", "82543gc", "netfront", "lan9118",
};

bool is_any(std::string_view word, Words words) { return std::ranges::find(words, word) != words.end(); }

bool is_any_kind(const ControllerRow& bus, Kind kind) {
  return std::ranges::find(bus.accepts, kind) != bus.accepts.end();
}

constexpr Asked kPassedOver{};

Asked seat(Kind kind) { return {.kind = kind, .integrated = false, .skipped = false}; }

/// Of a virtio device: the transitional one is a conventional card.
Asked virtio(std::string_view model) {
  return seat(model == "virtio-transitional" ? Kind::Conventional : Kind::Express);
}

std::optional<Asked> nic(const Device& device) {
  if (device.type == "hostdev") return device.bus == "usb" ? kPassedOver : seat(Kind::Express);
  std::string model = device.model;
  std::ranges::transform(model, model.begin(), ascii_lower);
  if (model == "spapr-vlan" || model == "scm91c111") return std::nullopt;
  if (model == "usb-net") return seat(Kind::None);
  if (std::ranges::find(kConventionalCards, model) != kConventionalCards.end()) return seat(Kind::Conventional);
  return virtio(model);
}

std::optional<Asked> sound(std::string_view model) {
  if (is_any(model, {"es1370", "ac97", "ich6", "ich9"})) return seat(Kind::Conventional);
  if (is_any(model, {"sb16", "pcspk", "usb"})) return kPassedOver;
  if (model == "ich7") return seat(Kind::None);
  return std::nullopt;
}

std::optional<Asked> video(std::string_view model) {
  if (is_any(model, {"none", "ramfb"})) return kPassedOver;
  if (is_any(model, {"virtio", "bochs"})) return seat(Kind::Express);
  if (is_any(model, {"vga", "cirrus", "qxl", "vmvga"})) return seat(Kind::Conventional);
  return std::nullopt;
}

std::optional<Asked> hostdev(const Device& device) {
  if (device.type == "pci") return seat(Kind::Express);
  if (device.type == "mdev") return device.model == "vfio-pci" ? seat(Kind::Express) : kPassedOver;
  const auto* address = std::get_if<domain::PciAddress>(&device.address);
  const bool has_place = address != nullptr && address->at;
  if (device.type == "scsi_host") return has_place ? seat(Kind::Express) : virtio(device.model);
  if (device.type == "usb" || device.type == "scsi") return kPassedOver;
  return std::nullopt;
}

std::optional<Asked> filesystem(const Device& device) {
  if (device.driver == "virtiofs") return seat(Kind::Express);
  if (device.driver.empty() || device.driver == "path") return virtio(device.model);
  return std::nullopt;
}

std::optional<Asked> controller(const Device& device) {
  const std::string_view model = device.model;
  switch (device.controller->type) {
    case domain::ControllerType::Pci:
      if (!device.controller->pci_model) return std::nullopt;
      return seat(row_of(*device.controller->pci_model).asks);
    case domain::ControllerType::Ide:
      if (device.controller->index == 0U) return kPassedOver;
      return seat(Kind::Conventional);
    case domain::ControllerType::Sata:
      return seat(Kind::Conventional);
    case domain::ControllerType::Fdc:
    case domain::ControllerType::Ccid:
      return kPassedOver;
    case domain::ControllerType::Scsi:
      if (is_any(model, {"virtio-scsi", "virtio-non-transitional"})) return seat(Kind::Express);
      if (is_any(model, {"virtio-transitional", "lsilogic", "lsisas1068", "lsisas1078", "vmpvscsi", "buslogic"}))
        return seat(Kind::Conventional);
      return std::nullopt;
    case domain::ControllerType::VirtioSerial:
      return virtio(model);
    case domain::ControllerType::Usb:
      if (model == "none") return kPassedOver;
      return seat(is_any(model, {"qemu-xhci", "nec-xhci"}) ? Kind::Express : Kind::Conventional);
    case domain::ControllerType::Xenbus:
    case domain::ControllerType::Isa:
      return std::nullopt;
  }
  return std::nullopt;
}

/// As on a machine whose bus 0 is PCI Express.
std::optional<Asked> asked_on_express(const Device& device) {
  switch (device.kind) {
    case DeviceKind::Disk:
      return device.bus == "virtio" ? virtio(device.model) : kPassedOver;
    case DeviceKind::Interface:
      return nic(device);
    case DeviceKind::Sound:
      return sound(device.model);
    case DeviceKind::Hostdev:
      return hostdev(device);
    case DeviceKind::Video:
      return video(device.model);
    case DeviceKind::Controller:
      return controller(device);
    case DeviceKind::Serial:
      return device.target_type == "pci-serial" ? seat(Kind::Conventional) : kPassedOver;
    case DeviceKind::Input:
      return device.bus == "virtio" ? virtio(device.model) : kPassedOver;
    case DeviceKind::Filesystem:
      return filesystem(device);
    case DeviceKind::Watchdog:
      return device.model == "i6300esb" ? seat(Kind::Conventional) : kPassedOver;
    case DeviceKind::Memballoon:
      return is_any(device.model, {"none", "xen"}) ? kPassedOver : virtio(device.model);
    case DeviceKind::Rng:
    case DeviceKind::Vsock:
      return virtio(device.model);
    case DeviceKind::Shmem:
      return seat(Kind::Conventional);
    case DeviceKind::Memory:
      return is_any(device.model, {"virtio-mem", "virtio-pmem"}) ? seat(Kind::Express) : kPassedOver;
    case DeviceKind::Iommu:
      if (device.model != "virtio") return kPassedOver;
      return Asked{.kind = Kind::Express, .integrated = true, .skipped = false};
    case DeviceKind::Smartcard:
    case DeviceKind::Parallel:
    case DeviceKind::Channel:
    case DeviceKind::Console:
    case DeviceKind::Nvram:
    case DeviceKind::Hub:
    case DeviceKind::Tpm:
    case DeviceKind::Panic:
    case DeviceKind::Redirdev:
      return kPassedOver;
  }
  return std::nullopt;
}

}  // namespace

const ControllerRow& row_of(pci::ControllerModel model) {
  return *std::ranges::find(kRows, model, &ControllerRow::model);
}

bool accepts_unasked(const ControllerRow& bus, Kind kind) {
  return is_any_kind(bus, kind) && (bus.unasked || !is_endpoint(kind));
}

bool accepts_written(const ControllerRow& bus, Kind kind) {
  const bool takes_endpoints = is_any_kind(bus, Kind::Conventional) || is_any_kind(bus, Kind::Express);
  if (is_endpoint(kind) || kind == Kind::Bridge) return takes_endpoints || is_any_kind(bus, kind);
  return is_any_kind(bus, kind);
}

std::optional<Asked> asked_by(const Device& device, bool express_root) {
  auto asked = asked_on_express(device);
  if (asked && !express_root && asked->kind == Kind::Express) asked->kind = Kind::Conventional;
  return asked;
}

std::optional<bool> is_express_machine(const domain::Domain& domain) {
  if (domain.arch != "x86_64" && domain.arch != "i686") return std::nullopt;
  const std::string_view machine = domain.machine;
  if (machine == "q35" || machine.starts_with("pc-q35")) return true;
  if (machine == "pc" || machine.starts_with("pc-i440fx") || machine.starts_with("pc-0.") ||
      machine.starts_with("pc-1."))
    return false;
  return std::nullopt;
}

std::optional<std::uint8_t> usb2_function(const Device& device) {
  if (!device.controller || device.controller->type != domain::ControllerType::Usb) return std::nullopt;
  if (device.model == "ich9-ehci1") return std::uint8_t{7};
  if (device.model == "ich9-uhci1") return std::uint8_t{0};
  if (device.model == "ich9-uhci2") return std::uint8_t{1};
  if (device.model == "ich9-uhci3") return std::uint8_t{2};
  return std::nullopt;
}

}  // namespace busproof::verify::reference
