#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/xml_document.h"

namespace busproof {

/// A guest in the language of its users, for tests: what stands in `<devices>`, and on which machine.
struct Guest {
  std::string_view machine = "q35";
  std::string_view devices = {};
  std::string_view head = {};  ///< further children of `<domain>`: features, cpu
  std::string_view arch = "x86_64";
};

inline std::string xml_of(const Guest& guest) {
  return fmt::format(
      "<domain type='qemu'><name>guest</name><memory>262144</memory><os><type arch='{}' machine='{}'>hvm</type></os>"
      "{}<devices>{}</devices></domain>",
      guest.arch, guest.machine, guest.head, guest.devices);
}

inline Result<domain::Domain> read(const Guest& guest) {
  auto document = domain::XmlDocument::parse(xml_of(guest));
  if (!document) return std::unexpected(document.error());
  return domain::read_domain(*document);
}

/// The devices of one kind, in the domain's order.
inline std::vector<domain::Device> of_kind(const domain::Domain& domain, domain::DeviceKind kind) {
  std::vector<domain::Device> found;
  for (const domain::Device& device : domain.devices)
    if (device.kind == kind) found.push_back(device);
  return found;
}

/// "usb 0 piix3-uhci, pci 0 pci-root": the controllers in the domain's order.
inline std::string controllers_of(const domain::Domain& domain) {
  std::string text;
  for (const domain::Device& device : of_kind(domain, domain::DeviceKind::Controller)) {
    const domain::Controller& controller = *device.controller;
    text += fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", to_string(controller.type),
                        controller.index.value_or(9999), device.model.empty() ? "" : " ", device.model);
  }
  return text;
}

}  // namespace busproof
