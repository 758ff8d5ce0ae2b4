#include "cli/host_session.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "cli/files.h"
#include "engine/report/message_text.h"
#include "fakesys/record.h"
#include "fakesys/recorded_host.h"

namespace busproof::cli {
namespace {

constexpr const char* kJournal = "/run/busproof";
constexpr const char* kState = "/var/lib/busproof";

Refusal no_host(std::string message, std::string remedy) {
  return Refusal(Error{ErrorKind::Unreadable, "host", std::move(message), {}, std::move(remedy)});
}

/// Waits for one that has it only for a moment.
host::Answer<std::unique_ptr<host::Lock>> lock_model(host::Store& journals) {
  constexpr std::chrono::milliseconds kPatience{2000}, kPause{20};
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto lock = journals.lock("model");
    if (lock || lock.error().error != EWOULDBLOCK || std::chrono::steady_clock::now() > until) return lock;
    std::this_thread::sleep_for(kPause);
  }
}

/// A model's folders lie beside the file itself, whatever link names it: there is one ledger of it.
std::string beside(const std::string& model, const char* suffix) {
  std::error_code error;
  const auto file = std::filesystem::is_symlink(model, error) ? std::filesystem::canonical(model, error) : "";
  return (error || file.empty() ? model : file.string()) + suffix;
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
    return no_host(options.real ? "--real and --host-model are two hosts" : "no host was named",
                   "pass --host-model FILE.json to work on a model, or --real for this machine");
  }
  HostSession session;
  const auto directory = [&](const std::string& given, const char* of_machine, const char* suffix) {
    return !given.empty() ? given : options.real ? of_machine : beside(options.model, suffix);
  };
  session.journals_ = std::make_unique<host::DirectoryStore>(directory(options.journal, kJournal, ".journal"));
  session.ledger_ = std::make_unique<host::DirectoryStore>(directory(options.state, kState, ".state"));
  if (options.real) {
    session.name_ = "this host";
    session.real_ = std::make_unique<host::RealKernel>();
    session.vf_net_ = std::make_unique<host::RealVfNet>();
    return session;
  }
  session.name_ = options.model;
  if (options.model == "-")
    return no_host("a model cannot come from standard input", "it is changed in place: name a file");
  if (access == HostAccess::Change) {
    auto lock = lock_model(*session.journals_);
    if (!lock) {
      const bool taken = lock.error().error == EWOULDBLOCK;
      return Refusal(Error{taken ? ErrorKind::Refused : ErrorKind::Unreadable,
                           "host",
                           taken ? "another busproof is at work on it"
                                 : "cannot lock the model: " + host::error_words(lock.error().error),
                           {},
                           taken ? "try again when that has ended"
                                 : "see that the directory given with --journal can be written and has room"});
    }
    session.lock_ = *std::move(lock);
  }
  const auto text = read_text(options.model);
  if (!text) return std::unexpected(text.error());
  auto loaded = fakesys::load_host(*text);
  if (!loaded) return std::unexpected(loaded.error());
  session.model_ = std::make_unique<ModelFile>(options.model, fakesys::FakeKernel(*std::move(loaded)));
  return session;
}

host::Kernel& HostSession::kernel() {
  if (real_ != nullptr) return *real_;
  return *model_;
}

Result<fakesys::FakeKernel> HostSession::copy() {
  if (model_ != nullptr) return model_->model();
  auto recording = fakesys::record_host(*real_, {});
  if (!recording) return std::unexpected(recording.error());
  return fakesys::FakeKernel(std::move(recording->host));
}

Result<void> HostSession::save() {
  if (model_ == nullptr) return {};
  return model_->save();
}

std::expected<HostSession, ExitCode> open_host(const HostOptions& options, HostAccess access) {
  auto session = HostSession::open(options, access);
  if (session) return *std::move(session);
  write_err(
      report::error_text(options.model.empty() ? "busproof host" : shown_name(options.model), "", session.error()));
  return std::unexpected(session.error().kind == ErrorKind::Refused ? ExitCode::NotDone : ExitCode::Unusable);
}

}  // namespace busproof::cli
