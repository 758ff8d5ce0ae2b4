#include "viz/packing.h"

#include <zlib.h>

#include <cassert>
#include <limits>

namespace busproof::viz {

std::string packed(std::string_view text) {
  constexpr int kGzip = 16, kMemoryLevel = 9;
  assert(text.size() <= std::numeric_limits<uInt>::max());
  z_stream stream{};
  [[maybe_unused]] int status =
      deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY);
  assert(status == Z_OK);
  std::string file(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(file.data());
  stream.avail_out = static_cast<uInt>(file.size());
  status = deflate(&stream, Z_FINISH);
  assert(status == Z_STREAM_END);
  file.resize(stream.total_out);
  deflateEnd(&stream);
  return file;
}

}  // namespace busproof::viz
