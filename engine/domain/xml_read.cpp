#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "engine/domain/xml_attributes.h"
#include "engine/domain/xml_controller.h"
#include "engine/domain/xml_details.h"
#include "engine/domain/xml_device.h"
#include "engine/domain/xml_tree.h"
#include "engine/domain/xml_well_formed.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// The order in which libvirt's parser takes the kinds, and so which of several errors it prints.
constexpr std::array kParseOrder = {
    DeviceKind::Disk,     DeviceKind::Controller, DeviceKind::Filesystem, DeviceKind::Interface, DeviceKind::Smartcard,
    DeviceKind::Parallel, DeviceKind::Serial,     DeviceKind::Console,    DeviceKind::Channel,   DeviceKind::Input,
    DeviceKind::Sound,    DeviceKind::Video,      DeviceKind::Hostdev,    DeviceKind::Watchdog,  DeviceKind::Memballoon,
    DeviceKind::Rng,      DeviceKind::Tpm,        DeviceKind::Nvram,      DeviceKind::Hub,       DeviceKind::Redirdev,
    DeviceKind::Panic,    DeviceKind::Shmem,      DeviceKind::Memory,     DeviceKind::Iommu,     DeviceKind::Vsock,
};
static_assert(kParseOrder.size() == kDeviceKindCount);

std::size_t parse_rank(DeviceKind kind) {
  return static_cast<std::size_t>(std::ranges::find(kParseOrder, kind) - kParseOrder.begin());
}

/// Of these a domain has at most one.
struct SingleRule {
  DeviceKind kind;
  const char* message;
};
constexpr std::array kSingleRules = {
    SingleRule{DeviceKind::Watchdog, "internal error: only a single watchdog device is supported"},
    SingleRule{DeviceKind::Memballoon, "internal error: only a single memory balloon device is supported"},
    SingleRule{DeviceKind::Nvram, "internal error: only a single nvram device is supported"},
    SingleRule{DeviceKind::Iommu, "XML error: only a single IOMMU device is supported"},
    SingleRule{DeviceKind::Vsock, "XML error: only a single vsock device is supported"},
};

std::optional<DeviceKind> kind_of(std::string_view element) {
  for (std::size_t kind = 0; kind < kDeviceKindCount; ++kind)
    if (to_string(static_cast<DeviceKind>(kind)) == element) return static_cast<DeviceKind>(kind);
  return std::nullopt;
}

/// The earliest of the errors found, in the order in which libvirt would have found them.
class FirstError {
 public:
  /// `place` counts within a kind: what concerns all of them together comes at the beginning or the end.
  static constexpr std::size_t kBeforeAll = 0;
  static constexpr std::size_t kAfterAll = SIZE_MAX;

  void note(DeviceKind kind, std::size_t place, Error error) {
    const std::pair when{parse_rank(kind), place};
    if (error_ && when_ <= when) return;
    when_ = when;
    error_ = std::move(error);
  }
  [[nodiscard]] std::optional<Error>& error() { return error_; }

 private:
  std::optional<Error> error_;
  std::pair<std::size_t, std::size_t> when_;
};

/// Reads the devices; knows how many of each kind there have been.
class DeviceReader {
 public:
  DeviceReader(InputDefault input, Details details, const std::vector<xml_node>& elements)
      : input_(input), details_(details) {
    // Of very many elements the devices are counted first: a vector that grew, or asked for room for elements that are
    // none, would want more than the system has to give.
    constexpr std::size_t kUsual = 256;
    const auto is_device = [](xml_node element) { return kind_of(element.name()).has_value(); };
    const bool is_usual = elements.size() <= kUsual;
    const std::size_t count =
        is_usual ? elements.size() : static_cast<std::size_t>(std::ranges::count_if(elements, is_device));
    // With room for what libvirt adds, which may be a port for each: or all of them would have to move then. Of that
    // only what comes to be used costs memory.
    constexpr std::size_t kAlwaysAdded = 8;
    devices_.reserve(2 * count + kAlwaysAdded);
  }

  void read(xml_node node, std::uint32_t number) {
    const auto kind = kind_of(node.name());
    if (!kind) return;
    const Element element(node);
    Device& device = devices_.emplace_back();
    device.kind = *kind;
    device.element = number;
    auto read = read_device(element, input_, device);
    if (read && details_ == Details::Read) device.details = read_device_details(element, device);
    const std::size_t ordinal = ++count_[static_cast<std::size_t>(*kind)];
    if (!read) note(device, ordinal, std::move(read.error()));
  }

  Result<std::vector<Device>> devices() && {
    check_single_kinds();
    check_usb();
    if (first_.error()) return std::unexpected(std::move(*first_.error()));
    return std::move(devices_);
  }

 private:
  void note(const Device& device, std::size_t place, Error error) {
    error.device = display_name(device, place);
    first_.note(device.kind, place, std::move(error));
  }

  void check_single_kinds() {
    for (const SingleRule& rule : kSingleRules) {
      if (count_[static_cast<std::size_t>(rule.kind)] < 2) continue;
      Error error = refused("E401", rule.message, "remove all but one").error();
      const auto of_kind = [&](const Device& device) { return device.kind == rule.kind; };
      const auto first = std::ranges::find_if(devices_, of_kind);
      const auto second = std::find_if(first + 1, devices_.end(), of_kind);
      error.device = display_name(*second, 2);
      error.offset = second->offset;
      first_.note(rule.kind, FirstError::kBeforeAll, std::move(error));
    }
  }

  /// `<controller type='usb' model='none'/>` stands alone, and forbids what needs USB.
  void check_usb() {
    const Device* none = nullptr;
    const Device* other = nullptr;
    bool has_master = false;
    std::array<std::size_t, kDeviceKindCount> place{};
    for (const Device& device : devices_) {
      const std::size_t ordinal = ++place[static_cast<std::size_t>(device.kind)];
      if (!device.controller || device.controller->type != ControllerType::Usb) continue;
      const bool is_none = is_usb_none(device);
      if (none != nullptr || (is_none && other != nullptr))
        note_usb(device, ordinal, "Can't add another USB controller: USB is disabled for this domain",
                 "remove <controller type='usb' model='none'/>, or this controller");
      (is_none ? none : other) = &device;
      has_master = has_master || !device.controller->master_start;
    }
    if (other != nullptr && !has_master) {
      Error error = refused("E227", "No master USB controller specified",
                            "add the companions' master, <controller type='usb' model='ich9-ehci1'/>")
                        .error();
      error.device = display_name(*other, 1);
      error.offset = other->offset;
      first_.note(DeviceKind::Controller, FirstError::kAfterAll, std::move(error));
    }
    if (none != nullptr) check_usb_users();
  }

  void check_usb_users() {
    constexpr const char* kRemedy = "remove <controller type='usb' model='none'/>, or this device";
    std::array<std::size_t, kDeviceKindCount> place{};
    for (const Device& device : devices_) {
      const std::size_t ordinal = ++place[static_cast<std::size_t>(device.kind)];
      if (device.kind == DeviceKind::Input && device.bus == "usb")
        note_usb(device, ordinal, "unsupported configuration: Can't add USB input device. USB bus is disabled",
                 kRemedy);
      if (device.kind == DeviceKind::Hub)
        note_usb(device, ordinal, "unsupported configuration: Can't add USB hub: USB is disabled for this domain",
                 kRemedy);
      if (device.kind == DeviceKind::Hostdev && device.mode == "subsystem" && device.type == "usb")
        note_usb(device, ordinal, "unsupported configuration: Can't add host USB device: USB is disabled in this host",
                 kRemedy);
    }
  }

  void note_usb(const Device& device, std::size_t place, const char* message, const char* remedy) {
    Error error = refused("E227", message, remedy).error();
    error.offset = device.offset;
    note(device, place, std::move(error));
  }

  InputDefault input_;
  Details details_;
  std::vector<Device> devices_;
  std::array<std::size_t, kDeviceKindCount> count_{};
  FirstError first_;
};

std::string_view default_machine(std::string_view arch) {
  if (arch == "aarch64" || arch == "armv7l" || arch == "armv6l") return "integratorcp";
  if (arch == "ppc64" || arch == "ppc64le") return "pseries";
  if (arch == "riscv64" || arch == "riscv32") return "spike";
  if (arch == "s390x") return "s390-ccw-virtio";
  return arch == "x86_64" || arch == "i686" ? "pc" : "";
}

/// libvirt has no default for what is to be run. Whether QEMU runs what its other words mean is not asked here.
Result<void> check_os_type(xml_node root) {
  constexpr std::array<std::string_view, 6> kKnown = {"hvm", "xen", "linux", "exe", "uml", "xenpvh"};
  constexpr const char* kRemedy = "write <os><type>hvm</type></os>: QEMU runs whole machines only";
  const xml_node element = root.child("os").child("type");
  const std::string type = text_content(element);
  if (type.empty())
    return refused_at(element ? element : root, "E115", "XML error: an os <type> must be specified", kRemedy);
  if (std::ranges::find(kKnown, type) != kKnown.end()) return {};
  return refused_at(element, "E115", fmt::format("unsupported configuration: unknown OS type '{}'", type), kRemedy);
}

/// What the firmware is to boot from, kinds of devices rather than devices.
Result<void> check_boot_devices(xml_node root) {
  constexpr std::array<std::string_view, 4> kKnown = {"fd", "cdrom", "hd", "network"};
  constexpr const char* kRemedy = "write dev='hd', 'cdrom', 'network' or 'fd'";
  for (const xml_node boot : root.child("os").children("boot")) {
    if (!boot.attribute("dev")) return missing_attribute(boot, "dev", kRemedy);
    if (std::ranges::find(kKnown, value_of(boot, "dev")) == kKnown.end())
      return refused_at(boot, "E104", invalid_value(boot, "dev"), kRemedy);
  }
  return {};
}

/// What the domain says of itself, devices apart.
Domain read_head(xml_node root, Details details) {
  Domain domain;
  domain.virt_type = value_of(root, "type");
  domain.name = text_content(root.child("name"));
  domain.uuid = text_content(root.child("uuid"));
  const xml_node type = root.child("os").child("type");
  domain.offset = offset_of(type ? type : root);
  domain.arch = value_of(type, "arch");
  if (domain.arch.empty()) domain.arch = "x86_64";
  domain.machine = value_of(type, "machine");
  if (domain.machine.empty()) domain.machine = default_machine(domain.arch);
  if (details == Details::Read) domain.details = read_domain_details(root);
  domain.has_acpi = !root.child("features").child("acpi").empty();
  domain.names_boot_devices = !root.child("os").child("boot").empty();
  for (const xml_node cell : root.child("cpu").child("numa").children("cell")) domain.numa_cell_count += !cell.empty();
  return domain;
}

Result<xml_node> root_of(const pugi::xml_document& document) {
  const xml_node root = document.document_element();
  if (opens_namespace(root))
    return unreadable(
        "E005", offset_of(root),
        fmt::format("expecting root element of 'domain' in no namespace, not in '{}'", value_of(root, "xmlns")),
        "remove xmlns='…'; libvirt finds nothing of a domain in there");
  if (std::string_view(root.name()) == "domain") return root;
  return unreadable("E005", offset_of(root), fmt::format("expecting root element of 'domain', not '{}'", root.name()),
                    "give the XML that `virsh dumpxml` prints");
}

}  // namespace

Result<Identity> read_identity(const XmlDocument& document) {
  const auto root = root_of(document.tree_->document);
  if (!root) return std::unexpected(root.error());
  return Identity{text_content(root->child("name")), text_content(root->child("uuid"))};
}

std::optional<std::uint32_t> vlan_of(const XmlDocument& document, const Device& interface) {
  const std::vector<xml_node> elements = device_elements(document.tree_->document);
  if (interface.element >= elements.size()) return std::nullopt;
  const xml_node tag = elements[interface.element].child("vlan").child("tag");
  if (tag.next_sibling("tag")) return std::nullopt;
  return unsigned_32(tag.attribute("id").value(), Radix::Literal);
}

Result<Domain> read_domain(const XmlDocument& document, Details details) {
  const auto found = root_of(document.tree_->document);
  if (!found) return std::unexpected(found.error());
  const xml_node root = *found;
  if (auto known = check_os_type(root); !known) return std::unexpected(std::move(known.error()));
  if (auto known = check_boot_devices(root); !known) return std::unexpected(std::move(known.error()));
  Domain domain = read_head(root, details);
  const std::vector<xml_node> elements = device_elements(document.tree_->document);
  DeviceReader reader(input_default(domain.arch), details, elements);
  std::uint32_t number = 0;
  for (const xml_node element : elements) {
    domain.has_graphics = domain.has_graphics || std::string_view(element.name()) == "graphics";
    reader.read(element, number++);
  }
  auto devices = std::move(reader).devices();
  if (!devices) return std::unexpected(std::move(devices.error()));
  domain.devices = std::move(*devices);
  return domain;
}

}  // namespace busproof::domain
