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

bool TurnKernel::may_begin() {
  if (turns_ != nullptr) turns_->step(who_);
  noted_ = log_.accesses().size();
  return true;
}

bool TurnKernel::may_return() {
  for (const auto& all = log_.accesses(); noted_ < all.size(); ++noted_)
    if (all[noted_].access == fakesys::Access::Write || all[noted_].access == fakesys::Access::LoadModule)
      changes_.push_back(all[noted_]);
  return true;
}

void TurnKernel::wait(std::chrono::milliseconds duration) {
  if (turns_ != nullptr) turns_->step(who_);
  RelayedKernel::wait(duration);
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
