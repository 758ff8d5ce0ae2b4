#include "engine/host/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/host/file_access.h"

namespace busproof::host {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Answer<Ended> run_program(const std::string& program, const std::vector<std::string>& arguments, int heard,
                          std::chrono::milliseconds deadline) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(Failure{errno});
  const Descriptor from(ends[0]);
  Descriptor into(ends[1]);

  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (standard == heard)
      ::posix_spawn_file_actions_adddup2(&files, into.number(), standard);
    else
      ::posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  }
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // What it says is to be understood.
  std::array<std::string, 2> environment = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  std::array<char*, 3> envp = {environment[0].data(), environment[1].data(), nullptr};
  pid_t process = 0;
  const int error = ::posix_spawn(&process, program.c_str(), &files, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return std::unexpected(Failure{ENOSYS});
  into = Descriptor();

  const auto until = Clock::now() + deadline;
  Ended ended;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd wish{.fd = from.number(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wish, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::unexpected(Failure{ETIMEDOUT, true});
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(from.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    ended.text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  while (::waitpid(process, &ended.status, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

}  // namespace busproof::host
