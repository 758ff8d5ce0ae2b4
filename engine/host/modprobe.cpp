#include "engine/host/modprobe.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <vector>

#include "engine/host/file_access.h"

namespace busproof::host {
namespace {

using Clock = std::chrono::steady_clock;

struct Ended {
  int status = 0;  ///< as of waitpid(2)
  std::string text;
};

/// What the program writes to the descriptor `heard`, and how it ends.
Answer<Ended> run(const std::string& program, const std::vector<std::string>& arguments, int heard,
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

bool same_module(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  return std::ranges::equal(a, b, {}, plain, plain);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const auto part : std::views::split(line, ' ')) {
    if (!part.empty()) words.emplace_back(part.begin(), part.end());
  }
  return words;
}

/// Install rules are shell commands; those that are meant to keep a module away are one of these.
bool loads_nothing(std::string_view command) {
  constexpr std::array<std::string_view, 6> kNothing = {"/bin/false", "/usr/bin/false", "false",
                                                        "/bin/true",  "/usr/bin/true",  "true"};
  return std::ranges::find(kNothing, command) != kNothing.end();
}

}  // namespace

int errno_of_modprobe(std::string_view message) {
  constexpr std::array kKnown = {EPERM,  ENOENT, EACCES, EBUSY,        ENODEV, EINVAL,    ENOEXEC,
                                 ENOMEM, ENOKEY, EEXIST, EKEYREJECTED, ENOSYS, EOPNOTSUPP};
  if (message.contains("not found in directory")) return ENOENT;
  const auto* found = std::ranges::find_if(kKnown, [&](int error) { return message.contains(std::strerror(error)); });
  return found == kKnown.end() ? EIO : *found;
}

bool is_forbidden(std::string_view config, std::string_view module) {
  for (const auto part : std::views::split(config, '\n')) {
    const auto words = words_of(std::string_view(part.begin(), part.end()));
    if (words.size() < 2 || !same_module(words[1], module)) continue;
    if (words[0] == "blacklist") return true;
    if (words[0] == "install" && words.size() > 2 && loads_nothing(words[2])) return true;
  }
  return false;
}

Answer<bool> modprobe_forbids(const std::string& program, std::string_view module, std::chrono::milliseconds deadline) {
  const auto config = run(program, {"--showconfig"}, STDOUT_FILENO, deadline);
  if (!config) return std::unexpected(config.error());
  return is_forbidden(config->text, module);
}

Answer<void> run_modprobe(const std::string& program, const std::string& module, std::chrono::milliseconds deadline) {
  const auto ended = run(program, {"--use-blacklist", "--", module}, STDERR_FILENO, deadline);
  if (!ended) return std::unexpected(ended.error());
  if (WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0) return {};
  const auto forbidden = modprobe_forbids(program, module, deadline);
  if (forbidden && *forbidden) return std::unexpected(Failure{EPERM});
  return std::unexpected(Failure{errno_of_modprobe(ended->text)});
}

}  // namespace busproof::host
