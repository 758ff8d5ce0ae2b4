#include "engine/abi/type_words.h"

#include <algorithm>
#include <array>

namespace busproof::abi {
namespace {

using domain::Device;
using domain::DeviceKind;

/// Which of a device's words say what sort of device it is.
struct TypeRule {
  DeviceKind kind;
  std::array<std::string Device::*, 2> words;
};
constexpr std::array kTypeRules = {
    TypeRule{DeviceKind::Disk, {&Device::mode, &Device::bus}},
    TypeRule{DeviceKind::Hostdev, {&Device::mode, &Device::type}},
    TypeRule{DeviceKind::Smartcard, {&Device::mode, nullptr}},
    TypeRule{DeviceKind::Serial, {&Device::target_type, nullptr}},
    TypeRule{DeviceKind::Channel, {&Device::target_type, nullptr}},
    TypeRule{DeviceKind::Console, {&Device::target_type, nullptr}},
    TypeRule{DeviceKind::Input, {&Device::type, &Device::bus}},
    TypeRule{DeviceKind::Filesystem, {&Device::driver, nullptr}},
    TypeRule{DeviceKind::Hub, {&Device::type, nullptr}},
    TypeRule{DeviceKind::Redirdev, {&Device::bus, &Device::type}},
};

}  // namespace

std::string type_of(const Device& device) {
  const auto rule = std::ranges::find(kTypeRules, device.kind, &TypeRule::kind);
  if (rule == kTypeRules.end()) return {};
  std::string type = device.*(rule->words[0]);
  if (rule->words[1] == nullptr || (device.*(rule->words[1])).empty()) return type;
  if (!type.empty()) type += ' ';
  return type += device.*(rule->words[1]);
}

void set_type(Device& device, std::string_view type) {
  const auto rule = std::ranges::find(kTypeRules, device.kind, &TypeRule::kind);
  if (rule == kTypeRules.end()) return;
  const std::size_t blank = rule->words[1] == nullptr ? std::string_view::npos : type.find(' ');
  device.*(rule->words[0]) = type.substr(0, blank);
  if (blank != std::string_view::npos) device.*(rule->words[1]) = type.substr(blank + 1);
}

std::string host_of(const Device& device) {
  return device.host_address ? to_string(*device.host_address) : device.source;
}

}  // namespace busproof::abi
