#pragma once

#include <vector>

#include "engine/abi/bus_places.h"
#include "engine/abi/snapshot.h"
#include "engine/domain/domain.h"

namespace busproof::abi {

/// Puts down what libvirt fills in besides addresses and controllers, so that a config as somebody wrote it and the
/// same as libvirt prints it have one snapshot: the first serial port's console, the USB keyboard and mouse of machines
/// with graphics, models, ports and sizes. What every such machine has, such as a PS/2 keyboard, is left out. `devices`
/// are those of the completed `domain`, in its order, and have their `places`.
void add_implied(const domain::Domain& domain, const BusPlaces& places, std::vector<AbiDevice>& devices);

}  // namespace busproof::abi
