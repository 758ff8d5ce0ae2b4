#include "engine/domain/xml_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/row_index.h"
#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;
using enum DeviceKind;
using Words = std::span<const std::string_view>;

template <class... Word>
constexpr std::array<std::string_view, sizeof...(Word)> words(Word... word) {
  return {word...};
}

constexpr auto kVirtioModels = words("virtio", "virtio-transitional", "virtio-non-transitional");
constexpr auto kDefaultOrVirtioModels = words("default", "virtio", "virtio-transitional", "virtio-non-transitional");
constexpr auto kDiskTypes = words("file", "block", "dir", "network", "volume", "nvme", "vhostuser");
constexpr auto kDiskDevices = words("disk", "cdrom", "floppy", "lun");
constexpr auto kDiskBuses = words("ide", "fdc", "scsi", "virtio", "xen", "usb", "uml", "sata", "sd");
constexpr auto kFilesystemTypes = words("mount", "block", "file", "template", "ram", "bind", "volume");
constexpr auto kFilesystemDrivers = words("default", "path", "handle", "loop", "nbd", "ploop", "virtiofs");
constexpr auto kInterfaceTypes = words("user", "ethernet", "vhostuser", "server", "client", "mcast", "network",
                                       "bridge", "internal", "direct", "hostdev", "udp", "vdpa", "null", "vds");
constexpr auto kSmartcardModes = words("host", "host-certificates", "passthrough");
constexpr auto kSerialTargets = words("none", "isa-serial", "usb-serial", "pci-serial", "spapr-vio-serial",
                                      "system-serial", "sclp-serial", "isa-debug");
constexpr auto kChannelTargets = words("none", "guestfwd", "virtio", "xen");
constexpr auto kConsoleTargets = words("none", "serial", "xen", "uml", "virtio", "lxc", "openvz", "sclp", "sclplm");
constexpr auto kInputTypes = words("mouse", "tablet", "keyboard", "passthrough", "evdev");
constexpr auto kInputBuses = words("ps2", "usb", "xen", "parallels", "virtio", "none");
constexpr auto kSoundModels = words("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "ich7");
constexpr auto kVideoModels = words("default", "vga", "cirrus", "vmvga", "xen", "vbox", "qxl", "parallels", "virtio",
                                    "gop", "none", "bochs", "ramfb");
constexpr auto kHostdevModes = words("subsystem", "capabilities");
constexpr auto kHostdevTypes = words("usb", "pci", "scsi", "scsi_host", "mdev", "storage", "misc", "net");
constexpr auto kHostdevDrivers = words("kvm", "vfio", "xen");
constexpr auto kWatchdogModels = words("i6300esb", "ib700", "diag288");
constexpr auto kMemballoonModels = words("virtio", "xen", "none", "virtio-transitional", "virtio-non-transitional");
constexpr auto kTpmModels = words("tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy");
constexpr auto kUsb = words("usb");
constexpr auto kPanicModels = words("default", "isa", "pseries", "hyperv", "s390");
constexpr auto kShmemModels = words("ivshmem", "ivshmem-plain", "ivshmem-doorbell");
constexpr auto kMemoryModels = words("dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc");
constexpr auto kIommuModels = words("intel", "smmuv3", "virtio");

/// libvirt's texts where it does not use the one for all enumerations. {} is the value.
constexpr std::string_view kAnyWord = {};
constexpr std::string_view kOptional = {};
constexpr std::string_view kRequired = "required";
constexpr std::string_view kUnknownTarget =
    "unsupported configuration: unknown target type '{}' specified for character device";

/// Where libvirt takes an attribute without a value for no attribute.
enum class Empty : std::uint8_t { IsUnknown, IsMissing };

/// One row an attribute: where it is, where its value goes, and what libvirt says to other values and to none.
struct WordRule {
  DeviceKind kind;
  const char* child;  ///< "" for the device's own element
  const char* attribute;
  std::string Device::* field;
  Words known;
  std::string_view unknown = kAnyWord;
  std::string_view missing = kOptional;
  std::string_view assumed = {};  ///< what libvirt's parser takes where the XML says nothing
  Empty empty = Empty::IsUnknown;
};

/// Rows of a kind stand in the order in which libvirt looks at them.
constexpr std::array kWordRules = {
    WordRule{Disk, "", "type", &Device::type, kDiskTypes, kAnyWord, kOptional, "file"},
    WordRule{Disk, "", "device", &Device::mode, kDiskDevices, kAnyWord, kOptional, "disk"},
    WordRule{Disk, "", "model", &Device::model, kDefaultOrVirtioModels},
    WordRule{Disk, "target", "bus", &Device::bus, kDiskBuses},
    WordRule{Filesystem, "", "type", &Device::type, kFilesystemTypes, kAnyWord, kOptional, "mount"},
    WordRule{Filesystem, "", "model", &Device::model, kVirtioModels},
    WordRule{Filesystem, "driver", "type", &Device::driver, kFilesystemDrivers},
    WordRule{Interface, "", "type", &Device::type, kInterfaceTypes, kAnyWord, kOptional, "user"},
    WordRule{Smartcard, "", "mode", &Device::mode, kSmartcardModes, kAnyWord, kRequired},
    WordRule{Serial, "target", "type", &Device::target_type, kSerialTargets, kUnknownTarget},
    WordRule{Channel, "target", "type", &Device::target_type, kChannelTargets, kUnknownTarget,
             "XML error: target type must be specified for channel device"},
    WordRule{Console, "target", "type", &Device::target_type, kConsoleTargets, kUnknownTarget},
    WordRule{Input, "", "type", &Device::type, kInputTypes, "unsupported configuration: unknown input device type '{}'",
             "internal error: missing input device type"},
    WordRule{Input, "", "model", &Device::model, kVirtioModels, "unsupported configuration: unknown input model '{}'"},
    WordRule{Input, "", "bus", &Device::bus, kInputBuses, "unsupported configuration: unknown input bus type '{}'"},
    WordRule{Sound, "", "model", &Device::model, kSoundModels, kAnyWord, kRequired},
    WordRule{Video,
             "model",
             "type",
             &Device::model,
             kVideoModels,
             "unsupported configuration: unknown video model '{}'",
             kOptional,
             {},
             Empty::IsMissing},
    WordRule{Hostdev, "", "mode", &Device::mode, kHostdevModes, "unsupported configuration: unknown hostdev mode '{}'",
             kOptional, "subsystem"},
    WordRule{Hostdev, "", "type", &Device::type, kHostdevTypes,
             "unsupported configuration: unknown host device source address type '{}'",
             "XML error: missing source address type"},
    WordRule{Hostdev, "driver", "name", &Device::driver, kHostdevDrivers},
    WordRule{Watchdog, "", "model", &Device::model, kWatchdogModels,
             "unsupported configuration: unknown watchdog model '{}'",
             "internal error: watchdog must contain model name"},
    WordRule{Memballoon, "", "model", &Device::model, kMemballoonModels, kAnyWord, kRequired},
    WordRule{Rng, "", "model", &Device::model, kVirtioModels, "unsupported configuration: unknown RNG model '{}'",
             "XML error: missing RNG device model"},
    WordRule{Tpm, "", "model", &Device::model, kTpmModels},
    WordRule{Hub, "", "type", &Device::type, kUsb, "unsupported configuration: unknown hub device type '{}'",
             "internal error: missing hub device type"},
    WordRule{Redirdev, "", "bus", &Device::bus, kUsb, "unsupported configuration: unknown redirdev bus '{}'", kOptional,
             "usb"},
    WordRule{Panic, "", "model", &Device::model, kPanicModels, "unsupported configuration: unknown panic model '{}'"},
    WordRule{Shmem, "model", "type", &Device::model, kShmemModels, kAnyWord, kOptional, "ivshmem"},
    WordRule{Memory, "", "model", &Device::model, kMemoryModels, kAnyWord, kRequired},
    WordRule{Iommu, "", "model", &Device::model, kIommuModels, kAnyWord, kRequired},
    WordRule{Vsock, "", "model", &Device::model, kDefaultOrVirtioModels},
};

constexpr auto kWordRulesOfKind =
    rows_by_key<kDeviceKindCount>(kWordRules, [](const WordRule& row) { return static_cast<std::size_t>(row.kind); });

std::string one_of(const WordRule& rule) { return fmt::format("one of {}", fmt::join(rule.known, ", ")); }

Refusal unknown_word(const WordRule& rule, xml_node place, std::string_view value) {
  if (rule.unknown.empty()) return refused_at(place, "E115", invalid_value(place, rule.attribute), one_of(rule));
  return refused_at(place, "E115", fmt::format(fmt::runtime(rule.unknown), value), one_of(rule));
}

Result<void> read_missing(const WordRule& rule, const Element& element, std::string& field) {
  if (rule.missing == kRequired) return missing_attribute(element, rule.attribute, one_of(rule));
  if (!rule.missing.empty()) return refused_at(element, "E115", std::string(rule.missing), one_of(rule));
  field = rule.assumed;
  return {};
}

Result<void> read_word(const WordRule& rule, const Element& element, Device& device) {
  const bool own = *rule.child == '\0';
  const xml_node place = own ? element : element.child(rule.child);
  const pugi::xml_attribute attribute = place.attribute(rule.attribute);
  std::string& field = device.*rule.field;
  const bool is_missing = !attribute || (rule.empty == Empty::IsMissing && *attribute.value() == '\0');
  if (is_missing) return read_missing(rule, element, field);
  field = attribute.value();
  if (std::ranges::find(rule.known, std::string_view(field)) == rule.known.end())
    return unknown_word(rule, place, field);
  return {};
}

}  // namespace

Result<void> read_words(const Element& element, Device& device) {
  for (const WordRule& rule : rows_in(kWordRules, kWordRulesOfKind[static_cast<std::size_t>(device.kind)]))
    if (auto read = read_word(rule, element, device); !read) return read;
  return {};
}

}  // namespace busproof::domain
