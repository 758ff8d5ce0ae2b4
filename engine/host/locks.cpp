#include "engine/host/locks.h"

#include <cerrno>
#include <utility>

namespace busproof::host {

Checked<Locks> lock_devices(Store& journals, const std::set<HostAddress>& devices) {
  Locks locks;
  for (const HostAddress& device : devices) {
    auto lock = journals.lock(to_string(device));
    if (lock) {
      locks.push_back(*std::move(lock));
      continue;
    }
    Trouble trouble{.code = Code::BusyOperation,
                    .device = to_string(device),
                    .message = "another busproof is at work on it or its group"};
    if (lock.error().error != EWOULDBLOCK) {
      trouble.code = Code::JournalFailed;
      trouble.message = "cannot lock the device";
      trouble.error = lock.error().error;
      trouble.hints = {"see that the directory given with --journal can be written and has room"};
    }
    return std::unexpected(std::move(trouble));
  }
  return locks;
}

}  // namespace busproof::host
