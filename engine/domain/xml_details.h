#pragma once

#include <pugixml.hpp>
#include <vector>

#include "engine/domain/details.h"
#include "engine/domain/domain.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {

/// What the `<domain>` says of itself, sorted by detail. What it does not say is left out; nothing is refused here: a
/// number that is none is taken as the word it is.
std::vector<DetailValue> read_domain_details(pugi::xml_node root);

/// The same of one device, whose kind, mode and type are known.
std::vector<DetailValue> read_device_details(const Element& element, const Device& device);

}  // namespace busproof::domain
