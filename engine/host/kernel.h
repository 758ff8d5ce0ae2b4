#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace busproof::host {

/// Why a call did not do what it was asked to: the errno that the kernel gave. When `pending`, the call had not come
/// back when its deadline passed (then `error` is ETIMEDOUT); what it does may still happen later, and cannot be called
/// off.
struct Failure {
  int error = 0;
  bool pending = false;

  friend bool operator==(const Failure&, const Failure&) = default;
};

template <class T>
using Answer = std::expected<T, Failure>;

/// Everything this project asks of a kernel, and the only way to ask. A path is relative to the kernel's /sys, unless
/// it begins with a slash: then it is one of the few files elsewhere that tell about a host ("/proc/mounts",
/// "/dev/vfio",
/// "/lib/modules/6.1.0/modules.alias"). A failed call carries the errno that a kernel would give; ENOENT stands for
/// "there is no such thing" throughout.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// The attribute's whole text, without the newline at its end.
  virtual Answer<std::string> read(std::string_view path) = 0;
  /// Bytes of a binary attribute, `config` above all. Fewer than `count`, or none, where the file ends earlier: an
  /// unprivileged reader sees 64 bytes of `config`, and that is no failure.
  virtual Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) = 0;
  /// Exactly one write(2) of `value` as it stands. The kernel has acted when this returns: what it unbinds is unbound.
  virtual Answer<void> write(std::string_view path, std::string_view value) = 0;
  /// Names of the entries, sorted. A missing directory is ENOENT, not an empty list.
  virtual Answer<std::vector<std::string>> list(std::string_view path) = 0;
  /// A link's target as readlink(2) gives it: "../../../bus/pci/drivers/vfio-pci". Not a link: EINVAL.
  virtual Answer<std::string> read_link(std::string_view path) = 0;
  /// Has the module of this name loaded, with what it needs, as modprobe(8) heeding blacklists does. Errors: ENOENT,
  /// there is no such module; EPERM, a blacklist or an install rule forbids it; else what the kernel said to it.
  virtual Answer<void> load_module(std::string_view name) = 0;
  /// Whether a process holds the VFIO group, or a device of it, open. It is found out without opening anything.
  virtual Answer<bool> vfio_group_in_use(unsigned group) = 0;
  /// Who makes the calls that may not come back, and outlives this program when one does not: what at_work() knows it
  /// by, also in another program. Empty: nobody does.
  virtual std::string worker() = 0;
  /// Whether that worker is still at a call: what the call does may yet happen.
  virtual bool at_work(std::string_view worker) = 0;
  /// Time that never goes back, counted from anywhere.
  virtual std::chrono::milliseconds now() = 0;
  /// Lets time pass: to see whether something that is under way has arrived.
  virtual void wait(std::chrono::milliseconds duration) = 0;
};

/// Last part of a link's target: "vfio-pci" of ".../0000:03:00.0/driver".
inline Answer<std::string> link_name(Kernel& kernel, std::string_view path) {
  auto target = kernel.read_link(path);
  if (!target) return target;
  target->erase(0, target->rfind('/') + 1);  // npos + 1 is 0: a target without a slash is its own name
  return target;
}

}  // namespace busproof::host
