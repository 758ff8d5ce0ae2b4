#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/host/ledger.h"

/// What is to be done to a host, as a value: it can be printed, compared, kept and turned round. It holds for the host
/// as it was read.
namespace busproof::host {

enum class Operation : std::uint8_t { Detach, Reattach, Reset, Prepare, Release };
std::string_view to_string(Operation operation);

/// One write, one setting, or one look that decides whether to go on.
struct Step {
  enum class Kind : std::uint8_t {
    SetOverride,  ///< `from` → `to`; empty: unset
    Unbind,       ///< from driver `from`
    Probe,        ///< until driver `to` has it; empty: whichever does
    CheckUsable,  ///< that a VFIO user could open it now
    Reset,
    AddId,     ///< to the table of driver `to`, for it to take the device: where there are no overrides
    Bind,      ///< to driver `to`, by its name
    RemoveId,  ///< from the table of driver `to`, which has the device by now
    SetMac,    ///< of a virtual function, by its card's interface
    SetVlan,
  };
  Kind kind{};
  HostAddress device;
  std::string from{}, to{};  ///< of AddId and RemoveId `from` is the id, "8086 10fb"
  friend bool operator==(const Step&, const Step&) = default;
};
/// "0000:01:00.0: driver_override: (unset) -> vfio-pci".
std::string to_string(const Step& step);
/// The file that the step writes; empty when it writes none.
std::string path_of(const Step& step);
/// What it writes there.
std::string value_of(const Step& step);

struct PlannedDevice {
  HostAddress address;
  Pin pin{};
  Binding before{}, after{};
  std::string origin_module{};                ///< what brings `before.driver` back, or `after.driver` when giving back
  std::optional<LedgerEntry> entry_before{};  ///< none: not in the ledger
  std::optional<LedgerEntry> entry_after{};
  std::optional<VfSettings> net_before{}, net_after{};  ///< of a virtual function whose settings change
  friend bool operator==(const PlannedDevice&, const PlannedDevice&) = default;
};

struct BindingPlan {
  Operation operation{};
  std::string boot_id{};
  std::vector<std::string> modules{};    ///< to be loaded before the first write, in this order
  std::vector<PlannedDevice> devices{};  ///< in the order they are dealt with
  std::vector<Step> steps{};
  std::vector<std::string> notes{};   ///< what the user should know
  std::vector<Trouble> overridden{};  ///< refusals that --force set aside
  friend bool operator==(const BindingPlan&, const BindingPlan&) = default;
};

/// The override that a device has while it is brought to `goal`: another one than it has there when that would keep its
/// driver from it, as when somebody set it after the driver had bound the device, or took it from a stub.
std::optional<std::string> override_on_the_way(const std::optional<std::string>& driver_now, const Binding& goal);

/// The writes that bring a device from one binding to another; none if it is there. No driver is asked to let go of a
/// device that it may keep.
std::vector<Step> steps_between(const HostAddress& device, const Binding& from, const Binding& to);

/// The same where a kernel has no overrides: the driver is given the device's `id` for as long as it takes. In that
/// time it takes every device of this id that has no driver.
std::vector<Step> steps_by_id(const HostAddress& device, const Binding& from, const Binding& to, const std::string& id);

/// The steps from one set of settings to another.
std::vector<Step> net_steps(const HostAddress& device, const VfSettings& from, const VfSettings& to);

/// The id that the steps up to `last` have put, or may have put, into a driver's table for the device; empty: none.
std::string id_added(const BindingPlan& plan, const HostAddress& device, std::optional<std::size_t> last);

/// What undoes the plan: the devices in reverse order, each from where the plan leaves it to where it began.
BindingPlan inverse(const BindingPlan& plan);

/// As --dry-run shows it, a line a step.
std::string to_text(const BindingPlan& plan);

}  // namespace busproof::host
