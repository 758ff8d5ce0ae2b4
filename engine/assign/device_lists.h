#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"

/// A domain's devices as libvirt holds them: one list a kind, each in the order that decides who gets the lower address
/// (spec 1.8).
namespace busproof::assign {

/// Of devices that somebody else keeps: they are large, and are not moved for every list that they are on.
using DeviceList = std::vector<std::reference_wrapper<domain::Device>>;

/// One list a kind, and the devices on them.
class DeviceLists {
 public:
  /// Every list in document order.
  explicit DeviceLists(std::vector<domain::Device> devices);
  DeviceLists(const DeviceLists&) = delete;
  DeviceLists& operator=(const DeviceLists&) = delete;

  DeviceList& operator[](domain::DeviceKind kind) { return lists_[static_cast<std::size_t>(kind)]; }
  const DeviceList& operator[](domain::DeviceKind kind) const { return lists_[static_cast<std::size_t>(kind)]; }

  /// Appends the device to the list of its kind.
  void add(domain::Device device);

  /// All devices in libvirt's iteration order, in the memory of those that were read where they are in it already.
  std::vector<domain::Device> joined() &&;

 private:
  [[nodiscard]] bool was_read(const domain::Device& device) const;
  [[nodiscard]] bool were_read_in_order() const;

  std::vector<domain::Device> read_;
  std::deque<domain::Device> added_{};  ///< which stay where they are when another one comes
  std::array<DeviceList, domain::kDeviceKindCount> lists_{};
};

/// The number in a disk's target name: 0 for "vda", 26 for "sdaa"; nothing for a name libvirt cannot read.
std::optional<std::uint32_t> target_number(std::string_view target);

/// Brings disks into libvirt's order: those of a bus together, by the number in their names.
void sort_disks(DeviceList& disks);

/// Whether the controller is the companion of a USB2 master.
bool is_companion(const domain::Device& controller);

/// Brings controllers into libvirt's order: those of a type together, by index, masters before their companions; one
/// without index stays behind the one that it follows.
void sort_controllers(DeviceList& controllers);

/// Moves each video that the XML calls primary to the front.
void sort_videos(DeviceList& videos);

/// The controllers of a domain, which grow at the end and are found by type and index.
class ControllerList {
 public:
  explicit ControllerList(DeviceLists& devices);

  [[nodiscard]] const DeviceList& devices() const { return controllers_; }
  /// The first of that type and index; null if there is none.
  [[nodiscard]] domain::Device* find(domain::ControllerType type, std::uint32_t index) const;
  [[nodiscard]] bool contains(domain::ControllerType type, std::uint32_t index) const;
  /// Gives every controller without index the lowest that is free among its type; a USB2 companion joins the set of the
  /// USB controller before it (spec 2.6).
  void number_all();
  /// Appends one unless there is one of that type and index.
  void ensure(domain::ControllerType type, std::uint32_t index, std::string_view model = {});
  /// The lowest index that no controller of the type has.
  [[nodiscard]] std::uint32_t lowest_free(domain::ControllerType type);

 private:
  void enter(domain::Device& device);

  DeviceLists& all_;
  DeviceList& controllers_;
  /// By type and index, where the index is as low as they nearly always are; the others by both.
  static constexpr std::uint32_t kLowIndexes = 256;
  std::array<std::vector<domain::Device*>, domain::kControllerTypeCount> low_;
  std::map<std::pair<domain::ControllerType, std::uint32_t>, domain::Device*> high_;
  std::map<domain::ControllerType, std::uint32_t> lowest_free_;
};

/// The error, said of that device. `list` holds the device, in whatever order.
Error about(Error error, const DeviceList& list, const domain::Device& device);

}  // namespace busproof::assign
