#include "verify/reference_assign.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/reference_rules.h"
#include "verify/reference_table.h"

namespace busproof::verify::reference {
namespace {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;
using domain::Domain;
using domain::PciAddress;
using domain::Switch;
using pci::ControllerModel;
using Problem = std::optional<Error>;

/// Spec 4.5.
constexpr std::array kIterationOrder = {
    DeviceKind::Disk,       DeviceKind::Interface, DeviceKind::Sound,      DeviceKind::Hostdev,  DeviceKind::Video,
    DeviceKind::Controller, DeviceKind::Smartcard, DeviceKind::Serial,     DeviceKind::Parallel, DeviceKind::Channel,
    DeviceKind::Console,    DeviceKind::Input,     DeviceKind::Filesystem, DeviceKind::Watchdog, DeviceKind::Memballoon,
    DeviceKind::Rng,        DeviceKind::Nvram,     DeviceKind::Hub,        DeviceKind::Shmem,    DeviceKind::Tpm,
    DeviceKind::Panic,      DeviceKind::Memory,    DeviceKind::Redirdev,   DeviceKind::Iommu,    DeviceKind::Vsock,
};

PciAddress* written(Device& device) {
  auto* address = std::get_if<PciAddress>(&device.address);
  return address != nullptr && address->at ? address : nullptr;
}

bool has_no_element(const Device& device) { return std::holds_alternative<domain::NoAddress>(device.address); }

bool is_wanting(Device& device) {
  return has_no_element(device) || (std::holds_alternative<PciAddress>(device.address) && written(device) == nullptr);
}

bool is_root(const Device& device) { return is_pci(device) && device.controller->index == 0U; }

void store(Device& device, const Spot& spot, Switch multifunction) {
  device.address =
      PciAddress{.at = pci::GuestAddress::make(0, static_cast<std::uint8_t>(spot.bus), spot.slot, spot.function),
                 .multifunction = multifunction,
                 .zpci = {}};
}

/// The first console is the first serial port shown a second time, unless it is a virtio one (spec 4.5).
Device* mirrored_console(Lists& lists) {
  auto& consoles = lists.of[DeviceKind::Console];
  const bool mirrors = !consoles.empty() && (consoles[0].target_type.empty() || consoles[0].target_type == "serial");
  return mirrors && !lists.of[DeviceKind::Serial].empty() ? consoles.data() : nullptr;
}

/// One of the two passes over a domain (spec 8): the dry run, which may grow, and the real one.
class Pass {
 public:
  enum class Mode : std::uint8_t { DryRun, Real };
  Pass(Lists& lists, Mode mode)
      : lists_(lists),
        dry_(mode == Mode::DryRun),
        table_(lists.controllers(), lists.express_root, dry_ ? Table::Growth::Allowed : Table::Growth::Forbidden) {}

  Problem run() {
    const std::size_t buses_before = table_.buses().size();
    const bool lists_own_controllers =
        std::ranges::any_of(lists_.controllers(), [](const Device& each) { return is_pci(each) && !is_root(each); });
    if (auto problem = collect()) return problem;
    if (auto problem = lists_.express_root ? fixed_q35() : fixed_i440fx()) return problem;
    if (dry_ && !lists_.express_root && !table_.all_full())
      if (auto problem = dummy(Kind::Conventional)) return problem;
    if (auto problem = seat_classes()) return problem;
    if (!dry_) return std::nullopt;
    if (lists_.express_root && !lists_own_controllers && table_.buses().size() > buses_before)
      if (auto problem = dummy(Kind::Express)) return problem;
    return add_missing_controllers();
  }

 private:
  [[nodiscard]] Guest guest_of(const Device& device) const {
    Guest guest;
    guest.asked = asked_by(device, lists_.express_root).value_or(Asked{});
    guest.aggregates = is_pci(device) && device.controller->pci_model == ControllerModel::PcieRootPort;
    guest.function = usb2_function(device).value_or(0);
    return guest;
  }

  Problem dummy(Kind kind) {
    const auto spot = table_.take_first({.asked = {.kind = kind, .integrated = false, .skipped = false}});
    if (!spot) return spot.error();
    return std::nullopt;
  }

  // --- step B: what the XML says (4.7) ---

  Problem collect() {
    for (const DeviceKind kind : kIterationOrder)
      for (Device& device : lists_.of[kind])
        if (PciAddress* address = written(device); address != nullptr && &device != mirrored_console(lists_))
          if (auto problem = collect(device, *address)) return problem;
    return std::nullopt;
  }

  Problem collect(Device& device, PciAddress& address) {
    const pci::GuestAddress at = *address.at;
    const bool on_piix3 = at.bus() == 0 && at.slot() == 1;
    const bool is_ide = is_controller(device, ControllerType::Ide, 0) && at.function() == 1;
    const bool is_usb =
        is_controller(device, ControllerType::Usb, 0) && device.model == "piix3-uhci" && at.function() == 2;
    if (on_piix3 && (is_ide || is_usb)) {
      if (!lists_.express_root) return std::nullopt;
      return refused("E225", "internal error: Bus 0 must be PCI for integrated PIIX3 USB or IDE controllers").error();
    }
    Guest guest = guest_of(device);
    if (guest.asked.kind == Kind::None) guest.asked.kind = Kind::Conventional;
    if (at.segment() != 0)
      return refused("E301", "XML error: Invalid PCI address. Only PCI domain 0 is available").error();
    Spot spot{at.bus(), at.slot(), at.function()};
    if (auto problem = table_.take_written(spot, guest)) return problem;
    if (spot.bus != at.bus()) address.at = at.on_bus(static_cast<std::uint8_t>(spot.bus));
    return std::nullopt;
  }

  // --- step C: what the chipset says (4.8) ---

  Problem take(std::uint8_t slot, std::uint8_t function) { return table_.take({0, slot, function}, Guest{}); }

  /// Puts the chipset's own controller where it must be.
  Problem fix(Device& device, std::uint8_t slot, std::uint8_t function, std::string_view rule, std::string_view text) {
    if (const PciAddress* address = written(device)) {
      if (*address->at == *pci::GuestAddress::make(0, 0, slot, function)) return std::nullopt;
      return refused(std::string(rule), std::string(text)).error();
    }
    store(device, {0, slot, function}, Switch::Absent);
    return std::nullopt;
  }

  Problem fixed_i440fx() {
    for (Device& each : lists_.controllers()) {
      const bool is_ide = is_controller(each, ControllerType::Ide, 0);
      const bool is_usb = is_controller(each, ControllerType::Usb, 0) && each.model == "piix3-uhci";
      if (!is_ide && !is_usb) continue;
      const std::uint8_t function = is_ide ? 1 : 2;
      if (auto problem = fix(each, 1, function, is_ide ? "E222" : "E223",
                             "internal error: Primary IDE and PIIX3 USB controllers must have their own PCI address"))
        return problem;
      if (auto problem = take(1, function)) return problem;
    }
    for (const std::uint8_t function : std::to_array<std::uint8_t>({0, 3}))
      if (auto problem = take(1, function)) return problem;
    return seat_primary_video(2);
  }

  Problem fixed_q35() {
    for (Device& each : lists_.controllers()) {
      if (is_controller(each, ControllerType::Sata, 0))
        if (auto problem = fix(each, 0x1f, 2, "E224", "internal error: Primary SATA controller must have its address"))
          return problem;
      if (!has_no_element(each)) continue;
      if (each.controller->type == ControllerType::Usb && each.model == "ich9-uhci1")
        for (const std::uint8_t slot : std::to_array<std::uint8_t>({0x1d, 0x1a}))
          if (has_no_element(each) && table_.slot_unused(0, slot))
            if (auto problem = prefer(each, slot, Switch::On)) return problem;
      if (is_pci(each) && each.controller->pci_model == ControllerModel::DmiToPciBridge && table_.slot_unused(0, 0x1e))
        if (auto problem = prefer(each, 0x1e, Switch::Absent)) return problem;
    }
    for (const std::uint8_t function : std::to_array<std::uint8_t>({0, 3}))
      if (auto problem = take(0x1f, function)) return problem;
    if (auto problem = seat_primary_video(1)) return problem;
    for (Device& sound : lists_.of[DeviceKind::Sound]) {
      if (sound.model != "ich9" || !is_wanting(sound)) continue;
      if (table_.slot_unused(0, 0x1b)) return prefer(sound, 0x1b, Switch::Absent);
      break;
    }
    return std::nullopt;
  }

  /// A slot of bus 0 that is known to be unused; remembered in the dry run too.
  Problem prefer(Device& device, std::uint8_t slot, Switch multifunction) {
    store(device, {0, slot, 0}, multifunction);
    return table_.take({0, slot, 0}, guest_of(device));
  }

  Problem seat_primary_video(std::uint8_t slot) {
    auto& videos = lists_.of[DeviceKind::Video];
    if (videos.empty() || !is_wanting(videos.front()) || guest_of(videos.front()).asked.skipped) return std::nullopt;
    if (table_.slot_unused(0, slot)) return prefer(videos.front(), slot, Switch::Absent);
    return seat(videos.front());
  }

  // --- step D: everything else (4.9) ---

  Problem seat_all(DeviceKind kind, const std::function<bool(const Device&)>& fits) {
    for (Device& device : lists_.of[kind])
      if (fits(device))
        if (auto problem = seat(device)) return problem;
    return std::nullopt;
  }

  Problem seat_classes() {
    const auto any = [](const Device&) { return true; };
    const auto passes_through = [](const Device& device) { return device.type == "hostdev"; };
    const std::array<std::function<Problem()>, 18> steps = {
        [&] {
          return seat_all(DeviceKind::Controller, [](const Device& each) { return is_pci(each) && !is_root(each); });
        },
        [&] { return seat_all(DeviceKind::Filesystem, any); },
        [&] { return seat_all(DeviceKind::Interface, std::not_fn(passes_through)); },
        [&] { return seat_all(DeviceKind::Sound, any); },
        [&] { return seat_all(DeviceKind::Controller, std::not_fn(is_pci)); },
        [&] { return seat_all(DeviceKind::Disk, any); },
        [&] { return seat_all(DeviceKind::Interface, passes_through); },
        [&] { return seat_all(DeviceKind::Hostdev, any); },
        [&] { return seat_all(DeviceKind::Memballoon, any); },
        [&] { return seat_all(DeviceKind::Rng, any); },
        [&] { return seat_all(DeviceKind::Watchdog, any); },
        [&] { return seat_all(DeviceKind::Video, any); },
        [&] { return seat_all(DeviceKind::Shmem, any); },
        [&] { return seat_all(DeviceKind::Input, any); },
        [&] { return seat_all(DeviceKind::Serial, any); },
        [&] { return seat_all(DeviceKind::Iommu, any); },
        [&] { return seat_all(DeviceKind::Vsock, any); },
        [&] { return seat_all(DeviceKind::Memory, any); },
    };
    for (const auto& step : steps)
      if (auto problem = step()) return problem;
    return std::nullopt;
  }

  Problem seat(Device& device) {
    const Guest guest = guest_of(device);
    if (guest.asked.skipped || !is_wanting(device)) return std::nullopt;
    if (usb2_function(device)) return seat_usb2(device, guest);
    const auto spot = table_.take_first(guest);
    if (!spot) return spot.error();
    if (!dry_) store(device, *spot, Switch::Absent);
    return std::nullopt;
  }

  /// Beside the first of its set that has a place, else in a slot of its own (4.11).
  Problem seat_usb2(Device& device, const Guest& guest) {
    const Switch multifunction = device.model == "ich9-uhci1" ? Switch::On : Switch::Absent;
    for (Device& other : lists_.controllers()) {
      if (!usb2_function(other) || other.controller->index != device.controller->index) continue;
      const PciAddress* address = written(other);
      if (address == nullptr) continue;
      Spot spot{address->at->bus(), address->at->slot(), guest.function};
      if (auto problem = table_.take_written(spot, guest)) return problem;
      store(device, spot, multifunction);
      return std::nullopt;
    }
    const auto spot = table_.take_first(guest);
    if (!spot) return spot.error();
    if (!dry_) store(device, *spot, multifunction);
    return std::nullopt;
  }

  /// The end of the dry run: what the buses it needed are made by (8.1 point 8).
  Problem add_missing_controllers() {
    for (std::uint32_t index = 1; index < table_.buses().size(); ++index) {
      const auto is_there = [index](const Device& each) { return is_controller(each, ControllerType::Pci, index); };
      if (std::ranges::any_of(lists_.controllers(), is_there)) continue;
      Device controller;
      controller.kind = DeviceKind::Controller;
      controller.controller.emplace();
      controller.controller->index = index;
      controller.controller->pci_model = table_.buses()[index].model;
      controller.model = to_string(*controller.controller->pci_model);
      if (auto spot = table_.take_first(guest_of(controller)); !spot) return spot.error();
      lists_.controllers().push_back(std::move(controller));
    }
    return std::nullopt;
  }

  Lists& lists_;
  bool dry_;
  Table table_;
};

// --- after the places (4.14) ---

void set_multifunction(std::vector<Device>& devices) {
  for (Device& device : devices) {
    const PciAddress* address = written(device);
    if (address == nullptr || address->at->function() == 0) continue;
    const auto zero = *pci::GuestAddress::make(0, address->at->bus(), address->at->slot(), 0);
    for (Device& other : devices)
      if (PciAddress* first = written(other); first != nullptr && *first->at == zero)
        if (first->multifunction == Switch::Absent) first->multifunction = Switch::On;
  }
}

Problem set_bus_number(const std::vector<Device>& controllers, Device& device) {
  int lowest = 256;
  for (const Device& each : controllers) lowest = std::min(lowest, each.controller->target.bus_nr.value_or(256));
  if (lowest <= 2)
    return refused("E217",
                   "unsupported configuration: No free busNr lower than current lowest busNr is available to "
                   "auto-assign to bus 0. Must be manually assigned")
        .error();
  device.controller->target.bus_nr = lowest - 2;
  return std::nullopt;
}

Problem set_targets(std::vector<Device>& controllers) {
  for (Device& each : controllers) {
    if (!is_pci(each) || is_root(each)) continue;
    domain::PciTarget& target = each.controller->target;
    const auto index = static_cast<int>(*each.controller->index);
    const ControllerModel model = *each.controller->pci_model;
    const PciAddress* address = written(each);
    if (address == nullptr) continue;
    if (each.controller->model_name.empty()) each.controller->model_name = row_of(model).device_name;
    const bool is_root_port = model == ControllerModel::PcieRootPort;
    if (is_root_port || model == ControllerModel::PcieSwitchDownstreamPort) {
      const int port = is_root_port ? address->at->slot() * 8 + address->at->function() : address->at->slot();
      if (!target.chassis) target.chassis = index;
      if (!target.port) target.port = port;
    }
    if (model == ControllerModel::PciBridge) {
      if (!target.chassis_nr) target.chassis_nr = index;
      if (index <= address->at->bus())
        return refused("E219", fmt::format("unsupported configuration: PCI controller at index {} has bus='{}', but "
                                           "index must be larger than bus",
                                           index, address->at->bus()))
            .error();
    }
    const bool is_expander = model == ControllerModel::PciExpanderBus || model == ControllerModel::PcieExpanderBus;
    if (is_expander && !target.bus_nr)
      if (auto problem = set_bus_number(controllers, each)) return problem;
  }
  return std::nullopt;
}

}  // namespace

Answer assign(const Domain& wish) {
  auto lists = lists_of(wish);
  if (auto* error = std::get_if<Error>(&lists)) return std::move(*error);
  if (auto* reason = std::get_if<NotCovered>(&lists)) return std::move(*reason);
  auto& of = std::get<Lists>(lists);
  for (const Pass::Mode mode : {Pass::Mode::DryRun, Pass::Mode::Real})
    if (auto problem = Pass(of, mode).run()) return *problem;
  if (auto problem = set_targets(of.controllers())) return *problem;
  for (const Device& each : of.controllers())
    if (is_pci(each) && *each.controller->index > pci::kBusMax)
      return refused("E205", "unsupported configuration: PCI controller index too high, maximum is 255").error();
  if (Device* console = mirrored_console(of)) console->address = of.of[DeviceKind::Serial].front().address;
  Domain answer = wish;
  answer.devices.clear();
  for (const DeviceKind kind : kIterationOrder)
    for (Device& device : of.of[kind]) answer.devices.push_back(std::move(device));
  set_multifunction(answer.devices);
  return answer;
}

bool decides_about(const Error& error) {
  // The last one says that an option is not set: it is this allocator, too, that sets them.
  constexpr std::array<std::string_view, 20> kRules = {
      "E201", "E202", "E205", "E217", "E219", "E222", "E223", "E224", "E225", "E301",
      "E302", "E303", "E304", "E305", "E306", "E307", "E311", "E312", "E313", "E211",
  };
  return std::ranges::find(kRules, error.rule) != kRules.end();
}

}  // namespace busproof::verify::reference
