#include "engine/host/real_kernel.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>
#include <thread>
#include <utility>

#include "engine/host/file_access.h"
#include "engine/host/modprobe.h"
#include "engine/host/worker_process.h"

namespace busproof::host {
namespace {

/// Attributes whose reading takes the device's lock on some kernel, and so waits for whatever holds it.
/// Source: spec/host-binding.md, DET-20 and K-25.
constexpr std::array<std::string_view, 3> kReadsThatBlock = {"driver_override", "sriov_numvfs", "uevent"};

bool may_block(std::string_view path) {
  return std::ranges::find(kReadsThatBlock, path.substr(path.rfind('/') + 1)) != kReadsThatBlock.end();
}

Answer<std::vector<std::string>> names_in(const std::string& folder) {
  DIR* const directory = ::opendir(folder.c_str());
  if (directory == nullptr) return std::unexpected(Failure{errno});
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return std::unexpected(Failure{error});
  std::ranges::sort(names);
  return names;
}

Answer<std::string> target_of(const std::string& link) {
  constexpr std::size_t kLongest = 4096;
  std::string target(kLongest, '\0');
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return std::unexpected(Failure{errno});
  target.resize(static_cast<std::size_t>(size));
  return target;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Does a process have the group open, or something that may be the group's?
enum class Hold : std::uint8_t { None, Group, DeviceOfUnknownGroup };

Hold hold_of(RealKernel& kernel, const std::vector<std::string>& opened, unsigned group) {
  constexpr std::string_view kNodes = "/dev/vfio/", kDeviceNodes = "/dev/vfio/devices/";
  const std::string number = std::to_string(group);
  bool has_devices = false, has_groups = false;
  for (const std::string& target : opened) {
    const std::string_view name = std::string_view(target).substr(target.rfind('/') + 1);
    if (target.starts_with(kDeviceNodes)) {
      std::string link = "class/vfio-dev/";
      link.append(name).append("/device/iommu_group");
      const auto of_device = link_name(kernel, link);
      if (of_device && *of_device == number) return Hold::Group;
    } else if (target.starts_with(kNodes)) {
      if (name == number) return Hold::Group;
      has_groups = has_groups || is_number(name);
    }
    has_devices = has_devices || target == "anon_inode:[vfio-device]";
  }
  return has_devices && !has_groups ? Hold::DeviceOfUnknownGroup : Hold::None;
}

}  // namespace

RealKernel::RealKernel(KernelPlaces places) : places_(std::move(places)) {}
RealKernel::~RealKernel() = default;

std::string RealKernel::file_of(std::string_view path) const {
  constexpr std::string_view kSys = "/sys/";
  if (path.starts_with(kSys)) return places_.sys + '/' + std::string(path.substr(kSys.size()));
  if (path.starts_with('/')) return places_.root + std::string(path);
  return places_.sys + '/' + std::string(path);
}

WorkerProcess& RealKernel::worker_process() {
  if (!worker_) worker_ = std::make_unique<WorkerProcess>();
  return *worker_;
}

Answer<std::string> RealKernel::read(std::string_view path) {
  const std::string file = file_of(path);
  auto text = may_block(path) ? worker_process().read(file, 0, kTextMaxBytes + 1, places_.deadline)
                              : read_file(file, 0, kTextMaxBytes + 1);
  if (text && text->size() > kTextMaxBytes) return std::unexpected(Failure{EFBIG});
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}

Answer<std::string> RealKernel::read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) {
  return read_file(file_of(path), offset, count);
}

Answer<void> RealKernel::write(std::string_view path, std::string_view value) {
  return worker_process().write(file_of(path), std::string(value), places_.deadline);
}

Answer<std::vector<std::string>> RealKernel::list(std::string_view path) { return names_in(file_of(path)); }

Answer<std::string> RealKernel::read_link(std::string_view path) { return target_of(file_of(path)); }

Answer<void> RealKernel::load_module(std::string_view name) {
  const auto is_of_name = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  if (name.empty() || !std::ranges::all_of(name, is_of_name)) return std::unexpected(Failure{ENOENT});
  const std::string module(name);
  if (const auto done = run_modprobe(places_.modprobe, module, places_.module_deadline); !done) return done;
  std::string entry = "module/" + module;
  std::ranges::replace(entry, '-', '_');
  if (list(entry)) return {};
  // Built in, or not loaded because of a blacklist: modprobe says the same of both.
  const auto forbidden = modprobe_forbids(places_.modprobe, module, places_.module_deadline);
  if (!forbidden) return std::unexpected(forbidden.error());
  if (*forbidden) return std::unexpected(Failure{EPERM});
  return {};
}

Answer<bool> RealKernel::vfio_group_in_use(unsigned group) {
  const std::string processes = file_of("/proc");
  const auto names = names_in(processes);
  if (!names) return std::unexpected(names.error());
  bool all_seen = true;
  for (const std::string& process : *names) {
    if (!is_number(process)) continue;
    std::string folder = processes;
    folder.append("/").append(process).append("/fd");
    const auto descriptors = names_in(folder);
    // A process that has ended meanwhile has nothing open.
    if (!descriptors) all_seen = all_seen && descriptors.error().error != EACCES;
    if (!descriptors) continue;
    std::vector<std::string> opened;
    for (const std::string& descriptor : *descriptors) {
      std::string link = folder;
      link.append("/").append(descriptor);
      if (auto target = target_of(link)) opened.push_back(*std::move(target));
    }
    if (hold_of(*this, opened, group) != Hold::None) return true;
  }
  if (!all_seen) return std::unexpected(Failure{EACCES});
  return false;
}

/// A process by its number and the time at which it began, as numbers are used again; empty when there is none.
std::string RealKernel::process_name(std::string_view number) const {
  constexpr std::size_t kState = 0, kStartTime = 19;  // counted from what follows the name in parentheses
  const auto line = read_file(file_of("/proc/" + std::string(number) + "/stat"), 0, kTextMaxBytes);
  if (!line || !line->contains(") ")) return {};
  std::vector<std::string_view> fields;
  for (const auto field : std::views::split(std::string_view(*line).substr(line->rfind(") ") + 2), ' '))
    fields.emplace_back(field.begin(), field.end());
  if (fields.size() <= kStartTime || fields[kState] == "Z" || fields[kState] == "X") return {};
  return std::string(number).append(1, ' ').append(fields[kStartTime]);
}

std::string RealKernel::worker() {
  const auto process = worker_process().process();
  return process == 0 ? std::string() : process_name(std::to_string(process));
}

bool RealKernel::at_work(std::string_view worker) {
  const std::string_view number = worker.substr(0, worker.find(' '));
  if (!is_number(number)) return false;
  // One whose program has gone goes too, unless a call keeps it: it is given the time for that.
  constexpr int kLooks = 20;
  for (int look = 0; look < kLooks; ++look) {
    if (process_name(number) != worker) return false;
    wait(std::chrono::milliseconds(10));
  }
  return true;
}

std::chrono::milliseconds RealKernel::now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

void RealKernel::wait(std::chrono::milliseconds duration) { std::this_thread::sleep_for(duration); }

}  // namespace busproof::host
