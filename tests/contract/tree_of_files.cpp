#include "tests/contract/tree_of_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace busproof::contract_tests {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "busproof-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code none;
  fs::remove_all(path_, none);
}

void copy_tree(host::Kernel& kernel, const std::string& path, const fs::path& folder) {
  fs::create_directories(folder / path);
  const auto names = kernel.list(path);
  ASSERT_TRUE(names.has_value()) << path;
  for (const std::string& name : *names) {
    const std::string entry = path.empty() ? name : path + '/' + name;
    if (const auto target = kernel.read_link(entry)) {
      fs::create_symlink(*target, folder / entry);
    } else if (kernel.list(entry)) {
      copy_tree(kernel, entry, folder);
    } else {
      constexpr std::size_t kBinaryMax = 4096;
      const auto text = kernel.read_bytes(entry, 0, kBinaryMax);
      std::ofstream(folder / entry, std::ios::binary) << text.value_or("");
    }
  }
}

}  // namespace busproof::contract_tests
