#include "engine/domain/xml_splice.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace busproof::domain {

std::string with_splices(std::string_view text, const std::vector<Splice>& splices) {
  // A plain sort over numbered splices: libstdc++ 12's stable sort does not compile cleanly under clang 19.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < splices.size(); ++i) order.push_back(i);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(splices[i].offset, splices[i].length != 0, i); });
  std::size_t size = text.size();
  for (const Splice& splice : splices) size += splice.text.size();
  std::string result;
  result.reserve(size);
  std::size_t copied = 0;
  for (const std::size_t i : order) {
    const Splice& splice = splices[i];
    assert(splice.offset >= copied && splice.offset + splice.length <= text.size());
    result.append(text, copied, splice.offset - copied).append(splice.text);
    copied = splice.offset + splice.length;
  }
  return result.append(text, copied);
}

}  // namespace busproof::domain
