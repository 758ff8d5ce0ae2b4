#include "engine/report/pci_names.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace busproof::report {
namespace {

/// One line: how far it is indented, the number that it begins with, and the name behind it.
struct Line {
  std::size_t depth = 0;
  bool of_class = false;  ///< "C 02  Network controller"
  std::uint32_t number = 0;
  std::string_view name;
};

std::optional<Line> line_of(std::string_view text) {
  Line line;
  while (text.starts_with('\t')) {
    ++line.depth;
    text.remove_prefix(1);
  }
  if (text.starts_with("C ")) {
    line.of_class = true;
    text.remove_prefix(2);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line.number, 16);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || digits > 4 || !text.substr(digits).starts_with("  ")) return std::nullopt;
  line.name = text.substr(digits + 2);
  return line;
}

template <class Map, class Key>
std::string name_in(const Map& names, Key key) {
  const auto found = names.find(key);
  return found == names.end() ? std::string() : found->second;
}

constexpr std::uint32_t device_key(std::uint32_t vendor, std::uint32_t device) { return vendor << 16U | device; }

}  // namespace

PciNames PciNames::parse(std::string_view text) {
  PciNames names;
  Line above;  // the vendor or base class that indented lines belong to
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto line = line_of(text.substr(at, end - at));
    at = end + 1;
    if (!line) continue;
    const std::string name(line->name);
    if (line->depth == 0) above = *line;
    if (line->depth == 0 && line->of_class)
      names.base_classes_.emplace(static_cast<std::uint8_t>(line->number), name);
    else if (line->depth == 0)
      names.vendors_.emplace(static_cast<std::uint16_t>(line->number), name);
    else if (line->depth == 1 && above.of_class)
      names.classes_.emplace(static_cast<std::uint16_t>(above.number << 8U | line->number), name);
    else if (line->depth == 1)
      names.devices_.emplace(device_key(above.number, line->number), name);
  }
  return names;
}

std::string PciNames::vendor(std::uint16_t vendor) const { return name_in(vendors_, vendor); }

std::string PciNames::device(std::uint16_t vendor, std::uint16_t device) const {
  return name_in(devices_, device_key(vendor, device));
}

std::string PciNames::device_class(std::uint32_t class_code) const {
  const std::string name = name_in(classes_, static_cast<std::uint16_t>(class_code >> 8U));
  return name.empty() ? name_in(base_classes_, static_cast<std::uint8_t>(class_code >> 16U)) : name;
}

}  // namespace busproof::report
