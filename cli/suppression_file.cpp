#include "cli/suppression_file.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/files.h"
#include "engine/base/text.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

/// As seen from the current folder.
std::string nearest_file() {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  fs::path folder = here;
  for (std::string up; !error; up += "../") {
    for (const char* name : {".busproof.toml", ".busproof.json"}) {
      std::error_code ignored;
      if (fs::exists(folder / name, ignored)) return up + name;
    }
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  return {};
}

}  // namespace

Result<std::optional<SuppressionFile>> load_suppressions(const std::string& chosen) {
  const std::string path = chosen.empty() ? nearest_file() : chosen;
  if (path.empty()) return std::nullopt;
  auto text = read_text(path);
  if (!text) return std::unexpected(text.error());
  auto suppressions = path.ends_with(".json") ? policy::read_json(*text) : policy::read_toml(*text);
  if (!suppressions) {
    Error error = suppressions.error();
    if (error.offset) {
      const domain::TextPlace place = domain::place_of(*text, *error.offset);
      error.device = shown_name(path) + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
    }
    return std::unexpected(std::move(error));
  }
  return SuppressionFile{path, *std::move(text), *std::move(suppressions)};
}

std::chrono::year_month_day today() {
  using std::chrono::sys_seconds, std::chrono::seconds, std::chrono::days;
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  const auto given = unsigned_64(epoch == nullptr ? "" : epoch, Radix::Decimal);
  const sys_seconds now = given ? sys_seconds(seconds(static_cast<std::int64_t>(*given)))
                                : std::chrono::floor<seconds>(std::chrono::system_clock::now());
  return std::chrono::floor<days>(now);
}

}  // namespace busproof::cli
