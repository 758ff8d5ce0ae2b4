#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "cli/exit_code.h"
#include "cli/model_file.h"
#include "engine/base/result.h"
#include "engine/host/real_kernel.h"
#include "engine/host/situation.h"
#include "fakesys/fake_kernel.h"

namespace busproof::cli {

/// Which host a command works on.
struct HostOptions {
  std::string model;
  bool real = false;
  std::string journal, state;
};
void add_host_options(CLI::App& command, HostOptions& options);

/// What a command is going to do to a host.
enum class HostAccess : std::uint8_t { Look, Change };

/// An open host: a model from a file, or the machine that runs this.
class HostSession {
 public:
  /// To change a model is for one at a time: who comes second waits a little. Errors: Unreadable, neither or both were
  /// named; Refused, somebody else changes the model for long; what the file's reader says.
  static Result<HostSession> open(const HostOptions& options, HostAccess access);

  [[nodiscard]] host::Machine machine() { return {kernel(), *journals_, *ledger_, vf_net_.get()}; }
  [[nodiscard]] bool is_real() const { return real_ != nullptr; }
  /// A copy to try things on. Errors: this machine cannot be read.
  [[nodiscard]] Result<fakesys::FakeKernel> copy();
  /// Brings the model to the disk as it is now. Nothing to do for this machine.
  Result<void> save();
  /// As messages call it: the model's file, or "this host".
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  host::Kernel& kernel();

  std::string name_;
  std::unique_ptr<ModelFile> model_;
  std::unique_ptr<host::RealKernel> real_;
  std::unique_ptr<host::VfNet> vf_net_;  ///< of this machine
  std::unique_ptr<host::Store> journals_, ledger_;
  std::unique_ptr<host::Lock> lock_;
};

/// Opens the host, and says on stderr what is wrong with one that cannot be.
std::expected<HostSession, ExitCode> open_host(const HostOptions& options, HostAccess access);

}  // namespace busproof::cli
