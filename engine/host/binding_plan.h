#pragma once

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

/// One write, or one look that decides whether to go on.
struct Step {
  enum class Kind : std::uint8_t {
    SetOverride,  ///< `from` → `to`; empty: unset
    Unbind,       ///< from driver `from`
    Probe,        ///< until driver `to` has it; empty: whichever does
    CheckUsable,  ///< that a VFIO user could open it now
    Reset,
  };
  Kind kind{};
  HostAddress device;
  std::string from{}, to{};
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

/// The writes that bring a device from one binding to another; none if it is there. No driver is asked to let go of a
/// device that it may keep.
std::vector<Step> steps_between(const HostAddress& device, const Binding& from, const Binding& to);

/// What undoes the plan: the devices in reverse order, each from where the plan leaves it to where it began.
BindingPlan inverse(const BindingPlan& plan);

/// As --dry-run shows it, a line a step.
std::string to_text(const BindingPlan& plan);

}  // namespace busproof::host
