#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/host/kernel.h"

/// The system calls on one file, errno for errno. They make no use of locks or threads, so that a process that was
/// forked off may make them.
namespace busproof::host {

/// A descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Up to `count` bytes from `offset` on; fewer where the file ends.
Answer<std::string> read_file(const std::string& file, std::uint64_t offset, std::size_t count);
/// One write(2). Errors besides the kernel's: EIO, it took less than all of it.
Answer<void> write_file(const std::string& file, const std::string& value);

}  // namespace busproof::host
