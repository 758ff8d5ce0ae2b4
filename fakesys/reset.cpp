// Resets. Source: kernel drivers/pci/pci.c.

#include <algorithm>
#include <cerrno>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

constexpr std::size_t kBridgeControl = 0x3e;
constexpr std::uint8_t kBusReset = 0x40;
constexpr std::int64_t kLinkTimeoutMs = 2000;
constexpr std::uint32_t kSpeed5GT = 2;
constexpr std::uint32_t kReportsLink = 1u << 20;
constexpr std::uint16_t kLinkActive = 1u << 13;

constexpr ResetMethod kInOrder[] = {ResetMethod::DeviceSpecific, ResetMethod::Acpi, ResetMethod::Flr,
                                    ResetMethod::AfFlr,          ResetMethod::Pm,   ResetMethod::Bus};

/// Takes long to come back from D3cold, as all with power management do; the kernel waits for no others.
bool is_waited_for(const Device& device) { return device.config.capability(kPowerManagement).has_value(); }

/// A function level reset made by hand. The bit that asks for it always reads as zero.
bool asks_for_flr(const ConfigSpace& config, std::size_t offset, std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kDeviceControlHigh = 9;
  constexpr std::uint8_t kInitiate = 0x80;
  if (!config.has_flr()) return false;
  const std::size_t at = *config.capability(kExpress) + kDeviceControlHigh;
  return at >= offset && at - offset < bytes.size() && (bytes[at - offset] & kInitiate) != 0;
}

}  // namespace

/// Whether the method would do anything to the device as it stands.
bool Model::supports(Slot slot, ResetMethod method) const {
  const Device& device = *devices_[slot];
  switch (method) {
    case ResetMethod::DeviceSpecific:
    case ResetMethod::Acpi:
      return false;
    case ResetMethod::Flr:
      return device.config.has_flr();
    case ResetMethod::AfFlr:
      return device.config.has_af_flr();
    case ResetMethod::Pm:
      return device.config.has_pm_reset();
    case ResetMethod::Bus: {
      const Bus& bus = bus_of(device);
      return bus.bridge != kNoSlot && child_bus(slot) == nullptr && bus.devices.size() == 1;
    }
  }
  return false;
}

void Model::init_reset_methods(Slot slot) {
  std::vector<ResetMethod> methods;
  std::ranges::copy_if(kInOrder, std::back_inserter(methods), [&](ResetMethod m) { return supports(slot, m); });
  Device& device = edit(slot);
  device.reset_present = !methods.empty();
  device.reset_enabled = methods;
  device.reset_supported = std::move(methods);
}

void Model::default_reset_methods(Slot slot) {
  const bool present = devices_[slot]->reset_present;
  init_reset_methods(slot);
  edit(slot).reset_present = present;
}

int Model::set_reset_methods(Slot slot, std::span<const ResetMethod> methods) {
  const auto unsupported = [&](ResetMethod method) { return !supports(slot, method); };
  if (std::ranges::any_of(methods, unsupported)) return EINVAL;
  edit(slot).reset_enabled.assign(methods.begin(), methods.end());
  return 0;
}

std::pair<int, std::int64_t> Model::bus_reset(Slot bridge) const {
  const Bus* below = child_bus(bridge);
  if (below == nullptr || below->devices.empty()) return {0, 0};
  if (std::ranges::none_of(below->devices, [&](Slot slot) { return is_waited_for(*devices_[slot]); })) return {0, 0};
  const ConfigSpace& config = devices_[bridge]->config;
  const auto type = config.port_type();
  if (type != PortType::RootPort && type != PortType::DownstreamPort) return {0, 0};
  const std::size_t express = *config.capability(kExpress);
  const std::uint32_t link = config.dword(express + 0x0c);
  if ((link & 0x0f) <= kSpeed5GT || (link & kReportsLink) == 0) return {0, 0};
  if ((config.word(express + 0x12) & kLinkActive) != 0) return {0, 0};
  return {ENOTTY, kLinkTimeoutMs};
}

std::pair<int, std::int64_t> Model::reset_now(Slot slot) {
  const std::vector<ResetMethod> methods = devices_[slot]->reset_enabled;
  if (methods.empty()) return {ENOTTY, 0};
  edit(slot).powered = true;
  std::int64_t took_ms = 0;
  for (const ResetMethod method : methods) {
    if (!supports(slot, method)) continue;
    if (method != ResetMethod::Bus) return {0, took_ms};
    const auto [error, bus_took_ms] = bus_reset(upstream(slot));
    took_ms += bus_took_ms;
    if (error != ENOTTY) return {error, took_ms};
  }
  return {ENOTTY, took_ms};
}

Tasks Model::reset_tasks(Slot slot) const {
  if (devices_[slot]->reset_enabled.empty()) return {{.step = Step::Fail, .number = ENOTTY}};
  const DeviceRef device = ref(slot);
  Tasks tasks;
  const Slot bridge = upstream(slot);
  const bool both = profile.reset_locks_bridge && bridge != kNoSlot;
  if (both) tasks.push_back({.step = Step::Lock, .device = ref(bridge)});
  tasks.push_back({.step = Step::Lock, .device = device});
  tasks.push_back({.step = Step::Reset, .device = device});
  tasks.push_back({.step = Step::Unlock, .device = device});
  if (both) tasks.push_back({.step = Step::Unlock, .device = ref(bridge)});
  return tasks;
}

Model::Progress Model::reset(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) {
    call.error = ENOTTY;
    return Progress::Done;
  }
  const auto [error, took_ms] = reset_now(slot);
  if (!devices_[slot]->reset_enabled.empty()) tell_driver_of_reset(slot);
  call.error = error;
  if (took_ms > 0) next(call, {{.step = Step::Sleep, .number = now_ms_ + took_ms}});
  return Progress::Done;
}

Model::Progress Model::reset_subordinate(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  const Bus* below = slot == kNoSlot ? nullptr : child_bus(slot);
  if (below == nullptr) {
    call.error = ENOTTY;
    return Progress::Done;
  }
  if (std::ranges::any_of(below->devices, [&](Slot child) { return locked(child); })) {
    call.error = EAGAIN;
    return Progress::Done;
  }
  const auto [error, took_ms] = bus_reset(slot);
  for (const Slot child : below->devices) tell_driver_of_reset(child);
  call.error = error;
  if (took_ms > 0) next(call, {{.step = Step::Sleep, .number = now_ms_ + took_ms}});
  return Progress::Done;
}

/// Drivers hear of a reset before and after it, for which their devices are woken. Source: drivers/pci/pci.c,
/// pci_dev_save_and_disable()
void Model::tell_driver_of_reset(Slot slot) {
  edit(slot).powered = true;
  if (const Bus* below = child_bus(slot); below != nullptr) {
    for (const Slot child : below->devices) tell_driver_of_reset(child);
  }
  const int driver = devices_[slot]->driver;
  if (driver == kNone || !this->driver(driver).rule.enables_anew) return;
  disable_device(slot);
  enable_device(slot);
}

void Model::hardware_reset_below(Slot bridge) {
  const Bus* below = child_bus(bridge);
  if (below == nullptr) return;
  for (const Slot slot : below->devices) {
    if (child_bus(slot) != nullptr) hardware_reset_below(slot);
    Device& device = edit(slot);
    device.config = after_hardware_reset(std::move(device.config));
  }
}

void Model::write_config(Slot slot, std::size_t offset, std::span<const std::uint8_t> bytes) {
  Device& device = edit(slot);
  const bool was_in_reset = device.config.is_bridge() && (device.config.byte(kBridgeControl) & kBusReset) != 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = offset + i;
    device.config.set(at, bytes[i], writable_bits(device.config, device.function->decoders, at));
  }
  if (asks_for_flr(device.config, offset, bytes)) device.config = after_hardware_reset(std::move(device.config));
  if (!device.config.is_bridge() || was_in_reset) return;
  if ((device.config.byte(kBridgeControl) & kBusReset) != 0) hardware_reset_below(slot);
}

}  // namespace busproof::fakesys
