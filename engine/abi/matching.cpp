#include "engine/abi/matching.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>

namespace busproof::abi {
namespace {

using domain::DeviceKind;

/// What two devices must have in common to be the same; of another kind they never are. Empty: this one has no such
/// key.
using Key = std::string;

void put(Key& key, std::string_view part) {
  key += part;
  key += '\n';
}

Key by_alias(const AbiDevice& device) { return device.alias; }
Key by_mac(const AbiDevice& device) { return device.mac; }
Key by_host(const AbiDevice& device) { return device.host; }
Key by_serial(const AbiDevice& device) { return device.serial; }
Key by_target(const AbiDevice& device) { return device.target; }
Key by_serial_and_target(const AbiDevice& device) {
  return device.serial.empty() ? Key() : device.serial + '\n' + device.target;
}
Key by_index(const AbiDevice& device) {
  if (!device.controller) return {};
  Key key;
  put(key, to_string(device.controller->type));
  put(key, std::to_string(device.controller->index));
  return key;
}
Key by_index_and_model(const AbiDevice& device) { return device.controller ? by_index(device) + device.model : Key(); }

Key by_sort(const AbiDevice& device) {
  Key key = "sort\n";
  put(key, device.type);
  put(key, device.model);
  return key;
}
Key by_place(const AbiDevice& device) {
  if (!device.pci && device.address.empty()) return {};
  Key key = by_sort(device);
  return key += device.pci ? to_string(device.pci->at) : device.address;
}
bool has_identity(const AbiDevice& device) {
  return !device.mac.empty() || !device.target.empty() || !device.host.empty() || device.controller;
}
Key by_order_of_sort(const AbiDevice& device) { return has_identity(device) ? Key() : by_sort(device); }
Key by_order(const AbiDevice& device) { return has_identity(device) ? Key() : Key("any"); }

constexpr std::array kPasses = {
    by_alias, by_mac,   by_serial_and_target, by_host, by_serial, by_target, by_index_and_model,
    by_index, by_place, by_order_of_sort,     by_order};

struct Keyed {
  DeviceKind kind;
  Key key;
  std::size_t device;
  friend auto operator<=>(const Keyed&, const Keyed&) = default;
};

std::vector<Keyed> keyed(const AbiSnapshot& snapshot, const std::vector<std::size_t>& open,
                         Key (*key_of)(const AbiDevice&)) {
  std::vector<Keyed> keys;
  keys.reserve(open.size());
  for (const std::size_t i : open) {
    Key key = key_of(snapshot.devices[i]);
    if (!key.empty()) keys.push_back({snapshot.devices[i].kind, std::move(key), i});
  }
  std::ranges::sort(keys);
  return keys;
}

/// Pairs equal keys in order, and takes the paired ones off the open lists.
void run_pass(const AbiSnapshot& before, const AbiSnapshot& after, Key (*key_of)(const AbiDevice&),
              Matching& matching) {
  const auto olds = keyed(before, matching.gone, key_of);
  const auto news = keyed(after, matching.come, key_of);
  std::vector<bool> paired_old(before.devices.size()), paired_new(after.devices.size());
  for (auto a = olds.begin(), b = news.begin(); a != olds.end() && b != news.end();) {
    const auto order = std::tie(a->kind, a->key) <=> std::tie(b->kind, b->key);
    if (order == 0) {
      matching.same.emplace_back(a->device, b->device);
      paired_old[a->device] = paired_new[b->device] = true;
    }
    if (order <= 0) ++a;
    if (order >= 0) ++b;
  }
  std::erase_if(matching.gone, [&](std::size_t i) { return paired_old[i]; });
  std::erase_if(matching.come, [&](std::size_t i) { return paired_new[i]; });
}

/// What the order of a snapshot begins with; the place counts for what has no identity.
auto identity_of(const AbiDevice& device) {
  const bool is_controller = device.controller.has_value();
  const bool by_place_only = !has_identity(device) && device.pci;
  return std::tuple(device.kind, is_controller ? device.controller->type : domain::ControllerType{},
                    is_controller ? device.controller->index : 0,
                    std::tie(device.alias, device.mac, device.target, device.host),
                    by_place_only ? std::optional(device.pci->at) : std::nullopt);
}

/// Whether no pass could find a better match for either of two with the same identity.
bool are_twins(const AbiDevice& a, const AbiDevice& b) {
  const bool known = has_identity(a) || !a.alias.empty() || a.pci;
  return known && a.serial == b.serial && a.model == b.model && a.type == b.type;
}

/// Most devices are on both sides with all that identifies them, and both sides are sorted by that: one walk finds them
/// without making keys.
void pair_twins(const AbiSnapshot& before, const AbiSnapshot& after, Matching& matching) {
  std::size_t a = 0, b = 0;
  while (a < before.devices.size() && b < after.devices.size()) {
    const auto order = identity_of(before.devices[a]) <=> identity_of(after.devices[b]);
    const bool twins = order == 0 && are_twins(before.devices[a], after.devices[b]);
    if (twins) matching.same.emplace_back(a, b);
    if (order <= 0 && !twins) matching.gone.push_back(a);
    if (order >= 0 && !twins) matching.come.push_back(b);
    if (order <= 0) ++a;
    if (order >= 0) ++b;
  }
  for (; a < before.devices.size(); ++a) matching.gone.push_back(a);
  for (; b < after.devices.size(); ++b) matching.come.push_back(b);
}

}  // namespace

Matching match(const AbiSnapshot& before, const AbiSnapshot& after) {
  Matching matching;
  pair_twins(before, after, matching);
  for (const auto pass : kPasses) {
    if (matching.gone.empty() || matching.come.empty()) break;
    run_pass(before, after, pass, matching);
  }
  std::ranges::sort(matching.same);
  return matching;
}

}  // namespace busproof::abi
