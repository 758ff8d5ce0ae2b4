#include "engine/abi/pairing.h"

#include <array>
#include <map>

namespace busproof::abi {
namespace {

/// What two configs must have in common to be a pair; empty: this one has no such key.
std::string by_place_and_domain(const PairingCandidate& config) {
  const domain::Identity& identity = config.identity;
  return config.key + '\n' + (identity.uuid.empty() ? identity.name : identity.uuid);
}
std::string by_uuid(const PairingCandidate& config) { return config.identity.uuid; }
std::string by_name(const PairingCandidate& config) { return config.identity.name; }
std::string by_place_alone(const PairingCandidate& config) { return config.key; }

constexpr std::array<std::string (*)(const PairingCandidate&), 4> kKeys = {by_place_and_domain, by_uuid, by_name,
                                                                           by_place_alone};

}  // namespace

bool is_same_domain(const domain::Identity& a, const domain::Identity& b) {
  if (!a.uuid.empty() && !b.uuid.empty()) return a.uuid == b.uuid;
  return a.name == b.name;
}

Pairing pair_configs(const std::vector<PairingCandidate>& olds, const std::vector<PairingCandidate>& news) {
  Pairing pairing{.old_of_new = std::vector<std::optional<std::size_t>>(news.size()), .gone = {}};
  std::vector<bool> taken(olds.size());
  for (const auto key_of : kKeys) {
    std::map<std::string, std::size_t> open;
    for (std::size_t i = 0; i < olds.size(); ++i)
      if (!taken[i]) open.try_emplace(key_of(olds[i]), i);
    open.erase("");
    for (std::size_t i = 0; i < news.size(); ++i) {
      if (pairing.old_of_new[i]) continue;
      const auto old = open.find(key_of(news[i]));
      if (old == open.end()) continue;
      pairing.old_of_new[i] = old->second;
      taken[old->second] = true;
      open.erase(old);
    }
  }
  for (std::size_t i = 0; i < olds.size(); ++i)
    if (!taken[i]) pairing.gone.push_back(i);
  return pairing;
}

}  // namespace busproof::abi
