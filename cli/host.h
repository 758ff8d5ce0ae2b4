#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "engine/base/result.h"
#include "engine/host/inventory.h"
#include "engine/host/kernel.h"
#include "fakesys/fake_kernel.h"

/// What the commands that work on a host have in common.
namespace busproof::cli {

/// A host as the command line names it: the one that runs here, or a model in a file.
struct HostChoice {
  std::string model;  ///< file; empty: the host that runs here
  /// How messages call it: the file, or "this host".
  [[nodiscard]] std::string name() const;
};
void add_host_choice(CLI::App& command, HostChoice& choice);

/// A kernel to ask.
class OpenedHost {
 public:
  /// Errors: the file cannot be read, or holds no host.
  static Result<OpenedHost> open(const HostChoice& choice);
  [[nodiscard]] host::Kernel& kernel() { return *kernel_; }
  /// The model, when it is one.
  [[nodiscard]] fakesys::FakeKernel* model() { return model_; }

 private:
  std::unique_ptr<host::Kernel> kernel_;
  fakesys::FakeKernel* model_ = nullptr;
};

/// What the host has. Errors: there is none to be seen.
Result<host::Inventory> scan_host(host::Kernel& kernel);
/// The same, warnings told on stderr. Errors: there is none to be seen; what the file's reader says.
Result<host::Inventory> read_inventory(const HostChoice& choice);

void add_host_operations(CLI::App& host, Run& run);  ///< plan, detach, reattach, reset, prepare, release
void add_host_recover(CLI::App& host, Run& run);
void add_host_rehearse(CLI::App& host, Run& run);
void add_host_status(CLI::App& host, Run& run);
void add_host_list(CLI::App& host, Run& run);
void add_host_show(CLI::App& host, Run& run);
void add_host_groups(CLI::App& host, Run& run);
void add_host_record(CLI::App& host, Run& run);

}  // namespace busproof::cli
