#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

/// A domain as a random one is made, made smaller and written down: elements and attributes, whatever they mean.
namespace busproof::verify {

struct SketchedAttribute {
  std::string name;
  std::string value;
};

struct SketchedElement {
  std::string name;
  std::vector<SketchedAttribute> attributes;
  std::vector<SketchedElement> children;
  std::string text{};  ///< what stands between the tags when there are no children
};

struct SketchedDomain {
  std::string arch;
  std::string machine;
  std::uint32_t numa_cells = 0;
  bool has_acpi = true;
  std::vector<SketchedElement> devices;
};

/// Sketches that are somewhat smaller, the greatest step first: without some devices, without an address, without one
/// attribute of an address or target. What remains stays a domain that libvirt can read.
std::vector<SketchedDomain> smaller(const SketchedDomain& sketch);

/// The sketch as a file that `virsh define` takes. Its name is always "sketch".
std::string to_xml(const SketchedDomain& sketch);

/// Prints the XML, for RapidCheck.
void showValue(const SketchedDomain& sketch, std::ostream& out);

}  // namespace busproof::verify
