#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/address.h"
#include "engine/domain/details.h"
#include "engine/pci/address.h"
#include "engine/pci/controller_model.h"

/// A virtual machine as its XML describes it: plain data, no behaviour. Only what bears on its buses is kept; the rest
/// of the XML is left where it is and never looked at.
namespace busproof::domain {

/// The elements below `<devices>` that can carry an address or decide about one. The order is libvirt's own iteration
/// order (spec 4.5); a completed Domain keeps its devices in it.
enum class DeviceKind : std::uint8_t {
  Disk,
  Interface,
  Sound,
  Hostdev,
  Video,
  Controller,
  Smartcard,
  Serial,
  Parallel,
  Channel,
  Console,
  Input,
  Filesystem,
  Watchdog,
  Memballoon,
  Rng,
  Nvram,
  Hub,
  Shmem,
  Tpm,
  Panic,
  Memory,
  Redirdev,
  Iommu,
  Vsock,
};
inline constexpr std::size_t kDeviceKindCount = 25;

/// Those that a guest can boot from, in the order in which libvirt looks at them: `<boot order='1'/>`.
inline constexpr std::array kKindsWithBootOrder = {DeviceKind::Disk, DeviceKind::Interface, DeviceKind::Hostdev,
                                                   DeviceKind::Redirdev};

/// The element's name: "disk", "interface", …
std::string_view to_string(DeviceKind kind);

/// `<controller type='…'>`, in libvirt's order.
enum class ControllerType : std::uint8_t { Ide, Fdc, Scsi, Sata, VirtioSerial, Ccid, Usb, Pci, Xenbus, Isa };
inline constexpr std::size_t kControllerTypeCount = 10;
std::string_view to_string(ControllerType type);

/// `<target …>` of a controller of type pci; what the XML does not say is absent. Ranges are checked after allocation.
struct PciTarget {
  std::optional<int> chassis_nr;  ///< pci-bridge
  std::optional<int> chassis;     ///< root port, downstream port
  std::optional<int> port;        ///< root port, downstream port; printed in hexadecimal
  std::optional<int> bus_nr;      ///< expander buses
  std::optional<int> index;       ///< pci-root on pseries
  std::optional<int> node;        ///< `<node>` child: NUMA node of the guest
  Switch hotplug = Switch::Absent;
  friend bool operator==(const PciTarget&, const PciTarget&) = default;
};

/// What a `<controller>` has besides a device.
struct Controller {
  ControllerType type = ControllerType::Pci;
  std::optional<std::uint32_t> index;             ///< absent until completed
  std::optional<pci::ControllerModel> pci_model;  ///< type pci; absent when the XML names none
  std::string model_name;                         ///< `<model name='…'/>` of type pci: the device QEMU knows
  PciTarget target{};
  std::optional<std::uint32_t> ports;         ///< virtio-serial, usb
  std::optional<std::uint32_t> master_start;  ///< `<master startport='…'/>`: a USB companion
  bool has_pcihole64 = false;
  friend bool operator==(const Controller&, const Controller&) = default;
};

inline constexpr std::uint32_t kNoElement = std::numeric_limits<std::uint32_t>::max();

/// How a device of the host is to be taken: of a PCI hostdev, a hostdev interface, an NVMe disk.
struct HostTaking {
  bool managed = false;                           ///< managed='yes': given to the guest and back to the host by itself
  std::string driver_name;                        ///< `<driver name='…'>`: vfio, kvm, xen; may be empty
  std::string driver_model;                       ///< `<driver model='…'>`: a vfio driver by its own name
  std::optional<std::uint32_t> nvme_namespace{};  ///< of an NVMe disk, from 1
  friend bool operator==(const HostTaking&, const HostTaking&) = default;
};

/// One device. Strings are as the XML spells them and empty when it does not, but for type, bus and mode where
/// libvirt's parser itself has a default (disk file, interface user, input ps2 …); which ones mean something depends on
/// `kind`. After completion `model` is what libvirt would have chosen where the XML named none.
struct Device {
  // What is looked at again and again while addresses are given out stands together, for there may be many devices.
  DeviceKind kind = DeviceKind::Disk;
  bool primary = false;  ///< `<model primary='yes'>` of a video
  /// Number of this element among the element children of `<devices>`; kNoElement for what libvirt adds by itself.
  std::uint32_t element = kNoElement;
  DeviceAddress address{};
  std::string type;   ///< the element's own type='…': user, pci, mouse, file, pty …
  std::string model;  ///< controller model='…', `<model type|name>` or model='…', whichever this kind uses
  std::optional<Controller> controller;  ///< present exactly for kind Controller
  std::optional<std::uint32_t> acpi_index;
  std::optional<std::uint32_t> boot_order;
  std::string bus;          ///< disk, input, redirdev: virtio, usb …; hostdev interface: what its `<source>` is
  std::string mode;         ///< disk: device='cdrom'; hostdev, smartcard: mode='…'
  std::string driver;       ///< `<driver name|type>`: filesystem path|virtiofs…, hostdev and interface vfio|kvm|xen
  std::string target;       ///< `<target dev|dir|name>`: vda, vnet0, /share …; name='…' of a shmem
  std::string target_type;  ///< `<target type>` of serial, parallel, channel, console
  std::string mac;          ///< interface; lower case
  std::string alias;        ///< only `ua-…`: libvirt drops the others
  /// `<source><address …>` of a PCI hostdev, a hostdev interface, an NVMe disk.
  std::optional<pci::HostAddress> host_address;
  HostTaking taking{};  ///< where there is a host_address
  /// Which device of the host a hostdev of another type is: what two of them must not share, such as "mdev <uuid>",
  /// "usb <vendor>:<product>", "scsi <adapter>:<bus>:<target>:<unit>", "scsi_host <wwpn>"; empty when the XML does
  /// not say.
  std::string source;
  /// Once completed: where a disk or SCSI hostdev sits on its controller, as the XML says or as its name implies.
  std::optional<DriveAddress> drive;
  std::vector<DetailValue> details;  ///< sorted
  std::size_t offset = 0;            ///< of the element's '<' in the text; 0 for what libvirt adds

  friend bool operator==(const Device&, const Device&) = default;
};

struct Domain {
  std::string virt_type;  ///< `<domain type='…'>`: qemu, kvm
  std::string name;
  std::string uuid;
  std::string arch;     ///< x86_64, aarch64 …; as the XML spells it
  std::string machine;  ///< pc, pc-q35-7.2, virt …; never empty: x86 without one is "pc"
  bool has_acpi = false;
  bool has_graphics = false;
  bool names_boot_devices = false;  ///< in `<os><boot dev='…'>`; no device may have a boot order then
  std::uint32_t numa_cell_count = 0;
  /// Of the '<' of `<os><type>`, which names the machine and so what libvirt adds; of `<domain>` where there is none.
  std::size_t offset = 0;
  std::vector<DetailValue> details;  ///< sorted
  std::vector<Device> devices;       ///< in document order as read; in libvirt's iteration order once completed

  friend bool operator==(const Domain&, const Domain&) = default;
};

bool is_pci_controller(const Device& device);
/// Whether libvirt chooses the place of the device when the domain is defined: it has no address yet, or asks for one.
bool lacks_place(const Device& device);

/// What a device may be called by; empty where it has no such name.
struct DeviceNames {
  DeviceKind kind{};
  std::string_view alias, mac, target;
  std::optional<ControllerType> controller;
  std::optional<std::uint32_t> index;  ///< of the controller
};
std::string display_name(const DeviceNames& names, std::size_t ordinal);

/// The device as its user knows it: "interface ua-net0", "interface 52:54:00:aa:bb:cc", "disk vda",
/// "controller pci 3", else element and place among its kind: "video #2" (`ordinal` counts from 1).
std::string display_name(const Device& device, std::size_t ordinal);
/// The same, counting in `domain`; `device` must be one of its devices.
std::string display_name(const Domain& domain, const Device& device);

/// The error, said of that device: under its name and, unless libvirt added the device by itself, with its place.
Error about(Error error, const Device& device, std::string name);
/// The same; of a controller that libvirt added, with the place of the device that it was added for: "controller
/// virtio-serial 3, added for channel org.example.94".
Error about(Error error, const Domain& domain, const Device& device);

}  // namespace busproof::domain
