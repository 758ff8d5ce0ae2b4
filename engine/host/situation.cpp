#include "engine/host/situation.h"

#include "engine/host/sysfs_paths.h"

namespace busproof::host {

Checked<Situation> survey(const Machine& machine, const std::vector<HostAddress>& devices) {
  auto inventory = scan(machine.kernel);
  if (!inventory) {
    return std::unexpected(Trouble{.code = Code::Unreadable,
                                   .message = "cannot list the devices of the host",
                                   .path = std::string(paths::kDevices),
                                   .error = inventory.error().error});
  }
  auto ledger = read_ledger(machine.ledger);
  if (!ledger) return std::unexpected(ledger.error());
  const auto journals = read_journals(machine.journals);
  if (!journals) return std::unexpected(journals.error());

  Situation situation{*std::move(inventory), *std::move(ledger), {}, {}, {}, {}, {}, {}};
  situation.drivers = driver_facts(machine.kernel, situation.inventory);
  for (const JournalState& journal : *journals) {
    situation.busy.merge(devices_in_question(journal));
    if (journal.plan.devices.empty()) situation.unreadable_journals.push_back(journal.name);
  }
  for (const HostAddress& address : devices) {
    const HostDevice* device = find(situation.inventory, address);
    if (device == nullptr) continue;
    if (machine.vf_net != nullptr && device->physical_function) {
      const auto place = place_of_vf(machine.kernel, address);
      if (const auto settings = place ? machine.vf_net->get(*place) : std::unexpected(Failure{}))
        situation.vf_settings.emplace(address, *settings);
    }
    if (device->group && machine.kernel.vfio_group_in_use(*device->group).value_or(false))
      situation.groups_in_use.insert(*device->group);
    for (const HostAddress& member : group_members(situation.inventory, *device)) {
      const HostDevice* each = find(situation.inventory, member);
      if (each == nullptr || !each->driver || situation.modules.contains(*each->driver)) continue;
      const auto module = link_name(machine.kernel, paths::of_driver(*each->driver, "module"));
      situation.modules.emplace(*each->driver, module.value_or(""));
    }
  }
  return situation;
}

}  // namespace busproof::host
