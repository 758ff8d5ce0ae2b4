#include "tests/lab/guest/calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "engine/base/base64.h"

namespace lab {
namespace {

constexpr int kUsualLimitMs = 4000;
constexpr int kStateLimitMs = 700;
constexpr uid_t kNobody = 65534;

std::string text(const json& step, const char* name, const std::string& otherwise = {}) {
  const auto found = step.find(name);
  return found != step.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

std::string data_of(const json& step) {
  return step.contains("data_b64") ? busproof::from_base64(text(step, "data_b64")).value() : text(step, "data");
}

int flags_of(const json& step) {
  const struct {
    const char* name;
    int flag;
  } kFlags[] = {{"O_RDWR", O_RDWR},   {"O_WRONLY", O_WRONLY}, {"O_TRUNC", O_TRUNC},
                {"O_CREAT", O_CREAT}, {"O_EXCL", O_EXCL},     {"O_APPEND", O_APPEND}};
  const std::string names = text(step, "oflags", "O_WRONLY");
  int flags = 0;
  for (const auto& [name, flag] : kFlags) {
    if (names.find(name) != std::string::npos) flags |= flag;
  }
  return flags;
}

void become(const json& step) {
  if (text(step, "as") != "nobody") return;
  if (syscall(SYS_setgroups, 0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
      setresuid(kNobody, kNobody, kNobody) != 0) {
    _exit(1);
  }
}

json counted(const char* call, ssize_t count) {
  return {{"open", "ok"}, {call, errno_text(count < 0 ? errno : 0)}, {"n", count}};
}

json do_write(const json& step) {
  const int file = open(full_path(text(step, "path")).c_str(), flags_of(step), 0644);
  if (file < 0) return {{"open", errno_text(errno)}};
  const std::string data = data_of(step);
  return counted("write", write(file, data.data(), data.size()));
}

json do_read(const json& step) {
  const int file = open(full_path(text(step, "path")).c_str(), O_RDONLY);
  if (file < 0) return {{"open", errno_text(errno)}};
  std::string all;
  char part[1 << 14];
  ssize_t count = 0;
  while ((count = read(file, part, sizeof part)) > 0) all.append(part, static_cast<std::size_t>(count));
  json out = {{"open", "ok"}, {"read", errno_text(count < 0 ? errno : 0)}};
  close(file);
  if (count < 0) all.clear();
  out["n"] = all.size();
  tell_bytes(out, all);
  return out;
}

json do_pread(const json& step) {
  const int file = open(full_path(text(step, "path")).c_str(), O_RDONLY);
  if (file < 0) return {{"open", errno_text(errno)}};
  std::string bytes(step.value("length", std::size_t{0}), '\0');
  const ssize_t count = pread(file, bytes.data(), bytes.size(), step.value("offset", 0L));
  json out = counted("read", count);
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  out["data_b64"] = busproof::to_base64(bytes);
  return out;
}

json do_pwrite(const json& step) {
  const int file = open(full_path(text(step, "path")).c_str(), O_WRONLY);
  if (file < 0) return {{"open", errno_text(errno)}};
  const std::string hex = text(step, "hex");
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return counted("write", pwrite(file, bytes.data(), bytes.size(), step.value("offset", 0L)));
}

json do_list(const json& step) {
  DIR* directory = opendir(full_path(text(step, "path")).c_str());
  if (directory == nullptr) return {{"open", errno_text(errno)}};
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) names.emplace_back(entry->d_name);
  closedir(directory);
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::ranges::sort(names);
  return {{"names", names}};
}

json do_readlink(const json& step) {
  char target[4096];
  const ssize_t count = readlink(full_path(text(step, "path")).c_str(), target, sizeof target);
  if (count < 0) return {{"readlink", errno_text(errno)}};
  return {{"readlink", "ok"}, {"target", std::string(target, static_cast<std::size_t>(count))}};
}

json do_stat(const json& step) {
  struct stat status{};
  if (stat(full_path(text(step, "path")).c_str(), &status) != 0) return {{"stat", errno_text(errno)}};
  char mode[16];
  std::snprintf(mode, sizeof mode, "%06o", status.st_mode);
  return {{"stat", "ok"}, {"mode", mode}, {"size", status.st_size}};
}

json do_chmod(const json& step) {
  const auto mode = static_cast<mode_t>(std::stoul(text(step, "mode"), nullptr, 8));
  const int result = chmod(full_path(text(step, "path")).c_str(), mode);
  return {{"result", errno_text(result == 0 ? 0 : errno)}};
}

json do_insmod(const json& step) {
  return {{"result", errno_text(load_module(text(step, "module"), text(step, "params")))}};
}

json do_rmmod(const json& step) {
  const long result = syscall(SYS_delete_module, text(step, "module").c_str(), O_NONBLOCK);
  return {{"result", errno_text(result == 0 ? 0 : errno)}};
}

/// Whether a process is at work, and not waiting for something: a busy machine is no lock.
bool is_running(pid_t pid) {
  char stat[512] = {};
  const int file = open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t count = file < 0 ? 0 : read(file, stat, sizeof stat - 1);
  if (file >= 0) close(file);
  const char* name_end = count > 0 ? std::strrchr(stat, ')') : nullptr;
  return name_end != nullptr && name_end[2] == 'R';
}

/// What a child process says until it is done, or nothing in time.
bool hear(int pipe, int limit_ms, std::string& said) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(limit_ms);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd entry{pipe, POLLIN, 0};
    if (left < 0 || poll(&entry, 1, static_cast<int>(left)) == 0) return false;
    char buffer[65536];
    const ssize_t count = read(pipe, buffer, sizeof buffer);
    if (count <= 0) return true;
    said.append(buffer, static_cast<std::size_t>(count));
  }
}

void say(int pipe, const std::string& what) {
  for (std::size_t done = 0; done < what.size();) {
    const ssize_t count = write(pipe, what.data() + done, what.size() - done);
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

/// A child keeps open nothing of its parent's: a descriptor of a VFIO device would keep that device in use.
void close_all_but(int kept) {
  constexpr int kMost = 256;
  for (int file = 3; file < kMost; ++file) {
    if (file != kept) close(file);
  }
}

}  // namespace

std::string errno_text(int error) { return error == 0 ? "ok" : strerrorname_np(error); }

std::string full_path(const std::string& path) { return path.starts_with('/') ? path : "/sys/" + path; }

void tell_bytes(json& out, const std::string& bytes) {
  const json as_text = bytes;
  try {
    (void)as_text.dump();
    out["data"] = bytes;
  } catch (const json::exception&) {
    out["data_b64"] = busproof::to_base64(bytes);
  }
}

int load_module(const std::string& name, const std::string& parameters) {
  const int file = open(("/modules/" + name + ".ko").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const long result = syscall(SYS_finit_module, file, parameters.c_str(), 0);
  const int error = result == 0 ? 0 : errno;
  close(file);
  return error;
}

template <class Work>
json Calls::apart(const json& step, const Work& work) {
  int ends[2];
  if (pipe(ends) != 0) return {{"lab", "no pipe"}};
  const pid_t pid = fork();
  if (pid == 0) {
    close_all_but(ends[1]);
    become(step);
    say(ends[1], work(step).dump());
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  const auto start = std::chrono::steady_clock::now();
  const int limit_ms = step.value("limit_ms", kUsualLimitMs);
  bool heard = hear(ends[0], limit_ms, said);
  while (!heard && is_running(pid)) heard = hear(ends[0], limit_ms, said);
  if (heard) {
    close(ends[0]);
    waitpid(pid, nullptr, 0);
    json out = json::parse(said, nullptr, false);
    if (!out.is_object()) return {{"lab", "the caller died"}};
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
    if (ms >= 1000) out["ms"] = ms / 1000 * 1000;
    return out;
  }
  const std::string id = text(step, "id", "call " + std::to_string(next_id_));
  left_[id] = {pid, ends[0]};
  return {{"blocked", true}, {"limit_ms", limit_ms}, {"id", id}};
}

json Calls::join(const json& step) {
  const auto found = left_.find(text(step, "id"));
  if (found == left_.end()) return {{"join", "unknown"}};
  std::string said;
  if (!hear(found->second.pipe, step.value("limit_ms", kUsualLimitMs), said)) return {{"join", "still blocked"}};
  int status = 0;
  close(found->second.pipe);
  waitpid(found->second.pid, &status, 0);
  left_.erase(found);
  if (WIFSIGNALED(status)) return {{"join", "killed"}};
  json out = json::parse(said, nullptr, false);
  out["join"] = "done";
  return out;
}

json Calls::signal(const json& step) {
  const auto found = left_.find(text(step, "id"));
  if (found == left_.end()) return {{"result", "ESRCH"}};
  const int number = step["signal"].is_number()          ? step["signal"].get<int>()
                     : text(step, "signal") == "SIGKILL" ? SIGKILL
                                                         : SIGTERM;
  return {{"result", errno_text(kill(found->second.pid, number) == 0 ? 0 : errno)}};
}

json Calls::race(const json& step) {
  auto* gate = static_cast<std::atomic<int>*>(
      mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  json outcomes = json::object(), drivers = json::object();
  const auto count = [](json& in, const std::string& what) { in[what] = in.value(what, 0) + 1; };
  for (int round = 0; round < step.value("rounds", 1); ++round) {
    gate->store(0);
    std::vector<Left> racers;
    for (const auto& racer : step["racers"]) {
      int ends[2];
      if (pipe(ends) != 0) return {{"lab", "no pipe"}};
      const pid_t pid = fork();
      if (pid == 0) {
        close_all_but(ends[1]);
        become(racer);
        gate->fetch_add(1);
        while (gate->load() < static_cast<int>(step["racers"].size())) {
        }
        const json result = do_write(racer);
        say(ends[1], result.value("write", result.value("open", "?")));
        _exit(0);
      }
      close(ends[1]);
      racers.push_back({pid, ends[0]});
    }
    std::string outcome;
    for (const Left& racer : racers) {
      std::string said;
      if (!hear(racer.pipe, 20000, said)) said = "blocked";
      close(racer.pipe);
      waitpid(racer.pid, nullptr, 0);
      outcome += (outcome.empty() ? "" : " | ") + said;
    }
    count(outcomes, outcome);
    std::string after;
    for (const auto& watched : step.value("watched", json::array())) {
      const auto name = watched.get<std::string>();
      const std::string path = "/sys/bus/pci/devices/" + name;
      char target[4096];
      const ssize_t length = readlink((path + "/driver").c_str(), target, sizeof target);
      std::string driver = access(path.c_str(), F_OK) != 0 ? "absent" : "none";
      if (length > 0) {
        const std::string link(target, static_cast<std::size_t>(length));
        driver = link.substr(link.rfind('/') + 1);
      }
      after += (after.empty() ? "" : " ") + name + "=" + driver;
    }
    count(drivers, after);
    for (const auto& write : step.value("clean_up", json::array())) apart(write, do_write);
  }
  return {{"outcomes", outcomes}, {"drivers_after", drivers}};
}

json Calls::vfio(const json& step) {
  std::vector<std::string> args;
  for (const auto& arg : step.value("args", json::array())) {
    args.push_back(arg.is_string() ? arg.get<std::string>() : arg.dump());
  }
  return ioctl_on(text(step, "call"), args);
}

json Calls::ioctl_on(const std::string& call, const std::vector<std::string>& given) {
  std::vector<std::string> args = given;
  args.resize(std::max<std::size_t>(args.size(), 3));
  const auto descriptor = [&](const std::string& name) {
    const auto found = descriptors_.find(name);
    return found == descriptors_.end() ? -1 : found->second;
  };
  const auto told = [](int result) {
    const int error = result < 0 ? errno : 0;
    return json{{"result", errno_text(error)}, {"ret", result < 0 ? -1 : result}};
  };
  const auto opened = [&](int file) {
    if (file < 0) return told(file);
    descriptors_[args[0]] = file;
    return told(0);
  };
  const int file = descriptor(args[0]);
  if (call == "container") return opened(open("/dev/vfio/vfio", O_RDWR));
  if (call == "group") return opened(open(("/dev/vfio/" + args[1]).c_str(), O_RDWR));
  if (call == "dev") return opened(ioctl(descriptor(args[1]), VFIO_GROUP_GET_DEVICE_FD, args[2].c_str()));
  if (call == "api") return told(ioctl(file, VFIO_GET_API_VERSION));
  if (call == "ext") return told(ioctl(file, VFIO_CHECK_EXTENSION, std::stol(args[1])));
  if (call == "setc") {
    const int container = descriptor(args[1]);
    return told(ioctl(file, VFIO_GROUP_SET_CONTAINER, &container));
  }
  if (call == "unsetc") return told(ioctl(file, VFIO_GROUP_UNSET_CONTAINER));
  if (call == "iommu") return told(ioctl(file, VFIO_SET_IOMMU, std::stol(args[1])));
  if (call == "reset") return told(ioctl(file, VFIO_DEVICE_RESET));
  if (call == "close") {
    const int result = close(file);
    descriptors_.erase(args[0]);
    return told(result);
  }
  if (call == "status") {
    vfio_group_status status{};
    status.argsz = sizeof status;
    json out = told(ioctl(file, VFIO_GROUP_GET_STATUS, &status));
    if (out["ret"] != 0) return out;
    out["viable"] = (status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0;
    out["container_set"] = (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET) != 0;
    return out;
  }
  if (call == "info") {
    vfio_device_info info{};
    info.argsz = sizeof info;
    json out = told(ioctl(file, VFIO_DEVICE_GET_INFO, &info));
    if (out["ret"] != 0) return out;
    out["flags"] = info.flags;
    out["regions"] = info.num_regions;
    out["irqs"] = info.num_irqs;
    out["reset_supported"] = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
    return out;
  }
  if (call == "hotinfo") {
    std::vector<char> room(4096);
    auto* info = reinterpret_cast<vfio_pci_hot_reset_info*>(room.data());
    info->argsz = static_cast<__u32>(room.size());
    json out = told(ioctl(file, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info));
    if (out["ret"] != 0) return out;
    out["devices"] = json::array();
    for (unsigned i = 0; i < info->count; ++i) {
      const auto& device = info->devices[i];
      char name[64];
      std::snprintf(name, sizeof name, "group %u %04x:%02x:%02x.%x", device.group_id, device.segment, device.bus,
                    device.devfn >> 3, device.devfn & 7u);
      out["devices"].push_back(name);
    }
    return out;
  }
  if (call == "hotreset") {
    std::vector<char> room(4096);
    auto* reset = reinterpret_cast<vfio_pci_hot_reset*>(room.data());
    reset->argsz = static_cast<__u32>(room.size());
    for (std::size_t i = 1; i < given.size(); ++i) reset->group_fds[reset->count++] = descriptor(given[i]);
    return told(ioctl(file, VFIO_DEVICE_PCI_HOT_RESET, reset));
  }
  return {{"lab", "unknown call " + call}};
}

namespace {

std::string text_or_error(const json& result) {
  if (result.value("blocked", false)) return "!blocks";
  if (result.value("open", "") != "ok") return "!" + result.value("open", "");
  if (result.value("read", "") != "ok") return "!" + result.value("read", "");
  return result.value("data", "");
}

}  // namespace

std::string Calls::attribute(const std::string& path) {
  const json step = {{"path", path}, {"limit_ms", kStateLimitMs}, {"id", "state " + std::to_string(++next_id_)}};
  return text_or_error(apart(step, do_read));
}

std::string Calls::plain_attribute(const std::string& path) { return text_or_error(do_read({{"path", path}})); }

std::vector<std::string> Calls::names(const std::string& path) {
  return do_list({{"path", path}}).value("names", std::vector<std::string>());
}

json Calls::run(const json& step) {
  const std::string op = text(step, "op");
  if (op == "write") return apart(step, do_write);
  if (op == "read") return apart(step, do_read);
  if (op == "pread") return apart(step, do_pread);
  if (op == "pwrite") return apart(step, do_pwrite);
  if (op == "list") return apart(step, do_list);
  if (op == "readlink") return apart(step, do_readlink);
  if (op == "stat") return apart(step, do_stat);
  if (op == "chmod") return apart(step, do_chmod);
  if (op == "insmod") return apart(step, do_insmod);
  if (op == "rmmod") return apart(step, do_rmmod);
  if (op == "vfio") return vfio(step);
  if (op == "join") return join(step);
  if (op == "signal") return signal(step);
  if (op == "race") return race(step);
  if (op == "sleep") {
    usleep(step.value("duration_ms", 0u) * 1000);
    return json::object();
  }
  return {{"lab", "unknown operation " + op}};
}

}  // namespace lab
