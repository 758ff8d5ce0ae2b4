#include "fakesys/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string_view>

#include "engine/base/base64.h"
#include "fakesys/anonymise.h"
#include "fakesys/numbers.h"
#include "fakesys/recorded_tree.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

/// Attributes that are written to besides those that the model itself knows. The seam does not tell a file's mode.
constexpr std::array<std::string_view, 11> kWritable = {
    "async", "autosuspend_delay_ms",     "control", "flags", "l0s_aspm", "l1_1_aspm", "l1_2_aspm", "l1_aspm",
    "mtu",   "pm_qos_resume_latency_us", "wakeup"};

/// Directories of a device that are looked into; of others only the name is kept.
constexpr std::array<std::string_view, 4> kLookedInto = {"link", "msi_irqs", "power", "holders"};

/// Modules that matter to a host although no PCI device is on a driver of theirs.
constexpr std::array<std::string_view, 5> kVfioModules = {"pci_stub", "vfio", "vfio_iommu_type1", "vfio_pci",
                                                          "vfio_pci_core"};

/// Reading these asks the card, not the kernel, and may change something there.
bool belongs_to_the_card(std::string_view name) {
  return name.starts_with("resource") ? name != "resource" && name != "resource_alignment"
                                      : name == "rom" || name == "vpd";
}

/// Reading these may wait for a lock, so it is left to the seam's own read(), which has a deadline.
bool may_block(std::string_view name) {
  return name == "driver_override" || name == "sriov_numvfs" || name == "uevent";
}

bool is_address(std::string_view name) { return pci::HostAddress::parse(name).has_value(); }

class Recorder {
 public:
  Recorder(host::Kernel& kernel, const RecordWish& wish) : kernel_(kernel), wish_(wish) {}

  Result<json> tree() {
    const auto devices = kernel_.list("bus/pci/devices");
    if (!devices) {
      return Refusal(
          Error{.kind = ErrorKind::Unreadable,
                .rule = "",
                .message = fmt::format("cannot list bus/pci/devices: {}", std::strerror(devices.error().error)),
                .remedy = "record on a machine with PCI, or give the folder that its /sys was copied to"});
    }
    json tree = {{"format", "busproof-sysfs-tree/1"},
                 {"machine", wish_.name},
                 {"kernel", kernel_.read("/proc/sys/kernel/osrelease").value_or("")},
                 {"devices", json::object()}};
    tree["bus"] = directory("bus/pci", {});
    for (const std::string& name : *devices) {
      if (!is_address(name)) continue;
      if (auto found = device(name))
        tree["devices"][name] = *std::move(found);
      else
        left_out_.push_back(name + " is listed, but is not there: it was left out");
    }
    for (const std::string& name : names("devices")) {
      if (name.starts_with("pci")) tree["host_bridges"][name] = directory("devices/" + name, kLookedInto);
    }
    each("bus/pci/drivers", [&](const std::string& name, const std::string& path) {
      tree["drivers"][name] = directory(path, {});
      const auto module = link_name(kernel_, path + "/module");
      if (module) modules_.insert(*module);
    });
    each("bus/pci/slots",
         [&](const std::string& name, const std::string& path) { tree["slots"][name] = directory(path, {}); });
    each("kernel/iommu_groups", [&](const std::string& name, const std::string& path) {
      tree["iommu_groups"][name] = directory(path, {});
      auto members = names(path + "/devices");
      for (const std::string& member : members) {
        if (is_address(member)) continue;
        left_out_.push_back(fmt::format("{} of IOMMU group {} is no PCI device: it was left out", member, name));
      }
      std::erase_if(members, [&](const std::string& member) { return !tree["devices"].contains(member); });
      tree["iommu_groups"][name]["devices"] = std::move(members);
    });
    for (const char* part : {"pci_bus", "iommu"}) {
      each(std::string("class/") + part,
           [&](const std::string& name, const std::string& path) { tree["class"][part][name] = directory(path, {}); });
    }
    each("devices/system/node", [&](const std::string& name, const std::string& path) {
      if (name.starts_with("node"))
        tree["misc"]["numa_nodes"][name] = {{"cpulist", kernel_.read(path + "/cpulist").value_or("")}};
    });
    modules_.insert(kVfioModules.begin(), kVfioModules.end());
    for (const std::string& name : modules_) {
      if (kernel_.list("module/" + name)) tree["modules"][name] = directory("module/" + name, kLookedInto);
    }
    return tree;
  }

  /// Files outside /sys, and links of the block layer and of bridged interfaces, which tell what uses a device.
  void read_surroundings(HostFacts& facts) {
    for (const char* path : {"/proc/cmdline", "/proc/self/mountinfo", "/proc/swaps", "/proc/net/route",
                             "/proc/net/ipv6_route", "/proc/net/if_inet6"}) {
      auto text = kernel_.read(path);
      if (!text) continue;
      facts.files.emplace_back(path, wish_.anonymise ? anonymised_file(path, *text) : *std::move(text));
    }
    const std::string aliases = "/lib/modules/" + facts.kernel + "/modules.alias";
    if (const auto text = kernel_.read(aliases)) facts.files.emplace_back(aliases, vfio_aliases(*text));
    std::ranges::sort(facts.files);
    for (const char* folder : {"class/block", "dev/block"}) {
      each(folder, [&](const std::string&, const std::string& path) {
        add_link(facts, path);
        each(path + "/slaves", [&](const std::string&, const std::string& lower) { add_link(facts, lower); });
      });
    }
    each("class/nvme-subsystem", [&](const std::string&, const std::string& path) {
      each(path, [&](const std::string&, const std::string& controller) { add_link(facts, controller); });
    });
    std::size_t file_systems = 0;
    each("fs/btrfs", [&](const std::string& uuid, const std::string& path) {
      const std::string name = wish_.anonymise ? std::to_string(++file_systems) : uuid;
      each(path + "/devices", [&](const std::string& disk, const std::string& from) {
        if (auto target = kernel_.read_link(from))
          facts.links.emplace_back(fmt::format("fs/btrfs/{}/devices/{}", name, disk), *std::move(target));
      });
    });
    for (const auto& [device, interface] : interfaces_)
      add_link(facts, fmt::format("bus/pci/devices/{}/net/{}/master", device, interface));
    each("class/net", [&](const std::string&, const std::string& path) { add_uppers(facts, path); });
    std::ranges::sort(facts.links);
  }

  /// What is built on an interface.
  void add_uppers(HostFacts& facts, const std::string& interface) {
    add_link(facts, interface + "/master");
    each(interface, [&](const std::string& name, const std::string& path) {
      if (name.starts_with("upper_")) add_link(facts, path);
    });
  }

  /// Modules that could be loaded and are not: the stubs, and drivers made for devices of this kind.
  void add_loadable_modules(Host& host) {
    const auto text = kernel_.read("/lib/modules/" + host.facts->kernel + "/modules.dep").value_or("");
    std::map<std::string, std::vector<std::string>, std::less<>> needs;
    for (const auto part : std::views::split(text, '\n')) {
      const std::string_view line(part.begin(), part.end());
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      auto& of = needs[module_name(line.substr(0, colon))];
      for (const auto file : std::views::split(line.substr(colon + 1), ' ')) {
        if (!file.empty()) of.push_back(module_name(std::string_view(file.begin(), file.end())));
      }
    }
    for (const auto& [name, needed] : needs) {
      const bool matters = std::ranges::find(kVfioModules, name) != kVfioModules.end() || name.ends_with("_vfio_pci");
      if (!matters || host.model.find_module(name) != nullptr) continue;
      std::string driver = name == "vfio_pci" || name == "pci_stub" ? name : std::string();
      std::ranges::replace(driver, '_', '-');
      if (name.ends_with("_vfio_pci")) driver = name;
      const auto drivers = driver.empty() ? std::vector<std::string>() : std::vector{driver};
      host.model.add_module({.name = name, .drivers = drivers, .needs = needed, .recorded = nullptr});
    }
  }

  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> out;
    if (short_configs_ > 0)
      out.push_back(
          fmt::format("the config space of {} devices is seen to 64 bytes only, so their capabilities are "
                      "unknown: record as root",
                      short_configs_));
    out.insert(out.end(), left_out_.begin(), left_out_.end());
    for (const std::string& path : late_) out.push_back(path + " could not be read in time: its device is locked");
    return out;
  }

 private:
  std::vector<std::string> names(const std::string& path) {
    return kernel_.list(path).value_or(std::vector<std::string>());
  }
  void each(const std::string& folder, const auto& visit) {
    for (const std::string& name : names(folder)) visit(name, folder + '/' + name);
  }

  void add_link(HostFacts& facts, const std::string& path) {
    if (auto target = kernel_.read_link(path)) facts.links.emplace_back(path, *std::move(target));
  }

  static std::string module_name(std::string_view file) {
    std::string name(file.substr(file.rfind('/') + 1));
    name.resize(std::min(name.find('.'), name.size()));
    std::ranges::replace(name, '-', '_');
    return name;
  }

  static std::string vfio_aliases(std::string_view text) {
    std::string out;
    for (const auto part : std::views::split(text, '\n')) {
      const std::string_view line(part.begin(), part.end());
      if (line.starts_with("alias vfio_pci:")) out.append(line).append(1, '\n');
    }
    return out;
  }

  json attribute(const std::string& path, const std::string& name) {
    const bool writable = std::ranges::find(kWritable, name) != kWritable.end();
    json out = {{"mode", writable ? "0644" : "0444"}};
    const auto text = may_block(name) ? kernel_.read(path) : kernel_.read_bytes(path, 0, kPage);
    if (!text) {
      if (text.error().pending) late_.push_back(path);
      if (text.error().error == EACCES) out["mode"] = "0200";
      if (text.error().error != EACCES) out["err"] = errno_name(text.error().error);
      return out;
    }
    std::string whole = *text;
    if (may_block(name) && !whole.empty()) whole += '\n';
    out["text"] = whole;
    // What is no text is kept as it is.
    if (std::ranges::any_of(whole, [](char c) { return static_cast<unsigned char>(c) >= 0x80 || c == '\0'; })) {
      out.erase("text");
      out["b64"] = to_base64(whole);
    }
    return out;
  }

  json directory(const std::string& path, std::span<const std::string_view> looked_into) {
    json out = {{"path", path}, {"attrs", json::object()}};
    for (const std::string& name : names(path)) {
      const std::string entry = path + '/' + name;
      if (belongs_to_the_card(name)) {
        out["attrs"][name] = {{"mode", "0600"}};
      } else if (name == "config") {
        out["attrs"][name] = config(entry);
      } else if (const auto target = kernel_.read_link(entry)) {
        out["links"][name] = *target;
      } else if (!kernel_.list(entry)) {
        out["attrs"][name] = attribute(entry, name);
      } else if (std::ranges::find(looked_into, name) != looked_into.end()) {
        out["dirs"][name] = directory(entry, looked_into);
      } else if (!is_address(name)) {
        out["other_dirs"].push_back(name);
      }
    }
    return out;
  }

  json config(const std::string& path) {
    constexpr std::size_t kConventional = 256, kVisibleToAll = 64;
    auto bytes = kernel_.read_bytes(path, 0, kPage).value_or("");
    if (bytes.size() <= kVisibleToAll) ++short_configs_;
    const std::size_t size = bytes.size() > kConventional ? kPage : kConventional;
    if (wish_.anonymise) blank_serial_number(bytes);
    return {{"mode", "0644"}, {"size", size}, {"b64", to_base64(bytes)}};
  }

  /// Nothing: it has gone since its name was read.
  std::optional<json> device(const std::string& name) {
    const std::string path = "bus/pci/devices/" + name;
    json out = directory(path, kLookedInto);
    const auto target = kernel_.read_link(path);
    if (!target || !out["attrs"].contains("config")) return std::nullopt;
    out["path"] = (std::filesystem::path("bus/pci/devices") / *target).lexically_normal().string();
    std::string net = "net";
    for (const std::string& below : names(path)) {
      if (below.starts_with("virtio") && kernel_.list(path + '/' + below + "/net")) net = below + "/net";
    }
    if (!kernel_.list(path + '/' + net)) return out;
    out["net_dir"] = net;
    each(path + '/' + net, [&](const std::string& interface, const std::string& folder) {
      json facts = directory(folder, {})["attrs"];
      if (wish_.anonymise) anonymise_interface(facts, interfaces_.size());
      out["net"][interface] = std::move(facts);
      interfaces_.emplace_back(name, interface);
    });
    return out;
  }

  host::Kernel& kernel_;
  const RecordWish& wish_;
  std::set<std::string> modules_;
  std::vector<std::pair<std::string, std::string>> interfaces_;  ///< device, interface
  std::size_t short_configs_ = 0;
  std::vector<std::string> left_out_, late_;
};

}  // namespace

Result<Recording> record_host(host::Kernel& kernel, const RecordWish& wish) {
  Recorder recorder(kernel, wish);
  const auto tree = recorder.tree();
  if (!tree) return std::unexpected(tree.error());
  auto host = load_tree(tree->dump());
  if (!host) return std::unexpected(host.error());
  auto facts = std::make_shared<HostFacts>(*host->facts);
  recorder.read_surroundings(*facts);
  host->facts = std::move(facts);
  recorder.add_loadable_modules(*host);
  return Recording{*std::move(host), recorder.warnings()};
}

}  // namespace busproof::fakesys
