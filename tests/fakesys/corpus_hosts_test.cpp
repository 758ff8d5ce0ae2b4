// corpus/hosts: a description and the host that was made of it. BUSPROOF_UPDATE_CORPUS=1 makes the hosts anew.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "tests/support/files.h"

namespace busproof::fakesys {
namespace {

namespace fs = std::filesystem;

const fs::path kHosts = fs::path(BUSPROOF_SOURCE_DIR) / "corpus/hosts";

std::vector<fs::path> descriptions() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kHosts)) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

TEST(CorpusHosts, AreWhatTheirDescriptionsSay) {
  ASSERT_GE(descriptions().size(), 8u);
  for (const fs::path& path : descriptions()) {
    const auto host = new_host(file_text(path));
    ASSERT_TRUE(host.has_value()) << path << ": " << host.error().message;
    fs::path kept = path;
    kept.replace_extension(".json");
    const std::string text = save_host(*host);
    if (std::getenv("BUSPROOF_UPDATE_CORPUS") != nullptr) std::ofstream(kept, std::ios::binary) << text;
    EXPECT_EQ(text, file_text(kept)) << kept;
  }
}

TEST(CorpusHosts, ReadBackAsTheSameHosts) {
  for (const fs::path& path : descriptions()) {
    fs::path kept = path;
    kept.replace_extension(".json");
    const auto host = load_host(file_text(kept));
    ASSERT_TRUE(host.has_value()) << kept << ": " << host.error().message;
    EXPECT_EQ(save_host(*host), file_text(kept)) << kept;
  }
}

}  // namespace
}  // namespace busproof::fakesys
