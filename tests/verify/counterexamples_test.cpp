#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "verify/hunts.h"

// What campaigns have found, kept: every law holds of it now.
namespace busproof::verify {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(BUSPROOF_SOURCE_DIR) / "corpus/counterexamples";

std::vector<fs::path> counterexamples() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kFolder)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

CaseFiles files_in(const fs::path& folder) {
  CaseFiles files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    files.emplace(entry.path().filename().string(), std::string(std::istreambuf_iterator<char>(stream), {}));
  }
  return files;
}

class Counterexample : public testing::TestWithParam<fs::path> {};

TEST_P(Counterexample, IsOneNoLonger) {
  const CaseFiles files = files_in(GetParam());
  EXPECT_TRUE(files.contains("law.txt")) << "nothing says which law it broke";
  bool is_known = false;
  for (const auto& hunt : make_hunts({})) {
    const auto breaches = hunt->replay(files);
    if (!breaches) continue;
    is_known = true;
    for (const Breach& breach : *breaches) ADD_FAILURE() << breach.law << ":\n" << breach.words;
  }
  EXPECT_TRUE(is_known) << "no hunt can read it";
}

std::string name_of(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Corpus, Counterexample, testing::ValuesIn(counterexamples()), name_of);

}  // namespace
}  // namespace busproof::verify
