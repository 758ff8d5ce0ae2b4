#include "engine/host/modprobe.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <vector>

#include "engine/base/text.h"
#include "engine/host/program.h"

namespace busproof::host {
namespace {

bool same_module(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  return std::ranges::equal(a, b, {}, plain, plain);
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
  const auto config = run_program(program, {"--showconfig"}, STDOUT_FILENO, deadline);
  if (!config) return std::unexpected(config.error());
  return is_forbidden(config->text, module);
}

Answer<void> run_modprobe(const std::string& program, const std::string& module, std::chrono::milliseconds deadline) {
  const auto ended = run_program(program, {"--use-blacklist", "--", module}, STDERR_FILENO, deadline);
  if (!ended) return std::unexpected(ended.error());
  if (WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0) return {};
  const auto forbidden = modprobe_forbids(program, module, deadline);
  if (forbidden && *forbidden) return std::unexpected(Failure{EPERM});
  return std::unexpected(Failure{errno_of_modprobe(ended->text)});
}

}  // namespace busproof::host
