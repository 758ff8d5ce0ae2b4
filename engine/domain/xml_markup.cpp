#include "engine/domain/xml_markup.h"

#include <algorithm>
#include <variant>

namespace busproof::domain {
namespace {

/// Takes what MarkupWriter takes, and keeps the attributes of the outermost element.
class AttributeCollector {
 public:
  void begin(std::string_view) { ++depth_; }
  void end() { --depth_; }
  void attribute(std::string_view name, std::string_view value) {
    if (depth_ == 1) attributes_.emplace_back(name, value);
  }
  void decimal(std::string_view name, std::uint64_t value) { attribute(name, std::to_string(value)); }
  void hexadecimal(std::string_view name, std::uint64_t value, unsigned digits_min) {
    attribute(name, hexadecimal_text(value, digits_min));
  }
  void content(std::string_view) {}
  [[nodiscard]] Attributes attributes() && { return std::move(attributes_); }

 private:
  Attributes attributes_;
  std::size_t depth_ = 0;
};

// What is said of each; `Sink` is one of the two.

template <class Sink>
void say_zpci(Sink& sink, const ZpciIds& ids) {
  sink.begin("zpci");
  if (ids.uid) sink.hexadecimal("uid", *ids.uid, 4);
  if (ids.fid) sink.hexadecimal("fid", *ids.fid, 8);
  sink.end();
}

/// All that is in the `<address>`, its type first.
template <class Sink>
struct AddressSayer {
  Sink& sink;

  void operator()(const PciAddress& address) const {
    sink.attribute("type", "pci");
    const auto numbers = numbers_of(*address.at);
    [&]<std::size_t... kAt>(std::index_sequence<kAt...>) {
      (sink.hexadecimal(kPciNumbers[kAt].name, numbers[kAt], kPciNumbers[kAt].digits), ...);
    }(std::make_index_sequence<kPciNumbers.size()>());
    if (address.multifunction != Switch::Absent)
      sink.attribute("multifunction", address.multifunction == Switch::On ? "on" : "off");
    if (address.zpci.uid || address.zpci.fid) say_zpci(sink, address.zpci);
  }
  void operator()(const CcwAddress& address) const {
    sink.attribute("type", "ccw");
    if (!address.number) return;
    sink.hexadecimal("cssid", address.number->cssid, 1);
    sink.hexadecimal("ssid", address.number->ssid, 1);
    sink.hexadecimal("devno", address.number->devno, 4);
  }
  void operator()(const SpaprVioAddress& address) const {
    sink.attribute("type", "spapr-vio");
    if (address.reg) sink.hexadecimal("reg", *address.reg, 8);
  }
  void operator()(const VirtioMmioAddress&) const { sink.attribute("type", "virtio-mmio"); }
  void operator()(const DriveAddress& address) const {
    sink.attribute("type", "drive");
    sink.decimal("controller", address.controller);
    sink.decimal("bus", address.bus);
    sink.decimal("target", address.target);
    sink.decimal("unit", address.unit);
  }
  void operator()(const VirtioSerialAddress& address) const {
    sink.attribute("type", "virtio-serial");
    sink.decimal("controller", address.controller);
    sink.decimal("bus", address.bus);
    sink.decimal("port", address.port);
  }
  void operator()(const CcidAddress& address) const {
    sink.attribute("type", "ccid");
    sink.decimal("controller", address.controller);
    sink.decimal("slot", address.slot);
  }
  void operator()(const UsbAddress& address) const {
    sink.attribute("type", "usb");
    sink.decimal("bus", address.bus);
    std::string port;
    for (const std::uint32_t level : address.port) port += (port.empty() ? "" : ".") + std::to_string(level);
    if (!port.empty()) sink.attribute("port", port);
  }
  void operator()(const DimmAddress& address) const {
    sink.attribute("type", "dimm");
    sink.decimal("slot", address.slot);
    if (address.base) sink.hexadecimal("base", *address.base, 1);
  }
  void operator()(const IsaAddress& address) const {
    sink.attribute("type", "isa");
    if (address.iobase != 0) sink.hexadecimal("iobase", address.iobase, 1);
    if (address.irq != 0) sink.hexadecimal("irq", address.irq, 1);
  }
  void operator()(const UnassignedAddress&) const { sink.attribute("type", "unassigned"); }
  void operator()(const NoAddress&) const {}
  void operator()(const VirtioS390Address&) const {}
};

template <class Sink>
void say_address(Sink& sink, const DeviceAddress& address) {
  if (!is_written(address)) return;
  sink.begin("address");
  std::visit(AddressSayer<Sink>{sink}, address);
  sink.end();
}

template <class Sink>
void say_node(Sink& sink, int node) {
  sink.begin("node");
  sink.content(std::to_string(node));
  sink.end();
}

template <class Sink>
void say_target(Sink& sink, const PciTarget& target) {
  // libvirt keeps a negative number and prints it so.
  const auto decimal = [&](std::string_view name, std::optional<int> value) {
    if (value && *value < 0) return sink.attribute(name, std::to_string(*value));
    if (value) sink.decimal(name, static_cast<std::uint64_t>(*value));
  };
  sink.begin("target");
  decimal("chassisNr", target.chassis_nr);
  decimal("chassis", target.chassis);
  if (target.port) sink.hexadecimal("port", static_cast<std::uint32_t>(*target.port), 1);
  decimal("busNr", target.bus_nr);
  decimal("index", target.index);
  if (target.hotplug != Switch::Absent) sink.attribute("hotplug", target.hotplug == Switch::On ? "on" : "off");
  if (target.node) say_node(sink, *target.node);
  sink.end();
}

template <auto kSay, class Thing>
Attributes attributes_of(const Thing& thing) {
  AttributeCollector collector;
  kSay(collector, thing);
  return std::move(collector).attributes();
}

constexpr std::array kWrittenTypes = {ControllerType::Pci, ControllerType::Usb,  ControllerType::Scsi,
                                      ControllerType::Ide, ControllerType::Sata, ControllerType::VirtioSerial};

/// Its attributes, and its children but for the address.
void write_controller(MarkupWriter& writer, const Device& device) {
  const Controller& controller = *device.controller;
  writer.attribute("type", to_string(controller.type));
  if (controller.index) writer.decimal("index", *controller.index);
  if (!device.model.empty()) writer.attribute("model", device.model);
  if (controller.ports) writer.decimal("ports", *controller.ports);
  if (!controller.model_name.empty()) write_model_name(writer, controller.model_name);
  if (controller.target != PciTarget{}) write_target(writer, controller.target);
  if (controller.type == ControllerType::Usb && controller.master_start) {
    writer.begin("master");
    writer.decimal("startport", *controller.master_start);
    writer.end();
  }
}

void write_video(MarkupWriter& writer, const Device& device) {
  writer.begin("model");
  writer.attribute("type", device.model);
  if (device.primary) writer.attribute("primary", "yes");
  writer.end();
}

}  // namespace

bool is_written(const DeviceAddress& address) {
  const auto* pci = std::get_if<PciAddress>(&address);
  return pci != nullptr
             ? pci->at.has_value()
             : !std::holds_alternative<NoAddress>(address) && !std::holds_alternative<VirtioS390Address>(address);
}

void write_address(MarkupWriter& writer, const DeviceAddress& address) { say_address(writer, address); }
Attributes address_attributes(const DeviceAddress& address) {
  return attributes_of<say_address<AttributeCollector>>(address);
}

std::string hexadecimal_text(std::uint64_t value, unsigned digits_min) {
  std::array<char, 18> text{};
  return {text.data(), put_number(text.data(), value, digits_min)};
}

void write_zpci(MarkupWriter& writer, const ZpciIds& ids) { say_zpci(writer, ids); }
Attributes zpci_attributes(const ZpciIds& ids) { return attributes_of<say_zpci<AttributeCollector>>(ids); }

void write_target(MarkupWriter& writer, const PciTarget& target) { say_target(writer, target); }
Attributes target_attributes(const PciTarget& target) { return attributes_of<say_target<AttributeCollector>>(target); }

void write_model_name(MarkupWriter& writer, std::string_view model_name) {
  writer.begin("model");
  writer.attribute("name", model_name);
  writer.end();
}

void write_node(MarkupWriter& writer, int node) { say_node(writer, node); }

bool is_written(const Device& device) {
  if (device.controller) return std::ranges::find(kWrittenTypes, device.controller->type) != kWrittenTypes.end();
  return device.kind == DeviceKind::Memballoon || device.kind == DeviceKind::Video;
}

void write_device(MarkupWriter& writer, const Device& device) {
  if (!is_written(device)) return;
  writer.begin(to_string(device.kind));
  if (device.controller)
    write_controller(writer, device);
  else if (device.kind == DeviceKind::Video)
    write_video(writer, device);
  else
    writer.attribute("model", device.model);
  write_address(writer, device.address);
  writer.end();
}

}  // namespace busproof::domain
