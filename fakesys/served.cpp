// libfuse3 is loaded when it is needed: no other command pays for it, and none is refused where there is none.

#include "fakesys/served.h"

#define FUSE_USE_VERSION 31
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fuse3/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "fakesys/sysfs.h"
#include "fakesys/unmodelled.h"

namespace busproof::fakesys {
namespace {

constexpr unsigned kLink = S_IFLNK | 0777U;
constexpr unsigned kControlMode = S_IFREG | 0200U;

// ---- The library
// -------------------------------------------------------------------------------------------------------

struct Fuse {
  decltype(&::fuse_new) create = nullptr;
  decltype(&::fuse_mount) mount = nullptr;
  decltype(&::fuse_unmount) unmount = nullptr;
  decltype(&::fuse_destroy) destroy = nullptr;
  decltype(&::fuse_loop) loop = nullptr;
  decltype(&::fuse_get_session) session = nullptr;
  decltype(&::fuse_get_context) context = nullptr;
  decltype(&::fuse_set_signal_handlers) heed_signals = nullptr;
  decltype(&::fuse_remove_signal_handlers) ignore_signals = nullptr;
  decltype(&::fuse_opt_free_args) free_arguments = nullptr;
};

Refusal unsupported(std::string message, std::string remedy) {
  return Refusal(
      Error{.kind = ErrorKind::Unsupported, .rule = "", .message = std::move(message), .remedy = std::move(remedy)});
}

Refusal system_refuses(std::string_view what, int error) {
  return unsupported(fmt::format("{}: {}", what, std::strerror(error)),
                     "it takes root, or user namespaces, and /dev/fuse");
}

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<Fuse> load_fuse() {
  void* library = dlopen("libfuse3.so.3", RTLD_NOW);
  if (library == nullptr) {
    return unsupported(fmt::format("libfuse3 cannot be loaded: {}", dlerror()), "install the package libfuse3-3");
  }
  Fuse fuse;
  const bool complete = find(library, "fuse_new", fuse.create) && find(library, "fuse_mount", fuse.mount) &&
                        find(library, "fuse_unmount", fuse.unmount) && find(library, "fuse_destroy", fuse.destroy) &&
                        find(library, "fuse_loop", fuse.loop) && find(library, "fuse_get_session", fuse.session) &&
                        find(library, "fuse_get_context", fuse.context) &&
                        find(library, "fuse_set_signal_handlers", fuse.heed_signals) &&
                        find(library, "fuse_remove_signal_handlers", fuse.ignore_signals) &&
                        find(library, "fuse_opt_free_args", fuse.free_arguments);
  if (!complete)
    return unsupported(fmt::format("libfuse3 is incomplete: {}", dlerror()), "install libfuse3 3.1 or newer");
  return fuse;
}

// ---- What the file system does
// -----------------------------------------------------------------------------------------

/// A file that a program has open, and the text that it is reading: one read shows one state.
struct Open {
  std::optional<File> file;  ///< none: the control file
  std::optional<std::string> text{};
};

/// What its operations work on. There is one at a time in a process, as libfuse's own context has it.
struct Served {
  FakeKernel& kernel;
  Fuse fuse;
  /// By handle. A file that is open when the file system goes is not always closed any more.
  std::map<std::uint64_t, Open> open{};
  std::uint64_t last_handle = 0;
};

thread_local Served* serving = nullptr;  // set by the one thread that serves

const fuse_context& context() { return *serving->fuse.context(); }
FakeKernel& kernel() { return serving->kernel; }
Host& host() { return serving->kernel.host(); }

/// As sysfs.h takes it: below /sys.
std::string_view below(const char* path) { return std::string_view(path).substr(1); }
bool is_control(const char* path) { return below(path) == kModprobeFile; }
Caller caller() { return context().uid == 0 ? Caller::Root : Caller::Nobody; }

Open& open_of(const fuse_file_info* info) { return serving->open.at(info->fh); }
int keep_open(fuse_file_info* info, Open open) {
  info->fh = ++serving->last_handle;
  serving->open.emplace(info->fh, std::move(open));
  return 0;
}

int get_attributes(const char* path, struct stat* out, fuse_file_info*) {
  out->st_uid = geteuid();
  out->st_gid = getegid();
  out->st_nlink = 1;
  if (is_control(path)) {
    out->st_mode = kControlMode;
    return 0;
  }
  if (const auto target = read_link(host(), below(path)); target.error == 0) {
    out->st_mode = kLink;
    out->st_size = static_cast<off_t>(target.value.size());
    return 0;
  }
  const auto found = stat_file(host(), below(path));
  if (found.error != 0) return -found.error;
  out->st_mode = found.value.mode;
  out->st_size = static_cast<off_t>(found.value.size);
  return 0;
}

int get_target(const char* path, char* buffer, std::size_t size) {
  const auto target = read_link(host(), below(path));
  if (target.error != 0) return -target.error;
  const std::size_t count = std::min(target.value.size(), size - 1);
  std::copy_n(target.value.begin(), count, buffer);
  buffer[count] = '\0';
  return 0;
}

int list(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  const auto names = list_directory(host(), below(path));
  if (names.error != 0) return -names.error;
  for (const char* dots : {".", ".."}) fill(buffer, dots, nullptr, 0, {});
  for (const std::string& name : names.value) fill(buffer, name.c_str(), nullptr, 0, {});
  return 0;
}

int open_path(const char* path, fuse_file_info* info) {
  const int access = info->flags & O_ACCMODE;
  if (is_control(path)) {
    if (access != O_WRONLY) return -EACCES;
    return keep_open(info, {});
  }
  const OpenMode mode{.reading = access != O_WRONLY,
                      .writing = access != O_RDONLY,
                      .creating = (info->flags & O_CREAT) != 0,
                      .exclusive = (info->flags & O_EXCL) != 0};
  auto file = open_file(host(), below(path), mode, caller());
  if (file.error != 0) return -file.error;
  return keep_open(info, {std::move(file.value)});
}

/// Nothing can be created: what is asked for is opened with all its flags, so that the refusal is the kernel's own.
int create(const char* path, mode_t, fuse_file_info* info) {
  info->flags |= O_CREAT;
  return open_path(path, info);
}

int close_file(const char*, fuse_file_info* info) {
  serving->open.erase(info->fh);
  return 0;
}

int read_some(const char*, char* buffer, std::size_t size, off_t offset, fuse_file_info* info) {
  Open& open = open_of(info);
  const auto at = static_cast<std::uint64_t>(offset);
  const bool binary = open.file->entry.row != nullptr && open.file->entry.row->binary;
  if (binary || is_window(open.file->directory, open.file->name)) {
    const IoResult result = read_at(host(), *open.file, at, size, caller());
    if (result.error != 0) return -result.error;
    std::ranges::copy(result.data, buffer);
    return static_cast<int>(result.data.size());
  }
  if (at == 0 || !open.text) {
    IoResult result = read_file(host(), *open.file, caller());
    if (const CallId call = result.waiting; call != 0) {
      if (const auto waited = kernel().await(call); !waited) return -waited.error().error;
      result = read_waited(host(), *open.file, call);
    }
    if (result.error != 0) return -result.error;
    open.text = std::move(result.data);
  }
  const std::string_view rest = std::string_view(*open.text).substr(std::min<std::size_t>(at, open.text->size()));
  const std::size_t count = std::min(size, rest.size());
  std::copy_n(rest.begin(), count, buffer);
  return static_cast<int>(count);
}

int write_some(const char*, const char* data, std::size_t size, off_t offset, fuse_file_info* info) {
  const Open& open = open_of(info);
  const std::string_view text(data, size);
  if (!open.file) {
    const auto loaded = kernel().load_module(text.substr(0, text.find('\n')));
    return loaded ? static_cast<int>(size) : -loaded.error().error;
  }
  const IoResult result = write_at(host(), *open.file, static_cast<std::uint64_t>(offset), text, caller());
  if (result.waiting != 0) {
    const auto waited = kernel().await(result.waiting);
    return waited ? static_cast<int>(size) : -waited.error().error;
  }
  return result.error != 0 ? -result.error : static_cast<int>(result.count);
}

int set_mode(const char* path, mode_t mode, fuse_file_info*) { return -change_mode(host(), below(path), mode); }
/// A shell's > cuts the file off first, which sysfs takes and ignores.
int cut_off(const char*, off_t, fuse_file_info*) { return 0; }

/// Nothing may be remembered: what one file says changes by what is written to another.
void* begin(fuse_conn_info*, fuse_config* config) {
  config->direct_io = 1;
  config->entry_timeout = 0;
  config->attr_timeout = 0;
  config->negative_timeout = 0;
  return nullptr;
}

fuse_operations operations() {
  fuse_operations all{};
  all.getattr = get_attributes;
  all.readlink = get_target;
  all.readdir = list;
  all.open = open_path;
  all.create = create;
  all.release = close_file;
  all.read = read_some;
  all.write = write_some;
  all.chmod = set_mode;
  all.truncate = cut_off;
  all.init = begin;
  return all;
}

/// A file system that is mounted; it goes with this.
class Mounted {
 public:
  static Result<std::unique_ptr<Mounted>> at(FakeKernel& kernel, const std::string& mount_point) {
    const auto fuse = load_fuse();
    if (!fuse) return std::unexpected(fuse.error());
    std::string options = "fsname=busproof,subtype=fakesys";
    if (geteuid() == 0) options += ",allow_other";
    std::vector<std::string> words = {"busproof", "-o", options};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    fuse_args args = FUSE_ARGS_INIT(static_cast<int>(arguments.size()), arguments.data());
    const fuse_operations all = operations();
    struct fuse* made = fuse->create(&args, &all, sizeof all, nullptr);
    fuse->free_arguments(&args);  // those that it added
    if (made == nullptr) return system_refuses("libfuse3 does not start", errno);
    errno = 0;
    if (fuse->mount(made, mount_point.c_str()) != 0) {
      const int error = errno;
      fuse->destroy(made);
      return system_refuses("cannot mount on " + mount_point, error);
    }
    return std::unique_ptr<Mounted>(new Mounted(kernel, *fuse, made));
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    served_.fuse.unmount(fuse_);
    served_.fuse.destroy(fuse_);
  }

  /// Answers until it is unmounted.
  void answer() {
    serving = &served_;
    served_.fuse.loop(fuse_);
    serving = nullptr;
  }
  void answer_until_signalled() {
    fuse_session* session = served_.fuse.session(fuse_);
    served_.fuse.heed_signals(session);
    answer();
    served_.fuse.ignore_signals(session);
  }

 private:
  Mounted(FakeKernel& kernel, const Fuse& fuse, struct fuse* made) : served_{kernel, fuse}, fuse_(made) {}
  Served served_;
  struct fuse* fuse_;
};

// ---- A command's own /sys
// ----------------------------------------------------------------------------------------------

bool write_file_of_process(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

/// From now on this process sees mounts that nobody else does, and may mount.
int enter_own_mounts() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
  if (uid != 0) {
    write_file_of_process("/proc/self/setgroups", "deny");
    write_file_of_process("/proc/self/uid_map", fmt::format("0 {} 1", uid));
    write_file_of_process("/proc/self/gid_map", fmt::format("0 {} 1", gid));
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : errno;
}

constexpr const char* kModprobe = R"(#!/bin/sh
quiet=
for word; do
  case $word in
    -q | --quiet) quiet=1 ;;
    -*) ;;
    *)
      printf %s "$word" 2>/dev/null >/sys/{} && exit
      [ "$quiet" ] || echo "modprobe: FATAL: Module $word cannot be loaded." >&2
      exit 1
      ;;
  esac
done
)";

/// Puts a modprobe in place of the machine's that asks the kernel at /sys. A machine without one gets none.
void replace_modprobe() {
  char* real = realpath("/sbin/modprobe", nullptr);
  if (real == nullptr) return;
  char name[] = "/tmp/busproof-modprobe-XXXXXX";
  const int file = mkstemp(name);
  if (file >= 0) {
    const std::string script = fmt::format(kModprobe, kModprobeFile);
    const bool written = write(file, script.data(), script.size()) == static_cast<ssize_t>(script.size());
    fchmod(file, 0755);
    close(file);
    if (written) mount(name, real, nullptr, MS_BIND, nullptr);
    unlink(name);
  }
  free(real);
}

/// The child's pid. Errors: errno of starting it, "No such file or directory".
Result<pid_t> start(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return system_refuses("no pipe", errno);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execvp(words[0], words.data());
    const int error = errno;
    if (write(ends[1], &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  close(ends[1]);
  int error = child < 0 ? errno : 0;
  if (child > 0 && read(ends[0], &error, sizeof error) == static_cast<ssize_t>(sizeof error))
    waitpid(child, nullptr, 0);
  close(ends[0]);
  if (error == 0) return child;
  return Refusal(Error{.kind = ErrorKind::Unreadable,
                       .rule = "",
                       .message = fmt::format("cannot run {}: {}", command.front(), std::strerror(error))});
}

}  // namespace

Result<void> serve(FakeKernel& kernel, const std::string& mount_point, const std::function<void()>& ready) {
  const auto mounted = Mounted::at(kernel, mount_point);
  if (!mounted) return std::unexpected(mounted.error());
  ready();
  (*mounted)->answer_until_signalled();
  return {};
}

Result<int> run_on(FakeKernel& kernel, const std::vector<std::string>& command) {
  constexpr int kSignalled = 128;
  if (const int error = enter_own_mounts(); error != 0) return system_refuses("no mounts of its own", error);
  const auto mounted = Mounted::at(kernel, "/sys");
  if (!mounted) return std::unexpected(mounted.error());
  std::thread server([&] { (*mounted)->answer(); });
  replace_modprobe();
  const auto child = start(command);
  int status = 0;
  if (child) waitpid(*child, &status, 0);
  umount2("/sys", MNT_DETACH);
  server.join();
  if (!child) return std::unexpected(child.error());
  return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace busproof::fakesys
