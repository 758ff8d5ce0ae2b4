#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "viz/graph.h"

namespace busproof::viz {

/// What a page shows of one config, host or comparison.
struct PageEntry {
  std::string name;    ///< "web01"
  std::string file;    ///< as its user calls it
  std::string tree{};  ///< as `busproof tree` prints it; may be empty
  Graph graph{};       ///< what `svg` was made of
  std::string svg{};   ///< empty: there is no picture, `error` says why
  Findings findings{};
  std::string error{};  ///< instead of all the rest
};

/// One HTML page for them all, which needs nothing besides itself: the list of entries where there are several, the
/// picture, to be panned and zoomed, the findings, which light up their device, the tree, and a search over all of it.
/// The page loads nothing and forbids itself to. Every entry's text is data in it, never markup: JSON to be read as it
/// stands, or packed where that alone keeps the page to `kPageSizeMax`. The error says that even so it is too much.
Result<std::string> page(std::string_view title, const std::vector<PageEntry>& entries);
/// In bytes, besides the drawings.
inline constexpr std::size_t kPageSizeMax = 300'000;

/// One entry of an index: what a page of its own shows.
struct IndexEntry {
  std::string name;
  std::string page;         ///< name of its file beside the index
  std::string thumbnail{};  ///< and that of its small picture; empty: none
  std::string remark{};     ///< "2 errors, 1 warning", or why there is no picture
};

/// A page that leads to others in its folder, with small pictures that are loaded when they come into sight.
std::string index_page(std::string_view title, const std::vector<IndexEntry>& entries);

/// "2 errors, 1 warning"; "no findings".
std::string count_text(const Findings& findings);

}  // namespace busproof::viz
