#include "engine/topology/controller_rules.h"

namespace busproof::topology {

std::string_view required_name(SlotKind kind) {
  switch (kind) {
    case SlotKind::None:
    case SlotKind::PciDevice:
      return "standard PCI device";
    case SlotKind::PcieDevice:
      return "PCI Express device";
    default:
      break;
  }
  for (const ControllerRule& rule : kControllerRules)
    if (rule.asks_for == kind) return to_string(rule.model);
  return {};
}

}  // namespace busproof::topology
