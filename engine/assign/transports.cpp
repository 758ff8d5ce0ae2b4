#include "engine/assign/transports.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "engine/base/ascii.h"

namespace busproof::assign {
namespace {

using domain::CcwAddress;
using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::NoAddress;
using domain::SpaprVioAddress;
using topology::Trait;

/// Calls `visit(list, device)` for every device in iteration order until it refuses one.
template <class Visit>
Result<void> for_each_device(DeviceLists& devices, const Visit& visit) {
  for (std::size_t kind = 0; kind < domain::kDeviceKindCount; ++kind) {
    DeviceList& list = devices[static_cast<DeviceKind>(kind)];
    for (Device& device : list)
      if (Result<void> visited = visit(device); !visited) return std::unexpected(about(visited.error(), list, device));
  }
  return {};
}

// --- spapr-vio

/// Devices that sit on spapr-vio, and the register that the first of a kind gets. Source: QEMU's spapr_llan,
/// spapr_vscsi, spapr_vty.
struct SpaprVioRule {
  DeviceKind kind;
  std::uint64_t first_register;
};
inline constexpr auto kSpaprVioRules = std::to_array<SpaprVioRule>({
    // in the order in which libvirt gives out registers
    {DeviceKind::Interface, 0x1000},
    {DeviceKind::Controller, 0x2000},
    {DeviceKind::Serial, 0x30000000},
    {DeviceKind::Nvram, 0x3000},
    {DeviceKind::Tpm, 0x4000},
});
constexpr std::uint64_t kRegisterStep = 0x1000;

bool sits_on_spapr_vio(const Device& device, const topology::MachineRule& machine) {
  switch (device.kind) {
    case DeviceKind::Interface:
      return equal_ignoring_case(device.model, "spapr-vlan");
    case DeviceKind::Controller:
      return device.controller->type == ControllerType::Scsi && device.model == "ibmvscsi";
    case DeviceKind::Serial:
      return device.target_type == "spapr-vio-serial";
    case DeviceKind::Nvram:
      return machine.traits.contains(Trait::SpaprVioDevices);
    case DeviceKind::Tpm:
      return machine.traits.contains(Trait::SpaprVioDevices) && device.model != "spapr-tpm-proxy";
    default:
      return false;
  }
}

Result<void> give_register(Device& device, std::multiset<std::uint64_t>& taken, std::uint64_t& next) {
  auto* address = std::get_if<SpaprVioAddress>(&device.address);
  if (address == nullptr) return {};
  if (!address->reg) {
    while (taken.contains(next)) next += kRegisterStep;
    address->reg = next;
    taken.insert(next);
    return {};
  }
  if (taken.count(*address->reg) > 1)
    return refused("E315", fmt::format("XML error: spapr-vio address {:#x} already in use", *address->reg),
                   "use another register, or leave reg out");
  return {};
}

/// libvirt changes the type of an address and leaves its contents: the numbers of a PCI address are then read as a
/// register. Source: libvirt 9.0.0, the union in struct _virDomainDeviceInfo.
SpaprVioAddress as_register(const domain::DeviceAddress& address) {
  const auto* pci = std::get_if<domain::PciAddress>(&address);
  if (pci == nullptr || !pci->at || pci->at->slot() == 0) return {};
  return {std::uint64_t{pci->at->bus()} << 32U | pci->at->segment()};
}

Result<void> give_registers(DeviceLists& devices, const topology::MachineRule& machine) {
  std::multiset<std::uint64_t> taken;
  auto seen = for_each_device(devices, [&](const Device& device) -> Result<void> {
    if (const auto* address = std::get_if<SpaprVioAddress>(&device.address); address != nullptr && address->reg)
      taken.insert(*address->reg);
    return {};
  });
  if (!seen) return seen;
  for (const SpaprVioRule& rule : kSpaprVioRules) {
    std::uint64_t next = rule.first_register;
    DeviceList& list = devices[rule.kind];
    for (Device& device : list) {
      if (sits_on_spapr_vio(device, machine) && !std::holds_alternative<SpaprVioAddress>(device.address)) {
        const SpaprVioAddress address = as_register(device.address);
        if (address.reg) taken.insert(*address.reg);
        device.address = address;
      }
      if (auto given = give_register(device, taken, next); !given)
        return std::unexpected(about(given.error(), list, device));
    }
  }
  return {};
}

// --- virtio devices that follow the machine's transport

/// Which virtio devices follow the machine's transport when the XML gives them no address: `model` and `bus` empty fit
/// any. Filesystems and vsock follow to CCW, but not to virtio-mmio.
enum class Follows : std::uint8_t { Both, CcwOnly };
struct FollowerRule {
  DeviceKind kind;
  std::string_view bus;
  std::string_view model;
  Follows follows;
};
// clang-format off
inline constexpr auto kFollowerRules = std::to_array<FollowerRule>({
  // kind                    bus       model                       follows
  {DeviceKind::Disk,        "virtio", "",                         Follows::Both},
  {DeviceKind::Interface,   "",       "virtio",                   Follows::Both},
  {DeviceKind::Interface,   "",       "virtio-transitional",      Follows::Both},
  {DeviceKind::Interface,   "",       "virtio-non-transitional",  Follows::Both},
  {DeviceKind::Video,       "",       "virtio",                   Follows::Both},
  {DeviceKind::Input,       "virtio", "",                         Follows::Both},
  {DeviceKind::Rng,         "",       "",                         Follows::Both},
  {DeviceKind::Memory,      "",       "virtio-mem",               Follows::Both},
  {DeviceKind::Memory,      "",       "virtio-pmem",              Follows::Both},
  {DeviceKind::Filesystem,  "",       "",                         Follows::CcwOnly},
  {DeviceKind::Vsock,       "",       "",                         Follows::CcwOnly},
});
// clang-format on

bool fits(const FollowerRule& rule, const Device& device) {
  return rule.kind == device.kind && (rule.bus.empty() || rule.bus == device.bus) &&
         (rule.model.empty() || equal_ignoring_case(rule.model, device.model));
}

/// How `device` follows; nothing for one that does not.
std::optional<Follows> follows(const Device& device) {
  switch (device.kind) {
    case DeviceKind::Controller: {
      const ControllerType type = device.controller->type;
      if (type == ControllerType::VirtioSerial || type == ControllerType::Scsi) return Follows::Both;
      return std::nullopt;
    }
    case DeviceKind::Hostdev:
      if (device.type == "scsi_host") return Follows::Both;
      if (device.type == "mdev" && device.model == "vfio-ccw") return Follows::CcwOnly;
      return std::nullopt;
    case DeviceKind::Memballoon:
      if (device.model == "none") return std::nullopt;
      return Follows::Both;
    default: {
      const auto* const rule =
          std::ranges::find_if(kFollowerRules, [&](const FollowerRule& row) { return fits(row, device); });
      if (rule == kFollowerRules.end()) return std::nullopt;
      return rule->follows;
    }
  }
}

/// Gives the address to every device that follows and has none.
void follow(DeviceLists& devices, const domain::DeviceAddress& address) {
  const bool to_ccw = std::holds_alternative<CcwAddress>(address);
  for (std::size_t kind = 0; kind < domain::kDeviceKindCount; ++kind)
    for (Device& device : devices[static_cast<DeviceKind>(kind)]) {
      if (!std::holds_alternative<NoAddress>(device.address)) continue;
      const auto how = follows(device);
      if (how && (to_ccw || *how == Follows::Both)) device.address = address;
    }
}

// --- CCW

using CcwKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
/// The channel subsystem image of virtio devices. Source: QEMU's virtio-ccw, which knows no other.
constexpr std::uint32_t kVirtioCssid = 0xfe;
constexpr std::uint32_t kDevnoMax = 0xffff;

Result<void> reserve_ccw(const Device& device, std::set<CcwKey>& taken) {
  const auto* address = std::get_if<CcwAddress>(&device.address);
  if (address == nullptr || !address->number) return {};
  const auto [cssid, ssid, devno] = *address->number;
  if (taken.emplace(cssid, ssid, devno).second) return {};
  return refused("E316",
                 fmt::format("XML error: The CCW devno '{:x}.{:x}.{:04x}' is in use already", cssid, ssid, devno),
                 "use another devno, or leave the <address> out");
}

Result<void> number_ccw(Device& device, const std::set<CcwKey>& taken, std::uint32_t& next) {
  auto* address = std::get_if<CcwAddress>(&device.address);
  if (address == nullptr || address->number) return {};
  while (next <= kDevnoMax && taken.contains({kVirtioCssid, 0, next})) ++next;
  if (next > kDevnoMax)
    return refused("E316", "internal error: There are no more free CCW devnos.",
                   "a guest has 65536 of them; give devices numbers of another ssid");
  address->number = CcwAddress::Number{kVirtioCssid, 0, next++};
  return {};
}

Result<void> number_all_ccw(DeviceLists& devices) {
  std::set<CcwKey> taken;
  if (auto reserved = for_each_device(devices, [&](const Device& device) { return reserve_ccw(device, taken); });
      !reserved)
    return reserved;
  std::uint32_t next = 0;
  return for_each_device(devices, [&](Device& device) { return number_ccw(device, taken, next); });
}

// --- virtio-mmio

bool has_mmio_device(const DeviceLists& devices) {
  for (std::size_t kind = 0; kind < domain::kDeviceKindCount; ++kind)
    for (const Device& device : devices[static_cast<DeviceKind>(kind)])
      if (std::holds_alternative<domain::VirtioMmioAddress>(device.address)) return true;
  return false;
}

bool has_pcie_root(const DeviceLists& devices) {
  return std::ranges::any_of(devices[DeviceKind::Controller], [](const Device& device) {
    return device.controller->pci_model == pci::ControllerModel::PcieRoot;
  });
}

}  // namespace

Result<void> choose_transports(DeviceLists& devices, const topology::MachineRule& machine) {
  if (auto given = give_registers(devices, machine); !given) return given;
  if (machine.traits.contains(Trait::CcwTransport)) {
    follow(devices, CcwAddress{});
    if (auto numbered = number_all_ccw(devices); !numbered) return numbered;
  }
  if (machine.traits.contains(Trait::MmioTransport) ||
      (machine.traits.contains(Trait::MmioWithoutPcieRoot) && !has_pcie_root(devices)) ||
      (machine.traits.contains(Trait::MmioIfAnyMmio) && has_mmio_device(devices)))
    follow(devices, domain::VirtioMmioAddress{});
  return {};
}

}  // namespace busproof::assign
