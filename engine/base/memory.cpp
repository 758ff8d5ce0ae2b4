#include "engine/base/memory.h"

#include <malloc.h>

namespace busproof {

void keep_freed_memory() {
  constexpr int kKeptBytes = 64 << 20;
  constexpr int kMappedBytesMin = 32 << 20;  // the most that glibc takes
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
}

}  // namespace busproof
