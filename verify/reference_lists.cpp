#include "verify/reference_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "verify/reference_rules.h"

namespace busproof::verify::reference {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using pci::ControllerModel;

/// More channels than this may need a second virtio-serial controller, which is not modelled here.
constexpr std::size_t kChannelsMax = 20;

/// "vdb" is 1, "vdaa" is 26; nothing for a name without letters behind its prefix.
std::optional<unsigned> target_number(std::string_view target) {
  for (const std::string_view prefix : {"fd", "hd", "vd", "sd", "xvd", "ubd"}) {
    if (!target.starts_with(prefix)) continue;
    const std::string_view letters = target.substr(prefix.size());
    unsigned number = 0;
    for (const char letter : letters) {
      if (letter < 'a' || letter > 'z') return std::nullopt;
      number = number * 26 + static_cast<unsigned>(letter - 'a') + 1;
    }
    return letters.empty() ? std::nullopt : std::optional<unsigned>(number - 1);
  }
  return std::nullopt;
}

/// Puts the device where the parser would: before the first of its group that it precedes, else behind the last one
/// of its group, else at the end. The list is walked from its end, as the parser does.
void insert(std::vector<Device>& list, Device device, const std::function<bool(const Device&, const Device&)>& grouped,
            const std::function<bool(const Device&, const Device&)>& precedes) {
  std::optional<std::size_t> at;
  for (std::size_t i = list.size(); i-- > 0;) {
    if (!grouped(list[i], device)) continue;
    if (precedes(device, list[i]))
      at = i;
    else if (!at)
      at = i + 1;
  }
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(at.value_or(list.size())), std::move(device));
}

void insert_controller(std::vector<Device>& list, Device device) {
  const auto grouped = [](const Device& a, const Device& b) { return a.controller->type == b.controller->type; };
  if (!device.controller->index) {
    const auto last =
        std::find_if(list.rbegin(), list.rend(), [&](const Device& other) { return grouped(other, device); });
    list.insert(last == list.rend() ? list.end() : last.base(), std::move(device));
    return;
  }
  insert(list, std::move(device), grouped, [](const Device& a, const Device& b) {
    if (!b.controller->index) return false;
    if (*b.controller->index != *a.controller->index) return *b.controller->index > *a.controller->index;
    return b.controller->master_start && !a.controller->master_start;
  });
}

void insert_disk(std::vector<Device>& list, Device device) {
  insert(
      list, std::move(device), [](const Device& a, const Device& b) { return a.bus == b.bus; },
      [](const Device& a, const Device& b) { return target_number(b.target) > target_number(a.target); });
}

Device added_controller(ControllerType type, std::uint32_t index, std::string model = {}) {
  Device device;
  device.kind = DeviceKind::Controller;
  device.model = std::move(model);
  device.controller.emplace();
  device.controller->type = type;
  device.controller->index = index;
  return device;
}

void give_indexes(std::vector<Device>& controllers) {
  const auto lowest_unused = [&](ControllerType type) {
    std::uint32_t index = 0;
    while (std::ranges::any_of(controllers, [&](const Device& each) { return is_controller(each, type, index); }))
      ++index;
    return index;
  };
  std::optional<std::uint32_t> last_usb;
  for (Device& each : controllers) {
    auto& index = each.controller->index;
    const bool is_usb = each.controller->type == ControllerType::Usb;
    if (!index)
      index = is_usb && each.controller->master_start && last_usb ? *last_usb : lowest_unused(each.controller->type);
    if (is_usb) last_usb = index;
  }
}

bool has_controller(const Lists& lists, ControllerType type, std::uint32_t index) {
  const auto found = lists.of.find(DeviceKind::Controller);
  return found != lists.of.end() &&
         std::ranges::any_of(found->second, [&](const Device& each) { return is_controller(each, type, index); });
}

void ensure(Lists& lists, ControllerType type, std::uint32_t index, std::string_view model = {}) {
  if (!has_controller(lists, type, index))
    lists.controllers().push_back(added_controller(type, index, std::string(model)));
}

/// Where libvirt forgets a PCI address instead of reserving it (spec 1.5).
void drop_addresses(Lists& lists) {
  for (const DeviceKind kind : {DeviceKind::Channel, DeviceKind::Input})
    for (Device& device : lists.of[kind])
      if (std::holds_alternative<domain::PciAddress>(device.address) && device.bus != "virtio" && device.bus != "usb")
        device.address = domain::NoAddress{};
  auto& videos = lists.of[DeviceKind::Video];
  if (!videos.empty() && videos.front().model == "none") videos.front().address = domain::NoAddress{};
}

std::optional<Error> add_defaults(Lists& lists) {
  ensure(lists, ControllerType::Usb, 0, lists.express_root ? "qemu-xhci" : "piix3-uhci");
  if (lists.express_root) ensure(lists, ControllerType::Sata, 0);
  const ControllerModel root = lists.express_root ? ControllerModel::PcieRoot : ControllerModel::PciRoot;
  for (const Device& each : lists.controllers()) {
    if (!is_pci(each) || each.controller->pci_model == root || each.controller->index != 0U) continue;
    return refused("E201", "XML error: The PCI controller with index='0' must be the machine's own root").error();
  }
  for (const Device& each : lists.controllers()) {
    const auto model = each.controller->pci_model;
    const bool is_root = model == ControllerModel::PcieRoot || model == ControllerModel::PciRoot;
    if (is_pci(each) && is_root && each.controller->index != 0U)
      return refused("E202", "XML error: pci-root and pcie-root controllers should have index 0").error();
  }
  if (!has_controller(lists, ControllerType::Pci, 0)) {
    Device controller = added_controller(ControllerType::Pci, 0, std::string(to_string(root)));
    controller.controller->pci_model = root;
    lists.controllers().push_back(std::move(controller));
  }
  if (lists.of[DeviceKind::Memballoon].empty()) {
    Device balloon;
    balloon.kind = DeviceKind::Memballoon;
    balloon.model = "virtio";
    lists.of[DeviceKind::Memballoon].push_back(std::move(balloon));
  }
  return std::nullopt;
}

void give_models(Lists& lists) {
  for (Device& each : lists.controllers()) {
    if (!each.model.empty()) continue;
    if (each.controller->type == ControllerType::Usb) each.model = "piix3-uhci";
    if (each.controller->type == ControllerType::Scsi) each.model = "lsilogic";
  }
  for (Device& each : lists.of[DeviceKind::Interface])
    if (each.model.empty() && each.type != "hostdev") each.model = "rtl8139";
  for (Device& each : lists.of[DeviceKind::Video])
    if (each.model.empty()) each.model = "cirrus";
}

/// Which controller the disk hangs on: the one in its address, or the one that its name implies.
std::uint32_t controller_of(const Device& disk, unsigned disks_each) {
  if (const auto* drive = std::get_if<domain::DriveAddress>(&disk.address)) return drive->controller;
  return target_number(disk.target).value_or(0) / disks_each;
}

void ensure_for_disks(Lists& lists, ControllerType type, std::string_view bus, unsigned disks_each,
                      std::string_view model = {}) {
  std::optional<std::uint32_t> last;
  for (const Device& disk : lists.of[DeviceKind::Disk])
    if (disk.bus == bus) last = std::max(last.value_or(0), controller_of(disk, disks_each));
  if (!last) return;
  for (std::uint32_t index = 0; index <= *last; ++index) ensure(lists, type, index, model);
}

void add_implied(Lists& lists) {
  ensure_for_disks(lists, ControllerType::Scsi, "scsi", 7, "lsilogic");
  ensure_for_disks(lists, ControllerType::Fdc, "fdc", 2);
  ensure_for_disks(lists, ControllerType::Ide, "ide", 4);
  ensure_for_disks(lists, ControllerType::Sata, "sata", 6);
  for (const DeviceKind kind : {DeviceKind::Channel, DeviceKind::Console})
    for (const Device& port : lists.of[kind]) {
      if (port.target_type != "virtio") continue;
      const auto* address = std::get_if<domain::VirtioSerialAddress>(&port.address);
      ensure(lists, ControllerType::VirtioSerial, address == nullptr ? 0 : address->controller);
    }
}

/// What these lists would get wrong.
std::optional<NotCovered> not_covered(const Lists& lists) {
  std::size_t channels = 0;
  for (const auto& [kind, devices] : lists.of)
    for (const Device& device : devices) {
      const auto no = [&](std::string_view what) {
        return NotCovered{fmt::format("{}: {}", to_string(device.kind), what)};
      };
      if (device.kind == DeviceKind::Channel || device.kind == DeviceKind::Console) ++channels;
      if (device.controller && device.controller->type == ControllerType::VirtioSerial &&
          device.controller->ports.value_or(kChannelsMax) < kChannelsMax)
        return no("fewer ports than channels may need");
      if (is_pci(device) && !device.controller->pci_model) return no("a PCI controller without model");
      if (is_pci(device) && !std::holds_alternative<domain::NoAddress>(device.address) &&
          !std::holds_alternative<domain::PciAddress>(device.address))
        return no("a PCI controller with an address of another type");
      if (device.kind == DeviceKind::Hostdev && device.type == "scsi") return no("SCSI host devices");
      if (device.kind == DeviceKind::Disk && device.bus.empty()) return no("a disk without bus");
      if (device.kind == DeviceKind::Smartcard) return no("smartcards");
      if (device.kind == DeviceKind::Memory && (device.model == "dimm" || device.model == "nvdimm") &&
          std::holds_alternative<domain::PciAddress>(device.address))
        return no("a memory module in a PCI slot");
      if (!asked_by(device, true)) return no("model " + device.model);
      if (std::holds_alternative<domain::SpaprVioAddress>(device.address) ||
          std::holds_alternative<domain::CcwAddress>(device.address))
        return no("an address of another machine");
    }
  if (channels > kChannelsMax) return NotCovered{"more channels than one controller may have"};
  return std::nullopt;
}

}  // namespace

bool is_pci(const Device& device) { return device.controller && device.controller->type == ControllerType::Pci; }

bool is_controller(const Device& device, ControllerType type, std::uint32_t index) {
  return device.controller && device.controller->type == type && device.controller->index == index;
}

std::variant<Lists, Error, NotCovered> lists_of(const Domain& domain) {
  const auto express = is_express_machine(domain);
  if (!express) return NotCovered{"machine " + domain.machine};
  Lists lists{.of = {}, .express_root = *express};
  for (const Device& device : domain.devices) {
    auto& list = lists.of[device.kind];
    if (device.controller)
      insert_controller(list, device);
    else if (device.kind == DeviceKind::Disk)
      insert_disk(list, device);
    else if (device.kind == DeviceKind::Video && device.primary)
      list.insert(list.begin(), device);
    else
      list.push_back(device);
  }
  give_models(lists);
  drop_addresses(lists);
  if (auto reason = not_covered(lists)) return *reason;
  give_indexes(lists.controllers());
  if (auto error = add_defaults(lists)) return *error;
  add_implied(lists);
  if (domain.has_graphics && lists.of[DeviceKind::Video].empty()) {
    Device video;
    video.kind = DeviceKind::Video;
    video.model = "cirrus";
    lists.of[DeviceKind::Video].push_back(std::move(video));
  }
  return lists;
}

}  // namespace busproof::verify::reference
