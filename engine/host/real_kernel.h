#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/kernel.h"

namespace busproof::host {

class WorkerProcess;

/// Where a kernel's files are, and how long to wait for it.
struct KernelPlaces {
  std::string sys = "/sys";                 ///< what paths without a slash at their beginning are below, and /sys/…
  std::string root{};                       ///< what is put before all other paths: empty, or a folder made for a test
  std::string modprobe = "/sbin/modprobe";  ///< the program that loads modules
  std::chrono::milliseconds deadline{60'000};         ///< of a write, and of a read that may have to wait for a lock
  std::chrono::milliseconds module_deadline{30'000};  ///< of loading a module
};

/// The kernel that runs here, or a tree of files that looks like one. Nothing else opens a file below /sys or /dev/vfio
/// or has a module loaded.
///
/// A call that may block for ever (any write, some reads) is made by a worker process: one that does not come back by
/// the deadline is left behind, as a process that waits in the kernel can be killed by nobody, and the next call gets
/// another one. To be used by one thread at a time.
class RealKernel final : public Kernel {
 public:
  explicit RealKernel(KernelPlaces places = {});
  RealKernel(const RealKernel&) = delete;
  RealKernel& operator=(const RealKernel&) = delete;
  ~RealKernel() override;

  /// Errors besides the kernel's own: EFBIG, larger than kTextMaxBytes.
  Answer<std::string> read(std::string_view path) override;
  Answer<std::string> read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) override;
  Answer<void> write(std::string_view path, std::string_view value) override;
  Answer<std::vector<std::string>> list(std::string_view path) override;
  Answer<std::string> read_link(std::string_view path) override;
  /// Errors besides those of the seam: ENOSYS, there is no program that loads modules.
  Answer<void> load_module(std::string_view name) override;
  /// By what the processes have open: the group's node, a node of one of its devices, or a device of which nothing
  /// tells the group, by a process that has no group open. Errors: EACCES, when some processes may not be looked into
  /// and the others do not have it.
  Answer<bool> vfio_group_in_use(unsigned group) override;
  /// "1234 5678901": number and start time of the worker process.
  std::string worker() override;
  bool at_work(std::string_view worker) override;
  std::chrono::milliseconds now() override;
  void wait(std::chrono::milliseconds duration) override;

  /// As large as the largest file that is read through the seam may become: modules.alias.
  static constexpr std::size_t kTextMaxBytes = std::size_t{16} << 20;

 private:
  [[nodiscard]] std::string file_of(std::string_view path) const;
  WorkerProcess& worker_process();
  [[nodiscard]] std::string process_name(std::string_view number) const;

  KernelPlaces places_;
  std::unique_ptr<WorkerProcess> worker_;
};

}  // namespace busproof::host
