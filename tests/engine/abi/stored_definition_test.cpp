#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/abi/diff.h"
#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/support/files.h"

// Every domain of the corpus that libvirt stored, as it was written and as libvirt printed it: one guest, so that a
// config can be compared with what runs.
namespace busproof::abi {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> stored_domains() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(BUSPROOF_CORPUS_DIR))
    if (fs::exists(entry.path() / "in.xml") && fs::exists(entry.path() / "out.xml")) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

Result<AbiSnapshot> snapshot_of(const fs::path& file) {
  const auto document = domain::XmlDocument::parse(file_text(file));
  if (!document) return std::unexpected(document.error());
  const auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  const auto assignment = assign::assign(*wish);
  if (!assignment) return std::unexpected(assignment.error());
  return snapshot(assignment->placed, *wish);
}

class StoredDefinition : public testing::TestWithParam<fs::path> {};

TEST_P(StoredDefinition, IsTheSameGuestAsTheConfigThatItWasMadeOf) {
  const auto written = snapshot_of(GetParam() / "in.xml"), stored = snapshot_of(GetParam() / "out.xml");
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_TRUE(stored) << stored.error().message;
  std::vector<std::string> errors;
  for (const Finding& finding : diff(*written, *stored))
    if (finding.severity == Severity::Error)
      errors.push_back(finding.rule + " " + finding.device + ": " + finding.change);
  EXPECT_THAT(errors, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Corpus, StoredDefinition, testing::ValuesIn(stored_domains()), [](const auto& domain) {
  std::string name = domain.param.filename().string();
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace busproof::abi
