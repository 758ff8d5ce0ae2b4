#include "verify/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "verify/campaign_report.h"
#include "verify/hunts.h"
#include "verify/typed_hunt.h"

namespace busproof::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void one_by_one(std::size_t count, const std::function<void(std::size_t)>& work) {
  for (std::size_t i = 0; i < count; ++i) work(i);
}

void backwards_on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::jthread> threads;
  for (std::size_t i = count; i-- > 0;) threads.emplace_back([&work, i] { work(i); });
}

CampaignResult run(const CampaignPlan& plan, const RunAll& run_all = one_by_one) {
  return run_campaign(make_hunts({}), plan, run_all, [](const Hunt&, std::uint64_t) {});
}

/// The report without what the clock says.
std::string report(CampaignResult result) {
  for (HuntResult& hunt : result.hunts) hunt.seconds = 0;
  return campaign_json(result, {.version = "1"});
}

/// Numbers, of which none may be above 1000 and none a multiple of 77.
class NumberHunt final : public TypedHunt<std::uint64_t> {
 public:
  [[nodiscard]] std::string_view name() const override { return "numbers"; }
  [[nodiscard]] std::vector<LawRow> laws() const override {
    return {{"small", "a number is below 1000"}, {"odd", "a number is no multiple of 77"}};
  }
  [[nodiscard]] std::vector<ExpectedClass> expected() const override { return {{"size", "huge"}, {"size", "small"}}; }

 protected:
  rc::Gen<std::uint64_t> cases() const override { return rc::gen::inRange<std::uint64_t>(0, 2000); }
  Breaches check(const std::uint64_t& number, Tally& tally) const override {
    tally.seen("size", "small");
    Breaches found;
    if (number >= 1000) found.push_back({"small", std::to_string(number) + " is not\n"});
    if (number > 0 && number % 77 == 0) found.push_back({"odd", std::to_string(number) + " is one\n"});
    return found;
  }
  CaseFiles files_of(const std::uint64_t& number) const override { return {{"number", std::to_string(number)}}; }
  std::size_t size_of(const std::uint64_t& /*number*/) const override { return 1; }
  Result<std::uint64_t> read_case(const CaseFiles& files) const override { return std::stoull(files.at("number")); }
};

std::vector<std::unique_ptr<Hunt>> number_hunts() {
  std::vector<std::unique_ptr<Hunt>> hunts;
  hunts.push_back(std::make_unique<NumberHunt>());
  return hunts;
}

CampaignResult run_numbers(const CampaignPlan& plan) {
  return run_campaign(number_hunts(), plan, one_by_one, [](const Hunt&, std::uint64_t) {});
}

TEST(Campaign, FindsTheSameWithHoweverManyThreads) {
  const CampaignPlan plan{.seed = 7, .cases = 60};
  EXPECT_EQ(report(run(plan)), report(run(plan, backwards_on_threads)));
}

TEST(Campaign, FindsInItsShardsTogetherWhatItFindsAlone) {
  const CampaignPlan plan{.seed = 8, .cases = 500};
  std::vector<std::string> shards;
  for (std::uint64_t i = 0; i < 4; ++i) {
    CampaignPlan part = plan;
    part.share = {.index = i, .count = 4};
    shards.push_back(report(run_numbers(part)));
  }
  const auto merged = merge_campaigns(shards);
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(*merged, report(run_numbers(plan)));
}

TEST(Campaign, ShrinksTheFirstCaseThatBreaksALaw) {
  const CampaignResult result = run_numbers({.seed = 1, .cases = 500});
  ASSERT_THAT(result.failures, SizeIs(2));
  EXPECT_EQ(result.failures[0].law, "odd");
  EXPECT_EQ(result.failures[1].example.breach.words, "1000 is not\n");
}

TEST(Campaign, SaysWhichClassItNeverSaw) {
  const CampaignResult result = run_numbers({.seed = 1, .cases = 10});
  ASSERT_THAT(result.hunts[0].never_seen, SizeIs(1));
  EXPECT_EQ(result.hunts[0].never_seen[0].value, "huge");
  EXPECT_THAT(campaign_text(result, {.version = "1"}), HasSubstr("never seen: size huge\n"));
}

TEST(Campaign, ToldToReplayMakesTheSameCaseAgain) {
  const CampaignResult all = run_numbers({.seed = 1, .cases = 500});
  const CampaignResult again = run_numbers({.seed = 1, .first = all.failures[0].number, .cases = 1});
  ASSERT_FALSE(again.failures.empty());
  EXPECT_EQ(again.failures[0].example.files, all.failures[0].example.files);
  EXPECT_THAT(campaign_text(all, {.version = "1"}),
              HasSubstr("busproof verify --property odd --hunt numbers --seed 1 --first " +
                        std::to_string(all.failures[0].number) + " --cases 1\n"));
}

TEST(Campaign, RefusesToMergeWhatDoesNotBelongTogether) {
  const std::string one = report(run_numbers({.seed = 1, .cases = 10}));
  const std::string other = report(run_numbers({.seed = 2, .cases = 10}));
  EXPECT_EQ(merge_campaigns({one, other}).error().message, "report 2 has another seed");
  EXPECT_EQ(merge_campaigns({one, "[]"}).error().message, "report 2 is no result of verify: it is no JSON object");
  EXPECT_EQ(merge_campaigns({}).error().message, "report 1 is no result of verify: there is none");
  EXPECT_FALSE(merge_campaigns({R"({"kind": "verify"})", R"({"kind": "verify", "hunts": [1]})"}));
}

TEST(Campaign, EveryLawIsLookedAt) {
  const CampaignResult result = run({.seed = 3, .cases = 60});
  for (const HuntResult& hunt : result.hunts)
    for (const LawRow& law : hunt.laws)
      EXPECT_TRUE(hunt.tally.checks().contains(law.name)) << hunt.name << " never looks at " << law.name;
  EXPECT_TRUE(result.failures.empty()) << campaign_text(result, {.version = "1"});
}

}  // namespace
}  // namespace busproof::verify
