#include "engine/domain/markup_writer.h"

#include <algorithm>

namespace busproof::domain {

void MarkupWriter::grow(std::size_t bytes) {
  constexpr std::size_t kBytesMin = 512;
  const std::size_t size = std::max({2 * text_.size(), size_ + bytes, kBytesMin});
  text_.resize_and_overwrite(size, [&](char* /*text*/, std::size_t /*room*/) { return size; });
}

}  // namespace busproof::domain
