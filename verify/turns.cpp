#include "verify/turns.h"

namespace busproof::verify {

void Turns::begin(unsigned who) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return turn_ == who; });
}

void Turns::step(unsigned who) {
  std::unique_lock lock(mutex_);
  if (run_ < runs_.size()) {
    if (runs_[run_] > 0) {
      --runs_[run_];
    } else {
      ++run_;
      if (!gone_[1 - who]) turn_ = 1 - who;
      changed_.notify_all();
    }
  }
  changed_.wait(lock, [&] { return turn_ == who; });
}

void Turns::leave(unsigned who) {
  const std::lock_guard lock(mutex_);
  gone_[who] = true;
  turn_ = 1 - who;
  changed_.notify_all();
}

void TurnKernel::note(std::size_t since) {
  const auto& all = log_.accesses();
  for (std::size_t i = since; i < all.size(); ++i)
    if (all[i].access == fakesys::Access::Write || all[i].access == fakesys::Access::LoadModule)
      changes_.push_back(all[i]);
}

host::Answer<std::string> TurnKernel::read(std::string_view path) {
  step();
  return kernel_.read(path);
}
host::Answer<std::string> TurnKernel::read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) {
  step();
  return kernel_.read_bytes(path, offset, count);
}
host::Answer<void> TurnKernel::write(std::string_view path, std::string_view value) {
  step();
  const std::size_t since = log_.accesses().size();
  auto answer = kernel_.write(path, value);
  note(since);
  return answer;
}
host::Answer<std::vector<std::string>> TurnKernel::list(std::string_view path) {
  step();
  return kernel_.list(path);
}
host::Answer<std::string> TurnKernel::read_link(std::string_view path) {
  step();
  return kernel_.read_link(path);
}
host::Answer<void> TurnKernel::load_module(std::string_view name) {
  step();
  const std::size_t since = log_.accesses().size();
  auto answer = kernel_.load_module(name);
  note(since);
  return answer;
}
host::Answer<bool> TurnKernel::vfio_group_in_use(unsigned group) {
  step();
  return kernel_.vfio_group_in_use(group);
}
void TurnKernel::wait(std::chrono::milliseconds duration) {
  step();
  kernel_.wait(duration);
}

host::Answer<std::vector<std::string>> TurnStore::list() {
  step();
  return store_.list();
}
host::Answer<std::string> TurnStore::read(const std::string& name) {
  step();
  return store_.read(name);
}
host::Answer<void> TurnStore::append(const std::string& name, std::string_view text) {
  step();
  return store_.append(name, text);
}
host::Answer<void> TurnStore::replace(const std::string& name, std::string_view text) {
  step();
  return store_.replace(name, text);
}
host::Answer<void> TurnStore::remove(const std::string& name) {
  step();
  return store_.remove(name);
}
host::Answer<void> TurnStore::try_to_write() {
  step();
  return store_.try_to_write();
}
host::Answer<std::unique_ptr<host::Lock>> TurnStore::lock(const std::string& name) {
  step();
  return store_.lock(name);
}

}  // namespace busproof::verify
