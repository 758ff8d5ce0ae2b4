#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/host/kernel.h"
#include "engine/host/ledger.h"
#include "verify/quiet_laws.h"

/// How libvirt binds host devices, step by step as the tables of sections 3.2, 3.4, 6.2 and 6.4 of the host binding
/// specification have it: the compat profile, with all that it leaks. An oracle for the engine, which does better.
namespace busproof::verify::libvirt {

using host::HostAddress;

/// A device in one of libvirt's two lists.
struct Entry {
  bool managed = false;
  bool unbind_from_stub = false;       ///< it was libvirt that moved it onto the stub
  std::optional<host::Owner> owner{};  ///< in the active list; none: in the inactive one
  friend bool operator==(const Entry&, const Entry&) = default;
};
using Lists = std::map<HostAddress, Entry>;

enum class Refusal : std::uint8_t {
  InUse,        ///< "in use by driver D, domain X"
  Unmanaged,    ///< "must be manually detached"
  WriteFailed,  ///< "system error"
};

class Binder {
 public:
  Binder(host::Kernel& kernel, Lists lists) : kernel_(kernel), lists_(std::move(lists)) {}

  /// Section 3.2.
  std::optional<Refusal> detach(const HostAddress& device, const std::string& stub);
  /// Section 3.4.
  std::optional<Refusal> reattach(const HostAddress& device);
  /// A device, and the driver that its guest needs.
  using Wanted = std::pair<HostAddress, std::string>;
  /// Section 6.2, without networks and resets.
  std::optional<Refusal> prepare(const host::Owner& owner, const std::vector<Wanted>& devices, bool managed);
  /// Section 6.4. A stop cannot fail.
  void release(const host::Owner& owner, const std::vector<HostAddress>& devices);

  [[nodiscard]] const Lists& lists() const { return lists_; }

 private:
  std::optional<Refusal> move_to_stub(const HostAddress& device, const std::string& stub, bool& moved);
  std::optional<Refusal> move_back(const HostAddress& device);
  [[nodiscard]] std::string driver_of(const HostAddress& device);
  std::optional<Refusal> write(const std::string& path, std::string_view value);

  host::Kernel& kernel_;
  Lists lists_;
};

}  // namespace busproof::verify::libvirt

namespace busproof::verify {

/// What libvirt would have come to from the same start, beside what we came to.
struct BindingComparison {
  enum class Verdict : std::uint8_t { Agree, Disagree, KnownGap, NotCompared } verdict = Verdict::NotCompared;
  std::string gap{};  ///< what the specification lists as libvirt's blind spot: "origin-override"
  Violations violations{};
};
BindingComparison compare_with_libvirt(const QuietRun& quiet);

}  // namespace busproof::verify
