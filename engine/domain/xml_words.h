#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {

/// Attributes whose value is one of a fixed list: type, model, bus … of every kind but controllers. Puts them into the
/// device, with the value that libvirt's parser assumes where the XML has none.
/// Errors: E115, a word that libvirt 9.0.0 does not know, or none where it wants one.
Result<void> read_words(const Element& element, Device& device);

}  // namespace busproof::domain
