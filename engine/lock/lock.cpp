#include "engine/lock/lock.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "engine/abi/type_words.h"

namespace busproof::lock {
namespace {

using domain::Device;
using domain::DeviceKind;

domain::Controller skeleton_of(const domain::Controller& controller) {
  domain::Controller skeleton = controller;
  skeleton.has_pcihole64 = false;
  return skeleton;
}

Device skeleton_of(const Device& device) {
  Device skeleton;
  skeleton.kind = device.kind;
  skeleton.model = device.model;
  abi::set_type(skeleton, abi::type_of(device));
  if (device.kind != DeviceKind::Interface) skeleton.target = device.target;
  skeleton.mac = device.mac;
  skeleton.alias = device.alias;
  skeleton.source = abi::host_of(device);
  skeleton.address = device.address;
  if (device.drive && std::holds_alternative<domain::NoAddress>(device.address)) skeleton.address = *device.drive;
  if (device.controller) skeleton.controller = skeleton_of(*device.controller);
  for (const domain::DetailValue& detail : device.details)
    if (detail.detail == domain::Detail::Serial) skeleton.details.push_back(detail);
  return skeleton;
}

/// The first serial port shown a second time: its place is pinned already.
bool is_second_face(const domain::Domain& domain, const Device& device) {
  return device.kind == DeviceKind::Console && device.target_type == "serial" &&
         std::ranges::count(domain.devices, DeviceKind::Serial, &Device::kind) > 0;
}

bool is_pinned(const Device& device) {
  if (device.controller) return device.model != "none";
  return !std::holds_alternative<domain::NoAddress>(device.address);
}

/// The order of lines: those without identity keep theirs.
auto rank_of(const Device& device) {
  const auto& controller = device.controller;
  return std::tuple(device.kind, controller ? controller->type : domain::ControllerType{},
                    controller ? controller->index.value_or(0) : 0,
                    std::tie(device.alias, device.mac, device.target, device.source));
}

}  // namespace

LockedDomain locked(const domain::PlacedDomain& placed) {
  const domain::Domain& whole = placed.domain();
  LockedDomain result;
  result.domain.name = whole.name;
  result.domain.uuid = whole.uuid;
  result.domain.arch = whole.arch;
  result.domain.machine = whole.machine;
  result.domain.has_acpi = whole.has_acpi;
  for (const Device& device : whole.devices) {
    Device skeleton = skeleton_of(device);
    if (is_pinned(skeleton) && !is_second_face(whole, device)) result.domain.devices.push_back(std::move(skeleton));
  }
  std::ranges::stable_sort(result.domain.devices,
                           [](const Device& a, const Device& b) { return rank_of(a) < rank_of(b); });
  return result;
}

bool is_lock(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

const LockedDomain* find(const Lock& lock, std::string_view uuid, std::string_view name) {
  const LockedDomain* by_name = nullptr;
  for (const LockedDomain& domain : lock.domains) {
    if (!uuid.empty() && domain.domain.uuid == uuid) return &domain;
    if (!name.empty() && domain.domain.name == name) by_name = &domain;
  }
  return by_name;
}

}  // namespace busproof::lock
