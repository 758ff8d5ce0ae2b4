#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/topology/machine_rules.h"

/// Which types of address each kind of device may have: a device that no row fits may have any (spec 1.5, 7.4).
namespace busproof::assign {

/// The alternatives of domain::DeviceAddress, in their order.
enum class AddressType : std::uint8_t {
  None,
  Pci,
  Drive,
  VirtioSerial,
  Ccid,
  Usb,
  SpaprVio,
  VirtioS390,
  Ccw,
  VirtioMmio,
  Isa,
  Dimm,
  Unassigned,
};
using AddressTypes = topology::EnumSet<AddressType>;

constexpr AddressType type_of(const domain::DeviceAddress& address) {
  return static_cast<AddressType>(address.index());
}

/// When libvirt looks: before it gives out addresses; then, once all are known, at the domain as a whole, at each
/// device in its common code, and at each device in its QEMU driver.
enum class When : std::uint8_t { Before, Whole, Common, Driver };
inline constexpr std::size_t kWhenCount = 4;

struct AddressRule {
  When when;
  domain::DeviceKind kind;
  /// What sorts devices of one kind before their model does (see topology::subject_of); empty fits any.
  std::string_view subject;
  std::string_view model;  ///< empty fits any
  AddressTypes may_have;
  std::string_view refusal;  ///< libvirt's text; {address} {model} {subject} {target} stand for what the device has
};

// clang-format off
inline constexpr auto kAddressRules = [] {
  using enum When;
  using enum domain::DeviceKind;
  using enum AddressType;
  return std::to_array<AddressRule>({
    // when   kind       subject            model          may have                  refusal
    {Before, Hostdev,   "mdev",            "vfio-pci",    {None, Pci},              "XML error: Unsupported address type '{address}' with mediated device model '{model}'"},
    {Before, Hostdev,   "mdev",            "vfio-ccw",    {None, Ccw},              "XML error: Unsupported address type '{address}' with mediated device model '{model}'"},
    {Whole,  Panic,     "",                "s390",        {None},                   "unsupported configuration: setting the panic device address is not supported for model '{model}'"},
    {Whole,  Panic,     "",                "hyperv",      {None},                   "unsupported configuration: setting the panic device address is not supported for model '{model}'"},
    {Whole,  Panic,     "",                "pseries",     {None},                   "unsupported configuration: setting the panic device address is not supported for model '{model}'"},
    {Whole,  Panic,     "",                "isa",         {None, Isa},              "unsupported configuration: panic is supported only with ISA address type"},
    {Whole,  Memory,    "",                "virtio-pmem", {None, Pci},              "unsupported configuration: only 'pci' addresses are supported for the virtio-pmem device"},
    {Whole,  Memory,    "",                "virtio-mem",  {None, Pci},              "unsupported configuration: only 'pci' addresses are supported for the virtio-mem device"},
    {Common, Disk,      "ide",             "",            {None, Drive},            "unsupported configuration: Invalid address type '{address}' for the disk '{target}' with the bus type '{subject}'"},
    {Common, Disk,      "fdc",             "",            {None, Drive},            "unsupported configuration: Invalid address type '{address}' for the disk '{target}' with the bus type '{subject}'"},
    {Common, Disk,      "scsi",            "",            {None, Drive},            "unsupported configuration: Invalid address type '{address}' for the disk '{target}' with the bus type '{subject}'"},
    {Common, Disk,      "sata",            "",            {None, Drive},            "unsupported configuration: Invalid address type '{address}' for the disk '{target}' with the bus type '{subject}'"},
    {Common, Interface, "hostdev",         "",            {None, Pci, Unassigned},  "internal error: PCI host devices must use 'pci' or 'unassigned' address type"},
    {Common, Hostdev,   "pci",             "",            {None, Pci, Unassigned},  "internal error: PCI host devices must use 'pci' or 'unassigned' address type"},
    {Common, Hostdev,   "scsi",            "",            {None, Drive},            "unsupported configuration: SCSI host device must use 'drive' address type"},
    {Common, Hostdev,   "scsi_host",       "",            {None, Pci, Ccw},         "unsupported configuration: SCSI_host host device must use 'pci' or 'ccw' address type"},
    {Common, Hostdev,   "usb",             "",            {None, Usb},              "unsupported configuration: USB host device must use 'usb' address type"},
    {Common, Video,     "",                "ramfb",       {None},                   "unsupported configuration: address not supported for video type ramfb"},
    {Common, Smartcard, "",                "",            {None, Ccid},             "unsupported configuration: Controllers must use the 'ccid' address type"},
    {Common, Memory,    "",                "sgx-epc",     {None},                   "unsupported configuration: memory device address is not supported for model '{model}'"},
    {Common, Iommu,     "",                "intel",       {None},                   "XML error: iommu model '{model}' can't have address"},
    {Common, Iommu,     "",                "smmuv3",      {None},                   "XML error: iommu model '{model}' can't have address"},
    {Driver, Disk,      "usb",             "",            {None, Usb},              "internal error: unexpected address type for usb disk"},
    {Driver, Serial,    "isa-serial",      "",            {None, Isa},              "unsupported configuration: Target type '{subject}' requires address type 'isa'"},
    {Driver, Serial,    "isa-debug",       "",            {None, Isa},              "unsupported configuration: Target type '{subject}' requires address type 'isa'"},
    {Driver, Serial,    "usb-serial",      "",            {None, Usb},              "unsupported configuration: Target type '{subject}' requires address type 'usb'"},
    {Driver, Serial,    "pci-serial",      "",            {None, Pci},              "unsupported configuration: Target type '{subject}' requires address type 'pci'"},
    {Driver, Serial,    "spapr-vio-serial","",            {None, SpaprVio},         "unsupported configuration: Target type '{subject}' requires address type 'spapr-vio'"},
    {Driver, Serial,    "system-serial",   "",            {None},                   "unsupported configuration: Target type '{subject}' cannot have an associated address"},
    {Driver, Serial,    "sclp-serial",     "",            {None},                   "unsupported configuration: Target type '{subject}' cannot have an associated address"},
    {Driver, Watchdog,  "",                "i6300esb",    {None, Pci},              "unsupported configuration: {model} model of watchdog can go only on PCI bus"},
    {Driver, Watchdog,  "",                "ib700",       {None},                   "unsupported configuration: {model} model of watchdog does not support configuring the address"},
    {Driver, Watchdog,  "",                "diag288",     {None},                   "unsupported configuration: {model} model of watchdog is virtual and cannot go on any bus."},
    {Driver, Iommu,     "",                "virtio",      {None, Pci},              "unsupported configuration: IOMMU device: '{model}' needs a PCI address"},
  });
}();
// clang-format on

/// Errors: E114 when a row of that time fits the device and its address is of another type. The error names no device.
Result<void> check_address_type(const domain::Device& device, When when);

}  // namespace busproof::assign
