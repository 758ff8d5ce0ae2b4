#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/domain/markup_writer.h"

/// XML that is not there yet: what libvirt 9.0.0 would print for an address, a controller, a device.
namespace busproof::domain {

/// Names and values of an element's own attributes, in the order in which they are written.
using Attributes = std::vector<std::pair<std::string_view, std::string>>;

/// Whether an `<address>` is printed: not for virtio-s390, nor for a PCI address that is empty.
bool is_written(const DeviceAddress& address);
void write_address(MarkupWriter& writer, const DeviceAddress& address);
Attributes address_attributes(const DeviceAddress& address);

/// The numbers of a PCI address: how they are called, with how many digits they are written, and what they are.
struct PciNumber {
  const char* name;
  unsigned digits;
};
inline constexpr std::array kPciNumbers = {PciNumber{"domain", 4}, PciNumber{"bus", 2}, PciNumber{"slot", 2},
                                           PciNumber{"function", 1}};
inline std::array<std::uint32_t, kPciNumbers.size()> numbers_of(const pci::GuestAddress& address) {
  return {address.segment(), address.bus(), address.slot(), address.function()};
}
/// "0x001f", with at least that many digits.
std::string hexadecimal_text(std::uint64_t value, unsigned digits_min);

/// `<zpci …/>` with the uid and fid that are there.
void write_zpci(MarkupWriter& writer, const ZpciIds& ids);
Attributes zpci_attributes(const ZpciIds& ids);

/// `<target …>` of a PCI controller.
void write_target(MarkupWriter& writer, const PciTarget& target);
Attributes target_attributes(const PciTarget& target);

/// `<model name='…'/>` of a PCI controller.
void write_model_name(MarkupWriter& writer, std::string_view model_name);

/// `<node>1</node>`.
void write_node(MarkupWriter& writer, int node);

/// Whether a device that libvirt added, or that was kept from an earlier config, is printed: not those that mean
/// nothing to the guest's buses, such as PS/2 inputs, fdc and ccid controllers.
bool is_written(const Device& device);
void write_device(MarkupWriter& writer, const Device& device);

}  // namespace busproof::domain
