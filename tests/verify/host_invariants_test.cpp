// Every law of the host side, with a run that breaks it: a law that cannot fail proves nothing.

#include "verify/host_invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakesys/new_host.h"

namespace busproof::verify {
namespace {

using host::Binding;
using host::Flag;
using host::HostAddress;
using host::LedgerEntry;
using host::Operation;
using host::Outcome;
using host::Step;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HostAddress at(std::string_view text) { return *HostAddress::parse(text); }
const HostAddress kNic = at("01:00.0"), kOther = at("02:00.0");
const Binding kNative{"e1000e", std::nullopt}, kStub{"vfio-pci", "vfio-pci"};

fakesys::AccessRecord written(std::string path, std::string value) {
  return {fakesys::Access::Write, std::move(path), std::move(value)};
}

/// A detach of one network card of two that went well. Each test spoils one thing.
struct World {
  World() {
    before.devices[kNic] = {.binding = kNative, .pin = {}, .group = 1};
    before.devices[kOther] = {.binding = kNative, .pin = {}, .group = 2};
    before.native_drivers = {"e1000e"};
    LedgerEntry entry{.address = kNic, .pin = {}, .origin = kNative};
    entry.stub = "vfio-pci";
    plan.operation = Operation::Detach;
    plan.devices.push_back({kNic, {}, kNative, kStub, {}, std::nullopt, entry});
    plan.steps = host::steps_between(kNic, kNative, kStub);
    after = before;
    after.devices[kNic].binding = kStub;
    after.ledger.emplace(kNic, entry);
    for (const Step& step : plan.steps) accesses.push_back(written(path_of(step), value_of(step)));
    outcome.end = Outcome::End::Done;
    outcome.devices.push_back({kNic, kStub});
  }
  HostRun run() {
    HostRun run{plan, before, after, accesses, &outcome};
    run.faultless = true;
    return run;
  }

  host::BindingPlan plan;
  HostState before, after;
  std::vector<fakesys::AccessRecord> accesses;
  Outcome outcome;
};

/// "INV-1 INV-20": the laws that the run breaks.
std::string broken(const HostRun& run) {
  std::string text;
  for (const HostLaw& law : host_laws())
    if (!law.check(run).empty()) text += (text.empty() ? "INV-" : " INV-") + std::to_string(law.number);
  return text;
}

TEST(HostLaws, AreAllTwenty) {
  std::set<int> numbers;
  for (const HostLaw& law : host_laws()) numbers.insert(law.number);
  for (int number = 1; number <= 20; ++number) EXPECT_TRUE(numbers.contains(number)) << number;
}

TEST(HostLaws, HoldWhereAllWentWell) {
  World world;
  EXPECT_EQ(broken(world.run()), "");
}

TEST(HostLaws, OneSeesADeviceOfWhichNobodyKnows) {
  World world;
  world.after.ledger.clear();
  EXPECT_THAT(nothing_is_lost(world.run()), ElementsAre(testing::Field(&Violation::what, HasSubstr("is lost"))));
  World unflagged;
  unflagged.after.devices[kNic].binding = {"nouveau", "vfio-pci"};
  EXPECT_THAT(nothing_is_lost(unflagged.run()), testing::SizeIs(1));
  unflagged.after.ledger.at(kNic).flags = {Flag::Stolen};
  EXPECT_THAT(nothing_is_lost(unflagged.run()), IsEmpty());
}

TEST(HostLaws, TwoSeesAnOverrideThatIsLeft) {
  World world;
  world.after.ledger.clear();
  world.after.devices[kNic].binding = {"e1000e", "vfio-pci"};
  EXPECT_THAT(no_override_leaks(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, ThreeSeesWhatIsLeftInTheKernelsTables) {
  World ids;
  ids.after.dynamic_ids["pci-stub"] = 1;
  EXPECT_THAT(global_tables_stay(ids.run()), testing::SizeIs(1));
  World known = ids;
  known.after.ledger.at(kNic).stub = "pci-stub";
  known.after.ledger.at(kNic).flags = {Flag::IdLeaked};
  EXPECT_THAT(global_tables_stay(known.run()), IsEmpty());
  World autoprobe;
  autoprobe.after.autoprobe = false;
  EXPECT_THAT(global_tables_stay(autoprobe.run()), testing::SizeIs(1));
  World of_vfs;
  of_vfs.after.devices[kOther].vfs_autoprobe = false;
  EXPECT_THAT(global_tables_stay(of_vfs.run()), testing::SizeIs(1));
}

TEST(HostLaws, FourSeesWhatWasNotToBeTouched) {
  World bound;
  bound.after.devices[kOther].binding = {};
  EXPECT_THAT(only_declared_devices_change(bound.run()), testing::SizeIs(1));
  World wrote;
  wrote.accesses.push_back(written("bus/pci/devices/0000:02:00.0/driver_override", "x"));
  EXPECT_THAT(only_declared_devices_change(wrote.run()), testing::SizeIs(1));
}

TEST(HostLaws, FiveSeesADriverOfTheHostInALiveGroup) {
  World world;
  world.before.devices[kNic].binding = kStub;
  world.after.devices[kNic].binding = kNative;
  world.before.open_groups = world.after.open_groups = {1};
  EXPECT_THAT(no_host_driver_in_a_live_group(world.run()), testing::SizeIs(1));
  World stopped;
  stopped.after.crashed = true;
  EXPECT_THAT(no_host_driver_in_a_live_group(stopped.run()), testing::SizeIs(1));
}

TEST(HostLaws, SixSeesAGroupWithTwoOwners) {
  World world;
  world.after.devices[kOther].group = 1;
  world.after.ledger.at(kNic).owner = host::Owner{"qemu", "web01"};
  world.after.ledger.emplace(kOther, LedgerEntry{.address = kOther, .owner = host::Owner{"qemu", "web02"}});
  EXPECT_THAT(ledger_is_sane(world.run()), testing::SizeIs(1));
  World unreadable;
  unreadable.after.ledger_readable = false;
  EXPECT_THAT(ledger_is_sane(unreadable.run()), testing::SizeIs(1));
}

TEST(HostLaws, SevenSeesARollbackThatIsNone) {
  World world;
  world.outcome.end = Outcome::End::RolledBack;
  EXPECT_THAT(all_or_nothing(world.run()), testing::SizeIs(2));  // on the host, and in the ledger
  world.outcome.devices[0].residual = Flag::Pending;
  EXPECT_THAT(all_or_nothing(world.run()), IsEmpty());
}

TEST(HostLaws, EightSeesAFailureWithoutAReason) {
  World world;
  world.outcome.end = Outcome::End::Failed;
  EXPECT_THAT(failure_has_a_reason(world.run()), testing::SizeIs(1));
  World odd;
  odd.outcome.primary = host::Trouble{};
  EXPECT_THAT(failure_has_a_reason(odd.run()), testing::SizeIs(1));
}

TEST(HostLaws, NineSeesASecondTimeThatWrites) {
  World world;
  HostRun run = world.run();
  const std::vector<fakesys::AccessRecord> again = {written("bus/pci/drivers_probe", "0000:01:00.0")};
  run.repetition = &again;
  EXPECT_THAT(repetition_writes_nothing(run), testing::SizeIs(1));
  world.plan.operation = Operation::Reset;
  EXPECT_THAT(repetition_writes_nothing(run), IsEmpty());
}

TEST(HostLaws, TenSeesARecoveryThatGoesOn) {
  World world;
  HostRun run = world.run();
  run.recovered_twice = &world.after;
  EXPECT_THAT(recovery_converges(run), IsEmpty());
  run.recovered_twice = &world.before;
  EXPECT_THAT(recovery_converges(run), testing::SizeIs(1));
}

TEST(HostLaws, ElevenSeesWhatTakesForEver) {
  World world;
  HostRun run = world.run();
  run.took = std::chrono::hours(1);
  EXPECT_THAT(ends_in_time(run), testing::SizeIs(1));
}

TEST(HostLaws, TwelveSeesASuccessThatIsNone) {
  World world;
  world.after.devices[kNic].binding = {std::nullopt, "vfio-pci"};
  EXPECT_THAT(no_false_success(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, TwelveKnowsThatWhatIsToWaitForADriverIsTakenByOneThatIsLoaded) {
  World world;
  world.plan.devices[0].after = {std::nullopt, "vfio-pci"};
  EXPECT_THAT(no_false_success(world.run()), IsEmpty());
  world.before.drivers = {"vfio-pci"};
  EXPECT_THAT(no_false_success(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, ThirteenSeesAWriteThatIsNotInThePlan) {
  World more;
  more.accesses.push_back(written("bus/pci/drivers_probe", "0000:01:00.0"));
  EXPECT_THAT(plan_is_what_is_written(more.run()), testing::SizeIs(1));
  World fewer;
  fewer.accesses.pop_back();
  EXPECT_THAT(plan_is_what_is_written(fewer.run()), testing::SizeIs(1));
  World other_order;
  std::swap(other_order.accesses[0], other_order.accesses[1]);
  EXPECT_THAT(plan_is_what_is_written(other_order.run()), testing::SizeIs(1));
}

TEST(HostLaws, FourteenSeesABounce) {
  World world;
  world.plan.devices[0].before = kStub;
  EXPECT_THAT(no_bounce(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, FifteenSeesTheNumberOfAGroup) {
  World world;
  world.after.kept = R"({"group":14})";
  EXPECT_THAT(no_group_numbers_kept(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, SixteenSeesVirtualFunctionsBeingTakenAway) {
  World world;
  world.accesses.push_back(written("bus/pci/devices/0000:01:00.0/sriov_numvfs", "0"));
  EXPECT_THAT(virtual_functions_stay(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, SeventeenSeesAResetOfSomethingElse) {
  World world;
  world.accesses.push_back(written("bus/pci/devices/0000:02:00.0/reset", "1"));
  EXPECT_THAT(resets_stay_in_scope(world.run()), testing::SizeIs(1));
}

TEST(HostLaws, EighteenSeesAWriteToANewcomer) {
  World world;
  world.after.devices[kNic].pin.device = 1;
  HostRun run = world.run();
  run.newcomers = {{0, kOther}, {0, kNic}};
  EXPECT_THAT(newcomers_are_left_alone(run), testing::SizeIs(2));
  run.newcomers = {{0, kOther}};
  EXPECT_THAT(newcomers_are_left_alone(run), IsEmpty());
}

TEST(HostLaws, EighteenSpeaksOfNoOneWhoIsStillToCome) {
  World world;  // somebody holds the old card
  HostRun run = world.run();
  run.newcomers = {{0, kNic}};
  EXPECT_THAT(newcomers_are_left_alone(run), IsEmpty());
}

TEST(HostLaws, OneAndFourLetADriverLetGoOfADeadCard) {
  World world;
  world.after.devices[kOther].binding = {};
  HostRun run = world.run();
  run.faultless = false;
  EXPECT_EQ(broken(run), "INV-1 INV-4");
  world.after.devices[kOther].dead = true;
  EXPECT_EQ(broken(run), "");
}

TEST(HostLaws, OneKnowsWhereAnUndoneOperationLeads) {
  World world;
  world.after.devices[kNic].binding = {"pci-stub", "pci-stub"};
  EXPECT_THAT(nothing_is_lost(world.run()), testing::SizeIs(1));
  world.before.ways_back[kNic] = {"pci-stub", "pci-stub"};
  EXPECT_THAT(nothing_is_lost(world.run()), IsEmpty());
}

TEST(HostLaws, NineteenSeesWhatDidNotComeBack) {
  World world;
  HostRun run = world.run();
  run.taken_back = &world.before;
  EXPECT_THAT(there_and_back_again(run), IsEmpty());
  run.taken_back = &world.after;
  EXPECT_THAT(there_and_back_again(run), testing::SizeIs(1));
  HostState leaky = world.before;
  leaky.dynamic_ids["vfio-pci"] = 1;
  run.taken_back = &leaky;
  EXPECT_THAT(there_and_back_again(run), testing::SizeIs(1));
}

TEST(HostLaws, TwentySeesWhatThePlanDidNotSay) {
  World ledger;
  ledger.after.ledger.at(kNic).managed = true;
  EXPECT_THAT(plan_is_what_came_of_it(ledger.run()), testing::SizeIs(1));
  World binding;
  binding.after.devices[kOther].binding = {};
  EXPECT_THAT(plan_is_what_came_of_it(binding.run()), testing::SizeIs(1));
}

TEST(HostStates, AreTheSameWhetherWhatDidNotChangeIsLookedAtAnewOrNot) {
  auto host = fakesys::new_host(
      "host three kernel=6.12\n"
      "00:01.0 8086:10d3 020000 flr driver=e1000e\n"
      "00:02.0 8086:10d3 020000 flr driver=e1000e\n"
      "00:03.0 8086:10d3 020000 flr driver=e1000e\n");
  ASSERT_TRUE(host.has_value());
  const fakesys::FakeKernel kernel(*std::move(host));
  host::MemoryStore journals, ledger;
  const HostState before = state_of(kernel, journals, ledger);
  const SeenHost seen{kernel, before};

  fakesys::FakeKernel unbound = kernel;
  ASSERT_TRUE(unbound.write("bus/pci/drivers/e1000e/unbind", "0000:00:02.0").has_value());
  EXPECT_EQ(state_of(unbound, journals, ledger, &seen), state_of(unbound, journals, ledger));
  EXPECT_NE(state_of(unbound, journals, ledger, &seen), before);

  fakesys::FakeKernel removed = kernel;
  ASSERT_TRUE(removed.write("bus/pci/devices/0000:00:02.0/remove", "1").has_value());
  EXPECT_EQ(state_of(removed, journals, ledger, &seen), state_of(removed, journals, ledger));
  EXPECT_EQ(device_in(state_of(removed, journals, ledger, &seen), at("00:02.0")), nullptr);
}

}  // namespace
}  // namespace busproof::verify
