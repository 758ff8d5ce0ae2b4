#include "engine/abi/implied.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/ascii.h"
#include "engine/domain/address_text.h"
#include "engine/topology/machine_rules.h"

namespace busproof::abi {
namespace {

using domain::Detail;
using domain::DeviceKind;
using domain::Domain;
using topology::Family;
using topology::MachineRule;

/// A model that libvirt writes where the XML names none.
struct ModelRule {
  DeviceKind kind;
  std::optional<Family> family;  ///< nothing: any
  std::string_view type;         ///< AbiDevice::type; empty: any
  std::string_view model;
};
/// Source: libvirt 9.0.0 src/qemu/qemu_domain.c, qemuDomainChrDefPostParse(), qemuDomainTPMDefPostParse() and their
/// like.
constexpr std::array kModelRules = {
    ModelRule{DeviceKind::Serial, {}, "isa-serial", "isa-serial"},
    ModelRule{DeviceKind::Serial, {}, "pci-serial", "pci-serial"},
    ModelRule{DeviceKind::Serial, {}, "usb-serial", "usb-serial"},
    ModelRule{DeviceKind::Serial, {}, "isa-debug", "isa-debugcon"},
    ModelRule{DeviceKind::Serial, {}, "spapr-vio-serial", "spapr-vty"},
    ModelRule{DeviceKind::Serial, {}, "sclp-serial", "sclpconsole"},
    ModelRule{DeviceKind::Serial, Family::ArmVirt, "system-serial", "pl011"},
    ModelRule{DeviceKind::Serial, Family::RiscvVirt, "system-serial", "16550a"},
    ModelRule{DeviceKind::Tpm, Family::Pseries, "", "tpm-spapr"},
    ModelRule{DeviceKind::Tpm, {}, "", "tpm-tis"},
    ModelRule{DeviceKind::Vsock, {}, "", "virtio"},
};

/// A number that libvirt writes where the XML has none.
struct DetailDefault {
  DeviceKind kind;
  std::string_view model;  ///< empty: any
  Detail detail;
  std::string_view value;
};
/// Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomainVideoDefaultRAM(), and what it stored for the domains of
/// corpus/domains.
constexpr std::array kDetailDefaults = {
    DetailDefault{DeviceKind::Video, "", Detail::Heads, "1"},
    DetailDefault{DeviceKind::Video, "qxl", Detail::Ram, "65536"},
    DetailDefault{DeviceKind::Video, "qxl", Detail::VideoRam, "65536"},
    DetailDefault{DeviceKind::Video, "qxl", Detail::VgaMemory, "16384"},
    DetailDefault{DeviceKind::Video, "vga", Detail::VideoRam, "16384"},
    DetailDefault{DeviceKind::Video, "cirrus", Detail::VideoRam, "16384"},
    DetailDefault{DeviceKind::Video, "vmvga", Detail::VideoRam, "16384"},
    DetailDefault{DeviceKind::Video, "bochs", Detail::VideoRam, "16384"},
    DetailDefault{DeviceKind::Shmem, "ivshmem-plain", Detail::Size, "4194304"},
};

/// Serial ports of which the first is the guest's console too.
constexpr std::array<std::string_view, 4> kConsoleTypes = {"isa-serial", "system-serial", "spapr-vio-serial",
                                                           "sclp-serial"};

const domain::DetailValue* find(const AbiDevice& device, Detail detail) {
  const auto found = std::ranges::find(device.details, detail, &domain::DetailValue::detail);
  return found == device.details.end() ? nullptr : &*found;
}

void put(AbiDevice& device, Detail detail, std::string value) {
  const auto at = std::ranges::lower_bound(device.details, detail, {}, &domain::DetailValue::detail);
  device.details.insert(at, {detail, std::move(value)});
}

void fill_defaults(const MachineRule* machine, AbiDevice& device) {
  // Names of network cards mean the same in upper and lower case.
  if (device.kind == DeviceKind::Interface) std::ranges::transform(device.model, device.model.begin(), ascii_lower);
  if (device.model.empty()) {
    const auto rule = std::ranges::find_if(kModelRules, [&](const ModelRule& row) {
      const bool is_there = !row.family || (machine != nullptr && row.family == machine->family);
      return is_there && row.kind == device.kind && (row.type.empty() || row.type == device.type);
    });
    if (rule != kModelRules.end()) device.model = rule->model;
  }
  for (const DetailDefault& row : kDetailDefaults)
    if (row.kind == device.kind && (row.model.empty() || row.model == device.model) &&
        find(device, row.detail) == nullptr)
      put(device, row.detail, std::string(row.value));
}

AbiDevice added(DeviceKind kind, std::string_view type, const domain::DeviceAddress& address = domain::NoAddress()) {
  AbiDevice device;
  device.kind = kind;
  device.type = type;
  device.address = domain::bus_address_text(address);
  device.address_chosen = !device.address.empty();
  device.added = true;
  return device;
}

/// Numbers ports from `next` on that have none and are of the ISA bus, or are not.
void number_ports(DeviceKind kind, bool is_isa, unsigned& next, std::vector<AbiDevice>& devices) {
  for (AbiDevice& device : devices)
    if (device.kind == kind && (device.type == "isa-serial") == is_isa && find(device, Detail::Port) == nullptr)
      put(device, Detail::Port, std::to_string(next++));
}

/// Those without a number get the next ones after the highest that is written, those of the ISA bus first.
void number_ports(DeviceKind kind, std::vector<AbiDevice>& devices) {
  unsigned next = 0;
  for (const AbiDevice& device : devices) {
    const auto* said = device.kind == kind ? find(device, Detail::Port) : nullptr;
    if (said == nullptr) continue;
    unsigned port = 0;
    std::from_chars(said->value.data(), said->value.data() + said->value.size(), port);
    next = std::max(next, port + 1);
  }
  number_ports(kind, true, next, devices);
  number_ports(kind, false, next, devices);
}

void add_serial_console(const MachineRule& machine, std::vector<AbiDevice>& devices) {
  const auto serial = std::ranges::find(devices, DeviceKind::Serial, &AbiDevice::kind);
  const auto console = std::ranges::find(devices, DeviceKind::Console, &AbiDevice::kind);
  const bool is_serial_console = console != devices.end() && console->type == "serial";
  if (serial == devices.end()) {
    if (is_serial_console && !machine.serial_type.empty())
      devices.push_back(added(DeviceKind::Serial, machine.serial_type));
    return;
  }
  if (is_serial_console) {
    // The port shown a second time: it has the port's place and none of its own.
    console->pci.reset();
    console->address.clear();
  } else if (std::ranges::count(kConsoleTypes, serial->type) > 0) {
    devices.push_back(added(DeviceKind::Console, "serial"));
  }
}

/// Whether libvirt adds it to every x86 guest: a PS/2 mouse, and of any number of PS/2 keyboards one.
/// Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomainDefMaybeAddInput(), and what it stored for the domains of
/// corpus/domains.
void drop_ps2_inputs(std::vector<AbiDevice>& devices) {
  bool has_mouse = false;
  std::erase_if(devices, [&](const AbiDevice& device) {
    if (device.kind != DeviceKind::Input) return false;
    return device.type == "keyboard ps2" || (device.type == "mouse ps2" && !std::exchange(has_mouse, true));
  });
}

/// A keyboard, and a mouse where there is no tablet.
void add_usb_inputs(const BusPlaces& places, std::vector<AbiDevice>& devices) {
  const auto has = [&](std::string_view type) {
    return std::ranges::any_of(
        devices, [&](const AbiDevice& device) { return device.kind == DeviceKind::Input && device.type == type; });
  };
  auto port = places.of_added_inputs.begin();
  const auto add = [&](std::string_view type) {
    const bool has_port = port != places.of_added_inputs.end();
    devices.push_back(added(DeviceKind::Input, type, has_port ? domain::DeviceAddress(*port++) : domain::NoAddress()));
  };
  const bool has_pointer = has("mouse usb") || has("tablet usb");
  if (!has("keyboard usb")) add("keyboard usb");
  if (!has_pointer) add("mouse usb");
}

/// The firmware of these machines has one.
void add_panic(const MachineRule& machine, std::vector<AbiDevice>& devices) {
  if (machine.family != Family::S390 && machine.family != Family::Pseries) return;
  if (std::ranges::count(devices, DeviceKind::Panic, &AbiDevice::kind) > 0) return;
  devices.push_back(added(DeviceKind::Panic, ""));
  devices.back().model = machine.panic_model;
}

}  // namespace

void add_implied(const Domain& domain, const BusPlaces& places, std::vector<AbiDevice>& devices) {
  const MachineRule* machine = topology::machine_rule(domain.arch, domain.machine);
  if (machine != nullptr) {
    add_serial_console(*machine, devices);
    if (domain.arch == "x86_64" || domain.arch == "i686")
      drop_ps2_inputs(devices);
    else if (domain.has_graphics && machine->traits.contains(topology::Trait::AddsUsbInputs))
      add_usb_inputs(places, devices);
    add_panic(*machine, devices);
  }
  for (const domain::UsbAddress& port : places.of_added_hubs) devices.push_back(added(DeviceKind::Hub, "usb", port));
  for (AbiDevice& device : devices) fill_defaults(machine, device);
  number_ports(DeviceKind::Serial, devices);
  number_ports(DeviceKind::Parallel, devices);
}

}  // namespace busproof::abi
