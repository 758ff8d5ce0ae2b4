#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/host/kernel.h"
#include "fakesys/fake_kernel.h"

namespace busproof::cli {

/// A model whose file has each change as soon as it is made, as a machine has: whoever dies in the midst of an
/// operation leaves what a dead program leaves on a machine.
class ModelFile final : public host::Kernel {
 public:
  ModelFile(std::string path, fakesys::FakeKernel kernel) : path_(std::move(path)), kernel_(std::move(kernel)) {}

  [[nodiscard]] fakesys::FakeKernel& model() { return kernel_; }
  /// Writes the model to its file, for good: what time has changed, too.
  Result<void> save() const;

  host::Answer<std::string> read(std::string_view path) override { return kernel_.read(path); }
  host::Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override {
    return kernel_.read_bytes(path, offset, count);
  }
  /// Errors besides the kernel's own: EIO, the file cannot be written; then nothing has happened.
  host::Answer<void> write(std::string_view path, std::string_view value) override;
  host::Answer<std::vector<std::string>> list(std::string_view path) override { return kernel_.list(path); }
  host::Answer<std::string> read_link(std::string_view path) override { return kernel_.read_link(path); }
  host::Answer<void> load_module(std::string_view name) override;
  host::Answer<bool> vfio_group_in_use(unsigned group) override { return kernel_.vfio_group_in_use(group); }
  std::string worker() override { return kernel_.worker(); }
  bool at_work(std::string_view worker) override { return kernel_.at_work(worker); }
  std::chrono::milliseconds now() override { return kernel_.now(); }
  void wait(std::chrono::milliseconds duration) override { kernel_.wait(duration); }

 private:
  template <class Change>
  host::Answer<void> change(Change make);

  std::string path_;
  fakesys::FakeKernel kernel_;
};

}  // namespace busproof::cli
