#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Changes of a definition as somebody might make them, one at a time.
namespace busproof::verify {

/// The text of a domain, laid out as libvirt prints it, with one random change; the same for the same seed. Another
/// number, another word in the place of one, an element or device less, twice, or in the place of its neighbour.
std::string mutated(std::string_view xml, std::uint64_t seed);

}  // namespace busproof::verify
