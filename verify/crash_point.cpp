#include "verify/crash_point.h"

#include <cerrno>

namespace busproof::verify {
namespace {

std::unexpected<host::Failure> failed(int error) { return std::unexpected(host::Failure{error}); }

}  // namespace

Life::Fate Life::next(bool of_store) {
  if (dead()) return Fate::DieBefore;
  ++count_;
  if (point_.when == CrashPoint::When::Full) return of_store && count_ >= point_.at ? Fate::DiskFull : Fate::Live;
  if (count_ != point_.at || point_.when == CrashPoint::When::Never) return Fate::Live;
  dead_ = true;
  if (point_.when == CrashPoint::When::After) return Fate::DieAfter;
  return point_.when == CrashPoint::When::Torn && of_store ? Fate::DieTorn : Fate::DieBefore;
}

template <class T, class Run>
host::Answer<T> MortalKernel::live(Run run) {
  const Life::Fate fate = life_.next(false);
  if (fate == Life::Fate::DieBefore) return failed(EINTR);
  auto answer = run();
  if (fate == Life::Fate::DieAfter) return failed(EINTR);
  return answer;
}

host::Answer<std::string> MortalKernel::read(std::string_view path) {
  return live<std::string>([&] { return kernel_.read(path); });
}
host::Answer<std::string> MortalKernel::read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) {
  return live<std::string>([&] { return kernel_.read_bytes(path, offset, count); });
}
host::Answer<void> MortalKernel::write(std::string_view path, std::string_view value) {
  return live<void>([&] { return kernel_.write(path, value); });
}
host::Answer<std::vector<std::string>> MortalKernel::list(std::string_view path) {
  return live<std::vector<std::string>>([&] { return kernel_.list(path); });
}
host::Answer<std::string> MortalKernel::read_link(std::string_view path) {
  return live<std::string>([&] { return kernel_.read_link(path); });
}
host::Answer<void> MortalKernel::load_module(std::string_view name) {
  return live<void>([&] { return kernel_.load_module(name); });
}
host::Answer<bool> MortalKernel::vfio_group_in_use(unsigned group) {
  return live<bool>([&] { return kernel_.vfio_group_in_use(group); });
}

host::Answer<std::vector<std::string>> MortalStore::list() {
  if (life_.dead()) return failed(EINTR);
  return store_.list();
}
host::Answer<std::string> MortalStore::read(const std::string& name) {
  if (life_.dead()) return failed(EINTR);
  return store_.read(name);
}

host::Answer<void> MortalStore::append(const std::string& name, std::string_view text) {
  const Life::Fate fate = life_.next(true);
  if (fate == Life::Fate::DieBefore) return failed(EINTR);
  if (fate == Life::Fate::DieTorn) text = text.substr(0, text.size() / 2);
  if (fate == Life::Fate::DiskFull) return failed(ENOSPC);
  auto answer = store_.append(name, text);
  if (fate != Life::Fate::Live) return failed(EINTR);
  return answer;
}

host::Answer<void> MortalStore::replace(const std::string& name, std::string_view text) {
  const Life::Fate fate = life_.next(true);
  if (fate == Life::Fate::DiskFull) return failed(ENOSPC);
  if (fate == Life::Fate::DieBefore || fate == Life::Fate::DieTorn) return failed(EINTR);
  auto answer = store_.replace(name, text);
  if (fate != Life::Fate::Live) return failed(EINTR);
  return answer;
}

host::Answer<void> MortalStore::remove(const std::string& name) {
  const Life::Fate fate = life_.next(true);
  if (fate == Life::Fate::DieBefore || fate == Life::Fate::DieTorn) return failed(EINTR);
  auto answer = store_.remove(name);  // room is made, not taken
  if (fate == Life::Fate::DieAfter) return failed(EINTR);
  return answer;
}

host::Answer<void> MortalStore::try_to_write() {
  if (life_.dead()) return failed(EINTR);
  return store_.try_to_write();
}

host::Answer<std::unique_ptr<host::Lock>> MortalStore::lock(const std::string& name) {
  if (life_.dead()) return failed(EINTR);
  return store_.lock(name);
}

}  // namespace busproof::verify
