#include "engine/domain/xml_splice.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace busproof::domain {

std::string Splices::made_in(std::string_view text) const {
  const auto rank = [](const Splice& splice) { return std::tuple(splice.offset, splice.length != 0, splice.begin); };
  std::vector<Splice> ordered;
  const bool is_ordered = std::ranges::is_sorted(splices_, {}, rank);
  if (!is_ordered) {
    ordered = splices_;
    std::ranges::sort(ordered, {}, rank);
  }
  std::string result;
  const std::size_t size_max = text.size() + inserted_.size();
  result.resize_and_overwrite(size_max, [&](char* const begin, std::size_t /*room*/) {
    char* at = begin;
    const auto put = [&](std::string_view piece) { at = std::copy_n(piece.data(), piece.size(), at); };
    std::size_t copied = 0;
    for (const Splice& splice : is_ordered ? splices_ : ordered) {
      assert(splice.offset >= copied && splice.offset + splice.length <= text.size());
      put(text.substr(copied, splice.offset - copied));
      put(std::string_view(inserted_).substr(splice.begin, splice.size));
      copied = splice.offset + splice.length;
    }
    put(text.substr(copied));
    return static_cast<std::size_t>(at - begin);
  });
  return result;
}

}  // namespace busproof::domain
