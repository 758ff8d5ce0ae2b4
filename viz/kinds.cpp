#include "viz/kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/abi/consequences.h"
#include "engine/topology/controller_rules.h"

namespace busproof::viz {
namespace {

using domain::ControllerType;
using domain::DeviceKind;

struct KindRule {
  DeviceKind kind;
  std::optional<ControllerType> controller;
  std::string_view tag;
  Hue hue;
  std::string_view meaning;
};
// clang-format off
constexpr auto kKindRules = [] {
  using enum DeviceKind;
  constexpr std::nullopt_t kNone = std::nullopt;
  return std::to_array<KindRule>({
    {Controller, ControllerType::Pci,          "BUS",   Hue::Bridge,  "port or bridge"},
    {Interface,  kNone,                        "NET",   Hue::Network, "network card"},
    {Disk,       kNone,                        "DISK",  Hue::Storage, "disk"},
    {Controller, ControllerType::Scsi,         "SCSI",  Hue::Storage, "SCSI controller"},
    {Controller, ControllerType::Sata,         "SATA",  Hue::Storage, "SATA controller"},
    {Controller, ControllerType::Ide,          "IDE",   Hue::Storage, "IDE controller"},
    {Controller, ControllerType::Fdc,          "FDC",   Hue::Storage, "floppy controller"},
    {Filesystem, kNone,                        "FS",    Hue::Storage, "shared folder"},
    {Controller, ControllerType::Usb,          "USB",   Hue::Usb,     "USB controller"},
    {Hub,        kNone,                        "HUB",   Hue::Usb,     "USB hub"},
    {Redirdev,   kNone,                        "REDIR", Hue::Usb,     "redirected USB device"},
    {Controller, ControllerType::VirtioSerial, "VSER",  Hue::Other,   "virtio-serial controller"},
    {Controller, ControllerType::Ccid,         "CCID",  Hue::Other,   "smartcard controller"},
    {Controller, ControllerType::Xenbus,       "XEN",   Hue::Other,   "xenbus"},
    {Controller, ControllerType::Isa,          "ISA",   Hue::Other,   "ISA controller"},
    {Hostdev,    kNone,                        "HOST",  Hue::Host,    "device of the host"},
    {Video,      kNone,                        "VGA",   Hue::Display, "graphics card"},
    {Sound,      kNone,                        "SND",   Hue::Display, "sound card"},
    {Input,      kNone,                        "INPUT", Hue::Other,   "input device"},
    {Smartcard,  kNone,                        "CARD",  Hue::Other,   "smartcard"},
    {Serial,     kNone,                        "TTY",   Hue::Other,   "serial port"},
    {Parallel,   kNone,                        "LPT",   Hue::Other,   "parallel port"},
    {Channel,    kNone,                        "CHAN",  Hue::Other,   "channel"},
    {Console,    kNone,                        "CON",   Hue::Other,   "console"},
    {Watchdog,   kNone,                        "WDOG",  Hue::Other,   "watchdog"},
    {Memballoon, kNone,                        "BALN",  Hue::Other,   "memory balloon"},
    {Rng,        kNone,                        "RNG",   Hue::Other,   "random numbers"},
    {Nvram,      kNone,                        "NVRAM", Hue::Other,   "NVRAM"},
    {Shmem,      kNone,                        "SHM",   Hue::Other,   "shared memory"},
    {Tpm,        kNone,                        "TPM",   Hue::Other,   "TPM"},
    {Panic,      kNone,                        "PANIC", Hue::Other,   "panic notifier"},
    {Memory,     kNone,                        "MEM",   Hue::Other,   "memory device"},
    {Iommu,      kNone,                        "IOMMU", Hue::Other,   "IOMMU"},
    {Vsock,      kNone,                        "VSOCK", Hue::Other,   "vsock"},
  });
}();
// clang-format on

const KindRule& rule_for(DeviceKind kind, std::optional<ControllerType> controller) {
  return *std::ranges::find_if(kKindRules,
                               [&](const KindRule& row) { return row.kind == kind && row.controller == controller; });
}

}  // namespace

Tag tag_of(DeviceKind kind, std::optional<ControllerType> controller) {
  const KindRule& rule = rule_for(kind, controller);
  return {std::string(rule.tag), rule.hue};
}

Look bus_look(pci::ControllerModel model) {
  const bool conventional = topology::rule_for(model).accepts.contains(topology::SlotKind::PciDevice);
  return conventional ? Look::Conventional : Look::Express;
}

std::string newest_linux_name(const abi::AbiDevice& device) {
  if (device.kind != DeviceKind::Interface) return {};
  return abi::linux_name(device, abi::kNamingSchemes.back());
}

std::vector<std::string> linux_name_lines(const abi::AbiDevice& device) {
  std::vector<std::string> lines;
  if (device.kind != DeviceKind::Interface) return lines;
  std::string last;
  for (const abi::NamingScheme& scheme : abi::kNamingSchemes) {
    const std::string name = abi::linux_name(device, scheme);
    if (!name.empty() && name != last)
      lines.push_back(fmt::format("Linux with systemd {} or later: {}", scheme.name.substr(1), name));
    last = name;
  }
  return lines;
}

std::vector<Key> tag_keys(const Graph& graph) {
  std::vector<Key> keys;
  for (const KindRule& rule : kKindRules) {
    const Tag tag{std::string(rule.tag), rule.hue};
    const bool occurs = std::ranges::any_of(graph.nodes, [&](const Node& node) {
      return std::ranges::any_of(node.rows, [&](const Row& row) {
        return std::ranges::any_of(row.cells, [&](const Cell& cell) { return cell.tag == tag; });
      });
    });
    if (occurs) keys.push_back({Key::Sample::Tag, tag, Look::Plain, std::string(rule.meaning)});
  }
  return keys;
}

}  // namespace busproof::viz
