#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace busproof::pci {

/// The models of `<controller type='pci'>`, in the order of `kControllerModelNames`.
enum class ControllerModel : std::uint8_t {
  PciRoot,
  PcieRoot,
  PciBridge,
  DmiToPciBridge,
  PcieToPciBridge,
  PcieRootPort,
  PcieSwitchUpstreamPort,
  PcieSwitchDownstreamPort,
  PciExpanderBus,
  PcieExpanderBus,
};

/// As the XML spells them.
inline constexpr std::array<std::string_view, 10> kControllerModelNames = {
    "pci-root",
    "pcie-root",
    "pci-bridge",
    "dmi-to-pci-bridge",
    "pcie-to-pci-bridge",
    "pcie-root-port",
    "pcie-switch-upstream-port",
    "pcie-switch-downstream-port",
    "pci-expander-bus",
    "pcie-expander-bus",
};

constexpr std::string_view to_string(ControllerModel model) {
  return kControllerModelNames[static_cast<std::size_t>(model)];
}

/// Whether it is the model of a bus that the machine has of its own; nothing is none.
constexpr bool is_root(std::optional<ControllerModel> model) {
  return model == ControllerModel::PciRoot || model == ControllerModel::PcieRoot;
}

/// The model of that name; nothing for a name libvirt 9.0.0 does not know.
constexpr std::optional<ControllerModel> controller_model(std::string_view name) {
  for (std::size_t i = 0; i < kControllerModelNames.size(); ++i)
    if (kControllerModelNames[i] == name) return static_cast<ControllerModel>(i);
  return std::nullopt;
}

}  // namespace busproof::pci
