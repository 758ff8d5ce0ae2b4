#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/domain/domain.h"

/// XML that is not there yet: what libvirt 9.0.0 would print for an address, a controller, a device.
namespace busproof::domain {

/// An element to be written. Values hold nothing that needs escaping.
struct Markup {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> attributes{};
  std::vector<Markup> children{};
  std::string text{};  ///< between the tags of one that has no children
};

/// How the document around is written.
struct MarkupStyle {
  char quote = '\'';
  std::string unit;  ///< one step of indentation; empty on one line
};

/// `<name a='b'/>`, or `<name …>…</name>` with its children on lines of their own when `separator` holds a line end.
/// `separator` is what stands before the element: the line end and the indentation.
std::string rendered(const Markup& markup, std::string_view separator, const MarkupStyle& style);
/// The separator and that, appended to the text.
void append_rendered(std::string& text, const Markup& markup, std::string_view separator, const MarkupStyle& style);

/// The `<address>` with its numbers. Nothing for virtio-s390, and for a PCI address that is empty.
std::optional<Markup> address_markup(const DeviceAddress& address);

/// "0x0000", "0x00", "0x00", "0x0": domain, bus, slot and function.
std::vector<std::pair<std::string_view, std::string>> pci_numbers(const pci::GuestAddress& address);

/// The uid and fid that are there.
std::vector<std::pair<std::string_view, std::string>> zpci_numbers(const ZpciIds& ids);

/// The attributes of `<target>` that are there.
std::vector<std::pair<std::string_view, std::string>> target_attributes(const PciTarget& target);

/// `<node>1</node>`.
Markup node_markup(int node);

/// A device that libvirt added, or that was kept from an earlier config. Nothing for those that mean nothing to the
/// guest's buses: PS/2 inputs, fdc and ccid controllers and the like.
std::optional<Markup> device_markup(const Device& device);

}  // namespace busproof::domain
