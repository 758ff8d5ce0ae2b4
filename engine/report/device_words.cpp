#include "engine/report/device_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/utf8.h"

namespace busproof::report {
namespace {

constexpr std::array<std::string_view, pci::kControllerModelNames.size()> kShortNames = {
    "pci-root",  "pcie-root",     "pci-bridge",      "dmi-to-pci",   "pcie-to-pci",
    "root-port", "upstream-port", "downstream-port", "pci-expander", "pcie-expander",
};

/// Code points that take two columns, roughly: East Asian scripts and pictures.
constexpr std::array<std::pair<char32_t, char32_t>, 8> kWide = {{{0x1100, 0x115f},
                                                                 {0x2e80, 0xa4cf},
                                                                 {0xac00, 0xd7a3},
                                                                 {0xf900, 0xfaff},
                                                                 {0xfe30, 0xfe6f},
                                                                 {0xff00, 0xff60},
                                                                 {0x1f300, 0x1faff},
                                                                 {0x20000, 0x3fffd}}};

constexpr bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// One character of UTF-8 text; a malformed byte is one character.
struct Glyph {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

Glyph glyph_at(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && end < at + 4 && continues(text[end])) ++end;
  const auto lead = static_cast<unsigned char>(text[at]);
  char32_t point = lead < 0x80U ? lead : lead & (end - at == 2 ? 0x1FU : end - at == 3 ? 0x0FU : 0x07U);
  for (std::size_t i = at + 1; i < end; ++i) point = point << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  const bool wide =
      std::ranges::any_of(kWide, [&](auto range) { return range.first <= point && point <= range.second; });
  return {end - at, wide ? 2U : 1U};
}

template <class Number>
void add(std::vector<std::string>& words, std::string_view format, std::optional<Number> value) {
  if (value) words.push_back(fmt::format(fmt::runtime(format), *value));
}

}  // namespace

std::string_view short_name(pci::ControllerModel model) { return kShortNames[static_cast<std::size_t>(model)]; }

std::vector<std::string> device_names(const domain::Domain& domain) {
  std::array<std::size_t, domain::kDeviceKindCount> count{};
  std::vector<std::string> names;
  names.reserve(domain.devices.size());
  for (const domain::Device& device : domain.devices)
    names.push_back(printable(display_name(device, ++count[static_cast<std::size_t>(device.kind)])));
  return names;
}

std::vector<std::string> device_details(const domain::Device& device) {
  std::vector<std::string> words;
  const bool named_by_alias = !device.alias.empty();
  if (named_by_alias && !device.mac.empty()) words.push_back(device.mac);
  if (!device.target.empty() && (named_by_alias || !device.mac.empty())) words.push_back(device.target);
  if (named_by_alias && device.controller) words.emplace_back(to_string(device.controller->type));
  if (!device.model.empty()) words.push_back(device.model);
  if (device.model.empty() && !device.bus.empty()) words.push_back(device.bus);
  if (!device.host_address && device.kind == domain::DeviceKind::Hostdev) words.push_back(device.source);
  if (device.host_address) words.push_back("host " + to_string(*device.host_address));
  if (const auto* pci = std::get_if<domain::PciAddress>(&device.address)) {
    add(words, "uid {:#06x}", pci->zpci.uid);
    add(words, "fid {:#010x}", pci->zpci.fid);
  }
  for (std::string& word : words) word = printable(word);
  std::erase(words, "");
  return words;
}

std::vector<std::string> target_details(const domain::PciTarget& target) {
  std::vector<std::string> words;
  add(words, "index {}", target.index);
  add(words, "chassisNr {}", target.chassis_nr);
  add(words, "chassis {}", target.chassis);
  add(words, "port {:#x}", target.port);
  add(words, "busNr {}", target.bus_nr);
  if (target.hotplug == domain::Switch::Off) words.emplace_back("hotplug off");
  return words;
}

std::vector<std::string> controller_details(const domain::Device& controller, bool node_is_told) {
  const domain::PciTarget& target = controller.controller->target;
  std::vector<std::string> words = target_details(target);
  if (target.node) words.push_back(fmt::format("node {}{}", *target.node, node_is_told ? "" : " (not seen: no acpi)"));
  if (!controller.alias.empty()) words.push_back(printable(controller.alias));
  return words;
}

std::string free_text(const std::vector<std::uint8_t>& slots) {
  std::string text = fmt::format("{} free: ", slots.size());
  for (std::size_t first = 0; first < slots.size();) {
    std::size_t last = first;
    while (last + 1 < slots.size() && slots[last + 1] == slots[last] + 1) ++last;
    if (first > 0) text += ", ";
    text +=
        first == last ? fmt::format("{:02x}", slots[first]) : fmt::format("{:02x}-{:02x}", slots[first], slots[last]);
    first = last + 1;
  }
  return text;
}

std::string printable(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) return std::string(text);
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    // U+0080 to U+009F: terminals take them for commands too.
    const bool is_command = code < 0x20 || (code >= 0x7F && code < 0xA0);
    if (length == 0)
      clean += "\uFFFD";
    else
      clean += is_command ? std::string_view("?") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

std::size_t column_count(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Glyph glyph = glyph_at(text, at);
    columns += glyph.columns;
    at += glyph.bytes;
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns, std::string_view mark) {
  if (column_count(text) <= columns) return std::string(text);
  const std::size_t room = columns - std::min(columns, column_count(mark));
  std::size_t end = 0;
  for (std::size_t used = 0; end < text.size();) {
    const Glyph glyph = glyph_at(text, end);
    used += glyph.columns;
    if (used > room) break;
    end += glyph.bytes;
  }
  return std::string(text.substr(0, end)).append(mark);
}

}  // namespace busproof::report
