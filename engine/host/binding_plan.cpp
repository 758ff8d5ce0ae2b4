#include "engine/host/binding_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "engine/host/sysfs_paths.h"

namespace busproof::host {

std::string_view to_string(Operation operation) {
  constexpr std::array<std::string_view, 5> kNames = {"detach", "reattach", "reset", "prepare", "release"};
  return kNames[static_cast<std::size_t>(operation)];
}

std::string to_string(const Step& step) {
  const auto shown = [](const std::string& value) { return value.empty() ? std::string("(unset)") : value; };
  const std::string device = to_string(step.device);
  switch (step.kind) {
    case Step::Kind::SetOverride:
      return fmt::format("{}: driver_override: {} -> {}", device, shown(step.from), shown(step.to));
    case Step::Kind::Unbind:
      return fmt::format("{}: unbind from {}", device, step.from);
    case Step::Kind::Probe:
      return fmt::format("{}: probe, to be bound to {}", device,
                         step.to.empty() ? "whichever driver takes it" : step.to);
    case Step::Kind::CheckUsable:
      return fmt::format("{}: check that {} lets a guest open it", device, step.to);
    case Step::Kind::Reset:
      break;
  }
  return fmt::format("{}: reset", device);
}

std::string path_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::SetOverride:
      return paths::of_device(step.device, "driver_override");
    case Step::Kind::Unbind:
      return paths::of_driver(step.from, "unbind");
    case Step::Kind::Probe:
      return std::string(paths::kDriversProbe);
    case Step::Kind::Reset:
      return paths::of_device(step.device, "reset");
    case Step::Kind::CheckUsable:
      break;
  }
  return {};
}

std::string value_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::SetOverride:
      return step.to.empty() ? "\n" : step.to;  // a write of nothing at all would not reach the kernel
    case Step::Kind::Unbind:
    case Step::Kind::Probe:
      return to_string(step.device);
    case Step::Kind::Reset:
      return "1";
    case Step::Kind::CheckUsable:
      break;
  }
  return {};
}

std::vector<Step> steps_between(const HostAddress& device, const Binding& from, const Binding& to) {
  std::vector<Step> steps;
  if (from.override_to != to.override_to)
    steps.push_back({Step::Kind::SetOverride, device, from.override_to.value_or(""), to.override_to.value_or("")});
  if (from.driver == to.driver && !to.any_driver) return steps;
  if (from.driver) steps.push_back({Step::Kind::Unbind, device, *from.driver, {}});
  if (to.driver || to.any_driver) steps.push_back({Step::Kind::Probe, device, {}, to.driver.value_or("")});
  return steps;
}

BindingPlan inverse(const BindingPlan& plan) {
  BindingPlan undo;
  undo.operation = plan.operation == Operation::Detach    ? Operation::Reattach
                   : plan.operation == Operation::Prepare ? Operation::Release
                                                          : plan.operation;
  undo.boot_id = plan.boot_id;
  for (PlannedDevice device : plan.devices | std::views::reverse) {
    std::swap(device.before, device.after);
    std::swap(device.entry_before, device.entry_after);
    std::ranges::copy(steps_between(device.address, device.before, device.after), std::back_inserter(undo.steps));
    undo.devices.push_back(std::move(device));
  }
  return undo;
}

std::string to_text(const BindingPlan& plan) {
  std::string text;
  for (const std::string& module : plan.modules) text += fmt::format("load module {}\n", module);
  for (const Step& step : plan.steps) text += to_string(step) + '\n';
  if (plan.modules.empty() && plan.steps.empty()) text += "nothing to write\n";
  return text;
}

}  // namespace busproof::host
