#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/host/binding_plan.h"
#include "engine/host/kernel.h"
#include "engine/host/ledger.h"
#include "engine/host/situation.h"
#include "engine/host/sysfs_paths.h"
#include "engine/host/trouble.h"

namespace busproof::host {

/// How long to wait for what comes late by itself. Calls that block have deadlines of their own, in the Kernel.
struct Patience {
  std::chrono::milliseconds unbind{60'000};  ///< until the driver has let go
  std::chrono::milliseconds probe{30'000};   ///< until a driver that asked to be tried later has come
  std::chrono::milliseconds node{2'000};     ///< until udev has made the group's node
};

/// A device as it is at this moment.
struct Observed {
  bool present = false;
  Pin pin{};
  Binding binding{};
  bool in_transition = false;  ///< no driver is visible, but one has not let go or not taken it yet
  bool has_override = false;   ///< its kernel knows overrides
};

/// What keeps a device from where it belongs.
struct Residue {
  Flag flag{};
  Trouble trouble;
};

/// To which end of a change.
enum class Way : std::uint8_t { Back, On };

/// All that is ever done to a device, each deed with a look at what came of it: a success that was not read back is
/// none.
class Hands {
 public:
  explicit Hands(const Machine& machine, const Patience& patience = {})
      : kernel_(machine.kernel), vf_net_(machine.vf_net), patience_(patience) {}

  Checked<Observed> observe(const HostAddress& address);
  /// Does the step, if the device is the one that `pin` tells and what the step expects is so; nothing is written when
  /// the step's end is reached already. Errors: Vanished, IdentityChanged, Conflict, WriteFailed, Timeout when a write
  /// has not come back, BindFailed, GroupBusy, StubUnusable, NotAVfioDriver, GroupNotViable, Reset….
  Checked<void> perform(const Step& step, const Pin& pin);
  /// Brings the device to one end of an interrupted change from wherever that left it, and touches nothing that
  /// somebody else did to it meanwhile. Nothing: it is there.
  /// `id` is what the change may have put into the table of the stub, which goes; empty: nothing.
  std::optional<Residue> settle(const PlannedDevice& device, Way way, const std::string& id);
  /// Takes an id from a driver's table; one that is not there is taken already. Errors: WriteFailed, Timeout.
  Checked<void> remove_id(const Step& step);

 private:
  Checked<Observed> expect(const Step& step, const Pin& pin);
  Checked<void> set_override(const Step& step, const Observed& before);
  Checked<void> unbind(const Step& step, const Observed& before);
  Checked<void> probe(const Step& step, const Observed& before);
  Checked<void> check_usable(const Step& step, const Observed& before);
  Checked<void> check_viable(const Step& step);
  bool group_is_open(const HostAddress& address);
  Checked<void> reset(const Step& step, const Pin& pin);
  Checked<void> add_id(const Step& step, const Observed& before);
  Checked<void> bind(const Step& step, const Observed& before);
  Checked<void> finish_id(const Step& step);
  Checked<void> set_net(const Step& step);
  std::optional<Residue> settle_net(const PlannedDevice& device, const std::optional<VfSettings>& goal);
  Checked<void> write(const Step& step, const std::string& path, const std::string& value);
  /// Why a probe came to nothing: asks the driver itself. Nothing: it has the device now.
  Checked<void> bind_explicitly(const Step& step);
  std::optional<Residue> settle_override(const PlannedDevice& device, const Binding& goal, const Binding& other);
  std::optional<Residue> settle_driver(const PlannedDevice& device, const Binding& goal, const Binding& other,
                                       Observed seen);
  bool wait_until(std::chrono::milliseconds patience, const std::function<bool()>& arrived);
  /// Kept, as one deed after the other is done to the same device.
  paths::OfDevice& files_of(const HostAddress& address);

  Kernel& kernel_;
  VfNet* vf_net_;
  Patience patience_;
  std::optional<std::pair<HostAddress, paths::OfDevice>> files_{};
};

}  // namespace busproof::host
