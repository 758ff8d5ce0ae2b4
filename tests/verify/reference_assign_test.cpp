#include "verify/reference_assign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/domain/xml_document.h"
#include "tests/support/domain_builder.h"
#include "verify/placement_compare.h"

// The reference allocator beside what a real libvirt answered; the engine has no part in it.
namespace busproof::verify::reference {
namespace {

namespace fs = std::filesystem;

Result<domain::Domain> domain_in(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const auto document = domain::XmlDocument::parse({std::istreambuf_iterator<char>(stream), {}});
  if (!document) return std::unexpected(document.error());
  return domain::read_domain(*document);
}

/// One recorded case: what was asked, and the answer, if libvirt gave one.
struct Recorded {
  std::string name;
  fs::path in, out;
};

struct Tally {
  std::size_t agreed = 0, unreadable = 0, not_covered = 0, refused_later = 0;
  std::vector<std::string> wrong{};
};

void compare(const Recorded& recorded, Tally& tally) {
  const auto wish = domain_in(recorded.in);
  if (!wish) {
    ++tally.unreadable;
    return;
  }
  const Answer answer = assign(*wish);
  if (std::holds_alternative<NotCovered>(answer)) {
    ++tally.not_covered;
    return;
  }
  const bool was_placed = fs::exists(recorded.out);
  if (const auto* error = std::get_if<Error>(&answer)) {
    if (was_placed) tally.wrong.push_back(recorded.name + ": refused: " + error->message);
    tally.agreed += was_placed ? 0 : 1;
    return;
  }
  if (!was_placed) {
    ++tally.refused_later;
    return;
  }
  const auto found = differences(*domain_in(recorded.out), std::get<domain::Domain>(answer));
  for (const std::string& difference : found) tally.wrong.push_back(recorded.name + ": " + difference);
  tally.agreed += found.empty() ? 1 : 0;
}

Tally compare_all(const std::vector<Recorded>& all) {
  Tally tally;
  for (const Recorded& recorded : all) compare(recorded, tally);
  std::cout << all.size() << " recorded, " << tally.agreed << " agree, " << tally.not_covered << " not covered, "
            << tally.unreadable << " refused by the reader, " << tally.refused_later
            << " placed here and refused by a later check of libvirt's\n";
  return tally;
}

TEST(ReferenceAssign, PlacesTheCorpusAsLibvirtDid) {
  std::vector<Recorded> all;
  for (const auto& entry : fs::directory_iterator(BUSPROOF_CORPUS_DIR))
    if (entry.is_directory())
      all.push_back({entry.path().filename().string(), entry.path() / "in.xml", entry.path() / "out.xml"});
  const Tally tally = compare_all(all);
  EXPECT_THAT(tally.wrong, testing::IsEmpty());
  EXPECT_GT(tally.agreed, 100U);
}

TEST(ReferenceAssign, PlacesWhatWasRecordedBesideTheCheckoutAsLibvirtDid) {
  const fs::path folder = fs::path(BUSPROOF_SOURCE_DIR) / "../shared/conformance";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  std::vector<Recorded> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (path.ends_with(".in.xml")) all.push_back({path, entry.path(), path.substr(0, path.size() - 7) + ".out.xml"});
  }
  const Tally tally = compare_all(all);
  EXPECT_THAT(tally.wrong, testing::IsEmpty());
  EXPECT_GT(tally.agreed, 1000U);
}

}  // namespace
}  // namespace busproof::verify::reference
