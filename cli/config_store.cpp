#include "cli/config_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "cli/files.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string key;
  bool chosen = false;
};

/// By path, so that a file that is named twice counts once.
using FoundFiles = std::map<std::string, Found>;

/// The folder's files in the given one; a symbolic link to another file of the folder is that file.
Result<void> find_files(const std::string& folder, FoundFiles& found) {
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (path.filename().string().starts_with('.')) entry.disable_recursion_pending();
      continue;
    }
    if (path.extension() != ".xml") continue;
    // A link that leads nowhere is not left out silently.
    if (entry->is_symlink(ignored) && fs::exists(path, ignored)) {
      const fs::path target =
          fs::weakly_canonical(path, ignored).lexically_relative(fs::weakly_canonical(folder, ignored));
      if (!target.empty() && *target.begin() != "..") continue;
    }
    found.try_emplace(path.string(), Found{path.lexically_relative(folder).string(), false});
  }
  if (error)
    return Refusal(Error{ErrorKind::Unreadable, "", fmt::format("cannot list {}: {}", folder, error.message())});
  return {};
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::list(const std::vector<std::string>& paths) {
  FoundFiles found;
  for (const std::string& path : paths) {
    if (is_folder(path)) {
      if (const auto listed = find_files(path, found); !listed) return std::unexpected(listed.error());
    } else {
      found[path] = {fs::path(path).filename().string(), true};
    }
  }
  auto store = std::make_unique<FileStore>();
  for (auto& [path, file] : found) {
    store->entries_.push_back({std::move(file.key), shown_name(path), file.chosen});
    store->paths_.push_back(path);
  }
  return store;
}

Result<std::string> FileStore::read(std::size_t entry) const {
  std::error_code ignored;
  if (!entries_[entry].chosen || fs::is_regular_file(paths_[entry], ignored)) return read_text(paths_[entry]);
  const std::lock_guard lock(mutex_);
  const auto known = piped_.find(entry);
  if (known != piped_.end()) return known->second;
  auto text = read_text(paths_[entry]);
  if (text) piped_.emplace(entry, *text);
  return text;
}

}  // namespace busproof::cli
