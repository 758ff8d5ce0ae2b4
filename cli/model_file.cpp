#include "cli/model_file.h"

#include <cerrno>
#include <utility>

#include "cli/files.h"
#include "fakesys/recorded_host.h"

namespace busproof::cli {

Result<void> ModelFile::save() const {
  auto replacement = Replacement::prepare(path_, fakesys::save_host(kernel_.host()));
  if (!replacement) return std::unexpected(replacement.error());
  if (auto synced = replacement->sync(); !synced) return synced;
  if (auto placed = replacement->take_place(); !placed) return placed;
  if (!replacement->folder().empty()) sync_folder(replacement->folder());
  return {};
}

template <class Change>
host::Answer<void> ModelFile::change(Change make) {
  fakesys::FakeKernel before = kernel_;
  auto answer = make();
  // Not brought to the disk each time: what a dead program leaves behind does not need it.
  auto replacement = Replacement::prepare(path_, fakesys::save_host(kernel_.host()));
  if (replacement && replacement->take_place()) return answer;
  kernel_ = std::move(before);
  return std::unexpected(host::Failure{EIO});
}

host::Answer<void> ModelFile::write(std::string_view path, std::string_view value) {
  return change([&] { return kernel_.write(path, value); });
}
host::Answer<void> ModelFile::load_module(std::string_view name) {
  return change([&] { return kernel_.load_module(name); });
}

}  // namespace busproof::cli
