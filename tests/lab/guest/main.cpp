// The only process of the lab's guest: takes a machine's modules in, carries out one scenario on the real /sys, and
// writes what came of it to QEMU's debug port.

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/guest/calls.h"
#include "tests/lab/guest/capture.h"

namespace lab {
namespace {

constexpr const char* kLooks[] = {"read", "pread", "list", "readlink", "stat"};
constexpr unsigned short kDebugPort = 0xe9, kExitPort = 0x501;

void tell(const json& what) {
  const std::string line = what.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  for (const char c : line) outb(static_cast<unsigned char>(c), kDebugPort);
}

/// The kernel's events, as text: "bind pci /devices/… DRIVER=vfio-pci".
class Uevents {
 public:
  Uevents() : socket_(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1;
    const int size = 16 << 20;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::perror("uevents");
  }
  /// All until none has come for so long.
  std::vector<std::string> until_quiet(int quiet_ms) const {
    std::vector<std::string> events;
    pollfd entry{socket_, POLLIN, 0};
    while (poll(&entry, 1, quiet_ms) > 0) {
      char buffer[8192];
      const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
      if (count > 0) events.push_back(text_of({buffer, static_cast<std::size_t>(count)}));
    }
    return events;
  }

 private:
  static std::string text_of(const std::string& message) {
    std::string action, path, subsystem, more;
    for (std::size_t at = 0; at < message.size();) {
      const std::string part = message.c_str() + at;
      at += part.size() + 1;
      const std::string key = part.substr(0, part.find('='));
      const std::string value = part.substr(std::min(part.size(), key.size() + 1));
      if (key == "ACTION") action = value;
      if (key == "DEVPATH") path = value;
      if (key == "SUBSYSTEM") subsystem = value;
      if (key == "DRIVER" || key == "DEVNAME" || key == "INTERFACE") more += ' ' + part;
    }
    return action + ' ' + subsystem + ' ' + path + more;
  }
  int socket_;
};

/// The kernel's log since the last look.
class Log {
 public:
  std::vector<std::string> fresh() {
    std::vector<std::string> lines;
    char record[8192];
    for (ssize_t count = 0; (count = read(file_, record, sizeof record)) > 0;) {
      const std::string text(record, static_cast<std::size_t>(count));
      const auto start = text.find(';');
      if (start != std::string::npos) lines.push_back(text.substr(start + 1, text.find('\n') - start - 1));
    }
    return lines;
  }

 private:
  int file_ = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
};

json last_part_of_link(const std::string& path) {
  char target[4096];
  const ssize_t count = readlink(full_path(path).c_str(), target, sizeof target);
  if (count < 0) return nullptr;
  const std::string link(target, static_cast<std::size_t>(count));
  return link.substr(link.rfind('/') + 1);
}

bool only_looks(const std::string& operation) { return std::ranges::find(kLooks, operation) != std::end(kLooks); }

bool exists(const std::string& path) { return access(full_path(path).c_str(), F_OK) == 0; }

class Recorder {
 public:
  explicit Recorder(json scenario) : scenario_(std::move(scenario)), at_start_(Calls::names("bus/pci/devices")) {}

  void record() {
    uevents_.until_quiet(kQuietMs);
    log_.fresh();
    scenario_["before"] = state();
    const json steps = std::exchange(scenario_["steps"], json::array());
    tell({{"scenario", scenario_}});
    for (json step : steps) {
      if (step.value("op", "") == "race") step["watched"] = scenario_.value("watch", json::array());
      step.update(calls_.run(step));
      step.erase("watched");
      const bool looks = only_looks(step.value("op", ""));
      if (auto events = uevents_.until_quiet(looks ? 0 : kQuietMs); !events.empty()) step["uevents"] = events;
      if (auto lines = log_.fresh(); !lines.empty()) step["klog"] = lines;
      if (!looks) step["after"] = state();
      tell({{"step", step}});
    }
    tell({{"done", true}});
  }

 private:
  static constexpr int kQuietMs = 150;

  json device(const std::string& name) {
    const std::string path = "bus/pci/devices/" + name;
    if (!exists(path)) return nullptr;
    json out = {{"driver", last_part_of_link(path + "/driver")},
                {"iommu_group", last_part_of_link(path + "/iommu_group")},
                {"reset", exists(path + "/reset")}};
    out["driver_override"] = calls_.attribute(path + "/driver_override");
    for (const char* text : {"enable", "power_state", "numa_node"}) {
      out[text] = Calls::plain_attribute(path + '/' + text);
    }
    if (exists(path + "/sriov_numvfs")) out["sriov_numvfs"] = calls_.attribute(path + "/sriov_numvfs");
    for (int i = 0;; ++i) {
      const json virtfn = last_part_of_link(path + "/virtfn" + std::to_string(i));
      if (virtfn.is_null()) break;
      out["virtfns"].push_back(virtfn);
    }
    if (const json physfn = last_part_of_link(path + "/physfn"); !physfn.is_null()) out["physfn"] = physfn;
    std::size_t interfaces = Calls::names(path + "/net").size();
    for (const std::string& child : Calls::names(path)) {
      if (child.starts_with("virtio")) interfaces += Calls::names(path + '/' + child + "/net").size();
    }
    out["net"] = interfaces;
    if (exists(path + "/vfio-dev")) out["vfio_dev"] = Calls::names(path + "/vfio-dev");
    return out;
  }

  json state() {
    json out = {{"devices", json::object()}, {"groups", json::object()}};
    for (const auto& watched : scenario_.value("watch", json::array())) {
      const auto name = watched.get<std::string>();
      const json found = device(name);
      out["devices"][name] = found;
      if (found.is_null() || found["iommu_group"].is_null()) continue;
      const auto group = found["iommu_group"].get<std::string>();
      out["groups"][group] = Calls::names("kernel/iommu_groups/" + group + "/devices");
    }
    out["dev_vfio"] = Calls::names("/dev/vfio");
    const auto now = Calls::names("bus/pci/devices");
    std::vector<std::string> added, gone;
    std::ranges::set_difference(now, at_start_, std::back_inserter(added));
    std::ranges::set_difference(at_start_, now, std::back_inserter(gone));
    if (!added.empty()) out["pci_added"] = added;
    if (!gone.empty()) out["pci_gone"] = gone;
    return out;
  }

  json scenario_;
  Calls calls_;
  Uevents uevents_;
  Log log_;
  std::vector<std::string> at_start_;
};

void boot(const json& work) {
  for (const char* folder : {"/proc", "/sys", "/dev"}) mkdir(folder, 0755);
  mount("proc", "/proc", "proc", 0, nullptr);
  mount("sysfs", "/sys", "sysfs", 0, nullptr);
  mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  const Uevents uevents;
  const json left_out = work["scenario"].value("modules_not_loaded_at_boot", json::array());
  for (const auto& module : work["modules"]) {
    if (std::ranges::find(left_out, module) != left_out.end()) continue;
    const auto name = module.get<std::string>();
    if (const int error = load_module(name, ""); error != 0) tell({{"module", name}, {"error", errno_text(error)}});
  }
  constexpr int kSettledMs = 1500;
  uevents.until_quiet(kSettledMs);
}

void work() {
  if (iopl(3) != 0) std::perror("iopl");
  std::ifstream file("/work.json");
  const json work = json::parse(file, nullptr, false);
  boot(work);
  utsname kernel{};
  uname(&kernel);
  if (work.value("capture", false)) {
    json tree = capture();
    tree["kernel"] = kernel.release;
    tree["kernel_version"] = kernel.version;
    tell({{"tree", tree}});
  }
  if (work.contains("scenario") && work["scenario"].is_object()) {
    json scenario = work["scenario"];
    scenario["kernel"] = kernel.release;
    Recorder(scenario).record();
  }
}

}  // namespace
}  // namespace lab

int main() {
  lab::work();
  outb(0, lab::kExitPort);
  for (;;) pause();
}
