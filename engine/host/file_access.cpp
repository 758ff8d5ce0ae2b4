#include "engine/host/file_access.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace busproof::host {

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

Answer<std::string> read_file(const std::string& file, std::uint64_t offset, std::size_t count) {
  constexpr std::size_t kPage = 4096;
  // What is no file of a kernel (a named pipe in a folder made for a test) would otherwise be waited for.
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.is_open()) return std::unexpected(Failure{errno});
  // Not pread(2) from the beginning on: of an attribute it would have the kernel make the whole text again each time.
  if (offset != 0 && ::lseek(opened.number(), static_cast<off_t>(offset), SEEK_SET) < 0)
    return std::unexpected(Failure{errno});
  std::string text;
  while (text.size() < count) {
    const std::size_t had = text.size();
    text.resize(std::min(count, std::max(had + kPage, had * 2)));
    const ssize_t got = ::read(opened.number(), text.data() + had, text.size() - had);
    const int error = errno;
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return std::unexpected(Failure{error});
    if (got == 0) break;
  }
  return text;
}

Answer<void> write_file(const std::string& file, const std::string& value) {
  const Descriptor opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!opened.is_open()) return std::unexpected(Failure{errno});
  const ssize_t taken = ::write(opened.number(), value.data(), value.size());
  if (taken < 0) return std::unexpected(Failure{errno});
  if (static_cast<std::size_t>(taken) != value.size()) return std::unexpected(Failure{EIO});
  return {};
}

}  // namespace busproof::host
