#include "cli/host_session.h"

#include <utility>

#include "cli/files.h"
#include "engine/report/message_text.h"
#include "fakesys/record.h"
#include "fakesys/recorded_host.h"

namespace busproof::cli {
namespace {

constexpr const char* kJournal = "/run/busproof";
constexpr const char* kState = "/var/lib/busproof";

Refusal unusable(std::string message, std::string remedy) {
  return Refusal(Error{ErrorKind::Unreadable, "host", std::move(message), {}, std::move(remedy)});
}

}  // namespace

void add_host_options(CLI::App& command, HostOptions& options) {
  command.add_option("--host-model", options.model, "a recorded or made-up host, changed in place")->type_name("FILE");
  command.add_flag("--real", options.real, "this machine");
  command.add_option("--journal", options.journal, "operations under way; /run/busproof, or FILE.journal of a model")
      ->type_name("DIR");
  command.add_option("--state", options.state, "who has what; /var/lib/busproof, or FILE.state of a model")
      ->type_name("DIR");
}

Result<HostSession> HostSession::open(const HostOptions& options, HostAccess access) {
  if (options.real == !options.model.empty()) {
    return unusable(options.real ? "--real and --host-model are two hosts" : "no host was named",
                    "pass --host-model FILE.json to work on a model, or --real for this machine");
  }
  HostSession session;
  const auto directory = [&](const std::string& given, const char* of_machine, const char* suffix) {
    return !given.empty() ? given : options.real ? of_machine : options.model + suffix;
  };
  session.journals_ = std::make_unique<host::DirectoryStore>(directory(options.journal, kJournal, ".journal"));
  session.ledger_ = std::make_unique<host::DirectoryStore>(directory(options.state, kState, ".state"));
  if (options.real) {
    session.name_ = "this host";
    session.real_ = std::make_unique<host::RealKernel>();
    return session;
  }
  session.name_ = options.model;
  if (options.model == "-")
    return unusable("a model cannot come from standard input", "it is changed in place: name a file");
  if (access == HostAccess::Change) {
    auto lock = session.journals_->lock("model");
    if (!lock)
      return unusable("cannot lock the model: " + host::error_words(lock.error().error),
                      "another busproof may be at work on it; its journal is in " +
                          directory(options.journal, kJournal, ".journal"));
    session.lock_ = *std::move(lock);
  }
  const auto text = read_text(options.model);
  if (!text) return std::unexpected(text.error());
  auto loaded = fakesys::load_host(*text);
  if (!loaded) return std::unexpected(loaded.error());
  session.fake_ = std::make_unique<fakesys::FakeKernel>(*std::move(loaded));
  return session;
}

host::Kernel& HostSession::kernel() {
  if (real_ != nullptr) return *real_;
  return *fake_;
}

Result<fakesys::FakeKernel> HostSession::copy() {
  if (fake_ != nullptr) return *fake_;
  auto recording = fakesys::record_host(*real_, {});
  if (!recording) return std::unexpected(recording.error());
  return fakesys::FakeKernel(std::move(recording->host));
}

Result<void> HostSession::save() {
  if (fake_ == nullptr) return {};
  auto replacement = Replacement::prepare(name_, fakesys::save_host(fake_->host()));
  if (!replacement) return std::unexpected(replacement.error());
  if (auto synced = replacement->sync(); !synced) return synced;
  if (auto placed = replacement->take_place(); !placed) return placed;
  if (!replacement->folder().empty()) sync_folder(replacement->folder());
  return {};
}

std::optional<HostSession> open_host(const HostOptions& options, HostAccess access) {
  auto session = HostSession::open(options, access);
  if (session) return *std::move(session);
  write_err(
      report::error_text(options.model.empty() ? "busproof host" : shown_name(options.model), "", session.error()));
  return std::nullopt;
}

}  // namespace busproof::cli
