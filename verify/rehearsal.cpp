#include "verify/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/host/recover.h"
#include "verify/crash_point.h"

namespace busproof::verify {
namespace {

using fakesys::Access;
using fakesys::Fault;
using fakesys::FaultKind;
using host::MemoryStore;

/// One row a kind of fault: to which accesses it can happen.
struct FaultRow {
  FaultKind kind;
  bool writes_only;
  int error;
};
constexpr std::array kFaults = {
    FaultRow{FaultKind::Fail, false, EIO},
    FaultRow{FaultKind::Fail, true, EACCES},
    FaultRow{FaultKind::Fail, true, EBUSY},
    FaultRow{FaultKind::Fail, true, ENODEV},
    FaultRow{FaultKind::FailAfterEffect, true, EIO},
    FaultRow{FaultKind::Lie, true, 0},
    FaultRow{FaultKind::Block, true, 0},
    FaultRow{FaultKind::PowerLoss, false, 0},
    FaultRow{FaultKind::Vanish, false, 0},
    FaultRow{FaultKind::Swap, false, 0},
    FaultRow{FaultKind::Dead, false, 0},
    FaultRow{FaultKind::Rival, true, 0},
};

/// A host and what is remembered of it, with a plan to be tried on copies.
class Stage {
 public:
  Stage(const fakesys::FakeKernel& kernel, const MemoryStore::Files& journals, const MemoryStore::Files& ledger,
        const host::BindingPlan& plan)
      : kernel_(kernel), journals_(journals), ledger_(ledger), plan_(plan) {
    MemoryStore old_journals(journals), old_ledger(ledger);
    before_ = state_of(kernel, old_journals, old_ledger);
  }

  Rehearsal run() {
    const auto accesses = try_fault(nullptr, "no fault");
    std::size_t stored = count_accesses();
    for (std::size_t i = 0; i < accesses.size(); ++i) {
      for (const FaultRow& row : kFaults) {
        if (row.writes_only && accesses[i].access != Access::Write) continue;
        const Fault fault = fault_at(i, row, accesses);
        try_fault(&fault, fakesys::to_text(fault));
      }
    }
    using When = CrashPoint::When;
    for (std::size_t at = 1; at <= stored; ++at) {
      try_crash({at, When::Before}, fmt::format("crash before access {}", at));
      try_crash({at, When::After}, fmt::format("crash after access {}", at));
      try_crash({at, When::Torn}, fmt::format("crash amid access {}", at));
      try_crash({at, When::Full}, fmt::format("disk full from access {} on", at));
    }
    return std::move(rehearsal_);
  }

 private:
  [[nodiscard]] std::string first_device() const { return to_string(plan_.devices.front().address); }

  Fault fault_at(std::size_t index, const FaultRow& row, const std::vector<fakesys::AccessRecord>& accesses) const {
    // Counted among all accesses: the nth of any kind and path.
    Fault fault{.nth = static_cast<std::uint32_t>(index + 1), .kind = row.kind, .error = row.error};
    fault.device = first_device();
    if (row.kind == FaultKind::Rival) {
      // Somebody clears the override of the device that is about to be written to.
      std::string device = first_device();
      for (const host::PlannedDevice& planned : plan_.devices) {
        const std::string name = to_string(planned.address);
        if (accesses[index].path.contains(name) || accesses[index].value.contains(name)) device = name;
      }
      fault.path = "bus/pci/devices/" + device + "/driver_override";
      fault.value = "\n";
    }
    return fault;
  }

  /// How many accesses a run makes, to the kernel and to what it remembers.
  std::size_t count_accesses() {
    fakesys::FakeKernel kernel = kernel_;
    MemoryStore journals(journals_), ledger(ledger_);
    Life life({});
    MortalKernel mortal(kernel, life);
    MortalStore mortal_journals(journals, life), mortal_ledger(ledger, life);
    host::execute({mortal, mortal_journals, mortal_ledger}, plan_);
    return life.accesses();
  }

  std::vector<fakesys::AccessRecord> try_fault(const Fault* fault, const std::string& name) {
    std::vector<Fault> script;
    if (fault != nullptr) script.push_back(*fault);
    fakesys::FaultyKernel kernel(kernel_, std::move(script));
    MemoryStore journals(journals_), ledger(ledger_);
    Life life({}, [&] { return kernel.crashed(); });
    MortalStore mortal_journals(journals, life), mortal_ledger(ledger, life);
    const host::Outcome outcome = host::execute({kernel, mortal_journals, mortal_ledger}, plan_);
    auto accesses = kernel.accesses();
    std::optional<std::size_t> swapped_at;
    std::set<host::HostAddress> meddled;
    if (fault != nullptr && fault->kind == FaultKind::Swap) swapped_at = fault->nth - 1;
    if (fault != nullptr && fault->kind == FaultKind::Rival) {
      for (const host::PlannedDevice& planned : plan_.devices)
        if (fault->path.contains(to_string(planned.address))) meddled.insert(planned.address);
    }
    const bool crashed = kernel.crashed();
    check(name, kernel.kernel(), journals, ledger, accesses, crashed ? nullptr : &outcome, swapped_at, meddled);
    recover_and_check(name, kernel.kernel(), journals, ledger, accesses, swapped_at, meddled);
    ++rehearsal_.runs;
    return accesses;
  }

  void try_crash(const CrashPoint& point, const std::string& name) {
    fakesys::FakeKernel kernel = kernel_;
    MemoryStore journals(journals_), ledger(ledger_);
    Life life(point);
    MortalKernel mortal(kernel, life);
    MortalStore mortal_journals(journals, life), mortal_ledger(ledger, life);
    host::execute({mortal, mortal_journals, mortal_ledger}, plan_);
    check(name, kernel, journals, ledger, {}, nullptr, std::nullopt, {});
    recover_and_check(name, kernel, journals, ledger, {}, std::nullopt, {});
    ++rehearsal_.runs;
  }

  void check(const std::string& name, const fakesys::FakeKernel& kernel, MemoryStore& journals, MemoryStore& ledger,
             const std::vector<fakesys::AccessRecord>& accesses, const host::Outcome* outcome,
             std::optional<std::size_t> swapped_at, const std::set<host::HostAddress>& meddled) {
    const HostState after = state_of(kernel, journals, ledger);
    const HostRun run{plan_, before_, after, accesses, outcome, swapped_at, meddled};
    for (const HostLaw& law : host_laws()) {
      if (auto violations = law.check(run); !violations.empty())
        rehearsal_.broken.push_back({name, law.number, std::move(violations)});
    }
  }

  /// INV-10: recovered once, all laws hold; recovered twice, nothing more changes.
  void recover_and_check(const std::string& name, fakesys::FakeKernel& kernel, MemoryStore& journals,
                         MemoryStore& ledger, const std::vector<fakesys::AccessRecord>& accesses,
                         std::optional<std::size_t> swapped_at, const std::set<host::HostAddress>& meddled) {
    const host::Machine machine{kernel, journals, ledger};
    const auto first = host::recover_journals(machine, nullptr);
    if (!first) {
      rehearsal_.broken.push_back({name, 10, {{"", "cannot be recovered: " + to_string(first.error())}}});
      return;
    }
    check(name + ", recovered", kernel, journals, ledger, accesses, nullptr, swapped_at, meddled);
    const HostState once = state_of(kernel, journals, ledger);
    static_cast<void>(host::recover_journals(machine, nullptr));  // what it changes shows in the state
    const HostState twice = state_of(kernel, journals, ledger);
    if (once != twice) rehearsal_.broken.push_back({name, 10, {{"", "a second recovery changes something"}}});
  }

  const fakesys::FakeKernel& kernel_;
  const MemoryStore::Files& journals_;
  const MemoryStore::Files& ledger_;
  const host::BindingPlan& plan_;
  HostState before_;
  Rehearsal rehearsal_;
};

}  // namespace

Rehearsal rehearse(const fakesys::FakeKernel& kernel, const MemoryStore::Files& journals,
                   const MemoryStore::Files& ledger, const host::BindingPlan& plan) {
  if (plan.devices.empty()) return {};
  return Stage(kernel, journals, ledger, plan).run();
}

std::string to_text(const Rehearsal& rehearsal) {
  std::string text = fmt::format("{} rehearsals, {} left a device lost\n", rehearsal.runs, rehearsal.broken.size());
  for (const BrokenRun& run : rehearsal.broken) {
    for (const Violation& violation : run.violations) {
      text += fmt::format("  {}: INV-{}: {}{}{}\n", run.fault, run.law, violation.device,
                          violation.device.empty() ? "" : " ", violation.what);
    }
  }
  return text;
}

}  // namespace busproof::verify
