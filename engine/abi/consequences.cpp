#include "engine/abi/consequences.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace busproof::abi {
namespace {

using domain::DeviceKind;

/// What a device is to an operating system.
enum class Role : std::uint8_t { Any, Network, Storage, Bridge };

/// A disk, or a controller of disks.
bool is_storage(const AbiDevice& device) {
  if (device.kind == DeviceKind::Disk) return true;
  if (!device.controller) return false;
  using enum domain::ControllerType;
  const auto type = device.controller->type;
  return type == Scsi || type == Sata || type == Ide;
}

Role role_of(const AbiDevice& device) {
  if (device.kind == DeviceKind::Interface) return Role::Network;
  if (is_storage(device)) return Role::Storage;
  if (device.controller && device.controller->type == domain::ControllerType::Pci) return Role::Bridge;
  return Role::Any;
}

/// What an observer says when a thing of that role changes so. The first row that fits an observer decides; an empty
/// text is silence. Linux's names of network cards and UEFI's paths are worked out instead.
struct ConsequenceRule {
  Observer observer;
  Change change;
  Role role;
  std::string_view text;
};
// clang-format off
constexpr auto kConsequenceRules = [] {
  using enum Observer;
  using enum Change;
  return std::to_array<ConsequenceRule>({
    {Linux,     Moved,         Role::Storage, "/dev/disk/by-path names change"},
    {Linux,     Renumbered,    Role::Storage, "/dev/disk/by-path names change"},
    {Linux,     Resegmented,   Role::Storage, "/dev/disk/by-path names change"},
    {Linux,     Added,         Role::Storage, "later disks may be called otherwise (sdb, vdb)"},
    {Linux,     Removed,       Role::Storage, "later disks may be called otherwise (sda, vda)"},
    {Linux,     Remodelled,    Role::Storage, "another driver is needed, in the initramfs too"},
    {Linux,     Remodelled,    Role::Network, "another driver is needed"},
    {Windows,   Moved,         Role::Network, "new adapter; the settings stay with the old one, now hidden"},
    {Windows,   Rerouted,      Role::Network, "new adapter; the settings stay with the old one, now hidden"},
    {Windows,   Moved,         Role::Storage, "the disk may be taken offline or given another letter"},
    {Windows,   Rerouted,      Role::Storage, "the disk may be taken offline or given another letter"},
    {Windows,   Moved,         Role::Bridge,  "all below it is installed anew"},
    {Windows,   Moved,         Role::Any,     "installed anew as another device"},
    {Windows,   Rerouted,      Role::Any,     "installed anew as another device"},
    {Windows,   Added,         Role::Network, "new adapter"},
    {Windows,   Removed,       Role::Network, "the adapter is gone; its settings stay with a hidden one"},
    {Windows,   Lost,          Role::Network, "the adapter is gone; its settings stay with a hidden one"},
    {Windows,   Renamed,       Role::Network, "new network; a licence bound to the address may ask for activation"},
    {Windows,   Remodelled,    Role::Network, "new adapter, and a driver is needed for it"},
    {Windows,   Remodelled,    Role::Storage, "stops with INACCESSIBLE_BOOT_DEVICE if it boots from it without the driver"},
    {Windows,   Remodelled,    Role::Bridge,  "all below it is installed anew"},
    {Windows,   Remodelled,    Role::Any,     "a driver is needed for another device"},
    {Windows,   Reindexed,     Role::Network, "the connection may be called otherwise"},
  });
}();
// clang-format on

std::string_view rule_text(Observer observer, Change change, Role role) {
  for (const ConsequenceRule& rule : kConsequenceRules)
    if (rule.observer == observer && rule.change == change && (rule.role == role || rule.role == Role::Any))
      return rule.text;
  return {};
}

bool changes_way(Change change) {
  return change == Change::Moved || change == Change::Renumbered || change == Change::Rerouted ||
         change == Change::Lost || change == Change::Removed || change == Change::HeaderChanged ||
         change == Change::Reindexed;
}

/// One sentence for the newest scheme, and one more for each older one that sees something else.
std::string linux_renames(const AbiDevice& before, const AbiDevice* after) {
  std::vector<std::pair<std::string, std::string_view>> sentences;  // and the first scheme that says so
  for (const NamingScheme& scheme : kNamingSchemes) {
    const std::string was = linux_name(before, scheme);
    const std::string is = after == nullptr ? std::string() : linux_name(*after, scheme);
    std::string sentence;
    if (was != is && !was.empty()) sentence = is.empty() ? was + " is gone" : fmt::format("{} becomes {}", was, is);
    if (sentences.empty() || sentences.back().first != sentence)
      sentences.emplace_back(std::move(sentence), scheme.name);
  }
  std::string text = sentences.back().first;
  for (std::size_t i = sentences.size() - 1; i-- > 0;) {
    if (sentences[i].first.empty() || sentences[i].first == text) continue;
    const std::string older =
        fmt::format("{} before systemd {}", sentences[i].first, sentences[i + 1].second.substr(1));
    text += text.empty() ? older : ", " + older;
  }
  return text;
}

std::string zpci_renames(const AbiDevice& before, const AbiDevice& after) {
  const auto was = zpci_names(before);
  const auto is = zpci_names(after);
  if (!was || !is) return {};
  std::string text;
  if (was->onboard != is->onboard) text = fmt::format("{} becomes {}, and ", was->onboard, is->onboard);
  return text + fmt::format("{} becomes {} before Linux 5.13", was->slot, is->slot);
}

std::string linux_text(Change change, const AbiDevice* before, const AbiDevice* after, Role role) {
  if (role == Role::Network && (change == Change::Resegmented || change == Change::Reslotted))
    return zpci_renames(*before, *after);
  if (role == Role::Network && before != nullptr && changes_way(change)) return linux_renames(*before, after);
  if (role == Role::Network && before == nullptr) {
    const std::string name = linux_name(*after, kNamingSchemes.back());
    return name.empty() ? std::string() : fmt::format("a new {}", name);
  }
  return std::string(rule_text(Observer::Linux, change, role));
}

/// Firmware remembers by path what it boots from: disks, their controllers and network cards.
std::string firmware_text(Change change, const AbiDevice* before, const AbiDevice* after, Role role) {
  if ((role != Role::Storage && role != Role::Network) || before == nullptr) return {};
  if (change == Change::Reordered) return "the order of boot entries changes";
  if (!before->pci || !before->pci->seen || !changes_way(change)) return {};
  if (after == nullptr || !after->pci || !after->pci->seen)
    return fmt::format("the boot entry {} leads nowhere", uefi_path(before->pci->path));
  if (before->pci->path == after->pci->path) return {};
  return fmt::format("the boot entry {} no longer leads to it; now at {}", uefi_path(before->pci->path),
                     uefi_path(after->pci->path));
}

/// What QEMU's incoming migration stumbles over though libvirt let it pass: bytes of configuration space that must be
/// the same on both sides. Source: QEMU 7.2 hw/pci/pci.c, pci_init_cmask(), get_pci_config_device().
std::string_view migration_text(Change change, Role role, LibvirtCheck check) {
  if (check == LibvirtCheck::Refuses) return "refused";
  if (check == LibvirtCheck::Undecided) return "refused if the two turn out to differ";
  if (change == Change::HeaderChanged) return "libvirt lets it pass, and QEMU fails to load the device's header";
  if (change == Change::Remodelled && role == Role::Bridge)
    return "libvirt lets it pass, and QEMU fails to load the device's ids";
  return "libvirt lets it pass";
}

void add(std::vector<Witness>& all, Observer observer, std::string_view text) {
  if (!text.empty()) all.push_back({observer, std::string(text)});
}

}  // namespace

std::optional<LinuxNames> linux_names(const AbiDevice& nic, const NamingScheme& scheme) {
  if (!nic.pci || !nic.pci->seen) return std::nullopt;
  const GuestView& seen = *nic.pci->seen;
  const pci::GuestAddress& at = nic.pci->at;
  const bool multifunction = at.function() > 0 || nic.pci->multifunction;
  const std::string function = multifunction ? fmt::format("f{}", at.function()) : std::string();
  LinuxNames names;
  if (seen.onboard && *seen.onboard <= scheme.onboard_max) names.onboard = fmt::format("eno{}", *seen.onboard);
  const std::string segment = seen.segment > 0 ? fmt::format("P{}", seen.segment) : std::string();
  names.path = fmt::format("en{}p{}s{}{}", segment, seen.bus, at.slot(), function);
  if (seen.slot) {
    const bool of_bridge = seen.slot->of == HotplugSlot::Of::Bridge;
    const bool refused = scheme.refuses_bridges && !(scheme.except_of_multifunction && multifunction);
    if (!of_bridge || (scheme.climbs && !refused)) names.slot = fmt::format("ens{}{}", seen.slot->number, function);
  }
  return names;
}

std::string linux_name(const AbiDevice& nic, const NamingScheme& scheme) {
  if (const auto zpci = zpci_names(nic)) return zpci->onboard;
  const auto names = linux_names(nic, scheme);
  if (!names) return {};
  if (!names->onboard.empty()) return names->onboard;
  return names->slot.empty() ? names->path : names->slot;
}

// Source: QEMU 7.2 hw/s390x/s390-pci-inst.c, list_pci() (UID checking is on); Linux arch/s390/pci/pci.c,
// zpci_alloc_domain() (the uid is the segment), and pci_sysfs.c, index_show() (and since 5.13 the onboard index);
// systemd src/udev/udev-builtin-net_id.c (function_id is the slot since v249).
std::optional<ZpciNames> zpci_names(const AbiDevice& nic) {
  if (!nic.pci || !nic.pci->zpci_uid || !nic.pci->zpci_fid) return std::nullopt;
  return ZpciNames{.onboard = fmt::format("eno{}", *nic.pci->zpci_uid),
                   .slot = fmt::format("enP{}s{}", *nic.pci->zpci_uid, *nic.pci->zpci_fid)};
}

std::string uefi_path(const Path& path) {
  std::string text = fmt::format("PciRoot({:#x})", path.root);
  for (const Step& step : path.steps) text += fmt::format("/Pci({:#x},{:#x})", step.slot, step.function);
  return text;
}

std::vector<Witness> consequences(Change change, const AbiDevice* before, const AbiDevice* after, LibvirtCheck check) {
  const Role role = role_of(before != nullptr ? *before : *after);
  std::vector<Witness> all;
  add(all, Observer::Linux, linux_text(change, before, after, role));
  add(all, Observer::Windows, rule_text(Observer::Windows, change, role));
  add(all, Observer::Firmware, firmware_text(change, before, after, role));
  add(all, Observer::Migration, migration_text(change, role, check));
  return all;
}

std::vector<Witness> migration_only(LibvirtCheck check) {
  return {{Observer::Migration, std::string(migration_text(Change::Altered, Role::Any, check))}};
}

}  // namespace busproof::abi
