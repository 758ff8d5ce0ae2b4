#include "engine/domain/xml_canonical.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "engine/base/ascii.h"
#include "engine/base/text.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kUnits = {
    Unit{"b", 1},           Unit{"bytes", 1},         Unit{"KB", 1000},
    Unit{"k", 1ULL << 10U}, Unit{"KiB", 1ULL << 10U}, Unit{"MB", 1000ULL * 1000},
    Unit{"M", 1ULL << 20U}, Unit{"MiB", 1ULL << 20U}, Unit{"GB", 1000ULL * 1000 * 1000},
    Unit{"G", 1ULL << 30U}, Unit{"GiB", 1ULL << 30U}, Unit{"TB", 1000ULL * 1000 * 1000 * 1000},
    Unit{"T", 1ULL << 40U}, Unit{"TiB", 1ULL << 40U},
};

/// An attribute that says nothing where it has that value; without one it never says anything to the guest.
struct IdleAttribute {
  std::string_view element;  ///< empty: of any
  std::string_view attribute, value;
};
/// Source: what libvirt 9.0.0 fills in, and what its check of two definitions does not look at.
constexpr std::array kIdleAttributes = {
    IdleAttribute{"cpu", "mode", "custom"},   IdleAttribute{"cpu", "match", "exact"},
    IdleAttribute{"cpu", "check", {}},        IdleAttribute{"cpu", "migratable", "on"},
    IdleAttribute{"model", "fallback", {}},   IdleAttribute{"feature", "policy", "require"},
    IdleAttribute{"topology", "dies", "1"},   IdleAttribute{"cell", "unit", {}},
    IdleAttribute{"cell", "memory", {}},      IdleAttribute{"cell", "cpus", {}},
    IdleAttribute{"cell", "id", {}},          IdleAttribute{"hyperv", "mode", "custom"},
    IdleAttribute{"tseg", "unit", "MiB"},     IdleAttribute{"size", "unit", "KiB"},
    IdleAttribute{"timer", "tickpolicy", {}}, IdleAttribute{"timer", "track", {}},
    IdleAttribute{"msi", "ioeventfd", "on"},  IdleAttribute{{}, "state", "on"},
};

bool is_idle(xml_node element, pugi::xml_attribute attribute) {
  return std::ranges::any_of(kIdleAttributes, [&](const IdleAttribute& row) {
    return (row.element.empty() || row.element == element.name()) && row.attribute == attribute.name() &&
           (row.value.data() == nullptr || row.value == attribute.value());
  });
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<std::uint64_t> size_in_bytes(std::string_view text, std::string_view unit) {
  const auto number = unsigned_64(trimmed(text), Radix::Decimal);
  const auto row = std::ranges::find_if(
      kUnits, [&](const Unit& known) { return equal_ignoring_case(known.name, unit.empty() ? "KiB" : unit); });
  if (!number || row == kUnits.end()) return std::nullopt;
  return *number * row->bytes;
}

std::string canonical_attributes(xml_node element) {
  std::vector<std::string> parts;
  for (const pugi::xml_attribute attribute : element.attributes())
    if (!is_idle(element, attribute)) parts.push_back(fmt::format(" {}={}", attribute.name(), attribute.value()));
  std::ranges::sort(parts);
  return fmt::format("{}", fmt::join(parts, ""));
}

std::vector<std::string> canonical_parts(xml_node element, std::string_view without) {
  std::vector<std::string> parts;
  for (const xml_node child : element.children()) {
    if (child.type() == pugi::node_element && child.name() != without && !is_hidden(child))
      parts.push_back(fmt::format("<{}{}>", child.name(), canonical_content(child)));
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      const std::string_view words = trimmed(child.value());
      if (!words.empty()) parts.push_back(fmt::format(" {}", words));
    }
  }
  std::ranges::sort(parts);
  return parts;
}

std::string canonical_children(xml_node element, std::string_view without) {
  return fmt::format("{}", fmt::join(canonical_parts(element, without), ""));
}

std::string canonical_content(xml_node element, std::string_view without) {
  return canonical_attributes(element) + canonical_children(element, without);
}

}  // namespace busproof::domain
