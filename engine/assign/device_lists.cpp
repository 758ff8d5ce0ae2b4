#include "engine/assign/device_lists.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <ranges>
#include <tuple>
#include <utility>

#include "engine/topology/device_rules.h"

namespace busproof::assign {

using domain::ControllerType;
using domain::Device;
using domain::DeviceKind;

DeviceLists::DeviceLists(std::vector<Device> devices) : read_(std::move(devices)) {
  std::array<std::size_t, domain::kDeviceKindCount> counts{};
  for (const Device& device : read_) ++counts[static_cast<std::size_t>(device.kind)];
  for (std::size_t kind = 0; kind < lists_.size(); ++kind) lists_[kind].reserve(counts[kind]);
  for (Device& device : read_) (*this)[device.kind].emplace_back(device);
}

void DeviceLists::add(Device device) {
  Device& kept = added_.emplace_back(std::move(device));
  (*this)[kept.kind].emplace_back(kept);
}

bool DeviceLists::was_read(const Device& device) const {
  return std::greater_equal<>()(&device, read_.data()) && std::less<>()(&device, read_.data() + read_.size());
}

bool DeviceLists::were_read_in_order() const {
  const Device* next = read_.data();
  for (const DeviceList& list : lists_)
    for (const Device& device : list)
      if (was_read(device) && &device != next++) return false;
  return true;
}

std::vector<Device> DeviceLists::joined() && {
  if (were_read_in_order() && read_.capacity() >= read_.size() + added_.size()) {
    // From the end, so that each that moves up finds its new place empty.
    read_.resize(read_.size() + added_.size());
    auto place = read_.rbegin();
    for (DeviceList& list : std::views::reverse(lists_))
      for (Device& device : std::views::reverse(list))
        if (Device& there = *place++; &there != &device) there = std::move(device);
    return std::move(read_);
  }
  std::vector<Device> all;
  all.reserve(read_.size() + added_.size());
  for (const DeviceList& list : lists_)
    for (Device& device : list) all.push_back(std::move(device));
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
  for (const std::size_t i : order) sorted.push_back(devices[i]);
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
  FirstSeen<std::string_view> bus_place;
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
  constexpr Anchor kNowhere{-1, false, 0};
  std::array<Anchor, domain::kControllerTypeCount> last;  // the greatest so far: the end of the type's list
  last.fill(kNowhere);
  std::vector<std::tuple<std::size_t, Anchor, std::size_t>> keys;
  keys.reserve(controllers.size());
  for (std::size_t i = 0; i < controllers.size(); ++i) {
    const Device& device = controllers[i];
    const domain::Controller& controller = *device.controller;
    Anchor& end = last[static_cast<std::size_t>(controller.type)];
    Anchor own = end;
    if (controller.index) {
      own = Anchor{*controller.index, is_companion(device), i};
      end = std::max(end, own);
    }
    keys.emplace_back(type_place(controller.type), own, i);
  }
  sort_by_keys(controllers, keys);
}

void sort_videos(DeviceList& videos) {
  DeviceList sorted;
  sorted.reserve(videos.size());
  for (Device& video : std::views::reverse(videos))
    if (video.primary) sorted.emplace_back(video);
  for (Device& video : videos)
    if (!video.primary) sorted.emplace_back(video);
  videos = std::move(sorted);
}

ControllerList::ControllerList(DeviceLists& devices) : all_(devices), controllers_(devices[DeviceKind::Controller]) {
  for (Device& device : controllers_)
    if (device.controller->index) enter(device);
}

void ControllerList::enter(Device& device) {
  const ControllerType type = device.controller->type;
  const std::uint32_t index = *device.controller->index;
  if (index >= kLowIndexes) {
    high_.try_emplace({type, index}, &device);
    return;
  }
  std::vector<Device*>& low = low_[static_cast<std::size_t>(type)];
  if (index >= low.size()) low.resize(std::bit_ceil(std::size_t{index} + 1));
  if (low[index] == nullptr) low[index] = &device;
}

Device* ControllerList::find(ControllerType type, std::uint32_t index) const {
  if (index < kLowIndexes) {
    const std::vector<Device*>& low = low_[static_cast<std::size_t>(type)];
    return index < low.size() ? low[index] : nullptr;
  }
  const auto found = high_.find({type, index});
  return found == high_.end() ? nullptr : found->second;
}

bool ControllerList::contains(ControllerType type, std::uint32_t index) const { return find(type, index) != nullptr; }

std::uint32_t ControllerList::lowest_free(ControllerType type) {
  std::uint32_t& index = lowest_free_[type];
  while (contains(type, index)) ++index;
  return index;
}

void ControllerList::number_all() {
  std::set<std::pair<std::uint32_t, std::string_view>> usb_models;
  for (const Device& device : controllers_)
    if (device.controller->type == ControllerType::Usb && device.controller->index)
      usb_models.emplace(*device.controller->index, device.model);
  const Device* usb_before = nullptr;
  for (Device& device : controllers_) {
    domain::Controller& controller = *device.controller;
    if (!controller.index) {
      const bool joins = topology::usb2_function(device) && usb_before != nullptr &&
                         topology::usb2_function(*usb_before) &&
                         !usb_models.contains({*usb_before->controller->index, device.model});
      controller.index = joins ? *usb_before->controller->index : lowest_free(controller.type);
      enter(device);
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
  all_.add(std::move(added));
  enter(controllers_.back());
}

Error about(Error error, const DeviceList& list, const Device& device) {
  const auto before = std::ranges::count_if(list, [&](const Device& other) { return other.element < device.element; });
  return domain::about(std::move(error), device, display_name(device, static_cast<std::size_t>(before) + 1));
}

}  // namespace busproof::assign
