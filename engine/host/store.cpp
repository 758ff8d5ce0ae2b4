#include "engine/host/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace busproof::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockSuffix = ".lock", kNewSuffix = ".new";
constexpr mode_t kFileMode = 0600;

std::unexpected<Failure> failed(int error) { return std::unexpected(Failure{error}); }

/// An open file; closed with the end of its life.
class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, kFileMode)) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File& operator=(File&&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  /// Writes it all and brings it to the disk.
  [[nodiscard]] Answer<void> write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed(errno);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor_) != 0) return failed(errno);
    return {};
  }

 private:
  int descriptor_;
};

class FileLock final : public Lock {
 public:
  explicit FileLock(File file) : file_(std::move(file)) {}

 private:
  File file_;
};

class MemoryLock final : public Lock {
 public:
  MemoryLock(std::shared_ptr<std::set<std::string>> locked, std::string name)
      : locked_(std::move(locked)), name_(std::move(name)) {}
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  ~MemoryLock() override { locked_->erase(name_); }

 private:
  std::shared_ptr<std::set<std::string>> locked_;
  std::string name_;
};

}  // namespace

Answer<void> DirectoryStore::make_directory() const {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return failed(error.value());
  return {};
}

Answer<void> DirectoryStore::sync_directory() const {
  const File directory(directory_, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || ::fsync(directory.descriptor()) != 0) return failed(errno);
  return {};
}

Answer<std::vector<std::string>> DirectoryStore::list() {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(directory_, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename();
    if (!name.ends_with(kLockSuffix) && !name.ends_with(kNewSuffix)) names.push_back(std::move(name));
  }
  if (error) return failed(error.value());
  std::ranges::sort(names);
  return names;
}

Answer<std::string> DirectoryStore::read(const std::string& name) {
  const File file(path(name), O_RDONLY);
  if (!file.is_open()) return failed(errno);
  std::string text;
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.descriptor(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Answer<void> DirectoryStore::append(const std::string& name, std::string_view text) {
  if (auto made = make_directory(); !made) return made;
  const bool is_new = ::access(path(name).c_str(), F_OK) != 0;
  const File file(path(name), O_WRONLY | O_APPEND | O_CREAT);
  if (!file.is_open()) return failed(errno);
  if (auto written = file.write(text); !written) return written;
  return is_new ? sync_directory() : Answer<void>();
}

Answer<void> DirectoryStore::replace(const std::string& name, std::string_view text) {
  if (auto made = make_directory(); !made) return made;
  const std::string temporary = path(name).append(kNewSuffix);
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return failed(errno);
    if (auto written = file.write(text); !written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (std::rename(temporary.c_str(), path(name).c_str()) != 0) return failed(errno);
  return sync_directory();
}

Answer<void> DirectoryStore::remove(const std::string& name) {
  if (::unlink(path(name).c_str()) == 0) return sync_directory();
  // Neither need the folder be there.
  if (errno != ENOENT) return failed(errno);
  return {};
}

Answer<void> DirectoryStore::try_to_write() {
  if (auto made = make_directory(); !made) return made;
  constexpr std::size_t kAsMuchAsAnEntry = 4096;
  const std::string trial = path("trial").append(kNewSuffix);
  const File file(trial, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) return failed(errno);
  auto written = file.write(std::string(kAsMuchAsAnEntry, '\n'));
  ::unlink(trial.c_str());
  return written;
}

Answer<std::unique_ptr<Lock>> DirectoryStore::lock(const std::string& name) {
  if (auto made = make_directory(); !made) return std::unexpected(made.error());
  // The file stays: two who lock a file that is removed and made anew would lock two files.
  File file(path(name).append(kLockSuffix), O_RDWR | O_CREAT);
  if (!file.is_open()) return failed(errno);
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) return failed(errno);
  return std::make_unique<FileLock>(std::move(file));
}

Answer<std::vector<std::string>> MemoryStore::list() {
  std::vector<std::string> names;
  for (const auto& [name, text] : files_) names.push_back(name);
  return names;
}

Answer<std::string> MemoryStore::read(const std::string& name) {
  const auto found = files_.find(name);
  if (found == files_.end()) return failed(ENOENT);
  return found->second;
}

Answer<void> MemoryStore::append(const std::string& name, std::string_view text) {
  files_[name] += text;
  return {};
}

Answer<void> MemoryStore::replace(const std::string& name, std::string_view text) {
  files_[name] = text;
  return {};
}

Answer<void> MemoryStore::remove(const std::string& name) {
  files_.erase(name);
  return {};
}

Answer<std::unique_ptr<Lock>> MemoryStore::lock(const std::string& name) {
  if (!locked_->insert(name).second) return failed(EWOULDBLOCK);
  return std::make_unique<MemoryLock>(locked_, name);
}

Answer<MemoryStore::Files> contents(Store& store) {
  const auto names = store.list();
  if (!names) return std::unexpected(names.error());
  MemoryStore::Files files;
  for (const std::string& name : *names) {
    auto text = store.read(name);
    if (!text) return std::unexpected(text.error());
    files.emplace(name, *std::move(text));
  }
  return files;
}

}  // namespace busproof::host
