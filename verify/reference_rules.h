#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"

/// What the specification says of buses and devices, spelled a second time. The laws and the reference allocator judge
/// the engine by these rows and never by the engine's own tables, since a mistake that both shared would be invisible.
/// Source: spec 2.1, 2.2, 2.3, 2.4, 3; only machines of the i440fx and q35 families.
namespace busproof::verify::reference {

/// The kind of connection that a device asks for.
enum class Kind : std::uint8_t {
  None,  ///< not on a PCI bus, or on none that libvirt finds
  Conventional,
  Express,
  RootPort,
  Upstream,
  Downstream,
  Dmi,
  Expander,
  ExpressExpander,
  Bridge,
  ExpressBridge,
};

constexpr bool is_endpoint(Kind kind) { return kind == Kind::Conventional || kind == Kind::Express; }

/// What a controller's bus offers, and what the controller itself asks for.
struct ControllerRow {
  pci::ControllerModel model;
  std::uint8_t first_slot, last_slot;
  bool unasked;  ///< endpoints are seated here without the user's asking
  std::vector<Kind> accepts;
  Kind asks;
  std::string_view device_name;
};
const ControllerRow& row_of(pci::ControllerModel model);

/// Whether the bus takes the kind where libvirt looks for a place by itself.
bool accepts_unasked(const ControllerRow& bus, Kind kind);
/// Whether it takes the kind where the user wrote the address (spec 2.3, looser).
bool accepts_written(const ControllerRow& bus, Kind kind);

struct Asked {
  Kind kind = Kind::None;
  bool integrated = false;  ///< on bus 0 only
  bool skipped = true;      ///< libvirt passes it over when it looks for places; false with None: it refuses instead
};

/// What the device asks for on a machine whose bus 0 is (or is not) PCI Express. Models must be those that libvirt
/// would have chosen. Nothing for a device of which these rows say nothing.
std::optional<Asked> asked_by(const domain::Device& device, bool express_root);

/// Whether the machine is of the q35 family (true), of the i440fx family (false), or of another (nothing).
std::optional<bool> is_express_machine(const domain::Domain& domain);

/// The function that an ICH9 USB2 controller takes in the slot of its set.
std::optional<std::uint8_t> usb2_function(const domain::Device& device);

}  // namespace busproof::verify::reference
