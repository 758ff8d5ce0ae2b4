#include "verify/domain_sketch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string_view>
#include <utility>

namespace busproof::verify {
namespace {

// --- shrinking ---

/// Whether the child says something about places that a domain can do without.
bool may_go(const SketchedElement& parent, const SketchedElement& child) {
  if (child.name == "address" || child.name == "alias" || child.name == "acpi" || child.name == "zpci" ||
      child.name == "node")
    return true;
  return parent.name == "controller" && (child.name == "target" || child.name == "model");
}

/// The same for an attribute.
bool may_go(const SketchedElement& owner, const SketchedAttribute& attribute_of) {
  if (owner.name == "address") return attribute_of.name != "type";
  if (owner.name == "target")
    return attribute_of.name != "dev" && attribute_of.name != "type" && attribute_of.name != "dir" &&
           attribute_of.name != "name" && attribute_of.name != "bus";
  if (owner.name == "controller") return attribute_of.name == "ports";
  return owner.name == "model" && attribute_of.name == "primary";
}

void add_smaller_elements(const SketchedElement& whole, std::vector<SketchedElement>& smaller_ones) {
  for (std::size_t i = 0; i < whole.children.size(); ++i) {
    if (!may_go(whole, whole.children[i])) continue;
    SketchedElement less = whole;
    less.children.erase(less.children.begin() + static_cast<std::ptrdiff_t>(i));
    smaller_ones.push_back(std::move(less));
  }
  for (std::size_t i = 0; i < whole.attributes.size(); ++i) {
    if (!may_go(whole, whole.attributes[i])) continue;
    SketchedElement less = whole;
    less.attributes.erase(less.attributes.begin() + static_cast<std::ptrdiff_t>(i));
    smaller_ones.push_back(std::move(less));
  }
  for (std::size_t i = 0; i < whole.children.size(); ++i) {
    if (whole.children[i].name == "source") continue;
    std::vector<SketchedElement> smaller_children;
    add_smaller_elements(whole.children[i], smaller_children);
    for (SketchedElement& child : smaller_children) {
      SketchedElement less = whole;
      less.children[i] = std::move(child);
      smaller_ones.push_back(std::move(less));
    }
  }
}

// --- printing ---

void print(const SketchedElement& whole, std::size_t depth, std::string& text) {
  const std::string indent(2 * depth, ' ');
  text += fmt::format("{}<{}", indent, whole.name);
  for (const SketchedAttribute& each : whole.attributes) text += fmt::format(" {}='{}'", each.name, each.value);
  if (whole.children.empty() && whole.text.empty()) {
    text += "/>\n";
  } else if (whole.children.empty()) {
    text += fmt::format(">{}</{}>\n", whole.text, whole.name);
  } else {
    text += ">\n";
    for (const SketchedElement& child : whole.children) print(child, depth + 1, text);
    text += fmt::format("{}</{}>\n", indent, whole.name);
  }
}

bool has_device(const SketchedDomain& sketch, std::string_view name) {
  return std::ranges::any_of(sketch.devices, [name](const SketchedElement& device) { return device.name == name; });
}

std::string numa_cells(const SketchedDomain& sketch) {
  if (sketch.numa_cells == 0) return {};
  std::string cells;
  for (std::uint32_t i = 0; i < sketch.numa_cells; ++i)
    cells += fmt::format("      <cell id='{0}' cpus='{0}' memory='262144' unit='KiB'/>\n", i);
  return "  <cpu>\n    <numa>\n" + cells + "    </numa>\n  </cpu>\n";
}

}  // namespace

std::vector<SketchedDomain> smaller(const SketchedDomain& sketch) {
  std::vector<SketchedDomain> sketches;
  const std::size_t count = sketch.devices.size();
  for (std::size_t length = count; length > 0; length /= 2) {
    for (std::size_t begin = 0; begin < count; begin += length) {
      SketchedDomain less = sketch;
      const auto first = less.devices.begin() + static_cast<std::ptrdiff_t>(begin);
      less.devices.erase(first, first + static_cast<std::ptrdiff_t>(std::min(length, count - begin)));
      sketches.push_back(std::move(less));
    }
  }
  if (sketch.numa_cells > 0 && !has_device(sketch, "memory")) {
    sketches.push_back(sketch);
    --sketches.back().numa_cells;
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<SketchedElement> smaller_devices;
    add_smaller_elements(sketch.devices[i], smaller_devices);
    for (SketchedElement& device : smaller_devices) {
      sketches.push_back(sketch);
      sketches.back().devices[i] = std::move(device);
    }
  }
  return sketches;
}

std::string to_xml(const SketchedDomain& sketch) {
  const std::uint32_t cells = std::max(sketch.numa_cells, 1U);
  std::string text = "<domain type='qemu'>\n  <name>sketch</name>\n";
  if (has_device(sketch, "memory")) text += "  <maxMemory slots='32' unit='KiB'>67108864</maxMemory>\n";
  text += fmt::format("  <memory unit='KiB'>{}</memory>\n", cells * 262144);
  // A shared file system needs memory that it can share.
  if (has_device(sketch, "filesystem"))
    text += "  <memoryBacking>\n    <source type='memfd'/>\n    <access mode='shared'/>\n  </memoryBacking>\n";
  text += fmt::format("  <vcpu>{}</vcpu>\n", cells);
  text += fmt::format("  <os>\n    <type arch='{}' machine='{}'>hvm</type>\n  </os>\n", sketch.arch, sketch.machine);
  if (sketch.has_acpi && sketch.arch == "x86_64") text += "  <features>\n    <acpi/>\n  </features>\n";
  text += numa_cells(sketch);
  text += "  <devices>\n";
  for (const SketchedElement& device : sketch.devices) print(device, 2, text);
  return text + "  </devices>\n</domain>\n";
}

void showValue(const SketchedDomain& sketch, std::ostream& out) { out << '\n' << to_xml(sketch); }

}  // namespace busproof::verify
