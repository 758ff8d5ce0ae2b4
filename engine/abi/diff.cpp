#include "engine/abi/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/abi/consequences.h"
#include "engine/abi/machine_names.h"
#include "engine/abi/matching.h"
#include "engine/abi/rules.h"

namespace busproof::abi {
namespace {

using domain::Detail;
using domain::DetailValue;
using domain::DeviceKind;
using enum LibvirtCheck;

/// What a changed detail means. The first row that fits decides.
struct DetailRule {
  Detail detail;
  std::optional<DeviceKind> kind;  ///< nothing: any, and the domain itself
  RuleId rule;
  LibvirtCheck check;            ///< Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomain*CheckABIStability()
  std::optional<RuleId> absent;  ///< where only one config says it: libvirt may fill the same in for the other
};
// clang-format off
constexpr auto kDetailRules = [] {
  using enum RuleId;
  constexpr std::nullopt_t kAny = std::nullopt;
  constexpr std::nullopt_t kSame = std::nullopt;
  return std::to_array<DetailRule>({
    {Detail::OsType,            kAny, OsTypeChanged,       Refuses, kSame},
    {Detail::Memory,            kAny, MemoryChanged,       Refuses, kSame},
    {Detail::CurrentMemory,     kAny, CurrentMemoryChanged, Undecided, kSame},
    {Detail::MemoryBacking,     kAny, MemoryBackingChanged, Refuses, kSame},
    {Detail::MaxMemory,         kAny, MemoryChanged,       Refuses, kSame},
    {Detail::MemorySlots,       kAny, MemoryChanged,       Refuses, kSame},
    {Detail::Vcpus,             kAny, VcpusChanged,        Refuses, kSame},
    {Detail::VcpusOnline,       kAny, VcpusChanged,        Refuses, kSame},
    {Detail::GenerationId,      kAny, GenerationIdChanged, Refuses, kSame},
    {Detail::SmbiosMode,        kAny, SmbiosChanged,       Refuses, kSame},
    {Detail::Firmware,          kAny, FirmwareChanged,     Silent,  kSame},
    {Detail::Loader,            kAny, FirmwareChanged,     Silent,  kSame},
    {Detail::BootDevices,       kAny, BootDevicesChanged,  Silent,  kSame},
    {Detail::Features,          kAny, FeaturesChanged,     Refuses, kSame},
    {Detail::Timers,            kAny, TimersChanged,       Refuses, kSame},
    {Detail::TimerPolicies,     kAny, TimersChanged,       Silent,  kSame},
    {Detail::Cpu,               kAny, CpuChanged,          Refuses, CpuUndecided},
    {Detail::Numa,              kAny, NumaChanged,         Refuses, kSame},
    {Detail::Sysinfo,           kAny, SmbiosChanged,       Refuses, kSame},
    {Detail::RedirFilter,       kAny, RedirectionFilterChanged, Refuses, kSame},
    {Detail::RomBar,            kAny, RomChanged,          Silent,  kSame},
    {Detail::RomFile,           kAny, RomChanged,          Silent,  kSame},
    {Detail::RomEnabled,        kAny, RomChanged,          Silent,  kSame},
    {Detail::VirtioIommu,       kAny, VirtioOptionChanged, Refuses, kSame},
    {Detail::VirtioAts,         kAny, VirtioOptionChanged, Refuses, kSame},
    {Detail::VirtioPacked,      kAny, VirtioOptionChanged, Refuses, kSame},
    {Detail::Driver,            kAny, DriverElementChanged, Refuses, kSame},
    {Detail::Queues,            DeviceKind::Disk, QueuesChanged, Refuses, kSame},
    {Detail::Queues,            kAny, QueuesChanged,       Silent,  kSame},
    {Detail::ReadOnly,          kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Serial,            kAny, SerialChanged,       Refuses, kSame},
    {Detail::Wwn,               kAny, SerialChanged,       Refuses, kSame},
    {Detail::RotationRate,      kAny, PropertyChanged,     Refuses, kSame},
    {Detail::QueueSize,         kAny, QueuesChanged,       Refuses, kSame},
    {Detail::Removable,         kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Vendor,            kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Product,           kAny, PropertyChanged,     Silent,  kSame},
    {Detail::LogicalBlockSize,  kAny, PropertyChanged,     Silent,  kSame},
    {Detail::PhysicalBlockSize, kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Mtu,               kAny, PropertyChanged,     Refuses, kSame},
    {Detail::RxQueueSize,       kAny, QueuesChanged,       Silent,  kSame},
    {Detail::TxQueueSize,       kAny, QueuesChanged,       Silent,  kSame},
    {Detail::Ram,               kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::VideoRam,          kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::VideoRam64,        kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::VgaMemory,         kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::Heads,             kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::Accel2d,           kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Accel3d,           kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Blob,              kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Display,           kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Ramfb,             kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Vectors,           kAny, QueuesChanged,       Refuses, kSame},
    {Detail::PciHole64,         kAny, PciHoleChanged,      Silent,  kSame},
    {Detail::Codecs,            kAny, PropertyChanged,     Silent,  kSame},
    {Detail::Role,              kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Size,              kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::Server,            kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Msi,               kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Node,              kAny, PropertyChanged,     Refuses, kSame},
    {Detail::BlockSize,         kAny, PropertyChanged,     Refuses, kSame},
    {Detail::RequestedSize,     kAny, PropertyChanged,     Refuses, kSame},
    {Detail::LabelSize,         kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Alignment,         kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Persistent,        kAny, PropertyChanged,     Refuses, kSame},
    {Detail::DeviceUuid,        kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::Backend,           kAny, PropertyChanged,     Refuses, kSame},
    {Detail::BackendVersion,    kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::IommuDriver,       kAny, PropertyChanged,     Refuses, kSame},
    {Detail::GuestCid,          kAny, PropertyChanged,     Silent,  kSame},
    {Detail::AutoDeflate,       kAny, PropertyChanged,     Refuses, kSame},
    {Detail::FreePageReporting, kAny, PropertyChanged,     Refuses, kSame},
    {Detail::Port,              kAny, PropertyChanged,     Refuses, PropertyUndecided},
    {Detail::ForwardedAddress,  kAny, PropertyChanged,     Refuses, kSame},
  });
}();

/// A number of a controller's target.
struct TargetRule {
  std::optional<int> AbiController::* field;
  RuleId rule;
  bool hexadecimal = false;
};
constexpr std::array kTargetRules = {
  TargetRule{&AbiController::chassis,      RuleId::ChassisChanged},
  TargetRule{&AbiController::chassis_nr,   RuleId::ChassisNrChanged},
  TargetRule{&AbiController::port,         RuleId::ControllerPortChanged, true},
  TargetRule{&AbiController::bus_nr,       RuleId::BusNrChanged},
  TargetRule{&AbiController::node,         RuleId::ControllerNodeChanged},
  TargetRule{&AbiController::target_index, RuleId::TargetIndexChanged},
};
// clang-format on

const DetailRule& rule_of(Detail detail, std::optional<DeviceKind> kind) {
  return *std::ranges::find_if(
      kDetailRules, [&](const DetailRule& row) { return row.detail == detail && (!row.kind || row.kind == kind); });
}

constexpr bool every_detail_has_a_row() {
  for (std::size_t detail = 0; detail < domain::kDetailCount; ++detail) {
    bool found = false;
    for (const DetailRule& row : kDetailRules)
      found = found || (static_cast<std::size_t>(row.detail) == detail && !row.kind);
    if (!found) return false;
  }
  return true;
}
static_assert(every_detail_has_a_row());

/// Addresses that libvirt's check does not look into.
constexpr std::array<std::string_view, 4> kUncheckedAddresses = {"usb ", "spapr-vio", "ccw ", "virtio-mmio"};

/// What the check sees of an address: of "drive 0:0:2:1" all but the target.
std::string checked_part(const std::string& address) {
  if (!address.starts_with("drive ")) return address;
  const std::size_t unit = address.rfind(':');
  const std::size_t target = unit == std::string::npos || unit == 0 ? unit : address.rfind(':', unit - 1);
  return target == std::string::npos ? address : address.substr(0, target) + address.substr(unit);
}

/// Whether the check takes the two for one.
bool passes_check(const std::string& from, const std::string& to) {
  return checked_part(from) == checked_part(to) || std::ranges::any_of(kUncheckedAddresses, [&](std::string_view type) {
           return from.starts_with(type) && to.starts_with(type);
         });
}

std::string or_none(std::string_view text) { return std::string(text.empty() ? "none" : text); }

/// Of two long texts only the piece that differs, with dots around it.
std::string change_of(std::string_view before, std::string_view after) {
  constexpr std::size_t kLong = 48;
  constexpr std::size_t kContext = 8;
  if (before.size() <= kLong && after.size() <= kLong) return fmt::format("{} -> {}", or_none(before), or_none(after));
  if (before.empty() || after.empty()) return before.empty() ? "none -> given" : "given -> none";
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t first = 0;
  while (first < shorter && before[first] == after[first]) ++first;
  std::size_t last = 0;
  while (last < shorter - first && before[before.size() - 1 - last] == after[after.size() - 1 - last]) ++last;
  const auto piece = [&](std::string_view text) {
    const std::size_t begin = first > kContext ? first - kContext : 0;
    const std::size_t end = std::min(text.size(), text.size() - last + kContext);
    return fmt::format("…{}…", text.substr(begin, std::min(end - begin, kLong)));
  };
  return fmt::format("{} -> {}", piece(before), piece(after));
}

std::string text_of(std::optional<std::uint32_t> number) { return number ? std::to_string(*number) : "none"; }
std::string text_of(std::optional<int> number, bool hexadecimal) {
  if (!number) return "none";
  return hexadecimal ? fmt::format("{:#x}", *number) : std::to_string(*number);
}

std::string node_text(std::optional<int> node) { return node ? fmt::format("node {}", *node) : "no node"; }

class Differ {
 public:
  Differ(const AbiSnapshot& before, const AbiSnapshot& after)
      : before_(before), after_(after), matching_(match(before, after)) {
    for (const auto& [was, is] : matching_.same) {
      const AbiDevice& device = after.devices[is];
      if (before.devices[was].pci && device.pci)
        for (const std::uint32_t index : device.pci->above) above_known_.set(index);
    }
  }

  Findings run() && {
    compare_domains();
    for (const auto& [was, is] : matching_.same) compare(before_.devices[was], after_.devices[is]);
    for (const std::size_t i : matching_.gone) removed(before_.devices[i]);
    for (const std::size_t i : matching_.come) added(after_.devices[i]);
    std::ranges::sort(findings_);
    const auto repeated = std::ranges::unique(findings_);
    findings_.erase(repeated.begin(), repeated.end());
    return std::move(findings_);
  }

 private:
  // The whole domain.

  void report(RuleId rule, std::string change, LibvirtCheck check) {
    Finding finding = finding_of(rule);
    finding.change = std::move(change);
    finding.witness = migration_only(check);
    findings_.push_back(std::move(finding));
  }

  void compare_words(RuleId rule, const std::string& before, const std::string& after) {
    const LibvirtCheck check = busproof::abi::rule_of(rule).severity == Severity::Error ? Refuses : Undecided;
    if (before != after) report(rule, change_of(before, after), check);
  }

  void compare_domains() {
    compare_machines();
    compare_words(RuleId::VirtTypeChanged, before_.virt_type, after_.virt_type);
    compare_words(RuleId::ArchChanged, before_.arch, after_.arch);
    compare_words(RuleId::NameChanged, before_.name, after_.name);
    const bool undecided = before_.uuid.empty() || after_.uuid.empty();
    compare_words(undecided ? RuleId::UuidUndecided : RuleId::UuidChanged, before_.uuid, after_.uuid);
    compare_details(before_.details, after_.details, std::nullopt,
                    [&](RuleId rule, const std::string& change, LibvirtCheck check) { report(rule, change, check); });
  }

  void compare_machines() {
    if (before_.machine == after_.machine) return;
    const bool alias = is_machine_alias(before_.machine) != is_machine_alias(after_.machine);
    const bool undecided = alias && before_.family == after_.family;
    report(undecided ? RuleId::MachineAliasChanged : RuleId::MachineChanged, change_of(before_.machine, after_.machine),
           undecided ? Undecided : Refuses);
  }

  template <class Report>
  static void compare_details(const std::vector<DetailValue>& before, const std::vector<DetailValue>& after,
                              std::optional<DeviceKind> kind, Report report_change) {
    const std::string none;
    const std::string made_up = "made up by libvirt";  // where the XML says it without a value
    auto a = before.begin();
    auto b = after.begin();
    while (a != before.end() || b != after.end()) {
      const bool has_a = a != before.end() && (b == after.end() || a->detail <= b->detail);
      const bool has_b = b != after.end() && (a == before.end() || b->detail <= a->detail);
      const Detail detail = has_a ? a->detail : b->detail;
      const std::string& was = !has_a ? none : a->value.empty() ? made_up : a->value;
      const std::string& is = !has_b ? none : b->value.empty() ? made_up : b->value;
      if (was != is) {
        const DetailRule& row = rule_of(detail, kind);
        const bool one_is_made_up = has_a && has_b && (a->value.empty() || b->value.empty());
        const auto undecided = one_is_made_up ? RuleId::PropertyUndecided : has_a != has_b ? row.absent : std::nullopt;
        report_change(undecided.value_or(row.rule), fmt::format("{}: {}", to_string(detail), change_of(was, is)),
                      undecided ? Undecided : row.check);
      }
      a += has_a;
      b += has_b;
    }
  }

  // Devices.

  void report(RuleId rule, Change what, const AbiDevice* was, const AbiDevice* is, std::string change,
              LibvirtCheck check) {
    Finding finding = finding_of(rule);
    const AbiDevice& device = is != nullptr ? *is : *was;
    finding.device = display_name(device);
    finding.change = std::move(change);
    finding.witness = consequences(what, was, is, check);
    finding.place = {is != nullptr ? Place::Side::New : Place::Side::Old, device.offset};
    findings_.push_back(std::move(finding));
  }

  void removed(const AbiDevice& device) {
    report(device.controller ? RuleId::ControllerRemoved : RuleId::DeviceRemoved, Change::Removed, &device, nullptr,
           where(device), Refuses);
  }

  static std::string where(const AbiDevice& device) {
    if (device.pci) return "at " + to_string(device.pci->at);
    return device.address.empty() ? std::string() : "at " + device.address;
  }

  void added(const AbiDevice& device) {
    RuleId rule = RuleId::DeviceAdded;
    std::string change = where(device);
    if (device.controller) {
      const bool pci = device.controller->type == domain::ControllerType::Pci;
      rule = pci && is_above_known(device.controller->index) ? RuleId::ControllerInserted : RuleId::ControllerAdded;
    } else if (const AbiDevice* old = old_occupant(device)) {
      rule = RuleId::PlaceInherited;
      change += ", where " + display_name(*old) + " was";
    }
    report(rule, Change::Added, nullptr, &device, std::move(change), Refuses);
  }

  [[nodiscard]] bool is_above_known(std::uint32_t index) const {
    return index < above_known_.size() && above_known_[index];
  }

  [[nodiscard]] const AbiDevice* old_occupant(const AbiDevice& device) const {
    if (!device.pci) return nullptr;
    const auto old = std::ranges::find_if(
        before_.devices, [&](const AbiDevice& other) { return other.pci && other.pci->at == device.pci->at; });
    return old == before_.devices.end() ? nullptr : &*old;
  }

  void compare(const AbiDevice& was, const AbiDevice& is) {
    compare_place(was, is);
    compare_identity(was, is);
    if (was.controller) compare_controllers(was, is);
    compare_details(was.details, is.details, was.kind, [&](RuleId rule, std::string change, LibvirtCheck check) {
      report(rule, Change::Altered, &was, &is, std::move(change), check);
    });
  }

  void compare_place(const AbiDevice& was, const AbiDevice& is) {
    if (was.pci && is.pci) return compare_pci(was, is);
    const std::string from = was.pci ? to_string(was.pci->at) : was.address;
    const std::string to = is.pci ? to_string(is.pci->at) : is.address;
    if (from == to) return;
    // Ports that libvirt gives follow the order of the elements, and nobody has asked for one.
    if (!was.pci && !is.pci && was.address_chosen && is.address_chosen) return;
    if (!was.pci && !is.pci && (from.empty() || to.empty() || lacks_base(was, is) || lacks_base(is, was)))
      return report(RuleId::PropertyUndecided, Change::Altered, &was, &is, "address: " + change_of(from, to),
                    Undecided);
    const bool silent = passes_check(from, to);
    report(silent ? RuleId::PortChanged : RuleId::AddressChanged, Change::Moved, &was, &is, change_of(from, to),
           silent ? Silent : Refuses);
  }

  /// Memory of which libvirt chooses the slot, and of which the other config says a base address too.
  static bool lacks_base(const AbiDevice& chosen, const AbiDevice& said) {
    return chosen.kind == DeviceKind::Memory && chosen.address_chosen && said.address.starts_with(chosen.address + ' ');
  }

  void compare_pci(const AbiDevice& was, const AbiDevice& is) {
    const PciPlace& from = *was.pci;
    const PciPlace& to = *is.pci;
    const bool told = compare_way(was, is);
    if (from.multifunction != to.multifunction)
      report(to.multifunction ? RuleId::MultifunctionSet : RuleId::MultifunctionCleared, Change::HeaderChanged, &was,
             &is, fmt::format("function {} of {}", to.at.function(), to_string(to.at)), Silent);
    if (from.node != to.node && from.at == to.at)
      report(RuleId::NumaNodeChanged, Change::Altered, &was, &is,
             fmt::format("{} -> {}", node_text(from.node), node_text(to.node)), Silent);
    compare_zpci(was, is);
    if (is.address_chosen && !was.address_chosen)
      report(RuleId::PinLost, Change::Altered, &was, &is, to_string(to.at), Silent);
    const bool renames_anyway = from.multifunction != to.multifunction || was.acpi_index != is.acpi_index;
    if (!told && !renames_anyway && was.kind == DeviceKind::Interface) compare_names(was, is);
  }

  /// As far as both say them.
  void compare_zpci(const AbiDevice& was, const AbiDevice& is) {
    const PciPlace& from = *was.pci;
    const PciPlace& to = *is.pci;
    std::string change;
    if (from.zpci_uid && to.zpci_uid && from.zpci_uid != to.zpci_uid)
      change = fmt::format("uid {:#06x} -> {:#06x}", *from.zpci_uid, *to.zpci_uid);
    if (from.zpci_fid && to.zpci_fid && from.zpci_fid != to.zpci_fid)
      change += fmt::format("{}fid {:#010x} -> {:#010x}", change.empty() ? "" : ", ", *from.zpci_fid, *to.zpci_fid);
    const Change what = from.zpci_uid == to.zpci_uid ? Change::Reslotted : Change::Resegmented;
    if (!change.empty()) report(RuleId::ZpciIdsChanged, what, &was, &is, std::move(change), Silent);
  }

  /// The first of its address, number and path that differs; whether one did.
  bool compare_way(const AbiDevice& was, const AbiDevice& is) {
    const PciPlace& from = *was.pci;
    const PciPlace& to = *is.pci;
    if (from.at != to.at) {
      std::string change = fmt::format("{} -> {}", to_string(from.at), to_string(to.at));
      const AbiDevice* old = old_occupant(is);
      if (old != nullptr) change += ", where " + display_name(*old) + " was";
      report(RuleId::DeviceMoved, Change::Moved, &was, &is, std::move(change), Refuses);
    } else if (from.seen.has_value() != to.seen.has_value()) {
      report(RuleId::ReachChanged, to.seen ? Change::Added : Change::Lost, to.seen ? nullptr : &was, &is,
             fmt::format("{}: {}", to_string(to.at), to.seen ? "the guest has it now" : "the guest has it no more"),
             Silent);
    } else if (from.seen && from.seen->bus != to.seen->bus) {
      report(RuleId::GuestBusChanged, Change::Renumbered, &was, &is,
             fmt::format("{}: guest bus {} -> {}", to_string(to.at), from.seen->bus, to.seen->bus), Silent);
    } else if (from.path != to.path) {
      report(RuleId::PathChanged, Change::Rerouted, &was, &is,
             fmt::format("{} -> {}", uefi_path(from.path), uefi_path(to.path)), Silent);
    } else {
      return false;
    }
    return true;
  }

  /// A card with the same number and path is called otherwise only when another slot or index is seen.
  void compare_names(const AbiDevice& was, const AbiDevice& is) {
    if (was.pci->seen == is.pci->seen) return;
    const bool renamed = std::ranges::any_of(
        kNamingSchemes, [&](const NamingScheme& scheme) { return linux_name(was, scheme) != linux_name(is, scheme); });
    if (renamed) report(RuleId::InterfaceRenamed, Change::Renumbered, &was, &is, "at " + to_string(is.pci->at), Silent);
  }

  void compare_identity(const AbiDevice& was, const AbiDevice& is) {
    const bool bridge = was.controller && was.controller->type == domain::ControllerType::Pci;
    if (was.model != is.model)
      report(bridge ? RuleId::ControllerModelChanged : RuleId::ModelChanged, Change::Remodelled, &was, &is,
             change_of(was.model, is.model), Refuses);
    if (was.type != is.type)
      report(RuleId::TypeChanged, Change::Remodelled, &was, &is, change_of(was.type, is.type), Refuses);
    if (was.mac != is.mac) report(RuleId::MacChanged, Change::Renamed, &was, &is, change_of(was.mac, is.mac), Refuses);
    if (was.target != is.target) compare_targets(was, is);
    if (was.host != is.host)
      report(RuleId::HostDeviceChanged, Change::Altered, &was, &is, change_of(was.host, is.host), Silent);
    if (was.acpi_index != is.acpi_index)
      report(RuleId::AcpiIndexChanged, Change::Reindexed, &was, &is,
             fmt::format("{} -> {}", text_of(was.acpi_index), text_of(is.acpi_index)), Refuses);
    if (was.boot_order != is.boot_order)
      report(RuleId::BootOrderChanged, Change::Reordered, &was, &is,
             fmt::format("{} -> {}", text_of(was.boot_order), text_of(is.boot_order)), Silent);
    if (was.primary != is.primary)
      report(RuleId::PrimaryVideoChanged, Change::Altered, &was, &is,
             is.primary ? "secondary -> primary" : "primary -> secondary", Silent);
  }

  /// The name of a shared memory is the host's, and libvirt's check does not look at it.
  void compare_targets(const AbiDevice& was, const AbiDevice& is) {
    const bool is_of_host = was.kind == DeviceKind::Shmem;
    report(is_of_host ? RuleId::HostDeviceChanged : RuleId::PropertyChanged, Change::Altered, &was, &is,
           "target: " + change_of(was.target, is.target), is_of_host ? Silent : Refuses);
  }

  void compare_controllers(const AbiDevice& was, const AbiDevice& is) {
    const AbiController& a = *was.controller;
    const AbiController& b = *is.controller;
    if (a.index != b.index)
      report(RuleId::ControllerIndexChanged, Change::Altered, &was, &is, fmt::format("{} -> {}", a.index, b.index),
             Refuses);
    if (a.model_name != b.model_name)
      report(RuleId::ControllerModelNameChanged, Change::Remodelled, &was, &is, change_of(a.model_name, b.model_name),
             Silent);
    for (const TargetRule& row : kTargetRules)
      if (a.*row.field != b.*row.field)
        report(row.rule, Change::Altered, &was, &is,
               fmt::format("{} -> {}", text_of(a.*row.field, row.hexadecimal), text_of(b.*row.field, row.hexadecimal)),
               Silent);
    if (a.hotplug != b.hotplug)
      report(RuleId::HotplugChanged, Change::Altered, &was, &is, b.hotplug ? "off -> on" : "on -> off", Silent);
    if (a.ports != b.ports)
      report(RuleId::PropertyChanged, Change::Altered, &was, &is,
             fmt::format("ports: {} -> {}", text_of(a.ports), text_of(b.ports)), Refuses);
    if (a.master_start != b.master_start)
      report(RuleId::PropertyChanged, Change::Altered, &was, &is,
             fmt::format("startport: {} -> {}", text_of(a.master_start), text_of(b.master_start)), Silent);
  }

  const AbiSnapshot& before_;
  const AbiSnapshot& after_;
  Matching matching_;
  std::bitset<pci::kBusMax + 1> above_known_;  ///< controllers of the new domain above devices of the old one
  Findings findings_;
};

}  // namespace

Findings diff(const AbiSnapshot& before, const AbiSnapshot& after) { return Differ(before, after).run(); }

}  // namespace busproof::abi
