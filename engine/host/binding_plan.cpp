#include "engine/host/binding_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "engine/host/driver_choice.h"
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
    case Step::Kind::AddId:
      return fmt::format("{}: add its id {} to the table of {}", device, step.from, step.to);
    case Step::Kind::Bind:
      return fmt::format("{}: bind to {}", device, step.to);
    case Step::Kind::RemoveId:
      return fmt::format("{}: take its id {} from the table of {}", device, step.from, step.to);
    case Step::Kind::SetMac:
      return fmt::format("{}: MAC address: {} -> {}", device, step.from, step.to);
    case Step::Kind::SetVlan:
      return fmt::format("{}: VLAN: {} -> {}", device, step.from, step.to);
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
    case Step::Kind::AddId:
      return paths::of_driver(step.to, "new_id");
    case Step::Kind::Bind:
      return paths::of_driver(step.to, "bind");
    case Step::Kind::RemoveId:
      return paths::of_driver(step.to, "remove_id");
    case Step::Kind::CheckUsable:
    case Step::Kind::SetMac:
    case Step::Kind::SetVlan:
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
    case Step::Kind::Bind:
      return to_string(step.device);
    case Step::Kind::AddId:
    case Step::Kind::RemoveId:
      return step.from;
    case Step::Kind::Reset:
      return "1";
    case Step::Kind::CheckUsable:
    case Step::Kind::SetMac:
    case Step::Kind::SetVlan:
      break;
  }
  return {};
}

std::optional<std::string> override_on_the_way(const std::optional<std::string>& driver_now, const Binding& goal) {
  if (!goal.driver || driver_now == goal.driver || goal.override_to == goal.driver) return goal.override_to;
  const bool in_its_way = goal.override_to.has_value();
  return in_its_way || takes_by_override(*goal.driver) ? goal.driver : goal.override_to;
}

std::vector<Step> steps_between(const HostAddress& device, const Binding& from, const Binding& to) {
  std::vector<Step> steps;
  const auto override_step = [&](const std::optional<std::string>& before, const std::optional<std::string>& after) {
    steps.push_back({Step::Kind::SetOverride, device, before.value_or(""), after.value_or("")});
  };
  const auto by = override_on_the_way(from.driver, to);
  if (from.override_to != by) override_step(from.override_to, by);
  if (from.driver == to.driver && !to.any_driver) return steps;
  if (from.driver) steps.push_back({Step::Kind::Unbind, device, *from.driver, {}});
  if (to.driver || to.any_driver) steps.push_back({Step::Kind::Probe, device, {}, to.driver.value_or("")});
  if (by != to.override_to) override_step(by, to.override_to);
  return steps;
}

std::vector<Step> steps_by_id(const HostAddress& device, const Binding& from, const Binding& to,
                              const std::string& id) {
  if (!to.driver || from.driver == to.driver) return steps_between(device, from, to);
  std::vector<Step> steps = {{Step::Kind::AddId, device, id, *to.driver}};
  if (from.driver) {  // else the driver has it as soon as it has the id
    steps.push_back({Step::Kind::Unbind, device, *from.driver, {}});
    steps.push_back({Step::Kind::Bind, device, {}, *to.driver});
  }
  steps.push_back({Step::Kind::RemoveId, device, id, *to.driver});
  return steps;
}

std::vector<Step> net_steps(const HostAddress& device, const VfSettings& from, const VfSettings& to) {
  std::vector<Step> steps;
  if (from.mac != to.mac) steps.push_back({Step::Kind::SetMac, device, from.mac, to.mac});
  if (from.vlan != to.vlan)
    steps.push_back({Step::Kind::SetVlan, device, std::to_string(from.vlan), std::to_string(to.vlan)});
  return steps;
}

std::string id_added(const BindingPlan& plan, const HostAddress& device, std::optional<std::size_t> last) {
  if (!last) return {};
  const auto adds = [&](const Step& step) { return step.kind == Step::Kind::AddId && step.device == device; };
  const auto end = plan.steps.begin() + static_cast<std::ptrdiff_t>(std::min(*last + 1, plan.steps.size()));
  const auto found = std::find_if(plan.steps.begin(), end, adds);
  return found == end ? std::string() : found->from;
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
    std::swap(device.net_before, device.net_after);
    if (device.net_before && device.net_after)
      std::ranges::copy(net_steps(device.address, *device.net_before, *device.net_after),
                        std::back_inserter(undo.steps));
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
