#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/kernel.h"

namespace busproof::host {

/// Held as long as it lives, and no longer than its process does.
class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  virtual ~Lock() = default;
};

/// A folder of small files that survive a crash of the program and of the machine: what a call has done is on the disk
/// when it returns. Errors are the errno of the system.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// Names, sorted. A folder that is not there yet is an empty one.
  virtual Answer<std::vector<std::string>> list() = 0;
  virtual Answer<std::string> read(const std::string& name) = 0;
  /// Adds to the end of the file, or begins it. After a crash a part of the text may be there.
  virtual Answer<void> append(const std::string& name, std::string_view text) = 0;
  /// The whole file anew: after a crash it has the old text or the new one.
  virtual Answer<void> replace(const std::string& name, std::string_view text) = 0;
  /// A file that is not there is removed already.
  virtual Answer<void> remove(const std::string& name) = 0;
  /// Whether more could be written now: writes something, and takes it away.
  virtual Answer<void> try_to_write() = 0;
  /// Errors: EWOULDBLOCK, somebody else holds it.
  virtual Answer<std::unique_ptr<Lock>> lock(const std::string& name) = 0;
};

/// Files in a directory, which is made with the first of them.
class DirectoryStore final : public Store {
 public:
  explicit DirectoryStore(std::string directory) : directory_(std::move(directory)) {}
  Answer<std::vector<std::string>> list() override;
  Answer<std::string> read(const std::string& name) override;
  Answer<void> append(const std::string& name, std::string_view text) override;
  Answer<void> replace(const std::string& name, std::string_view text) override;
  Answer<void> remove(const std::string& name) override;
  Answer<void> try_to_write() override;
  Answer<std::unique_ptr<Lock>> lock(const std::string& name) override;

 private:
  Answer<void> make_directory() const;
  Answer<void> sync_directory() const;
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + '/' + name; }

  std::string directory_;
};

/// The same in memory: for rehearsals and tests.
class MemoryStore final : public Store {
 public:
  using Files = std::map<std::string, std::string>;

  MemoryStore() = default;
  explicit MemoryStore(Files files) : files_(std::move(files)) {}
  Answer<std::vector<std::string>> list() override;
  Answer<std::string> read(const std::string& name) override;
  Answer<void> append(const std::string& name, std::string_view text) override;
  Answer<void> replace(const std::string& name, std::string_view text) override;
  Answer<void> remove(const std::string& name) override;
  Answer<void> try_to_write() override { return {}; }
  Answer<std::unique_ptr<Lock>> lock(const std::string& name) override;

  [[nodiscard]] const Files& files() const { return files_; }

 private:
  Files files_;
  std::shared_ptr<std::set<std::string>> locked_ = std::make_shared<std::set<std::string>>();
};

/// A store's whole content, for working on a copy. Errors: of list() and read().
Answer<MemoryStore::Files> contents(Store& store);

}  // namespace busproof::host
