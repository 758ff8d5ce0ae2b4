#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cli/config_store.h"
#include "cli/process.h"

namespace busproof::cli {

/// The configs of one revision, read through git itself. Keys are paths from the top of the working tree.
class GitStore : public ConfigStore {
 public:
  /// Those that can be the older state of `configs`: the ones at the same path, and the *.xml that are no longer there.
  /// Sets the keys of `configs`. `paths` are what the user named: of what has gone only what lay below them is missed.
  /// Errors (Unreadable): no git, no working tree, no such revision.
  static Result<std::unique_ptr<GitStore>> open(const std::string& revision, FileStore& configs,
                                                const std::vector<std::string>& paths);

  GitStore(std::string revision, Dialogue objects) : revision_(std::move(revision)), objects_(std::move(objects)) {}
  [[nodiscard]] Result<std::string> read(std::size_t entry) const override;

 private:
  std::string revision_;
  std::vector<std::string> ids_;  ///< of the blobs, in the order of the entries
  mutable std::mutex mutex_;
  mutable Dialogue objects_;  ///< git cat-file --batch
};

}  // namespace busproof::cli
