#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verify/hunt.h"
#include "verify/outcome.h"

/// A campaign: many cases of every hunt. The case of a number is the same whoever runs it: its seed is made of the
/// campaign's seed, the hunt's name and the number, so neither the threads nor the shards change what is found.
namespace busproof::verify {

/// Which of the cases are run here: those whose number leaves `index` when divided by `count`.
struct CaseShare {
  std::uint64_t index = 0, count = 1;
};

struct CampaignPlan {
  std::uint64_t seed = 0;
  std::uint64_t first = 0;                                    ///< number of the first case
  std::uint64_t cases = 10'000;                               ///< of each hunt; with a time limit at most so many
  std::optional<std::chrono::steady_clock::duration> time{};  ///< for all hunts together
  CaseShare share{};
  bool stop_at_first = false;  ///< one broken law is enough, and nobody wants it small
};

/// Calls work(0) … work(count - 1), in any order and from as many threads as it likes.
using RunAll = std::function<void(std::size_t count, const std::function<void(std::size_t)>& work)>;
/// Told after every few cases how many are done.
using OnProgress = std::function<void(const Hunt& hunt, std::uint64_t done)>;

struct Failure {
  std::string hunt, law;
  std::uint64_t number = 0;  ///< of the first case that broke the law
  std::uint64_t cases = 0;   ///< how many did
  Counterexample example{};
};

struct HuntResult {
  std::string name;
  std::uint64_t cases = 0;
  double seconds = 0;
  Tally tally{};
  std::vector<LawRow> laws{};
  std::vector<ExpectedClass> expected{}, never_seen{};
};

struct CampaignResult {
  std::uint64_t seed = 0;
  CaseShare share{};
  std::vector<HuntResult> hunts{};
  std::vector<Failure> failures{};  ///< one a law and hunt
};

std::uint64_t seed_of_case(std::uint64_t campaign, const std::string& hunt, std::uint64_t number);

CampaignResult run_campaign(const std::vector<std::unique_ptr<Hunt>>& hunts, const CampaignPlan& plan,
                            const RunAll& run_all, const OnProgress& on_progress);

}  // namespace busproof::verify
