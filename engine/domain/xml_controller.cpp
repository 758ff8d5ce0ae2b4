#include "engine/domain/xml_controller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;
using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 13> kScsiModels = {
    "auto",     "buslogic",    "lsilogic",   "lsisas1068",          "vmpvscsi",
    "ibmvscsi", "virtio-scsi", "lsisas1078", "virtio-transitional", "virtio-non-transitional",
    "ncr53c90", "dc390",       "am53c974",
};
constexpr std::array<std::string_view, 14> kUsbModels = {
    "piix3-uhci",     "piix4-uhci", "ehci",     "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3",
    "vt82c686b-uhci", "pci-ohci",   "nec-xhci", "qusb1",      "qusb2",      "qemu-xhci",  "none",
};
constexpr std::array<std::string_view, 3> kIdeModels = {"piix3", "piix4", "ich6"};
constexpr std::array<std::string_view, 3> kVirtioSerialModels = {"virtio", "virtio-transitional",
                                                                 "virtio-non-transitional"};

/// One row a type, in the order of ControllerType: the models that libvirt 9.0.0 knows.
struct ControllerRule {
  ControllerType type;
  Words models;
};
constexpr std::array kControllerRules = {
    ControllerRule{ControllerType::Ide, kIdeModels},
    ControllerRule{ControllerType::Fdc, {}},
    ControllerRule{ControllerType::Scsi, kScsiModels},
    ControllerRule{ControllerType::Sata, {}},
    ControllerRule{ControllerType::VirtioSerial, kVirtioSerialModels},
    ControllerRule{ControllerType::Ccid, {}},
    ControllerRule{ControllerType::Usb, kUsbModels},
    ControllerRule{ControllerType::Pci, pci::kControllerModelNames},
    ControllerRule{ControllerType::Xenbus, {}},
    ControllerRule{ControllerType::Isa, {}},
};

/// The devices QEMU has for PCI controllers. "none" is libvirt's word for no name.
constexpr std::array<std::string_view, 11> kModelNames = {
    "none",
    "pci-bridge",
    "i82801b11-bridge",
    "ioh3420",
    "x3130-upstream",
    "xio3130-downstream",
    "pxb",
    "pxb-pcie",
    "pcie-root-port",
    "spapr-pci-host-bridge",
    "pcie-pci-bridge",
};

/// The port of the companion's master at which it begins, where `<master>` does not say it.
struct CompanionRule {
  std::string_view model;
  std::uint32_t master_start;
};
constexpr std::array kCompanionRules = {
    CompanionRule{"ich9-uhci1", 0},
    CompanionRule{"ich9-uhci2", 2},
    CompanionRule{"ich9-uhci3", 4},
};

bool knows(Words words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

Result<void> read_type(const Element& element, Controller& controller) {
  controller.type = ControllerType::Ide;
  const pugi::xml_attribute type = element.attribute("type");
  if (!type) return {};
  const auto rule = std::ranges::find(kControllerRules, std::string_view(type.value()),
                                      [](const ControllerRule& row) { return to_string(row.type); });
  if (rule == kControllerRules.end())
    return refused_at(element, "E115", invalid_value(element, "type"),
                      "one of ide, fdc, scsi, sata, virtio-serial, ccid, usb, pci, xenbus, isa");
  controller.type = rule->type;
  return {};
}

Result<void> read_model(const Element& element, Device& device) {
  const pugi::xml_attribute model = element.attribute("model");
  if (!model) return {};
  device.model = model.value();
  const Words models = kControllerRules[static_cast<std::size_t>(device.controller->type)].models;
  if (!knows(models, device.model))
    return refused_at(element, "E115", fmt::format("unsupported configuration: Unknown model type '{}'", device.model),
                      models.empty() ? "remove the attribute; this type of controller has no models"
                                     : fmt::format("one of {}", fmt::join(models, ", ")));
  if (device.controller->type == ControllerType::Pci)
    device.controller->pci_model = pci::controller_model(device.model);
  return {};
}

Result<void> read_index(const Element& element, Controller& controller) {
  const auto index = read_non_negative(element, "index", Radix::Decimal);
  if (!index) return std::unexpected(index.error());
  if (*index) controller.index = static_cast<std::uint32_t>(**index);
  return {};
}

Result<void> refuse_second(const Element& element, const char* child) {
  const xml_node first = element.child(child);
  const xml_node second = first.next_sibling(child);
  if (!second) return {};
  return refused_at(second, "E212",
                    fmt::format("XML error: Multiple <{}> elements in controller definition not allowed", child),
                    fmt::format("merge them into one <{}>", child));
}

Result<void> read_model_name(const Element& element, Controller& controller) {
  if (auto single = refuse_second(element, "model"); !single) return single;
  const xml_node model = element.child("model");
  const pugi::xml_attribute name = model.attribute("name");
  if (controller.type != ControllerType::Pci || !name) return {};
  if (!knows(kModelNames, name.value()))
    return refused_at(model, "E115", invalid_value(model, "name"),
                      fmt::format("remove it, or one of {}", fmt::join(std::span(kModelNames).subspan(1), ", ")));
  if (std::string_view(name.value()) != kModelNames[0]) controller.model_name = name.value();
  return {};
}

/// In the order in which libvirt looks at them.
constexpr std::array kTargetAttributes = {"chassisNr", "chassis", "port", "busNr", "hotplug", "index"};
/// Where the numbers go.
constexpr std::array<std::optional<int> PciTarget::*, kTargetAttributes.size()> kTargetFields = {
    &PciTarget::chassis_nr, &PciTarget::chassis, &PciTarget::port, &PciTarget::bus_nr, nullptr, &PciTarget::index,
};

Result<void> read_target(const Element& element, Controller& controller) {
  if (auto single = refuse_second(element, "target"); !single) return single;
  const xml_node target = element.child("target");
  if (controller.type != ControllerType::Pci || !target) return {};
  const auto attributes = attributes_named(target, kTargetAttributes);
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    if (kTargetFields[i] == nullptr) {
      const auto hotplug = read_switch(target, attributes[i]);
      if (!hotplug) return std::unexpected(hotplug.error());
      controller.target.hotplug = *hotplug;
    } else {
      const auto number = read_non_negative(target, attributes[i], Radix::Literal);
      if (!number) return std::unexpected(number.error());
      controller.target.*kTargetFields[i] = *number;
    }
  }
  return {};
}

Result<void> read_node(const Element& element, Controller& controller) {
  const xml_node node = element.child("target").child("node");
  const std::string text = text_content(node);
  if (text.empty()) return {};
  const auto number = signed_32(text, Radix::Decimal);
  if (!number || *number < 0)
    return refused_at(node, "E216", "XML error: invalid NUMA node in target",
                      "write the id of a <cell> of <cpu><numa>, like <node>0</node>");
  if (controller.type == ControllerType::Pci) controller.target.node = number;
  return {};
}

void read_master(const Element& element, Device& device, std::optional<std::uint32_t> start) {
  Controller& controller = *device.controller;
  if (element.child("master")) controller.master_start = start.value_or(0);
  const auto rule = std::ranges::find(kCompanionRules, device.model, &CompanionRule::model);
  if (controller.type == ControllerType::Usb && !controller.master_start && rule != kCompanionRules.end())
    controller.master_start = rule->master_start;
}

Result<void> read_pcihole64(const Element& element, Controller& controller) {
  const xml_node hole = element.child("pcihole64");
  const std::string text = text_content(hole);
  if (!pci::is_root(controller.pci_model) || text.empty()) return {};
  if (!unsigned_64(text, Radix::Decimal))
    return refused_at(hole, "E103",
                      fmt::format("XML error: Invalid value '{}' for element or attribute './pcihole64'", text),
                      "write a decimal number of KiB");
  controller.has_pcihole64 = true;
  return {};
}

}  // namespace

bool is_usb_none(const Device& device) {
  return device.controller && device.controller->type == ControllerType::Usb && device.model == "none";
}

Result<void> read_controller(const Element& element, Device& device) {
  Controller& controller = device.controller.emplace();
  if (auto read = read_type(element, controller); !read) return read;
  if (auto read = read_model(element, device); !read) return read;
  if (auto read = read_index(element, controller); !read) return read;
  if (auto read = read_model_name(element, controller); !read) return read;
  if (auto read = read_target(element, controller); !read) return read;
  return read_node(element, controller);
}

Result<void> read_controller_ports(const Element& element, Device& device) {
  Controller& controller = *device.controller;
  if (!is_usb_none(device)) {
    const auto start = read_unsigned(element.child("master"), "startport", Radix::Decimal);
    if (!start) return std::unexpected(start.error());
    read_master(element, device, *start);
  }
  const auto ports = read_non_negative(element, "ports", Radix::Decimal);
  if (!ports) return std::unexpected(ports.error());
  const bool counts_ports = controller.type == ControllerType::VirtioSerial || controller.type == ControllerType::Usb;
  if (*ports && counts_ports) controller.ports = static_cast<std::uint32_t>(**ports);
  if (controller.type == ControllerType::VirtioSerial)
    if (auto vectors = read_non_negative(element, "vectors", Radix::Decimal); !vectors)
      return std::unexpected(vectors.error());
  return read_pcihole64(element, controller);
}

}  // namespace busproof::domain
