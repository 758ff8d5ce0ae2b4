#pragma once

#include <rapidcheck/gen/Arbitrary.h>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

/// Random domains for libvirt and busproof to answer. A sketch is what a user might have written: mostly right, often
/// close to a limit, now and then wrong, and wrong about places rather than about anything else.
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

/// Which machines the sketches are of.
enum class Machines : std::uint8_t { X86, NonX86 };

/// One sketch; the same for the same seed. `size` bounds how much is in it: 100 is as large as RapidCheck asks for.
SketchedDomain sketch_domain(std::uint64_t seed, int size, Machines machines);

/// Sketches that are somewhat smaller, the greatest step first: without some devices, without an address, without one
/// attribute of an address or target. What remains stays a domain that libvirt can read.
std::vector<SketchedDomain> smaller(const SketchedDomain& sketch);

/// The sketch as a file that `virsh define` takes. Its name is always "sketch".
std::string to_xml(const SketchedDomain& sketch);

rc::Gen<SketchedDomain> domains(Machines machines);

/// Prints the XML, for RapidCheck.
void showValue(const SketchedDomain& sketch, std::ostream& out);

}  // namespace busproof::verify

template <>
struct rc::Arbitrary<busproof::verify::SketchedDomain> {
  static rc::Gen<busproof::verify::SketchedDomain> arbitrary() {
    return busproof::verify::domains(busproof::verify::Machines::X86);
  }
};
