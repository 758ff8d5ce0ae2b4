#pragma once

#include <set>
#include <string>
#include <vector>

#include "fakesys/attributes.h"

namespace busproof::fakesys {

struct RaceWrite {
  std::string path, data;
  Caller caller = Caller::Root;
};

/// Writes that are made at the same time, over and over, with a clean-up after each round.
struct Race {
  std::vector<RaceWrite> racers, clean_up;
  std::size_t rounds = 1;
  std::vector<std::string> watched;  ///< devices
};

struct RaceOutcomes {
  std::set<std::string> results;        ///< "ok | EBUSY", in the order of the racers
  std::set<std::string> drivers_after;  ///< "0000:03:00.0=vfio-pci 0000:0d:02.0=none"
};

/// The ways in which the racers' calls can come in between each other, found by trying; the host then is as after
/// `rounds` rounds, each of which went another of these ways in turn.
RaceOutcomes run_race(Host& host, const Race& race);

}  // namespace busproof::fakesys
