#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/kernel.h"

namespace busproof::host {

/// A tree of files that nobody keeps in order: for what no kernel, real or made up, would ever show. A text that begins
/// with "-> " is a link; one that begins with "!" and a number is the errno of any access.
class TreeKernel final : public Kernel {
 public:
  std::map<std::string, std::string> files;

  Answer<std::string> read(std::string_view path) override {
    const auto found = files.find(std::string(path));
    if (found == files.end()) return failed(has_entries(path) ? EISDIR : ENOENT);
    if (found->second.starts_with("!")) return failed(std::stoi(found->second.substr(1)));
    if (found->second.starts_with("-> ")) return failed(ELOOP);
    return found->second;
  }
  Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override {
    const auto text = read(path);
    if (!text) return text;
    return offset >= text->size() ? std::string() : text->substr(offset, count);
  }
  Answer<void> write(std::string_view, std::string_view) override { return failed(EROFS); }
  Answer<std::vector<std::string>> list(std::string_view path) override {
    const auto found = files.find(std::string(path));
    if (found != files.end())
      return failed(found->second.starts_with("!") ? std::stoi(found->second.substr(1)) : ENOTDIR);
    std::vector<std::string> names;
    const std::string prefix = std::string(path) + '/';
    for (const auto& [name, text] : files) {
      if (!name.starts_with(prefix)) continue;
      std::string entry = name.substr(prefix.size());
      entry.resize(std::min(entry.find('/'), entry.size()));
      if (names.empty() || names.back() != entry) names.push_back(std::move(entry));
    }
    if (names.empty()) return failed(ENOENT);
    std::ranges::sort(names);
    return names;
  }
  Answer<std::string> read_link(std::string_view path) override {
    const auto found = files.find(std::string(path));
    if (found == files.end()) return failed(has_entries(path) ? EINVAL : ENOENT);
    if (!found->second.starts_with("-> ")) return failed(EINVAL);
    return found->second.substr(3);
  }
  Answer<void> load_module(std::string_view) override { return failed(ENOENT); }
  Answer<bool> vfio_group_in_use(unsigned) override { return failed(ENOENT); }
  std::string worker() override { return {}; }
  bool at_work(std::string_view) override { return false; }
  std::chrono::milliseconds now() override { return now_; }
  void wait(std::chrono::milliseconds duration) override { now_ += duration; }

 private:
  static std::unexpected<Failure> failed(int error) { return std::unexpected(Failure{error}); }
  bool has_entries(std::string_view path) const {
    const std::string prefix = std::string(path) + '/';
    const auto next = files.lower_bound(prefix);
    return next != files.end() && next->first.starts_with(prefix);
  }
  std::chrono::milliseconds now_{};
};

}  // namespace busproof::host
