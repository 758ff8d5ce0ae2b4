#pragma once

#include <string>
#include <vector>

#include "engine/host/situation.h"

namespace busproof::host {

struct VirtualFunctions {
  unsigned count = 0;  ///< that exist now, as read back
  std::vector<HostAddress> addresses{};
  std::vector<std::string> warnings{};  ///< "the driver made 3 of 4"
};

/// Has a card make that many virtual functions, none if 0; for guests no driver of the host is offered them. One such
/// change at a time on a host: two at once, or one and a removal, can lock up a kernel. Errors: NoSuchDevice; InUse,
/// one that is there is given away; BusyOperation; JournalFailed; WriteFailed with what the kernel's errno means here.
Checked<VirtualFunctions> set_virtual_functions(const Machine& machine, const HostAddress& physical, unsigned count);

/// Cards whose virtual functions are not offered to drivers, since somebody was interrupted who was making some.
/// Errors: JournalFailed.
Checked<std::vector<HostAddress>> probing_left_off(Store& journals);

/// Has them offered again, and forgets that they were not. Whoever asks for it is alone in changing the topology.
/// Errors: WriteFailed, the switch cannot be set; Timeout, the write that was to switch it off has not come back yet;
/// JournalFailed.
Checked<void> restore_probing(const Machine& machine, const HostAddress& physical);

}  // namespace busproof::host
