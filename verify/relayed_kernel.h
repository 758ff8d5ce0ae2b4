#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/kernel.h"

namespace busproof::verify {

/// A kernel before another one, which sees every call that does something come and go, and may have it fail with EINTR:
/// before anything has happened, or after.
class RelayedKernel : public host::Kernel {
 public:
  explicit RelayedKernel(host::Kernel& kernel) : kernel_(kernel) {}

  host::Answer<std::string> read(std::string_view path) final {
    return relay<std::string>([&] { return kernel_.read(path); });
  }
  host::Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) final {
    return relay<std::string>([&] { return kernel_.read_bytes(path, offset, count); });
  }
  host::Answer<void> write(std::string_view path, std::string_view value) final {
    return relay<void>([&] { return kernel_.write(path, value); });
  }
  host::Answer<std::vector<std::string>> list(std::string_view path) final {
    return relay<std::vector<std::string>>([&] { return kernel_.list(path); });
  }
  host::Answer<std::string> read_link(std::string_view path) final {
    return relay<std::string>([&] { return kernel_.read_link(path); });
  }
  host::Answer<void> load_module(std::string_view name) final {
    return relay<void>([&] { return kernel_.load_module(name); });
  }
  host::Answer<bool> vfio_group_in_use(unsigned group) final {
    return relay<bool>([&] { return kernel_.vfio_group_in_use(group); });
  }
  std::string worker() override { return kernel_.worker(); }
  bool at_work(std::string_view worker) override { return kernel_.at_work(worker); }
  std::chrono::milliseconds now() override { return kernel_.now(); }
  void wait(std::chrono::milliseconds duration) override { kernel_.wait(duration); }

 protected:
  /// Whether a call is made at all.
  virtual bool may_begin() = 0;
  /// Whether its caller is told what came of it.
  virtual bool may_return() = 0;

 private:
  template <class T, class Call>
  host::Answer<T> relay(Call call) {
    const auto interrupted = std::unexpected(host::Failure{EINTR});
    if (!may_begin()) return interrupted;
    auto answer = call();
    if (!may_return()) return interrupted;
    return answer;
  }

  host::Kernel& kernel_;
};

}  // namespace busproof::verify
