// Reads the project's own sources and checks what no compiler does: who includes whom, and how a file is kept.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/files.h"

namespace busproof {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = BUSPROOF_SOURCE_DIR;

/// A source of ours: "engine/pci/address.h", its text, and its room, "engine/pci" (other parts are one room each).
struct Source {
  std::string path;
  std::string text;
  std::string room;
};

std::string room_of(const std::string& path) {
  const std::size_t part_end = path.find('/');
  if (path.substr(0, part_end) != "engine") return path.substr(0, part_end);
  return path.substr(0, path.find('/', part_end + 1));
}

std::vector<Source> sources() {
  std::vector<Source> found;
  for (const std::string_view part : {"engine", "fakesys", "verify", "viz", "cli", "tests"}) {
    if (!fs::exists(kRoot / part)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / part)) {
      const fs::path& file = entry.path();
      if (file.extension() != ".h" && file.extension() != ".cpp") continue;
      const std::string path = file.lexically_relative(kRoot).generic_string();
      found.push_back({path, file_text(file), room_of(path)});
    }
  }
  std::ranges::sort(found, {}, &Source::path);
  return found;
}

/// What is included, as it is spelled; `open` is '"' for headers of ours, '<' for others.
std::vector<std::string> includes(const Source& source, char open) {
  static const std::regex kInclude(R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"])re");
  std::vector<std::string> found;
  for (std::sregex_iterator match(source.text.begin(), source.text.end(), kInclude), end; match != end; ++match)
    if ((*match)[1].str()[0] == open) found.push_back((*match)[2].str());
  return found;
}

/// One row a room: the rooms, or single headers, that it may include besides itself.
struct Arrow {
  std::string_view room;
  std::vector<std::string_view> may_include;
};

const std::array kArrows = {
    Arrow{"engine/base", {}},
    Arrow{"engine/pci", {"engine/base"}},
    Arrow{"engine/domain", {"engine/base", "engine/pci"}},
    Arrow{"engine/topology", {"engine/base", "engine/pci", "engine/domain"}},
    Arrow{"engine/assign", {"engine/base", "engine/pci", "engine/domain", "engine/topology"}},
    Arrow{"engine/abi", {"engine/base", "engine/pci", "engine/domain", "engine/topology"}},
    Arrow{"engine/lock",
          {"engine/base", "engine/pci", "engine/domain", "engine/topology", "engine/assign", "engine/abi"}},
    Arrow{"engine/policy", {"engine/base", "engine/domain", "engine/abi"}},
    Arrow{"engine/host", {"engine/base", "engine/pci"}},
    Arrow{"engine/report", {"engine"}},
    Arrow{"fakesys", {"engine/base", "engine/pci", "engine/host/kernel.h"}},
    Arrow{"verify", {"engine", "fakesys"}},
    Arrow{"viz", {"engine"}},
    Arrow{"cli", {"engine", "fakesys", "verify", "viz"}},
    Arrow{"tests", {"engine", "fakesys", "verify", "viz", "cli"}},
};

/// One row a library that only some rooms may see: how its headers' names begin, and those rooms.
struct Reserved {
  std::string_view header;
  std::vector<std::string_view> rooms;
};

const std::array kReserved = {
    Reserved{"pugixml", {"engine/domain", "tests"}},
    Reserved{"toml++/", {"engine/policy"}},
    Reserved{"CLI/", {"cli"}},
    Reserved{"fuse3/", {"fakesys"}},
    Reserved{"rapidcheck", {"verify", "tests"}},
    Reserved{"graphviz/", {"viz", "tests"}},
    Reserved{"libvirt/", {"verify", "tests"}},
    Reserved{"gtest/", {"tests"}},
    Reserved{"gmock/", {"tests"}},
    Reserved{"benchmark/", {"tests"}},
};

/// Whether `path` is `place` or lies below it.
bool lies_in(std::string_view path, std::string_view place) {
  return path == place || (path.starts_with(place) && path[place.size()] == '/');
}

bool lies_in_any(std::string_view path, const std::vector<std::string_view>& places) {
  return std::ranges::any_of(places, [&](std::string_view place) { return lies_in(path, place); });
}

TEST(Tidy, FindsTheSources) {
  EXPECT_THAT(sources(), testing::Contains(testing::Field(&Source::path, "engine/pci/address.h")));
}

TEST(Tidy, EveryRoomIncludesOnlyTheRoomsBelowIt) {
  for (const Source& source : sources()) {
    const auto arrow = std::ranges::find(kArrows, source.room, &Arrow::room);
    ASSERT_NE(arrow, kArrows.end()) << source.path << " lies in a room of which no row tells what it may include";
    for (const std::string& header : includes(source, '"'))
      EXPECT_TRUE(lies_in(header, source.room) || lies_in_any(header, arrow->may_include))
          << source.path << " includes " << header;
  }
}

TEST(Tidy, ALibraryIsSeenOnlyWhereItBelongs) {
  for (const Source& source : sources())
    for (const std::string& header : includes(source, '<'))
      for (const Reserved& row : kReserved)
        EXPECT_TRUE(!header.starts_with(row.header) || std::ranges::count(row.rooms, source.room) == 1)
            << source.path << " includes " << header;
}

TEST(Tidy, OurHeadersAreSpelledFromTheRoot) {
  for (const Source& source : sources())
    for (const std::string& header : includes(source, '"'))
      EXPECT_TRUE(fs::exists(kRoot / header)) << source.path << " includes " << header;
}

TEST(Tidy, TheNamespaceIsTheFolder) {
  for (const Source& source : sources()) {
    if (!source.path.starts_with("engine/") || !source.path.ends_with(".h")) continue;
    const std::string name = source.room == "engine/base" ? "busproof" : "busproof::" + source.room.substr(7);
    const bool as_it_is = source.text.find("\nnamespace " + name + " {") != std::string::npos;
    const bool with_one_below = source.text.find("\nnamespace " + name + "::") != std::string::npos;
    EXPECT_TRUE(as_it_is || with_one_below) << source.path;
  }
}

TEST(Tidy, EveryHeaderIsReadOnce) {
  for (const Source& source : sources())
    EXPECT_TRUE(!source.path.ends_with(".h") || source.text.find("#pragma once\n") != std::string::npos) << source.path;
}

TEST(Tidy, OnlyTheHostSeamSpellsPathsOfSysfs) {
  for (const Source& source : sources()) {
    if (lies_in_any(source.room, {"engine/host", "fakesys", "cli", "tests"})) continue;
    EXPECT_EQ(source.text.find("\"/sys"), std::string::npos) << source.path;
  }
}

TEST(Tidy, NobodyCatchesEverything) {
  static const std::regex kCatchAll(R"(catch\s*\(\s*\.\.\.\s*\))");
  for (const Source& source : sources()) EXPECT_FALSE(std::regex_search(source.text, kCatchAll)) << source.path;
}

TEST(Tidy, LinesEndCleanlyAndHoldNoTabs) {
  for (const Source& source : sources()) {
    EXPECT_EQ(source.text.find('\t'), std::string::npos) << source.path;
    EXPECT_EQ(source.text.find(" \n"), std::string::npos) << source.path;
    EXPECT_TRUE(source.text.ends_with('\n')) << source.path;
  }
}

}  // namespace
}  // namespace busproof
