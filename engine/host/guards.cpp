#include "engine/host/guards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace busproof::host {
const LedgerEntry* current_entry(const Situation& situation, const HostAddress& address) {
  const LedgerEntry* entry = find(situation.ledger, address);
  return entry != nullptr && entry->boot_id == situation.inventory.boot_id ? entry : nullptr;
}

Checked<const HostDevice*> find_target(const Situation& situation, const HostAddress& address) {
  const auto refuse = [&](Code code, std::string message, std::vector<std::string> hints = {}) {
    return std::unexpected(trouble_of(address, code, std::move(message), std::move(hints)));
  };
  if (situation.busy.contains(address)) {
    return refuse(Code::BusyOperation, "another operation on it has not come to its end",
                  {"'busproof host recover' finishes or undoes one that was interrupted"});
  }
  const HostDevice* device = find(situation.inventory, address);
  if (situation.inventory.unreadable.contains(address))
    return refuse(Code::Unreadable, "it is there, and could not be read just now", {"try it once more"});
  if (device == nullptr)
    return refuse(Code::NoSuchDevice, "there is no such device", {"'busproof host list' shows all"});
  if (device->config.responding == Known::No) {
    return refuse(Code::NotResponding, "it does not answer: its registers read all ones",
                  {"power it off and on again, or remove it and rescan the bus"});
  }
  const LedgerEntry* entry = current_entry(situation, address);
  if (entry != nullptr && entry->pin != device->pin) {
    return refuse(Code::IdentityChanged,
                  fmt::format("another card is at this address now: {} instead of {}", to_string(device->pin),
                              to_string(entry->pin)),
                  {fmt::format("'busproof host recover --forget {}' forgets the old one", to_string(address))});
  }
  return device;
}

std::optional<Trouble> not_assignable(const HostDevice& device) {
  if (device.config.header && *device.config.header == 0 && kind_of(device) != kBridgeClass) return std::nullopt;
  if (!device.config.header && !is_bridge(device)) return std::nullopt;  // out of sight: the class has to do
  return trouble_of(device.address, Code::NotAssignable, "only endpoints can be given away, and this is a bridge",
                    {"bridges and ports stay with the host; they do not keep their group from a guest"});
}

std::optional<Trouble> in_use(const Situation& situation, const HostAddress& address) {
  const LedgerEntry* entry = current_entry(situation, address);
  if (entry == nullptr || !entry->owner) return std::nullopt;
  return trouble_of(address, Code::InUse,
                    fmt::format("in use by driver {}, domain {}", entry->owner->driver, entry->owner->domain),
                    {fmt::format("'busproof host release --owner {}' gives it back", entry->owner->domain)});
}

std::optional<Trouble> quarantined(const Situation& situation, const HostAddress& address) {
  const LedgerEntry* entry = current_entry(situation, address);
  if (entry == nullptr || !entry->flags.contains(Flag::Quarantined)) return std::nullopt;
  return trouble_of(address, Code::Quarantined, "it did not answer after its last reset",
                    {"'busproof host recover' lets it go when it answers again"});
}

std::optional<Trouble> has_virtual_functions(const HostDevice& device) {
  if (device.virtual_functions.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const HostAddress& address : device.virtual_functions) names.push_back(to_string(address));
  return trouble_of(device.address, Code::PfHasVfs,
                    fmt::format("its virtual functions {} exist", fmt::join(names, ", ")),
                    {"write 0 to its sriov_numvfs first"});
}

std::optional<Trouble> host_critical(const HostDevice& device) {
  if (device.uses.empty()) return std::nullopt;
  std::vector<std::string> uses;
  for (const HostUse& use : device.uses) uses.push_back(use.what);
  return trouble_of(device.address, Code::HostCritical,
                    fmt::format("the host itself uses it: {}", fmt::join(uses, ", ")),
                    {"--force takes it away all the same"});
}

std::optional<Trouble> shares_id(const Situation& situation, const HostDevice& device,
                                 const std::set<HostAddress>& targets) {
  if (device.has_override) return std::nullopt;
  std::vector<std::string> names;
  for (const HostDevice& other : situation.inventory.devices) {
    const bool same = other.pin.vendor == device.pin.vendor && other.pin.device == device.pin.device;
    if (same && !other.driver && !targets.contains(other.address)) names.push_back(to_string(other.address));
  }
  if (names.empty()) return std::nullopt;
  return trouble_of(device.address, Code::SharedId,
                    fmt::format("this kernel has no driver_override, and by its id {} the stub would take {} too",
                                id_string(device.pin), fmt::join(names, ", ")),
                    {"bind a driver to the others first; --force takes them along"});
}

std::optional<Trouble> group_busy(const Situation& situation, const HostDevice& device) {
  if (!device.group || !situation.groups_in_use.contains(*device.group)) return std::nullopt;
  return trouble_of(device.address, Code::GroupBusy, fmt::format("a process has IOMMU group {} open", *device.group),
                    {"stop the guest that has it"});
}

}  // namespace busproof::host
