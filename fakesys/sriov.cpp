// Virtual functions. Source: kernel drivers/pci/iov.c, drivers/vfio/pci/vfio_pci_core.c.

#include <algorithm>
#include <cerrno>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

/// How long a card is given to forget its virtual functions.
constexpr std::int64_t kForgetMs = 1000;

HostAddress address_of_vf(const Function& physical, unsigned index) {
  const unsigned place = physical.address.slot() * pci::kFunctionCount + physical.address.function() +
                         physical.sriov->offset + physical.sriov->stride * index;
  constexpr unsigned kFunctionsOnBus = 256;
  const auto bus = static_cast<std::uint8_t>(physical.address.bus() + place / kFunctionsOnBus);
  const unsigned on_bus = place % kFunctionsOnBus;
  return *HostAddress::make(physical.address.segment(), bus, on_bus / pci::kFunctionCount,
                            on_bus % pci::kFunctionCount);
}

/// A VF's registers: those of its PF without ids, decoders and command, as the SR-IOV standard has it.
/// One that its PF gave nothing to work with has a message and no more.
ConfigSpace config_of_vf(const ConfigSpace& physical, bool dead) {
  constexpr std::uint16_t kTableSize = 0x07ff;
  ConfigSpace config = after_hardware_reset(physical);
  if (const auto msix = config.capability(kMsix); msix && dead) config.set_word(*msix + 2, 0, kTableSize);
  for (std::size_t byte = 0; byte < 4; ++byte) config.set(byte, 0xff);
  for (std::size_t byte = 0x10; byte < 0x28; ++byte) config.set(byte, 0);
  return config;
}

}  // namespace

int number_of_vf(const Function& physical, const HostAddress& address) {
  const auto place = [](const HostAddress& a) { return a.bus() * 256 + a.slot() * 8 + a.function(); };
  const int distance = place(address) - place(physical.address) - static_cast<int>(physical.sriov->offset);
  return distance / std::max(1, static_cast<int>(physical.sriov->stride));
}

Tasks Model::numvfs_tasks(Slot slot, unsigned count) const {
  const DeviceRef device = ref(slot);
  return {{.step = Step::Lock, .device = device},
          {.step = Step::SetNumVfs, .device = device, .number = count},
          {.step = Step::Unlock, .device = device}};
}

Tasks Model::disable_vfs_tasks(Slot slot) const {
  const DeviceRef device = ref(slot);
  Tasks tasks;
  for (unsigned i = 0; i < devices_[slot]->num_vfs; ++i) {
    tasks.push_back({.step = Step::RemoveVf, .device = device, .number = i});
  }
  tasks.push_back({.step = Step::DisabledVfs, .device = device});
  return tasks;
}

Model::Progress Model::set_num_vfs(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) {
    call.error = ENODEV;
    return Progress::Done;
  }
  const Device& device = *devices_[slot];
  const auto count = static_cast<unsigned>(task.number);
  if (count == device.num_vfs) return Progress::Done;
  const DriverRule* rule = device.driver == kNone ? nullptr : &driver(device.driver).rule;
  const bool configures = rule != nullptr && rule->configures_sriov;
  if (!configures || (rule->role == DriverRole::Vfio && !(profile.vfio_pf && vfio_enable_sriov))) {
    call.error = ENOENT;
    return Progress::Done;
  }
  Tasks tasks;
  if (count == 0) {
    tasks = disable_vfs_tasks(slot);
  } else if (device.num_vfs != 0) {
    call.error = EBUSY;
  } else {
    for (unsigned i = 0; i < count; ++i) tasks.push_back({.step = Step::AddVf, .device = task.device, .number = i});
    tasks.push_back({.step = Step::EnabledVfs, .device = task.device, .number = count});
  }
  if (profile.numvfs_takes_rescan_lock) {
    tasks.insert(tasks.begin(), {.step = Step::LockRescan});
    tasks.push_back({.step = Step::UnlockRescan});
  }
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::add_vf(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  const Device physical = *devices_[slot];
  const HostAddress address = address_of_vf(*physical.function, static_cast<unsigned>(task.number));
  if (find(address) != kNoSlot) {
    // Of an earlier life of the card: the newcomer cannot be registered, and then has no directory to link to.
    call.error = ENOENT;
    return Progress::Done;
  }
  if (find_bus(address.segment(), address.bus()) == nullptr) {
    call.error = ENOMEM;
    return Progress::Done;
  }
  auto function = std::make_shared<Function>(*physical.function);
  function->address = address;
  function->config = config_of_vf(physical.config, physical.function->sriov->dead_vfs);
  for (Decoder& decoder : function->decoders) decoder = {};
  function->identity.device = physical.function->sriov->vf_device;
  function->dead_controller = physical.function->sriov->dead_vfs;
  function->sriov.reset();
  function->is_virtual = true;
  function->physical = physical.function->address;
  function->boot = {};
  plug(function);
  const Slot virtual_slot = create_device(function, function->config);
  Device& device = edit(virtual_slot);
  device.multifunction = false;
  device.numa_node = physical.numa_node;
  device.physfn = physical.function->address;
  init_reset_methods(virtual_slot);
  const Driver& owner = driver(physical.driver);
  if (owner.rule.role == DriverRole::Vfio) device.override_text = owner.name;
  event(UeventAction::Add, UeventSubsystem::Pci, function);
  assign_group(virtual_slot);
  edit(slot).virtfns.push_back(address);
  event(UeventAction::Change, UeventSubsystem::Pci, function);
  next(call, {{.step = Step::AddDevice, .device = ref(virtual_slot)}});
  return Progress::Done;
}

Model::Progress Model::enabled_vfs(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot || call.error != 0) return Progress::Done;
  edit(slot).num_vfs = static_cast<unsigned>(task.number);
  emit(UeventAction::Change, slot);
  return Progress::Done;
}

Model::Progress Model::remove_vf(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  const HostAddress address = address_of_vf(*devices_[slot]->function, static_cast<unsigned>(task.number));
  std::erase(edit(slot).virtfns, address);
  const Slot virtual_slot = find(address);
  if (virtual_slot == kNoSlot) return Progress::Done;
  edit(virtual_slot).physfn.reset();
  next(call, {{.step = Step::Remove, .device = ref(virtual_slot)}});
  return Progress::Done;
}

Model::Progress Model::disabled_vfs(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  if (task.number == 0) {
    next(call, {{.step = Step::Sleep, .number = now_ms_ + kForgetMs},
                {.step = Step::DisabledVfs, .device = task.device, .number = 1}});
    return Progress::Done;
  }
  edit(slot).num_vfs = 0;
  return Progress::Done;
}

}  // namespace busproof::fakesys
