#include "verify/kernel_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "engine/pci/address.h"
#include "fakesys/sysfs.h"

namespace busproof::verify {
namespace {

using fakesys::Model;
using pci::HostAddress;

const fakesys::Device* device_at(const Model& model, std::string_view name) {
  const auto address = HostAddress::parse(name);
  const fakesys::Slot slot = address ? model.find(*address) : fakesys::kNoSlot;
  return slot == fakesys::kNoSlot ? nullptr : &model.device(slot);
}

std::string driver_of(const Model& model, const fakesys::Device* device) {
  return device == nullptr ? "gone" : std::string(fakesys::driver_name(model, *device));
}

/// What a write comes to: one of the errnos, and the driver that its device has then; nothing: any.
struct Expected {
  std::string device;
  std::vector<int> errors;
  std::optional<std::string> driver{};
  std::optional<std::string> override_to{};
};

/// The parts of "bus/pci/…/NAME/FILE".
struct Target {
  std::string_view folder, name, file;
};
Target target_of(std::string_view path) {
  constexpr std::string_view kBus = "bus/pci/";
  if (!path.starts_with(kBus)) return {};
  path.remove_prefix(kBus.size());
  const auto first = path.find('/');
  if (first == std::string_view::npos) return {{}, {}, path};
  const auto second = path.find('/', first + 1);
  if (second == std::string_view::npos) return {};
  return {path.substr(0, first), path.substr(first + 1, second - first - 1), path.substr(second + 1)};
}

/// K-20 to K-23: any text is taken, up to its first newline, and nothing else happens.
Expected of_override(const Model& model, std::string_view name, const std::string& value) {
  const fakesys::Device* device = device_at(model, name);
  if (device == nullptr || !model.profile.driver_override) return {std::string(name), {ENOENT}};
  const std::string text = value.empty() ? device->override_text : value.substr(0, value.find('\n'));
  return {std::string(name), {0}, driver_of(model, device), text};
}

/// K-26. A file that is reached through the device is there as long as it has a driver.
Expected of_unbind(const Model& model, const std::string& driver, const std::string& value) {
  if (model.find_driver(driver) == fakesys::kNone) return {value, {ENOENT}};
  const fakesys::Device* device = device_at(model, value);
  if (device == nullptr || driver_of(model, device) != driver) return {value, {ENODEV}, driver_of(model, device)};
  return {value, {0}, ""};
}

/// K-27, and K-47: an override beats everything.
Expected of_bind(const Model& model, const std::string& driver, const std::string& value) {
  const int id = model.find_driver(driver);
  if (id == fakesys::kNone) return {value, {ENOENT}};
  const fakesys::Device* device = device_at(model, value);
  if (device == nullptr) return {value, {ENODEV}};
  const std::string now = driver_of(model, device);
  if (!device->override_text.empty() && device->override_text != driver) return {value, {ENODEV}, now};
  if (!now.empty()) return {value, {model.profile.bind_tells_why ? EBUSY : ENODEV, ENODEV}, now};
  return {value, {}};
}

/// K-30 to K-32. Refusals of drivers do not show; a group that a guest has open does.
Expected of_probe(const Model& model, const std::string& value) {
  const fakesys::Device* device = device_at(model, value);
  if (device == nullptr) return {value, {ENODEV}};
  const std::string now = driver_of(model, device);
  if (!now.empty()) return {value, {0}, now};
  const bool absent = !device->override_text.empty() && model.find_driver(device->override_text) == fakesys::kNone;
  if (absent) return {value, {0}, ""};
  return {value, {0, EINVAL}};
}

std::optional<Expected> expected_of(const Model& model, const fakesys::Operation& write) {
  const Target target = target_of(write.what);
  if (target.folder == "devices" && target.file == "driver_override")
    return of_override(model, target.name, write.value);
  if (target.folder == "devices" && target.file == "driver/unbind") {
    const std::string driver = driver_of(model, device_at(model, target.name));
    if (driver.empty() || driver == "gone") return Expected{std::string(target.name), {ENOENT}, driver};
    return of_unbind(model, driver, write.value);
  }
  if (target.folder == "drivers" && target.file == "unbind")
    return of_unbind(model, std::string(target.name), write.value);
  if (target.folder == "drivers" && target.file == "bind") return of_bind(model, std::string(target.name), write.value);
  if (target.folder.empty() && target.file == "drivers_probe") return of_probe(model, write.value);
  return std::nullopt;
}

}  // namespace

Violations answers_as_a_kernel(const fakesys::FakeKernel& before, const fakesys::Operation& write,
                               const fakesys::Done& done, const fakesys::FakeKernel& after) {
  const Model& model = before.host().model;
  if (model.any_under_way() || done.pending || after.host().model.host_crashed) return {};
  const auto expected = expected_of(model, write);
  if (!expected) return {};
  Violations found;
  const auto complain = [&](std::string what) {
    found.push_back({expected->device, to_text(write) + ": " + std::move(what)});
  };
  if (!expected->errors.empty() && std::ranges::find(expected->errors, done.error) == expected->errors.end())
    complain(fmt::format("ends with {}, not with {}", fakesys::errno_name(done.error),
                         fakesys::errno_name(expected->errors.front())));
  const fakesys::Device* device = device_at(after.host().model, expected->device);
  const std::string driver = driver_of(after.host().model, device);
  if (expected->driver && driver != *expected->driver)
    complain(fmt::format("the driver is '{}', not '{}'", driver, *expected->driver));
  if (expected->override_to && device != nullptr && device->override_text != *expected->override_to)
    complain(fmt::format("the override is '{}', not '{}'", device->override_text, *expected->override_to));
  const bool bound =
      device != nullptr && !driver.empty() && driver != driver_of(model, device_at(model, expected->device));
  if (bound && !device->override_text.empty() && driver != device->override_text)
    complain("a driver took it that its override does not name");
  return found;
}

}  // namespace busproof::verify
