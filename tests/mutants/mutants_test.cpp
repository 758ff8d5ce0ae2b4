// The engine and the fake kernel with small mistakes in them, one at a time: the campaign must notice every one, and
// none where there is none; and what it shows of one must be small.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mutants/active.h"
#include "verify/campaign.h"
#include "verify/campaign_report.h"
#include "verify/hunts.h"

namespace busproof::mutants {
namespace {

using Hunts = std::vector<std::unique_ptr<verify::Hunt>>;

std::atomic<int> active = 0;

struct Mutant {
  std::string_view name, file, why;
};
constexpr auto kMutants = std::to_array<Mutant>({
#include <table.inc>
});

/// Guests know nothing of hosts, and hosts nothing of guests: the others' code does not run.
bool is_of_hosts(const Mutant& mutant) {
  return mutant.file.starts_with("engine/host/") || mutant.file.starts_with("fakesys/");
}

Hunts hunts_for(const Mutant& mutant) {
  Hunts hunts = verify::make_hunts({});
  std::erase_if(hunts, [&](const auto& hunt) { return (hunt->name() == "hosts") != is_of_hosts(mutant); });
  return hunts;
}

std::uint64_t seed() {
  const char* said = std::getenv("BUSPROOF_MUTANTS_SEED");
  return said == nullptr ? 1 : std::strtoull(said, nullptr, 10);
}

verify::CampaignResult run(const Hunts& hunts, std::uint64_t cases) {
  const verify::CampaignPlan plan{.seed = seed(), .cases = cases, .stop_at_first = true};
  return run_campaign(
      hunts, plan,
      [](std::size_t count, const std::function<void(std::size_t)>& work) {
        for (std::size_t i = 0; i < count; ++i) work(i);
      },
      [](const verify::Hunt&, std::uint64_t) {});
}

TEST(Mutants, TheCodeAsItIsWrittenSurvives) {
  wake(0);
  const auto result = run(verify::make_hunts({}), 200);
  EXPECT_TRUE(result.failures.empty()) << campaign_text(result, {.version = "test"});
}

/// What the campaign made of the mutants, as it is printed.
struct Kills {
  std::map<std::string, int> of_law{};                      ///< mutants that it noticed
  std::map<std::string, std::vector<std::size_t>> sizes{};  ///< of the shrunk cases, by hunt

  void print() const {
    std::cout << "\nlaw                        mutants that it notices within the first cases\n";
    for (const auto& [law, kills] : of_law) std::cout << fmt::format("{:<26} {:>3}\n", law, kills);
    std::vector<std::string> questioned;
    for (const auto& [law, kills] : of_law)
      if (kills == 0) questioned.push_back(law);
    if (!questioned.empty())
      std::cout << fmt::format("\nquestioned, for no mutant breaks them first: {}\n", fmt::join(questioned, ", "));
    std::cout << "\nhunt       shrunk  median  largest  (devices of a domain, steps of a history, both of a host)\n";
    for (const auto& [hunt, found] : sizes)
      std::cout << fmt::format("{:<10} {:>6} {:>7} {:>8}\n", hunt, found.size(), median(hunt), std::ranges::max(found));
  }

  [[nodiscard]] std::size_t median(const std::string& hunt) const {
    auto sorted = sizes.at(hunt);
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

TEST(Mutants, EveryOneIsNoticed) {
  Kills kills;
  for (const auto& hunt : verify::make_hunts({}))
    for (const verify::LawRow& law : hunt->laws()) kills.of_law.try_emplace(std::string(law.name), 0);
  const char* only = std::getenv("BUSPROOF_MUTANT");
  for (std::size_t i = 0; i < kMutants.size(); ++i) {
    if (only != nullptr && kMutants[i].name != only) continue;
    wake(static_cast<int>(i) + 1);
    const Hunts hunts = hunts_for(kMutants[i]);
    const auto result = run(hunts, verify::CampaignPlan{}.cases);
    if (result.failures.empty()) {
      wake(0);
      ADD_FAILURE() << kMutants[i].name << " lives: " << kMutants[i].why << " (" << kMutants[i].file << ")";
      continue;
    }
    const auto& first = *std::ranges::min_element(result.failures, {}, &verify::Failure::number);
    const auto& hunt = *std::ranges::find(hunts, first.hunt, [](const auto& each) { return each->name(); });
    const auto smallest = hunt->shrink(verify::seed_of_case(seed(), first.hunt, first.number), first.law);
    wake(0);
    kills.sizes[first.hunt].push_back(smallest.size);
    for (const verify::Failure& failure : result.failures) ++kills.of_law[failure.law];
    std::cout << fmt::format("{:<42} {:<26} case {:>5} of {:<10} shrunk to {}\n", kMutants[i].name, first.law,
                             first.number, first.hunt, smallest.size);
  }
  kills.print();
  if (only != nullptr) return;
  EXPECT_LT(kills.median("domains"), 5U);
}

TEST(Mutants, AreAtLeastForty) { EXPECT_GE(kMutants.size(), 40U); }

}  // namespace

void wake(int number) { active = number; }
bool is_active(int number) { return active == number; }

}  // namespace busproof::mutants
