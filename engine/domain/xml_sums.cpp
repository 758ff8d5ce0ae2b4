#include "engine/domain/xml_sums.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/domain/xml_canonical.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;
using DetailValues = std::vector<DetailValue>;

constexpr std::uint64_t kCpuMax = 16384;  ///< more libvirt does not take

void put(DetailValues& details, Detail detail, std::string value) {
  if (!value.empty()) details.push_back({detail, std::move(value)});
}

std::optional<std::uint64_t> size_of(xml_node element) {
  return size_in_bytes(element.child_value(), value_of(element, "unit"));
}

/// Where the guest has NUMA cells, its memory is theirs and that of its memory devices, whatever `<memory>` says.
/// Source: libvirt 9.0.0 src/conf/domain_postparse.c, virDomainDefPostParseMemory().
std::optional<std::uint64_t> memory_of_cells(xml_node root) {
  std::uint64_t sum = 0;
  bool has_cells = false;
  for (const xml_node cell : root.child("cpu").child("numa").children("cell")) {
    const auto size = size_in_bytes(value_of(cell, "memory"), value_of(cell, "unit"));
    if (!size) return std::nullopt;
    sum += *size;
    has_cells = true;
  }
  if (!has_cells) return std::nullopt;
  for (const xml_node memory : root.child("devices").children("memory"))
    sum += size_of(memory.child("target").child("size")).value_or(0);
  return sum;
}

std::string text_of(std::optional<std::uint64_t> size, xml_node element) {
  return size ? std::to_string(*size) : std::string(trimmed(element.child_value()));
}

void read_memory(xml_node root, DetailValues& details) {
  const xml_node memory = root.child("memory"), current = root.child("currentMemory");
  const auto cells = memory_of_cells(root);
  const auto all = cells ? cells : size_of(memory);
  put(details, Detail::Memory, text_of(all, memory));
  // libvirt takes no more than there is, and none for all.
  const auto now = size_of(current);
  if (current && now != 0U && !(now && all && *now >= *all)) put(details, Detail::CurrentMemory, text_of(now, current));
}

/// "2" when the first two are online, "0:1, 2:2" when they come in an order of their own, "0, 2" without one.
void read_online_vcpus(xml_node root, DetailValues& details) {
  const xml_node vcpu = root.child("vcpu"), states = root.child("vcpus");
  const std::uint64_t count = unsigned_64(trimmed(vcpu.child_value()), Radix::Decimal).value_or(1);
  if (!states) {
    const auto online = unsigned_64(value_of(vcpu, "current"), Radix::Decimal).value_or(count);
    if (online != count) put(details, Detail::VcpusOnline, std::to_string(online));
    return;
  }
  std::vector<std::pair<std::uint64_t, std::string_view>> online;  // and the place in the order
  bool is_ordered = false;
  for (const xml_node state : states.children("vcpu")) {
    if (value_of(state, "enabled") != "yes") continue;
    online.emplace_back(unsigned_64(value_of(state, "id"), Radix::Decimal).value_or(0), value_of(state, "order"));
    is_ordered = is_ordered || !online.back().second.empty();
  }
  std::ranges::sort(online);
  online.erase(std::ranges::unique(online).begin(), online.end());
  const bool are_first = online.empty() || online.back().first + 1 == online.size();
  if (are_first && !is_ordered) {
    if (online.size() != count) put(details, Detail::VcpusOnline, std::to_string(online.size()));
    return;
  }
  std::vector<std::string> words;
  for (const auto& [id, order] : online) words.push_back(fmt::format("{}{}{}", id, order.empty() ? "" : ":", order));
  put(details, Detail::VcpusOnline, fmt::format("{}", fmt::join(words, ", ")));
}

/// The processor of an x86 guest whose config names none. Source: QEMU 7.2, the default_cpu_type of its PC machines.
std::string_view plain_cpu(std::string_view arch, std::string_view machine) {
  if (machine == "isapc") return "<model 486>";
  return arch == "i686" ? "<model qemu32>" : "<model qemu64>";
}

/// How closely libvirt compares a processor with the one that QEMU made, where the XML does not say it.
/// Source: libvirt 9.0.0 src/qemu/qemu_domain.c, qemuDomainDefCPUPostParse().
std::string_view default_check(std::string_view virt_type, std::string_view mode, bool has_model) {
  if (mode == "host-model") return "partial";
  const bool is_custom = mode.empty() || mode == "custom";
  return is_custom && has_model && virt_type == "kvm" ? "partial" : "none";
}

void read_cpu(xml_node root, DetailValues& details) {
  const xml_node cpu = root.child("cpu");
  const xml_node type = root.child("os").child("type");
  const std::string_view arch = value_of(type, "arch");
  const std::string_view mode = value_of(cpu, "mode"), check = value_of(cpu, "check");
  const bool is_x86 = arch.empty() || arch == "x86_64" || arch == "i686";
  const bool has_model = !cpu.child("model").empty();
  std::vector<std::string> parts = canonical_parts(cpu, "numa");
  std::erase(parts, "<model>");  // says no more than whether another one would do
  const std::string_view plain = is_x86 ? plain_cpu(arch, value_of(type, "machine")) : "";
  if (!has_model && !plain.empty() && (mode.empty() || mode == "custom")) parts.emplace_back(plain);
  std::ranges::sort(parts);
  std::string text = canonical_attributes(cpu) + fmt::format("{}", fmt::join(parts, ""));
  if (!check.empty() && check != default_check(value_of(root, "type"), mode, has_model) && text != plain)
    text = fmt::format(" check={}{}", check, text);
  put(details, Detail::Cpu, std::move(text));
}

using Cpus = std::set<std::uint64_t>;

/// Of "0-3,5,^2"; what is no list of numbers is none.
Cpus cpus_of(std::string_view text) {
  Cpus cpus;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view range = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const bool is_without = range.starts_with('^');
    if (is_without) range.remove_prefix(1);
    const std::size_t dash = range.find('-');
    const auto first = unsigned_64(range.substr(0, dash), Radix::Decimal);
    const auto last = dash == std::string_view::npos ? first : unsigned_64(range.substr(dash + 1), Radix::Decimal);
    if (!first || !last || *last > kCpuMax) continue;
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) {
      if (is_without)
        cpus.erase(cpu);
      else
        cpus.insert(cpu);
    }
  }
  return cpus;
}

/// Its cells by number, size and processors, and what else there is. Cells without a number have that of their place,
/// and processors without a cell are in the first.
void read_numa(xml_node root, DetailValues& details) {
  const xml_node numa = root.child("cpu").child("numa");
  if (!numa.child("cell")) return;
  Cpus homeless;
  const std::uint64_t count = unsigned_64(trimmed(root.child("vcpu").child_value()), Radix::Decimal).value_or(1);
  for (std::uint64_t cpu = 0; cpu < std::min(count, kCpuMax); ++cpu) homeless.insert(cpu);
  for (const xml_node cell : numa.children("cell"))
    for (const std::uint64_t cpu : cpus_of(value_of(cell, "cpus"))) homeless.erase(cpu);
  std::vector<std::string> parts = canonical_parts(numa, "cell");
  std::size_t place = 0;
  for (const xml_node cell : numa.children("cell")) {
    const std::string_view id = value_of(cell, "id");
    const auto size = size_in_bytes(value_of(cell, "memory"), value_of(cell, "unit"));
    Cpus cpus = cpus_of(value_of(cell, "cpus"));
    if (place == 0) cpus.merge(homeless);
    parts.push_back(fmt::format("<cell {} memory={} cpus={}{}>", id.empty() ? std::to_string(place) : std::string(id),
                                size.value_or(0), fmt::join(cpus, ","), canonical_content(cell)));
    ++place;
  }
  std::ranges::sort(parts);
  put(details, Detail::Numa, fmt::format("{}", fmt::join(parts, "")));
}

/// Of those that `<os>` names, in their order; the disk where nothing names one.
void read_boot_devices(xml_node root, DetailValues& details) {
  std::string order;
  for (const xml_node boot : root.child("os").children("boot"))
    order += fmt::format("{}{}", order.empty() ? "" : ", ", value_of(boot, "dev"));
  const auto is_bootable = [](xml_node device) { return !device.child("boot").empty(); };
  if (order.empty() && std::ranges::none_of(root.child("devices").children(), is_bootable)) order = "hd";
  if (order != "hd") put(details, Detail::BootDevices, std::move(order));
}

/// The interrupt controller that ARM machines have where the XML names none.
constexpr std::string_view kPlainGic = "<gic version=2>";

void read_features(xml_node root, DetailValues& details) {
  std::vector<std::string> parts = canonical_parts(root.child("features"));
  std::erase(parts, kPlainGic);
  put(details, Detail::Features, fmt::format("{}", fmt::join(parts, "")));
}

void read_timer_policies(xml_node root, DetailValues& details) {
  std::vector<std::string> words;
  for (const xml_node timer : root.child("clock").children("timer")) {
    const std::string_view policy = value_of(timer, "tickpolicy"), track = value_of(timer, "track");
    if (!policy.empty()) words.push_back(fmt::format("{} {}", value_of(timer, "name"), policy));
    if (!track.empty()) words.push_back(fmt::format("{} tracks {}", value_of(timer, "name"), track));
  }
  std::ranges::sort(words);
  put(details, Detail::TimerPolicies, fmt::format("{}", fmt::join(words, ", ")));
}

/// USB 9.4 is 9.40, and 1.09 another one.
std::string two_digits(std::string_view version) {
  const std::size_t dot = version.find('.');
  const bool has_one = dot != std::string_view::npos && version.size() - dot == 2;
  return fmt::format("{}{}", version, has_one ? "0" : "");
}

/// Its rules in their order: the first that fits counts.
void read_redirection_filter(xml_node root, DetailValues& details) {
  std::string rules;
  for (const xml_node rule : root.child("devices").child("redirfilter").children("usbdev")) {
    rules += rules.empty() ? "" : "; ";
    std::string_view separator;
    for (const char* name : {"class", "vendor", "product"}) {
      const std::string_view said = value_of(rule, name);
      const auto number = unsigned_32(said, Radix::Literal);
      if (said.empty() || said == "-1") continue;
      rules += fmt::format("{}{} {}", separator, name, number ? fmt::format("{:#x}", *number) : std::string(said));
      separator = " ";
    }
    if (const std::string_view version = value_of(rule, "version"); !version.empty() && version != "-1")
      rules += fmt::format("{}version {}", std::exchange(separator, " "), two_digits(version));
    rules += fmt::format("{}{}", separator, value_of(rule, "allow") == "yes" ? "allowed" : "denied");
  }
  put(details, Detail::RedirFilter, std::move(rules));
}

}  // namespace

void read_sums(xml_node root, DetailValues& details) {
  read_memory(root, details);
  read_online_vcpus(root, details);
  read_cpu(root, details);
  read_numa(root, details);
  read_boot_devices(root, details);
  read_features(root, details);
  read_timer_policies(root, details);
  read_redirection_filter(root, details);
}

}  // namespace busproof::domain
