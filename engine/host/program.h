#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/host/kernel.h"

namespace busproof::host {

/// How a program ended.
struct Ended {
  int status = 0;    ///< as of waitpid(2)
  std::string text;  ///< what it wrote to the descriptor that was listened to
};

/// Runs a program that speaks no language but C's, without our descriptors. Errors: ENOSYS, it cannot be run;
/// ETIMEDOUT, pending, it has not ended by the deadline.
Answer<Ended> run_program(const std::string& program, const std::vector<std::string>& arguments, int heard,
                          std::chrono::milliseconds deadline);

}  // namespace busproof::host
