#include "verify/domain_generator.h"

#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "verify/dice.h"
#include "verify/domain_words.h"
#include "verify/seeds.h"

namespace busproof::verify {
namespace {

using namespace words;
using Words = std::span<const std::string_view>;

// --- elements ---

SketchedElement element(std::string_view name, std::vector<SketchedAttribute> attributes = {},
                        std::vector<SketchedElement> children = {}) {
  std::erase_if(attributes, [](const SketchedAttribute& attribute) { return attribute.value.empty(); });
  return {std::string(name), std::move(attributes), std::move(children)};
}

SketchedElement text_element(std::string_view name, std::vector<SketchedAttribute> attributes, std::string text) {
  return {std::string(name), std::move(attributes), {}, std::move(text)};
}

SketchedAttribute attribute(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

SketchedAttribute numbered(std::string_view name, std::uint32_t value) {
  return {std::string(name), std::to_string(value)};
}

/// What a sketch is mostly about.
enum class Profile : std::uint8_t { Few, Mixed, Full, Functions, Controllers, Usb, Disks };
constexpr std::array kProfiles = {
    Profile::Few,         Profile::Few,  Profile::Few,       Profile::Mixed,       Profile::Mixed, Profile::Mixed,
    Profile::Controllers, Profile::Full, Profile::Functions, Profile::Controllers, Profile::Usb,   Profile::Disks,
};

struct Place {
  std::uint32_t bus = 0, slot = 0, function = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// Writes one sketch. It keeps a rough idea of the buses, so that most explicit addresses make sense.
class Sketcher {
 public:
  Sketcher(std::uint64_t seed, int size, Machines machines) : dice_(seed), size_(static_cast<std::uint32_t>(size)) {
    const MachineRow& machine = dice_.weighted(kMachines, [machines](const MachineRow& row) {
      return ((row.family & kX86) != 0) == (machines == Machines::X86);
    });
    family_ = machine.family;
    sketch_.arch = machine.arch;
    sketch_.machine = machine.machine;
    sketch_.numa_cells = dice_.percent(60) ? 0 : dice_.between(1, 4);
    sketch_.has_acpi = !dice_.percent(10);
    profile_ = dice_.one_of(kProfiles);
    const std::uint32_t care = dice_.below(20);
    oddness_ = care < 11 ? 0 : care < 17 ? 2 : 15;
    written_ = std::array<std::uint32_t, 6>{0, 0, 15, 40, 70, 95}[dice_.below(6)];
  }

  SketchedDomain sketch() && {
    add_controllers();
    add_usb_controllers();
    add_other_controllers();
    switch (profile_) {
      case Profile::Full:
        add_nics(dice_.percent(60) ? dice_.one_of(kEdgeCounts) : dice_.below(66));
        add_devices(dice_.below(4));
        break;
      case Profile::Functions:
        shared_ = endpoint_place();
        written_ = 80;
        add_devices(scaled(12) + 2);
        break;
      case Profile::Disks:
        for (std::uint32_t i = scaled(12) + 1; i > 0; --i) add(disk());
        add_devices(dice_.below(3));
        break;
      case Profile::Mixed:
        add_nics(dice_.below(5));
        add_devices(scaled(14));
        break;
      case Profile::Few:
      case Profile::Controllers:
      case Profile::Usb:
        add_devices(dice_.below(6));
        break;
    }
    add_singles();
    shuffle();
    return std::move(sketch_);
  }

 private:
  // --- chances ---

  /// Now for something wrong.
  bool odd() { return dice_.percent(oddness_); }

  [[nodiscard]] bool is_x86() const { return (family_ & kX86) != 0; }

  /// A number up to `most`, less in small sketches.
  std::uint32_t scaled(std::uint32_t most) { return dice_.below(1 + most * std::min(size_ + 20, 100U) / 100); }

  std::string unique(std::string_view prefix) { return fmt::format("{}{}", prefix, ++serial_); }

  // --- spelling ---

  std::string spelled(std::uint32_t value, std::string_view hexadecimal = "{:#04x}") {
    if (odd())
      return std::string(
          dice_.one_of(std::array<std::string_view, 8>{"", "08", "a", "-1", "0x", "4294967295", " 1", "+2"}));
    switch (dice_.below(12)) {
      case 0:
        return std::to_string(value);
      case 1:
        return fmt::format("0{:o}", value);
      case 2:
        return fmt::format("0x{:x}", value);
      case 3:
        return fmt::format("0X{:03X}", value);
      default:
        return fmt::format(fmt::runtime(hexadecimal), value);
    }
  }

  std::string_view on_off() {
    if (odd()) return dice_.one_of(std::array<std::string_view, 3>{"yes", "ON", "default"});
    return dice_.percent(70) ? "on" : "off";
  }

  SketchedElement pci_address(const Place& place) {
    SketchedElement address = element("address", {attribute("type", "pci")});
    if (dice_.percent(70) || odd())
      address.attributes.push_back(attribute("domain", odd() ? "0x0001" : spelled(0, "{:#06x}")));
    if (place.bus != 0 || dice_.percent(80)) address.attributes.push_back({"bus", spelled(place.bus)});
    if (place.slot != 0 || dice_.percent(80)) address.attributes.push_back({"slot", spelled(place.slot)});
    if (place.function != 0 || dice_.percent(70))
      address.attributes.push_back({"function", spelled(place.function, "{:#x}")});
    if (dice_.percent(place.function == 0 ? 15 : 4)) address.attributes.push_back(attribute("multifunction", on_off()));
    if (family_ == kS390 && dice_.percent(25)) address.children.push_back(zpci());
    return address;
  }

  SketchedElement zpci() {
    std::vector<SketchedAttribute> ids;
    if (dice_.percent(70)) ids.push_back({"uid", spelled(dice_.below(6))});
    if (dice_.percent(70)) ids.push_back({"fid", spelled(dice_.below(6))});
    return element("zpci", std::move(ids));
  }

  SketchedElement empty_address() {
    SketchedElement address = element("address", {attribute("type", "pci")});
    if (dice_.percent(20)) address.attributes.push_back({"function", spelled(dice_.below(8), "{:#x}")});
    if (dice_.percent(10)) address.attributes.push_back(attribute("multifunction", "on"));
    return address;
  }

  SketchedElement other_address() {
    const std::string_view type = dice_.one_of(kOtherAddressTypes);
    SketchedElement address = element("address", {attribute("type", type)});
    if (type == "drive") address.attributes = drive_address(0, 0, 0, 0).attributes;
    if (type == "isa") address.attributes.push_back(attribute("iobase", "0x505"));
    if (type == "dimm") address.attributes.push_back(attribute("slot", "0"));
    if (type == "usb") address.attributes.push_back(attribute("bus", "0"));
    return address;
  }

  static SketchedElement drive_address(std::uint32_t controller, std::uint32_t bus, std::uint32_t target,
                                       std::uint32_t unit) {
    return element("address", {attribute("type", "drive"), numbered("controller", controller), numbered("bus", bus),
                               numbered("target", target), numbered("unit", unit)});
  }

  // --- places ---

  Place endpoint_place() {
    if (shared_ && dice_.percent(80)) return {shared_->bus, shared_->slot, dice_.below(8)};
    std::vector<std::pair<std::uint32_t, const ControllerRow*>> buses;
    for (const auto& bus : buses_)
      if (bus.second->seats_endpoints || odd()) buses.push_back(bus);
    Place place;
    if (buses.empty() || dice_.percent(4) || odd()) {
      place.bus = dice_.below(highest_ + 4);
      place.slot = dice_.one_of(kEdgeSlots);
      return with_function(place);
    }
    const auto& [index, row] = dice_.one_of(buses);
    place.bus = index;
    place.slot = slot_of(*row);
    return with_function(place);
  }

  std::uint32_t slot_of(const ControllerRow& row) {
    if (odd()) return dice_.below(34);
    const std::uint32_t slot = dice_.percent(35) ? dice_.one_of(kEdgeSlots) : dice_.below(32);
    return std::clamp(slot, row.slot_min, row.slot_max);
  }

  Place with_function(Place place) {
    if (dice_.percent(15)) place.function = dice_.one_of(kEdgeFunctions);
    if (odd()) place.function = dice_.below(10);
    return place;
  }

  /// The same place again only by mistake.
  Place free_place(Place (Sketcher::*propose)()) {
    Place place = (this->*propose)();
    for (int tries = 0; tries < 8 && !odd() && taken_.contains(place); ++tries) place = (this->*propose)();
    taken_.insert(place);
    return place;
  }

  /// An endpoint's address, if it has one.
  void address_endpoint(SketchedElement& device) {
    if (odd()) device.children.push_back(other_address());
    if (dice_.percent(written_)) {
      device.children.push_back(pci_address(free_place(&Sketcher::endpoint_place)));
    } else if (dice_.percent(6) || (family_ == kS390 && dice_.percent(40))) {
      device.children.push_back(empty_address());
    }
    if (dice_.percent(1) || odd())
      device.children.push_back(element("alias", {attribute("name", unique(odd() ? "net" : "ua-"))}));
  }

  // --- controllers ---

  void add_controllers() {
    const ControllerRow& root = (family_ & kExpress) != 0 ? kExpressRoot : kConventionalRoot;
    buses_.emplace_back(0, &root);
    if (dice_.percent(45)) add(root_controller(root));
    std::uint32_t count = dice_.below(3);
    if (profile_ == Profile::Controllers || profile_ == Profile::Functions) count = dice_.between(2, 4 + scaled(12));
    if (profile_ == Profile::Full && dice_.percent(50)) count = scaled(8);
    if (dice_.percent(25)) count = 0;
    for (std::uint32_t i = 0; i < count; ++i) add_controller();
  }

  SketchedElement root_controller(const ControllerRow& row) {
    SketchedElement controller = element("controller", {attribute("type", "pci"), attribute("index", "0"),
                                                        attribute("model", odd() ? "pci-root" : row.model)});
    if (odd()) controller.children.push_back(pci_address({0, 1, 0}));
    if (family_ == kPc && dice_.percent(5))
      controller.children.push_back(element("target", {attribute("hotplug", on_off())}));
    return controller;
  }

  void add_controller() {
    const ControllerRow& row = dice_.weighted(
        kControllers, [this](const ControllerRow& candidate) { return (candidate.families & family_) != 0 || odd(); });
    std::uint32_t index = highest_ + 1;
    if (dice_.percent(8)) index += dice_.between(1, 4);
    if (odd()) index = dice_.below(260);
    SketchedElement controller = element("controller", {attribute("type", "pci")});
    const bool has_root = !sketch_.devices.empty();  // without one, the first controller without index would become it
    if (!(has_root && dice_.percent(8))) controller.attributes.push_back(numbered("index", index));
    if (!odd()) controller.attributes.push_back(attribute("model", row.model));
    if (dice_.percent(10) || odd())
      controller.children.push_back(element("model", {attribute("name", odd() ? "ioh3420" : row.model_name)}));
    add_target(controller, row);
    address_controller(controller, row, index);
    buses_.emplace_back(index, &row);
    highest_ = std::max(highest_, std::min(index, 255U));
    add(std::move(controller));
  }

  void add_target(SketchedElement& controller, const ControllerRow& row) {
    SketchedElement target = element("target");
    const auto knows = [&](std::string_view name) {
      return row.targets.find(fmt::format(" {} ", name)) != std::string_view::npos;
    };
    const auto wants = [&](std::string_view name) { return (knows(name) && dice_.percent(30)) || (odd() && odd()); };
    if (wants("busNr")) target.attributes.push_back({"busNr", std::to_string(bus_number())});
    if (wants("chassisNr"))
      target.attributes.push_back({"chassisNr", std::to_string(dice_.between(odd() ? 0 : 1, odd() ? 256 : 255))});
    if (wants("chassis")) target.attributes.push_back({"chassis", std::to_string(dice_.below(odd() ? 258 : 256))});
    if (wants("port")) target.attributes.push_back({"port", spelled(dice_.below(odd() ? 300 : 256))});
    if (wants("hotplug")) target.attributes.push_back(attribute("hotplug", on_off()));
    if (wants("index")) target.attributes.push_back({"index", std::to_string(dice_.between(1, odd() ? 33 : 30))});
    if ((knows("node") && dice_.percent(25) && (sketch_.numa_cells > 0 || odd())) || (odd() && odd()))
      target.children.push_back(
          text_element("node", {}, std::to_string(dice_.below(sketch_.numa_cells + (odd() ? 2 : 0)))));
    if (!target.attributes.empty() || !target.children.empty()) controller.children.push_back(std::move(target));
  }

  /// Near the numbers given out already, or near an end.
  std::uint32_t bus_number() {
    if (odd()) return dice_.below(300);
    std::uint32_t number = 0;
    switch (dice_.below(4)) {
      case 0:
        number = last_bus_number_ - std::min(last_bus_number_ - 1, dice_.between(1, 3));
        break;
      case 1:
        number = dice_.between(1, 8);
        break;
      case 2:
        number = dice_.between(248, 254);
        break;
      default:
        number = dice_.between(1, 254);
    }
    last_bus_number_ = number;
    return number;
  }

  void address_controller(SketchedElement& controller, const ControllerRow& row, std::uint32_t index) {
    const bool by_function = (family_ & kPseries) == 0 && dice_.percent(std::max(written_ / 2, 30U));
    if (!by_function) {
      if (dice_.percent(4)) controller.children.push_back(empty_address());
      return;
    }
    std::vector<std::pair<std::uint32_t, const ControllerRow*>> parents;
    for (const auto& bus : buses_)
      if (row.parents.find(fmt::format(" {} ", bus.second->model)) != std::string_view::npos) parents.push_back(bus);
    Place place;
    for (int tries = 0; tries < 8; ++tries) {
      place = parents.empty() || odd() ? Place{dice_.below(index), dice_.below(32), 0}
                                       : place_below(dice_.one_of(parents), row);
      if (!taken_.contains(place) || odd()) break;
    }
    taken_.insert(place);
    controller.children.push_back(pci_address(place));
  }

  Place place_below(const std::pair<std::uint32_t, const ControllerRow*>& parent, const ControllerRow& row) {
    Place place{parent.first, slot_of(*parent.second), 0};
    if (row.model == "pcie-root-port" && dice_.percent(60)) {
      place.slot = std::clamp(dice_.between(1, 3), parent.second->slot_min, parent.second->slot_max);
      place.function = dice_.below(8);
    }
    return with_function(place);
  }

  void add_usb_controllers() {
    std::uint32_t count = dice_.percent(45) ? 1 : 0;
    if (profile_ == Profile::Usb) count = dice_.between(1, 4);
    for (std::uint32_t index = 0; index < count; ++index) {
      if (index == 0 && dice_.percent(20)) {
        add(element("controller", {attribute("type", "usb"), attribute("index", "0"), attribute("model", "none")}));
        usb_is_off_ = true;
        return;
      }
      if (is_x86() && dice_.percent(35)) {
        add_usb2_set(index);
        continue;
      }
      SketchedElement controller = element("controller", {attribute("type", "usb")});
      if (index > 0 || dice_.percent(70))
        controller.attributes.push_back(numbered("index", odd() ? dice_.below(6) : index));
      const std::string_view model = dice_.one_of(kUsbModels);
      if (!model.empty()) controller.attributes.push_back(attribute("model", model));
      if (model.ends_with("xhci") && dice_.percent(20))
        controller.attributes.push_back(numbered("ports", dice_.between(1, odd() ? 20 : 15)));
      if (index == 0 && family_ == kPc && model == "piix3-uhci" && dice_.percent(40)) {
        controller.children.push_back(pci_address({0, 1, odd() ? 3U : 2U}));
      } else {
        address_endpoint(controller);
      }
      add(std::move(controller));
    }
  }

  void add_usb2_set(std::uint32_t index) {
    struct Member {
      std::string_view model, start;
      std::uint32_t function;
    };
    constexpr std::array<Member, 4> kSet = {
        {{"ich9-ehci1", "", 7}, {"ich9-uhci1", "0", 0}, {"ich9-uhci2", "2", 1}, {"ich9-uhci3", "4", 2}}};
    Place slot = endpoint_place();
    const bool all_written = dice_.percent(written_ / 2);
    for (const Member& member : kSet) {
      if (dice_.percent(8)) continue;
      SketchedElement controller =
          element("controller", {attribute("type", "usb"), numbered("index", index), attribute("model", member.model)});
      if (!member.start.empty() && !odd())
        controller.children.push_back(element("master", {attribute("startport", member.start)}));
      if (all_written || dice_.percent(8)) {
        slot.function = dice_.percent(90) ? member.function : dice_.below(8);
        taken_.insert(slot);
        controller.children.push_back(pci_address(slot));
      } else if (dice_.percent(5)) {
        controller.children.push_back(empty_address());
      }
      add(std::move(controller));
    }
  }

  void add_other_controllers() {
    constexpr std::array<std::string_view, 5> kTypes = {"scsi", "virtio-serial", "sata", "scsi", "ide"};
    std::array<std::uint32_t, 5> next{};
    const std::uint32_t count = dice_.percent(50) ? 0 : dice_.between(1, 3);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view type = dice_.one_of(kTypes);
      if (type == "ide" && (family_ != kPc || next[4] > 0) && !odd()) continue;
      if (type == "sata" && !is_x86()) continue;
      std::uint32_t& index = next[static_cast<std::size_t>(std::ranges::find(kTypes, type) - kTypes.begin())];
      SketchedElement controller = element("controller", {attribute("type", type)});
      if (dice_.percent(85)) controller.attributes.push_back(numbered("index", index));
      std::string_view model;
      if (type == "scsi") model = is_x86() ? dice_.one_of(kScsiModels) : "virtio-scsi";
      if (type == "virtio-serial" && dice_.percent(30)) model = dice_.one_of(kVirtioModels);
      if (!model.empty()) controller.attributes.push_back(attribute("model", model));
      if (type == "virtio-serial" && dice_.percent(20))
        controller.attributes.push_back(numbered("ports", dice_.between(1, 31)));
      const bool is_builtin = index == 0 && ((type == "ide" && family_ == kPc) || (type == "sata" && family_ == kQ35));
      if (is_builtin && !odd()) {
        if (dice_.percent(30))
          controller.children.push_back(pci_address(type == "ide" ? Place{0, 1, 1} : Place{0, 0x1f, 2}));
      } else {
        address_endpoint(controller);
      }
      index += dice_.percent(20) ? 3 : 1;
      add(std::move(controller));
    }
  }

  // --- devices ---

  void add(SketchedElement device) { sketch_.devices.push_back(std::move(device)); }

  void add_nics(std::uint32_t count) {
    const std::string_view usual = dice_.one_of(kNicModels);
    const bool alike = dice_.percent(60) && usual != "usb-net";
    for (std::uint32_t i = 0; i < count; ++i) add(interface(alike && dice_.percent(90) ? usual : nic_model()));
  }

  std::string_view nic_model() {
    const std::string_view model = dice_.one_of(kNicModels);
    return model == "usb-net" && !odd() ? "virtio" : model;
  }

  SketchedElement interface(std::string_view model) {
    if (dice_.percent(6)) return hostdev_interface();
    const std::string_view type = dice_.one_of(kInterfaceTypes);
    SketchedElement device = element("interface", {attribute("type", type)}, {mac()});
    if (type != "user") device.children.push_back(element("source", {attribute(type, "lab")}));
    if (!model.empty()) device.children.push_back(element("model", {attribute("type", model)}));
    if (dice_.percent(1) || odd()) device.children.push_back(element("acpi", {numbered("index", ++serial_)}));
    address_endpoint(device);
    return device;
  }

  SketchedElement hostdev_interface() {
    SketchedElement device = element("interface", {attribute("type", "hostdev"), attribute("managed", "yes")}, {mac()});
    device.children.push_back(element("source", {}, {host_address(true)}));
    if (dice_.percent(30)) device.children.push_back(element("driver", {attribute("name", "vfio")}));
    address_endpoint(device);
    return device;
  }

  SketchedElement mac() {
    ++serial_;
    return element(
        "mac", {attribute("address", fmt::format("52:54:00:5a:{:02x}:{:02x}", serial_ / 256 % 256, serial_ % 256))});
  }

  SketchedElement host_address(bool typed) {
    ++serial_;
    SketchedElement address = element("address");
    if (typed) address.attributes.push_back(attribute("type", "pci"));
    address.attributes.insert(address.attributes.end(),
                              {
                                  attribute("domain", "0x0001"),
                                  attribute("bus", fmt::format("{:#04x}", 0x40 + serial_ / 32 % 128)),
                                  attribute("slot", fmt::format("{:#04x}", serial_ % 32)),
                                  attribute("function", "0x0"),
                              });
    return address;
  }

  using Maker = SketchedElement (Sketcher::*)();
  struct DeviceRow {
    std::uint8_t families;
    std::uint32_t weight;
    Maker make;
  };
  void add_devices(std::uint32_t count) {
    static constexpr std::array kDevices = {
        DeviceRow{kAnyMachine, 8, &Sketcher::any_interface},
        DeviceRow{kAnyMachine, 8, &Sketcher::disk},
        DeviceRow{kAnyMachine, 4, &Sketcher::hostdev},
        DeviceRow{kX86 | kPseries, 4, &Sketcher::sound},
        DeviceRow{kAnyMachine, 3, &Sketcher::rng},
        DeviceRow{kX86, 1, &Sketcher::watchdog},
        DeviceRow{kX86, 2, &Sketcher::shmem},
        DeviceRow{kAnyMachine, 5, &Sketcher::input},
        DeviceRow{kX86, 3, &Sketcher::serial},
        DeviceRow{kAnyMachine, 2, &Sketcher::channel},
        DeviceRow{kAnyMachine, 3, &Sketcher::filesystem},
        DeviceRow{kX86, 2, &Sketcher::memory},
        DeviceRow{kX86, 1, &Sketcher::redirdev},
        DeviceRow{kX86, 1, &Sketcher::hub},
        DeviceRow{kAnyMachine, 1, &Sketcher::console},
        DeviceRow{kX86, 1, &Sketcher::parallel},
        DeviceRow{kX86, 1, &Sketcher::smartcard},
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      const DeviceRow& row =
          dice_.weighted(kDevices, [this](const DeviceRow& device) { return (device.families & family_) != 0; });
      add((this->*row.make)());
    }
  }

  SketchedElement any_interface() { return interface(nic_model()); }

  SketchedElement disk() {
    struct Bus {
      std::uint8_t families;
      std::uint32_t weight;
      std::string_view bus, prefix, device;
      std::uint32_t targets;
    };
    constexpr std::array kBuses = {
        Bus{kAnyMachine, 6, "virtio", "vd", "disk", 26},
        Bus{kAnyMachine, 3, "scsi", "sd", "disk", 20},
        Bus{kX86, 2, "sata", "sd", "disk", 14},
        Bus{kPc, 2, "ide", "hd", "disk", 4},
        Bus{kX86, 1, "usb", "sd", "disk", 26},
        Bus{kX86, 1, "fdc", "fd", "floppy", 2},
        Bus{kPc, 1, "ide", "hd", "cdrom", 4},
        Bus{kX86, 1, "sata", "sd", "cdrom", 6},
    };
    const Bus& row = dice_.weighted(kBuses, [this](const Bus& bus) {
      return (bus.families & family_) != 0 && !(bus.bus == "usb" && usb_is_off_ && !odd());
    });
    std::string target = target_of(row.prefix, row.targets);
    SketchedElement device = element("disk", {attribute("type", "file"), attribute("device", row.device)});
    if (row.bus == "virtio" && dice_.percent(15))
      device.attributes.push_back(attribute("model", dice_.one_of(kVirtioModels)));
    device.children.push_back(element("driver", {attribute("name", "qemu"), attribute("type", "raw")}));
    device.children.push_back(element("source", {attribute("file", fmt::format("/srv/{}.img", target))}));
    SketchedElement name = element("target", {attribute("dev", target)});
    if (dice_.percent(85)) name.attributes.push_back(attribute("bus", row.bus));
    device.children.push_back(std::move(name));
    if (row.device == "cdrom") device.children.push_back(element("readonly"));
    if (row.bus == "virtio") {
      address_endpoint(device);
    } else if (dice_.percent(written_ / 3) && row.bus != "usb") {
      device.children.push_back(drive_place(row.bus));
    } else if (odd()) {
      device.children.push_back(empty_address());
    }
    return device;
  }

  /// Each name once, but by mistake.
  std::string target_of(std::string_view prefix, std::uint32_t targets) {
    for (int tries = 0;; ++tries) {
      const std::uint32_t number = dice_.below(targets);
      const std::string name = fmt::format("{}{}", prefix, static_cast<char>('a' + number));
      if (targets_.insert(name).second || tries > 40) return name;
    }
  }

  SketchedElement drive_place(std::string_view bus) {
    if (bus == "ide") return drive_address(odd() ? 1 : 0, dice_.below(2), 0, dice_.below(2));
    if (bus == "sata") return drive_address(dice_.below(3), 0, 0, dice_.below(odd() ? 8 : 6));
    if (bus == "fdc") return drive_address(odd() ? 1 : 0, 0, 0, dice_.below(2));
    return drive_address(dice_.below(4), 0, dice_.percent(10) ? dice_.below(9) : 0, dice_.below(odd() ? 20 : 7));
  }

  SketchedElement hostdev() {
    SketchedElement device = element("hostdev", {attribute("mode", "subsystem")});
    const auto typed = [&device](std::string_view type) { device.attributes.push_back(attribute("type", type)); };
    switch (dice_.below(family_ == kX86 || !usb_is_off_ ? 8 : 7)) {
      default:
        typed("pci");
        device.attributes.push_back(attribute("managed", "yes"));
        if (dice_.percent(25)) device.children.push_back(element("driver", {attribute("name", "vfio")}));
        device.children.push_back(element("source", {}, {host_address(false)}));
        address_endpoint(device);
        if (device.children.size() < 3 && dice_.percent(5))
          device.children.push_back(element("address", {attribute("type", "unassigned")}));
        break;
      case 4:
        typed("mdev");
        device.attributes.push_back(attribute("model", "vfio-pci"));
        device.children.push_back(element(
            "source", {},
            {element("address", {attribute("uuid", fmt::format("d75d2ac9-3321-59ad-a7a6-{:012x}", ++serial_))})}));
        address_endpoint(device);
        break;
      case 5:
        typed("scsi_host");
        if (dice_.percent(30)) device.attributes.push_back(attribute("model", dice_.one_of(kVirtioModels)));
        device.children.push_back(element(
            "source", {attribute("protocol", "vhost"), attribute("wwpn", fmt::format("naa.5{:015x}", ++serial_))}));
        address_endpoint(device);
        break;
      case 6:
        typed("scsi");
        device.children.push_back(element(
            "source", {},
            {element("adapter", {attribute("name", "scsi_host0")}),
             element("address", {attribute("bus", "0"), attribute("target", "0"), numbered("unit", ++serial_)})}));
        if (dice_.percent(30)) device.children.push_back(drive_place("scsi"));
        break;
      case 7:
        typed("usb");
        device.children.push_back(element("source", {},
                                          {element("vendor", {attribute("id", "0x1234")}),
                                           element("product", {attribute("id", fmt::format("{:#06x}", ++serial_))})}));
        break;
    }
    return device;
  }

  SketchedElement sound() {
    SketchedElement device = element("sound", {attribute("model", dice_.one_of(kSoundModels))});
    if (device.attributes[0].value == "ich7" && !odd()) device.attributes[0].value = "ich6";
    if (device.attributes[0].value == "usb") {
      if (usb_is_off_) device.attributes[0].value = "ac97";
    }
    if (device.attributes[0].value != "usb" && (device.attributes[0].value != "sb16" || odd()))
      address_endpoint(device);
    return device;
  }

  SketchedElement rng() {
    SketchedElement device = element("rng", {attribute("model", dice_.one_of(kVirtioModels))},
                                     {text_element("backend", {attribute("model", "random")}, "/dev/urandom")});
    address_endpoint(device);
    return device;
  }

  SketchedElement watchdog() {
    SketchedElement device = element(
        "watchdog", {attribute("model", dice_.percent(75) ? "i6300esb" : "ib700"), attribute("action", "reset")});
    if (device.attributes[0].value == "i6300esb" || odd()) address_endpoint(device);
    return device;
  }

  SketchedElement shmem() {
    SketchedElement device = element("shmem", {attribute("name", unique("shm"))});
    device.children.push_back(element("model", {attribute("type", "ivshmem-plain")}));
    device.children.push_back(text_element("size", {attribute("unit", "M")}, "4"));
    address_endpoint(device);
    return device;
  }

  SketchedElement input() {
    constexpr std::array<std::string_view, 3> kTypes = {"tablet", "mouse", "keyboard"};
    SketchedElement device = element("input", {attribute("type", dice_.one_of(kTypes))});
    if (dice_.percent(20) && family_ != kS390) {
      device.attributes[0].value = "passthrough";
      device.children.push_back(element("source", {attribute("evdev", unique("/dev/input/event"))}));
    }
    const bool is_usb = device.attributes[0].value != "passthrough" && dice_.percent(30) && (!usb_is_off_ || odd());
    device.attributes.push_back(attribute("bus", is_usb ? "usb" : "virtio"));
    if (!is_usb && dice_.percent(20))
      device.attributes.push_back(attribute("model", odd() ? "virtio-transitional" : "virtio"));
    if (!is_usb || odd()) address_endpoint(device);
    if (is_usb && dice_.percent(20))
      device.children.push_back(element("address", {attribute("type", "usb"), attribute("bus", "0"),
                                                    numbered("port", dice_.between(1, odd() ? 9 : 3))}));
    return device;
  }

  SketchedElement serial() {
    SketchedElement device = element("serial", {attribute("type", "pty")});
    switch (dice_.below(usb_is_off_ ? 3 : 4)) {
      case 0:
        break;
      default:
        device.children.push_back(element("target", {attribute("type", "pci-serial")}));
        address_endpoint(device);
        break;
      case 2:
        device.children.push_back(element("target", {attribute("type", "isa-serial")}));
        break;
      case 3:
        device.children.push_back(element("target", {attribute("type", "usb-serial")}));
        break;
    }
    return device;
  }

  SketchedElement parallel() { return element("parallel", {attribute("type", "pty")}); }

  SketchedElement console() {
    return element("console", {attribute("type", "pty")}, {element("target", {attribute("type", "virtio")})});
  }

  SketchedElement channel() {
    SketchedElement device =
        element("channel", {attribute("type", "unix")},
                {element("target", {attribute("type", "virtio"), attribute("name", unique("org.example."))})});
    if (dice_.percent(15))
      device.children.push_back(
          element("address", {attribute("type", "virtio-serial"), numbered("controller", dice_.below(3)),
                              attribute("bus", "0"), numbered("port", dice_.between(odd() ? 0 : 1, 31))}));
    return device;
  }

  SketchedElement filesystem() {
    SketchedElement device = element("filesystem", {attribute("type", "mount")});
    const bool is_virtiofs = dice_.percent(30);
    if (is_virtiofs) device.children.push_back(element("driver", {attribute("type", "virtiofs")}));
    if (!is_virtiofs && dice_.percent(30)) device.attributes.push_back(attribute("model", dice_.one_of(kVirtioModels)));
    const std::string tag = unique("tag");
    device.children.push_back(element("source", {attribute("dir", "/srv/" + tag)}));
    device.children.push_back(element("target", {attribute("dir", tag)}));
    address_endpoint(device);
    return device;
  }

  SketchedElement memory() {
    if (sketch_.numa_cells == 0) sketch_.numa_cells = 1;
    SketchedElement target = element("target", {}, {text_element("size", {attribute("unit", "KiB")}, "524288")});
    switch (dice_.below(4)) {
      case 0:
        target.children.push_back(text_element("node", {}, "0"));
        return element("memory", {attribute("model", "dimm")}, {std::move(target)});
      case 1: {
        SketchedElement device =
            element("memory", {attribute("model", "virtio-pmem"), attribute("access", "shared")},
                    {element("source", {}, {text_element("path", {}, unique("/srv/pmem"))}), std::move(target)});
        address_endpoint(device);
        return device;
      }
      default:
        target.children.push_back(text_element("node", {}, "0"));
        target.children.push_back(text_element("block", {attribute("unit", "KiB")}, "2048"));
        target.children.push_back(text_element("requested", {attribute("unit", "KiB")}, "0"));
        SketchedElement device = element("memory", {attribute("model", "virtio-mem")}, {std::move(target)});
        address_endpoint(device);
        return device;
    }
  }

  SketchedElement redirdev() {
    return element("redirdev", {attribute("bus", "usb"), attribute("type", "tcp")},
                   {element("source", {attribute("mode", "connect"), attribute("host", "localhost"),
                                       numbered("service", 4000 + ++serial_)})});
  }

  SketchedElement hub() { return element("hub", {attribute("type", "usb")}); }

  SketchedElement smartcard() { return element("smartcard", {attribute("mode", "host")}); }

  /// Devices of which a domain has at most one, and the videos, which depend on one another.
  void add_singles() {
    add_balloon();
    if (dice_.percent(12)) {
      SketchedElement vsock = element("vsock", {attribute("model", dice_.one_of(kVirtioModels))},
                                      {element("cid", {attribute("auto", "no"), attribute("address", "4711")})});
      address_endpoint(vsock);
      add(std::move(vsock));
    }
    if ((family_ & kExpress) != 0 && dice_.percent(8)) {
      SketchedElement iommu = element("iommu", {attribute("model", "virtio")});
      if (dice_.percent(40))
        iommu.children.push_back(pci_address({odd() || dice_.percent(15) ? 1U : 0U, dice_.between(1, 31), 0}));
      add(std::move(iommu));
    }
    if (dice_.percent(20)) add(element("graphics", {attribute("type", "vnc"), attribute("autoport", "yes")}));
    if (dice_.percent(40)) add_videos();
  }

  void add_balloon() {
    const std::uint32_t chance = dice_.below(10);
    if (chance < 4) return;
    if (chance < 7) return add(element("memballoon", {attribute("model", "none")}));
    SketchedElement device = element("memballoon", {attribute("model", dice_.one_of(kVirtioModels))});
    address_endpoint(device);
    add(std::move(device));
  }

  void add_videos() {
    const std::string_view primary = is_x86() ? dice_.one_of(kPrimaryVideos) : "virtio";
    SketchedElement first = element("video", {}, {element("model", {attribute("type", primary)})});
    const std::uint32_t others = primary == "none" || dice_.percent(65) ? 0 : dice_.between(1, 3);
    if (primary == "ramfb" || primary == "none") {
      if (odd()) address_endpoint(first);
    } else if (dice_.percent(20) && is_x86()) {
      const Place customary = family_ == kPc ? Place{0, 2, 0} : Place{0, 1, 0};
      if (taken_.insert(customary).second || odd()) first.children.push_back(pci_address(customary));
    } else {
      address_endpoint(first);
    }
    if (others > 0 && dice_.percent(40)) first.children[0].attributes.push_back(attribute("primary", "yes"));
    add(std::move(first));
    for (std::uint32_t i = 0; i < others; ++i) {
      SketchedElement second = element(
          "video", {}, {element("model", {attribute("type", is_x86() ? dice_.one_of(kSecondVideos) : "virtio")})});
      address_endpoint(second);
      add(std::move(second));
    }
  }

  /// Users write devices in any order, but mostly by kind.
  void shuffle() {
    if (!dice_.percent(60)) return;
    auto& devices = sketch_.devices;
    for (std::size_t i = devices.size(); i > 1; --i)
      std::swap(devices[i - 1], devices[dice_.below(static_cast<std::uint32_t>(i))]);
  }

  Dice dice_;
  std::uint32_t size_;
  std::uint8_t family_ = kPc;
  Profile profile_ = Profile::Few;
  std::uint32_t oddness_ = 0;  ///< percent of all choices that are mistakes
  std::uint32_t written_ = 0;  ///< percent of the endpoints that have an address
  SketchedDomain sketch_{};
  std::vector<std::pair<std::uint32_t, const ControllerRow*>> buses_{};
  std::uint32_t highest_ = 0;
  std::uint32_t last_bus_number_ = 254;
  std::set<Place> taken_{};
  std::optional<Place> shared_{};
  std::set<std::string> targets_{};
  std::uint32_t serial_ = 0;
  bool usb_is_off_ = false;
};

}  // namespace

SketchedDomain sketch_domain(std::uint64_t seed, int size, Machines machines) {
  return Sketcher(seed, size, machines).sketch();
}

rc::Gen<SketchedDomain> domains(Machines machines) {
  const auto sketches = rc::gen::withSize([machines](int size) {
    return rc::gen::map(seeds(), [size, machines](std::uint64_t seed) { return sketch_domain(seed, size, machines); });
  });
  return rc::gen::shrink(sketches,
                         [](const SketchedDomain& sketch) { return rc::seq::fromContainer(smaller(sketch)); });
}

}  // namespace busproof::verify
