#pragma once

#include <string_view>

#include "engine/abi/snapshot.h"
#include "engine/domain/domain.h"
#include "engine/pci/controller_model.h"
#include "viz/graph.h"

/// What pictures of guests say in common.
namespace busproof::viz {

/// "NET" before a network card, "DISK" before a disk, "PORT" before a root port.
Tag tag_of(domain::DeviceKind kind, std::optional<domain::ControllerType> controller);

/// Express or Conventional: what sort of bus a controller of that model makes.
Look bus_look(pci::ControllerModel model);

/// "enp1s0", for a guest with the newest systemd; empty for what is no network card or has no name.
std::string newest_linux_name(const abi::AbiDevice& device);

/// "Linux: enp1s0 (ens3 before systemd 255)": what each version would call the card, line by line.
std::vector<std::string> linux_name_lines(const abi::AbiDevice& device);

/// The tags that occur in the graph, and what they stand for, in front of its legend.
std::vector<Key> tag_keys(const Graph& graph);

}  // namespace busproof::viz
