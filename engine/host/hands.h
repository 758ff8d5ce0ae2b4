#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "engine/host/binding_plan.h"
#include "engine/host/kernel.h"
#include "engine/host/ledger.h"
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
};

/// What keeps a device from where it belongs.
struct Residue {
  Flag flag{};
  Trouble trouble;
};

/// All that is ever done to a device, each deed with a look at what came of it: a success that was not read back is
/// none.
class Hands {
 public:
  explicit Hands(Kernel& kernel, const Patience& patience = {}) : kernel_(kernel), patience_(patience) {}

  Checked<Observed> observe(const HostAddress& address);
  /// Does the step, if the device is the one that `pin` tells and what the step expects is so; nothing is written when
  /// the step's end is reached already. Errors: Vanished, IdentityChanged, Conflict, WriteFailed, Timeout when a write
  /// has not come back, BindFailed, StubUnusable, NotAVfioDriver, GroupNotViable, Reset….
  Checked<void> perform(const Step& step, const Pin& pin);
  /// Brings the device to `goal` from wherever an interrupted change between `other` and `goal` left it, and touches
  /// nothing that somebody else did to it meanwhile. Nothing: it is there.
  std::optional<Residue> settle(const HostAddress& address, const Pin& pin, const Binding& goal, const Binding& other,
                                const std::string& module);

 private:
  Checked<Observed> expect(const Step& step, const Pin& pin);
  Checked<void> set_override(const Step& step, const Observed& before);
  Checked<void> unbind(const Step& step, const Observed& before);
  Checked<void> probe(const Step& step, const Observed& before);
  Checked<void> check_usable(const Step& step, const Observed& before);
  Checked<void> check_viable(const Step& step);
  Checked<void> reset(const Step& step, const Pin& pin);
  Checked<void> write(const Step& step, const std::string& path, const std::string& value);
  /// Why a probe came to nothing: asks the driver itself. Nothing: it has the device now.
  Checked<void> bind_explicitly(const Step& step);
  std::optional<Residue> settle_driver(const HostAddress& address, const Pin& pin, const Binding& goal,
                                       const Binding& other, const std::string& module, Observed seen);
  bool wait_until(std::chrono::milliseconds patience, const std::function<bool()>& arrived);

  Kernel& kernel_;
  Patience patience_;
};

}  // namespace busproof::host
