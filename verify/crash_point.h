#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/host/store.h"
#include "verify/relayed_kernel.h"

namespace busproof::verify {

/// When a program dies: at its `at`-th access (from 1) to the kernel or to what it remembers.
struct CrashPoint {
  enum class When : std::uint8_t {
    Never,
    Before,
    After,
    Torn,  ///< half of what is appended to a file is there; of other accesses nothing
    Full,  ///< the program lives: but the disk is full from here on
  };
  std::size_t at = 0;
  When when = When::Never;
};

/// Counts the accesses, and knows whether the program is still alive.
class Life {
 public:
  /// `killed` tells whether it has died of something else.
  explicit Life(const CrashPoint& point, std::function<bool()> killed = nullptr)
      : point_(point), killed_(std::move(killed)) {}
  [[nodiscard]] bool dead() const { return dead_ || (killed_ && killed_()); }
  [[nodiscard]] std::size_t accesses() const { return count_; }

  enum class Fate : std::uint8_t { Live, DieBefore, DieAfter, DieTorn, DiskFull };
  Fate next(bool of_store);

 private:
  CrashPoint point_;
  std::function<bool()> killed_;
  std::size_t count_ = 0;
  bool dead_ = false;
};

/// A kernel seen by a program that may die: afterwards every call fails with EINTR and does nothing.
class MortalKernel final : public RelayedKernel {
 public:
  MortalKernel(host::Kernel& kernel, Life& life) : RelayedKernel(kernel), life_(life) {}
  std::string worker() override { return life_.dead() ? std::string() : RelayedKernel::worker(); }
  void wait(std::chrono::milliseconds duration) override {
    if (!life_.dead()) RelayedKernel::wait(duration);
  }

 private:
  bool may_begin() override {
    fate_ = life_.next(false);
    return fate_ != Life::Fate::DieBefore;
  }
  bool may_return() override { return fate_ != Life::Fate::DieAfter; }

  Life& life_;
  Life::Fate fate_ = Life::Fate::Live;
};

/// The same for a folder of files.
class MortalStore final : public host::Store {
 public:
  MortalStore(host::Store& store, Life& life) : store_(store), life_(life) {}
  host::Answer<std::vector<std::string>> list() override;
  host::Answer<std::string> read(const std::string& name) override;
  host::Answer<void> append(const std::string& name, std::string_view text) override;
  host::Answer<void> replace(const std::string& name, std::string_view text) override;
  host::Answer<void> remove(const std::string& name) override;
  host::Answer<void> try_to_write() override;
  host::Answer<std::unique_ptr<host::Lock>> lock(const std::string& name) override;

 private:
  host::Store& store_;
  Life& life_;
};

}  // namespace busproof::verify
