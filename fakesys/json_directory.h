#pragma once

#include <nlohmann/json_fwd.hpp>

#include "fakesys/host.h"

namespace busproof::fakesys {

/// One directory of a capture: {"attrs": {NAME: {"mode", "text" | "b64" | "err", "size"}}, "links", "dirs",
/// "other_dirs", "net_dir", "net"}. What is not as it should be is left out.
RecordedDirectory directory_from_json(const nlohmann::json& entry);
nlohmann::json to_json(const RecordedDirectory& directory);

}  // namespace busproof::fakesys
