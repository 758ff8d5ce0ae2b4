#include "cli/git_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "cli/files.h"
#include "engine/domain/xml_document.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

Error unreadable_in_git(std::string message, std::string remedy = {}) {
  return {ErrorKind::Unreadable, "", std::move(message), {}, std::move(remedy), {}};
}

/// "git -C FOLDER …" with the folder of the first path. In a hook git says itself where the repository is, and means it
/// from the current folder.
std::vector<std::string> git(const std::vector<std::string>& paths, std::vector<std::string> words) {
  fs::path folder = ".";
  if (paths[0] != "-" && std::getenv("GIT_DIR") == nullptr)
    folder = is_folder(paths[0]) ? fs::path(paths[0]) : fs::absolute(paths[0]).parent_path();
  std::vector<std::string> command = {"git", "-C", folder.string()};
  std::ranges::move(words, std::back_inserter(command));
  return command;
}

std::string without_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// Where the path lies from the top; nothing for standard input and what lies outside.
std::optional<std::string> key_of(const std::string& path, const fs::path& top) {
  if (path == "-") return std::nullopt;
  std::error_code ignored;
  const fs::path relative = fs::weakly_canonical(fs::absolute(path), ignored).lexically_relative(top);
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative.string();
}

struct Blob {
  std::string_view id, path;
};

/// Of the output of `git ls-tree -r -z`: "100644 blob ID\tPATH", ended by NUL.
std::vector<Blob> blobs_of(std::string_view listing) {
  std::vector<Blob> blobs;
  while (!listing.empty()) {
    const std::string_view line = listing.substr(0, listing.find('\0'));
    listing.remove_prefix(std::min(line.size() + 1, listing.size()));
    const std::size_t tab = line.find('\t');
    const std::string_view head = line.substr(0, tab);
    const std::string_view kind = head.substr(head.find(' ') + 1);
    if (tab != std::string_view::npos && kind.starts_with("blob "))
      blobs.push_back({kind.substr(5), line.substr(tab + 1)});
  }
  return blobs;
}

/// The output of `git ls-tree`; empty for the HEAD of a repository that has no commit yet.
Result<std::string> listing_of(const std::string& revision, const std::vector<std::string>& paths) {
  const auto commit =
      output_of(git(paths, {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{tree}"}));
  if (commit) return output_of(git(paths, {"ls-tree", "-r", "-z", "--full-tree", without_newline(*commit)}));
  const auto any = revision == "HEAD" ? output_of(git(paths, {"rev-list", "--all", "--max-count=1"})) : commit;
  if (any && any->empty()) return std::string();
  return std::unexpected(unreadable_in_git(fmt::format("git knows no revision '{}'", revision),
                                           "fetch it first; clones of CI services are often shallow"));
}

bool lies_below(std::string_view key, const std::string& folder) {
  return folder == "." || (key.starts_with(folder) && key.substr(folder.size()).starts_with('/'));
}

}  // namespace

Result<std::unique_ptr<GitStore>> GitStore::open(const std::string& revision, FileStore& configs,
                                                 const std::vector<std::string>& paths) {
  const auto top_text = output_of(git(paths, {"rev-parse", "--show-toplevel"}));
  if (!top_text) return std::unexpected(top_text.error());
  const fs::path top = without_newline(*top_text);
  const auto listing = listing_of(revision, paths);
  if (!listing) return std::unexpected(listing.error());
  auto objects = Dialogue::begin(git(paths, {"cat-file", "--batch"}));
  if (!objects) return std::unexpected(objects.error());

  std::set<std::string> keys;
  bool some_lie_outside = false;  // and are known by their UUIDs and names
  for (std::size_t i = 0; i < configs.entries().size(); ++i) {
    const auto key = key_of(configs.path(i), top);
    configs.set_key(i, key.value_or(configs.path(i)));
    some_lie_outside = some_lie_outside || !key;
    if (key) keys.insert(*key);
  }
  std::vector<std::string> folders;
  for (const std::string& path : paths)
    if (const auto key = is_folder(path) ? key_of(path, top) : std::nullopt) folders.push_back(*key);

  auto store = std::make_unique<GitStore>(revision, *std::move(objects));
  for (const Blob& blob : blobs_of(*listing)) {
    const std::string key(blob.path);
    std::error_code ignored;
    const bool is_xml = key.ends_with(".xml");
    const bool may_be_older = is_xml && (some_lie_outside || !fs::exists(top / key, ignored));
    if (!keys.contains(key) && !may_be_older) continue;
    const bool missed =
        std::ranges::any_of(folders, [&](const std::string& folder) { return lies_below(key, folder); });
    store->entries_.push_back({key, fmt::format("git:{}:{}", revision, key), false, missed});
    store->ids_.emplace_back(blob.id);
  }
  return store;
}

Result<std::string> GitStore::read(std::size_t entry) const {
  const std::lock_guard lock(mutex_);
  if (auto asked = objects_.ask(ids_[entry]); !asked) return std::unexpected(asked.error());
  const auto head = objects_.line();  // "ID blob SIZE"
  if (!head) return std::unexpected(head.error());
  std::size_t size = 0;
  const std::size_t number = head->rfind(' ') + 1;
  const auto read = std::from_chars(head->data() + number, head->data() + head->size(), size);
  if (read.ec != std::errc() || size > domain::XmlDocument::kTextMaxBytes)
    return std::unexpected(unreadable_in_git("git cat-file: " + *head));
  auto text = objects_.bytes(size);
  if (const auto newline = objects_.bytes(1); !newline) return std::unexpected(newline.error());
  return text;
}

}  // namespace busproof::cli
