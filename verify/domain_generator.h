#pragma once

#include <rapidcheck/gen/Arbitrary.h>

#include <cstdint>

#include "verify/domain_sketch.h"

/// Random domains for libvirt and busproof to answer. A sketch is what a user might have written: mostly right, often
/// close to a limit, now and then wrong, and wrong about places rather than about anything else.
namespace busproof::verify {

/// Which machines the sketches are of.
enum class Machines : std::uint8_t { X86, NonX86 };

/// One sketch; the same for the same seed. `size` bounds how much is in it: 100 is as large as RapidCheck asks for.
SketchedDomain sketch_domain(std::uint64_t seed, int size, Machines machines);

rc::Gen<SketchedDomain> domains(Machines machines);

}  // namespace busproof::verify

template <>
struct rc::Arbitrary<busproof::verify::SketchedDomain> {
  static rc::Gen<busproof::verify::SketchedDomain> arbitrary() {
    return busproof::verify::domains(busproof::verify::Machines::X86);
  }
};
