#include "fakesys/model.h"

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "engine/pci/canonical.h"

namespace busproof::fakesys {

// In the order of Step.
const Model::StepFunction Model::kSteps[] = {
    &Model::lock,           &Model::unlock,
    &Model::lock_rescan,    &Model::unlock_rescan,
    &Model::look,           &Model::sleep,
    &Model::fail,           &Model::set_override,
    &Model::release,        &Model::await_users,
    &Model::finish_release, &Model::bind,
    &Model::attach,         &Model::attach_driver,
    &Model::attach_one,     &Model::add_id,
    &Model::drop_driver,    &Model::finish_module,
    &Model::remove,         &Model::stop_tree,
    &Model::stopped,        &Model::destroy_tree,
    &Model::destroy,        &Model::rescan,
    &Model::add_devices,    &Model::add_device,
    &Model::set_num_vfs,    &Model::add_vf,
    &Model::enabled_vfs,    &Model::remove_vf,
    &Model::disabled_vfs,   &Model::set_enable,
    &Model::reset,          &Model::reset_subordinate,
    &Model::set_group_type, &Model::set_runtime,
    &Model::eject_slot,
};

// ---- Looking
// -----------------------------------------------------------------------------------------------------------

Slot Model::find(const HostAddress& address) const {
  const auto found = std::ranges::lower_bound(*index_, address, {}, &Place::address);
  return found != index_->end() && found->address == address ? found->slot : kNoSlot;
}

Slot Model::find(std::string_view name) const {
  const auto address = pci::canonical_address(name);
  return address ? find(*address) : kNoSlot;
}

Slot Model::alive(const DeviceRef& ref) const {
  if (ref.slot >= devices_.size() || !devices_[ref.slot]) return kNoSlot;
  return devices_[ref.slot]->serial == ref.serial ? ref.slot : kNoSlot;
}

std::vector<Slot> Model::by_address() const {
  std::vector<Slot> slots(index_->size());
  std::ranges::transform(*index_, slots.begin(), &Place::slot);
  return slots;
}

int Model::find_driver(std::string_view name) const {
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    if (drivers_[i] && drivers_[i]->name == name) return static_cast<int>(i);
  }
  return kNone;
}

bool Model::has_driver(int driver) const {
  return driver >= 0 && static_cast<std::size_t>(driver) < drivers_.size() &&
         drivers_[static_cast<std::size_t>(driver)];
}

std::vector<int> Model::drivers() const {
  std::vector<int> out;
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    if (drivers_[i]) out.push_back(static_cast<int>(i));
  }
  return out;
}

namespace {

std::pair<std::uint32_t, std::uint8_t> bus_key(const Cow<Bus>& bus) { return {bus->segment, bus->number}; }

}  // namespace

const Bus* Model::find_bus(std::uint32_t segment, std::uint8_t number) const {
  const auto found = std::ranges::lower_bound(buses_, std::pair{segment, number}, {}, bus_key);
  return found != buses_.end() && bus_key(*found) == std::pair{segment, number} ? &**found : nullptr;
}

std::vector<const Bus*> Model::buses() const {
  std::vector<const Bus*> out(buses_.size());
  std::ranges::transform(buses_, out.begin(), [](const Cow<Bus>& bus) { return &*bus; });
  return out;
}

const Bus* Model::child_bus(Slot bridge) const {
  const Device& device = *devices_[bridge];
  if (!device.function->secondary) return nullptr;
  const Bus* bus = find_bus(device.function->address.segment(), *device.function->secondary);
  return bus != nullptr && bus->bridge == bridge ? bus : nullptr;
}

const Bus& Model::bus_of(const Device& device) const {
  return *find_bus(device.function->address.segment(), device.function->address.bus());
}

Slot Model::upstream(Slot slot) const { return bus_of(*devices_[slot]).bridge; }

const Group* Model::group(int number) const {
  if (number < 0 || static_cast<std::size_t>(number) >= groups_.size()) return nullptr;
  const auto& group = groups_[static_cast<std::size_t>(number)];
  return group ? &*group : nullptr;
}

std::vector<int> Model::groups() const {
  std::vector<int> out;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i]) out.push_back(static_cast<int>(i));
  }
  return out;
}

const Module* Model::find_module(std::string_view name) const {
  const auto found = std::ranges::find_if(modules_, [&](const Cow<Module>& module) { return module->name == name; });
  return found == modules_.end() ? nullptr : &**found;
}

std::vector<const Module*> Model::modules() const {
  std::vector<const Module*> out(modules_.size());
  std::ranges::transform(modules_, out.begin(), [](const Cow<Module>& module) { return &*module; });
  return out;
}

std::vector<FunctionPtr> Model::plugged() const {
  std::vector<FunctionPtr> out(plugged_->size());
  std::ranges::transform(*plugged_, out.begin(), &Plugged::function);
  return out;
}

bool Model::in_d3hot(const Device& device) const {
  if (device.driver == kNone || driver(device.driver).rule.role != DriverRole::Vfio) return false;
  return device.opened == 0 && device.runtime_auto && device.num_vfs == 0 && !vfio_disable_idle_d3 &&
         device.config.capability(kPowerManagement).has_value();
}

int Model::runtime_usage(const Device& device) const { return (device.runtime_auto ? 0 : 1) + device.runtime_held; }

std::string_view driver_name(const Model& model, const Device& device) {
  return device.link_visible ? std::string_view(model.driver(device.driver).name) : std::string_view();
}

// ---- Building
// ----------------------------------------------------------------------------------------------------------

void Model::plug(FunctionPtr function) {
  auto& plugged = plugged_.edit();
  const auto address = [](const Plugged& p) { return p.function->address; };
  const auto at = std::ranges::lower_bound(plugged, function->address, {}, address);
  ConfigSpace config = function->config;
  plugged.insert(at, Plugged{std::move(function), std::move(config)});
}

void Model::unplug(const HostAddress& address) {
  std::erase_if(plugged_.edit(), [&](const Plugged& p) { return p.function->address == address; });
}

int Model::add_driver(Driver driver) {
  drivers_.emplace_back(std::move(driver));
  return static_cast<int>(drivers_.size()) - 1;
}

void Model::bind_at_boot(Slot slot, int driver) {
  Device& device = edit(slot);
  device.driver = driver;
  device.link_visible = true;
  device.bound_before = true;
  Driver& taker = edit_driver(driver);
  taker.bound.push_back(ref(slot));
  if (taker.rule.role == DriverRole::Vfio) {
    const bool heard = std::exchange(listening, false);
    vfio_bound(slot);
    listening = heard;
  } else if (taker.rule.role == DriverRole::Native && device.group != kNone) {
    ++edit_group(device.group).natives;
  }
}

void Model::name_interface(Slot slot, int number) {
  const auto index = static_cast<std::size_t>(number);
  if (net_indexes_.size() <= index) net_indexes_.resize(index + 1);
  net_indexes_[index] = true;
  edit(slot).net.push_back(number);
}

void Model::unload_at_boot(std::string_view name) {
  for (auto& module : modules_) {
    if (module->name != name) continue;
    module.edit().loaded = false;
    for (const std::string& driver : module->drivers) {
      const int id = find_driver(driver);
      if (id == kNone) continue;
      const std::vector<DeviceRef> bound = this->driver(id).bound;
      for (const DeviceRef& device : bound) {
        edit(device.slot).link_visible = false;
        let_go(device.slot);
        edit(device.slot).bound_before = false;
        edit(device.slot).powered = false;
      }
      forget_driver(id);
    }
  }
}

void Model::rebuild_index() {
  auto& index = index_.edit();
  index.clear();
  for (const Slot slot : *order_) index.push_back({devices_[slot]->function->address, slot});
  std::ranges::sort(index, {}, &Place::address);
}

int Model::take_lowest(std::vector<bool>& used) {
  const auto free = std::ranges::find(used, false);
  const auto number = free - used.begin();
  if (free == used.end()) used.push_back(true);
  used[static_cast<std::size_t>(number)] = true;
  return static_cast<int>(number);
}

void Model::event(UeventAction action, UeventSubsystem subsystem, FunctionPtr function, int number,
                  std::string driver) {
  if (listening) uevents_.push_back({action, subsystem, std::move(function), number, std::move(driver)});
}

void Model::emit_of_bus(UeventAction action, std::uint32_t segment, std::uint8_t number) {
  const Bus* bus = find_bus(segment, number);
  if (!listening || bus == nullptr || bus->bridge == kNoSlot) return;
  event(action, UeventSubsystem::PciBus, devices_[bus->bridge]->function, number);
}

void Model::emit(UeventAction action, Slot slot) {
  if (!listening) return;
  const Device& device = *devices_[slot];
  event(action, UeventSubsystem::Pci, device.function, kNone,
        device.driver == kNone ? std::string() : driver(device.driver).name);
}

// ---- Calls
// -------------------------------------------------------------------------------------------------------------

void Model::next(Call& call, Tasks tasks) {
  if (call.todo.empty()) {
    call.todo = std::move(tasks);
    std::ranges::reverse(call.todo);
    return;
  }
  for (Task& task : tasks | std::views::reverse) call.todo.push_back(std::move(task));
}

Model::Progress Model::run_one(Call& call) {
  Task task = std::move(call.todo.back());
  call.todo.pop_back();
  const StepFunction perform = kSteps[static_cast<std::size_t>(task.step)];
  const Progress progress = (this->*perform)(call, task);
  if (progress == Progress::Blocked) call.todo.push_back(std::move(task));
  return progress;
}

bool Model::run(Call& call) {
  while (!call.todo.empty()) {
    if (run_one(call) == Progress::Blocked) return false;
  }
  return true;
}

CallStatus Model::call(Tasks tasks) {
  Call call{next_call_++, {}, 0};
  next(call, std::move(tasks));
  const bool done = run(call);
  if (done) {
    if (!calls_.empty()) settle();
    return {true, call.error, call.id};
  }
  const CallId id = call.id;
  calls_.push_back(std::move(call));
  settle();
  if (auto result = take_result(id)) return {true, *result, id};
  return {false, 0, id};
}

CallId Model::hold(Tasks tasks) {
  Call call{next_call_++, {}, 0, false, true};
  next(call, std::move(tasks));
  calls_.push_back(std::move(call));
  return calls_.back().id;
}

Call* Model::find_call(CallId id) {
  const auto found = std::ranges::find(calls_, id, &Call::id);
  return found == calls_.end() ? nullptr : &*found;
}

bool Model::step(CallId id) {
  const Call* found = find_call(id);
  if (found == nullptr) return true;
  Call call = *found;  // a step may start other calls
  const bool blocked = !call.todo.empty() && run_one(call) == Progress::Blocked;
  const bool done = call.todo.empty();
  if (done) {
    results_.emplace_back(id, call.error);
    std::erase_if(calls_, [&](const Call& other) { return other.id == id; });
  } else {
    *find_call(id) = std::move(call);
  }
  settle();
  return done || blocked;
}

/// Every call that waits gets its turn, oldest first, until none of them moves.
void Model::settle() {
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (calls_[i].held) continue;
      Call call = calls_[i];
      const std::size_t left = call.todo.size();
      const bool done = run(call);
      if (!done && call.todo.size() == left) continue;
      moved = true;
      const auto place = std::ranges::find(calls_, call.id, &Call::id);
      if (!done) {
        *place = std::move(call);
        continue;
      }
      if (!call.internal) results_.emplace_back(call.id, call.error);
      calls_.erase(place);
      --i;
    }
  }
}

std::optional<int> Model::take_result(CallId id) {
  const auto found = std::ranges::find(results_, id, &std::pair<CallId, int>::first);
  if (found == results_.end()) return std::nullopt;
  const int error = found->second;
  results_.erase(found);
  return error;
}

std::optional<Cow<Device>> Model::take_look(CallId id) {
  const auto found = std::ranges::find(looks_, id, &std::pair<CallId, Cow<Device>>::first);
  if (found == looks_.end()) return std::nullopt;
  Cow<Device> seen = std::move(found->second);
  looks_.erase(found);
  return seen;
}

bool Model::under_way(CallId id) const { return std::ranges::find(calls_, id, &Call::id) != calls_.end(); }

std::optional<std::int64_t> Model::next_wake_ms() const {
  std::optional<std::int64_t> earliest;
  for (const Call& call : calls_) {
    if (call.held || call.todo.empty() || call.todo.back().step != Step::Sleep) continue;
    if (!earliest || call.todo.back().number < *earliest) earliest = call.todo.back().number;
  }
  return earliest;
}

void Model::advance(std::int64_t milliseconds) {
  const std::int64_t until = now_ms_ + milliseconds;
  for (auto wake = next_wake_ms(); wake && *wake <= until; wake = next_wake_ms()) {
    now_ms_ = std::max(now_ms_, *wake);
    settle();
  }
  now_ms_ = until;
}

Model::Progress Model::lock(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot == kNoSlot) return Progress::Done;  // nobody else will ever want the lock of a device that has gone
  if (devices_[slot]->locked_by != 0) return Progress::Blocked;
  edit(slot).locked_by = call.id;
  return Progress::Done;
}

Model::Progress Model::unlock(Call& call, Task& task) {
  const Slot slot = alive(task.device);
  if (slot != kNoSlot && devices_[slot]->locked_by == call.id) edit(slot).locked_by = 0;
  return Progress::Done;
}

Model::Progress Model::look(Call& call, Task& task) {
  if (const Slot slot = alive(task.device); slot != kNoSlot) looks_.emplace_back(call.id, devices_[slot]);
  return Progress::Done;
}

Model::Progress Model::lock_rescan(Call& call, Task&) {
  if (rescan_locked_by_ != 0) return Progress::Blocked;
  rescan_locked_by_ = call.id;
  return Progress::Done;
}

Model::Progress Model::unlock_rescan(Call&, Task&) {
  rescan_locked_by_ = 0;
  return Progress::Done;
}

Model::Progress Model::sleep(Call&, Task& task) { return now_ms_ < task.number ? Progress::Blocked : Progress::Done; }

Model::Progress Model::fail(Call& call, Task& task) {
  call.error = static_cast<int>(task.number);
  return Progress::Done;
}

// ---- Modules
// -----------------------------------------------------------------------------------------------------------

bool Model::flag(std::string_view module, std::string_view parameter) const {
  if (module == "vfio_pci" && parameter == "enable_sriov") return vfio_enable_sriov;
  if (module == "vfio_pci" && parameter == "disable_idle_d3") return vfio_disable_idle_d3;
  return module == "vfio_iommu_type1" && parameter == "allow_unsafe_interrupts" && allow_unsafe_interrupts;
}

std::pair<int, Tasks> Model::insmod_tasks(std::string_view name, std::span<const PciId> ids) {
  const auto found = std::ranges::find_if(modules_, [&](const Cow<Module>& module) { return module->name == name; });
  if (found == modules_.end()) return {ENOENT, {}};
  if ((*found)->loaded) return {EEXIST, {}};
  const auto is_lacking = [&](const std::string& need) {
    const Module* needed = find_module(need);
    return needed == nullptr || !needed->loaded;
  };
  if (std::ranges::any_of((*found)->needs, is_lacking)) return {ENOENT, {}};
  Module& module = found->edit();
  module.loaded = true;
  Tasks tasks;
  for (const std::string& driver_of_module : module.drivers) {
    const auto known = known_ids(driver_of_module);
    std::vector<PciId> table(known.begin(), known.end());
    const auto before =
        std::ranges::find(tables_, driver_of_module, &std::pair<std::string, std::vector<PciId>>::first);
    if (before != tables_.end()) table = before->second;
    const int driver =
        add_driver({driver_of_module, module.name, rule_for(driver_of_module), std::move(table), {}, {}});
    if (autoprobe) tasks.push_back({.step = Step::AttachDriver, .driver = driver});
    for (const PciId& id : ids) {
      tasks.push_back({.step = Step::AddId, .driver = driver, .id = id});
      tasks.push_back({.step = Step::AttachDriver, .driver = driver});
    }
  }
  return {0, std::move(tasks)};
}

std::pair<int, Tasks> Model::rmmod_tasks(std::string_view name) const {
  const Module* module = find_module(name);
  if (module == nullptr || !module->loaded) return {ENOENT, {}};
  for (const auto& other : modules_) {
    if (other->loaded && std::ranges::find(other->needs, name) != other->needs.end()) return {EWOULDBLOCK, {}};
  }
  const bool in_use = std::ranges::any_of(containers_, [&](const VfioContainer& open) {
    return name == "vfio" || (name == "vfio_iommu_type1" && open.iommu_type != 0);
  });
  if (in_use) return {EWOULDBLOCK, {}};
  Tasks tasks;
  for (const std::string& driver_of_module : module->drivers) {
    const int id = find_driver(driver_of_module);
    if (id == kNone) continue;
    for (const DeviceRef& bound : driver(id).bound) {
      if (const Slot slot = alive(bound); slot != kNoSlot && devices_[slot]->opened > 0) return {EWOULDBLOCK, {}};
    }
    tasks.push_back({.step = Step::DropDriver, .driver = id});
  }
  tasks.push_back({.step = Step::FinishModule, .text = std::string(name)});
  return {0, std::move(tasks)};
}

void Model::forget_driver(int driver) {
  auto& gone = drivers_[static_cast<std::size_t>(driver)];
  std::erase_if(tables_, [&](const auto& table) { return table.first == gone->name; });
  tables_.emplace_back(gone->name, gone->static_ids);
  gone.clear();
}

Model::Progress Model::drop_driver(Call& call, Task& task) {
  if (!has_driver(task.driver)) return Progress::Done;
  const auto& bound = driver(task.driver).bound;
  if (bound.empty()) {
    forget_driver(task.driver);
    return Progress::Done;
  }
  const DeviceRef last = bound.back();
  next(call, {{.step = Step::Lock, .device = last},
              {.step = Step::Release, .device = last, .driver = task.driver},
              {.step = Step::Unlock, .device = last},
              {.step = Step::DropDriver, .driver = task.driver}});
  return Progress::Done;
}

Model::Progress Model::finish_module(Call&, Task& task) {
  for (auto& module : modules_) {
    if (module->name == task.text) module.edit().loaded = false;
  }
  return Progress::Done;
}

}  // namespace busproof::fakesys
