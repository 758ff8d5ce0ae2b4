#include "engine/assign/device_lists.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "engine/topology/device_rules.h"

namespace busproof::assign {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;

DeviceLists::DeviceLists(std::vector<Device> devices) {
  std::array<std::size_t, domain::kDeviceKindCount> counts{};
  for (const Device& device : devices) ++counts[static_cast<std::size_t>(device.kind)];
  for (std::size_t kind = 0; kind < lists_.size(); ++kind) lists_[kind].reserve(counts[kind]);
  for (Device& device : devices) (*this)[device.kind].push_back(std::move(device));
}

std::vector<Device> DeviceLists::joined() && {
  std::size_t count = 0;
  for (const DeviceList& list : lists_) count += list.size();
  std::vector<Device> all;
  all.reserve(count);
  for (DeviceList& list : lists_) std::ranges::move(list, std::back_inserter(all));
  return all;
}

namespace {

constexpr std::uint32_t kLetterCount = 26;
/// On which function of their common slot the master of a USB2 set sits.
constexpr std::uint8_t kMasterFunction = 7;

constexpr bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_prefix(std::string_view target) {
  // Source: libvirt src/util/virutil.c, virDiskNameParse().
  for (const std::string_view prefix : {"fd", "hd", "vd", "sd", "xvd", "ubd"})
    if (target.starts_with(prefix)) return target.substr(prefix.size());
  return {};
}

/// Sorts by the keys, which may be costly to make; equal ones stay as they are.
template <class Key>
void sort_by_keys(DeviceList& devices, const std::vector<Key>& keys) {
  if (std::ranges::is_sorted(keys)) return;
  std::vector<std::size_t> order(devices.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  // Not stable_sort(): that of libstdc++ 12 does not compile cleanly under clang 19.
  std::ranges::sort(order, [&](std::size_t i, std::size_t j) { return std::tie(keys[i], i) < std::tie(keys[j], j); });
  DeviceList sorted;
  sorted.reserve(devices.size());
  for (const std::size_t i : order) sorted.push_back(std::move(devices[i]));
  devices = std::move(sorted);
}

/// Numbers names in the order in which they first occur.
template <class Name>
class FirstSeen {
 public:
  std::size_t operator()(const Name& name) { return places_.try_emplace(name, places_.size()).first->second; }

 private:
  std::map<Name, std::size_t> places_;
};

}  // namespace

std::optional<std::uint32_t> target_number(std::string_view target) {
  std::string_view rest = without_prefix(target);
  if (rest.empty() || !is_letter(rest.front())) return std::nullopt;
  std::uint64_t number = 0;
  for (bool first = true; !rest.empty() && is_letter(rest.front()); first = false) {
    number = (number + (first ? 0 : 1)) * kLetterCount + static_cast<std::uint64_t>(rest.front() - 'a');
    if (number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    rest.remove_prefix(1);
  }
  if (!std::ranges::all_of(rest, is_digit)) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

void sort_disks(DeviceList& disks) {
  FirstSeen<std::string> bus_place;
  std::vector<std::tuple<std::size_t, std::int64_t>> keys;
  keys.reserve(disks.size());
  for (const Device& disk : disks) {
    const auto number = target_number(disk.target);
    keys.emplace_back(bus_place(disk.bus), number ? std::int64_t{*number} : -1);
  }
  sort_by_keys(disks, keys);
}

bool is_companion(const Device& controller) {
  if (controller.controller->master_start) return true;
  const auto function = topology::usb2_function(controller);
  return function && *function != kMasterFunction;
}

void sort_controllers(DeviceList& controllers) {
  // A controller without index stands behind the one that was last of its type when it was read, and moves with it.
  using Anchor = std::tuple<std::int64_t, bool, std::size_t>;  // index, companion, place in the document
  FirstSeen<ControllerType> type_place;
  std::map<ControllerType, Anchor> last;  // the greatest so far: the end of the type's list
  std::vector<std::tuple<std::size_t, Anchor, std::size_t>> keys;
  keys.reserve(controllers.size());
  for (std::size_t i = 0; i < controllers.size(); ++i) {
    const domain::Controller& controller = *controllers[i].controller;
    const Anchor nowhere{-1, false, 0};
    Anchor& end = last.try_emplace(controller.type, nowhere).first->second;
    Anchor own = end;
    if (controller.index) {
      own = Anchor{*controller.index, is_companion(controllers[i]), i};
      end = std::max(end, own);
    }
    keys.emplace_back(type_place(controller.type), own, i);
  }
  sort_by_keys(controllers, keys);
}

void sort_videos(DeviceList& videos) {
  DeviceList sorted;
  sorted.reserve(videos.size());
  for (auto video = videos.rbegin(); video != videos.rend(); ++video)
    if (video->primary) sorted.push_back(std::move(*video));
  for (Device& video : videos)
    if (!video.primary) sorted.push_back(std::move(video));
  videos = std::move(sorted);
}

ControllerList::ControllerList(DeviceList& controllers) : devices_(controllers) {
  for (std::size_t i = 0; i < devices_.size(); ++i)
    if (devices_[i].controller->index) enter(i);
}

void ControllerList::enter(std::size_t position) {
  const domain::Controller& controller = *devices_[position].controller;
  positions_.try_emplace({controller.type, *controller.index}, position);
}

Device* ControllerList::find(ControllerType type, std::uint32_t index) {
  const auto found = positions_.find({type, index});
  return found == positions_.end() ? nullptr : &devices_[found->second];
}

bool ControllerList::contains(ControllerType type, std::uint32_t index) const {
  return positions_.contains({type, index});
}

std::uint32_t ControllerList::lowest_free(ControllerType type) {
  std::uint32_t& index = lowest_free_[type];
  while (contains(type, index)) ++index;
  return index;
}

void ControllerList::number_all() {
  std::set<std::pair<std::uint32_t, std::string_view>> usb_models;
  for (const Device& device : devices_)
    if (device.controller->type == ControllerType::Usb && device.controller->index)
      usb_models.emplace(*device.controller->index, device.model);
  const Device* usb_before = nullptr;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    Device& device = devices_[i];
    domain::Controller& controller = *device.controller;
    if (!controller.index) {
      const bool joins = topology::usb2_function(device) && usb_before != nullptr &&
                         topology::usb2_function(*usb_before) &&
                         !usb_models.contains({*usb_before->controller->index, device.model});
      controller.index = joins ? *usb_before->controller->index : lowest_free(controller.type);
      enter(i);
      if (controller.type == ControllerType::Usb) usb_models.emplace(*controller.index, device.model);
    }
    if (controller.type == ControllerType::Usb) usb_before = &device;
  }
}

void ControllerList::ensure(ControllerType type, std::uint32_t index, std::string_view model) {
  if (contains(type, index)) return;
  Device added;
  added.kind = DeviceKind::Controller;
  added.model = model;
  added.controller.emplace();
  added.controller->type = type;
  added.controller->index = index;
  if (type == ControllerType::Pci) added.controller->pci_model = pci::controller_model(model);
  devices_.push_back(std::move(added));
  enter(devices_.size() - 1);
}

Error about(Error error, const DeviceList& list, const Device& device) {
  const auto before = std::ranges::count_if(list, [&](const Device& other) { return other.element < device.element; });
  return domain::about(std::move(error), device, display_name(device, static_cast<std::size_t>(before) + 1));
}

}  // namespace busproof::assign
