#include "verify/campaign.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "verify/dice.h"

namespace busproof::verify {
namespace {

using Clock = std::chrono::steady_clock;

/// Cases that one thread takes at a time, and blocks that are given out together: between them the clock is looked at.
constexpr std::uint64_t kBlockCases = 50;
constexpr std::uint64_t kBlocksAtOnce = 32;

/// What a hunt has found, gathered from all threads.
class Gathered {
 public:
  void add(std::uint64_t number, const Breaches& breaches) {
    std::set<std::string_view> laws;
    for (const Breach& breach : breaches)
      if (laws.insert(breach.law).second) {
        auto& [first, count] = broken_.try_emplace(breach.law, number, 0).first->second;
        first = std::min(first, number);
        ++count;
      }
  }
  void add(const Tally& tally) { tally_.add(tally); }

  [[nodiscard]] const Tally& tally() const { return tally_; }
  /// Law → number of its first case, and how many there were.
  [[nodiscard]] const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>& broken() const { return broken_; }

 private:
  Tally tally_{};
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> broken_{};
};

/// The numbers of the cases that are this share's: the i-th of them.
std::uint64_t number_of(const CampaignPlan& plan, std::uint64_t i) {
  return plan.first + plan.share.index + i * plan.share.count;
}

std::uint64_t cases_in_share(const CampaignPlan& plan) {
  if (plan.share.index >= plan.cases) return 0;
  return (plan.cases - plan.share.index - 1) / plan.share.count + 1;
}

std::uint64_t run_cases(const Hunt& hunt, const CampaignPlan& plan, std::optional<Clock::time_point> end,
                        const RunAll& run_all, const OnProgress& on_progress, Gathered& gathered) {
  const std::uint64_t total = cases_in_share(plan);
  std::mutex gathering;
  std::uint64_t done = 0;
  while (done < total && (!end || Clock::now() < *end)) {
    const std::uint64_t batch = std::min(total - done, kBlockCases * (plan.stop_at_first ? 1 : kBlocksAtOnce));
    const auto blocks = static_cast<std::size_t>((batch + kBlockCases - 1) / kBlockCases);
    run_all(blocks, [&](std::size_t block) {
      const std::uint64_t from = block * kBlockCases, to = std::min(batch, from + kBlockCases);
      Tally tally;
      std::vector<std::pair<std::uint64_t, Breaches>> broken;
      for (std::uint64_t i = from; i < to; ++i) {
        const std::uint64_t number = number_of(plan, done + i);
        Breaches breaches = hunt.run(seed_of_case(plan.seed, std::string(hunt.name()), number), tally);
        if (!breaches.empty()) broken.emplace_back(number, std::move(breaches));
      }
      const std::lock_guard lock(gathering);
      gathered.add(tally);
      for (const auto& [number, breaches] : broken) gathered.add(number, breaches);
    });
    done += batch;
    on_progress(hunt, done);
    if (plan.stop_at_first && !gathered.broken().empty()) break;
  }
  return done;
}

std::vector<ExpectedClass> never_seen(const Hunt& hunt, const Tally& tally) {
  std::vector<ExpectedClass> missing;
  for (const ExpectedClass& each : hunt.expected())
    if (tally.count(each.dimension, each.value) == 0) missing.push_back(each);
  return missing;
}

}  // namespace

std::uint64_t seed_of_case(std::uint64_t campaign, const std::string& hunt, std::uint64_t number) {
  std::uint64_t seed = campaign;
  for (const char letter : hunt) seed = mixed(seed, static_cast<unsigned char>(letter));
  return mixed(seed, number);
}

CampaignResult run_campaign(const std::vector<std::unique_ptr<Hunt>>& hunts, const CampaignPlan& plan,
                            const RunAll& run_all, const OnProgress& on_progress) {
  CampaignResult result{.seed = plan.seed, .share = plan.share};
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < hunts.size(); ++i) {
    const Hunt& hunt = *hunts[i];
    const auto hunt_begin = Clock::now();
    std::optional<Clock::time_point> end;
    // Every hunt its part of the time; what one leaves goes to the next.
    if (plan.time) end = hunt_begin + (begin + *plan.time - hunt_begin) / static_cast<int>(hunts.size() - i);
    Gathered gathered;
    const std::uint64_t cases = run_cases(hunt, plan, end, run_all, on_progress, gathered);
    result.hunts.push_back({.name = std::string(hunt.name()),
                            .cases = cases,
                            .seconds = std::chrono::duration<double>(Clock::now() - hunt_begin).count(),
                            .tally = gathered.tally(),
                            .laws = hunt.laws(),
                            .expected = hunt.expected(),
                            .never_seen = never_seen(hunt, gathered.tally())});
    for (const auto& [law, found] : gathered.broken()) {
      Failure failure{.hunt = std::string(hunt.name()), .law = law, .number = found.first, .cases = found.second};
      if (!plan.stop_at_first)
        failure.example = hunt.shrink(seed_of_case(plan.seed, failure.hunt, failure.number), law);
      result.failures.push_back(std::move(failure));
    }
    if (plan.stop_at_first && !result.failures.empty()) break;
  }
  return result;
}

}  // namespace busproof::verify
