#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace busproof {

/// The whole file; empty when there is none.
inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace busproof
