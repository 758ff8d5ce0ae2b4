#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/host/file_access.h"
#include "engine/host/kernel.h"

namespace busproof::host {

/// A process of its own that reads and writes files for this one. When it does not answer in time it is given up, and
/// goes by itself once the kernel lets it.
class WorkerProcess {
 public:
  WorkerProcess() = default;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();

  Answer<std::string> read(const std::string& file, std::uint64_t offset, std::size_t count,
                           std::chrono::milliseconds deadline);
  Answer<void> write(const std::string& file, const std::string& value, std::chrono::milliseconds deadline);

  /// Its number, of one that takes the next call; 0: there can be none.
  pid_t process();

 private:
  /// What is asked for; the file's name and the value follow.
  struct Request {
    bool writes = false;
    std::uint64_t offset = 0, count = 0, file_size = 0, value_size = 0;
  };
  /// What came of it; the text follows.
  struct Reply {
    int error = 0;
    std::uint64_t size = 0;
  };

  Answer<std::string> ask(Request request, const std::string& file, const std::string& value,
                          std::chrono::milliseconds deadline);
  /// Errors: EAGAIN and ENOMEM, there can be no more processes.
  int start();
  void give_up();
  static void serve(int connection);

  pid_t process_ = 0;
  Descriptor connection_;
};

}  // namespace busproof::host
