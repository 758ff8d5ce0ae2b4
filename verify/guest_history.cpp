#include "verify/guest_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "engine/abi/snapshot.h"
#include "engine/domain/xml_document.h"
#include "engine/lock/lock.h"
#include "engine/lock/pin.h"
#include "verify/dice.h"
#include "verify/invariants.h"
#include "verify/new_devices.h"
#include "verify/placement_compare.h"

namespace busproof::verify {
namespace {

using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using domain::is_pci_controller;
using domain::PciAddress;
using domain::Switch;

/// Elements of what is added are numbered from here: what a config began with keeps its own numbers.
constexpr std::uint32_t kFirstAddedElement = 100'000;

/// Kinds of which one going changes nothing about the others: libvirt puts nothing in its stead.
constexpr std::array kReplaceable = {
    DeviceKind::Disk,  DeviceKind::Interface, DeviceKind::Sound,      DeviceKind::Hostdev,  DeviceKind::Rng,
    DeviceKind::Shmem, DeviceKind::Input,     DeviceKind::Filesystem, DeviceKind::Watchdog, DeviceKind::Vsock,
};

std::string alias_of(std::uint32_t id) { return fmt::format("ua-{}", id); }

bool is_expander(const Device& device) {
  return is_pci_controller(device) && (device.controller->pci_model == pci::ControllerModel::PciExpanderBus ||
                                       device.controller->pci_model == pci::ControllerModel::PcieExpanderBus);
}

std::size_t pci_controllers_in(const Domain& domain) {
  return static_cast<std::size_t>(std::ranges::count_if(domain.devices, is_pci_controller));
}

std::uint32_t next_index(const Domain& domain) {
  std::uint32_t next = 1;
  for (const Device& device : domain.devices)
    if (is_pci_controller(device)) next = std::max(next, device.controller->index.value_or(0) + 1);
  return next;
}

PciAddress* place_of(Device& device) {
  auto* address = std::get_if<PciAddress>(&device.address);
  return address != nullptr && address->at ? address : nullptr;
}

PciAddress address_at(std::uint32_t bus, std::uint32_t slot, std::uint32_t function) {
  return {.at = pci::GuestAddress::make(0, static_cast<std::uint8_t>(bus), slot % pci::kSlotCount,
                                        function % pci::kFunctionCount),
          .multifunction = Switch::Absent,
          .zpci = {}};
}

void shuffle(std::vector<Device>& devices, std::uint64_t seed) {
  Dice dice(seed);
  for (std::size_t i = devices.size(); i > 1; --i)
    std::swap(devices[i - 1], devices[dice.below(static_cast<std::uint32_t>(i))]);
}

/// What is left when somebody writes the config anew: the devices and controllers, and nothing of their places.
void forget_places(Domain& domain) {
  std::erase_if(domain.devices, [](const Device& device) { return device.element == domain::kNoElement; });
  for (Device& device : domain.devices) {
    if (std::holds_alternative<PciAddress>(device.address)) device.address = domain::NoAddress{};
    if (is_pci_controller(device)) device.controller->target = {};
  }
}

void set_model(Device& controller, pci::ControllerModel model) {
  controller.model = to_string(model);
  controller.controller->pci_model = model;
  controller.controller->model_name.clear();
  controller.controller->target = {};
}

/// A PCI controller as a file has it, without its place.
std::string controller_element(const Device& device) {
  const domain::Controller& controller = *device.controller;
  const domain::PciTarget& target = controller.target;
  std::string attributes;
  const auto say = [&](std::string_view name, const std::optional<int>& value) {
    if (value) attributes += fmt::format(" {}='{}'", name, *value);
  };
  say("chassisNr", target.chassis_nr);
  say("chassis", target.chassis);
  say("port", target.port);
  say("busNr", target.bus_nr);
  say("index", target.index);
  const std::string node = target.node ? fmt::format("<node>{}</node>", *target.node) : "";
  return fmt::format(
      "<controller type='pci' index='{}' model='{}'><target{}>{}</target><alias name='{}'/></controller>",
      *controller.index, device.model, attributes, node, device.alias);
}

}  // namespace

Result<Domain> first_config(const HistoryStart& start) {
  const std::string text = !start.xml.empty()
                               ? start.xml
                               : fmt::format(
                                     "<domain type='qemu'><name>guest</name><memory>262144</memory><os><type arch='{}' "
                                     "machine='{}'>hvm</type></os><features><acpi/></features><devices/></domain>",
                                     start.arch, start.machine);
  const auto document = domain::XmlDocument::parse(text);
  if (!document) return std::unexpected(document.error());
  auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  std::uint32_t id = 0;
  for (Device& device : wish->devices) device.alias = alias_of(++id);
  if (start.xml.empty()) wish->numa_cell_count = start.numa_cells;
  auto assignment = assign::assign(std::move(*wish));
  if (!assignment) return std::unexpected(assignment.error());
  return assignment->placed.domain();
}

std::optional<std::size_t> GuestHistory::position_of(const Domain& domain, std::uint32_t id) const {
  const auto found = std::ranges::find(domain.devices, alias_of(id), &Device::alias);
  if (found == domain.devices.end()) return std::nullopt;
  return static_cast<std::size_t>(found - domain.devices.begin());
}

void GuestHistory::complain(const LawRow& law, std::string words) {
  breaches_.push_back({std::string(law.name), std::move(words)});
}

void GuestHistory::apply(const Change& change) {
  looking_.tally.seen("change", to_string(change.verb));
  switch (change.verb) {
    case Verb::SaveAndLoad:
      return save_and_load();
    case Verb::LockAndApply:
      return lock_and_apply();
    case Verb::Replace:
      return replace(change);
    case Verb::HotPlug:
      return hot_plug(change);
    case Verb::Unplug:
      return unplug(change);
    default:
      break;
  }
  Domain wish = config_;
  edit(change, wish);
  if (settle(std::move(wish)) == Settled::Done && edited_) element_of_[change.id] = *edited_;
  edited_.reset();
}

void GuestHistory::add(Domain& wish, std::uint32_t row, std::uint32_t id) {
  if (position_of(wish, id)) return;
  Device device = new_device(row, id);
  device.element = kFirstAddedElement + id;
  element_of_[id] = xml_of_new(row, id);
  wish.devices.push_back(std::move(device));
}

void GuestHistory::edit(const Change& change, Domain& wish) {
  switch (change.verb) {
    case Verb::Add:
      return add(wish, change.a, change.id);
    case Verb::AddMany:
      for (std::uint32_t i = 0; i < change.b; ++i) add(wish, change.a, change.id + i);
      return;
    case Verb::AddController: {
      if (position_of(wish, change.id)) return;
      Device controller = new_controller(change.a, change.id, next_index(wish));
      controller.element = kFirstAddedElement + change.id;
      if (change.b > 0) controller.address = address_at(change.b - 1, change.c / 8, change.c % 8);
      wish.devices.push_back(std::move(controller));
      return;
    }
    case Verb::Reorder:
      return shuffle(wish.devices, change.a);
    case Verb::Regenerate:
      return forget_places(wish);
    default:
      break;
  }
  const auto position = position_of(wish, change.id);
  if (!position) return;
  if (change.verb == Verb::Remove)
    wish.devices.erase(wish.devices.begin() + static_cast<std::ptrdiff_t>(*position));
  else
    edit_device(change, wish, wish.devices[*position]);
}

void GuestHistory::edit_device(const Change& change, Domain& wish, Device& device) {
  PciAddress* place = place_of(device);
  switch (change.verb) {
    case Verb::Edit: {
      Device other = new_device(change.a, change.id);
      if (other.kind != device.kind || !element_of_.contains(change.id)) return;
      other.address = device.address;
      other.element = device.element;
      edited_ = xml_of_new(change.a, change.id);
      device = std::move(other);
      return;
    }
    case Verb::SetMultifunction:
      if (place != nullptr) place->multifunction = Switch::On;
      return;
    case Verb::ClearMultifunction:
      if (place != nullptr) place->multifunction = Switch::Absent;
      return;
    case Verb::BusNr:
      if (is_expander(device))
        device.controller->target.bus_nr = change.a == 0 ? std::nullopt : std::optional(static_cast<int>(change.a));
      return;
    case Verb::Node:
      wish.numa_cell_count = std::max(wish.numa_cell_count, change.a % 8);
      if (is_expander(device)) device.controller->target.node = static_cast<int>(change.a % 8);
      return;
    case Verb::Model:
      if (is_pci_controller(device) && device.controller->index != 0U)
        set_model(device, new_controllers()[change.a % new_controllers().size()].model);
      return;
    case Verb::Pin:
      device.address = address_at(change.a, change.b, change.c);
      return;
    case Verb::Unpin:
      if (place != nullptr) device.address = domain::NoAddress{};
      return;
    default:
      return;
  }
}

GuestHistory::Settled GuestHistory::settle(Domain wish) {
  // What changes nothing was looked at when law 1 was: it assigns the config again.
  if (is_settled_ && wish == config_ && looking_.selection.has(kIdempotent)) return Settled::Done;
  wish_ = std::move(wish);
  auto assignment = assign::assign(wish_);
  if (!assignment) {
    for (Breach& breach : look_at_refusal(assignment.error(), looking_)) breaches_.push_back(std::move(breach));
    return Settled::Refused;
  }
  for (Breach& breach : look_at_assigned({wish_, assignment->placed}, looking_)) breaches_.push_back(std::move(breach));
  config_ = assignment->placed.domain();
  is_settled_ = true;
  return Settled::Done;
}

void GuestHistory::replace(const Change& change) {
  const auto position = position_of(config_, change.id);
  if (!position) return;
  const Device device = config_.devices[*position];
  if (std::ranges::find(kReplaceable, device.kind) == kReplaceable.end()) return;
  const Domain before = config_;
  Domain without = config_;
  without.devices.erase(without.devices.begin() + static_cast<std::ptrdiff_t>(*position));
  if (settle(std::move(without)) == Settled::Refused) return;
  Domain again = config_;
  again.devices.push_back(device);
  const bool accepted = settle(std::move(again)) == Settled::Done;
  if (!looking_.selection.has(kComesBack.name)) return;
  looking_.tally.checked(kComesBack.name);
  if (!accepted) {
    complain(kComesBack, fmt::format("{}: removed, and refused when it was added back\n", display_name(device, 1)));
    config_ = before;
    return;
  }
  const auto back = position_of(config_, change.id);
  if (!back || config_.devices[*back].address != device.address)
    complain(kComesBack, fmt::format("{}: comes back to another place\n", display_name(device, 1)));
}

void GuestHistory::hot_plug(const Change& change) {
  if (position_of(config_, change.id)) return;
  const Domain before = config_;
  Domain wish = config_;
  add(wish, change.a, change.id);
  const bool plugged =
      settle(std::move(wish)) == Settled::Done && pci_controllers_in(config_) == pci_controllers_in(before);
  looking_.tally.seen("hot-plug", plugged ? "plugged" : "no room");
  if (!plugged) config_ = before;
}

void GuestHistory::unplug(const Change& change) {
  const auto position = position_of(config_, change.id);
  if (!position || config_.devices[*position].controller) return;
  const PciAddress* place = place_of(config_.devices[*position]);
  const bool shares = place != nullptr && std::ranges::any_of(config_.devices, [&](Device& other) {
                        const PciAddress* its = place_of(other);
                        return its != nullptr && its->at->bus() == place->at->bus() &&
                               its->at->slot() == place->at->slot() && its->at->function() != place->at->function();
                      });
  looking_.tally.seen("unplug", shares ? "shares its slot" : "unplugged");
  if (shares) return;
  Domain wish = config_;
  wish.devices.erase(wish.devices.begin() + static_cast<std::ptrdiff_t>(*position));
  settle(std::move(wish));
}

void GuestHistory::lock_and_apply() {
  const auto placed = as_placed(config_);
  if (!placed) return complain(kLockKeeps, "the config lacks a place\n");
  const lock::LockedDomain locked = lock::locked(*placed);
  Domain anew = config_;
  forget_places(anew);
  const auto pinned = lock::pin(locked, anew, lock::Believe::Lock, lock::FreedSlots::Kept);
  looking_.tally.seen("lock", pinned ? "applied" : "refused");
  if (!pinned) return;
  if (looking_.selection.has(kLockKeeps.name)) {
    looking_.tally.checked(kLockKeeps.name);
    std::string words;
    for (const Finding& finding : lock::compare(locked, abi::snapshot(pinned->placed)))
      if (finding.severity == Severity::Error) words += fmt::format("{}: {}\n", finding.device, finding.change);
    if (!words.empty()) complain(kLockKeeps, words);
  }
  settle(pinned->placed.domain());
}

void GuestHistory::save_and_load() {
  if (!looking_.selection.has(kTextKeeps.name)) return;
  Domain saved = config_;
  std::string text = fmt::format(
      "<domain type='qemu'><name>guest</name><memory>262144</memory><os><type arch='{}' machine='{}'>hvm</type></os>"
      "<features><acpi/></features><cpu><numa>",
      saved.arch, saved.machine);
  for (std::uint32_t cell = 0; cell < saved.numa_cell_count; ++cell)
    text += fmt::format("<cell id='{0}' cpus='{0}' memory='1024'/>", cell);
  text += "</numa></cpu><devices>\n";
  std::uint32_t element = 0;
  for (Device& device : saved.devices) {
    if (device.element == domain::kNoElement) continue;
    const auto number = device.element - kFirstAddedElement;
    const auto known = element_of_.find(number);
    if (device.element < kFirstAddedElement || (known == element_of_.end() && !is_pci_controller(device))) return;
    text += (is_pci_controller(device) ? controller_element(device) : known->second) + "\n";
    device.element = element++;
  }
  text += "</devices></domain>\n";
  const auto placed = as_placed(std::move(saved));
  const auto document = domain::XmlDocument::parse(text);
  if (!placed || !document) return complain(kTextKeeps, "the config cannot be written:\n" + text);
  looking_.tally.checked(kTextKeeps.name);
  const std::string written = domain::write_places(*document, *placed);
  if (const Violations lost = text_keeps_every_place(*placed, written); !lost.empty())
    complain(kTextKeeps, to_string(lost));
}

}  // namespace busproof::verify
