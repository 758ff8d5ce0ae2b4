#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/host/kernel.h"
#include "fakesys/fake_kernel.h"

namespace busproof::fakesys {

/// The kinds of access that a fault can choose.
enum class Access : std::uint8_t { Any, Read, Write, List, Link, LoadModule };

/// What goes wrong.
enum class FaultKind : std::uint8_t {
  Fail,             ///< the errno, and nothing has happened
  FailAfterEffect,  ///< the errno, but it has happened
  Lie,              ///< success, but nothing has happened
  Block,        ///< does not come back before its deadline; what it does happens when `after_ms` have passed, or never
  CrashBefore,  ///< the program dies before the access
  CrashAfter,   ///< and after it
  PowerLoss,    ///< and the host with it
  Rival,        ///< somebody else writes `value` to `path` first
  Vanish,       ///< the device `device` is pulled first
  Swap,         ///< another card is at the address of `device` first
  Dead,         ///< the device `device` reads all ones from now on
};

/// One thing that goes wrong: at the `nth` access (from 1) of the kind whose path fits the pattern.
struct Fault {
  Access access = Access::Any;
  std::string pattern = "*";
  std::uint32_t nth = 1;
  FaultKind kind = FaultKind::Fail;
  int error = 0;                ///< of Fail and FailAfterEffect
  std::int64_t after_ms = -1;   ///< of Block; -1: never
  std::string path{}, value{};  ///< of Rival
  std::string device{};         ///< of Vanish, Swap and Dead: "0000:01:00.0"
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// A fault as one line, and back: "write */driver_override #2 fail EBUSY". Errors: a line that is none.
std::string to_text(const Fault& fault);
Result<Fault> parse_fault(std::string_view line);

/// How an access ended, for a log that can be compared.
struct AccessRecord {
  Access access;
  std::string path, value;
  int error = 0;
  friend bool operator==(const AccessRecord&, const AccessRecord&) = default;
};
std::string to_text(const AccessRecord& record);

/// A fake kernel on which things go wrong, by script. After a crash every access fails with EINTR and does nothing, so
/// that what runs on it comes to its end; the host stays as the crash left it, for a recovery to be run on.
class FaultyKernel final : public host::Kernel {
 public:
  FaultyKernel(FakeKernel kernel, std::vector<Fault> script) : kernel_(std::move(kernel)), script_(std::move(script)) {
    hits_.resize(script_.size());
  }

  host::Answer<std::string> read(std::string_view path) override;
  host::Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override;
  host::Answer<void> write(std::string_view path, std::string_view value) override;
  host::Answer<std::vector<std::string>> list(std::string_view path) override;
  host::Answer<std::string> read_link(std::string_view path) override;
  host::Answer<void> load_module(std::string_view name) override;
  host::Answer<bool> vfio_group_in_use(unsigned group) override { return kernel_.vfio_group_in_use(group); }
  std::string worker() override { return kernel_.worker(); }
  bool at_work(std::string_view worker) override;
  std::chrono::milliseconds now() override { return kernel_.now(); }
  void wait(std::chrono::milliseconds duration) override;

  [[nodiscard]] bool crashed() const { return crashed_; }
  [[nodiscard]] bool lost_power() const { return lost_power_; }
  /// Every access that was made, in order.
  [[nodiscard]] const std::vector<AccessRecord>& accesses() const { return accesses_; }
  /// The host as it is now: for looking, and for running something else on it.
  [[nodiscard]] FakeKernel& kernel() { return kernel_; }
  /// What `swap` puts in: makes the newcomer from the function that was there. By default the same with another device
  /// id.
  void set_newcomer(std::function<Function(const Function&)> make) { newcomer_ = std::move(make); }

 private:
  /// A write that came back late.
  struct Late {
    std::int64_t due_ms;
    std::string path, value;
  };
  const Fault* hit(Access access, std::string_view path);
  void prepare(const Fault& fault);
  void note(Access access, std::string_view path, std::string_view value, int error);
  void do_late();
  template <class T, class Run>
  host::Answer<T> meet(Access access, std::string_view path, std::string_view value, Run run);

  FakeKernel kernel_;
  std::vector<Fault> script_;
  std::vector<std::uint32_t> hits_;
  std::vector<AccessRecord> accesses_;
  std::vector<Late> late_;
  std::function<Function(const Function&)> newcomer_;
  bool crashed_ = false;
  bool lost_power_ = false;
  bool stuck_ = false;  ///< a call will never come back
};

}  // namespace busproof::fakesys
