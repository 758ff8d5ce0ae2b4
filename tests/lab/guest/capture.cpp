#include "tests/lab/guest/capture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/base/base64.h"
#include "tests/lab/guest/calls.h"

namespace lab {
namespace {

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) names.emplace_back(entry->d_name);
  closedir(directory);
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::ranges::sort(names);
  return names;
}

std::string target_of(const std::string& path) {
  char target[4096];
  const ssize_t count = readlink(path.c_str(), target, sizeof target);
  return count < 0 ? std::string() : std::string(target, static_cast<std::size_t>(count));
}

/// What a read of the whole file gives, or an errno.
int content_of(const std::string& path, std::string& out) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) return errno;
  char buffer[4096];
  ssize_t count = 0;
  while ((count = read(file, buffer, sizeof buffer)) > 0) out.append(buffer, static_cast<std::size_t>(count));
  const int error = count < 0 ? errno : 0;
  close(file);
  return error;
}

bool is_device_memory(const std::string& name) {
  return name.starts_with("resource") && name.size() > std::string("resource").size() && name != "resource_alignment";
}

json attribute(const std::string& path, const std::string& name, const struct stat& status) {
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777u);
  json out = {{"mode", mode}};
  constexpr off_t kUsualSize = 4096;
  if (status.st_size != kUsualSize) out["size"] = status.st_size;
  if ((status.st_mode & 0444u) == 0 || is_device_memory(name)) return out;
  std::string content;
  if (const int error = content_of(path, content); error != 0) {
    out["err"] = errno_text(error);
  } else if (name == "config") {
    out["size"] = content.size();
    content.resize(content.find_last_not_of('\0') + 1);
    out["b64"] = busproof::to_base64(content);
  } else {
    json told = json::object();
    tell_bytes(told, content);
    if (told.contains("data"))
      out["text"] = told["data"];
    else
      out["b64"] = told["data_b64"];
  }
  return out;
}

/// A directory with those of its sub-directories that `looked_into` names; "*" names all.
json directory(const std::string& path, const std::vector<std::string>& looked_into) {
  json out = {{"attrs", json::object()}};
  for (const std::string& name : names_in(path)) {
    const std::string below = path + '/' + name;
    struct stat status{};
    if (lstat(below.c_str(), &status) != 0) continue;
    if (S_ISLNK(status.st_mode)) {
      out["links"][name] = target_of(below);
    } else if (!S_ISDIR(status.st_mode)) {
      out["attrs"][name] = attribute(below, name, status);
    } else if (std::ranges::find(looked_into, name) != looked_into.end() ||
               std::ranges::find(looked_into, "*") != looked_into.end()) {
      out["dirs"][name] = directory(below, {});
    } else {
      out["other_dirs"].push_back(name);
    }
  }
  return out;
}

bool is_device_name(const std::string& name) {
  unsigned segment = 0, bus = 0, slot = 0, function = 0;
  int end = 0;
  return std::sscanf(name.c_str(), "%x:%x:%x.%x%n", &segment, &bus, &slot, &function, &end) == 4 &&
         static_cast<std::size_t>(end) == name.size();
}

/// Devices below are told apart from the other directories.
void tell_children(json& entry) {
  if (!entry.contains("other_dirs")) return;
  json others = json::array();
  for (const auto& name : entry["other_dirs"]) {
    (is_device_name(name.get<std::string>()) ? entry["children"] : others).push_back(name);
  }
  if (others.empty())
    entry.erase("other_dirs");
  else
    entry["other_dirs"] = others;
}

/// Below /sys, without "../".
std::string real_path(const std::string& link) {
  char resolved[4096];
  if (realpath(link.c_str(), resolved) == nullptr) return {};
  return std::string(resolved).substr(std::string("/sys/").size());
}

json device(const std::string& name) {
  const std::string link = "/sys/bus/pci/devices/" + name;
  const std::string path = real_path(link);
  json out = directory("/sys/" + path, {"link", "msi_irqs", "pci_bus", "power"});
  tell_children(out);
  out["path"] = path;
  out["link"] = target_of(link);
  std::vector<std::string> homes = {"net"};
  for (const auto& other : out.value("other_dirs", json::array())) {
    if (other.get<std::string>().starts_with("virtio")) homes.push_back(other.get<std::string>() + "/net");
  }
  for (const std::string& home : homes) {
    for (const std::string& interface : names_in("/sys/" + path + '/' + home)) {
      json facts = json::object();
      for (const char* file : {"address", "addr_len", "dev_id", "dev_port", "ifindex", "iflink", "type", "phys_port_id",
                               "phys_port_name", "phys_switch_id", "flags", "mtu"}) {
        const std::string at = "/sys/" + path + '/' + home + '/' + interface + '/' + file;
        struct stat status{};
        if (lstat(at.c_str(), &status) == 0) facts[file] = attribute(at, file, status);
      }
      out["net"][interface] = facts;
      out["net_dir"] = home;
    }
  }
  return out;
}

json of_class(const std::string& name, const std::vector<std::string>& looked_into) {
  json out = json::object();
  for (const std::string& entry : names_in("/sys/class/" + name)) {
    const std::string link = "/sys/class/" + name + '/' + entry;
    out[entry] = directory("/sys/" + real_path(link), looked_into);
    out[entry]["path"] = real_path(link);
    out[entry]["link"] = target_of(link);
  }
  return out;
}

}  // namespace

json capture() {
  json tree = {{"format", "busproof-sysfs-tree/1"}};
  tree["bus"] = directory("/sys/bus/pci", {});
  for (const std::string& name : names_in("/sys/bus/pci/devices")) tree["devices"][name] = device(name);
  for (const std::string& name : names_in("/sys/bus/pci/drivers")) {
    tree["drivers"][name] = directory("/sys/bus/pci/drivers/" + name, {});
    tree["drivers"][name]["path"] = "bus/pci/drivers/" + name;
  }
  for (const std::string& name : names_in("/sys/bus/pci/slots")) {
    tree["slots"][name] = directory("/sys/bus/pci/slots/" + name, {});
    tree["slots"][name]["path"] = "bus/pci/slots/" + name;
  }
  tree["iommu_groups"] = json::object();
  for (const std::string& name : names_in("/sys/kernel/iommu_groups")) {
    tree["iommu_groups"][name] = directory("/sys/kernel/iommu_groups/" + name, {"devices"});
    tree["iommu_groups"][name]["devices"] = names_in("/sys/kernel/iommu_groups/" + name + "/devices");
  }
  for (const std::string& name : names_in("/sys/devices")) {
    if (!name.starts_with("pci")) continue;
    tree["host_bridges"][name] = directory("/sys/devices/" + name, {"pci_bus", "power"});
    tell_children(tree["host_bridges"][name]);
    tree["host_bridges"][name]["path"] = "devices/" + name;
  }
  for (const char* name : {"vfio", "vfio_pci", "vfio_pci_core", "vfio_iommu_type1", "vfio_virqfd", "pci_stub"}) {
    const std::string path = std::string("/sys/module/") + name;
    if (access(path.c_str(), F_OK) == 0) tree["modules"][name] = directory(path, {"holders", "parameters", "drivers"});
  }
  tree["class"]["pci_bus"] = of_class("pci_bus", {"power"});
  tree["class"]["iommu"] = of_class("iommu", {"*"});
  json& misc = tree["misc"];
  misc["dev_vfio"] = names_in("/dev/vfio");
  for (const std::string& name : names_in("/sys/devices/system/node")) {
    if (!name.starts_with("node")) continue;
    const std::string path = "/sys/devices/system/node/" + name;
    for (const char* file : {"cpulist", "distance"}) {
      std::string content;
      content_of(path + '/' + file, content);
      misc["numa_nodes"][name][file] = content;
    }
  }
  return tree;
}

}  // namespace lab
