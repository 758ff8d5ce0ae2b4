#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/pci/address.h"
#include "fakesys/host.h"
#include "verify/dice.h"
#include "verify/host_command.h"

/// Random hosts and what may happen to them (section 8.4 of the host binding specification).
namespace busproof::verify {

/// The lines of a made-up host, as fakesys::new_host() reads them: up to four segments and twelve functions, bridges up
/// to three deep, groups of one device or of many, physical functions, drivers that are there and drivers that are not.
std::vector<std::string> random_host(Dice& dice);

/// What random steps are chosen among.
struct HostSketch {
  struct Physical {
    pci::HostAddress address;
    unsigned total = 0;
    std::vector<pci::HostAddress> virtual_functions{};  ///< that it can have
  };
  std::vector<pci::HostAddress> endpoints{}, bridges{};
  std::vector<Physical> physical{};
  std::vector<std::string> drivers{}, modules{};
};
HostSketch sketch_of(const fakesys::Host& host);

/// Up to twelve steps, with at most two faults in all.
std::vector<HostStep> random_steps(Dice& dice, const HostSketch& sketch);

}  // namespace busproof::verify
