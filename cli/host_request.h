#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/host/operations.h"

namespace busproof::cli {

/// An operation as the command line names it.
struct RequestOptions {
  std::vector<std::string> devices;  ///< addresses; of prepare and release a DOMAIN.xml
  std::string driver, group = "strict", variant = "best", reset = "auto", backend = "generic", profile = "strict";
  std::string owner;
  bool force = false, reprobe = false;
};

/// The options that the operation has.
void add_request_options(CLI::App& command, host::Operation operation, RequestOptions& options);

/// Errors: an address or a domain that cannot be read; a domain without PCI devices of the host.
Result<host::Request> read_request(host::Operation operation, const RequestOptions& options);

}  // namespace busproof::cli
