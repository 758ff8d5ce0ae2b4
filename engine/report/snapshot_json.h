#pragma once

#include <string>
#include <string_view>

#include "engine/abi/snapshot.h"

namespace busproof::report {

/// The snapshot as JSON by kSnapshotSchema: two spaces a level, a newline at the end. Equal snapshots give equal bytes;
/// where a device stands in its XML is not told.
std::string snapshot_json(const abi::AbiSnapshot& snapshot);

/// JSON Schema (2020-12) of what snapshot_json() writes.
extern const std::string_view kSnapshotSchema;

}  // namespace busproof::report
