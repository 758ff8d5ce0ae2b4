// Which devices an IOMMU cannot tell apart. Source: kernel drivers/iommu/iommu.c, drivers/pci/pci.c,
// drivers/pci/search.c.

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "fakesys/model.h"

namespace busproof::fakesys {
namespace {

/// Source validation, request redirect, completion redirect, upstream forwarding.
constexpr std::uint16_t kIsolating = 0x001d;

/// Whether a device has switched on all the isolation that it can offer.
bool acs_flags(const ConfigSpace& config) {
  const auto acs = config.extended_capability(kAcs);
  if (!acs) return false;
  const std::uint16_t offered = config.word(*acs + 4);
  const auto wanted = static_cast<std::uint16_t>(kIsolating & offered);  // nothing is asked of it that it cannot do
  return (config.word(*acs + 6) & wanted) == wanted;
}

}  // namespace

bool Model::acs_enabled(Slot slot) const {
  const Device& device = *devices_[slot];
  const auto type = device.config.port_type();
  if (!type) return false;
  switch (*type) {
    case PortType::PcieToPci:
    case PortType::PciToPcie:
    case PortType::EventCollector:
      return false;
    case PortType::RootPort:
    case PortType::DownstreamPort:
      return acs_flags(device.config);
    default:
      return !device.multifunction || acs_flags(device.config);
  }
}

bool Model::acs_path_enabled(Slot slot) const {
  for (; slot != kNoSlot; slot = upstream(slot)) {
    if (!acs_enabled(slot)) return false;
  }
  return true;
}

/// The group that the device has to join because of where it sits; none if it gets one of its own.
int Model::find_group(Slot slot) const {
  Slot topmost = slot;
  for (Slot bridge = upstream(slot); bridge != kNoSlot; bridge = upstream(bridge)) {
    // Behind a bridge to conventional PCI all requests look like the bridge's.
    const auto type = devices_[bridge]->config.port_type();
    if (type && *type != PortType::PcieToPci && *type != PortType::PciToPcie) continue;
    if (devices_[bridge]->group != kNone) return devices_[bridge]->group;
    topmost = bridge;
  }
  for (Slot bridge = upstream(topmost); bridge != kNoSlot; bridge = upstream(bridge)) {
    if (acs_path_enabled(bridge)) break;
    topmost = bridge;
    if (devices_[bridge]->group != kNone) return devices_[bridge]->group;
  }
  const Device& last = *devices_[topmost];
  if (!last.multifunction || acs_enabled(topmost)) return kNone;
  for (const Slot other : bus_of(last).devices) {
    const Device& sibling = *devices_[other];
    if (other == topmost || sibling.function->address.slot() != last.function->address.slot()) continue;
    if (!acs_enabled(other) && sibling.group != kNone) return sibling.group;
  }
  return kNone;
}

void Model::join_group(Slot slot, int number) {
  const auto index = static_cast<std::size_t>(number);
  if (groups_.size() <= index) groups_.resize(index + 1);
  if (!groups_[index]) groups_[index] = Cow(Group{.members = {}, .type = default_type, .default_type = default_type});
  groups_[index].edit().members.push_back(slot);
  edit(slot).group = number;
}

void Model::assign_group(Slot slot) {
  if (!has_iommu) return;
  int number = find_group(slot);
  if (number == kNone) {
    const auto free = std::ranges::find_if(groups_, [](const Cow<Group>& group) { return !group; });
    number = static_cast<int>(free - groups_.begin());
  }
  join_group(slot, number);
}

void Model::make_groups() {
  for (const Slot slot : *order_) assign_group(slot);
}

void Model::leave_group(Slot slot) {
  const int number = devices_[slot]->group;
  if (number == kNone) return;
  Group& group = edit_group(number);
  std::erase(group.members, slot);
  if (group.members.empty()) groups_[static_cast<std::size_t>(number)].clear();
}

bool Model::viable(const Group& group) const {
  if (profile.dma_ownership == DmaOwnership::Owner) return group.natives == 0;
  return std::ranges::all_of(group.members, [&](Slot slot) {
    const Device& device = *devices_[slot];
    return device.driver == kNone || driver(device.driver).rule.role != DriverRole::Native ||
           device.config.header_type() != 0;
  });
}

Model::Progress Model::set_group_type(Call& call, Task& task) {
  const Group* found = group(static_cast<int>(task.number));
  if (found == nullptr) {
    call.error = ENODEV;
    return Progress::Done;
  }
  const auto wanted = static_cast<DomainType>(task.driver);
  const bool only_queues = wanted == DomainType::DmaFq && found->type == DomainType::Dma;
  const auto has_driver_bound = [&](Slot slot) { return devices_[slot]->driver != kNone; };
  if (profile.group_type == GroupTypeRule::OneUnbound) {
    if (found->members.size() != 1) call.error = EINVAL;
    if (call.error == 0 && !only_queues && std::ranges::any_of(found->members, has_driver_bound)) call.error = EBUSY;
  } else if (!only_queues && (found->natives > 0 || found->container != 0)) {
    call.error = EPERM;
  }
  if (call.error == 0) edit_group(static_cast<int>(task.number)).type = wanted;
  return Progress::Done;
}

}  // namespace busproof::fakesys
