// The engine with small mistakes in it, one at a time: the campaign must notice every one, and none where there is
// none.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mutants/active.h"
#include "verify/campaign.h"
#include "verify/campaign_report.h"
#include "verify/hunts.h"

namespace busproof::mutants {
namespace {

std::atomic<int> active = 0;

struct Mutant {
  std::string_view name, file, why;
};
constexpr auto kMutants = std::to_array<Mutant>({
#include <table.inc>
});

verify::CampaignResult hunt(std::uint64_t cases) {
  const char* said = std::getenv("BUSPROOF_MUTANTS_SEED");
  const verify::CampaignPlan plan{
      .seed = said == nullptr ? 1 : std::strtoull(said, nullptr, 10), .cases = cases, .stop_at_first = true};
  return run_campaign(
      verify::make_hunts({}), plan,
      [](std::size_t count, const std::function<void(std::size_t)>& work) {
        for (std::size_t i = 0; i < count; ++i) work(i);
      },
      [](const verify::Hunt&, std::uint64_t) {});
}

TEST(Mutants, TheCodeAsItIsWrittenSurvives) {
  wake(0);
  const auto result = hunt(200);
  EXPECT_TRUE(result.failures.empty()) << campaign_text(result, {.version = "test"});
}

TEST(Mutants, EveryOneIsNoticed) {
  std::map<std::string, int> kills_of;
  const char* only = std::getenv("BUSPROOF_MUTANT");
  for (std::size_t i = 0; i < kMutants.size(); ++i) {
    if (only != nullptr && kMutants[i].name != only) continue;
    wake(static_cast<int>(i) + 1);
    const auto result = hunt(verify::CampaignPlan{}.cases);
    wake(0);
    if (result.failures.empty()) {
      ADD_FAILURE() << kMutants[i].name << " lives: " << kMutants[i].why << " (" << kMutants[i].file << ")";
      continue;
    }
    const auto& first = *std::ranges::min_element(result.failures, {}, &verify::Failure::number);
    for (const verify::Failure& failure : result.failures) ++kills_of[failure.law];
    std::cout << fmt::format("{:<42} {:<22} case {:>5} of {}\n", kMutants[i].name, first.law, first.number, first.hunt);
  }
  std::cout << "\nlaw                    mutants that it notices within the first cases\n";
  for (const auto& hunt : verify::make_hunts({}))
    for (const verify::LawRow& law : hunt->laws()) kills_of.try_emplace(std::string(law.name), 0);
  for (const auto& [law, kills] : kills_of) std::cout << fmt::format("{:<22} {:>3}\n", law, kills);
}

TEST(Mutants, AreAtLeastForty) { EXPECT_GE(kMutants.size(), 40U); }

}  // namespace

void wake(int number) { active = number; }
bool is_active(int number) { return active == number; }

}  // namespace busproof::mutants
