// What users of VFIO do. Source: kernel drivers/vfio/container.c, group.c, vfio_main.c, vfio_iommu_type1.c,
// vfio_pci_core.c.

#include <algorithm>
#include <cerrno>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

constexpr int kTypes[] = {1, 3};  // VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU

template <class Handles>
auto find_handle(Handles& handles, int handle) -> decltype(&handles.front()) {
  const auto found = std::ranges::find(handles, handle, [](const auto& file) { return file.handle; });
  return found == handles.end() ? nullptr : &*found;
}

}  // namespace

const VfioContainer* Model::container(int handle) const { return find_handle(containers_, handle); }
const VfioGroupFile* Model::group_file(int handle) const { return find_handle(group_files_, handle); }
const VfioDeviceFile* Model::device_file(int handle) const { return find_handle(device_files_, handle); }

// ---- Binding
// -----------------------------------------------------------------------------------------------------------

void Model::vfio_bound(Slot slot) {
  Device& device = edit(slot);
  device.powered = true;
  device.runtime_auto = true;
  device.runtime_held = 0;
  Group& group = edit_group(device.group);
  if (group.vfio_devices++ == 0) {
    group.vfio_serial = next_vfio_serial_++;
    event(UeventAction::Add, UeventSubsystem::Vfio, nullptr, device.group);
  }
  device.vfio_index = take_lowest(vfio_indexes_);
  if (!profile.vfio_dev) return;
  device.vfio_dev_visible = true;
  event(UeventAction::Add, UeventSubsystem::VfioDev, device.function, device.vfio_index);
}

void Model::hide_vfio_dev(Slot slot) {
  if (!devices_[slot]->vfio_dev_visible) return;
  Device& device = edit(slot);
  device.vfio_dev_visible = false;
  event(UeventAction::Remove, UeventSubsystem::VfioDev, device.function, device.vfio_index);
}

void Model::vfio_released(Slot slot) {
  hide_vfio_dev(slot);
  Device& device = edit(slot);
  vfio_indexes_[static_cast<std::size_t>(device.vfio_index)] = false;
  device.vfio_index = kNone;
  Group& group = edit_group(device.group);
  if (--group.vfio_devices > 0) return;
  // Who has the node open is left with a descriptor of nothing.
  leave_container(device.group);
  group.vfio_serial = 0;
  group.open_file = 0;
  event(UeventAction::Remove, UeventSubsystem::Vfio, nullptr, device.group);
}

/// The last group to leave a container takes the IOMMU's driver with it, and the container if nobody has it open.
void Model::leave_container(int number) {
  const int left = group(number)->container;
  if (left == 0) return;
  edit_group(number).container = 0;
  const auto in_it = [&](const Cow<Group>& other) { return other && other->container == left; };
  if (std::ranges::any_of(groups_, in_it)) return;
  find_handle(containers_, left)->iommu_type = 0;
  std::erase_if(containers_, [&](const VfioContainer& other) { return other.handle == left && other.closed; });
}

/// A group stays open as long as devices that were got through its descriptor are.
void Model::forget_group_file(int handle) {
  const auto through_it = [&](const VfioDeviceFile& open) { return open.group_file == handle; };
  VfioGroupFile* file = find_handle(group_files_, handle);
  file->closed = true;
  if (std::ranges::any_of(device_files_, through_it)) return;
  const int number = file->group;
  std::erase_if(group_files_, [&](const VfioGroupFile& other) { return other.handle == handle; });
  if (const Group* found = group(number); found == nullptr || found->open_file != handle) return;
  leave_container(number);
  edit_group(number).open_file = 0;
}

// ---- Containers and groups
// ---------------------------------------------------------------------------------------------

int Model::open_container(int& handle) {
  const Module* vfio = find_module("vfio");
  if (vfio == nullptr || !vfio->loaded) return ENOENT;
  handle = next_handle_++;
  containers_.push_back({handle});
  return 0;
}

int Model::open_group(int number, int& handle) {
  const Group* found = group(number);
  if (found == nullptr || found->vfio_devices == 0) return ENOENT;
  if (found->open_file != 0) return EBUSY;
  handle = next_handle_++;
  group_files_.push_back({handle, number, found->vfio_serial});
  edit_group(number).open_file = handle;
  return 0;
}

namespace {

/// The group that the descriptor stands for, or nothing if that has lost all its devices since.
const Group* group_of(const Model& model, const VfioGroupFile& file) {
  const Group* group = model.group(file.group);
  return group != nullptr && group->vfio_serial == file.vfio_serial && group->vfio_devices > 0 ? group : nullptr;
}

}  // namespace

int Model::group_status(int handle, bool& is_viable, bool& container_set) const {
  const VfioGroupFile* file = group_file(handle);
  if (file == nullptr) return EBADF;
  const Group* found = group_of(*this, *file);
  if (found == nullptr) return ENODEV;
  container_set = found->container != 0;
  is_viable = container_set || viable(*found);
  return 0;
}

namespace {

/// Nobody behind the IOMMU can forge interrupts, or that is put up with.
bool interrupts_are_safe(const Model& model) { return model.interrupt_remapping || model.allow_unsafe_interrupts; }

}  // namespace

int Model::set_container(int handle, int container_handle) {
  const VfioGroupFile* file = group_file(handle);
  if (file == nullptr) return EBADF;
  if (container(container_handle) == nullptr) return EINVAL;
  const Group* found = group_of(*this, *file);
  if (found == nullptr) return ENODEV;
  if (found->container != 0) return EINVAL;
  if (!viable(*found)) return EPERM;
  const bool has_iommu_type = container(container_handle)->iommu_type != 0;
  if (has_iommu_type && !interrupts_are_safe(*this)) return EPERM;
  edit_group(file->group).container = container_handle;
  return 0;
}

int Model::unset_container(int handle) {
  const VfioGroupFile* file = group_file(handle);
  if (file == nullptr) return EBADF;
  const Group* found = group_of(*this, *file);
  if (found == nullptr || found->container == 0) return EINVAL;
  const auto of_group = [&](const VfioDeviceFile& open) { return open.group_file == handle; };
  if (std::ranges::any_of(device_files_, of_group)) return EBUSY;
  leave_container(file->group);
  return 0;
}

int Model::set_iommu(int handle, int type) {
  VfioContainer* found = find_handle(containers_, handle);
  if (found == nullptr) return EBADF;
  const auto in_it = [&](const Cow<Group>& group) { return group && group->container == handle; };
  if (found->iommu_type != 0 || std::ranges::none_of(groups_, in_it)) return EINVAL;
  const Module* type1 = find_module("vfio_iommu_type1");
  const bool known = std::ranges::find(kTypes, type) != std::end(kTypes);
  if (!known || type1 == nullptr || !type1->loaded) return ENODEV;
  if (!interrupts_are_safe(*this)) return EPERM;
  found->iommu_type = type;
  return 0;
}

// ---- Devices
// -----------------------------------------------------------------------------------------------------------

/// A VF whose physical function VFIO has too is for those who name the token of that one, which nobody here does.
/// Source: drivers/vfio/pci/vfio_pci_core.c, vfio_pci_validate_vf_token()
bool Model::asks_for_token(Slot slot) const {
  const auto& physfn = devices_[slot]->physfn;
  const Slot physical = physfn ? find(*physfn) : kNoSlot;
  return profile.vfio_pf && physical != kNoSlot && devices_[physical]->vfio_index != kNone;
}

int Model::open_vfio_device(int handle, const std::optional<HostAddress>& address, int& device_handle) {
  const VfioGroupFile* file = group_file(handle);
  if (file == nullptr) return EBADF;
  const Group* found = group_of(*this, *file);
  if (found == nullptr) return ENODEV;
  const Slot slot = address ? find(*address) : kNoSlot;
  if (slot == kNoSlot || devices_[slot]->group != file->group || devices_[slot]->vfio_index == kNone) return ENODEV;
  if (profile.vfio_dev_goes_first && !devices_[slot]->link_visible) return ENODEV;
  if (asks_for_token(slot)) return EACCES;
  const VfioContainer* within = container(found->container);
  if (within == nullptr || within->iommu_type == 0) return EINVAL;
  device_handle = next_handle_++;
  device_files_.push_back({device_handle, ref(slot), handle});
  Device& device = edit(slot);
  if (device.opened++ > 0) return 0;
  device.runtime_held = 1;
  enable_device(slot);
  device.reset_works = !locked(slot) && reset_now(slot).first == 0;
  return 0;
}

int Model::vfio_reset(int handle) {
  const VfioDeviceFile* file = device_file(handle);
  if (file == nullptr) return EBADF;
  const Slot slot = alive(file->device);
  if (slot == kNoSlot) return ENODEV;
  if (!devices_[slot]->reset_works) return EINVAL;
  if (locked(slot)) return EAGAIN;
  return reset_now(slot).first;
}

int Model::hot_reset_info(int handle, std::vector<Slot>& affected) const {
  const VfioDeviceFile* file = device_file(handle);
  if (file == nullptr) return EBADF;
  const Slot slot = alive(file->device);
  if (slot == kNoSlot || upstream(slot) == kNoSlot) return ENODEV;
  affected = bus_of(*devices_[slot]).devices;
  for (std::size_t i = 0; i < affected.size(); ++i) {
    if (const Bus* below = child_bus(affected[i]); below != nullptr) {
      affected.insert(affected.end(), below->devices.begin(), below->devices.end());
    }
  }
  return 0;
}

int Model::hot_reset(int handle, std::span<const int> group_handles) {
  std::vector<Slot> affected;
  if (const int error = hot_reset_info(handle, affected); error != 0) return error;
  if (group_handles.empty() || group_handles.size() > affected.size()) return EINVAL;
  std::vector<int> owned;
  for (const int group_handle : group_handles) {
    const VfioGroupFile* file = group_file(group_handle);
    if (file == nullptr) return EBADF;
    owned.push_back(file->group);
  }
  for (const Slot slot : affected) {
    if (std::ranges::find(owned, devices_[slot]->group) == owned.end()) return EINVAL;
    if (devices_[slot]->vfio_index == kNone) return EINVAL;
  }
  return bus_reset(upstream(alive(device_file(handle)->device))).first;
}

int Model::close_vfio(int handle) {
  if (const VfioDeviceFile* file = device_file(handle); file != nullptr) {
    const Slot slot = alive(file->device);
    const int through = file->group_file;
    std::erase_if(device_files_, [&](const VfioDeviceFile& other) { return other.handle == handle; });
    if (slot != kNoSlot && --edit(slot).opened == 0) {
      edit(slot).runtime_held = 0;
      disable_device(slot);
      edit(slot).config.set_word(kCommand, 0, kBusMaster);
    }
    if (const VfioGroupFile* group_handle = group_file(through); group_handle != nullptr && group_handle->closed) {
      forget_group_file(through);
    }
  } else if (group_file(handle) != nullptr) {
    forget_group_file(handle);
  } else if (VfioContainer* open = find_handle(containers_, handle); open != nullptr) {
    const auto in_it = [&](const Cow<Group>& other) { return other && other->container == handle; };
    open->closed = true;
    if (std::ranges::none_of(groups_, in_it)) {
      std::erase_if(containers_, [&](const VfioContainer& other) { return other.handle == handle; });
    }
  } else {
    return EBADF;
  }
  settle();
  return 0;
}

}  // namespace busproof::fakesys
