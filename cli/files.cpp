#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/domain/xml_document.h"

namespace busproof::cli {
namespace {

constexpr std::size_t kTextMaxBytes = domain::XmlDocument::kTextMaxBytes;
constexpr int kLinksMax = 40;  // as many as the kernel follows

Refusal failed(std::string_view what, int error) {
  return Refusal(Error{ErrorKind::Unreadable, "", fmt::format("{}: {}", what, std::strerror(error))});
}

/// An open file, closed at the end of its scope.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// Some file systems report a full disk only here.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Result<std::string> read_all(int fd, std::size_t expected) {
  std::string text;
  for (;;) {
    // One byte more than expected, so that the end of the file shows at once.
    const std::size_t size = text.size();
    text.resize(std::min(size <= expected ? expected + 1 : size * 2, kTextMaxBytes + 1));
    const ssize_t count = ::read(fd, text.data() + size, text.size() - size);
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot read", errno);
    if (count == 0) return text;
    if (text.size() > kTextMaxBytes) return failed("cannot read", EFBIG);
  }
}

/// The file that a chain of symbolic links ends at.
Result<std::string> follow_links(std::string path) {
  for (int links = 0; links < kLinksMax; ++links) {
    std::error_code none;
    if (!std::filesystem::is_symlink(path, none)) return path;
    const auto target = std::filesystem::read_symlink(path, none);
    path = (std::filesystem::path(path).parent_path() / target).string();
  }
  return failed("cannot write", ELOOP);
}

std::string parent_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

Result<void> write_at_end(const std::string& path, std::string_view text) {
  File file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file.is_open() || !write_all(file.fd(), text) || !file.close()) return failed("cannot write", errno);
  return {};
}

mode_t mode_of_new_file() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

/// Makes an open file what is to take the place of `old`, if there is one.
Result<void> fill(int fd, const struct stat* old, std::string_view text) {
  // The owner before the mode: a change of owner takes bits away.
  if (old != nullptr && (old->st_uid != ::geteuid() || old->st_gid != ::getegid()) &&
      ::fchown(fd, old->st_uid, old->st_gid) != 0)
    return failed("cannot keep its owner", errno);
  static const mode_t kNewMode = mode_of_new_file();
  if (::fchmod(fd, old != nullptr ? old->st_mode & 07777U : kNewMode) != 0)
    return failed("cannot keep its mode", errno);
  if (!write_all(fd, text)) return failed("cannot write", errno);
  return {};
}

/// A file without a name goes with the program, however that ends. But it has to be open, and of open files there are
/// not many.
constexpr int kNamelessFilesMax = 100;
std::atomic<int> nameless_files = 0;

}  // namespace

std::string shown_name(const std::string& path) { return path == "-" ? "<stdin>" : path; }

bool is_folder(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_directory(path, none);
}

Result<std::string> read_text(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, 0);
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return failed("cannot read", errno);
  struct stat status{};
  if (::fstat(file.fd(), &status) != 0) return failed("cannot read", errno);
  if (S_ISDIR(status.st_mode)) return failed("cannot read", EISDIR);
  const auto size = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  if (size > kTextMaxBytes) return failed("cannot read", EFBIG);
  return read_all(file.fd(), size);
}

Result<Replacement> Replacement::prepare(const std::string& path, std::string_view text) {
  auto target = follow_links(path);
  if (!target) return std::unexpected(target.error());
  struct stat status{};
  const bool exists = ::stat(target->c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return failed("cannot write", errno);
  if (exists && S_ISDIR(status.st_mode)) return failed("cannot write", EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    if (const auto written = write_at_end(*target, text); !written) return std::unexpected(written.error());
    return Replacement("", *target);
  }
  // A rename asks nobody whether the old file may be written.
  if (exists && ::faccessat(AT_FDCWD, target->c_str(), W_OK, AT_EACCESS) != 0) return failed("cannot write", errno);
  Replacement replacement(parent_of(*target), *target);
  if (const auto written = replacement.write(exists ? &status : nullptr, text); !written)
    return std::unexpected(written.error());
  return replacement;
}

Replacement::Replacement(Replacement&& other) noexcept
    : folder_(std::move(other.folder_)),
      target_(std::move(other.target_)),
      nameless_(std::exchange(other.nameless_, -1)),
      temporary_(std::exchange(other.temporary_, {})) {}

Replacement& Replacement::operator=(Replacement&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(target_, other.target_);
  std::swap(nameless_, other.nameless_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

Replacement::~Replacement() {
  drop_nameless();
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void Replacement::drop_nameless() {
  if (nameless_ < 0) return;
  ::close(std::exchange(nameless_, -1));
  --nameless_files;
}

Result<void> Replacement::write(const struct stat* old, std::string_view text) {
  static const bool kCanBeNamed = ::access("/proc/self/fd", X_OK) == 0;
  if (nameless_files++ < kNamelessFilesMax && kCanBeNamed)
    nameless_ = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (nameless_ >= 0) return fill(nameless_, old, text);
  --nameless_files;
  std::string name = (std::filesystem::path(folder_) / ".busproof-XXXXXX").string();
  File file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.is_open()) return failed("cannot write beside it", errno);
  temporary_ = name;
  if (auto filled = fill(file.fd(), old, text); !filled) return filled;
  if (!file.close()) return failed("cannot write", errno);
  return {};
}

Result<void> Replacement::name_it() {
  static std::atomic<unsigned> named_files = 0;
  const std::string file = fmt::format("/proc/self/fd/{}", nameless_);
  do {
    const std::string name = fmt::format(".busproof-{}-{}", ::getpid(), named_files++);
    temporary_ = (std::filesystem::path(folder_) / name).string();
    if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      --nameless_files;
      if (::close(std::exchange(nameless_, -1)) != 0) return failed("cannot write", errno);
      return {};
    }
  } while (errno == EEXIST);
  temporary_.clear();  // nothing of ours is there
  return failed("cannot write beside it", errno);
}

Result<void> Replacement::append(std::string_view text) const {
  if (nameless_ < 0) return write_at_end(temporary_.empty() ? target_ : temporary_, text);
  if (!write_all(nameless_, text)) return failed("cannot write", errno);
  return {};
}

Result<void> Replacement::sync() const {
  if (nameless_ < 0 && temporary_.empty()) return {};
  if (nameless_ >= 0) {
    if (::fsync(nameless_) != 0) return failed("cannot write", errno);
    return {};
  }
  const File file(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() || ::fsync(file.fd()) != 0) return failed("cannot write", errno);
  return {};
}

Result<void> Replacement::take_place() {
  if (nameless_ >= 0) {
    if (auto named = name_it(); !named) return named;
  }
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return failed("cannot replace", errno);
  temporary_.clear();
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  auto replacement = Replacement::prepare(path, text);
  if (!replacement) return std::unexpected(replacement.error());
  if (auto synced = replacement->sync(); !synced) return synced;
  if (auto placed = replacement->take_place(); !placed) return placed;
  if (!replacement->folder().empty()) sync_folder(replacement->folder());
  return {};
}

Result<void> sync_all(const std::string& folder) {
  const File opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::syncfs(opened.fd()) != 0) return failed("cannot write", errno);
  return {};
}

void sync_folder(const std::string& folder) {
  const File opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.is_open()) ::fsync(opened.fd());
}

Result<void> write_out(std::string_view text) {
  if (!write_all(STDOUT_FILENO, text)) return failed("cannot write", errno);
  return {};
}

void write_err(std::string_view text) { write_all(STDERR_FILENO, text); }

}  // namespace busproof::cli
