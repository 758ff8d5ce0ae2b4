#pragma once

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

/// Other programs: run to their end, or talked to.
namespace busproof::cli {

/// What the program printed. Errors (Unreadable): it cannot be started; it fails, with the last line that it said.
Result<std::string> output_of(const std::vector<std::string>& words);

/// A program that answers questions on its standard output, one at a time.
class Dialogue {
 public:
  /// Errors: it cannot be started.
  static Result<Dialogue> begin(const std::vector<std::string>& words);
  Dialogue(Dialogue&& other) noexcept;
  Dialogue& operator=(Dialogue&& other) noexcept = delete;
  ~Dialogue();

  /// Errors of all: the program has gone.
  Result<void> ask(std::string_view line);
  /// Up to the next newline, which is not part of it.
  Result<std::string> line();
  Result<std::string> bytes(std::size_t count);

 private:
  struct Close {
    void operator()(FILE* stream) const { std::fclose(stream); }
  };
  using Stream = std::unique_ptr<FILE, Close>;
  Dialogue(pid_t pid, Stream questions, Stream answers);

  pid_t pid_;
  Stream questions_, answers_;
};

}  // namespace busproof::cli
