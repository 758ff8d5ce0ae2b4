#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/diff.h"
#include "engine/abi/rules.h"
#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/support/files.h"

// Every pair of corpus/pairs: two configs of one domain, and what its guest would notice. BUSPROOF_UPDATE_CORPUS=1
// writes what busproof says now; why.md says what must be in it.
namespace busproof {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path kPairs = fs::path(BUSPROOF_SOURCE_DIR) / "corpus/pairs";

std::vector<fs::path> pairs() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kPairs)) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

abi::AbiSnapshot snapshot_in(const fs::path& file) {
  const auto document = domain::XmlDocument::parse(file_text(file));
  EXPECT_TRUE(document) << file << document.error().message;
  const auto wish = domain::read_domain(document.value());
  EXPECT_TRUE(wish) << file << wish.error().message;
  const auto assignment = assign::assign(wish.value());
  EXPECT_TRUE(assignment) << file << assignment.error().message;
  return abi::snapshot(assignment.value().placed, *wish);
}

Json json_of(const Findings& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    Json entry{{"rule", finding.rule},
               {"name", abi::find_rule(finding.rule)->name},
               {"severity", to_string(finding.severity)},
               {"device", finding.device},
               {"change", finding.change},
               {"witness", Json::array()}};
    for (const Witness& witness : finding.witness)
      entry["witness"].push_back(std::string(to_string(witness.observer)) + ": " + witness.text);
    json.push_back(std::move(entry));
  }
  return json;
}

Json recorded(const fs::path& pair) { return Json::parse(file_text(pair / "findings.json")); }

class Pair : public testing::TestWithParam<fs::path> {};

TEST_P(Pair, HasItsFindings) {
  const auto before = snapshot_in(GetParam() / "old.xml"), after = snapshot_in(GetParam() / "new.xml");

  const Json found = json_of(abi::diff(before, after));

  if (std::getenv("BUSPROOF_UPDATE_CORPUS") != nullptr)
    std::ofstream(GetParam() / "findings.json") << found.dump(2) << "\n";
  EXPECT_EQ(found, recorded(GetParam())) << found.dump(2);
}

TEST_P(Pair, DiffersFromNeitherOfItsSidesAlone) {
  for (const char* side : {"old.xml", "new.xml"}) {
    const auto snapshot = snapshot_in(GetParam() / side);
    EXPECT_THAT(abi::diff(snapshot, snapshot), testing::IsEmpty()) << side;
  }
}

TEST_P(Pair, TellsWhatItIsThereFor) { EXPECT_FALSE(file_text(GetParam() / "why.md").empty()); }

INSTANTIATE_TEST_SUITE_P(Corpus, Pair, testing::ValuesIn(pairs()), [](const auto& pair) {
  std::string name = pair.param.filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Pairs, RaiseEveryRuleAboutDifferences) {
  std::set<std::string> raised;
  for (const fs::path& pair : pairs())
    for (const Json& finding : recorded(pair)) raised.insert(finding["rule"]);
  for (const abi::Rule& rule : abi::kRules)
    EXPECT_TRUE(!rule.id.starts_with("BP1") || raised.contains(std::string(rule.id))) << rule.id << " " << rule.name;
}

TEST(Pairs, AreEightyOrMore) { EXPECT_GE(pairs().size(), 80); }

}  // namespace
}  // namespace busproof
