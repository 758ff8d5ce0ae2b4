#include "verify/host_run.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/host/virtual_functions.h"
#include "verify/turns.h"

namespace busproof::verify {
namespace {

/// Longer than anything in a random host is late.
constexpr std::chrono::milliseconds kLate{80'000};

OperationRun operate(const host::Machine& machine, const HostCommand& command) {
  OperationRun run;
  if (const auto request = request_of(command)) {
    auto performance = host::perform(machine, *request);
    if (performance)
      run.performance = *std::move(performance);
    else
      run.refusal = performance.error();
  } else if (command.verb == HostVerb::VirtualFunctions) {
    const auto made = host::set_virtual_functions(machine, command.devices.front(), command.count);
    if (!made) run.refusal = made.error();
  } else if (const auto recovered = host::recover(machine); !recovered) {
    run.refusal = recovered.error();
  }
  return run;
}

/// One program at work on the host.
struct Program {
  Program(fakesys::FaultyKernel& faulty, host::MemoryStore& journals_store, host::MemoryStore& ledger_store,
          const CrashPoint& crash, Turns* turns, unsigned who)
      : life(crash, [&faulty] { return faulty.crashed(); }),
        mortal(faulty, life),
        mortal_journals(journals_store, life),
        mortal_ledger(ledger_store, life),
        kernel(mortal, faulty, turns, who),
        journals(mortal_journals, turns, who),
        ledger(mortal_ledger, turns, who) {}

  OperationRun run(const HostCommand& command) {
    OperationRun made = operate({kernel, journals, ledger}, command);
    made.crashed = life.dead();
    made.changes = kernel.changes();
    return made;
  }

  Life life;
  MortalKernel mortal;
  MortalStore mortal_journals, mortal_ledger;
  TurnKernel kernel;
  TurnStore journals, ledger;
};

}  // namespace

HostState state_of(const HostWorld& world) {
  host::MemoryStore journals(world.journals), ledger(world.ledger);
  return state_of(world.kernel, journals, ledger);
}

std::vector<host::HostAddress> let_go_by(const HostCommand& release, const HostState& before) {
  std::vector<host::HostAddress> devices;
  for (const auto& [address, entry] : before.ledger) {
    const bool named = release.devices.empty() || std::ranges::find(release.devices, address) != release.devices.end();
    if (named && entry.owner && entry.owner->domain == release.name && entry.boot_id == before.boot_id)
      devices.push_back(address);
  }
  return devices;
}

StepRun run_step(const HostWorld& world, const HostStep& step) {
  fakesys::FaultyKernel faulty(world.kernel, step.faults);
  host::MemoryStore journals(world.journals), ledger(world.ledger);
  StepRun run{.world = world, .later = world};
  faulty.set_newcomer([&](const fakesys::Function& old) {
    run.newcomers.push_back({faulty.accesses().size(), old.address});
    fakesys::Function newcomer = old;
    ++newcomer.identity.device;  // never one that was there before
    return newcomer;
  });
  const auto begin = faulty.now();
  if (step.beside) {
    Turns turns(step.turns);
    Program first(faulty, journals, ledger, step.crash, &turns, 0), second(faulty, journals, ledger, {}, &turns, 1);
    run.second.emplace();
    {
      const std::jthread beside([&] {
        turns.begin(1);
        *run.second = second.run(*step.beside);
        turns.leave(1);
      });
      turns.begin(0);
      run.first = first.run(step.command);
      turns.leave(0);
    }
  } else {
    run.first = Program(faulty, journals, ledger, step.crash, nullptr, 0).run(step.command);
  }
  run.took = faulty.now() - begin;
  run.accesses = faulty.accesses();
  run.world = {faulty.kernel(), journals.files(), ledger.files()};
  const bool is_late = std::ranges::any_of(step.faults, [](const fakesys::Fault& fault) {
    return fault.kind == fakesys::FaultKind::Block && fault.after_ms >= 0;
  });
  if (is_late) faulty.wait(kLate);
  run.later = {faulty.kernel(), run.world.journals, run.world.ledger};
  return run;
}

}  // namespace busproof::verify
