#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/kernel.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// A kernel that is all made up: the seam over a host. A copy is a snapshot, and what is done to one shows in no other.
class FakeKernel final : public host::Kernel {
 public:
  explicit FakeKernel(Host host) : host_(std::move(host)) {}

  host::Answer<std::string> read(std::string_view path) override;
  host::Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override;
  host::Answer<void> write(std::string_view path, std::string_view value) override;
  host::Answer<std::vector<std::string>> list(std::string_view path) override;
  host::Answer<std::string> read_link(std::string_view path) override;
  host::Answer<void> load_module(std::string_view name) override;
  host::Answer<bool> vfio_group_in_use(unsigned group) override;
  std::string worker() override { return "fake"; }
  bool at_work(std::string_view worker) override;
  std::chrono::milliseconds now() override { return std::chrono::milliseconds(host_.model.now_ms()); }
  void wait(std::chrono::milliseconds duration) override { host_.model.advance(duration.count()); }

  /// Lets time pass until the call is done, or its deadline has come: ETIMEDOUT, and it goes on.
  host::Answer<void> await(CallId call);
  /// How long a call may take before it is left behind.
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }

  [[nodiscard]] Host& host() { return host_; }
  [[nodiscard]] const Host& host() const { return host_; }

 private:
  Host host_;
  std::chrono::milliseconds deadline_{60'000};
  std::vector<CallId> left_behind_;  ///< that did not come back by their deadlines
};

}  // namespace busproof::fakesys
