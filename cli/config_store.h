#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/result.h"

/// Where the configs of a run come from: files, a git revision, a libvirt.
namespace busproof::cli {

class ConfigStore {
 public:
  struct Entry {
    std::string key;     ///< where it lies in the store; the same config elsewhere has the same one: "db/web01.xml"
    std::string name;    ///< as messages call it: "git:HEAD~1:db/web01.xml"
    bool chosen = true;  ///< named by the user; else found in a folder, where there may be XML that is no domain
    bool missed = true;  ///< worth telling when it has no newer state
  };

  ConfigStore() = default;
  ConfigStore(const ConfigStore&) = delete;
  ConfigStore& operator=(const ConfigStore&) = delete;
  virtual ~ConfigStore() = default;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  /// The text of an entry; may be called from any thread.
  [[nodiscard]] virtual Result<std::string> read(std::size_t entry) const = 0;

 protected:
  std::vector<Entry> entries_;  ///< sorted by name, each once
};

/// Files, and all files *.xml below folders, folders that begin with a dot left out. Keys are as below the folder that
/// was named. Files that are named are not looked at before they are read.
class FileStore : public ConfigStore {
 public:
  /// Errors: a folder that cannot be listed.
  static Result<std::unique_ptr<FileStore>> list(const std::vector<std::string>& paths);

  [[nodiscard]] Result<std::string> read(std::size_t entry) const override;
  /// The path of an entry: "-" is standard input.
  [[nodiscard]] const std::string& path(std::size_t entry) const { return paths_[entry]; }
  /// Gives the entry the key that it has in another store.
  void set_key(std::size_t entry, std::string key) { entries_[entry].key = std::move(key); }

 private:
  std::vector<std::string> paths_;  ///< in the order of the entries
  mutable std::mutex mutex_;
  mutable std::map<std::size_t, std::string> piped_;  ///< what can be read once, by entry
};

}  // namespace busproof::cli
