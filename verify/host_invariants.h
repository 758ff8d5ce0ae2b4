#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/host/executor.h"
#include "engine/host/store.h"
#include "fakesys/cow.h"
#include "fakesys/fake_kernel.h"
#include "fakesys/faulty_kernel.h"
#include "verify/invariants.h"

/// The laws of the host side, INV-1 to INV-20 of section 8.3 of the host binding specification: each one function over
/// plain values that says in words what breaks it.
namespace busproof::verify {

/// One device, as the kernel itself has it: not what sysfs shows of it.
struct DeviceState {
  host::Binding binding;
  host::Pin pin;
  std::optional<int> group;
  bool in_transition = false;  ///< its driver has not let go, or somebody holds its lock
  bool vfs_autoprobe = true;
  unsigned virtual_functions = 0;
  bool dead = false;  ///< reads all ones
  friend bool operator==(const DeviceState&, const DeviceState&) = default;
};

/// What is known of each device, by address. Copies share what is the same in both: a host has hundreds of devices, and
/// a run changes few of them.
class DeviceStates {
 public:
  using Value = std::pair<host::HostAddress, DeviceState>;

  class Iterator {
   public:
    const Value& operator*() const { return **at_; }
    const Value* operator->() const { return &**at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    friend class DeviceStates;
    using Inner = std::vector<fakesys::Cow<Value>>::const_iterator;
    explicit Iterator(Inner at) : at_(at) {}
    Inner at_;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(values_->begin()); }
  [[nodiscard]] Iterator end() const { return Iterator(values_->end()); }
  /// end(), if there is none.
  [[nodiscard]] Iterator find(const host::HostAddress& address) const;
  /// For writing; one that is not there comes with it.
  DeviceState& operator[](const host::HostAddress& address);
  void keep_only(const std::vector<host::HostAddress>& addresses);
  friend bool operator==(const DeviceStates& a, const DeviceStates& b);

 private:
  fakesys::Cow<std::vector<fakesys::Cow<Value>>> values_{std::vector<fakesys::Cow<Value>>{}};  // by address
};

/// A host, and what busproof remembers of it.
struct HostState {
  DeviceStates devices;
  std::map<std::string, std::size_t> dynamic_ids;  ///< driver → how many it has
  std::set<std::string> drivers;                   ///< that are loaded
  std::set<std::string> native_drivers;            ///< that use the kernel's own DMA
  std::set<std::string> vfio_drivers;              ///< that hand a device to a guest
  std::set<int> open_groups;
  bool autoprobe = true;
  bool has_overrides = true;  ///< the kernel knows driver_override
  bool crashed = false;       ///< the kernel itself has stopped
  std::uint32_t boots = 1;
  std::string boot_id;
  host::Ledger ledger;
  bool ledger_readable = true;
  std::set<host::HostAddress> in_journals;               ///< devices of operations that are not over
  std::set<host::HostAddress> in_outlived_journals;      ///< those of them that only operations of an earlier boot name
  std::map<host::HostAddress, host::Binding> ways_back;  ///< where undoing what was not committed leads
  std::string kept;                                      ///< the text of ledger and journals
  friend bool operator==(const HostState&, const HostState&) = default;
};

/// A host that has been looked at, of which others are copies.
struct SeenHost {
  const fakesys::FakeKernel& kernel;
  const HostState& state;
};
/// Devices that the kernel still shares with one that was seen are not looked at anew.
HostState state_of(const fakesys::FakeKernel& kernel, host::Store& journals, host::Store& ledger,
                   const SeenHost* seen = nullptr);

/// The device at the address; null when there is none.
const DeviceState* device_in(const HostState& state, const host::HostAddress& address);
/// Whether a device that nobody knows any more is where it belongs: on a driver of the host, and without override. One
/// that no driver took is offered to them again each time it is to go back.
bool is_at_home(const HostState& state, const host::HostAddress& address);
/// The device that a write means: by the path, or by what is written to a driver's file.
std::optional<host::HostAddress> device_meant(std::string_view path, std::string_view value);
/// How devices were bound when nobody had touched them yet.
using Homes = std::map<host::HostAddress, host::Binding>;
/// Where a device came from: what it was like when nobody had touched it, or what the ledger says. `homes` may be null.
std::optional<host::Binding> origin_of(const Homes* homes, const HostState& before, const host::HostAddress& address);
/// Path and value of each write of the plan, in order.
std::vector<std::pair<std::string, std::string>> planned_writes(const host::BindingPlan& plan);
/// Whether a driver that was not loaded on the host before has taken a device that was waiting for it.
bool waited_for_module(const HostState& host, const host::Binding& before, const host::Binding& after);
/// "driver vfio-pci, override unset"
std::string binding_words(const host::Binding& binding);

/// Another card at a device's address.
struct Newcomer {
  std::size_t at = 0;  ///< the access before which it came
  host::HostAddress address;
};

/// One run of a plan, and what came after it as far as somebody looked.
struct HostRun {
  const host::BindingPlan& plan;
  const HostState& before;
  const HostState& after;
  const std::vector<fakesys::AccessRecord>& accesses;
  const host::Outcome* outcome = nullptr;  ///< null: it crashed, or was refused
  std::vector<Newcomer> newcomers{};
  std::set<host::HostAddress> meddled{};                           ///< devices that somebody else did something to
  bool faultless = false;                                          ///< nothing went wrong, and nobody else did anything
  std::chrono::milliseconds took{0};                               ///< by the kernel's clock
  const HostState* recovered_twice = nullptr;                      ///< `after` was recovered once; this once more
  const std::vector<fakesys::AccessRecord>* repetition = nullptr;  ///< accesses of the same request, made once more
  const HostState* taken_back = nullptr;                           ///< when what was given away had been given back
  std::set<host::HostAddress> resumed{};  ///< devices of interrupted operations that may have been dealt with first
  std::set<host::HostAddress> let_go{};   ///< devices that an operation beside it releases
  const Homes* homes = nullptr;           ///< null: the ledger is trusted, and what it does not tell is as before
};

/// INV-1. Every device is as it was, or as it was before it was ever touched, or on its stub and in the ledger, or the
/// ledger or a journal says what keeps it.
Violations nothing_is_lost(const HostRun& run);
/// INV-2. A device that is in no ledger and no journal has the override that it had.
Violations no_override_leaks(const HostRun& run);
/// INV-3. Dynamic ids and the switches of automatic probing are as they were.
Violations global_tables_stay(const HostRun& run);
/// INV-4. Only devices of the plan are written to, and no other changes its driver.
Violations only_declared_devices_change(const HostRun& run);
/// INV-5. No driver of the host comes to a group that a process has open.
Violations no_host_driver_in_a_live_group(const HostRun& run);
/// INV-6. The ledger can be read, and no group has two owners.
Violations ledger_is_sane(const HostRun& run);
/// INV-7. What was rolled back is as it was found, but for what the result names.
Violations all_or_nothing(const HostRun& run);
/// INV-7. What is rolled back is rolled back in reverse order: the device that was touched last comes first.
Violations undone_backwards(const HostRun& run);
/// INV-8. What did not succeed says why.
Violations failure_has_a_reason(const HostRun& run);
/// INV-9. The same request, made once more, writes nothing; a reset is one each time.
Violations repetition_writes_nothing(const HostRun& run);
/// INV-10. A second recovery changes nothing.
Violations recovery_converges(const HostRun& run);
/// INV-11. It took no longer than its deadlines allow.
Violations ends_in_time(const HostRun& run);
/// INV-12. What is said to be done is so.
Violations no_false_success(const HostRun& run);
/// INV-13. Where nothing went wrong, what was written is the plan, in its order.
Violations plan_is_what_is_written(const HostRun& run);
/// INV-14. A device that was where it belongs was not unbound.
Violations no_bounce(const HostRun& run);
/// INV-15. Nothing that is kept names a group by its number.
Violations no_group_numbers_kept(const HostRun& run);
/// INV-16. Nobody takes virtual functions away, or removes a device.
Violations virtual_functions_stay(const HostRun& run);
/// INV-17. Only devices of the plan are reset.
Violations resets_stay_in_scope(const HostRun& run);
/// INV-18. Nothing is written to a card that came to the address of another.
Violations newcomers_are_left_alone(const HostRun& run);
/// INV-19. What was given away and back is as it was.
Violations there_and_back_again(const HostRun& run);
/// INV-20. Where nothing went wrong, the host and the ledger are what the plan says, and all else is as it was.
Violations plan_is_what_came_of_it(const HostRun& run);

/// Law 10. A device that a guest has is with no other guest after one run.
Violations owner_stays(const HostRun& run);

/// All of them, by number; law 10 of DESIGN.md, which the specification does not count, is number 0.
struct HostLaw {
  int number;
  std::string_view name;
  std::string_view words;
  std::string_view numbers;  ///< "law 9, INV-1"
  Violations (*check)(const HostRun&);
};
const std::vector<HostLaw>& host_laws();

}  // namespace busproof::verify
