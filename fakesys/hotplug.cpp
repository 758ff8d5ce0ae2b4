// How devices are found and how they go. Source: kernel drivers/pci/probe.c, drivers/pci/remove.c, drivers/pci/bus.c.

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

std::pair<std::uint32_t, std::uint8_t> key_of(const Cow<Bus>& bus) { return {bus->segment, bus->number}; }

std::int64_t bus_number(const Bus& bus) { return rescan_key(bus.segment, bus.number); }
std::uint32_t segment_of(std::int64_t number) { return static_cast<std::uint32_t>(number >> 8); }
std::uint8_t number_of(std::int64_t number) { return static_cast<std::uint8_t>(number); }

/// What has lost its windows gets them anew, and where they were, since nobody else has had that room. Source:
/// drivers/pci/setup-bus.c, pci_assign_unassigned_bridge_resources()
ConfigSpace with_windows(const ConfigSpace& config, const Function& function) {
  return decodes_at(config, function.decoders) ? config : decoding_at(config, function.decoders);
}

bool is_in(const HotplugSlot& slot, const HostAddress& address) {
  return address.segment() == slot.segment && address.bus() == slot.bus && address.slot() == slot.device;
}

}  // namespace

// ---- Buses
// -------------------------------------------------------------------------------------------------------------

Bus& Model::edit_bus(std::uint32_t segment, std::uint8_t number) {
  return std::ranges::lower_bound(buses_, std::pair{segment, number}, {}, key_of)->edit();
}

Bus& Model::add_bus(std::uint32_t segment, std::uint8_t number, Slot bridge) {
  const auto at = std::ranges::lower_bound(buses_, std::pair{segment, number}, {}, key_of);
  return buses_.insert(at, Cow(Bus{segment, number, bridge, {}, false, false}))->edit();
}

void Model::add_root_bus(std::uint32_t segment, std::uint8_t number) { add_bus(segment, number, kNoSlot); }

void Model::keep_slots(std::uint32_t segment, std::uint8_t number) {
  if (find_bus(segment, number) != nullptr) edit_bus(segment, number).firmware_keeps_slots = true;
}

const Bus& Model::root_bus(Slot slot) const {
  Slot top = slot;
  while (upstream(top) != kNoSlot) top = upstream(top);
  return bus_of(*devices_[top]);
}

void Model::remove_bus(std::uint32_t segment, std::uint8_t number) {
  buses_.erase(std::ranges::lower_bound(buses_, std::pair{segment, number}, {}, key_of));
}

// ---- Finding
// -----------------------------------------------------------------------------------------------------------

Slot Model::create_device(const FunctionPtr& function, const ConfigSpace& config) {
  Device device;
  device.serial = next_serial_++;
  device.function = function;
  device.config = config;
  device.numa_node = function->numa_node;
  device.multifunction = config.multifunction();
  device.d3cold_allowed = function->d3cold_allowed;
  const auto free = std::ranges::find_if(devices_, [](const Cow<Device>& place) { return !place; });
  const auto slot = static_cast<Slot>(free - devices_.begin());
  if (free == devices_.end()) devices_.emplace_back();
  devices_[slot] = Cow(std::move(device));
  order_.edit().push_back(slot);
  auto& index = index_.edit();
  index.insert(std::ranges::lower_bound(index, function->address, {}, &Place::address), {function->address, slot});
  edit_bus(function->address.segment(), function->address.bus()).devices.push_back(slot);
  return slot;
}

void Model::scan(std::uint32_t segment, std::uint8_t number, bool at_boot) {
  for (const Plugged& plugged : *plugged_) {
    const HostAddress& address = plugged.function->address;
    if (address.segment() != segment || address.bus() != number || plugged.function->is_virtual) continue;
    if (find(address) != kNoSlot) continue;
    if (address.function() > 0) {
      const auto zero = HostAddress::make(segment, number, address.slot(), 0);
      const Slot first = find(*zero);
      if (first == kNoSlot || !devices_[first]->multifunction) continue;
    }
    const Slot slot =
        create_device(plugged.function, at_boot ? plugged.config : with_windows(plugged.config, *plugged.function));
    init_reset_methods(slot);
    if (!at_boot) {
      edit(slot).found_later = true;
      edit(slot).wakeable = plugged.config.signals_wakeup();
      event(UeventAction::Add, UeventSubsystem::Pci, plugged.function);
      assign_group(slot);
    }
    // Only now: the group was chosen without it.
    if (address.function() > 0) edit(slot).multifunction = true;
  }
  const std::vector<Slot> on_bus = find_bus(segment, number)->devices;
  for (const Slot slot : on_bus) {
    const FunctionPtr& function = devices_[slot]->function;
    if (!function->secondary) continue;
    if (child_bus(slot) == nullptr) {
      if (find_bus(segment, *function->secondary) != nullptr) continue;
      add_bus(segment, *function->secondary, slot);
      if (!at_boot) {
        event(UeventAction::Add, UeventSubsystem::PciBus, function, *function->secondary);
        name_slots(segment, *function->secondary, false);
      }
    }
    scan(segment, *function->secondary, at_boot);
  }
}

void Model::boot_scan() {
  std::vector<Bus> roots;
  for (const auto& bus : buses_) roots.push_back(*bus);
  for (const Bus& root : roots) scan(root.segment, root.number, true);
  for (const Slot slot : *order_) edit(slot).added = true;
}

void Model::arrange(std::span<const std::string> addresses) {
  std::vector<Slot> wanted;
  for (const std::string& name : addresses) {
    const auto address = HostAddress::parse(name);
    if (!address) continue;
    const auto card = std::ranges::find(*plugged_, *address, [](const Plugged& p) { return p.function->address; });
    Slot slot = find(*address);
    if (slot == kNoSlot && card != plugged_->end() && card->function->is_virtual &&
        find_bus(address->segment(), address->bus()) != nullptr) {
      slot = create_device(card->function, card->config);
      init_reset_methods(slot);
      edit(slot).added = true;
    }
    if (slot != kNoSlot) wanted.push_back(slot);
  }
  const std::vector<Slot> found = *order_;
  for (const Slot slot : found | std::views::reverse) {
    if (std::ranges::find(wanted, slot) != wanted.end()) continue;
    if (const Bus* below = child_bus(slot); below != nullptr) remove_bus(below->segment, below->number);
    forget_device(slot);
  }
  order_.edit() = std::move(wanted);
}

Model::Progress Model::rescan(Call& call, Task& task) {
  std::vector<std::pair<std::uint32_t, std::uint8_t>> buses;
  for (const auto& bus : buses_) {
    const bool wanted = task.number == kAllBuses ? bus->bridge == kNoSlot : bus_number(*bus) == task.number;
    if (wanted) buses.push_back(key_of(bus));
  }
  Tasks tasks;
  for (const auto& [segment, number] : buses) {
    scan(segment, number, false);
    tasks.push_back({.step = Step::AddDevices, .number = rescan_key(segment, number)});
  }
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::add_devices(Call& call, Task& task) {
  const Bus* bus = find_bus(segment_of(task.number), number_of(task.number));
  if (bus == nullptr) return Progress::Done;
  Tasks tasks;
  for (const Slot slot : bus->devices) {
    if (!devices_[slot]->added) tasks.push_back({.step = Step::AddDevice, .device = ref(slot)});
  }
  for (const Slot slot : bus->devices) {
    const Bus* below = child_bus(slot);
    if (below != nullptr) tasks.push_back({.step = Step::AddDevices, .number = bus_number(*below)});
  }
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::add_device(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  edit(slot).added = true;
  const int error = call.error;
  next(call,
       {{.step = Step::Lock, .device = task.device},
        {.step = Step::Attach, .device = task.device},
        {.step = Step::Unlock, .device = task.device},
        {.step = Step::Fail, .number = error}});  // that no driver could have it does not concern who looked for it
  return Progress::Done;
}

// ---- Going
// -------------------------------------------------------------------------------------------------------------

Tasks Model::remove_tasks(Slot slot) const {
  return {{.step = Step::LockRescan}, {.step = Step::Remove, .device = ref(slot)}, {.step = Step::UnlockRescan}};
}

Model::Progress Model::remove(Call& call, Task& task) {
  next(call, {{.step = Step::StopTree, .device = task.device}, {.step = Step::DestroyTree, .device = task.device}});
  return Progress::Done;
}

Model::Progress Model::stop_tree(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  Tasks tasks;
  if (const Bus* below = child_bus(slot); below != nullptr) {
    for (const Slot child : below->devices | std::views::reverse) {
      tasks.push_back({.step = Step::StopTree, .device = ref(child)});
    }
  }
  tasks.push_back({.step = Step::Lock, .device = task.device});
  tasks.push_back({.step = Step::Release, .device = task.device});
  tasks.push_back({.step = Step::Unlock, .device = task.device});
  tasks.push_back({.step = Step::Stopped, .device = task.device});
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::stopped(Call&, Task& task) {
  if (const Slot slot = alive(task.device); slot != kNoSlot) edit(slot).added = false;
  return Progress::Done;
}

Model::Progress Model::destroy_tree(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  Tasks tasks;
  if (const Bus* below = child_bus(slot); below != nullptr) {
    for (const Slot child : below->devices) tasks.push_back({.step = Step::DestroyTree, .device = ref(child)});
  }
  tasks.push_back({.step = Step::Destroy, .device = task.device});
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::destroy(Call&, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  const FunctionPtr function = devices_[slot]->function;
  if (const Bus* below = child_bus(slot); below != nullptr) {
    event(UeventAction::Remove, UeventSubsystem::PciBus, function, below->number);
    remove_bus(below->segment, below->number);
  }
  leave_group(slot);
  event(UeventAction::Remove, UeventSubsystem::Pci, function);
  forget_device(slot);
  return Progress::Done;
}

void Model::forget_device(Slot slot) {
  const Device& device = *devices_[slot];
  const HostAddress address = device.function->address;
  auto& plugged = plugged_.edit();
  const auto card = std::ranges::find(plugged, device.function, &Plugged::function);
  if (card != plugged.end()) card->config = device.config;
  if (card != plugged.end() && device.function->is_virtual) plugged.erase(card);
  std::erase(edit_bus(address.segment(), address.bus()).devices, slot);
  std::erase(order_.edit(), slot);
  std::erase_if(index_.edit(), [&](const Place& place) { return place.slot == slot; });
  devices_[slot].clear();
}

// ---- Slots with a switch
// -----------------------------------------------------------------------------------------------

bool Model::slot_populated(const HotplugSlot& slot) const {
  return std::ranges::any_of(*index_, [&](const Place& place) {
    return place.address.segment() == slot.segment && place.address.bus() == slot.bus &&
           place.address.slot() == slot.device;
  });
}

bool Model::slot_present(const HotplugSlot& slot) const {
  const Bus* bus = find_bus(slot.segment, slot.bus);
  if (bus == nullptr || !slot.of_port) return bus != nullptr;
  const int holder = bus->bridge == kNoSlot ? kNone : devices_[bus->bridge]->driver;
  return holder != kNone && driver(holder).rule.role == DriverRole::Port;
}

/// The name itself, or with the lowest number that makes it one of its own. Source: drivers/pci/slot.c,
/// make_slot_name()
std::string Model::free_slot_name(std::string_view base) const {
  std::string name(base);
  const auto has_name = [&](const HotplugSlot& slot) { return slot.name == name && slot_present(slot); };
  for (int next = 1; std::ranges::any_of(*slots_, has_name); ++next) {
    name = std::string(base) + '-' + std::to_string(next);
  }
  return name;
}

/// Slots that come back take names anew. One of firmware's is made twice, by those who list it and by those who switch
/// it, and each time looks for a name of its own: the first one is not free for the second. Source: drivers/pci/slot.c,
/// pci_create_slot(), rename_slot()
void Model::name_slots(std::uint32_t segment, std::uint8_t bus, bool of_port) {
  std::vector<std::pair<std::size_t, std::string>> ours;  // and what each would like to be called
  for (std::size_t i = 0; i < slots_->size(); ++i) {
    const HotplugSlot& slot = (*slots_)[i];
    if (slot.segment == segment && slot.bus == bus && slot.of_port == of_port)
      ours.emplace_back(i, slot.name.substr(0, slot.name.rfind('-')));
  }
  std::ranges::sort(ours, {}, [&](const auto& one) { return (*slots_)[one.first].device; });
  for (const auto& [i, base] : ours) slots_.edit()[i].name.clear();
  for (const auto& [i, base] : ours) {
    const std::string first = free_slot_name(base);
    slots_.edit()[i].name = first;
    if (!of_port && first != base) slots_.edit()[i].name = free_slot_name(base);
  }
}

Tasks Model::eject_tasks(std::size_t slot_index) const {
  const HotplugSlot& slot = (*slots_)[slot_index];
  Tasks tasks = {{.step = Step::LockRescan}};
  for (const Place& place : *index_ | std::views::reverse) {
    if (is_in(slot, place.address)) tasks.push_back({.step = Step::Remove, .device = ref(place.slot)});
  }
  tasks.push_back({.step = Step::Eject, .number = static_cast<std::int64_t>(slot_index)});
  tasks.push_back({.step = Step::UnlockRescan});
  return tasks;
}

Model::Progress Model::eject_slot(Call&, Task& task) {
  HotplugSlot& slot = slots_.edit()[static_cast<std::size_t>(task.number)];
  slot.ejected = true;
  std::erase_if(plugged_.edit(), [&](const Plugged& p) { return is_in(slot, p.function->address); });
  return Progress::Done;
}

// ---- The world acts
// ----------------------------------------------------------------------------------------------------

void Model::kill(const HostAddress& address) {
  const Slot slot = find(address);
  if (slot == kNoSlot) return;
  Device& device = edit(slot);
  device.config = ConfigSpace(std::vector<std::uint8_t>(device.config.size(), 0xff), device.config.size());
}

void Model::vanish(const HostAddress& address) {
  kill(address);
  unplug(address);
  if (const Slot slot = find(address); slot != kNoSlot) {
    Call later{next_call_++, {}, 0, true};
    next(later, remove_tasks(slot));
    calls_.push_back(std::move(later));
    settle();
  }
}

void Model::swap(FunctionPtr newcomer) {
  const std::int64_t bus = rescan_key(newcomer->address.segment(), newcomer->address.bus());
  vanish(newcomer->address);
  plug(std::move(newcomer));
  Call later{next_call_++, {}, 0, true};
  next(later, {{.step = Step::LockRescan}, {.step = Step::Rescan, .number = bus}, {.step = Step::UnlockRescan}});
  calls_.push_back(std::move(later));
  settle();
}

}  // namespace busproof::fakesys
