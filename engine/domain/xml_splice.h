#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace busproof::domain {

/// `length` bytes from `offset` on are to become `text`.
struct Splice {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;
  friend bool operator==(const Splice&, const Splice&) = default;
};

/// The text with all splices made. They must not overlap; what is inserted at one offset keeps its order and comes
/// before what replaces the bytes there.
std::string with_splices(std::string_view text, const std::vector<Splice>& splices);

}  // namespace busproof::domain
