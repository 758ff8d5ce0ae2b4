// Source: kernel kernel/params.c, parse_args() and param_set_bool(); drivers/vfio/pci/vfio_pci.c, vfio_pci_fill_ids().

#include "fakesys/modules.h"

#include <array>
#include <cerrno>
#include <ranges>
#include <string>
#include <vector>

#include "fakesys/numbers.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

/// A parameter that is a switch, off unless said otherwise.
struct Switch {
  std::string_view module, name;
  bool Model::* member;  ///< null: nothing that the model knows depends on it
};
constexpr std::array kSwitches = {
    Switch{"vfio_iommu_type1", "allow_unsafe_interrupts", &Model::allow_unsafe_interrupts},
    Switch{"vfio_iommu_type1", "disable_hugepages", nullptr},
    Switch{"vfio_pci", "disable_denylist", nullptr},
    Switch{"vfio_pci", "disable_idle_d3", &Model::vfio_disable_idle_d3},
    Switch{"vfio_pci", "disable_vga", nullptr},
    Switch{"vfio_pci", "enable_sriov", &Model::vfio_enable_sriov},
    Switch{"vfio_pci", "nointxmask", nullptr},
};

std::string folder_of(std::string_view module) { return "module/" + std::string(module) + "/parameters/"; }

void set(Host& host, const Switch& which, bool on) {
  if (which.member != nullptr)
    host.model.*which.member = on;
  else
    host.written_texts[folder_of(which.module) + std::string(which.name)] = on ? "Y\n" : "N\n";
}

/// "1234:11e8,8086:10d3:ffffffff:ffffffff": what is no id is left out.
std::vector<PciId> parse_ids(std::string_view text) {
  std::vector<PciId> ids;
  for (const auto part : std::views::split(text, ',')) {
    PciId id;
    const std::array fields = {&id.vendor, &id.device, &id.subvendor, &id.subdevice, &id.class_code, &id.class_mask};
    std::size_t count = 0;
    for (const auto number : std::views::split(part, ':')) {
      std::string_view digits(number.begin(), number.end());
      const auto value = scan_hex(digits);
      if (!value || count == fields.size()) break;
      *fields[count++] = static_cast<std::uint32_t>(*value);
    }
    if (count >= 2) ids.push_back(id);
  }
  return ids;
}

}  // namespace

std::pair<int, Tasks> insmod(Host& host, std::string_view name, std::string_view parameters) {
  std::vector<PciId> ids;
  std::vector<std::pair<const Switch*, bool>> switched;
  for (const auto part : std::views::split(parameters, ' ')) {
    const std::string_view parameter(part.begin(), part.end());
    const auto equals = parameter.find('=');
    const std::string_view value = equals == std::string_view::npos ? "1" : parameter.substr(equals + 1);
    if (parameter.starts_with("ids=")) ids = parse_ids(value);
    for (const Switch& one : kSwitches) {
      if (one.module != name || one.name != parameter.substr(0, equals)) continue;
      const auto on = kernel_bool(value);
      if (!on) return {EINVAL, {}};
      switched.emplace_back(&one, *on);
    }
  }
  auto prepared = host.model.insmod_tasks(name, ids);
  if (prepared.first != 0) return prepared;
  std::erase_if(host.written_texts, [&](const auto& text) { return text.first.starts_with(folder_of(name)); });
  for (const Switch& one : kSwitches) {
    if (one.module == name && one.member != nullptr) set(host, one, false);
  }
  for (const auto& [which, on] : switched) set(host, *which, on);
  return prepared;
}

int load_module_with_needs(Host& host, std::string_view name, Tasks& tasks) {
  const Module* module = host.model.find_module(name);
  if (module == nullptr) return ENOENT;
  if (module->loaded) return 0;
  if (module->prohibited) return EPERM;
  if (!module->file_error.empty()) return errno_of(module->file_error);
  const std::vector<std::string> needs = module->needs;
  for (const std::string& need : needs) {
    if (const int error = load_module_with_needs(host, need, tasks); error != 0) return error;
  }
  auto [error, more] = insmod(host, name, {});
  tasks.insert(tasks.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return error;
}

}  // namespace busproof::fakesys
