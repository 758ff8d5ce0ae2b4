#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"
#include "engine/topology/machine_rules.h"

/// Which options each model of PCI controller must, may and must not have, and within which range (spec 2.4, 2.5, 2.7).
namespace busproof::assign {

enum class Need : std::uint8_t {
  Must,  ///< libvirt fills it in when the XML does not; an error if it is absent even so
  May,
  MustNot,
};

/// A pseries machine has PciRoot controllers that are devices: they have a row of their own.
enum class RootKind : std::uint8_t { Any, HostBridge };

struct OptionRule {
  pci::ControllerModel model;
  RootKind root;
  std::array<std::string_view, 2> names;  ///< QEMU's devices of that model; both empty: it must have no model name
  Need target_index, bus_nr, node, chassis_nr, chassis, port, hotplug;
};

// clang-format off
inline constexpr auto kOptionRules = [] {
  using enum pci::ControllerModel;
  using enum Need;
  using enum RootKind;
  return std::to_array<OptionRule>({
    //                         root        names                              index    busNr    node     chassisNr chassis  port     hotplug
    {PciRoot,                  Any,        {},                                MustNot, MustNot, MustNot, MustNot,  MustNot, MustNot, May},
    {PcieRoot,                 Any,        {},                                MustNot, MustNot, MustNot, MustNot,  MustNot, MustNot, MustNot},
    {PciBridge,                Any,        {"pci-bridge"},                    MustNot, MustNot, MustNot, Must,     MustNot, MustNot, MustNot},
    {DmiToPciBridge,           Any,        {"i82801b11-bridge"},              MustNot, MustNot, MustNot, MustNot,  MustNot, MustNot, MustNot},
    {PcieToPciBridge,          Any,        {"pcie-pci-bridge"},               MustNot, MustNot, MustNot, MustNot,  MustNot, MustNot, MustNot},
    {PcieRootPort,             Any,        {"pcie-root-port", "ioh3420"},     MustNot, MustNot, MustNot, MustNot,  Must,    Must,    May},
    {PcieSwitchUpstreamPort,   Any,        {"x3130-upstream"},                MustNot, MustNot, MustNot, MustNot,  MustNot, MustNot, MustNot},
    {PcieSwitchDownstreamPort, Any,        {"xio3130-downstream"},            MustNot, MustNot, MustNot, MustNot,  Must,    Must,    May},
    {PciExpanderBus,           Any,        {"pxb"},                           MustNot, Must,    May,     MustNot,  MustNot, MustNot, MustNot},
    {PcieExpanderBus,          Any,        {"pxb-pcie"},                      MustNot, Must,    May,     MustNot,  MustNot, MustNot, MustNot},
    {PciRoot,                  HostBridge, {"spapr-pci-host-bridge"},         Must,    MustNot, May,     MustNot,  MustNot, MustNot, May},
  });
}();
// clang-format on

constexpr bool option_rules_are_in_model_order() {
  if (kOptionRules.size() != pci::kControllerModelNames.size() + 1) return false;
  for (std::size_t i = 0; i + 1 < kOptionRules.size(); ++i)
    if (static_cast<std::size_t>(kOptionRules[i].model) != i || kOptionRules[i].root != RootKind::Any) return false;
  return kOptionRules.back().root == RootKind::HostBridge;
}
static_assert(option_rules_are_in_model_order(), "option_rule() is an index");

constexpr const OptionRule& option_rule(pci::ControllerModel model, RootKind root) {
  return root == RootKind::HostBridge && model == pci::ControllerModel::PciRoot
             ? kOptionRules.back()
             : kOptionRules[static_cast<std::size_t>(model)];
}

/// One number in `<target>` and its range, in the order in which libvirt looks.
struct RangeRule {
  std::string_view name;
  std::optional<int> domain::PciTarget::* number;
  int min, max;
};
inline constexpr auto kRangeRules = std::to_array<RangeRule>({
    {"target index", &domain::PciTarget::index, 0, 30},
    {"chassisNr", &domain::PciTarget::chassis_nr, 1, 255},
    {"chassis", &domain::PciTarget::chassis, 0, 255},
    {"port", &domain::PciTarget::port, 0, 255},
    {"busNr", &domain::PciTarget::bus_nr, 1, 254},
});

/// What libvirt's common code checks of a controller of type pci. The error names no device.
/// Errors: E203, E205, E208, E213, E214.
Result<void> check_pci_ranges(const domain::Device& device);

/// What libvirt's QEMU driver checks of a controller of type pci. The error names no device.
/// Errors: E202, E209–E211, E220, E221.
Result<void> check_pci_options(const domain::Device& controller, const domain::Domain& domain,
                               const topology::MachineRule& machine);

}  // namespace busproof::assign
