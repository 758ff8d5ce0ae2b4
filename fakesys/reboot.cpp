#include <algorithm>

#include "fakesys/recorded_host.h"

namespace busproof::fakesys {

Host rebooted(const Host& host) {
  const Model& old = host.model;
  Host fresh(old.profile);
  Model& model = fresh.model;
  fresh.facts = host.facts;
  fresh.boots = host.boots + 1;
  model.has_iommu = old.has_iommu;
  model.interrupt_remapping = old.interrupt_remapping;
  model.default_type = old.default_type;
  model.online_nodes = old.online_nodes;
  model.advance(old.now_ms());
  for (const FunctionPtr& function : old.plugged()) {
    if (function->is_virtual) continue;
    model.plug(function);
    if (function->parent == nullptr && model.find_bus(function->address.segment(), function->root_bus) == nullptr) {
      model.add_root_bus(function->address.segment(), function->root_bus);
    }
  }
  note_host_bridges(fresh);
  model.boot_scan();
  model.make_groups();
  for (const int id : old.drivers()) {
    Driver driver = old.driver(id);
    driver.dynamic_ids.clear();
    driver.bound.clear();
    model.add_driver(std::move(driver));
  }
  for (const Module* module : old.modules()) model.add_module(*module);
  for (const HotplugSlot& slot : old.slots()) model.add_slot(slot);
  const std::vector<Slot> slots(model.in_order().begin(), model.in_order().end());
  for (const Slot slot : slots) model.call(model.probe_tasks(slot));
  return fresh;
}

}  // namespace busproof::fakesys
