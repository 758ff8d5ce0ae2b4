#include "engine/host/hands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include "engine/base/text.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

constexpr std::chrono::milliseconds kGlance{20};

bool is_gone(const Failure& failure) { return failure.error == ENOENT || failure.error == ENODEV; }

Trouble trouble_at(const Step& step, Code code, std::string message) {
  return {.code = code, .device = to_string(step.device), .message = std::move(message), .step = to_string(step)};
}

std::unexpected<Trouble> fail(const Step& step, Code code, std::string message, std::vector<std::string> hints = {}) {
  Trouble trouble = trouble_at(step, code, std::move(message));
  trouble.hints = std::move(hints);
  return std::unexpected(std::move(trouble));
}

/// One row an errno that users meet: what may be behind it.
struct ErrnoHint {
  int error;
  std::string_view hint;
};
constexpr std::array kErrnoHints = {
    ErrnoHint{EACCES, "root rights are needed"},
    ErrnoHint{EPERM, "root rights are needed, and a kernel that is not locked down"},
    ErrnoHint{EROFS, "/sys is mounted read-only, as it is in most containers"},
    ErrnoHint{EBUSY, "a guest may still have the device or its group open"},
};

std::unexpected<Trouble> write_failed(const Step& step, const std::string& path, const Failure& failure) {
  Trouble trouble = trouble_at(step, Code::WriteFailed, "cannot write " + path);
  trouble.path = path;
  trouble.error = failure.error;
  if (failure.pending) {
    trouble.code = Code::Timeout;
    trouble.message = fmt::format("the write to {} has not come back (pending)", path);
    trouble.hints = {
        "a guest may still have the device open, a display or compute process the GPU, a file system the "
        "disk; 'busproof host recover' goes on when it has come back"};
  }
  const auto* hint = std::ranges::find(kErrnoHints, failure.error, &ErrnoHint::error);
  if (hint != kErrnoHints.end()) trouble.hints.emplace_back(hint->hint);
  return std::unexpected(std::move(trouble));
}

Step step_of(Step::Kind kind, const HostAddress& device, std::string from, std::string to) {
  return {kind, device, std::move(from), std::move(to)};
}

bool is_same_card(const Observed& seen, const Pin& pin) { return seen.pin == pin; }

Residue residue(Flag flag, Trouble trouble) { return {flag, std::move(trouble)}; }

/// What a deed's failure leaves of the device.
Residue residue_of(Trouble trouble, Flag otherwise) {
  switch (trouble.code) {
    case Code::Timeout:
      return residue(Flag::Pending, std::move(trouble));
    case Code::Vanished:
      return residue(Flag::Vanished, std::move(trouble));
    case Code::IdentityChanged:
      return residue(Flag::IdentityChanged, std::move(trouble));
    default:
      return residue(otherwise, std::move(trouble));
  }
}

}  // namespace

paths::OfDevice& Hands::files_of(const HostAddress& address) {
  if (!files_ || files_->first != address) files_.emplace(address, paths::OfDevice(address));
  return files_->second;
}

bool Hands::wait_until(std::chrono::milliseconds patience, const std::function<bool()>& arrived) {
  const auto until = kernel_.now() + patience;
  while (!arrived()) {
    if (kernel_.now() >= until) return false;
    const auto before = kernel_.now();
    kernel_.wait(kGlance);
    if (kernel_.now() == before) return false;  // a kernel whose time stands still has crashed
  }
  return true;
}

Checked<Observed> Hands::observe(const HostAddress& address) {
  const auto unreadable = [&](std::string_view name, const Failure& failure) {
    return std::unexpected(Trouble{.code = failure.pending ? Code::Timeout : Code::Unreadable,
                                   .device = to_string(address),
                                   .message = fmt::format("cannot read {}", name),
                                   .path = paths::of_device(address, name),
                                   .error = failure.error});
  };
  Observed seen;
  paths::OfDevice& path = files_of(address);
  auto driver = link_name(kernel_, path("driver"));
  if (driver) {
    seen.binding.driver = *std::move(driver);
  } else if (!is_gone(driver.error())) {
    return unreadable("driver", driver.error());
  } else {
    // The link is gone from the beginning of an unbind, and comes late in a probe; this line is there all the time.
    const auto events = kernel_.read(path("uevent"));
    if (!events && !is_gone(events.error())) return unreadable("uevent", events.error());
    seen.in_transition = events && (events->starts_with("DRIVER=") || events->contains("\nDRIVER="));
  }
  if (!seen.in_transition) {  // else the read would wait for the driver
    auto text = kernel_.read(path("driver_override"));
    if (!text && !is_gone(text.error())) return unreadable("driver_override", text.error());
    seen.has_override = text.has_value();
    if (text && !text->empty() && *text != "(null)") seen.binding.override_to = *std::move(text);
  }
  // The card last: what is written next goes to the one that was there just now.
  const auto pin = read_pin(kernel_, address, path);
  if (!pin) return is_gone(pin.error()) ? Checked<Observed>(Observed{}) : unreadable("modalias", pin.error());
  seen.present = true;
  seen.pin = *pin;
  return seen;
}

Checked<Observed> Hands::expect(const Step& step, const Pin& pin) {
  auto seen = observe(step.device);
  if (!seen) {
    seen.error().step = to_string(step);
    return seen;
  }
  if (!seen->present) return fail(step, Code::Vanished, "the device is gone");
  if (!is_same_card(*seen, pin)) {
    return fail(
        step, Code::IdentityChanged,
        fmt::format("another card is at this address now: {} instead of {}", to_string(seen->pin), to_string(pin)));
  }
  return seen;
}

/// Whether any of its members may be at work in a guest, or become so: kernels before 6.0 stop when a driver of the
/// host comes to such a group.
bool Hands::group_is_open(const HostAddress& address) {
  const auto group = link_name(kernel_, files_of(address)("iommu_group"));
  const auto number = group ? unsigned_32(*group, Radix::Decimal) : std::nullopt;
  return number && kernel_.vfio_group_in_use(*number).value_or(false);
}

Checked<void> Hands::perform(const Step& step, const Pin& pin) {
  const bool meets_open_group =
      step.kind == Step::Kind::Probe && !takes_by_override(step.to) && group_is_open(step.device);
  const auto seen = expect(step, pin);
  if (!seen) return std::unexpected(seen.error());
  switch (step.kind) {
    case Step::Kind::SetOverride:
      return set_override(step, *seen);
    case Step::Kind::Unbind:
      return unbind(step, *seen);
    case Step::Kind::Probe:
      if (meets_open_group && !seen->binding.driver)
        return fail(step, Code::GroupBusy,
                    "a process has its IOMMU group open: the kernel refuses a driver of the host there, or stops",
                    {"stop the guest that has it, then reattach the device"});
      return probe(step, *seen);
    case Step::Kind::CheckUsable:
      return check_usable(step, *seen);
    case Step::Kind::AddId:
      return add_id(step, *seen);
    case Step::Kind::Bind:
      return bind(step, *seen);
    case Step::Kind::RemoveId:
      return finish_id(step);
    case Step::Kind::SetMac:
    case Step::Kind::SetVlan:
      return set_net(step);
    case Step::Kind::Reset:
      break;
  }
  return reset(step, pin);
}

Checked<void> Hands::write(const Step& step, const std::string& path, const std::string& value) {
  const auto written = kernel_.write(path, value);
  if (!written) return write_failed(step, path, written.error());
  return {};
}

Checked<void> Hands::set_override(const Step& step, const Observed& before) {
  const auto as_text = [](const Binding& binding) { return binding.override_to.value_or(""); };
  if (as_text(before.binding) == step.to) return {};
  if (as_text(before.binding) != step.from) {
    return fail(step, Code::Conflict, fmt::format("somebody has set driver_override to '{}'", as_text(before.binding)),
                {"driverctl or another tool manages this device"});
  }
  const auto written = write(step, path_of(step), value_of(step));
  if (!written && written.error().code == Code::Timeout) return written;
  const auto after = observe(step.device);
  if (!after) return std::unexpected(after.error());
  if (as_text(after->binding) == step.to) return {};
  if (!written) return written;
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  return fail(step, Code::WriteFailed, "the write said it was done, but the override is not what was written");
}

Checked<void> Hands::unbind(const Step& step, const Observed& before) {
  if (!before.binding.driver && !before.in_transition) return {};
  if (before.binding.driver && *before.binding.driver != step.from)
    return fail(step, Code::Conflict, fmt::format("it is on {} now", *before.binding.driver));
  Checked<void> written;
  if (before.binding.driver) written = write(step, path_of(step), value_of(step));
  if (!written && written.error().code == Code::Timeout) return written;
  std::optional<Observed> after;
  const bool released = wait_until(patience_.unbind, [&] {
    const auto now = observe(step.device);
    if (!now) return true;
    after = *now;
    return !now->in_transition;
  });
  if (!released) return fail(step, Code::Timeout, "the driver has not let go of it (pending-unbind)");
  if (!after) return fail(step, Code::Unreadable, "cannot see whether the driver has let go");
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  if (!after->binding.driver) return {};
  if (*after->binding.driver != step.from)
    return fail(step, Code::Conflict, fmt::format("somebody has bound it to {}", *after->binding.driver));
  if (!written) return written;
  return fail(step, Code::WriteFailed, "the write said it was done, but the driver still has the device");
}

Checked<void> Hands::bind_explicitly(const Step& step) {
  const std::string path = paths::of_driver(step.to, "bind");
  const auto bound = kernel_.write(path, to_string(step.device));
  if (bound) return {};
  if (bound.error().pending) return write_failed(step, path, bound.error());
  Trouble trouble = trouble_at(step, Code::BindFailed, fmt::format("driver {} did not take it", step.to));
  trouble.path = path;
  trouble.error = bound.error().error;
  return std::unexpected(std::move(trouble));
}

Checked<void> Hands::probe(const Step& step, const Observed& before) {
  const auto wanted = [&](const Binding& binding) {
    return binding.driver && (step.to.empty() || *binding.driver == step.to);
  };
  if (wanted(before.binding)) return {};
  if (before.binding.driver) return fail(step, Code::Conflict, fmt::format("it is on {} now", *before.binding.driver));
  const auto written = write(step, path_of(step), value_of(step));
  if (!written && written.error().code == Code::Timeout) return written;
  auto after = observe(step.device);
  if (!after) return std::unexpected(after.error());
  if (wanted(after->binding)) return {};
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  if (after->pin != before.pin) return fail(step, Code::IdentityChanged, "another card is at this address now");
  if (after->binding.driver) return fail(step, Code::Conflict, fmt::format("{} has taken it", *after->binding.driver));
  if (step.to.empty()) return {};  // nobody wants it: it stays without a driver
  // The probe says nothing of what drivers told it.
  const auto bound = bind_explicitly(step);
  if (!bound && bound.error().code == Code::Timeout) return bound;
  const bool tried_later = bound || bound.error().error == EAGAIN || bound.error().error == EBUSY;
  const auto has_it = [&] {
    after = observe(step.device);
    return !after || !after->present || wanted(after->binding);
  };
  wait_until(tried_later ? patience_.probe : std::chrono::milliseconds(0), has_it);
  if (after && wanted(after->binding)) return {};
  if (!after) return std::unexpected(after.error());
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  if (!bound) return bound;
  return fail(step, Code::BindFailed, fmt::format("driver {} said that it had taken it, but has not", step.to));
}

Checked<void> Hands::check_usable(const Step& step, const Observed& before) {
  if (before.binding.driver != step.to)
    return fail(step, Code::Conflict, fmt::format("it is on {} now", before.binding.driver.value_or("no driver")));
  const auto group = link_name(kernel_, files_of(step.device)("iommu_group"));
  const bool usable = wait_until(patience_.node, [&] {
    if (kernel_.list(files_of(step.device)("vfio-dev"))) return true;
    if (!group) return false;
    const auto nodes = kernel_.list(paths::kVfioDirectory);
    return nodes && std::ranges::binary_search(*nodes, *group);
  });
  if (!usable) {
    const bool is_vfio = step.to == "vfio-pci";
    return fail(step, is_vfio ? Code::StubUnusable : Code::NotAVfioDriver,
                is_vfio ? "it is on vfio-pci, but there is no node for a guest to open"
                        : fmt::format("{} is no VFIO driver: there is no node for a guest to open", step.to),
                {"the node is /dev/vfio/ and the number of its IOMMU group"});
  }
  return step.from.empty() ? Checked<void>() : check_viable(step);
}

/// Looks at the rest of the group once more: udev may have bound a member meanwhile. `from` tells the drivers that the
/// plan found harmless.
Checked<void> Hands::check_viable(const Step& step) {
  const std::string harmless = ' ' + step.from + ' ';
  const auto members = kernel_.list(files_of(step.device)("iommu_group/devices"));
  if (!members) return {};
  for (const std::string& name : *members) {
    const auto address = HostAddress::parse(name);
    if (!address || *address == step.device) continue;
    const auto driver = link_name(kernel_, paths::of_device(*address, "driver"));
    if (!driver || harmless.contains(' ' + *driver + ' ')) continue;
    return fail(step, Code::GroupNotViable, fmt::format("its group became unusable: {} is on {} now", name, *driver),
                {"--group stub-companions keeps the others of a group from being bound"});
  }
  return {};
}

Checked<void> Hands::reset(const Step& step, const Pin& pin) {
  constexpr std::chrono::milliseconds kQuick{1000};
  const auto start = kernel_.now();
  const auto written = write(step, path_of(step), value_of(step));
  if (!written) {
    Trouble trouble = written.error();
    if (trouble.code == Code::Timeout || trouble.error == EACCES || trouble.error == EPERM || trouble.error == EROFS)
      return std::unexpected(std::move(trouble));
    const bool slow = kernel_.now() - start > kQuick;
    trouble.code = trouble.error == ENOENT || trouble.error == ENODEV ? Code::Vanished
                   : trouble.error != ENOTTY                          ? Code::ResetFailed
                   : slow                                             ? Code::ResetNotReady
                                                                      : Code::NoResetMethod;
    trouble.message = "the reset did not succeed";
    if (trouble.code == Code::Vanished) trouble.message = "the device is gone, or has no reset any more";
    return std::unexpected(std::move(trouble));
  }
  const auto after = expect(step, pin);
  if (!after) return std::unexpected(after.error());
  const bool is_virtual = kernel_.read_link(paths::of_device(step.device, "physfn")).has_value();
  const auto config = read_config(
      [&](std::uint64_t offset, std::size_t count) {
        return kernel_.read_bytes(paths::of_device(step.device, "config"), offset, count).value_or(std::string());
      },
      is_virtual);
  if (config.responding == Known::No)
    return fail(step, Code::DeadAfterReset, "it does not answer any more: its registers read all ones");
  return {};
}

// ---- Where there are no overrides --------------------------------------------------------------------------------

Checked<void> Hands::add_id(const Step& step, const Observed& before) {
  if (before.binding.driver == step.to) return {};
  const auto written = write(step, path_of(step), value_of(step));
  if (!written && written.error().error == EEXIST) return {};  // its table had the id before
  return written;
}

Checked<void> Hands::bind(const Step& step, const Observed& before) {
  if (before.binding.driver == step.to) return {};
  if (before.binding.driver) return fail(step, Code::Conflict, fmt::format("it is on {} now", *before.binding.driver));
  const auto bound = bind_explicitly(step);
  if (!bound && bound.error().code == Code::Timeout) return bound;
  const auto after = observe(step.device);
  if (!after) return std::unexpected(after.error());
  if (after->binding.driver == step.to) return {};
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  if (!bound) return bound;
  return fail(step, Code::BindFailed, fmt::format("driver {} said that it had taken it, but has not", step.to));
}

Checked<void> Hands::remove_id(const Step& step) {
  auto written = write(step, path_of(step), value_of(step));
  // A driver that has gone has taken its table along.
  if (!written && (written.error().error == ENODEV || written.error().error == ENOENT)) return {};
  return written;
}

/// The id goes in any case; then the driver must have the device.
Checked<void> Hands::finish_id(const Step& step) {
  if (auto removed = remove_id(step); !removed) return removed;
  const auto after = observe(step.device);
  if (!after) return std::unexpected(after.error());
  if (after->binding.driver == step.to) return {};
  if (!after->present) return fail(step, Code::Vanished, "the device is gone");
  return fail(step, Code::BindFailed, fmt::format("driver {} did not take it", step.to));
}

// ---- The network -------------------------------------------------------------------------------------------------

Checked<void> Hands::set_net(const Step& step) {
  if (vf_net_ == nullptr) return {};
  const auto place = place_of_vf(kernel_, step.device);
  if (!place) return std::unexpected(place.error());
  const bool is_mac = step.kind == Step::Kind::SetMac;
  const auto shown = [&](const VfSettings& settings) { return is_mac ? settings.mac : std::to_string(settings.vlan); };
  const auto before = vf_net_->get(*place);
  if (before && shown(*before) == step.to) return {};
  // Some drivers refuse to go back to "no address"; this one is nobody's either.
  constexpr std::string_view kNoMac = "00:00:00:00:00:00", kNobodys = "02:00:00:00:00:00";
  std::string wanted = step.to;
  const auto set = [&] {
    return is_mac ? vf_net_->set_mac(*place, wanted)
                  : vf_net_->set_vlan(*place, unsigned_32(wanted, Radix::Decimal).value_or(0));
  };
  auto done = set();
  if (!done && !done.error().pending && is_mac && wanted == kNoMac) {
    wanted = kNobodys;
    done = set();
  }
  const auto after = vf_net_->get(*place);
  if (after && shown(*after) == wanted) return {};
  Trouble trouble = trouble_at(step, Code::WriteFailed,
                               fmt::format("cannot set the {} of function {} of {}", is_mac ? "MAC address" : "VLAN",
                                           place->index, place->interface));
  if (!done) trouble.error = done.error().error;
  if (!done && done.error().pending) trouble.code = Code::Timeout;
  return std::unexpected(std::move(trouble));
}

// ---- Undoing -----------------------------------------------------------------------------------------------------

std::optional<Residue> Hands::settle_net(const PlannedDevice& device, const std::optional<VfSettings>& goal) {
  if (!goal) return std::nullopt;
  for (const Step& step : net_steps(device.address, {}, *goal))
    if (const auto set = set_net(step); !set) return residue_of(set.error(), Flag::Conflict);
  return std::nullopt;
}

std::optional<Residue> Hands::settle(const PlannedDevice& device, Way way, const std::string& id) {
  const bool on = way == Way::On;
  std::optional<Residue> leaked;
  if (!id.empty()) {
    // First, as whoever probes before might be given to the stub again.
    const Step step = step_of(Step::Kind::RemoveId, device.address, id, device.after.driver.value_or(""));
    if (const auto removed = remove_id(step); !removed) leaked = residue_of(removed.error(), Flag::IdLeaked);
  }
  const auto net = settle_net(device, on ? device.net_after : device.net_before);
  // A device whose card was gone or left alone when the plan was made has no other binding.
  std::optional<Residue> binding;
  if (device.before != device.after)
    binding = settle_override(device, on ? device.after : device.before, on ? device.before : device.after);
  return binding ? binding : net ? net : leaked;
}

std::optional<Residue> Hands::settle_override(const PlannedDevice& device, const Binding& goal, const Binding& other) {
  const HostAddress& address = device.address;
  auto seen = observe(address);
  if (seen && seen->in_transition) {
    wait_until(patience_.unbind, [&] {
      seen = observe(address);
      return !seen || !seen->in_transition;
    });
  }
  if (!seen) return residue_of(seen.error(), Flag::Conflict);
  const auto way = [&](const std::optional<std::string>& driver_now) {
    if (!seen->has_override) return goal.override_to;
    // A stub takes the device by its override only, though somebody may have cleared that since.
    const bool is_stub = device.entry_before && goal.driver && *goal.driver == device.entry_before->stub;
    return is_stub && driver_now != goal.driver ? goal.driver : override_on_the_way(driver_now, goal);
  };
  const auto by = way(seen->binding.driver);
  const auto override_step = [&](const std::optional<std::string>& from, const std::optional<std::string>& to) {
    return step_of(Step::Kind::SetOverride, address, from.value_or(""), to.value_or(""));
  };
  const Step step = override_step(seen->binding.override_to, by);
  if (!seen->present) return residue(Flag::Vanished, trouble_at(step, Code::Vanished, "the device is gone"));
  if (!is_same_card(*seen, device.pin))
    return residue(Flag::IdentityChanged, trouble_at(step, Code::IdentityChanged, "another card is at this address"));
  if (seen->in_transition)
    return residue(Flag::Pending, trouble_at(step, Code::Timeout, "a driver has not let go of it yet"));
  if (seen->binding.override_to != goal.override_to && seen->binding.override_to != other.override_to &&
      seen->binding.override_to != way(std::nullopt)) {
    return residue(Flag::Conflict, trouble_at(step, Code::Conflict,
                                              fmt::format("somebody has set driver_override to '{}': it is left so",
                                                          seen->binding.override_to.value_or(""))));
  }
  if (seen->binding.override_to != by)
    if (const auto set = set_override(step, *seen); !set) return residue_of(set.error(), Flag::Conflict);
  auto left = settle_driver(device, goal, other, *std::move(seen));
  if (left || by == goal.override_to) return left;
  if (const auto set = perform(override_step(by, goal.override_to), device.pin); !set)
    return residue_of(set.error(), Flag::Conflict);
  return std::nullopt;
}

std::optional<Residue> Hands::settle_driver(const PlannedDevice& device, const Binding& goal, const Binding& other,
                                            Observed seen) {
  // Also where it had lost its stub, which took it again when somebody loaded that meanwhile.
  const bool goes_home = goal.driver || goal.any_driver;
  const bool on_its_stub = goes_home && device.entry_before && seen.binding.driver == device.entry_before->stub;
  const bool to_leave = on_its_stub || seen.binding.driver == other.driver;
  const bool is_there = goal.any_driver ? seen.binding.driver && !to_leave : seen.binding.driver == goal.driver;
  if (is_there) return std::nullopt;
  if (seen.binding.driver) {
    if (!to_leave) return std::nullopt;  // somebody else's doing: it is theirs now
    const Step step = step_of(Step::Kind::Unbind, device.address, *seen.binding.driver, {});
    if (const auto unbound = perform(step, device.pin); !unbound) return residue_of(unbound.error(), Flag::Conflict);
  }
  if (!goal.driver && !goal.any_driver) return std::nullopt;
  if (goal.driver && !device.origin_module.empty() && !kernel_.list(paths::driver(*goal.driver)))
    static_cast<void>(kernel_.load_module(device.origin_module));  // what comes of it shows in the probe
  const Step step = step_of(Step::Kind::Probe, device.address, {}, goal.driver.value_or(""));
  const auto bound = perform(step, device.pin);
  if (bound) return std::nullopt;
  if (bound.error().code == Code::Conflict) return std::nullopt;  // another native driver was quicker
  Trouble trouble = bound.error();
  if (trouble.code == Code::BindFailed) trouble.code = Code::NativeProbeFailed;
  const Flag flag = trouble.code == Code::GroupBusy ? Flag::DeferredGiveback : Flag::NativeProbeFailed;
  return residue_of(std::move(trouble), flag);
}

}  // namespace busproof::host
