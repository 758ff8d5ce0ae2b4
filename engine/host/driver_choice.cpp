#include "engine/host/driver_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

constexpr std::size_t kAliasFileMax = 8U << 20U;

std::string with_underscores(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

// ---- Variants ----------------------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 7> kFieldNames = {"v", "d", "sv", "sd", "bc", "sc", "i"};
using Fields = std::array<std::string_view, kFieldNames.size()>;

/// Splits "v000010DEd00002342sv…" into its seven fields; each ends where the name of the next begins.
std::optional<Fields> fields_of(std::string_view text) {
  Fields fields;
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) {
    if (!text.starts_with(kFieldNames[i])) return std::nullopt;
    text.remove_prefix(kFieldNames[i].size());
    std::size_t end = text.size();
    if (i + 1 < kFieldNames.size()) {
      // Names are lower case and digits upper case, so a name never occurs inside a field.
      end = text.find(kFieldNames[i + 1]);
      if (end == std::string_view::npos) return std::nullopt;
    }
    fields[i] = text.substr(0, end);
    text.remove_prefix(end);
  }
  return fields;
}

/// How many fields of the pattern are "*"; nothing when it does not fit.
std::optional<unsigned> wildcards_of_match(const Fields& pattern, const Fields& device) {
  unsigned wildcards = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*")
      ++wildcards;
    else if (pattern[i] != device[i])
      return std::nullopt;
  }
  return wildcards;
}

// ---- Names -------------------------------------------------------------------------------------------------------

/// One row a driver that keeps a device for somebody; what is not here is a variant of vfio-pci if it is anything.
struct StubRow {
  std::string_view driver, module;
  StubKind kind;
};
constexpr std::array kStubs = {
    StubRow{"vfio-pci", "vfio_pci", StubKind::Vfio},  StubRow{"pci-stub", "pci_stub", StubKind::Plain},
    StubRow{"pciback", "xen_pciback", StubKind::Xen}, StubRow{"uio_pci_generic", "uio_pci_generic", StubKind::Plain},
    StubRow{"igb_uio", "igb_uio", StubKind::Plain},   StubRow{"none", "", StubKind::Nothing},
};

const StubRow* stub_row(std::string_view driver) {
  const auto* found = std::ranges::find(kStubs, driver, &StubRow::driver);
  return found == kStubs.end() ? nullptr : &*found;
}

bool is_loaded(const DriverFacts& facts, const std::string& name) {
  return std::ranges::binary_search(facts.drivers, name) ||
         std::ranges::binary_search(facts.drivers, with_underscores(name));
}

/// One row a hypervisor, an era and a `<driver name>`: the stub, or why not.
struct BackendRow {
  Backend backend;
  std::string_view name;
  std::string_view stub;         ///< today; empty: refused
  std::string_view stub_legacy;  ///< up to libvirt 5.6
  std::string_view refusal;
};
constexpr std::string_view kKvmGone = "KVM's own device assignment was removed; use vfio";
constexpr std::array kBackends = {
    BackendRow{Backend::Qemu, "", "vfio-pci", "vfio-pci", ""},
    BackendRow{Backend::Qemu, "vfio", "vfio-pci", "vfio-pci", ""},
    BackendRow{Backend::Qemu, "kvm", "", "pci-stub", kKvmGone},
    BackendRow{Backend::Qemu, "xen", "", "", "QEMU cannot use Xen's pciback"},
    BackendRow{Backend::Libxl, "", "pciback", "pciback", ""},
    BackendRow{Backend::Libxl, "xen", "pciback", "pciback", ""},
    BackendRow{Backend::Libxl, "vfio", "", "", "Xen cannot use vfio"},
    BackendRow{Backend::Libxl, "kvm", "", "", "Xen cannot use KVM's device assignment"},
    BackendRow{Backend::Generic, "", "vfio-pci", "vfio-pci", ""},
    BackendRow{Backend::Generic, "vfio", "vfio-pci", "vfio-pci", ""},
    BackendRow{Backend::Generic, "kvm", "", "pci-stub", kKvmGone},
    BackendRow{Backend::Generic, "xen", "pciback", "pciback", ""},
};

std::unexpected<Trouble> unsupported(const HostDevice& device, std::string message, std::vector<std::string> hints) {
  return std::unexpected(Trouble{.code = Code::BackendUnsupported,
                                 .device = to_string(device.address),
                                 .message = std::move(message),
                                 .hints = std::move(hints)});
}

Checked<std::string_view> stub_of_backend(const DriverFacts& facts, const DriverWish& wish, const HostDevice& device) {
  const auto* row = std::ranges::find_if(
      kBackends, [&](const BackendRow& each) { return each.backend == wish.backend && each.name == wish.name; });
  if (row == kBackends.end()) {
    return std::unexpected(Trouble{.code = Code::BadDriverArgument,
                                   .device = to_string(device.address),
                                   .message = fmt::format("unknown driver name '{}'", wish.name),
                                   .hints = {"vfio, kvm and xen are known"}});
  }
  // Before VFIO, a host without an IOMMU's groups could still give devices to KVM.
  const bool was_kvm = wish.era == Era::Legacy && wish.name.empty() && wish.backend == Backend::Qemu;
  if (was_kvm && !facts.has_groups) return "pci-stub";
  const std::string_view stub = wish.era == Era::Legacy ? row->stub_legacy : row->stub;
  if (stub.empty()) return unsupported(device, std::string(row->refusal), {});
  return stub;
}

/// The best variant, or vfio-pci where none is better.
Checked<DriverChoice> choose_variant(const DriverFacts& facts, const DriverWish& wish, const HostDevice& device) {
  const DriverChoice plain{.name = "vfio-pci", .kind = StubKind::Vfio, .reason = "the default", .module = "vfio_pci"};
  if (wish.variants == VariantPolicy::Never) return plain;
  if (!facts.has_modules_alias && wish.variants == VariantPolicy::Require) {
    return std::unexpected(Trouble{.code = Code::DriverNotFound,
                                   .device = to_string(device.address),
                                   .message = "there is no modules.alias to find a variant of vfio-pci in",
                                   .hints = {"--variant best takes vfio-pci then, and --driver names a variant"}});
  }
  if (!facts.has_modules_alias) {
    DriverChoice choice = plain;
    choice.notes = {"there is no modules.alias: variants of vfio-pci were not looked for"};
    return choice;
  }
  const auto matches = vfio_variants(device.modalias, facts.modules_alias);
  if (!matches) return std::unexpected(matches.error());
  if (!matches->empty() && matches->front().module != "vfio_pci") {
    const std::string& best = matches->front().module;
    return DriverChoice{
        .name = best, .kind = StubKind::Vfio, .reason = "the best match of modules.alias", .module = best};
  }
  if (wish.variants == VariantPolicy::Require) {
    return std::unexpected(Trouble{.code = Code::DriverNotFound,
                                   .device = to_string(device.address),
                                   .message = "modules.alias knows no variant of vfio-pci for it",
                                   .hints = {"--variant best takes vfio-pci then"}});
  }
  return plain;
}

// ---- Loading -----------------------------------------------------------------------------------------------------

std::unexpected<Trouble> cannot_load(const std::string& module, int error) {
  Trouble trouble{.code = Code::DriverRefused,
                  .message = fmt::format("the kernel refused to load module {}", module),
                  .path = module,
                  .error = error};
  if (error == ENOENT) {
    trouble.code = Code::DriverNotFound;
    trouble.message = fmt::format("there is no module {}", module);
    trouble.hints = {"install the package of kernel modules that has it"};
  } else if (error == EPERM) {
    trouble.code = Code::DriverProhibited;
    trouble.message = fmt::format("module {} is administratively prohibited", module);
    trouble.hints = {fmt::format("look for 'blacklist {0}' or 'install {0}' in /etc/modprobe.d", module)};
  } else if (error == ETIMEDOUT) {
    trouble.message = fmt::format("loading module {} did not come to an end", module);
  }
  return std::unexpected(std::move(trouble));
}

std::optional<std::string> loaded_driver(Kernel& kernel, const std::string& name, const std::string& module) {
  const auto exists = [&](const std::string& driver) { return kernel.list(paths::driver(driver)).has_value(); };
  if (exists(name)) return name;
  if (const std::string other = with_underscores(name); exists(other)) return other;
  constexpr std::string_view kPrefix = "pci:";
  for (const std::string& entry :
       kernel.list(paths::module(module) + "/drivers").value_or(std::vector<std::string>())) {
    if (entry.starts_with(kPrefix)) return entry.substr(kPrefix.size());
  }
  return std::nullopt;
}

}  // namespace

Checked<std::vector<VariantMatch>> vfio_variants(std::string_view modalias, std::string_view modules_alias) {
  constexpr std::string_view kBus = "pci:", kAlias = "alias vfio_pci:";
  const auto device = modalias.starts_with(kBus) ? fields_of(modalias.substr(kBus.size())) : std::nullopt;
  if (!device)
    return std::unexpected(Trouble{.code = Code::Unreadable, .message = fmt::format("'{}' is no modalias", modalias)});
  std::vector<VariantMatch> matches;
  for (const auto each : std::views::split(modules_alias, '\n')) {
    std::string_view line(each.begin(), each.end());
    if (!line.starts_with(kAlias)) continue;
    line.remove_prefix(kAlias.size());
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const auto pattern = fields_of(line.substr(0, blank));
    const auto wildcards = pattern ? wildcards_of_match(*pattern, *device) : std::nullopt;
    if (wildcards) matches.push_back({std::string(line.substr(blank + 1)), *wildcards});
  }
  std::ranges::stable_sort(matches, {}, &VariantMatch::wildcards);
  return matches;
}

Checked<DriverChoice> choose_driver(const DriverFacts& facts, const DriverWish& wish, const HostDevice& device) {
  std::string_view stub = wish.model;
  if (stub.empty()) {
    const auto of_backend = stub_of_backend(facts, wish, device);
    if (!of_backend) return std::unexpected(of_backend.error());
    stub = *of_backend;
  }
  const StubRow* row = stub_row(stub);
  DriverChoice choice{.name = std::string(stub),
                      .kind = row == nullptr ? StubKind::Vfio : row->kind,
                      .reason = wish.model.empty() ? "the backend's" : "asked for by name",
                      .module = row == nullptr ? with_underscores(std::string(stub)) : std::string(row->module)};
  if (choice.kind == StubKind::Vfio && !facts.has_groups) {
    return unsupported(device, "the host has no IOMMU groups, so it cannot do vfio",
                       {"switch the IOMMU on, in the firmware and with intel_iommu=on or amd_iommu=on"});
  }
  if (wish.model.empty() && choice.kind == StubKind::Vfio) {
    auto variant = choose_variant(facts, wish, device);
    if (!variant) return std::unexpected(variant.error());
    choice = *std::move(variant);
  }
  if (is_loaded(facts, choice.name)) choice.module.clear();
  return choice;
}

std::optional<StubKind> stub_kind(const HostDevice& device, std::string_view modules_alias) {
  if (!device.driver) return std::nullopt;
  if (const StubRow* row = stub_row(*device.driver)) return row->kind;
  if (device.vfio_device) return StubKind::Vfio;
  const auto variants = vfio_variants(device.modalias, modules_alias);
  if (!variants) return std::nullopt;
  const std::string module = with_underscores(*device.driver);
  const bool is_variant = std::ranges::find(*variants, module, &VariantMatch::module) != variants->end();
  return is_variant ? std::optional(StubKind::Vfio) : std::nullopt;
}

bool takes_by_override(std::string_view driver) {
  return stub_row(driver) != nullptr || with_underscores(std::string(driver)).ends_with("vfio_pci");
}

Checked<std::string> ensure_driver(Kernel& kernel, const std::string& name, const std::string& module) {
  if (auto driver = loaded_driver(kernel, name, module)) return *std::move(driver);
  if (!module.empty()) {
    if (const auto loaded = kernel.load_module(module); !loaded) return cannot_load(module, loaded.error().error);
  }
  if (auto driver = loaded_driver(kernel, name, module)) return *std::move(driver);
  return std::unexpected(Trouble{.code = Code::DriverNotFound,
                                 .message = fmt::format("no driver {} after loading module {}", name, module)});
}

DriverFacts driver_facts(Kernel& kernel, const Inventory& inventory) {
  DriverFacts facts{.has_groups = !inventory.groups.empty(), .drivers = inventory.drivers};
  if (auto text = kernel.read(paths::modules_alias(inventory.kernel_release)); text && text->size() <= kAliasFileMax) {
    facts.modules_alias = *std::move(text);
    facts.has_modules_alias = true;
  }
  std::ranges::sort(facts.drivers);
  return facts;
}

}  // namespace busproof::host
