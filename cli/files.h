#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.h"

/// Reading and writing of the files that are named on the command line. Errors are Unreadable and say what the system
/// said: "cannot write: No space left on device".
namespace busproof::cli {

/// How messages call a file: "-" is "<stdin>".
std::string shown_name(const std::string& path);

bool is_folder(const std::string& path);

/// The whole file; "-" is standard input. Errors: a directory, larger than a domain XML may be, what the system says.
Result<std::string> read_text(const std::string& path);

/// A text written beside the file whose place it is to take. Gone without trace unless it takes it: as far as the file
/// system can have files without a name, also when the program is killed.
class Replacement {
 public:
  /// Keeps mode and owner of the file that is there; a symbolic link will keep pointing to the file that is replaced.
  /// What is no regular file (a pipe, /dev/null) is written to at once, and nothing is left to do.
  static Result<Replacement> prepare(const std::string& path, std::string_view text);

  Replacement(Replacement&& other) noexcept;
  Replacement& operator=(Replacement&& other) noexcept;
  ~Replacement();

  /// More of the text.
  [[nodiscard]] Result<void> append(std::string_view text) const;

  /// The folder that both files lie in; empty when nothing is left to do.
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// Brings the text to the disk: what takes its place before may be lost with the old one when the machine stops.
  [[nodiscard]] Result<void> sync() const;
  /// From now on the path has the new text; on an error still the old one.
  Result<void> take_place();

 private:
  Replacement(std::string folder, std::string target) : folder_(std::move(folder)), target_(std::move(target)) {}
  Result<void> write(const struct stat* old, std::string_view text);
  /// Gives the nameless file a name, and closes it.
  Result<void> name_it();
  void drop_nameless();

  std::string folder_, target_;
  int nameless_ = -1;      ///< the file, as long as it has no name
  std::string temporary_;  ///< its name
};

/// Puts the text in the file's place, at once and for good.
Result<void> replace_file(const std::string& path, std::string_view text);

/// Brings everything written to the folder's file system to the disk: for many files faster than sync() of each.
Result<void> sync_all(const std::string& folder);
/// Makes what took its place in the folder stay there.
void sync_folder(const std::string& folder);

/// Writes to standard output.
Result<void> write_out(std::string_view text);
/// Writes to standard error, as far as it takes it.
void write_err(std::string_view text);

}  // namespace busproof::cli
