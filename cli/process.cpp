#include "cli/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

extern char** environ;

namespace busproof::cli {
namespace {

/// The ends of a pipe, closed at the end of their scope.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_)
      if (end >= 0) ::close(end);
  }
  [[nodiscard]] int read_end() const { return ends_[0]; }
  [[nodiscard]] int write_end() const { return ends_[1]; }
  int take_read_end() { return std::exchange(ends_[0], -1); }
  int take_write_end() { return std::exchange(ends_[1], -1); }
  void close_write_end() { ::close(take_write_end()); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

Refusal failed(const std::string& program, std::string_view why) {
  return Refusal(Error{ErrorKind::Unreadable, "", fmt::format("{}: {}", program, why)});
}

/// -1 for a descriptor means /dev/null.
Result<pid_t> spawn(const std::vector<std::string>& words, int input, int output, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::array<std::pair<int, int>, 3> streams = {{{input, 0}, {output, 1}, {errors, 2}}};
  for (const auto& [from, to] : streams) {
    if (from >= 0)
      posix_spawn_file_actions_adddup2(&actions, from, to);
    else
      posix_spawn_file_actions_addopen(&actions, to, "/dev/null", O_RDWR, 0);
  }
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return failed(words[0], std::strerror(error));
  return pid;
}

int exit_status(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 1 << 16> piece{};
  for (;;) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& words) {
  Pipe output;
  const int errors = ::memfd_create("errors", MFD_CLOEXEC);
  const auto pid = spawn(words, -1, output.write_end(), errors);
  output.close_write_end();
  if (!pid) {
    ::close(errors);
    return std::unexpected(pid.error());
  }
  std::string text = read_to_end(output.read_end());
  const int status = exit_status(*pid);
  ::lseek(errors, 0, SEEK_SET);
  const std::string said = last_line(read_to_end(errors));
  ::close(errors);
  if (status != 0) return failed(words[0], said.empty() ? fmt::format("exit code {}", status) : said);
  return text;
}

Dialogue::Dialogue(pid_t pid, Stream questions, Stream answers)
    : pid_(pid), questions_(std::move(questions)), answers_(std::move(answers)) {}

Dialogue::Dialogue(Dialogue&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      questions_(std::move(other.questions_)),
      answers_(std::move(other.answers_)) {}

Dialogue::~Dialogue() {
  questions_.reset();
  answers_.reset();
  if (pid_ > 0) exit_status(pid_);
}

Result<Dialogue> Dialogue::begin(const std::vector<std::string>& words) {
  // Who has gone is told by an error, not by a signal.
  ::signal(SIGPIPE, SIG_IGN);
  Pipe questions, answers;
  const auto pid = spawn(words, questions.read_end(), answers.write_end(), -1);
  if (!pid) return std::unexpected(pid.error());
  return Dialogue(*pid, Stream(::fdopen(questions.take_write_end(), "w")),
                  Stream(::fdopen(answers.take_read_end(), "r")));
}

Result<void> Dialogue::ask(std::string_view line) {
  const bool written = std::fwrite(line.data(), 1, line.size(), questions_.get()) == line.size();
  if (!written || std::fputc('\n', questions_.get()) == EOF || std::fflush(questions_.get()) != 0)
    return failed("the program", "takes no question");
  return {};
}

Result<std::string> Dialogue::line() {
  std::string text;
  for (int c = std::fgetc(answers_.get()); c != '\n'; c = std::fgetc(answers_.get())) {
    if (c == EOF) return failed("the program", "gives no answer");
    text += static_cast<char>(c);
  }
  return text;
}

Result<std::string> Dialogue::bytes(std::size_t count) {
  std::string text(count, '\0');
  if (std::fread(text.data(), 1, count, answers_.get()) != count) return failed("the program", "gives no whole answer");
  return text;
}

}  // namespace busproof::cli
