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
