#include "verify/libvirt_binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "engine/host/sysfs_paths.h"

namespace busproof::verify {
namespace libvirt {

namespace paths = host::paths;

std::string Binder::driver_of(const HostAddress& device) {
  return host::link_name(kernel_, paths::of_device(device, "driver")).value_or("");
}

std::optional<Refusal> Binder::write(const std::string& path, std::string_view value) {
  return kernel_.write(path, value) ? std::nullopt : std::optional(Refusal::WriteFailed);
}

/// Steps 4 to 7 of section 3.2. Nothing looks whether the stub has the device then.
std::optional<Refusal> Binder::move_to_stub(const HostAddress& device, const std::string& stub, bool& moved) {
  const std::string driver = driver_of(device);
  if (driver == stub) return std::nullopt;
  if (auto failed = write(paths::of_device(device, "driver_override"), stub)) return failed;
  if (!driver.empty())
    if (auto failed = write(paths::of_device(device, "driver/unbind"), to_string(device))) return failed;
  if (auto failed = write(std::string(paths::kDriversProbe), to_string(device))) return failed;
  moved = true;
  return std::nullopt;
}

std::optional<Refusal> Binder::detach(const HostAddress& device, const std::string& stub) {
  const auto known = lists_.find(device);
  if (known != lists_.end() && known->second.owner) return Refusal::InUse;
  bool moved = false;
  if (auto failed = move_to_stub(device, stub, moved)) return failed;
  Entry& entry = lists_[device];
  entry.unbind_from_stub = entry.unbind_from_stub || moved;
  return std::nullopt;
}

/// Steps 3 to 5 of section 3.4: whatever has the device lets go of it.
std::optional<Refusal> Binder::move_back(const HostAddress& device) {
  if (auto failed = write(paths::of_device(device, "driver_override"), "\n")) return failed;
  if (!driver_of(device).empty())
    if (auto failed = write(paths::of_device(device, "driver/unbind"), to_string(device))) return failed;
  return write(std::string(paths::kDriversProbe), to_string(device));
}

std::optional<Refusal> Binder::reattach(const HostAddress& device) {
  const auto known = lists_.find(device);
  if (known != lists_.end() && known->second.owner) return Refusal::InUse;
  // Without a domain all three flags are forced: section 3.1, DET-1.
  if (auto failed = move_back(device)) return failed;
  lists_.erase(device);
  return std::nullopt;
}

std::optional<Refusal> Binder::prepare(const host::Owner& owner, const std::vector<Wanted>& devices, bool managed) {
  constexpr std::array<std::string_view, 3> kKnownStubs = {"vfio-pci", "pci-stub", "pciback"};
  for (const auto& [device, stub] : devices)
    if (const auto known = lists_.find(device); known != lists_.end() && known->second.owner) return Refusal::InUse;
  std::optional<Refusal> failed;
  for (const auto& [device, stub] : devices) {
    if (managed) {
      bool moved = false;
      failed = move_to_stub(device, stub, moved);
      if (failed) break;
      const auto [entry, added] = lists_.try_emplace(device, Entry{.managed = true});
      entry->second.unbind_from_stub = entry->second.unbind_from_stub || moved;
    } else if (!lists_.contains(device)) {
      if (std::ranges::find(kKnownStubs, driver_of(device)) == kKnownStubs.end()) {
        failed = Refusal::Unmanaged;
        break;
      }
      lists_[device] = {};
    }
  }
  if (failed) {
    // The device that failed is in no list, and stays as it is.
    for (const auto& [device, stub] : devices)
      if (const auto known = lists_.find(device); known != lists_.end() && known->second.managed) {
        static_cast<void>(move_back(device));  // errors are logged
        lists_.erase(known);
      }
    return failed;
  }
  for (const auto& [device, stub] : devices) lists_[device].owner = owner;
  return std::nullopt;
}

void Binder::release(const host::Owner& owner, const std::vector<HostAddress>& devices) {
  for (const HostAddress& device : devices) {
    const auto known = lists_.find(device);
    if (known == lists_.end() || known->second.owner != owner) continue;
    known->second.owner.reset();
    if (!known->second.managed) continue;
    if (known->second.unbind_from_stub) static_cast<void>(move_back(device));  // errors are logged
    lists_.erase(known);
  }
}

}  // namespace libvirt

namespace {

using host::HostAddress;
using Verdict = BindingComparison::Verdict;

/// Our ledger as libvirt's lists would be.
libvirt::Lists lists_of(const HostState& state) {
  libvirt::Lists lists;
  for (const auto& [address, entry] : state.ledger)
    if (entry.boot_id == state.boot_id)
      lists[address] = {
          .managed = entry.managed, .unbind_from_stub = entry.origin.driver != entry.stub, .owner = entry.owner};
  return lists;
}

/// The stub that was chosen for a device.
std::string stub_for(const QuietRun& quiet, const HostAddress& address) {
  const auto* entry = host::find(quiet.after.ledger, address);
  return entry == nullptr ? "vfio-pci" : entry->stub;
}

std::vector<HostAddress> named_or_owned(const QuietRun& quiet) {
  if (!quiet.command.devices.empty()) return quiet.command.devices;
  std::vector<HostAddress> devices;
  for (const auto& [address, entry] : quiet.before.ledger)
    if (entry.owner && entry.owner->domain == quiet.command.name) devices.push_back(address);
  return devices;
}

/// What the specification lists as libvirt's own, of one device; empty: nothing.
struct GapRow {
  std::string_view name;
  bool (*fits)(const QuietRun&, const HostAddress&);
};

bool had_override(const QuietRun& quiet, const HostAddress& address) {
  const auto origin = origin_of(&quiet.homes, quiet.before, address);
  return origin && origin->override_to.has_value();
}
bool had_no_driver(const QuietRun& quiet, const HostAddress& address) {
  const auto origin = origin_of(&quiet.homes, quiet.before, address);
  return origin && !origin->driver;
}
bool was_on_a_stub(const QuietRun& quiet, const HostAddress& address) {
  const auto origin = origin_of(&quiet.homes, quiet.before, address);
  return origin && origin->driver && !quiet.before.native_drivers.contains(*origin->driver);
}
bool is_flagged(const QuietRun& quiet, const HostAddress& address) {
  const auto* before = host::find(quiet.before.ledger, address);
  const auto* after = host::find(quiet.after.ledger, address);
  return (before != nullptr && !before->flags.empty()) || (after != nullptr && !after->flags.empty());
}
bool was_overridden(const QuietRun& quiet, const HostAddress& address) {
  const auto* entry = host::find(quiet.before.ledger, address);
  const DeviceState* device = device_in(quiet.before, address);
  return entry != nullptr && device != nullptr && device->binding.override_to != entry->stub;
}
bool is_not_ours(const QuietRun& quiet, const HostAddress& address) {
  return quiet.command.verb != HostVerb::Release &&
         std::ranges::find(quiet.command.devices, address) == quiet.command.devices.end();
}

// Sources: REA-1 and REA-2, DET-4, GRP-22, DRV-34 of the host binding specification.
constexpr std::array kGaps = {
    GapRow{"clears the override that was there", had_override},
    GapRow{"offers to drivers what had none", had_no_driver},
    GapRow{"keeps what was on a stub before", was_on_a_stub},
    GapRow{"gives back into a live group, or what is in trouble", is_flagged},
    GapRow{"does not touch the rest of the group", is_not_ours},
    GapRow{"leaves an override that somebody has changed", was_overridden},
};

}  // namespace

BindingComparison compare_with_libvirt(const QuietRun& quiet) {
  BindingComparison comparison;
  const OperationRun& ours = quiet.run.first;
  const bool done = ours.performance && (ours.performance->outcome.end == host::Outcome::End::Done ||
                                         ours.performance->outcome.end == host::Outcome::End::Already);
  // What we refuse and libvirt does not is what sections 5.4 and 6.3 add; what we refuse has its own law.
  if (!done || quiet.command.verb == HostVerb::Reset || quiet.command.driver == "none") return comparison;
  if (!quiet.before.has_overrides) return comparison;  // libvirt does nothing without them since 6.1.0
  fakesys::FakeKernel kernel = quiet.world.kernel;
  for (const fakesys::AccessRecord& change : ours.changes)
    if (change.access == fakesys::Access::LoadModule) static_cast<void>(kernel.load_module(change.path));
  libvirt::Binder binder(kernel, lists_of(quiet.before));
  const host::Owner owner{"qemu", quiet.command.name};
  std::optional<libvirt::Refusal> refused;
  const std::vector<HostAddress> devices =
      quiet.command.verb == HostVerb::Release ? named_or_owned(quiet) : quiet.command.devices;
  if (devices.empty()) return comparison;
  switch (quiet.command.verb) {
    case HostVerb::Detach:
      for (const HostAddress& address : devices)
        if (!refused) refused = binder.detach(address, stub_for(quiet, address));
      break;
    case HostVerb::Reattach:
      for (const HostAddress& address : devices)
        if (!refused) refused = binder.reattach(address);
      break;
    case HostVerb::Prepare: {
      std::vector<libvirt::Binder::Wanted> wanted;
      for (const HostAddress& address : devices) wanted.emplace_back(address, stub_for(quiet, address));
      refused = binder.prepare(owner, wanted, !quiet.command.unmanaged);
      break;
    }
    default:
      binder.release(owner, devices);
      break;
  }
  host::MemoryStore none;
  const HostState theirs = state_of(kernel, none, none);
  comparison.verdict = Verdict::Agree;
  if (refused) {
    comparison.verdict = Verdict::Disagree;
    comparison.violations.push_back({"", "libvirt refuses it"});
    return comparison;
  }
  for (const auto& [address, device] : quiet.after.devices) {
    const DeviceState* other = device_in(theirs, address);
    if (other == nullptr || other->binding == device.binding) continue;
    const auto gap = std::ranges::find_if(kGaps, [&](const GapRow& row) { return row.fits(quiet, address); });
    if (gap != kGaps.end()) {
      if (comparison.verdict == Verdict::Agree) comparison.verdict = Verdict::KnownGap;
      comparison.gap = gap->name;
      continue;
    }
    comparison.verdict = Verdict::Disagree;
    comparison.violations.push_back(
        {to_string(address),
         fmt::format("is on {}; libvirt leaves {}", binding_words(device.binding), binding_words(other->binding))});
  }
  return comparison;
}

}  // namespace busproof::verify
