#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "fakesys/fake_kernel.h"

namespace busproof::fakesys {

/// Serves the kernel as a file system at `mount_point`, as its /sys: programs that know nothing of it read, list and
/// write there, with the errno that a real kernel would give, and what they write acts. Calls `ready` once it is to be
/// seen, and returns when it has been unmounted or SIGINT, SIGTERM or SIGHUP has come. A write of a module's name to
/// kModprobeFile, which no listing shows, loads that module.
///
/// What waits for a VFIO user to let go gives ETIMEDOUT at once, since time is the kernel's own: nobody else is there
/// who could let go while it passes. Needs libfuse3, which is loaded only here. Errors: there is no libfuse3; the mount
/// point cannot be mounted on.
Result<void> serve(FakeKernel& kernel, const std::string& mount_point, const std::function<void()>& ready);

inline constexpr const char* kModprobeFile = ".modprobe";

/// Runs a command that sees the kernel as its /sys, and has a modprobe that loads the kernel's modules: in mount
/// namespaces of its own, so that nobody else sees them. Gives its exit code; 128 and the signal's number if that ended
/// it. Errors: as of serve(); the command cannot be run.
Result<int> run_on(FakeKernel& kernel, const std::vector<std::string>& command);

}  // namespace busproof::fakesys
