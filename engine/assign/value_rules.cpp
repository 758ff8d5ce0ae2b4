#include "engine/assign/value_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/row_index.h"
#include "engine/topology/device_rules.h"

namespace busproof::assign {
namespace {

constexpr auto kValueRulesOfKind = rows_by_key<domain::kDeviceKindCount>(
    kValueRules, [](const ValueRule& row) { return static_cast<std::size_t>(row.kind); });

bool fits(const ValueRule& rule, const domain::Device& device, topology::Arch arch) {
  return rule.arches.contains(arch) && (rule.value.empty() || device.*rule.field == rule.value) &&
         (rule.subject.empty() || rule.subject == topology::subject_of(device));
}

const SerialModelRule* serial_model_of(const domain::Device& serial) {
  const auto* const rule = std::ranges::find_if(kSerialModelRules, [&](const SerialModelRule& row) {
    return serial.model.empty() ? row.is_usual && row.type == serial.target_type : row.model == serial.model;
  });
  return rule == kSerialModelRules.end() ? nullptr : rule;
}

Result<void> check_serial_model(const domain::Device& serial, topology::Arch arch) {
  const SerialModelRule* rule = serial_model_of(serial);
  if (rule == nullptr) return {};
  if (rule->type != serial.target_type)
    return refused(
        "E414",
        fmt::format("unsupported configuration: Target model '{}' requires target type '{}'", rule->model, rule->type),
        "leave the model out");
  if (rule->arches.contains(arch)) return {};
  return refused("E414",
                 fmt::format("unsupported configuration: Serial device with target type '{}' and target model '{}' not "
                             "compatible with guest architecture or machine type",
                             rule->type, rule->model),
                 "leave the target's type and model out");
}

}  // namespace

Result<void> check_values(const domain::Device& device, const domain::Domain& domain, topology::Arch arch) {
  for (const ValueRule& rule : rows_in(kValueRules, kValueRulesOfKind[static_cast<std::size_t>(device.kind)]))
    if (fits(rule, device, arch))
      return refused("E414",
                     fmt::format(fmt::runtime(rule.refusal), fmt::arg("value", rule.value),
                                 fmt::arg("type", device.type), fmt::arg("hypervisor", domain.virt_type)),
                     std::string(rule.remedy));
  if (device.kind == domain::DeviceKind::Serial) return check_serial_model(device, arch);
  return {};
}

}  // namespace busproof::assign
