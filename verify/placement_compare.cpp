#include "verify/placement_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/domain/address.h"
#include "engine/domain/xml_document.h"
#include "engine/pci/address.h"
#include "engine/pci/controller_model.h"

namespace busproof::verify {
namespace {

using domain::Controller;
using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;

/// What is compared of one device, by the name that a difference is told under. Absent and empty are the same.
using Fact = std::pair<std::string_view, std::string>;
using Facts = std::vector<Fact>;
using Devices = std::map<std::string, Facts>;

std::string place_text(const Device& device) {
  const auto* pci = std::get_if<domain::PciAddress>(&device.address);
  if (pci == nullptr || !pci->at) return {};
  return to_string(*pci->at) + (pci->multifunction == domain::Switch::On ? " multi" : "");
}

std::string text_of(const std::optional<int>& number) { return number ? std::to_string(*number) : std::string(); }

std::string text_of(const std::optional<std::uint32_t>& number) {
  return number ? std::to_string(*number) : std::string();
}

std::string text_of(domain::Switch value) {
  if (value == domain::Switch::Absent) return {};
  return value == domain::Switch::On ? "on" : "off";
}

/// By name, as they are told.
Facts facts_of(const Device& device) {
  Facts facts{{"address", place_text(device)}};
  if (device.controller && device.controller->type == ControllerType::Pci) {
    const Controller& controller = *device.controller;
    facts.emplace_back("model", controller.pci_model ? to_string(*controller.pci_model) : "");
    facts.emplace_back("model name", controller.model_name);
    facts.emplace_back("target busNr", text_of(controller.target.bus_nr));
    facts.emplace_back("target chassis", text_of(controller.target.chassis));
    facts.emplace_back("target chassisNr", text_of(controller.target.chassis_nr));
    facts.emplace_back("target hotplug", text_of(controller.target.hotplug));
    facts.emplace_back("target index", text_of(controller.target.index));
    facts.emplace_back("target node", text_of(controller.target.node));
    facts.emplace_back("target port", text_of(controller.target.port));
  }
  if (const auto* pci = std::get_if<domain::PciAddress>(&device.address)) {
    facts.emplace_back("zpci fid", text_of(pci->zpci.fid));
    facts.emplace_back("zpci uid", text_of(pci->zpci.uid));
  }
  return facts;
}

std::string_view value_of(const Facts& facts, std::string_view name) {
  const auto fact = std::ranges::find(facts, name, &Fact::first);
  return fact == facts.end() ? std::string_view() : fact->second;
}

bool is_compared(const Device& device, const Facts& facts) {
  if (!device.controller) return !value_of(facts, "address").empty();
  switch (device.controller->type) {
    case ControllerType::Pci:
    case ControllerType::Usb:
    case ControllerType::Scsi:
    case ControllerType::Ide:
    case ControllerType::Sata:
    case ControllerType::VirtioSerial:
      return true;
    default:
      return false;
  }
}

/// What a device is paired by; devices of the same name are paired by their order.
std::string name_of(const Device& device, bool is_primary) {
  const std::string_view element = to_string(device.kind);
  if (device.controller) {
    const Controller& controller = *device.controller;
    const std::string index = controller.index ? std::to_string(*controller.index) : "without index";
    if (controller.type == ControllerType::Pci) return fmt::format("controller pci {}", index);
    return fmt::format("controller {} {} {}", to_string(controller.type), index, device.model);
  }
  switch (device.kind) {
    case DeviceKind::Disk:
      return fmt::format("{} {}", element, device.target);
    case DeviceKind::Interface:
      return fmt::format("{} {}", element, device.mac);
    case DeviceKind::Video:
      return fmt::format("{} {}", is_primary ? "primary" : "secondary", element);
    case DeviceKind::Hostdev:
    case DeviceKind::Input:
      return fmt::format("{} {}", element, device.type);
    case DeviceKind::Memory:
      return fmt::format("{} {}", element, device.model);
    case DeviceKind::Serial:
      return fmt::format("{} {}", element, device.target_type);
    default:
      return std::string(element);
  }
}

const Device* primary_video(const Domain& domain) {
  const Device* primary = nullptr;
  for (const Device& device : domain.devices)
    if (device.kind == DeviceKind::Video && (primary == nullptr || (device.primary && !primary->primary)))
      primary = &device;
  return primary;
}

/// A device's number among equals counts those without an address too, so that one missing address is one difference.
Devices compared_devices(const Domain& domain) {
  Devices devices;
  std::map<std::string, int> seen;
  const Device* primary = primary_video(domain);
  for (const Device& device : domain.devices) {
    std::string name = name_of(device, &device == primary);
    if (const int earlier = seen[name]++; earlier > 0) name += fmt::format(" #{}", earlier + 1);
    Facts facts = facts_of(device);
    if (is_compared(device, facts)) devices.emplace(std::move(name), std::move(facts));
  }
  return devices;
}

Result<domain::Domain> read(const std::string& text) {
  const auto document = domain::XmlDocument::parse(text);
  if (!document) return std::unexpected(document.error());
  return domain::read_domain(*document);
}

std::string_view shown(std::string_view value) { return value.empty() ? "nothing" : value; }

}  // namespace

std::vector<std::string> differences(const domain::Domain& recorded, const domain::Domain& ours) {
  const Devices expected = compared_devices(recorded);
  Devices found = compared_devices(ours);
  std::vector<std::string> texts;
  for (const auto& [name, facts] : expected) {
    const auto device = found.find(name);
    if (device == found.end()) {
      texts.push_back(fmt::format("{}: missing, recorded at {}", name, shown(value_of(facts, "address"))));
      continue;
    }
    for (const auto& [fact, value] : facts)
      if (const std::string_view ours_is = value_of(device->second, fact); ours_is != value)
        texts.push_back(fmt::format("{}: {} is {}, recorded {}", name, fact, shown(ours_is), shown(value)));
    found.erase(device);
  }
  for (const auto& [name, facts] : found)
    texts.push_back(fmt::format("{}: extra, at {}", name, shown(value_of(facts, "address"))));
  return texts;
}

std::vector<std::string> text_differences(const std::string& recorded, const std::string& ours) {
  const auto expected = read(recorded), found = read(ours);
  if (expected && found) return differences(*expected, *found);
  if (!expected && !found && expected.error().message == found.error().message) return {};
  std::vector<std::string> texts;
  if (!expected) texts.push_back("libvirt's answer cannot be read: " + expected.error().message);
  if (!found) texts.push_back("our answer cannot be read: " + found.error().message);
  return texts;
}

}  // namespace busproof::verify
