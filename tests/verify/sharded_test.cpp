#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "verify/campaign_report.h"

// Four shards under GNU parallel come to what one process comes to.
namespace busproof::verify {
namespace {

namespace fs = std::filesystem;

/// The report without what the clock says.
std::string timeless(const std::string& report) {
  return std::regex_replace(report, std::regex(R"("seconds": [0-9.e+-]+)"), R"("seconds": 0)");
}

TEST(ShardedCampaign, UnderGnuParallelComesToTheSameAsAlone) {
  if (std::system("parallel --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "GNU parallel is not installed";
  const fs::path folder = fs::path(testing::TempDir()) / "busproof-sharded-campaign";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string command = std::string(BUSPROOF_COMMAND) + " verify --seed 11 --cases 60 --jobs 1 --format json";
  const std::string shards =
      "parallel '" + command + " --shard {}/4 > " + (folder / "shard-{}.json").string() + "' ::: 1 2 3 4";
  ASSERT_EQ(std::system(shards.c_str()), 0);
  ASSERT_EQ(std::system((command + " > " + (folder / "alone.json").string()).c_str()), 0);
  std::vector<std::string> reports;
  for (const char* number : {"1", "2", "3", "4"})
    reports.push_back(file_text(folder / ("shard-" + std::string(number) + ".json")));
  const auto merged = merge_campaigns(reports);
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(timeless(*merged), timeless(file_text(folder / "alone.json")));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace busproof::verify
