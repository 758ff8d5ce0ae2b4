#include "engine/abi/snapshot.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <variant>

#include "engine/abi/bus_places.h"
#include "engine/abi/hotplug_slots.h"
#include "engine/abi/implied.h"
#include "engine/abi/type_words.h"
#include "engine/domain/address_text.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "engine/topology/device_rules.h"

namespace busproof::abi {
namespace {

using domain::Device;
using domain::DeviceKind;
using topology::Buses;
using topology::BusNumbers;
using topology::GuestBus;
using topology::Occupant;

AbiController controller_of(const domain::Controller& controller) {
  return {.type = controller.type,
          .index = controller.index.value_or(0),
          .pci_model = controller.pci_model,
          .model_name = controller.model_name,
          .chassis_nr = controller.target.chassis_nr,
          .chassis = controller.target.chassis,
          .port = controller.target.port,
          .bus_nr = controller.target.bus_nr,
          .target_index = controller.target.index,
          .node = controller.target.node,
          .hotplug = controller.target.hotplug != domain::Switch::Off,
          .ports = controller.ports,
          .master_start = controller.master_start,
          .guest_bus = std::nullopt};
}

/// `abi` is a device of which nothing is known yet: filled where it lies, since there is much in it.
void describe_device(const Device& device, AbiDevice& abi) {
  abi.kind = device.kind;
  abi.alias = device.alias;
  abi.mac = device.mac;
  if (device.kind != DeviceKind::Interface) abi.target = device.target;
  abi.host = host_of(device);
  abi.address = address_text(device);
  abi.model = device.model;
  abi.type = type_of(device);
  abi.primary = device.primary;
  abi.acpi_index = device.acpi_index;
  abi.boot_order = device.boot_order;
  abi.details = device.details;
  abi.added = device.element == domain::kNoElement;
  abi.offset = device.offset;
  if (device.controller) abi.controller = controller_of(*device.controller);
  const auto serial = std::ranges::find(device.details, domain::Detail::Serial, &domain::DetailValue::detail);
  if (serial != device.details.end()) abi.serial = serial->value;
}

/// All that is known of the buses, and what follows from it for one device.
class Topology {
 public:
  Topology(const domain::Domain& domain, const topology::NumberedBuses& numbered)
      : domain_(domain), buses_(numbered.buses), numbers_(numbered.numbers), slots_(domain, buses_, numbers_) {}

  void fill(std::vector<AbiDevice>& devices) const {
    for (std::size_t bus = 0; bus < buses_.all.size(); ++bus) {
      AbiDevice& maker = devices[buses_.all[bus].controller];
      maker.controller->guest_bus = numbers_.number[bus];
      for (const Occupant& occupant : buses_.all[bus].occupants) devices[occupant.device].pci = place_of(bus, occupant);
    }
  }

 private:
  [[nodiscard]] PciPlace place_of(std::size_t bus, const Occupant& occupant) const {
    PciPlace place{.at = occupant.at, .multifunction = occupant.multifunction, .seen = std::nullopt, .node = {}};
    const Device& device = domain_.devices[occupant.device];
    const domain::ZpciIds& zpci = std::get<domain::PciAddress>(device.address).zpci;
    place.zpci_uid = zpci.uid;
    place.zpci_fid = zpci.fid;
    if (numbers_.number[bus] && !occupant.unseen) {
      place.seen = GuestView{.bus = *numbers_.number[bus]};
      if (device.kind == DeviceKind::Interface) place.seen->slot = slots_.find(buses_, bus, occupant.at);
      if (buses_.has_acpi) place.seen->onboard = device.acpi_index;
    }
    constexpr std::size_t kUsualDepth = 3;
    place.path.steps.reserve(kUsualDepth);
    place.above.reserve(kUsualDepth);
    place.path.steps.push_back({occupant.at.slot(), occupant.at.function()});
    climb(bus, place);
    return place;
  }

  /// The way up to the host bridge, which has the NUMA node. Of buses that sit on each other there is no way to any,
  /// and one round tells as much as many.
  void climb(std::size_t bus, PciPlace& place) const {
    for (std::size_t steps = 0; steps < buses_.all.size(); ++steps) {
      const GuestBus& self = buses_.all[bus];
      if (std::ranges::find(place.above, self.index) != place.above.end()) break;
      if (self.index != 0) place.above.push_back(self.index);
      if (self.is_expander() || !self.parent) {
        come_to_host_bridge(self, place);
        break;
      }
      const pci::GuestAddress& at = buses_.all[*self.parent].occupants[*self.occupant].at;
      place.path.steps.push_back({at.slot(), at.function()});
      bus = *self.parent;
    }
    std::ranges::reverse(place.path.steps);
    std::ranges::reverse(place.above);
  }

  void come_to_host_bridge(const GuestBus& bus, PciPlace& place) const {
    const domain::PciTarget& target = domain_.devices[bus.controller].controller->target;
    if (bus.model == pci::ControllerModel::PciExpanderBus) place.path.steps.push_back({0, 0});
    place.path.root = bus.bus_nr.value_or(0);
    if (buses_.tells_nodes()) place.node = target.node;
    // Source: QEMU 7.2 hw/ppc/spapr_pci.c (the unit's number ends in the index); Linux arch/powerpc/kernel/
    // pci-common.c, get_phb_number() (and that is the PCI domain).
    if (place.seen && buses_.family == topology::Family::Pseries)
      place.seen->segment = static_cast<std::uint32_t>(target.index.value_or(0));
  }

  const domain::Domain& domain_;
  const Buses& buses_;
  const BusNumbers& numbers_;
  HotplugSlots slots_;
};

/// By kind and identity, then by place: nothing in it knows of the order of elements.
auto rank_of(const AbiDevice& device) {
  const auto& controller = device.controller;
  return std::tuple(device.kind, controller ? controller->type : domain::ControllerType{},
                    controller ? controller->index : 0, std::tie(device.alias, device.mac, device.target, device.host),
                    device.pci ? std::optional(device.pci->at) : std::nullopt,
                    std::tie(device.address, device.type, device.model, device.serial, device.details));
}

/// Moves each device once: there is much in them.
std::vector<AbiDevice> sorted(std::vector<AbiDevice> devices) {
  std::vector<AbiDevice*> order;
  order.reserve(devices.size());
  for (AbiDevice& device : devices) order.push_back(&device);
  std::ranges::sort(order, [](const AbiDevice* a, const AbiDevice* b) {
    const auto ranks = rank_of(*a) <=> rank_of(*b);
    return ranks != 0 ? ranks < 0 : *a < *b;
  });
  std::vector<AbiDevice> result;
  result.reserve(devices.size());
  for (AbiDevice* device : order) result.push_back(std::move(*device));
  return result;
}

/// Those that nothing identifies are called by their numbers. Those of the XML are counted first.
void number_devices(std::vector<AbiDevice>& devices) {
  std::array<std::size_t, domain::kDeviceKindCount> count{};
  for (const bool added : {false, true})
    for (AbiDevice& device : devices)
      if (device.added == added) device.number = ++count[static_cast<std::size_t>(device.kind)];
}

/// `unplaced` is null where it is not known.
AbiSnapshot snapshot_of(const domain::PlacedDomain& placed, const topology::NumberedBuses& numbered,
                        const Unplaced* unplaced) {
  const domain::Domain& domain = placed.domain();
  AbiSnapshot abi{.name = domain.name,
                  .uuid = domain.uuid,
                  .virt_type = domain.virt_type,
                  .arch = domain.arch,
                  .machine = domain.machine,
                  .family = numbered.buses.family,
                  .has_acpi = domain.has_acpi,
                  .details = domain.details,
                  .devices = {}};
  constexpr std::size_t kImplied = 4;  // so that the rest need not move when these come
  abi.devices.reserve(domain.devices.size() + kImplied);
  for (const Device& device : domain.devices) {
    describe_device(device, abi.devices.emplace_back());
  }
  Topology(domain, numbered).fill(abi.devices);
  if (unplaced != nullptr)
    for (std::size_t i = 0; i < domain.devices.size(); ++i)
      abi.devices[i].address_chosen =
          abi.devices[i].pci && (abi.devices[i].added || unplaced->contains(domain.devices[i]));
  const BusPlaces places = bus_places(domain);
  for (const auto& [device, address] : places.of_device) {
    abi.devices[device].address = domain::bus_address_text(address);
    abi.devices[device].address_chosen = true;
  }
  add_implied(domain, places, abi.devices);
  // A video of model none is counted by libvirt's check, though the guest has none.
  std::erase_if(abi.devices, [](const AbiDevice& device) {
    return is_nothing(device.kind, device.model) && device.kind != DeviceKind::Video;
  });
  abi.devices = sorted(std::move(abi.devices));
  number_devices(abi.devices);
  return abi;
}

}  // namespace

bool is_nothing(DeviceKind kind, std::string_view model) {
  return model == "none" &&
         (kind == DeviceKind::Memballoon || kind == DeviceKind::Video || kind == DeviceKind::Controller);
}

std::string display_name(const AbiDevice& device) {
  domain::DeviceNames names{.kind = device.kind,
                            .alias = device.alias,
                            .mac = device.mac,
                            .target = device.target,
                            .controller = {},
                            .index = {}};
  if (device.controller) {
    names.controller = device.controller->type;
    names.index = device.controller->index;
  }
  return display_name(names, device.number);
}

std::string address_text(const Device& device) {
  // A disk's place on its controller follows from its name where the XML does not say it.
  if (device.drive && std::holds_alternative<domain::NoAddress>(device.address))
    return domain::bus_address_text(*device.drive);
  return domain::bus_address_text(device.address);
}

AbiSnapshot snapshot(const domain::PlacedDomain& placed, const topology::NumberedBuses& numbered,
                     const Unplaced& unplaced) {
  return snapshot_of(placed, numbered, &unplaced);
}

AbiSnapshot snapshot(const domain::PlacedDomain& placed) {
  return snapshot_of(placed, topology::numbered_buses(placed.domain()), nullptr);
}

AbiSnapshot snapshot(const domain::PlacedDomain& placed, const domain::Domain& wish) {
  return snapshot(placed, topology::numbered_buses(placed.domain()), Unplaced(wish));
}

}  // namespace busproof::abi
