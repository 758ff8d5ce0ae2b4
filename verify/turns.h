#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/host/store.h"
#include "fakesys/faulty_kernel.h"
#include "verify/relayed_kernel.h"

/// Two programs on one host, of which one moves at a time: before each access to the kernel or to a file it is said who
/// goes on. So every schedule can be told in a few numbers, and comes to the same each time.
namespace busproof::verify {

class Turns {
 public:
  /// How many accesses each makes before it is the other's turn, the first program first: "12, 5, 30". After the last
  /// of them whoever's turn it is goes on to its end.
  explicit Turns(std::vector<std::uint32_t> runs) : runs_(std::move(runs)) {}

  /// Before the first access of `who`.
  void begin(unsigned who);
  /// Before each: hands over to whoever is next, and comes back when it is the turn of `who`.
  void step(unsigned who);
  void leave(unsigned who);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint32_t> runs_;
  std::size_t run_ = 0;
  unsigned turn_ = 0;
  std::array<bool, 2> gone_{};
};

/// The kernel as one of the two sees it; keeps what it did to it.
class TurnKernel final : public RelayedKernel {
 public:
  /// `turns` null: it is alone.
  TurnKernel(host::Kernel& kernel, const fakesys::FaultyKernel& log, Turns* turns, unsigned who)
      : RelayedKernel(kernel), log_(log), turns_(turns), who_(who) {}
  void wait(std::chrono::milliseconds duration) override;

  /// The writes and the modules that it loaded, in order.
  [[nodiscard]] const std::vector<fakesys::AccessRecord>& changes() const { return changes_; }

 private:
  bool may_begin() override;
  bool may_return() override;

  const fakesys::FaultyKernel& log_;
  Turns* turns_;
  unsigned who_;
  std::size_t noted_ = 0;  ///< of the log
  std::vector<fakesys::AccessRecord> changes_;
};

/// A folder as one of the two sees it.
class TurnStore final : public host::Store {
 public:
  TurnStore(host::Store& store, Turns* turns, unsigned who) : store_(store), turns_(turns), who_(who) {}
  host::Answer<std::vector<std::string>> list() override;
  host::Answer<std::string> read(const std::string& name) override;
  host::Answer<void> append(const std::string& name, std::string_view text) override;
  host::Answer<void> replace(const std::string& name, std::string_view text) override;
  host::Answer<void> remove(const std::string& name) override;
  host::Answer<void> try_to_write() override;
  host::Answer<std::unique_ptr<host::Lock>> lock(const std::string& name) override;

 private:
  void step() {
    if (turns_ != nullptr) turns_->step(who_);
  }

  host::Store& store_;
  Turns* turns_;
  unsigned who_;
};

}  // namespace busproof::verify
