#include "engine/host/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace busproof::host {
namespace {

using Clock = std::chrono::steady_clock;

bool send_all(int connection, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(connection, next, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    next += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

enum class Received : std::uint8_t { All, Late, Gone };

/// Waits for all of it until `until`.
Received receive_all(int connection, void* data, std::size_t size, Clock::time_point until) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() < 0) return Received::Late;
    pollfd wish{.fd = connection, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wish, 1, static_cast<int>(left.count()) + 1);
    if (ready == 0) return Received::Late;
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t got = ::recv(connection, next, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Received::Gone;
    next += got;
    size -= static_cast<std::size_t>(got);
  }
  return Received::All;
}

/// The same without an end, for the worker: it waits for nothing but its master.
bool receive_all(int connection, void* data, std::size_t size) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::recv(connection, next, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Nothing that the master has open may stay open because of a worker that was left behind: a shell would wait for the
/// end of its pipe. And an interrupt at the terminal is not meant for it.
void part_from_master(int connection) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (standard != connection) ::dup2(nothing, standard);
  }
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  const auto kept = static_cast<unsigned>(connection);
  if (kept > kFirst) ::close_range(kFirst, kept - 1, 0);
  ::close_range(std::max(kFirst, kept + 1), ~0U, 0);
}

}  // namespace

WorkerProcess::~WorkerProcess() { give_up(); }

void WorkerProcess::give_up() {
  if (process_ == 0) return;
  connection_ = Descriptor();
  // One that is idle is gone in a moment; one that waits in the kernel is not waited for.
  constexpr int kTries = 50;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 100'000};
  for (int i = 0; i < kTries && ::waitpid(process_, nullptr, WNOHANG) == 0; ++i) ::nanosleep(&kPause, nullptr);
  process_ = 0;
}

void WorkerProcess::serve(int connection) {
  for (;;) {
    Request request;
    if (!receive_all(connection, &request, sizeof request)) return;
    std::string file(request.file_size, '\0'), value(request.value_size, '\0');
    if (!receive_all(connection, file.data(), file.size())) return;
    if (!receive_all(connection, value.data(), value.size())) return;
    Reply reply;
    std::string text;
    if (request.writes) {
      if (const auto written = write_file(file, value); !written) reply.error = written.error().error;
    } else {
      auto read = read_file(file, request.offset, request.count);
      if (!read) reply.error = read.error().error;
      if (read) text = *std::move(read);
    }
    reply.size = text.size();
    if (!send_all(connection, &reply, sizeof reply) || !send_all(connection, text.data(), text.size())) return;
  }
}

int WorkerProcess::start() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return errno;
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  process_ = ::fork();
  if (process_ < 0) {
    process_ = 0;
    return errno;
  }
  if (process_ == 0) {
    part_from_master(theirs.number());
    serve(theirs.number());
    ::_exit(0);
  }
  connection_ = std::move(ours);
  return 0;
}

pid_t WorkerProcess::process() {
  if (process_ == 0) start();
  return process_;
}

Answer<std::string> WorkerProcess::ask(Request request, const std::string& file, const std::string& value,
                                       std::chrono::milliseconds deadline) {
  if (process_ == 0) {
    if (const int error = start(); error != 0) return std::unexpected(Failure{error});
  }
  request.file_size = file.size();
  request.value_size = value.size();
  const auto until = Clock::now() + deadline;
  const int connection = connection_.number();
  bool sent = send_all(connection, &request, sizeof request);
  sent = sent && send_all(connection, file.data(), file.size()) && send_all(connection, value.data(), value.size());
  Reply reply;
  Received received = sent ? receive_all(connection, &reply, sizeof reply, until) : Received::Gone;
  std::string text;
  if (received == Received::All) {
    text.resize(reply.size);
    received = receive_all(connection, text.data(), text.size(), until);
  }
  if (received != Received::All) {
    give_up();
    // One that has died may have done what it was asked to: nobody knows.
    return std::unexpected(Failure{received == Received::Late ? ETIMEDOUT : EIO, received == Received::Late});
  }
  if (reply.error != 0) return std::unexpected(Failure{reply.error});
  return text;
}

Answer<std::string> WorkerProcess::read(const std::string& file, std::uint64_t offset, std::size_t count,
                                        std::chrono::milliseconds deadline) {
  return ask({.offset = offset, .count = count}, file, {}, deadline);
}

Answer<void> WorkerProcess::write(const std::string& file, const std::string& value,
                                  std::chrono::milliseconds deadline) {
  const auto answer = ask({.writes = true}, file, value, deadline);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

}  // namespace busproof::host
