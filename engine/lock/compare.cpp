#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/abi/diff.h"
#include "engine/abi/matching.h"
#include "engine/abi/rules.h"
#include "engine/lock/lock.h"

namespace busproof::lock {
namespace {

using abi::AbiDevice;
using abi::AbiSnapshot;
using abi::RuleId;

/// What is no breach of a lock but tells that it is behind the config.
struct Restatement {
  RuleId difference, of_lock;
};
constexpr std::array kRestatements = {
    Restatement{RuleId::DeviceAdded, RuleId::NotLocked},
    Restatement{RuleId::ControllerAdded, RuleId::NotLocked},
    Restatement{RuleId::DeviceRemoved, RuleId::LockOutdated},
    Restatement{RuleId::ControllerRemoved, RuleId::LockOutdated},
};

bool has_place(const AbiDevice& device) { return device.pci || device.controller || !device.address.empty(); }

/// Ports and slots that libvirt deals out anew each time are not pinned.
void drop_what_has_no_pin(AbiSnapshot& snapshot) {
  for (AbiDevice& device : snapshot.devices)
    if (device.address_chosen) device.address.clear();
  std::erase_if(snapshot.devices, [](const AbiDevice& device) { return !has_place(device); });
}

/// What a lock does not pin is as the config says it.
void take_what_is_not_pinned(AbiDevice& was, const AbiDevice& is) {
  was.details = is.details;
  was.serial = is.serial;
  was.primary = is.primary;
  was.boot_order = is.boot_order;
  was.acpi_index = is.acpi_index;
  if (was.pci && was.pci->seen && is.pci && is.pci->seen) was.pci->seen->onboard = is.pci->seen->onboard;
}

AbiSnapshot recalled(const LockedDomain& locked, const AbiSnapshot& now) {
  AbiSnapshot was = abi::snapshot(*domain::as_placed(locked.domain));
  drop_what_has_no_pin(was);
  was.virt_type = now.virt_type;
  was.name = now.name;
  if (was.uuid.empty() || now.uuid.empty()) was.uuid = now.uuid;
  was.details = now.details;
  for (const auto& [old_device, new_device] : abi::match(was, now).same)
    take_what_is_not_pinned(was.devices[old_device], now.devices[new_device]);
  return was;
}

void restate(Finding& finding) {
  for (const Restatement& row : kRestatements) {
    if (finding.rule != abi::rule_of(row.difference).id) continue;
    Finding restated = abi::finding_of(row.of_lock);
    restated.device = std::move(finding.device);
    restated.change = std::move(finding.change);
    restated.place = finding.place;
    finding = std::move(restated);
    return;
  }
}

void report_freed_slots(const LockedDomain& locked, const AbiSnapshot& now, Findings& findings) {
  for (const AbiDevice& device : now.devices) {
    if (!device.pci) continue;
    const auto freed = std::ranges::find(locked.freed, device.pci->at, &FreedSlot::at);
    if (freed == locked.freed.end()) continue;
    Finding finding = abi::finding_of(RuleId::FreedSlotTaken);
    finding.device = display_name(device);
    finding.change = "at " + to_string(freed->at) + ", where " + freed->was + " was";
    finding.place.offset = device.offset;
    findings.push_back(std::move(finding));
  }
}

}  // namespace

Findings compare(const LockedDomain& locked, const AbiSnapshot& now) {
  AbiSnapshot placed = now;
  drop_what_has_no_pin(placed);
  Findings findings = abi::diff(recalled(locked, placed), placed);
  for (Finding& finding : findings) restate(finding);
  report_freed_slots(locked, placed, findings);
  std::ranges::sort(findings);
  return findings;
}

Findings compare(const Lock& lock, const AbiSnapshot& now) {
  if (const LockedDomain* locked = find(lock, now.uuid, now.name)) return compare(*locked, now);
  Finding finding = abi::finding_of(RuleId::DomainNotLocked);
  finding.change = now.name.empty() ? "a domain without name" : now.name;
  return {std::move(finding)};
}

}  // namespace busproof::lock
