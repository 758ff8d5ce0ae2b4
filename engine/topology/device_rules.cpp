#include "engine/topology/device_rules.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/ascii.h"
#include "engine/base/row_index.h"

namespace busproof::topology {
namespace {

bool fits(const DeviceRule& rule, std::string_view subject, std::string_view model) {
  return (rule.subject.empty() || rule.subject == subject) &&
         (rule.model.empty() || equal_ignoring_case(rule.model, model));
}

constexpr auto kDeviceRulesOfKind = rows_by_key<domain::kDeviceKindCount>(
    kDeviceRules, [](const DeviceRule& row) { return static_cast<std::size_t>(row.kind); });

constexpr auto kUsb2Functions = std::to_array<std::pair<std::string_view, std::uint8_t>>(
    {{"ich9-ehci1", 7}, {"ich9-uhci1", 0}, {"ich9-uhci2", 1}, {"ich9-uhci3", 2}});

}  // namespace

std::string_view subject_of(const domain::Device& device) {
  using enum domain::DeviceKind;
  switch (device.kind) {
    case Disk:
    case Input:
      return device.bus;
    case Filesystem:
      return device.driver;
    case Serial:
      return device.target_type;
    case Controller:
      return to_string(device.controller->type);
    default:
      return device.type;
  }
}

Want wants(const domain::Device& device) {
  // The chipset's own IDE controller is never searched a place for: it is fixed on i440fx, and nowhere else allowed.
  if (device.kind == domain::DeviceKind::Controller && device.controller->type == domain::ControllerType::Ide &&
      device.controller->index == 0)
    return Want::Nothing;
  const auto rows = rows_in(kDeviceRules, kDeviceRulesOfKind[static_cast<std::size_t>(device.kind)]);
  const std::string_view subject = subject_of(device);
  const auto row =
      std::ranges::find_if(rows, [&](const DeviceRule& rule) { return fits(rule, subject, device.model); });
  return row == rows.end() ? Want::Nothing : row->want;
}

std::optional<SeatingStep> seating_step(const domain::Device& device) {
  using enum domain::DeviceKind;
  switch (device.kind) {
    case Disk:
      return SeatingStep::Disks;
    case Interface:
      return device.type == "hostdev" ? SeatingStep::Hostdevs : SeatingStep::Interfaces;
    case Sound:
      return SeatingStep::Sounds;
    case Hostdev:
      return SeatingStep::Hostdevs;
    case Video:
      return SeatingStep::Videos;
    case Controller:
      return device.controller->type == domain::ControllerType::Pci ? SeatingStep::PciControllers
                                                                    : SeatingStep::OtherControllers;
    case Serial:
      return SeatingStep::Serials;
    case Input:
      return SeatingStep::Inputs;
    case Filesystem:
      return SeatingStep::Filesystems;
    case Watchdog:
      return SeatingStep::Watchdog;
    case Memballoon:
      return SeatingStep::Memballoon;
    case Rng:
      return SeatingStep::Rngs;
    case Shmem:
      return SeatingStep::Shmems;
    case Memory:
      return SeatingStep::Memory;
    case Iommu:
      return SeatingStep::Iommu;
    case Vsock:
      return SeatingStep::Vsock;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint8_t> usb2_function(const domain::Device& device) {
  if (!device.controller || device.controller->type != domain::ControllerType::Usb) return std::nullopt;
  const auto row =
      std::ranges::find(kUsb2Functions, std::string_view(device.model), &decltype(kUsb2Functions)::value_type::first);
  return row == kUsb2Functions.end() ? std::nullopt : std::optional(row->second);
}

}  // namespace busproof::topology
