#include "cli/config_paths.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "cli/files.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

Refusal unreadable_path(const std::string& path, std::string message) {
  return Refusal(Error{ErrorKind::Unreadable, "", std::move(message), path, {}, {}});
}

}  // namespace

Result<std::vector<std::string>> config_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!is_folder(path)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    std::error_code failed;
    for (fs::recursive_directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
      std::error_code none;
      if (at->path().extension() == ".xml" && at->is_regular_file(none)) files.push_back(at->path().string());
    }
    if (failed) return unreadable_path(path, "cannot read: " + failed.message());
    if (files.size() == before) return unreadable_path(path, "there is no *.xml in this folder");
  }
  std::ranges::sort(files);
  const auto repeated = std::ranges::unique(files);
  files.erase(repeated.begin(), repeated.end());
  return files;
}

}  // namespace busproof::cli
