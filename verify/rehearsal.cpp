#include "verify/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "engine/host/perform.h"
#include "engine/host/recover.h"
#include "verify/crash_point.h"

namespace busproof::verify {
namespace {

using fakesys::Access;
using fakesys::Fault;
using fakesys::FaultKind;
using host::MemoryStore;

/// What a kind of fault is about.
enum class About : std::uint8_t {
  Access,  ///< nothing but the access itself
  Write,   ///< the same, and the access must be a write
  Device,  ///< a device of the plan
  Rival,   ///< what somebody else writes to the device, before a write
};

/// One row a kind of fault.
struct FaultRow {
  FaultKind kind;
  About about;
  int error = 0;
  std::int64_t after_ms = -1;
};
/// Longer than anybody waits for a call; and that it has come back for sure.
constexpr std::int64_t kLateMs = 90'000;
constexpr std::chrono::milliseconds kLongAfter{10'000'000};
constexpr std::array kFaults = {
    FaultRow{FaultKind::Fail, About::Access, EIO},
    FaultRow{FaultKind::Fail, About::Write, EACCES},
    FaultRow{FaultKind::Fail, About::Write, EBUSY},
    FaultRow{FaultKind::Fail, About::Write, ENODEV},
    FaultRow{FaultKind::FailAfterEffect, About::Write, EIO},
    FaultRow{FaultKind::Lie, About::Write},
    FaultRow{FaultKind::Block, About::Write},
    FaultRow{FaultKind::Block, About::Write, 0, kLateMs},
    FaultRow{FaultKind::PowerLoss, About::Access},
    FaultRow{FaultKind::Vanish, About::Device},
    FaultRow{FaultKind::Swap, About::Device},
    FaultRow{FaultKind::Dead, About::Device},
    FaultRow{FaultKind::Rival, About::Rival},
};

/// What can go wrong with a driver that has to be loaded: there is none, it may not be loaded, it does not start, or
/// somebody gives up too early.
constexpr std::array kLoadFaults = {
    FaultRow{FaultKind::Fail, About::Access, ENOENT},  FaultRow{FaultKind::Fail, About::Access, EPERM},
    FaultRow{FaultKind::Fail, About::Access, ENOEXEC}, FaultRow{FaultKind::FailAfterEffect, About::Access, EIO},
    FaultRow{FaultKind::Lie, About::Access},           FaultRow{FaultKind::Block, About::Access},
    FaultRow{FaultKind::CrashBefore, About::Access},   FaultRow{FaultKind::CrashAfter, About::Access},
    FaultRow{FaultKind::PowerLoss, About::Access},
};

/// A table of ids cannot be read: that an id is gone from it is what remove_id says, and if that is not so no program
/// can know.
bool nobody_could_tell(const FaultRow& row, const fakesys::AccessRecord& access) {
  const bool says_gone = row.kind == FaultKind::Lie || (row.kind == FaultKind::Fail && row.error == ENODEV);
  return says_gone && access.path.ends_with("/remove_id");
}

/// A copy of the host on which the plan was tried, and what is known of the trial.
struct Trial {
  Trial(std::string name_of, fakesys::FaultyKernel kernel_of, const MemoryStore::Files& journals_of,
        const MemoryStore::Files& ledger_of)
      : name(std::move(name_of)), kernel(std::move(kernel_of)), journals(journals_of), ledger(ledger_of) {}

  std::string name;
  fakesys::FaultyKernel kernel;
  MemoryStore journals, ledger;
  std::optional<host::Outcome> outcome{};   ///< none: the program died, or refused
  std::optional<host::BindingPlan> plan{};  ///< of a request; none: the stage's own
  std::optional<HostState> before{};        ///< the same
  std::vector<Newcomer> newcomers{};
  std::set<host::HostAddress> meddled{};
  bool broke_a_law = false;

  /// For whoever comes after: what crashed, but for the program that died of it.
  host::Kernel& kernel_after() {
    if (kernel.crashed()) return kernel.kernel();
    return kernel;
  }
};

/// A host and what is remembered of it, with a plan to be tried on copies.
class Stage {
 public:
  Stage(const fakesys::FakeKernel& kernel, const MemoryStore::Files& journals, const MemoryStore::Files& ledger,
        const host::BindingPlan& plan, const host::Request& request)
      : kernel_(kernel), journals_(journals), ledger_(ledger), plan_(plan), request_(request) {
    MemoryStore old_journals(journals), old_ledger(ledger);
    before_ = verify::state_of(kernel, old_journals, old_ledger);
  }

  Rehearsal run() {
    const auto accesses = try_without_fault();
    for (std::size_t i = 0; i < accesses.size(); ++i) {
      for (const FaultRow& row : kFaults) {
        const bool of_writes = row.about == About::Write || row.about == About::Rival;
        if (of_writes && accesses[i].access != Access::Write) continue;
        if (nobody_could_tell(row, accesses[i])) continue;
        for (const host::HostAddress& device : devices_of(row, accesses[i])) try_fault(i, row, device);
      }
    }
    using When = CrashPoint::When;
    const std::size_t all = count_accesses();
    for (std::size_t at = 1; at <= all; ++at) {
      try_crash({at, When::Before}, fmt::format("crash before access {}", at));
      try_crash({at, When::After}, fmt::format("crash after access {}", at));
      try_crash({at, When::Torn}, fmt::format("crash amid access {}", at));
      try_crash({at, When::Full}, fmt::format("disk full from access {} on", at));
    }
    return std::move(rehearsal_);
  }

  /// The drivers of the plan are not loaded yet.
  Rehearsal run_loads() {
    Trial trial("", {kernel_, {}}, journals_, ledger_);
    perform(trial);
    const auto loads = std::ranges::count(trial.kernel.accesses(), Access::LoadModule, &fakesys::AccessRecord::access);
    for (std::uint32_t nth = 1; nth <= static_cast<std::uint32_t>(loads); ++nth)
      for (const FaultRow& row : kLoadFaults) try_load(nth, row);
    return std::move(rehearsal_);
  }

 private:
  /// The device that the access is about, and the first of the plan if that is another: both can go amiss.
  [[nodiscard]] std::vector<host::HostAddress> devices_of(const FaultRow& row,
                                                          const fakesys::AccessRecord& access) const {
    host::HostAddress about = plan_.devices.front().address;
    for (const host::PlannedDevice& planned : plan_.devices) {
      const std::string name = to_string(planned.address);
      if (access.path.contains(name) || access.value.contains(name)) about = planned.address;
    }
    const host::HostAddress first = plan_.devices.front().address;
    if (row.about == About::Device && about != first) return {about, first};
    return {about};
  }

  static Fault fault_at(std::size_t index, const FaultRow& row, const host::HostAddress& device) {
    // Counted among all accesses: the nth of any kind and path.
    Fault fault{.nth = static_cast<std::uint32_t>(index + 1),
                .kind = row.kind,
                .error = row.error,
                .after_ms = row.after_ms,
                .device = to_string(device)};
    if (row.about == About::Rival) {
      fault.path = "bus/pci/devices/" + fault.device + "/driver_override";
      fault.value = "\n";
    }
    return fault;
  }

  /// How many accesses a run makes, to the kernel and to what it remembers.
  std::size_t count_accesses() {
    Trial trial("", {kernel_, {}}, journals_, ledger_);
    Life life({});
    execute(trial, life);
    return life.accesses();
  }

  void execute(Trial& trial, Life& life) {
    MortalKernel kernel(trial.kernel, life);
    MortalStore journals(trial.journals, life), ledger(trial.ledger, life);
    auto outcome = host::execute({kernel, journals, ledger}, plan_);
    if (!life.dead()) trial.outcome = std::move(outcome);
  }

  void perform(Trial& trial) {
    Life life({}, [&] { return trial.kernel.crashed(); });
    MortalKernel kernel(trial.kernel, life);
    MortalStore journals(trial.journals, life), ledger(trial.ledger, life);
    auto performed = host::perform({kernel, journals, ledger}, request_);
    if (life.dead() || !performed) return;
    trial.outcome = std::move(performed->outcome);
    trial.plan = std::move(performed->plan);
  }

  void try_load(std::uint32_t nth, const FaultRow& row) {
    const Fault fault{.access = Access::LoadModule, .nth = nth, .kind = row.kind, .error = row.error};
    Trial trial(fakesys::to_text(fault), {kernel_, {fault}}, journals_, ledger_);
    const auto begun = trial.kernel.now();
    perform(trial);
    trial.before = with_drivers_of(trial);
    check(trial, trial.kernel.now() - begun);
    recover_and_check(trial);
    finish(trial);
  }

  /// The stage before the trial, but with the drivers that the trial has loaded: one takes by itself what was waiting
  /// for it.
  HostState with_drivers_of(Trial& trial) const {
    const auto& loaded = trial.kernel.kernel().host().model;
    fakesys::FakeKernel kernel = kernel_;
    for (const std::string& name : plan_.modules) {
      const auto* module = loaded.find_module(name);
      if (module != nullptr && module->loaded) static_cast<void>(kernel.load_module(name));
    }
    if (trial.kernel.lost_power()) return before_;
    MemoryStore journals(journals_), ledger(ledger_);
    const SeenHost seen{kernel_, before_};
    return verify::state_of(kernel, journals, ledger, &seen);
  }

  std::vector<fakesys::AccessRecord> try_without_fault() {
    Trial trial("no fault", {kernel_, {}}, journals_, ledger_);
    Life life({});
    const auto begun = trial.kernel.now();
    execute(trial, life);
    auto accesses = trial.kernel.accesses();

    HostRun run{plan_, before_, state_of(trial), accesses, &*trial.outcome};
    run.took = trial.kernel.now() - begun;
    // A kernel may refuse without any fault: a stub that is bound and yet of no use to a guest.
    run.faultless = trial.outcome->end == host::Outcome::End::Done || trial.outcome->end == host::Outcome::End::Already;
    if (run.faultless)
      check_repeated(trial, run);
    else
      check(trial, run);
    recover_and_check(trial);
    finish(trial);
    return accesses;
  }

  /// With what the same request comes to once more, and what taking it back does.
  void check_repeated(Trial& trial, HostRun run) {
    Trial again("", {trial.kernel.kernel(), {}}, trial.journals.files(), trial.ledger.files());
    const host::Machine machine{again.kernel, again.journals, again.ledger};
    static_cast<void>(host::perform(machine, request_));  // refused or not: what it writes is looked at
    const auto repetition = again.kernel.accesses();
    run.repetition = &repetition;
    std::optional<HostState> taken_back;
    if (const auto back = way_back()) {
      const auto returned = host::perform(machine, *back);
      taken_back = state_of(again);
      // Nothing goes back into a group that a guest is in.
      const bool is_kept = !returned && returned.error().code == host::Code::GroupBusy;
      if (!is_kept) run.taken_back = &*taken_back;
    }
    check(trial, run);
  }

  /// What gives back what the request has given away.
  [[nodiscard]] std::optional<host::Request> way_back() const {
    host::Request back = request_;
    if (plan_.operation == host::Operation::Prepare) {
      back.operation = host::Operation::Release;
      back.devices.clear();
    } else if (plan_.operation == host::Operation::Detach) {
      back.operation = host::Operation::Reattach;
      back.devices.clear();
      for (const host::PlannedDevice& planned : plan_.devices) back.devices.push_back({planned.address});
    } else {
      return std::nullopt;
    }
    return back;
  }

  void try_fault(std::size_t index, const FaultRow& row, const host::HostAddress& device) {
    const Fault fault = fault_at(index, row, device);
    Trial trial(fakesys::to_text(fault), {kernel_, {fault}}, journals_, ledger_);
    if (row.kind == FaultKind::Swap) trial.newcomers = {{index, device}};
    if (row.kind == FaultKind::Rival) trial.meddled = {device};
    Life life({}, [&] { return trial.kernel.crashed(); });
    const auto begun = trial.kernel.now();
    execute(trial, life);
    check(trial, trial.kernel.now() - begun);
    recover_and_check(trial);
    if (row.kind == FaultKind::Block && row.after_ms >= 0) {
      // What was waited for in vain comes back, does what it was to do, and then can be dealt with.
      trial.kernel.wait(kLongAfter);
      recover_and_check(trial);
      if (!trial.journals.files().empty()) note(trial, 10, {{"", "is not over although the last write has come back"}});
    }
    finish(trial);
  }

  void try_crash(const CrashPoint& point, const std::string& name) {
    Trial trial(name, {kernel_, {}}, journals_, ledger_);
    Life life(point);
    execute(trial, life);
    check(trial, std::chrono::milliseconds(0));
    recover_and_check(trial);
    finish(trial);
  }

  HostState state_of(Trial& trial) {
    const SeenHost seen{kernel_, before_};
    return verify::state_of(trial.kernel.kernel(), trial.journals, trial.ledger, &seen);
  }

  [[nodiscard]] HostRun run_of(const Trial& trial, const HostState& after,
                               const std::vector<fakesys::AccessRecord>& accesses) const {
    return {.plan = trial.plan ? *trial.plan : plan_,
            .before = trial.before ? *trial.before : before_,
            .after = after,
            .accesses = accesses,
            .newcomers = trial.newcomers,
            .meddled = trial.meddled};
  }

  void check(Trial& trial, std::chrono::milliseconds took) {
    const auto accesses = trial.kernel.accesses();
    const HostState after = state_of(trial);
    HostRun run = run_of(trial, after, accesses);
    run.outcome = trial.outcome ? &*trial.outcome : nullptr;
    run.took = took;
    check(trial, run);
  }

  void check(Trial& trial, const HostRun& run) {
    for (const HostLaw& law : host_laws())
      if (auto violations = law.check(run); !violations.empty()) note(trial, law.number, std::move(violations));
  }

  /// Recovered once, all laws hold, and recovered twice, nothing more changes.
  void recover_and_check(Trial& trial) {
    const std::string name = trial.name;
    trial.name += ", recovered";
    const host::Machine machine{trial.kernel_after(), trial.journals, trial.ledger};
    if (const auto first = host::recover_journals(machine, nullptr); !first) {
      note(trial, 10, {{"", "cannot be recovered: " + to_string(first.error())}});
    } else {
      const auto accesses = trial.kernel.accesses();
      const HostState once = state_of(trial);
      static_cast<void>(host::recover_journals(machine, nullptr));  // what it changes shows in the state
      const HostState twice = state_of(trial);
      HostRun run = run_of(trial, once, accesses);
      run.recovered_twice = &twice;
      check(trial, run);
    }
    trial.name = name;
  }

  void note(Trial& trial, int law, Violations violations) {
    trial.broke_a_law = true;
    rehearsal_.broken.push_back({trial.name, law, std::move(violations)});
  }

  void finish(const Trial& trial) {
    ++rehearsal_.runs;
    if (trial.broke_a_law) ++rehearsal_.lost;
  }

  const fakesys::FakeKernel& kernel_;
  const MemoryStore::Files& journals_;
  const MemoryStore::Files& ledger_;
  const host::BindingPlan& plan_;
  const host::Request& request_;
  HostState before_;
  Rehearsal rehearsal_;
};

}  // namespace

Rehearsal rehearse(const fakesys::FakeKernel& kernel, const MemoryStore::Files& journals,
                   const MemoryStore::Files& ledger, const host::BindingPlan& plan, const host::Request& request) {
  if (plan.devices.empty()) return {};
  return Stage(kernel, journals, ledger, plan, request).run();
}

host::Checked<Rehearsal> rehearse_request(const fakesys::FakeKernel& kernel, const MemoryStore::Files& journals,
                                          const MemoryStore::Files& ledger, const host::Request& request) {
  fakesys::FakeKernel copy = kernel;
  MemoryStore copied_journals(journals), copied_ledger(ledger);
  const host::Machine machine{copy, copied_journals, copied_ledger};
  auto plan = host::plan_request(machine, request);
  if (!plan) return std::unexpected(plan.error());
  Rehearsal whole;
  if (!plan->modules.empty() && !plan->devices.empty())
    whole = Stage(kernel, journals, ledger, *plan, request).run_loads();
  if (const auto loaded = host::load_drivers(copy, *plan); !loaded) return std::unexpected(loaded.error());
  plan = host::plan_request(machine, request);
  if (!plan) return std::unexpected(plan.error());
  Rehearsal rest = rehearse(copy, journals, ledger, *plan, request);
  whole.runs += rest.runs;
  whole.lost += rest.lost;
  std::ranges::move(rest.broken, std::back_inserter(whole.broken));
  return whole;
}

std::string to_text(const Rehearsal& rehearsal) {
  std::string text = fmt::format("{} rehearsals, {} left a device lost\n", rehearsal.runs, rehearsal.lost);
  for (const BrokenRun& run : rehearsal.broken) {
    for (const Violation& violation : run.violations) {
      text += fmt::format("  {}: INV-{}: {}{}{}\n", run.fault, run.law, violation.device,
                          violation.device.empty() ? "" : " ", violation.what);
    }
  }
  return text;
}

}  // namespace busproof::verify
