#include "engine/assign/address_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/base/row_index.h"
#include "engine/topology/device_rules.h"

namespace busproof::assign {
namespace {

constexpr auto kTypeNames =
    std::to_array<std::string_view>({"none", "pci", "drive", "virtio-serial", "ccid", "usb", "spapr-vio", "virtio-s390",
                                     "ccw", "virtio-mmio", "isa", "dimm", "unassigned"});
static_assert(kTypeNames.size() == std::variant_size_v<domain::DeviceAddress>);

constexpr std::size_t key_of(When when, domain::DeviceKind kind) {
  return static_cast<std::size_t>(when) * domain::kDeviceKindCount + static_cast<std::size_t>(kind);
}
constexpr auto kRulesOfKey = rows_by_key<kWhenCount * domain::kDeviceKindCount>(
    kAddressRules, [](const AddressRule& row) { return key_of(row.when, row.kind); });

bool fits(const AddressRule& rule, const domain::Device& device) {
  return (rule.subject.empty() || rule.subject == topology::subject_of(device)) &&
         (rule.model.empty() || rule.model == device.model);
}

std::string remedy_for(AddressTypes may_have) {
  std::string types;
  for (std::size_t i = 1; i < kTypeNames.size(); ++i)
    if (may_have.contains(static_cast<AddressType>(i)))
      types += fmt::format("{}type='{}'", types.empty() ? "" : " or ", kTypeNames[i]);
  return types.empty() ? "remove the <address> element" : fmt::format("use <address {}>, or remove the element", types);
}

}  // namespace

Result<void> check_address_type(const domain::Device& device, When when) {
  const AddressType type = type_of(device.address);
  if (type == AddressType::None) return {};
  const auto rules = rows_in(kAddressRules, kRulesOfKey[key_of(when, device.kind)]);
  const auto rule = std::ranges::find_if(rules, [&](const AddressRule& row) { return fits(row, device); });
  if (rule == rules.end() || rule->may_have.contains(type)) return {};
  return refused("E114",
                 fmt::format(fmt::runtime(rule->refusal), fmt::arg("address", type_name(device.address)),
                             fmt::arg("model", device.model), fmt::arg("subject", topology::subject_of(device)),
                             fmt::arg("target", device.target)),
                 remedy_for(rule->may_have));
}

}  // namespace busproof::assign
