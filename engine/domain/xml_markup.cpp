#include "engine/domain/xml_markup.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/hexadecimal.h"

namespace busproof::domain {
namespace {

using Attributes = std::vector<std::pair<std::string_view, std::string>>;

/// "0x001f", with at least that many digits. By hand, as append_rendered() is: most of what assign writes is addresses.
std::string hexadecimal(std::uint64_t value, std::size_t digits_min) {
  std::array<char, 18> text{'0', 'x'};
  std::size_t size = 2;
  std::size_t digits = digits_min;
  while (digits < 16 && (value >> (4 * digits)) != 0) ++digits;
  for (std::size_t left = digits; left > 0; --left)
    text[size++] = kSmallHexadecimal[(value >> (4 * (left - 1))) & 0xfU];
  return {text.data(), size};
}

void append_pci_numbers(Attributes& attributes, const pci::GuestAddress& address) {
  attributes.emplace_back("domain", hexadecimal(address.segment(), 4));
  attributes.emplace_back("bus", hexadecimal(address.bus(), 2));
  attributes.emplace_back("slot", hexadecimal(address.slot(), 2));
  attributes.emplace_back("function", hexadecimal(address.function(), 1));
}

struct MarkupOf {
  std::optional<Markup> operator()(const PciAddress& address) const {
    if (!address.at) return std::nullopt;
    Markup markup{"address"};
    markup.attributes.reserve(6);
    markup.attributes.emplace_back("type", "pci");
    append_pci_numbers(markup.attributes, *address.at);
    if (address.multifunction != Switch::Absent)
      markup.attributes.emplace_back("multifunction", address.multifunction == Switch::On ? "on" : "off");
    if (Attributes ids = zpci_numbers(address.zpci); !ids.empty()) markup.children.push_back({"zpci", std::move(ids)});
    return markup;
  }
  std::optional<Markup> operator()(const CcwAddress& address) const {
    if (!address.number) return Markup{"address", {{"type", "ccw"}}};
    return Markup{"address",
                  {{"type", "ccw"},
                   {"cssid", hexadecimal(address.number->cssid, 1)},
                   {"ssid", hexadecimal(address.number->ssid, 1)},
                   {"devno", hexadecimal(address.number->devno, 4)}}};
  }
  std::optional<Markup> operator()(const SpaprVioAddress& address) const {
    if (!address.reg) return Markup{"address", {{"type", "spapr-vio"}}};
    return Markup{"address", {{"type", "spapr-vio"}, {"reg", hexadecimal(*address.reg, 8)}}};
  }
  std::optional<Markup> operator()(const VirtioMmioAddress&) const {
    return Markup{"address", {{"type", "virtio-mmio"}}};
  }
  std::optional<Markup> operator()(const DriveAddress& address) const {
    return Markup{"address",
                  {{"type", "drive"},
                   {"controller", std::to_string(address.controller)},
                   {"bus", std::to_string(address.bus)},
                   {"target", std::to_string(address.target)},
                   {"unit", std::to_string(address.unit)}}};
  }
  std::optional<Markup> operator()(const VirtioSerialAddress& address) const {
    return Markup{"address",
                  {{"type", "virtio-serial"},
                   {"controller", std::to_string(address.controller)},
                   {"bus", std::to_string(address.bus)},
                   {"port", std::to_string(address.port)}}};
  }
  std::optional<Markup> operator()(const CcidAddress& address) const {
    return Markup{
        "address",
        {{"type", "ccid"}, {"controller", std::to_string(address.controller)}, {"slot", std::to_string(address.slot)}}};
  }
  std::optional<Markup> operator()(const UsbAddress& address) const {
    Markup markup{"address", {{"type", "usb"}, {"bus", std::to_string(address.bus)}}};
    std::string port;
    for (const std::uint32_t level : address.port) port += (port.empty() ? "" : ".") + std::to_string(level);
    if (!port.empty()) markup.attributes.emplace_back("port", std::move(port));
    return markup;
  }
  std::optional<Markup> operator()(const DimmAddress& address) const {
    Markup markup{"address", {{"type", "dimm"}, {"slot", std::to_string(address.slot)}}};
    if (address.base) markup.attributes.emplace_back("base", hexadecimal(*address.base, 1));
    return markup;
  }
  std::optional<Markup> operator()(const IsaAddress& address) const {
    Markup markup{"address", {{"type", "isa"}}};
    if (address.iobase != 0) markup.attributes.emplace_back("iobase", hexadecimal(address.iobase, 1));
    if (address.irq != 0) markup.attributes.emplace_back("irq", hexadecimal(address.irq, 1));
    return markup;
  }
  std::optional<Markup> operator()(const UnassignedAddress&) const {
    return Markup{"address", {{"type", "unassigned"}}};
  }
  template <class Other>
  std::optional<Markup> operator()(const Other&) const {
    return std::nullopt;
  }
};

constexpr std::array kWrittenTypes = {ControllerType::Pci, ControllerType::Usb,  ControllerType::Scsi,
                                      ControllerType::Ide, ControllerType::Sata, ControllerType::VirtioSerial};

/// `<name attribute='value'/>`.
Markup leaf(std::string_view name, std::string_view attribute, std::string value) {
  Markup markup{name};
  markup.attributes.emplace_back(attribute, std::move(value));
  return markup;
}

std::optional<Markup> controller_markup(const Device& device) {
  const Controller& controller = *device.controller;
  if (std::ranges::find(kWrittenTypes, controller.type) == kWrittenTypes.end()) return std::nullopt;
  Markup markup{"controller"};
  markup.attributes.reserve(4);
  markup.attributes.emplace_back("type", to_string(controller.type));
  if (controller.index) markup.attributes.emplace_back("index", std::to_string(*controller.index));
  if (!device.model.empty()) markup.attributes.emplace_back("model", device.model);
  if (controller.ports) markup.attributes.emplace_back("ports", std::to_string(*controller.ports));
  markup.children.reserve(3);  // with its address
  if (!controller.model_name.empty()) markup.children.push_back(leaf("model", "name", controller.model_name));
  Markup target{"target", target_attributes(controller.target)};
  if (controller.target.node) target.children.push_back(node_markup(*controller.target.node));
  if (!target.attributes.empty() || !target.children.empty()) markup.children.push_back(std::move(target));
  if (controller.type == ControllerType::Usb && controller.master_start)
    markup.children.push_back(leaf("master", "startport", std::to_string(*controller.master_start)));
  return markup;
}

Markup video_markup(const Device& device) {
  Markup model{"model", {{"type", device.model}}};
  if (device.primary) model.attributes.emplace_back("primary", "yes");
  return {"video", {}, {std::move(model)}};
}

/// ` name='value'`, in one go: most of what assign writes are attributes.
void append_attribute(std::string& text, std::string_view name, std::string_view value, char quote) {
  constexpr std::size_t kMarks = 4;
  const std::size_t begin = text.size(), end = begin + name.size() + value.size() + kMarks;
  // libstdc++ 12 tells the operation how much room there is, not the size that was asked for.
  text.resize_and_overwrite(end, [&](char* bytes, std::size_t /*room*/) {
    char* at = bytes + begin;
    *at++ = ' ';
    at = std::ranges::copy(name, at).out;
    *at++ = '=';
    *at++ = quote;
    at = std::ranges::copy(value, at).out;
    *at = quote;
    return end;
  });
}

/// By hand: most of what assign writes passes through here.
void append_element(std::string& text, const Markup& markup, std::string_view separator, const MarkupStyle& style) {
  text += '<';
  text += markup.name;
  for (const auto& [name, value] : markup.attributes) append_attribute(text, name, value, style.quote);
  if (!markup.text.empty()) {
    text.append(">").append(markup.text).append("</").append(markup.name).append(">");
    return;
  }
  if (markup.children.empty()) {
    text += "/>";
    return;
  }
  const std::string inner = separator.empty() ? std::string() : std::string(separator) + style.unit;
  text += '>';
  for (const Markup& child : markup.children) append_rendered(text, child, inner, style);
  text.append(separator).append("</").append(markup.name).append(">");
}

}  // namespace

std::string rendered(const Markup& markup, std::string_view separator, const MarkupStyle& style) {
  std::string text;
  append_element(text, markup, separator, style);
  return text;
}

void append_rendered(std::string& text, const Markup& markup, std::string_view separator, const MarkupStyle& style) {
  constexpr std::size_t kUsualBytes = 256;
  if (text.empty()) text.reserve(kUsualBytes);
  text += separator;
  append_element(text, markup, separator, style);
}

std::optional<Markup> address_markup(const DeviceAddress& address) { return std::visit(MarkupOf{}, address); }

Attributes pci_numbers(const pci::GuestAddress& address) {
  Attributes numbers;
  numbers.reserve(4);
  append_pci_numbers(numbers, address);
  return numbers;
}

Attributes zpci_numbers(const ZpciIds& ids) {
  Attributes numbers;
  if (ids.uid) numbers.emplace_back("uid", hexadecimal(*ids.uid, 4));
  if (ids.fid) numbers.emplace_back("fid", hexadecimal(*ids.fid, 8));
  return numbers;
}

Attributes target_attributes(const PciTarget& target) {
  Attributes attributes;
  attributes.reserve(2);  // of most: a root port has chassis and port
  if (target.chassis_nr) attributes.emplace_back("chassisNr", std::to_string(*target.chassis_nr));
  if (target.chassis) attributes.emplace_back("chassis", std::to_string(*target.chassis));
  if (target.port) attributes.emplace_back("port", hexadecimal(static_cast<std::uint32_t>(*target.port), 1));
  if (target.bus_nr) attributes.emplace_back("busNr", std::to_string(*target.bus_nr));
  if (target.index) attributes.emplace_back("index", std::to_string(*target.index));
  if (target.hotplug != Switch::Absent) attributes.emplace_back("hotplug", target.hotplug == Switch::On ? "on" : "off");
  return attributes;
}

Markup node_markup(int node) { return {"node", {}, {}, std::to_string(node)}; }

std::optional<Markup> device_markup(const Device& device) {
  std::optional<Markup> markup;
  if (device.controller) markup = controller_markup(device);
  if (device.kind == DeviceKind::Memballoon) markup = Markup{"memballoon", {{"model", device.model}}};
  if (device.kind == DeviceKind::Video) markup = video_markup(device);
  if (!markup) return std::nullopt;
  if (auto address = address_markup(device.address)) markup->children.push_back(std::move(*address));
  return markup;
}

}  // namespace busproof::domain
