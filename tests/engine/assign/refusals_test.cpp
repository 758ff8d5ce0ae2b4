#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string_view>

#include "engine/assign/assign.h"
#include "tests/support/domain_builder.h"

namespace busproof::assign {
namespace {

/// One domain that libvirt 9.0.0 with QEMU 7.2 refuses, and what it says; recorded from a running libvirtd.
struct Refused {
  std::string_view rule;
  Guest guest;
  std::string_view message;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.rule << " " << refused.message; }

#define NIC(REST) "<interface type='user'><mac address='52:54:00:00:00:01'/>" REST "</interface>"
#define DISK(TARGET, REST) "<disk type='block'><source dev='/dev/x'/><target " TARGET "/>" REST "</disk>"
#define FLOPPY(TARGET, REST) \
  "<disk type='block' device='floppy'><source dev='/dev/f'/><target " TARGET "/>" REST "</disk>"
#define SCSI_HOST(UNIT, REST)                                                                                         \
  "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='" UNIT \
  "'/></source>" REST "</hostdev>"
#define USB_HOST(PRODUCT, REST)                                                                                 \
  "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='" PRODUCT "'/></source>" REST \
  "</hostdev>"

#define NVME(NAMESPACE)                             \
  "<disk type='nvme'><source type='pci' " NAMESPACE \
  "><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source><target dev='vda' bus='virtio'/></disk>"

// clang-format off
const auto kRefused = std::to_array<Refused>({
  {"E109", {.devices = NIC("<address type='pci'><zpci uid='1'/></address>")}, "unsupported configuration: This QEMU binary doesn't support zPCI"},
  {"E110", {.devices = NIC("<address type='unassigned'/>")}, "unsupported configuration: address of type 'unassigned' is supported only for hostdevs"},
  {"E111", {.devices = NIC("<alias name='ua-x'/>") "<input type='tablet' bus='usb'><alias name='ua-x'/></input>"}, "unsupported configuration: non unique alias detected: ua-x"},
  {"E112", {.devices = DISK("dev='vda'", "<address type='drive'/>")}, "unsupported configuration: virtio disk cannot have an address of type 'drive'"},
  {"E112", {.machine = "pseries", .devices = DISK("dev='vda'", "<address type='virtio-mmio'/>"), .arch = "ppc64"}, "unsupported configuration: virtio disk cannot have an address of type 'virtio-mmio'"},
  {"E113", {.machine = "pc-i440fx-7.2", .devices = NIC("<address type='ccw'/>")}, "unsupported configuration: cannot use CCW address type for device '<null>' using machine type 'pc-i440fx-7.2'"},
  {"E114", {.devices = DISK("dev='sda' bus='sata'", "<address type='pci'/>")}, "unsupported configuration: Invalid address type 'pci' for the disk 'sda' with the bus type 'sata'"},
  {"E114", {.devices = "<watchdog model='ib700'><address type='pci' slot='7'/></watchdog>"}, "unsupported configuration: ib700 model of watchdog does not support configuring the address"},
  {"E114", {.machine = "pc", .devices = "<console type='pty'><address type='pci' slot='7'/></console>"}, "unsupported configuration: Target type 'isa-serial' requires address type 'isa'"},
  {"E420", {.devices = NVME("namespace='0'")}, "unsupported configuration: NVMe namespace can't be zero"},
  {"E420", {.devices = NVME("namespace='-0'")}, "unsupported configuration: NVMe namespace can't be zero"},
  {"E420", {.devices = "<disk type='file' device='lun'><source file='/x'/><target dev='sda' bus='scsi'/></disk>"}, "unsupported configuration: disk device='lun' is only valid for block type disk source"},
  {"E420", {.devices = "<disk type='block' device='lun'><source dev='/dev/x'/><target dev='sda' bus='sata'/></disk>"}, "unsupported configuration: disk device='lun' is not supported for bus='sata'"},
  {"E419", {.devices = DISK("dev='vda'", "<boot order='1'/>") NIC("<boot order='1'/>")}, "unsupported configuration: boot order '1' used for more than one device"},
  {"E201", {.devices = "<controller type='pci' index='0' model='pci-root'/>"}, "XML error: The PCI controller with index='0' must be model='pcie-root' for this machine type, but model='pci-root' was found instead"},
  {"E201", {.devices = "<controller type='pci' model='pcie-root-port'/>"}, "XML error: The PCI controller with index='0' must be model='pcie-root' for this machine type, but model='pcie-root-port' was found instead"},
  {"E202", {.machine = "pc", .devices = "<controller type='pci' index='1' model='pci-root'/>"}, "XML error: pci-root and pcie-root controllers should have index 0"},
  {"E203", {.devices = "<controller type='pci' index='0' model='pcie-root'><address type='pci'/></controller>"}, "unsupported configuration: pci-root and pcie-root controllers should not have an address"},
  {"E204", {.devices = "<controller type='sata' index='1'/><controller type='sata' index='1'/>"}, "XML error: Multiple 'sata' controllers with index '1'"},
  {"E206", {.devices = "<controller type='pci' index='1' model='pci-expander-bus'/>"}, "unsupported configuration: pci-expander-bus controllers are only supported on 440fx-based machinetypes"},
  {"E207", {.machine = "pc", .devices = "<controller type='pci' index='1' model='pcie-expander-bus'/>"}, "unsupported configuration: pcie-expander-bus controllers are not supported with this machine type"},
  {"E208", {.machine = "pc", .devices = "<controller type='pci' index='1' model='pci-bridge'><target chassisNr='0'/></controller>"}, "unsupported configuration: PCI controller chassisNr '0' out of range - must be 1-255"},
  {"E209", {.devices = "<controller type='pci' index='1' model='pcie-root-port'><target chassisNr='1'/></controller>"}, "unsupported configuration: Option 'chassisNr' is not valid for PCI controller with index '1', model 'pcie-root-port' and modelName 'pcie-root-port'"},
  {"E210", {.devices = "<controller type='pci' index='1' model='pcie-root-port'><model name='pxb'/></controller>"}, "unsupported configuration: Option 'modelName' has invalid value for PCI controller with index '1', model 'pcie-root-port' and modelName 'pxb'"},
  {"E214", {.devices = "<controller type='pci' index='0' model='pcie-root'><target><node>0</node></target></controller>", .head = "<cpu><numa><cell id='0' cpus='0' memory='262144' unit='KiB'/></numa></cpu>"}, "unsupported configuration: The PCI controller with index=0 can't be associated with a NUMA node"},
  {"E215", {.devices = "<controller type='pci' index='1' model='pcie-expander-bus'><target><node>5</node></target></controller>"}, "XML error: pcie-expander-bus with index 1 is configured for a NUMA node (5) not present in the domain's <cpu><numa> array (0)"},
  {"E220", {.machine = "virt-7.2", .devices = "<controller type='pci' index='0' model='pcie-root'><pcihole64>1048576</pcihole64></controller>", .arch = "aarch64"}, "unsupported configuration: Setting the 64-bit PCI hole size is not supported for machine 'virt-7.2'"},
  {"E226", {.machine = "pc", .devices = DISK("dev='hde' bus='ide'", "")}, "internal error: Only 1 IDE controller is supported"},
  {"E226", {.machine = "pc", .devices = "<controller type='ide' index='1'/>"}, "unsupported configuration: Only a single IDE controller is supported for this machine type"},
  {"E226", {.devices = DISK("dev='hda' bus='ide'", "")}, "unsupported configuration: IDE controllers are unsupported for this QEMU binary or machine type"},
  {"E227", {.devices = "<controller type='usb' model='qemu-xhci' ports='16'/>"}, "unsupported configuration: 'qemu-xhci' controller only supports up to '15' ports"},
  {"E227", {.devices = "<controller type='usb' model='qusb1'/>"}, "unsupported configuration: USB controller model type 'qusb1' or 'qusb2' is not supported in qemu"},
  {"E227", {.devices = "<controller type='usb' model='none'/>" DISK("dev='sda' bus='usb'", "")}, "unsupported configuration: USB is disabled for this domain, but USB devices are present in the domain XML"},
  {"E227", {.machine = "pseries", .devices = "<controller type='usb' model='none'/><graphics type='vnc'/>", .arch = "ppc64"}, "unsupported configuration: USB is disabled for this domain, but USB devices are present in the domain XML"},
  {"E229", {.machine = "pc", .devices = FLOPPY("dev='fdc'", "")}, "internal error: Only 1 fdc controller is supported"},
  {"E229", {.machine = "pc", .devices = FLOPPY("dev='fda'", "<address type='drive' bus='1'/>")}, "internal error: Only 1 fdc bus is supported"},
  {"E229", {.machine = "pc", .devices = FLOPPY("dev='fda'", "<address type='drive' target='1'/>")}, "unsupported configuration: target must be 0 for controller fdc"},
  {"E229", {.machine = "pc", .devices = DISK("dev='hda' bus='ide'", "<address type='drive' target='1'/>")}, "unsupported configuration: target must be 0 for ide controller"},
  {"E229", {.devices = DISK("dev='sda' bus='sata'", "<address type='drive' bus='1'/>")}, "unsupported configuration: bus must be 0 for sata controller"},
  {"E229", {.devices = DISK("dev='sda' bus='sata'", "<address type='drive' target='1'/>")}, "unsupported configuration: target must be 0 for sata controller"},
  {"E229", {.devices = DISK("dev='sda' bus='scsi'", "<address type='drive' bus='1'/>")}, "internal error: SCSI controller only supports 1 bus"},
  {"E229", {.devices = DISK("dev='sda' bus='scsi'", "<address type='drive' target='1'/>")}, "unsupported configuration: target must be 0 for controller model 'lsilogic'"},
  {"E230", {.devices = "<controller type='scsi' index='0' model='ncr53c90'/>"}, "unsupported configuration: ncr53c90 SCSI controller is not a built-in for this machine"},
  {"E230", {.devices = "<controller type='scsi' index='1' model='ncr53c90'/>"}, "unsupported configuration: ncr53c90 can only be used as first SCSI controller"},
  {"E315", {.machine = "pseries", .devices = "<controller type='scsi'><address type='spapr-vio' reg='0x2000'/></controller><controller type='scsi'><address type='spapr-vio' reg='0x2000'/></controller>", .arch = "ppc64"}, "XML error: spapr-vio address 0x2000 already in use"},
  {"E315", {.machine = "pseries", .devices = "<controller type='scsi'><address type='spapr-vio' reg='0x100000000'/></controller>", .arch = "ppc64"}, "unsupported configuration: spapr-vio reg='0x100000000' exceeds maximum possible value (0xffffffff)"},
  {"E316", {.machine = "s390-ccw-virtio", .devices = NIC("<address type='ccw' cssid='0xfe' ssid='0' devno='1'/>") DISK("dev='vda'", "<address type='ccw' cssid='0xfe' ssid='0' devno='1'/>"), .arch = "s390x"}, "XML error: The CCW devno 'fe.0.0001' is in use already"},
  {"E317", {.devices = "<channel type='pty'><target type='virtio' name='a'/><address type='virtio-serial' port='31'/></channel>"}, "XML error: virtio serial controller 0 does not have port 31"},
  {"E317", {.devices = "<controller type='virtio-serial' index='0'/>" NIC("<address type='virtio-serial' controller='3' port='1'/>")}, "XML error: virtio serial controller 3 is missing"},
  {"E317", {.devices = "<channel type='pty'><target type='virtio' name='a'/><address type='virtio-serial' controller='2147483648' port='1'/></channel>"}, "XML error: virtio serial controller 2147483648 is missing"},
  {"E317", {.devices = "<channel type='pty'><target type='virtio' name='a'/><address type='virtio-serial' port='1'/></channel><channel type='pty'><target type='virtio' name='b'/><address type='virtio-serial' port='1'/></channel>"}, "XML error: virtio serial port 1 on controller 0 is already occupied"},
  {"E317", {.devices = "<controller type='virtio-serial' index='0' ports='1'/><channel type='pty'><target type='virtio' name='a'/><address type='virtio-serial' controller='0'/></channel>"}, "XML error: Unable to find a free port on virtio-serial controller 0"},
  {"E318", {.devices = DISK("dev='sda' bus='sata'", "") DISK("dev='sdb' bus='sata'", "<address type='drive'/>")}, "unsupported configuration: Found duplicate drive address for disk with target name 'sda' controller='0' bus='0' target='0' unit='0'"},
  {"E318", {.devices = DISK("dev='sda' bus='scsi'", "") SCSI_HOST("1", "<address type='drive'/>")}, "unsupported configuration: using disk target name 'sda' conflicts with SCSI host device address controller='0' bus='0' target='0' unit='0"},
  {"E318", {.devices = DISK("dev='sda' bus='scsi'", "<address type='drive'/>") SCSI_HOST("1", "<address type='drive'/>")}, "XML error: SCSI host address controller='0' bus='0' target='0' unit='0' in use by a SCSI disk"},
  {"E318", {.devices = SCSI_HOST("1", "<address type='drive' controller='1'/>") SCSI_HOST("2", "<address type='drive' controller='1'/>")}, "unsupported configuration: SCSI host address controller='0' bus='1' target='0' unit='0' in use by another SCSI host device"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='0' port='9'/></input>"}, "XML error: requested USB port 9 not present on USB bus 0"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='0' port='1.1'/></input>"}, "XML error: there is no hub at port 1 in USB address bus: 0 port: 1.1"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='0' port='9.1'/></input>"}, "XML error: port 9 out of range in USB address bus: 0 port: 9.1"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='4' port='1'/></input>"}, "XML error: Missing USB bus 4"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='4'/></input>"}, "XML error: USB bus 4 requested but no controller with that index is present"},
  {"E319", {.devices = "<input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/></input>" USB_HOST("1", "<address type='usb' bus='0' port='1'/>")}, "XML error: Duplicate USB address bus 0 port 1"},
  {"E319", {.devices = "<hub type='usb'><address type='usb' bus='0' port='1'/></hub><hub type='usb'><address type='usb' bus='0' port='1'/></hub>"}, "XML error: Duplicate USB hub on bus 0 port 1"},
  {"E319", {.devices = "<controller type='usb' index='1' model='ehci'/><controller type='usb' index='1' model='ehci'/>"}, "XML error: Duplicate USB controllers with index 1"},
  {"E402", {.machine = "pc", .devices = "<iommu model='virtio'/>"}, "unsupported configuration: IOMMU device: 'virtio' is only supported with Q35 and ARM Virt machines"},
  {"E402", {.machine = "pc", .devices = "<iommu model='intel'/>"}, "unsupported configuration: IOMMU device: 'intel' is only supported with Q35 machines"},
  {"E402", {.devices = "<iommu model='virtio'/>"}, "unsupported configuration: IOMMU device: 'virtio' requires ACPI"},
  {"E403", {.devices = "<video><model type='qxl'/></video><video><model type='vga'/></video>"}, "unsupported configuration: video type 'vga' is only valid as primary video device"},
  {"E404", {.devices = USB_HOST("1", "") USB_HOST("1", "")}, "XML error: Hostdev already exists in the domain configuration"},
  {"E407", {.devices = "<panic/><panic model='isa'/>"}, "XML error: Multiple panic devices with model 'isa'"},
  {"E408", {.devices = "<smartcard mode='host'/><smartcard mode='host'/>"}, "unsupported configuration: this QEMU binary lacks multiple smartcard support"},
  {"E409", {.devices = "<nvram/>"}, "unsupported configuration: nvram device is only supported for PPC64"},
  {"E410", {.devices = DISK("dev='disk0' bus='virtio'", "")}, "XML error: Unknown disk name 'disk0' and no address specified"},
  {"E411", {.devices = DISK("dev='sda' bus='sata'", "<acpi index='3'/>")}, "unsupported configuration: ACPI index is only supported for PCI devices"},
  {"E412", {.devices = "<video><model type='none'/></video><video><model type='qxl'/></video>"}, "unsupported configuration: a 'none' video type must be the only video device defined for the domain"},
  {"E413", {.devices = "<video><model type='qxl' primary='yes'/></video><video><model type='vga' primary='yes'/></video>"}, "unsupported configuration: Only one primary video device is supported"},
  {"E414", {.devices = "<controller type='scsi' model='buslogic'/>"}, "unsupported configuration: Unsupported controller model: buslogic"},
  {"E414", {.devices = "<video><model type='xen'/></video>"}, "unsupported configuration: domain configuration does not support video model 'xen'"},
  {"E414", {.machine = "virt", .devices = "<video><model type='qxl'/></video>", .arch = "aarch64"}, "unsupported configuration: domain configuration does not support video model 'qxl'"},
  {"E414", {.machine = "pseries", .devices = "<video><model type='ramfb'/></video>", .arch = "ppc64"}, "unsupported configuration: domain configuration does not support video model 'ramfb'"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<video><model type='vga'/></video>", .arch = "s390x"}, "unsupported configuration: domain configuration does not support video model 'vga'"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<video><model type='cirrus'/></video>", .arch = "s390x"}, "unsupported configuration: domain configuration does not support video model 'cirrus'"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<video><model type='vmvga'/></video>", .arch = "s390x"}, "unsupported configuration: domain configuration does not support video model 'vmvga'"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<video><model type='bochs'/></video>", .arch = "s390x"}, "unsupported configuration: domain configuration does not support video model 'bochs'"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='scsi' model='lsilogic'/>", .arch = "s390x"}, "unsupported configuration: This QEMU doesn't support the LSI 53C895A SCSI controller"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='scsi' model='lsisas1068'/>", .arch = "s390x"}, "unsupported configuration: This QEMU doesn't support the LSI SAS1068 (MPT Fusion) controller"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='scsi' model='lsisas1078'/>", .arch = "s390x"}, "unsupported configuration: This QEMU doesn't support the LSI SAS1078 (MegaRAID) controller"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='scsi' model='vmpvscsi'/>", .arch = "s390x"}, "unsupported configuration: This QEMU doesn't support the pvscsi (VMware paravirtual SCSI) controller"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='sata'/>", .arch = "s390x"}, "unsupported configuration: SATA is not supported with this QEMU binary"},
  {"E414", {.machine = "pc", .devices = "<input type='evdev' bus='usb'/>", .arch = "x86_64"}, "unsupported configuration: input evdev doesn't support bus element"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<input type='evdev'/>", .arch = "s390x"}, "unsupported configuration: input evdev doesn't support bus element"},
  {"E414", {.machine = "pc", .devices = "<input type='passthrough' bus='usb'/>", .arch = "x86_64"}, "unsupported configuration: only bus 'virtio' is supported for 'passthrough' input devices"},
  {"E414", {.machine = "pc", .devices = "<input type='passthrough' bus='none'/>", .arch = "x86_64"}, "unsupported configuration: only bus 'virtio' is supported for 'passthrough' input devices"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<input type='passthrough' bus='virtio'/>", .arch = "s390x"}, "unsupported configuration: virtio-input-host is not supported by this QEMU binary"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><input type='keyboard' bus='usb'/>", .arch = "s390x"}, "unsupported configuration: usb keyboard is not supported by this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<input type='mouse' bus='ps2'/>", .arch = "aarch64"}, "unsupported configuration: ps2 is not supported by this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<input type='keyboard' bus='ps2'/>", .arch = "riscv64"}, "unsupported configuration: ps2 is not supported by this QEMU binary"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<sound model='ich9'/>", .arch = "s390x"}, "unsupported configuration: The ich9-intel-hda audio controller is not supported in this QEMU binary"},
  {"E414", {.machine = "pc", .devices = "<shmem name='a'><model type='ivshmem'/></shmem>", .arch = "x86_64"}, "unsupported configuration: ivshmem device is not supported with this QEMU binary"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<shmem name='a'><model type='ivshmem-plain'/></shmem>", .arch = "s390x"}, "unsupported configuration: shmem model 'ivshmem-plain' is not supported by this QEMU binary"},
  {"E414", {.machine = "clipper", .devices = "<shmem name='a'><model type='ivshmem-doorbell'/></shmem>", .arch = "alpha"}, "unsupported configuration: shmem model 'ivshmem-doorbell' is not supported by this QEMU binary"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><hub type='usb'/>", .arch = "s390x"}, "unsupported configuration: usb-hub not supported by QEMU binary"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><redirdev bus='usb' type='tcp'/>", .arch = "s390x"}, "unsupported configuration: USB redirection is not supported by this version of QEMU"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><smartcard mode='host'/>", .arch = "s390x"}, "unsupported configuration: this QEMU binary lacks smartcard host mode support"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><smartcard mode='host-certificates'/>", .arch = "s390x"}, "unsupported configuration: this QEMU binary lacks smartcard host mode support"},
  {"E414", {.machine = "s390-ccw-virtio", .devices = "<controller type='usb' model='ehci'/><smartcard mode='passthrough' type='tcp'/>", .arch = "s390x"}, "unsupported configuration: this QEMU binary lacks smartcard passthrough mode support"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='xen'/></console>", .arch = "x86_64"}, "unsupported configuration: unsupported console target type xen"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='uml'/></console>", .arch = "x86_64"}, "unsupported configuration: unsupported console target type uml"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='lxc'/></console>", .arch = "x86_64"}, "unsupported configuration: unsupported console target type lxc"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='openvz'/></console>", .arch = "x86_64"}, "unsupported configuration: unsupported console target type openvz"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='sclp'/></console>", .arch = "x86_64"}, "unsupported configuration: sclpconsole is not supported in this QEMU binary"},
  {"E414", {.machine = "pc", .devices = "<console type='pty'><target type='sclplm'/></console>", .arch = "x86_64"}, "unsupported configuration: sclplmconsole is not supported in this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<serial type='pty'><target type='isa-debug'/></serial>", .arch = "aarch64"}, "unsupported configuration: isa-debug serial type only valid on x86 architecture"},
  {"E414", {.machine = "virt", .devices = "<panic model='isa'/>", .arch = "aarch64"}, "unsupported configuration: the QEMU binary does not support the ISA panic device"},
  {"E414", {.machine = "virt", .devices = "<panic model='hyperv'/>", .arch = "aarch64"}, "unsupported configuration: only i686 and x86_64 guests support panic device of model 'hyperv'"},
  {"E414", {.machine = "pc", .devices = "<panic model='pseries'/>", .arch = "x86_64"}, "unsupported configuration: only pSeries guests support panic device of model 'pseries'"},
  {"E414", {.machine = "pc", .devices = "<panic model='s390'/>", .arch = "x86_64"}, "unsupported configuration: only S390 guests support panic device of model 's390'"},
  {"E414", {.machine = "pc", .devices = "<hostdev mode='subsystem' type='mdev' model='vfio-ccw'><source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source></hostdev>", .arch = "x86_64"}, "unsupported configuration: VFIO CCW device assignment is not supported by this version of QEMU"},
  {"E414", {.machine = "pc", .devices = "<hostdev mode='subsystem' type='mdev' model='vfio-ap'><source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source></hostdev>", .arch = "x86_64"}, "unsupported configuration: VFIO AP device assignment is not supported by this version of QEMU"},
  {"E414", {.machine = "virt", .devices = "<memory model='virtio-mem'><target><size>524288</size></target></memory>", .arch = "riscv64"}, "unsupported configuration: virtio-mem isn't supported by this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<memory model='virtio-pmem'><target><size>524288</size></target></memory>", .arch = "aarch64"}, "unsupported configuration: virtio-pmem isn't supported by this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<memory model='dimm'><target><size>524288</size></target></memory>", .arch = "riscv64"}, "unsupported configuration: memory hotplug isn't supported by this QEMU binary"},
  {"E414", {.machine = "virt", .devices = "<memory model='nvdimm'><target><size>524288</size></target></memory>", .arch = "riscv64"}, "unsupported configuration: nvdimm isn't supported by this QEMU binary"},
  {"E414", {.machine = "pc", .devices = "<serial type='pty'><target type='pci-serial'><model name='isa-serial'/></target></serial>"}, "unsupported configuration: Target model 'isa-serial' requires target type 'isa-serial'"},
  {"E414", {.machine = "pc", .devices = "<serial type='pty'><target type='spapr-vio-serial'/></serial>"}, "unsupported configuration: Serial device with target type 'spapr-vio-serial' and target model 'spapr-vty' not compatible with guest architecture or machine type"},
  {"E414", {.machine = "pc", .devices = "<serial type='pty'><target type='sclp-serial'/></serial>"}, "unsupported configuration: Serial device with target type 'sclp-serial' and target model 'sclpconsole' not compatible with guest architecture or machine type"},
  {"E414", {.machine = "pc", .devices = "<serial type='pty'><target type='system-serial'><model name='pl011'/></target></serial>"}, "unsupported configuration: Serial device with target type 'system-serial' and target model 'pl011' not compatible with guest architecture or machine type"},
  {"E415", {.devices = DISK("dev='fda' bus='sata'", "")}, "internal error: Invalid harddisk device name: fda"},
  {"E415", {.devices = FLOPPY("dev='sda'", "")}, "internal error: Invalid floppy device name: sda"},
  {"E415", {.devices = FLOPPY("dev='fda' bus='sata'", "")}, "internal error: Invalid bus type 'sata' for floppy disk"},
  {"E415", {.devices = DISK("dev='vda1'", "")}, "unsupported configuration: invalid disk target 'vda1', partitions can't appear in disk targets"},
  {"E416", {.devices = "<watchdog model='diag288'/>"}, "unsupported configuration: diag288 model of watchdog is allowed for s390 and s390x only"},
  {"E416", {.devices = "<input type='tablet' bus='ps2'/>"}, "internal error: ps2 bus does not support tablet input device"},
  {"E416", {.machine = "pseries", .devices = "<parallel type='pty'/>", .arch = "ppc64"}, "unsupported configuration: parallel ports are not supported"},
  {"E417", {.devices = "<console type='pty'><target type='virtio'/></console><console type='pty'/>"}, "unsupported configuration: Only the first console can be a serial port"},
  {"E418", {.machine = "sbsa-ref", .arch = "armv7l"}, "unsupported configuration: Emulator '/usr/bin/qemu-system-arm' does not support machine type 'sbsa-ref'"},
});
// clang-format on

#undef NIC
#undef DISK
#undef FLOPPY
#undef SCSI_HOST
#undef USB_HOST
#undef NVME

class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, SayWhatLibvirtSaysAndWhatWouldWork) {
  auto wish = read(GetParam().guest);
  ASSERT_TRUE(wish) << wish.error().message;
  const auto assigned = assign(std::move(*wish));
  ASSERT_FALSE(assigned) << "assigned, and should be refused";
  EXPECT_EQ(assigned.error().kind, ErrorKind::Refused);
  EXPECT_EQ(assigned.error().message, GetParam().message);
  EXPECT_EQ(assigned.error().rule, GetParam().rule);
  EXPECT_FALSE(assigned.error().remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(Libvirt, Refusals, testing::ValuesIn(kRefused));

}  // namespace
}  // namespace busproof::assign
