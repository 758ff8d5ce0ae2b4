#pragma once

#include <algorithm>
#include <array>

#include "engine/base/result.h"

namespace busproof::cli {

/// What the command ends with.
enum class ExitCode : int {
  Done = 0,
  Refused = 1,      ///< libvirt would refuse the domain
  Unusable = 2,     ///< wrong usage, or a file that cannot be read or written
  Unsupported = 3,  ///< nothing can be said, so nothing is
  NotDone = 4,      ///< an operation on a host was refused or rolled back
};

constexpr ExitCode exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Refused:
      return ExitCode::Refused;
    case ErrorKind::Unsupported:
      return ExitCode::Unsupported;
    case ErrorKind::Unreadable:
      break;
  }
  return ExitCode::Unusable;
}

/// The code for both together: what could not be looked at outweighs what was refused.
constexpr ExitCode worst(ExitCode a, ExitCode b) {
  constexpr std::array kMildestFirst = {ExitCode::Done, ExitCode::Refused, ExitCode::Unsupported, ExitCode::Unusable};
  return *std::max(std::ranges::find(kMildestFirst, a), std::ranges::find(kMildestFirst, b));
}

}  // namespace busproof::cli
