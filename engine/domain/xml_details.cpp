#include "engine/domain/xml_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/ascii.h"
#include "engine/base/text.h"
#include "engine/domain/xml_canonical.h"
#include "engine/domain/xml_sums.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// How a value is spelled, and so when two of them are the same.
enum class Form : std::uint8_t {
  Word,
  Number,
  Size,      ///< a number with a unit beside it, KiB when there is none
  Text,      ///< of the element
  Uuid,      ///< the same; an empty one, which libvirt makes up, is a value too
  Presence,  ///< the element is there: "yes"
  Subtree,   ///< all that the element has below it, order and white space apart
  Children,  ///< the same without its own attributes
};

/// Where a detail is written.
struct DetailRule {
  Detail detail;
  const char* child;      ///< "" for the element itself
  const char* grand;      ///< a child of that child; "" for itself
  const char* attribute;  ///< "" where the form needs none
  Form form;
  std::string_view assumed{};  ///< what stands for a missing one where nobody can tell the two apart
};

// clang-format off
constexpr std::array kDomainRules = {
  DetailRule{Detail::OsType,         "os",            "type",   "",         Form::Text},
  DetailRule{Detail::MemoryBacking,  "memoryBacking", "source", "type",     Form::Word},
  DetailRule{Detail::MaxMemory,      "maxMemory",     "",       "",         Form::Size},
  DetailRule{Detail::MemorySlots,    "maxMemory",     "",       "slots",    Form::Number},
  DetailRule{Detail::Vcpus,          "vcpu",          "",       "",         Form::Text, "1"},
  DetailRule{Detail::GenerationId,   "genid",         "",       "",         Form::Uuid},
  DetailRule{Detail::SmbiosMode,     "os",            "smbios", "mode",     Form::Word},
  DetailRule{Detail::Firmware,       "os",            "",       "firmware", Form::Word},
  DetailRule{Detail::Loader,         "os",            "loader", "",         Form::Text},
  DetailRule{Detail::Timers,         "clock",         "",       "",         Form::Children},
  DetailRule{Detail::Sysinfo,        "sysinfo",       "",       "",         Form::Subtree},
};

constexpr std::array kRom = {
  DetailRule{Detail::RomBar,     "rom", "", "bar",     Form::Word, "on"},
  DetailRule{Detail::RomFile,    "rom", "", "file",    Form::Word},
  DetailRule{Detail::RomEnabled, "rom", "", "enabled", Form::Word, "yes"},
};
constexpr std::array kVirtio = {
  DetailRule{Detail::VirtioIommu,  "driver", "", "iommu",  Form::Word},
  DetailRule{Detail::VirtioAts,    "driver", "", "ats",    Form::Word},
  DetailRule{Detail::VirtioPacked, "driver", "", "packed", Form::Word},
};
constexpr std::array kDisk = {
  DetailRule{Detail::Queues,            "driver",   "", "queues",              Form::Number, "0"},
  DetailRule{Detail::ReadOnly,          "readonly", "", "",                    Form::Presence},
  DetailRule{Detail::Serial,            "serial",   "", "",                    Form::Text},
  DetailRule{Detail::Wwn,               "wwn",      "", "",                    Form::Text},
  DetailRule{Detail::RotationRate,      "target",   "", "rotation_rate",       Form::Number, "0"},
  DetailRule{Detail::QueueSize,         "driver",   "", "queue_size",          Form::Number, "0"},
  DetailRule{Detail::Removable,         "target",   "", "removable",           Form::Word},
  DetailRule{Detail::Vendor,            "vendor",   "", "",                    Form::Text},
  DetailRule{Detail::Product,           "product",  "", "",                    Form::Text},
  DetailRule{Detail::LogicalBlockSize,  "blockio",  "", "logical_block_size",  Form::Number, "0"},
  DetailRule{Detail::PhysicalBlockSize, "blockio",  "", "physical_block_size", Form::Number, "0"},
};
constexpr std::array kInterface = {
  DetailRule{Detail::Queues,      "driver", "", "queues",        Form::Number},
  DetailRule{Detail::Mtu,         "mtu",    "", "size",          Form::Number, "0"},
  DetailRule{Detail::RxQueueSize, "driver", "", "rx_queue_size", Form::Number, "0"},
  DetailRule{Detail::TxQueueSize, "driver", "", "tx_queue_size", Form::Number, "0"},
};
constexpr std::array kFilesystem = {
  DetailRule{Detail::ReadOnly, "readonly", "", "", Form::Presence},
};
constexpr std::array kVideo = {
  DetailRule{Detail::Ram,        "model", "",             "ram",     Form::Number, "0"},
  DetailRule{Detail::VideoRam,   "model", "",             "vram",    Form::Number, "0"},
  DetailRule{Detail::VideoRam64, "model", "",             "vram64",  Form::Number, "0"},
  DetailRule{Detail::VgaMemory,  "model", "",             "vgamem",  Form::Number, "0"},
  DetailRule{Detail::Heads,      "model", "",             "heads",   Form::Number, "0"},
  DetailRule{Detail::Accel2d,    "model", "acceleration", "accel2d", Form::Word},
  DetailRule{Detail::Accel3d,    "model", "acceleration", "accel3d", Form::Word},
  DetailRule{Detail::Blob,       "model", "",             "blob",    Form::Word},
};
constexpr std::array kHostdev = {
  DetailRule{Detail::Display, "", "", "display", Form::Word, "off"},
  DetailRule{Detail::Ramfb,   "", "", "ramfb",   Form::Word, "off"},
};
constexpr std::array kController = {
  DetailRule{Detail::Queues,    "driver",    "", "queues",  Form::Number, "0"},
  DetailRule{Detail::Vectors,   "",          "", "vectors", Form::Number},
  DetailRule{Detail::PciHole64, "pcihole64", "", "",        Form::Size},
};
constexpr std::array kSound = {
  DetailRule{Detail::Codecs, "codec", "", "type", Form::Word},
};
constexpr std::array kShmem = {
  DetailRule{Detail::Role,   "",       "", "role", Form::Word},
  DetailRule{Detail::Size,   "size",   "", "",     Form::Size},
  DetailRule{Detail::Server, "server", "", "",     Form::Presence},
  DetailRule{Detail::Msi,    "msi",    "", "",     Form::Subtree},
};
constexpr std::array kMemory = {
  DetailRule{Detail::Size,          "target", "size",      "", Form::Size},
  DetailRule{Detail::Node,          "target", "node",      "", Form::Text},
  DetailRule{Detail::BlockSize,     "target", "block",     "", Form::Size},
  DetailRule{Detail::RequestedSize, "target", "requested", "", Form::Size},
  DetailRule{Detail::LabelSize,     "target", "label",     "", Form::Subtree},
  DetailRule{Detail::Alignment,     "source", "alignsize", "", Form::Size},
  DetailRule{Detail::Persistent,    "source", "pmem",      "", Form::Presence},
  DetailRule{Detail::DeviceUuid,    "uuid",   "",          "", Form::Text},
  DetailRule{Detail::ReadOnly,      "target", "readonly",  "", Form::Presence},
};
constexpr std::array kTpm = {
  DetailRule{Detail::Backend,        "backend", "", "type",    Form::Word},
  DetailRule{Detail::BackendVersion, "backend", "", "version", Form::Word},
};
constexpr std::array kIommu = {
  DetailRule{Detail::IommuDriver, "driver", "", "", Form::Subtree},
};
constexpr std::array kVsock = {
  DetailRule{Detail::GuestCid, "cid", "", "address", Form::Number},
};
constexpr std::array kMemballoon = {
  DetailRule{Detail::AutoDeflate,       "", "", "autodeflate",       Form::Word},
  DetailRule{Detail::FreePageReporting, "", "", "freePageReporting", Form::Word},
};
constexpr std::array kCharacter = {
  DetailRule{Detail::Port, "target", "", "port", Form::Number},
};
// clang-format on

using Rules = std::span<const DetailRule>;

/// What is read of each kind: the rows of its own, and those that it shares with others.
struct KindRules {
  DeviceKind kind;
  Rules own;
  Rules rom{};
  Rules virtio{};
};
constexpr std::array kKindRules = {
    KindRules{DeviceKind::Disk, kDisk, {}, kVirtio},
    KindRules{DeviceKind::Interface, kInterface, kRom, kVirtio},
    KindRules{DeviceKind::Sound, kSound},
    KindRules{DeviceKind::Hostdev, kHostdev, kRom},
    KindRules{DeviceKind::Video, kVideo, {}, kVirtio},
    KindRules{DeviceKind::Controller, kController, {}, kVirtio},
    KindRules{DeviceKind::Serial, kCharacter},
    KindRules{DeviceKind::Parallel, kCharacter},
    KindRules{DeviceKind::Input, {}, {}, kVirtio},
    KindRules{DeviceKind::Filesystem, kFilesystem, {}, kVirtio},
    KindRules{DeviceKind::Memballoon, kMemballoon, {}, kVirtio},
    KindRules{DeviceKind::Rng, {}, {}, kVirtio},
    KindRules{DeviceKind::Shmem, kShmem},
    KindRules{DeviceKind::Tpm, kTpm},
    KindRules{DeviceKind::Memory, kMemory},
    KindRules{DeviceKind::Iommu, kIommu},
    KindRules{DeviceKind::Vsock, kVsock, {}, kVirtio},
};

std::string number_text(std::string_view text) {
  const auto number = unsigned_64(text, Radix::Literal);
  return number ? std::to_string(*number) : std::string(text);
}

std::string size_text(std::string_view text, std::string_view unit) {
  const auto bytes = size_in_bytes(text, unit);
  return bytes ? std::to_string(*bytes) : fmt::format("{}{}", trimmed(text), unit);
}

/// Capitals and hyphens make no difference.
std::string uuid_text(std::string_view text) {
  std::string uuid(trimmed(text));
  std::erase(uuid, '-');
  for (char& c : uuid)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::size_t kDigits = 32;
  if (uuid.size() == kDigits)
    for (const std::size_t hyphen : {8U, 13U, 18U, 23U}) uuid.insert(hyphen, 1, '-');
  return uuid;
}

/// `place` is there.
std::optional<std::string> value_at(const DetailRule& rule, xml_node place) {
  switch (rule.form) {
    case Form::Word:
    case Form::Number: {
      const pugi::xml_attribute attribute = place.attribute(rule.attribute);
      if (!attribute) return std::nullopt;
      return rule.form == Form::Word ? attribute.value() : number_text(attribute.value());
    }
    case Form::Size:
      return size_text(place.child_value(), value_of(place, "unit"));
    case Form::Text:
      return std::string(trimmed(place.child_value()));
    case Form::Uuid:
      return uuid_text(place.child_value());
    case Form::Presence:
      return "yes";
    case Form::Subtree:
      return canonical_content(place);
    case Form::Children:
      return canonical_children(place);
  }
  return std::nullopt;
}

void read_rules(Rules rules, const Element& element, std::vector<DetailValue>& details) {
  for (const DetailRule& rule : rules) {
    xml_node place = *rule.child == '\0' ? xml_node(element) : element.child(rule.child);
    if (*rule.grand != '\0') place = place.child(rule.grand);
    if (!place) continue;
    auto value = value_at(rule, place);
    const bool is_blank = value && value->empty() && rule.form != Form::Uuid;
    const bool is_assumed = value && !rule.assumed.empty() && *value == rule.assumed;
    if (!value || is_blank || is_assumed) continue;
    details.push_back({rule.detail, std::move(*value)});
  }
}

/// libvirt notes of every cdrom that it is read-only, whether the XML says so or not.
void assume_read_only(const Device& device, std::vector<DetailValue>& details) {
  const auto said = std::ranges::find(details, Detail::ReadOnly, &DetailValue::detail);
  if (device.kind == DeviceKind::Disk && device.mode == "cdrom" && said == details.end())
    details.push_back({Detail::ReadOnly, "yes"});
}

bool is_virtio_nic(const Device& device) {
  constexpr auto kModels =
      std::to_array<std::string_view>({"virtio", "virtio-transitional", "virtio-non-transitional"});
  return std::ranges::any_of(kModels, [&](std::string_view model) { return equal_ignoring_case(model, device.model); });
}

/// Queues are read of the host's own virtio cards only, and one queue is what each has.
/// Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomainNetDefParseXMLDriver(); what it stored of single devices.
void forget_queues(const Device& device, std::vector<DetailValue>& details) {
  if (device.kind != DeviceKind::Interface) return;
  const bool has_queues = is_virtio_nic(device) && device.type != "hostdev";
  std::erase_if(details, [&](const DetailValue& detail) {
    const bool is_one = detail.detail == Detail::Queues && detail.value == "1";
    const bool is_about_queues =
        detail.detail == Detail::Queues || detail.detail == Detail::RxQueueSize || detail.detail == Detail::TxQueueSize;
    return is_one || (is_about_queues && !has_queues);
  });
}

/// An attribute of `<driver>` that libvirt stores; 0 of the counted ones is what a missing one means.
struct DriverWord {
  const char* attribute;
  bool is_count = false;
};
constexpr std::array kDriverWords = {
    DriverWord{"name"},
    DriverWord{"type"},
    DriverWord{"format"},
    DriverWord{"wrpolicy"},
    DriverWord{"queue", true},
    DriverWord{"txmode"},
    DriverWord{"ioeventfd"},
    DriverWord{"event_idx"},
    DriverWord{"iommu"},
    DriverWord{"ats"},
    DriverWord{"packed"},
    DriverWord{"page_per_vq"},
    DriverWord{"iothread", true},
    DriverWord{"queues", true},
    DriverWord{"cmd_per_lun", true},
    DriverWord{"max_sectors", true},
};

/// libvirt takes a virtio device whose `<driver>` says anything for another than one without; disks always have one.
/// Source: libvirt 9.0.0 src/conf/domain_conf.c, virDomainVirtioOptionsCheckABIStability().
void note_driver(const Element& element, const Device& device, std::vector<DetailValue>& details) {
  const bool is_nic = device.kind == DeviceKind::Interface;
  if (device.kind == DeviceKind::Disk || (is_nic && !is_virtio_nic(device))) return;
  const xml_node driver = element.child("driver");
  if (!driver.first_attribute()) return;
  const bool says_something = std::ranges::any_of(kDriverWords, [&](const DriverWord& word) {
    const std::string_view value = driver.attribute(word.attribute).value();
    return !value.empty() && !(word.is_count && (is_nic || value == "0"));
  });
  const bool says_queues = is_nic && std::ranges::any_of(details, [](const DetailValue& detail) {
                             return detail.detail == Detail::Queues || detail.detail == Detail::RxQueueSize ||
                                    detail.detail == Detail::TxQueueSize;
                           });
  if (says_something || says_queues) details.push_back({Detail::Driver, "given"});
}

/// Where QEMU forwards what the guest sends to an address, that address: "10.0.2.1:4600".
void note_forwarded_address(const Element& element, const Device& device, std::vector<DetailValue>& details) {
  if (device.kind != DeviceKind::Channel || device.target_type != "guestfwd") return;
  const xml_node target = element.child("target");
  details.push_back(
      {Detail::ForwardedAddress, fmt::format("{}:{}", value_of(target, "address"), value_of(target, "port"))});
}

}  // namespace

std::vector<DetailValue> read_domain_details(xml_node root) {
  std::vector<DetailValue> details;
  details.reserve(kDomainRules.size());
  read_rules(kDomainRules, Element(root), details);
  read_sums(root, details);
  std::ranges::sort(details);
  return details;
}

std::vector<DetailValue> read_device_details(const Element& element, const Device& device) {
  const auto rules = std::ranges::find(kKindRules, device.kind, &KindRules::kind);
  std::vector<DetailValue> details;
  note_forwarded_address(element, device, details);
  if (rules == kKindRules.end()) return details;
  read_rules(rules->own, element, details);
  read_rules(rules->rom, element, details);
  read_rules(rules->virtio, element, details);
  forget_queues(device, details);
  if (!rules->virtio.empty()) note_driver(element, device, details);
  assume_read_only(device, details);
  std::ranges::sort(details);
  return details;
}

}  // namespace busproof::domain
