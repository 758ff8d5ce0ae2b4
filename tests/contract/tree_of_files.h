#pragma once

#include <filesystem>
#include <string>

#include "engine/host/kernel.h"

namespace busproof::contract_tests {

/// A folder that is made for one test and goes with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Copies what a kernel shows below `path` into a folder: directories, links as they are, and what can be read as
/// files.
void copy_tree(host::Kernel& kernel, const std::string& path, const std::filesystem::path& folder);

}  // namespace busproof::contract_tests
