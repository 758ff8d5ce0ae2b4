#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/domain/xml_document.h"

/// Which config of one set is which of another.
namespace busproof::abi {

struct PairingCandidate {
  std::string key;            ///< where it lies in its set: "db/web01.xml"
  domain::Identity identity;  ///< empty when nobody could read it
};

/// Indexes into the two sets.
struct Pairing {
  std::vector<std::optional<std::size_t>> old_of_new;  ///< one a new config
  std::vector<std::size_t> gone;                       ///< ascending
};

/// Whether two identities are those of one domain: by UUID where both have one, else by name.
bool is_same_domain(const domain::Identity& a, const domain::Identity& b);

/// First whoever is the same at the same place, then by UUID, then by name, then whoever lies at the same place.
/// Of several the first one counts.
Pairing pair_configs(const std::vector<PairingCandidate>& olds, const std::vector<PairingCandidate>& news);

}  // namespace busproof::abi
