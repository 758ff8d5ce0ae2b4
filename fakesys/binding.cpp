// How devices come to drivers and leave them. Source: kernel drivers/base/dd.c, drivers/base/bus.c,
// drivers/pci/pci-driver.c.

#include <algorithm>
#include <array>
#include <cerrno>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

constexpr std::uint16_t kIo = 0x0001;
constexpr std::uint16_t kMemory = 0x0002;
constexpr std::uint16_t kNoIntx = 0x0400;
constexpr std::uint8_t kMsixEnable = 0x80;
constexpr std::uint8_t kMsiEnable = 0x01;
/// How long the nvme driver looks at a controller that never becomes ready.
constexpr std::int64_t kNvmeGivesUpMs = 300;
constexpr std::uint32_t kNetworkClass = 0x02;
constexpr std::uint32_t kNvmeClass = 0x0108;

bool same_or_any(std::uint32_t wanted, std::uint32_t found) { return wanted == kAnyId || wanted == found; }

/// Of a device that was found, or of one that is only spoken of: then by numbers that no device could have, too.
template <class Found>
bool id_matches(const PciId& id, const Found& found) {
  return same_or_any(id.vendor, found.vendor) && same_or_any(id.device, found.device) &&
         same_or_any(id.subvendor, found.subvendor) && same_or_any(id.subdevice, found.subdevice) &&
         ((id.class_code ^ found.class_code) & id.class_mask) == 0;
}

template <class Found>
bool any_matches(const std::vector<PciId>& ids, const Found& found) {
  return std::ranges::any_of(ids, [&](const PciId& id) { return !id.override_only && id_matches(id, found); });
}

/// A message interrupt, where the device has one: MSI-X first.
void use_messages(ConfigSpace& config, bool on) {
  if (const auto msix = config.capability(kMsix)) {
    config.set(*msix + 3, on ? kMsixEnable : std::uint8_t{0}, kMsixEnable);
  } else if (const auto msi = config.capability(kMsi)) {
    config.set(*msi + 2, on ? kMsiEnable : std::uint8_t{0}, kMsiEnable);
  } else {
    return;
  }
  config.set_word(kCommand, on ? kNoIntx : std::uint16_t{0}, kNoIntx);
}

/// The command bits that switch on what the device's decoders decode.
std::uint16_t decoded_spaces(const Device& device) {
  constexpr std::size_t kBarCount = 6;
  const auto& decoders = device.function->decoders;
  if (device.function->is_virtual) return kMemory;  // its own BARs are in the physical function's capability
  std::uint16_t bits = 0;
  for (std::size_t bar = 0; bar < std::min(kBarCount, decoders.size()); ++bar) {
    if (decoders[bar].size == 0) continue;
    bits = static_cast<std::uint16_t>(bits | ((device.config.byte(kFirstBar + 4 * bar) & 1) != 0 ? kIo : kMemory));
  }
  return bits;
}

/// A driver that does not take all devices that its own table has.
struct Pickiness {
  std::string_view driver;
  int error;
  bool (*refuses)(const Model&, Slot);
};

/// The enhanced chips are for 8139cp. Source: drivers/net/ethernet/realtek/8139too.c, rtl8139_init_one()
bool is_enhanced_8139(const Model& model, Slot slot) {
  constexpr std::uint8_t kEnhanced = 0x20;
  return model.device(slot).function->identity.revision >= kEnhanced;
}

/// A bridge with a standard hot-plug controller.
bool has_slots(const Device& device) {
  constexpr std::uint8_t kStandardHotplug = 0x0c;
  return device.config.capability(kStandardHotplug).has_value();
}

/// A bridge that is found anew gets its registers above 4 GiB where the bridge above has an eye on all that nobody else
/// wants. An emulated one has not: from there on there are no slots to be seen.
bool lost_its_registers(const Model& model, Slot slot) {
  constexpr std::uint32_t kSubtractive = 0x060401;
  const Slot above = model.upstream(slot);
  return model.device(slot).found_later && above != kNoSlot &&
         model.device(above).function->identity.class_code == kSubtractive;
}

/// A bridge without hot-plug controller, or whose slots firmware has. Source: drivers/pci/hotplug/shpchp_core.c,
/// shpc_probe()
bool has_no_slots_left(const Model& model, Slot slot) {
  const Bus* below = model.child_bus(slot);
  if (below == nullptr || !has_slots(model.device(slot))) return true;
  if (model.root_bus(slot).firmware_keeps_slots) return true;
  if (lost_its_registers(model, slot)) return false;
  return std::ranges::any_of(model.slots(), [&](const HotplugSlot& other) {
    return other.segment == below->segment && other.bus == below->number;
  });
}

/// What does not answer where the kernel looks for its registers.
bool is_lost(const Device& device) { return !decodes_at(device.config, device.function->decoders); }

/// Takes the device for a driver of what is on it, which looks closer. Source: drivers/virtio/virtio_pci_common.c
bool leaves_work_to_child(const Driver& driver) { return driver.name == "virtio-pci"; }

/// NVMe controllers only: what else is given to it by new_id never becomes ready.
bool never_becomes_ready(const Device& device) {
  const Function& function = *device.function;
  return function.dead_controller || function.identity.class_code >> 8 != kNvmeClass || is_lost(device);
}

/// Newer kernels look at the controller in the probe itself. Source: drivers/nvme/host/pci.c, nvme_probe()
bool is_seen_dead(const Model& model, Slot slot) {
  return never_becomes_ready(model.device(slot)) && model.profile.nvme_probes_synchronously;
}

/// A controller's registers are the beginning of its first window; what is none may have a smaller one. Source:
/// drivers/nvme/host/pci.c, nvme_remap_bar()
bool has_no_room_for_registers(const Model& model, Slot slot) {
  constexpr std::uint64_t kRegisters = 0x2000;
  const Function& function = *model.device(slot).function;
  if (function.identity.class_code >> 8 == kNvmeClass) return false;
  return function.decoders.empty() || function.decoders[0].size < kRegisters;
}

/// It takes what it was told to take. Source: drivers/xen/xen-pciback/pci_stub.c, pcistub_probe()
bool is_not_seized(const Model& model, Slot slot) {
  constexpr std::uint8_t kBridge = 1;
  const Device& device = model.device(slot);
  const bool told = model.seized.contains(device.function->address) || !device.override_text.empty();
  return !told || device.config.header_type() > kBridge;
}

constexpr std::array kPickiness = {Pickiness{"8139too", ENODEV, is_enhanced_8139},
                                   Pickiness{"nvme", ENODEV, has_no_room_for_registers},
                                   Pickiness{"nvme", ENODEV, is_seen_dead}, Pickiness{"pciback", ENODEV, is_not_seized},
                                   Pickiness{"shpchp", ENODEV, has_no_slots_left}};

/// What is done to a device while its lock is held.
Tasks locked_task(Task task) {
  const DeviceRef device = task.device;
  Tasks tasks;
  tasks.reserve(3);
  tasks.push_back({.step = Step::Lock, .device = device});
  tasks.push_back(std::move(task));
  tasks.push_back({.step = Step::Unlock, .device = device});
  return tasks;
}

bool is_port(const Device& device) {
  const auto type = device.config.port_type();
  return type == PortType::RootPort || type == PortType::UpstreamPort || type == PortType::DownstreamPort ||
         type == PortType::EventCollector;
}

}  // namespace

bool Model::matches(const Driver& driver, const Device& device) const {
  const bool overridden = !device.override_text.empty();
  if (overridden && device.override_text != driver.name) return false;
  if (any_matches(driver.dynamic_ids, device.function->identity)) return true;
  return overridden || any_matches(driver.static_ids, device.function->identity);
}

// ---- What a call is made of
// --------------------------------------------------------------------------------------------

Tasks Model::unbind_tasks(Slot slot) const {
  return locked_task({.step = Step::Release, .device = ref(slot), .driver = devices_[slot]->driver});
}

Tasks Model::bind_tasks(Slot slot, int driver) const {
  return locked_task({.step = Step::Bind, .device = ref(slot), .driver = driver});
}

Tasks Model::probe_tasks(Slot slot) const {
  if (devices_[slot]->driver != kNone) return {};
  return locked_task({.step = Step::Attach, .device = ref(slot)});
}

Tasks Model::override_tasks(Slot slot, std::string text) const {
  Task set{.step = Step::SetOverride, .device = ref(slot), .text = std::move(text)};
  if (profile.override_takes_lock) return locked_task(std::move(set));
  Tasks tasks;
  tasks.push_back(std::move(set));
  return tasks;
}

// ---- Dynamic ids
// -------------------------------------------------------------------------------------------------------

std::pair<int, Tasks> Model::new_id_tasks(int driver, const PciId& id, int fields) const {
  constexpr int kAllFields = 7;
  const Driver& target = this->driver(driver);
  if (fields < kAllFields) {
    if (any_matches(target.static_ids, id)) return {EEXIST, {}};
    if (profile.new_id_knows_dynamic && any_matches(target.dynamic_ids, id)) return {EEXIST, {}};
  }
  const auto has_data = [&](const PciId& known) {
    return known.driver_data == id.driver_data || id.driver_data <= target.rule.driver_data_max;
  };
  if (!target.static_ids.empty() && std::ranges::none_of(target.static_ids, has_data)) return {EINVAL, {}};
  return {0, {{.step = Step::AddId, .driver = driver, .id = id}, {.step = Step::AttachDriver, .driver = driver}}};
}

int Model::remove_id(int driver, const PciId& id) {
  auto& ids = edit_driver(driver).dynamic_ids;
  const auto meant = [&](const PciId& known) {
    return known.vendor == id.vendor && known.device == id.device && same_or_any(id.subvendor, known.subvendor) &&
           same_or_any(id.subdevice, known.subdevice) && ((known.class_code ^ id.class_code) & id.class_mask) == 0;
  };
  const auto found = std::ranges::find_if(ids, meant);
  if (found == ids.end()) return ENODEV;
  ids.erase(found);
  return 0;
}

Model::Progress Model::add_id(Call&, Task& task) {
  if (has_driver(task.driver)) edit_driver(task.driver).dynamic_ids.push_back(task.id);
  return Progress::Done;
}

// ---- Binding
// -----------------------------------------------------------------------------------------------------------

Model::Progress Model::set_override(Call&, Task& task) {
  if (const Slot slot = alive(task.device); slot != kNoSlot) edit(slot).override_text = std::move(task.text);
  return Progress::Done;
}

Model::Progress Model::bind(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot || !has_driver(task.driver)) {
    call.error = ENODEV;
  } else if (devices_[slot]->driver != kNone) {
    call.error = profile.bind_tells_why ? EBUSY : ENODEV;
  } else if (const int outcome = probe(slot, task.driver); outcome != 0) {
    call.error = profile.bind_tells_why ? std::abs(outcome) : ENODEV;
  }
  return Progress::Done;
}

Model::Progress Model::attach(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot || devices_[slot]->driver != kNone) return Progress::Done;
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    if (!drivers_[i] || !matches(*drivers_[i], *devices_[slot])) continue;
    const int outcome = probe(slot, static_cast<int>(i));
    if (outcome < 0) call.error = EINVAL;  // that of the one caller who looks at it: drivers_probe
    if (outcome <= 0) return Progress::Done;
  }
  return Progress::Done;
}

Model::Progress Model::attach_driver(Call& call, Task& task) {
  if (!has_driver(task.driver)) return Progress::Done;
  for (auto i = static_cast<std::size_t>(task.number); i < order_->size(); ++i) {
    const Slot slot = (*order_)[i];
    if (!devices_[slot]->added || !matches(driver(task.driver), *devices_[slot])) continue;
    const DeviceRef device = ref(slot);
    next(call, {{.step = Step::Lock, .device = device},
                {.step = Step::AttachOne, .device = device, .driver = task.driver},
                {.step = Step::Unlock, .device = device},
                {.step = Step::AttachDriver, .driver = task.driver, .number = static_cast<std::int64_t>(i) + 1}});
    return Progress::Done;
  }
  return Progress::Done;
}

Model::Progress Model::attach_one(Call&, Task& task) {
  const Slot slot = alive(task.device);
  if (slot != kNoSlot && has_driver(task.driver) && devices_[slot]->driver == kNone) probe(slot, task.driver);
  return Progress::Done;
}

/// A native driver needs the kernel's own DMA, which a group in a container does not give.
int Model::claim_for_driver(Slot slot, const Driver& driver) {
  const int number = devices_[slot]->group;
  if (driver.rule.role != DriverRole::Native || number == kNone) return 0;
  if (edit_group(number).container != 0) {
    if (profile.dma_ownership == DmaOwnership::Owner) return EBUSY;
    host_crashed = true;
  }
  ++edit_group(number).natives;
  return 0;
}

bool Model::gate_open(const Device& device) const {
  if (!device.physfn) return true;
  if (profile.vf_override_passes_gate && !device.override_text.empty()) return true;
  const Slot physical = find(*device.physfn);
  return physical == kNoSlot || devices_[physical]->vfs_autoprobe;
}

int Model::probe(Slot slot, int driver) {
  const Driver& taker = this->driver(driver);
  if (const int error = claim_for_driver(slot, taker); error != 0) return -error;
  int outcome = ENODEV;
  if (gate_open(*devices_[slot]) && matches(taker, *devices_[slot])) {
    wake(slot);
    outcome = driver_probe(slot, taker);
  }
  if (outcome == 0) {
    take_over(slot, driver);
  } else if (taker.rule.role == DriverRole::Native && devices_[slot]->group != kNone) {
    --edit_group(devices_[slot]->group).natives;
  }
  return outcome;
}

int Model::driver_probe(Slot slot, const Driver& driver) {
  const Device& device = *devices_[slot];
  const DriverRule& rule = driver.rule;
  switch (rule.role) {
    case DriverRole::Stub:
      return refusal_of(driver, slot);
    case DriverRole::Port:
      return is_port(device) ? 0 : rule.foreign_errno;
    case DriverRole::Vfio:
      if (device.config.header_type() != 0) return EINVAL;
      if (device.num_vfs > 0) return EBUSY;
      if (device.group != kNone) return 0;
      edit(slot).powered = true;  // by the time it finds that there is no group
      return EINVAL;
    case DriverRole::Native:
      break;
  }
  if (!any_matches(driver.static_ids, device.function->identity) && rule.foreign_errno != 0) {
    power_up_for(slot, rule);
    return rule.foreign_errno;
  }
  if (rule.enables != Enables::Never) edit(slot).powered = true;
  if (is_lost(device) && rule.lost_errno != 0) return rule.lost_errno;
  const int refusal = refusal_of(driver, slot);
  // It has enabled the bridge by the time it finds its slots taken, and leaves it so.
  if (refusal != 0 && driver.name == "shpchp" && has_slots(device) && !root_bus(slot).firmware_keeps_slots)
    enable_device(slot);
  return refusal;
}

int Model::refusal_of(const Driver& driver, Slot slot) const {
  const auto refuses = [&](const Pickiness& pick) { return pick.driver == driver.name && pick.refuses(*this, slot); };
  const auto* pick = std::ranges::find_if(kPickiness, refuses);
  return pick == kPickiness.end() ? 0 : pick->error;
}

void Model::power_up_for(Slot slot, const DriverRule& rule) {
  if (rule.enables == Enables::ForGood && rule.foreign_powers_up) enable_device(slot);
  if (rule.foreign_powers_up) edit(slot).powered = true;
}

void Model::take_over(Slot slot, int driver) {
  Driver& taker = edit_driver(driver);
  taker.bound.push_back(ref(slot));
  Device& device = edit(slot);
  device.driver = driver;
  device.link_visible = true;
  device.bound_before = true;
  const BootFacts& boot = device.function->boot;
  const bool as_at_boot = boot.driver == taker.name;
  device.runtime_auto = as_at_boot ? boot.runtime_auto : device.runtime_auto;
  device.runtime_held = as_at_boot ? boot.runtime_held : 1;
  if (taker.rule.enables != Enables::Never) {
    enable_device(slot);
    device.config.set_word(kCommand, kBusMaster, kBusMaster);
    const bool lost = is_lost(device);
    if (taker.rule.interrupts_by_message && !lost) use_messages(device.config, true);
    const bool has_interface = device.function->identity.class_code >> 16 == kNetworkClass;
    if (has_interface && !(lost && leaves_work_to_child(taker))) device.net.push_back(take_lowest(net_indexes_));
  }
  if (taker.rule.role == DriverRole::Vfio) vfio_bound(slot);
  if (taker.rule.role == DriverRole::Port) {
    mark_wakeable(slot);
    if (const Bus* below = child_bus(slot); below != nullptr) name_slots(below->segment, below->number, true);
  }
  if (taker.rule.makes_wakeable) edit(slot).wakeable = true;
  event(UeventAction::Bind, UeventSubsystem::Pci, device.function, kNone, taker.name);
  if (taker.name == "nvme" && never_becomes_ready(device)) {
    const DeviceRef self = ref(slot);
    const bool is_foreign = device.function->identity.class_code >> 8 != kNvmeClass;
    Call later{next_call_++, {}, 0, true};
    next(later, {{.step = Step::Sleep, .number = now_ms_ + (is_foreign ? 0 : kNvmeGivesUpMs)},
                 {.step = Step::Lock, .device = self},
                 {.step = Step::Release, .device = self, .driver = driver},
                 {.step = Step::Unlock, .device = self}});
    calls_.push_back(std::move(later));
  }
}

/// What is behind a root port can wake the machine: by way of the port, if not by itself. Source:
/// drivers/pci/pcie/pme.c, pcie_pme_mark_devices()
void Model::mark_wakeable(Slot port) {
  if (devices_[port]->config.port_type() == PortType::RootPort) mark_wakeable_below(port);
}
void Model::mark_wakeable_below(Slot bridge) {
  edit(bridge).wakeable = true;
  const Bus* below = child_bus(bridge);
  if (below == nullptr) return;
  for (const Slot slot : below->devices) mark_wakeable_below(slot);
}

void Model::enable_device(Slot slot) {
  Device& device = edit(slot);
  device.powered = true;
  if (++device.enable_count != 1) return;
  const std::uint16_t decoding = decoded_spaces(device);
  device.config.set_word(kCommand, decoding, decoding);
  // Source: drivers/pci/pci.c, pci_enable_bridge()
  for (Slot above = upstream(slot); above != kNoSlot; above = upstream(above)) {
    if ((devices_[above]->config.word(kCommand) & kBusMaster) == 0)
      edit(above).config.set_word(kCommand, kBusMaster, kBusMaster);
    if (devices_[above]->enable_count != 0) continue;
    edit(above).enable_count = 1;
    edit(above).powered = true;
  }
}

/// Whoever is the last to disable it takes its right to DMA away too. Source: drivers/pci/pci.c, pci_disable_device()
void Model::disable_device(Slot slot) {
  Device& device = edit(slot);
  if (device.enable_count == 0) return;
  --device.enable_count;
  if (device.enable_count == 0) device.config.set_word(kCommand, 0, kBusMaster);
}

/// A device that was allowed to sleep is in D0 for certain once it has been woken. Source: drivers/pci/pci-driver.c,
/// pci_pm_runtime_resume()
void Model::wake(Slot slot) {
  if (runtime_usage(*devices_[slot]) == 0) edit(slot).powered = true;
}

Tasks Model::runtime_tasks(Slot slot, bool automatic) const {
  const DeviceRef device = ref(slot);
  return {{.step = Step::Lock, .device = device},
          {.step = Step::SetRuntime, .device = device, .number = automatic ? 1 : 0},
          {.step = Step::Unlock, .device = device}};
}

Model::Progress Model::set_runtime(Call&, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  if (task.number == 0) wake(slot);
  edit(slot).runtime_auto = task.number != 0;
  return Progress::Done;
}

Model::Progress Model::set_enable(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  if (devices_[slot]->driver != kNone) {
    call.error = EBUSY;
  } else if (task.number != 0) {
    enable_device(slot);
  } else if (devices_[slot]->enable_count > 0) {
    disable_device(slot);
  } else {
    call.error = EIO;
  }
  return Progress::Done;
}

// ---- Unbinding
// ---------------------------------------------------------------------------------------------------------

Model::Progress Model::release(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  const int driver = devices_[slot]->driver;
  if (driver == kNone || (task.driver != kNone && driver != task.driver)) return Progress::Done;
  Device& device = edit(slot);
  device.link_visible = false;
  Tasks tasks;
  if (this->driver(driver).rule.role == DriverRole::Vfio && device.num_vfs > 0) tasks = disable_vfs_tasks(slot);
  tasks.push_back({.step = Step::AwaitUsers, .device = task.device});
  tasks.push_back({.step = Step::FinishRelease, .device = task.device});
  next(call, std::move(tasks));
  return Progress::Done;
}

Model::Progress Model::await_users(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;
  if (profile.vfio_dev_goes_first) hide_vfio_dev(slot);
  if (devices_[slot]->opened > 0) return Progress::Blocked;
  const auto hang = std::ranges::find(hanging_removes_, driver(devices_[slot]->driver).name,
                                      &std::pair<std::string, std::int64_t>::first);
  if (hang == hanging_removes_.end() || task.number != 0) return Progress::Done;
  if (hang->second < 0) return Progress::Blocked;
  next(call, {{.step = Step::Sleep, .number = now_ms_ + hang->second}});
  return Progress::Done;
}

Model::Progress Model::finish_release(Call&, Task& task) {
  if (const Slot slot = alive(task.device); slot != kNoSlot && devices_[slot]->driver != kNone) let_go(slot);
  return Progress::Done;
}

void Model::let_go(Slot slot) {
  Device& device = edit(slot);
  const int driver = device.driver;
  const DriverRule rule = this->driver(driver).rule;
  if (rule.role == DriverRole::Vfio) vfio_released(slot);
  if (rule.role == DriverRole::Native && device.group != kNone) --edit_group(device.group).natives;
  for (const int index : device.net) net_indexes_[static_cast<std::size_t>(index)] = false;
  device.net.clear();
  if (rule.enables == Enables::WhileBound) {
    disable_device(slot);
    device.config.set_word(kCommand, 0, kBusMaster | kNoIntx);
  }
  if (rule.enables != Enables::Never) use_messages(device.config, false);
  device.runtime_auto = false;
  device.runtime_held = 0;
  device.driver = kNone;
  std::erase(edit_driver(driver).bound, ref(slot));
  event(UeventAction::Unbind, UeventSubsystem::Pci, device.function);
}

void Model::hang_remove(std::string_view driver, std::int64_t milliseconds) {
  std::erase_if(hanging_removes_, [&](const auto& hang) { return hang.first == driver; });
  if (milliseconds != 0) hanging_removes_.emplace_back(driver, milliseconds);
  settle();
}

}  // namespace busproof::fakesys
