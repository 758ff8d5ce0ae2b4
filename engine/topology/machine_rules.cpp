#include "engine/topology/machine_rules.h"

#include <algorithm>

namespace busproof::topology {
namespace {

bool matches(std::string_view name, std::string_view machine) {
  if (name.empty()) return false;
  if (name.back() != '*') return name == machine;
  return machine.starts_with(name.substr(0, name.size() - 1));
}

bool matches(const MachineRule& rule, Arch arch, std::string_view machine) {
  return rule.arches.contains(arch) &&
         std::ranges::any_of(rule.names, [&](std::string_view name) { return matches(name, machine); });
}

}  // namespace

const MachineRule& rule_for(Family family) { return *std::ranges::find(kMachineRules, family, &MachineRule::family); }

std::optional<Arch> arch_of(std::string_view name) {
  const auto* const rule = std::ranges::find(kArchRules, name, &ArchRule::name);
  if (rule == kArchRules.end()) return std::nullopt;
  return rule->arch;
}

const MachineRule* machine_rule(std::string_view arch, std::string_view machine) {
  const auto known = arch_of(arch);
  if (!known) return nullptr;
  const auto* const rule =
      std::ranges::find_if(kMachineRules, [&](const MachineRule& row) { return matches(row, *known, machine); });
  return rule == kMachineRules.end() ? nullptr : rule;
}

std::optional<Family> family_of(std::string_view arch, std::string_view machine) {
  const MachineRule* rule = machine_rule(arch, machine);
  if (rule == nullptr) return std::nullopt;
  return rule->family;
}

}  // namespace busproof::topology
