#include "engine/abi/hotplug_slots.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/topology/chipset_rules.h"
#include "engine/topology/controller_rules.h"

namespace busproof::abi {
namespace {

using domain::DeviceKind;
using pci::ControllerModel;
using topology::Buses;
using topology::Family;
using topology::GuestBus;
using topology::Occupant;

/// What cannot be taken out of a running machine has no slot, though it sits in one.
/// Source: QEMU 7.2, `hotpluggable = false` of the device classes; hw/i386/acpi-build.c for bridges.
bool is_fixed(const domain::Device& device) {
  if (device.kind == DeviceKind::Video) return true;
  if (!device.controller) return false;
  return device.controller->type == domain::ControllerType::Pci || device.model.starts_with("ich9-uhci") ||
         device.model.starts_with("piix");
}

bool chipset_sits_on(std::optional<Family> family, unsigned slot) {
  return slot == 0 || std::ranges::any_of(topology::kReservedFunctions, [&](const topology::ReservedFunction& row) {
           return row.family == family && row.place.slot == slot && row.place.function == 0;
         });
}

/// Who tells the kernel of the slots of a bus.
enum class Teller : std::uint8_t { Nobody, Qemu, SeaBios, Shpc };

bool below_root(const Buses& buses, std::size_t bus) {
  for (std::size_t steps = 0; steps < buses.all.size(); ++steps) {
    if (buses.all[bus].is_expander()) return false;
    if (!buses.all[bus].parent) return buses.all[bus].index == 0;
    bus = *buses.all[bus].parent;
  }
  return false;
}

bool hotplug_is_off(const domain::Domain& domain, const GuestBus& bus) {
  return domain.devices[bus.controller].controller->target.hotplug == domain::Switch::Off;
}

/// Source: QEMU 7.2 hw/acpi/pcihp.c, acpi_set_pci_info(): every bus that takes hot-plug below the first root bus, which
/// pcie.0 does not; SeaBIOS 1.16 src/fw/acpi-dsdt.dsl describes 31 slots of bus 0 where QEMU gives no tables; Linux 6.1
/// drivers/pci/hotplug/shpchp.
Teller teller_of(const domain::Domain& domain, const Buses& buses, std::size_t i) {
  const GuestBus& bus = buses.all[i];
  const bool x86 = buses.family == Family::I440fx || buses.family == Family::Q35;
  if (x86 && !buses.has_acpi) return bus.index == 0 ? Teller::SeaBios : Teller::Nobody;
  if (!buses.has_acpi || hotplug_is_off(domain, bus)) return Teller::Nobody;
  if (x86 && below_root(buses, i)) return bus.model == ControllerModel::PcieRoot ? Teller::Nobody : Teller::Qemu;
  const bool has_shpc = bus.model == ControllerModel::PcieToPciBridge || bus.model == ControllerModel::PciBridge;
  return has_shpc && buses.family != Family::I440fx ? Teller::Shpc : Teller::Nobody;
}

bool has_slot(const domain::Domain& domain, const Buses& buses, std::size_t i, unsigned slot, Teller teller) {
  const GuestBus& bus = buses.all[i];
  if (teller != Teller::Qemu) return true;
  if (bus.index == 0 && chipset_sits_on(buses.family, slot)) return false;
  return std::ranges::none_of(bus.occupants, [&](const Occupant& occupant) {
    return occupant.at.slot() == slot && occupant.at.function() == 0 && is_fixed(domain.devices[occupant.device]);
  });
}

}  // namespace

HotplugSlots::HotplugSlots(const domain::Domain& domain, const Buses& buses, const topology::BusNumbers& numbers)
    : owner_(pci::kSlotCount) {
  // The kernel meets buses in the order of their numbers; drivers of bridges come after all of ACPI.
  std::vector<std::size_t> by_number;
  for (std::size_t i = 0; i < buses.all.size(); ++i)
    if (numbers.number[i]) by_number.push_back(i);
  std::ranges::sort(by_number, {}, [&](std::size_t i) { return *numbers.number[i]; });
  for (const bool drivers : {false, true}) {
    for (const std::size_t i : by_number) {
      const Teller teller = teller_of(domain, buses, i);
      if (teller == Teller::Nobody || (teller == Teller::Shpc) != drivers) continue;
      const unsigned last = topology::rule_for(buses.all[i].model).slots.max;
      for (unsigned slot = 1; slot <= last; ++slot)
        if (!owner_[slot] && has_slot(domain, buses, i, slot, teller)) owner_[slot] = i;
    }
  }
}

std::optional<HotplugSlot> HotplugSlots::find(const Buses& buses, std::size_t bus, const pci::GuestAddress& at) const {
  unsigned slot = at.slot();
  auto of = HotplugSlot::Of::Device;
  for (std::size_t steps = 0; steps <= buses.all.size(); ++steps) {
    if (slot != 0 && owner_[slot] == bus) return HotplugSlot{slot, of};
    const GuestBus& self = buses.all[bus];
    if (!self.parent || self.is_expander()) break;
    slot = buses.all[*self.parent].occupants[*self.occupant].at.slot();
    bus = *self.parent;
    of = HotplugSlot::Of::Bridge;
  }
  return std::nullopt;
}

}  // namespace busproof::abi
