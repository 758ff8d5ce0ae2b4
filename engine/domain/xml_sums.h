#pragma once

#include <pugixml.hpp>
#include <vector>

#include "engine/domain/details.h"

namespace busproof::domain {

/// What a domain has that is written in several places, or follows from others when it is not written: its memory,
/// which processors are online, what they are, its NUMA cells, features and boot devices, the policies of its timers,
/// the filter of its redirected devices. Left out where it is what every guest has.
void read_sums(pugi::xml_node root, std::vector<DetailValue>& details);

}  // namespace busproof::domain
