#include "engine/report/qemu_args.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "engine/report/device_words.h"
#include "engine/report/json.h"
#include "engine/report/qemu_devices.h"
#include "engine/topology/buses.h"
#include "engine/topology/device_rules.h"
#include "engine/topology/machine_rules.h"

namespace busproof::report {
namespace {

using domain::Controller;
using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::PciAddress;
using domain::Switch;
using pci::ControllerModel;
using topology::Family;

/// A value among others: QEMU wants a comma doubled.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) result.append(c == ',' ? 2 : 1, c);
  return result;
}

std::string_view word(Switch value) { return value == Switch::On ? "on" : "off"; }

/// `driver,key=value,…`
class DeviceArg {
 public:
  explicit DeviceArg(std::string_view driver) : text_(escaped(driver)) {}
  template <class T>
  DeviceArg& add(std::string_view key, const T& value) {
    text_ += fmt::format(",{}={}", key, value);
    return *this;
  }
  template <class T>
  DeviceArg& add(std::string_view key, const std::optional<T>& value) {
    return value ? add(key, *value) : *this;
  }
  [[nodiscard]] QemuArg done() && { return {"-device", std::move(text_)}; }

 private:
  std::string text_;
};

bool fits(const QemuDevice& row, const Device& device) {
  return (row.subject.empty() || row.subject == topology::subject_of(device)) &&
         (row.model.empty() || device.model.starts_with(row.model));
}

/// "-transitional" of virtio-transitional, which QEMU's own name ends with too.
std::string_view transport_of(std::string_view model) {
  for (const std::string_view transport : {"-transitional", "-non-transitional"})
    if (model.starts_with("virtio") && model.substr(6) == transport) return transport;
  return {};
}

class Arguments {
 public:
  Arguments(const domain::Domain& domain, Backends backends)
      : domain_(domain), backends_(backends), family_(topology::family_of(domain.arch, domain.machine)) {}

  std::vector<QemuArg> all() && {
    if (backends_ == Backends::StandIns) add_machine();
    add_root_hotplug();
    std::vector<const Device*> order;
    for (const Device& device : domain_.devices)
      if (const auto* pci = std::get_if<PciAddress>(&device.address); (pci != nullptr && pci->at) || is_root(device))
        order.push_back(&device);
    std::ranges::stable_sort(order, {}, [](const Device* device) { return rank(*device); });
    for (const Device* device : parents_first(order)) {
      if (device->controller && device->controller->type == ControllerType::Pci)
        add_bus(*device);
      else
        add_device(*device);
    }
    return std::move(args_);
  }

 private:
  /// What has no address because it is the root of its own tree.
  static bool is_root(const Device& device) { return device.controller && pci::is_root(device.controller->pci_model); }

  /// libvirt's order: as the rows, PCI controllers by index before other controllers, and those by index.
  static std::tuple<std::size_t, std::size_t, std::uint32_t> rank(const Device& device) {
    const auto kind = std::ranges::find(kQemuDevices, device.kind, &QemuDevice::kind);
    const auto group = static_cast<std::size_t>(kind - kQemuDevices.begin());
    if (!device.controller) return {group, 0, 0};
    const Controller& controller = *device.controller;
    const auto row = std::ranges::find(kQemuDevices, to_string(controller.type), &QemuDevice::subject);
    const auto type = static_cast<std::size_t>(row - kQemuDevices.begin());
    return {group, controller.type == ControllerType::Pci ? 0 : type, controller.index.value_or(0)};
  }

  /// libvirt's order, in which QEMU would look in vain for a bus whose controller has a higher index than the one that
  /// sits on it.
  [[nodiscard]] std::vector<const Device*> parents_first(const std::vector<const Device*>& order) const {
    std::vector<const Device*> result;
    std::set<const Device*> done;
    for (const Device* device : order) put_after_parents(*device, done, result);
    return result;
  }

  void put_after_parents(const Device& device, std::set<const Device*>& done,
                         std::vector<const Device*>& result) const {
    if (!done.insert(&device).second) return;
    const auto* pci = std::get_if<PciAddress>(&device.address);
    const bool is_bus = device.controller && device.controller->type == ControllerType::Pci;
    const Device* parent = is_bus && pci != nullptr && pci->at ? controller_of_bus(pci->at->bus()) : nullptr;
    if (parent != nullptr) put_after_parents(*parent, done, result);
    result.push_back(&device);
  }

  void add(std::string option, std::string value = {}) { args_.push_back({std::move(option), std::move(value)}); }

  // The machine.

  void add_machine() {
    const bool knows_acpi = family_ == Family::I440fx || family_ == Family::Q35 || family_ == Family::ArmVirt;
    add("-machine",
        fmt::format("{},usb=off{}", escaped(domain_.machine), knows_acpi && !domain_.has_acpi ? ",acpi=off" : ""));
    add("-nodefaults");
    const std::uint32_t cells = domain_.numa_cell_count;
    if (cells == 0) return;
    constexpr std::uint32_t kCellMib = 256;  // what a pseries machine deals its memory out in
    add("-m", fmt::format("{}M", kCellMib * cells));
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
      add("-object", fmt::format("memory-backend-ram,id=ram-node{},size={}M", cell, kCellMib));
      add("-numa", fmt::format("node,nodeid={0},memdev=ram-node{0}", cell));
    }
  }

  /// pci-root's own hot-plug is no property of a device.
  void add_root_hotplug() {
    for (const Device& device : domain_.devices)
      if (family_ == Family::I440fx && is_root(device) && device.controller->target.hotplug != Switch::Absent)
        add("-global", fmt::format("PIIX4_PM.acpi-root-pci-hotplug={}", word(device.controller->target.hotplug)));
  }

  // Buses.

  [[nodiscard]] const Device* controller_of_bus(std::uint32_t index) const {
    const auto found = std::ranges::find_if(domain_.devices, [&](const Device& device) {
      return device.controller && device.controller->type == ControllerType::Pci && device.controller->index == index;
    });
    return found == domain_.devices.end() ? nullptr : &*found;
  }

  static std::string id_of_bus(const Device& controller) {
    if (!controller.alias.empty()) return escaped(controller.alias);
    return fmt::format("pci.{}", controller.controller->index.value_or(0));
  }

  [[nodiscard]] std::string bus_name(std::uint32_t index) const {
    const Device* controller = controller_of_bus(index);
    if (controller == nullptr) return fmt::format("pci.{}", index);
    const bool is_machines_own = is_root(*controller) && index == 0;
    if (is_machines_own) return controller->controller->pci_model == ControllerModel::PcieRoot ? "pcie.0" : "pci.0";
    return id_of_bus(*controller) + (is_root(*controller) ? ".0" : "");
  }

  void add_place(DeviceArg& arg, const Device& device) const {
    const auto* pci = std::get_if<PciAddress>(&device.address);
    if (pci == nullptr || !pci->at) return;
    arg.add("bus", bus_name(pci->at->bus()));
    if (pci->multifunction != Switch::Absent) arg.add("multifunction", word(pci->multifunction));
    const unsigned function = pci->at->function();
    arg.add("addr", fmt::format("{:#x}{}", pci->at->slot(), function == 0 ? "" : fmt::format(".{:#x}", function)));
    arg.add("acpi-index", device.acpi_index);
  }

  void add_bus(const Device& device) {
    const Controller& controller = *device.controller;
    if (is_root(device) && controller.index == 0U) return;
    const domain::PciTarget& target = controller.target;
    const bool is_bridge = controller.pci_model == ControllerModel::PciBridge;
    add_zpci(device, id_of_bus(device));
    DeviceArg arg(is_root(device) ? "spapr-pci-host-bridge" : std::string_view(controller.model_name));
    if (is_bridge) arg.add("chassis_nr", target.chassis_nr);
    arg.add("port", target.port).add("chassis", target.chassis).add("bus_nr", target.bus_nr);
    arg.add("index", target.index).add("id", id_of_bus(device)).add("numa_node", target.node);
    if (target.hotplug != Switch::Absent) arg.add("hotplug", word(target.hotplug));
    add_place(arg, device);
    args_.push_back(std::move(arg).done());
  }

  // Other devices.

  /// A controller that the machine has anyway.
  [[nodiscard]] bool is_built_in(const Device& device) const {
    if (!device.controller || device.controller->index != 0U) return false;
    return device.controller->type == ControllerType::Ide ||
           (device.controller->type == ControllerType::Sata && family_ == Family::Q35);
  }

  [[nodiscard]] std::string driver_of(const QemuDevice& row, const Device& device) const {
    if (device.kind == DeviceKind::Input) {
      const auto input = std::ranges::find(kQemuInputs, std::string_view(device.type), &QemuInput::type);
      return with_transport(input == kQemuInputs.end() ? "virtio-input-host-pci" : input->driver, device);
    }
    const auto primary =
        std::ranges::find(kQemuPrimaryVideos, std::string_view(device.model), &QemuPrimaryVideo::model);
    const auto arch = topology::arch_of(domain_.arch);
    const bool has_vga = arch && kQemuHasVga.contains(*arch);
    if (device.kind == DeviceKind::Video && device.primary && has_vga && primary != kQemuPrimaryVideos.end())
      return std::string(primary->driver);
    return with_transport(row.driver.empty() ? device.model : row.driver, device);
  }

  static std::string with_transport(std::string_view driver, const Device& device) {
    return std::string(driver) + std::string(transport_of(device.model));
  }

  static Backend backend_of(const QemuDevice& row, const Device& device) {
    if (device.kind != DeviceKind::Input) return row.backend;
    const auto input = std::ranges::find(kQemuInputs, std::string_view(device.type), &QemuInput::type);
    return input == kQemuInputs.end() ? Backend::Host : input->backend;
  }

  std::string id_of(const QemuDevice& row, const Device& device) {
    const std::uint32_t number = count_[row.id]++;
    if (!device.alias.empty()) return escaped(device.alias);
    if (!device.controller) return fmt::format("{}{}", row.id, number);
    const std::uint32_t index = device.controller->index.value_or(0);
    return row.id == "usb" && index == 0 ? "usb" : fmt::format("{}{}", row.id, index);
  }

  /// The controller whose ports a USB companion shares.
  [[nodiscard]] std::string master_of(const Device& companion) const {
    const auto master = std::ranges::find_if(domain_.devices, [&](const Device& device) {
      return device.controller && device.controller->type == ControllerType::Usb && !device.controller->master_start &&
             device.controller->index == companion.controller->index;
    });
    if (master != domain_.devices.end() && !master->alias.empty()) return escaped(master->alias);
    const std::uint32_t index = companion.controller->index.value_or(0);
    return index == 0 ? "usb" : fmt::format("usb{}", index);
  }

  void add_device(const Device& device) {
    const auto row = std::ranges::find_if(
        kQemuDevices, [&](const QemuDevice& rule) { return rule.kind == device.kind && fits(rule, device); });
    if (row == kQemuDevices.end() || is_built_in(device)) return;
    const Backend backend = backend_of(*row, device);
    const std::string driver = driver_of(*row, device);
    if (driver.empty()) return;  // a model that libvirt would ask QEMU for, and gets none
    const std::string id = id_of(*row, device);
    const bool is_replaced = backends_ == Backends::StandIns && backend == Backend::Host;
    add_zpci(device, id);
    DeviceArg arg(is_replaced ? with_transport(kQemuStandInDevice, device) : driver);
    if (device.controller && device.controller->master_start)
      arg.add("masterbus", master_of(device) + ".0").add("firstport", device.controller->master_start);
    else
      connect(arg, backend, id);
    if (device.kind == DeviceKind::Interface && backend != Backend::Host && !device.mac.empty())
      arg.add("mac", escaped(device.mac));
    add_place(arg, device);
    args_.push_back(std::move(arg).done());
  }

  void connect(DeviceArg& arg, Backend backend, const std::string& id) {
    const auto stand_in = std::ranges::find(kQemuStandIns, backend, &QemuStandIn::backend);
    if (backends_ == Backends::StandIns && stand_in != kQemuStandIns.end()) {
      const std::string name = id + "-none";
      std::string value(stand_in->value);
      value.replace(value.find("NAME"), 4, name);
      add(std::string(stand_in->option), std::move(value));
      arg.add(stand_in->property, name);
    }
    arg.add("id", id);
  }

  /// On s390x every device on a PCI bus has a companion that gives it its ids.
  void add_zpci(const Device& device, const std::string& id) {
    const auto* pci = std::get_if<PciAddress>(&device.address);
    if (pci == nullptr || !pci->zpci.uid || !pci->zpci.fid) return;
    DeviceArg arg("zpci");
    arg.add("uid", *pci->zpci.uid).add("fid", *pci->zpci.fid).add("target", id);
    args_.push_back(std::move(arg.add("id", fmt::format("zpci{}", *pci->zpci.uid))).done());
  }

  const domain::Domain& domain_;
  Backends backends_;
  std::optional<Family> family_;
  std::map<std::string_view, std::uint32_t> count_;
  std::vector<QemuArg> args_;
};

/// What a shell and xargs both take as one word.
std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:=+/@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

std::vector<QemuArg> qemu_args(const domain::PlacedDomain& placed, Backends backends) {
  return Arguments(placed.domain(), backends).all();
}

std::string qemu_args_text(const std::vector<QemuArg>& args) {
  std::string text;
  for (const QemuArg& arg : args) text += arg.option + (arg.value.empty() ? "" : " " + shell_word(arg.value)) + '\n';
  return text;
}

std::string qemu_args_json(const domain::PlacedDomain& placed, const std::vector<QemuArg>& args,
                           std::string_view file) {
  Json words = Json::array();
  for (const QemuArg& arg : args) {
    words.push_back(arg.option);
    if (!arg.value.empty()) words.push_back(arg.value);
  }
  const domain::Domain& domain = placed.domain();
  return dumped({{"schema_version", kSchemaVersion},
                 {"file", file},
                 {"error", nullptr},
                 {"name", domain.name},
                 {"arch", domain.arch},
                 {"machine", domain.machine},
                 {"args", std::move(words)}});
}

std::string qemu_args_json(const Error& error, std::string_view text, std::string_view file) {
  return dumped({{"schema_version", kSchemaVersion}, {"file", file}, {"error", error_json(error, text)}});
}

}  // namespace busproof::report
