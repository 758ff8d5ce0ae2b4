#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/domain/placed_domain.h"

namespace busproof::report {

enum class Glyphs : std::uint8_t { Utf8, Ascii };
enum class Colour : std::uint8_t { Never, Always };

struct TreeStyle {
  std::size_t columns_max = 100;  ///< a line that would be longer is cut off
  Glyphs glyphs = Glyphs::Utf8;
  Colour colour = Colour::Never;
};

/// The guest's buses, in the order in which its firmware goes over them. Left what the guest calls each device, right
/// of it the slot and function that the XML says:
///
///     web01: pc-q35-7.2, 3 buses, 2 devices
///     00       bus 0 → 00  pcie-root
///     00:01.0  ├─ 01.0  bus 1 → 01  root-port, chassis 1, port 0x8, multifunction
///     01:00.0  │  └─ 00.0  interface 52:54:00:aa:00:01, virtio
///     00:01.1  ├─ 01.1  bus 2 → 02  root-port, chassis 2, port 0x9, empty
///     00:1f.2  ├─ 1f.2  controller sata 0
///              └─ 29 free: 02-1e
///
/// What the guest does not have says "lost", and why at the end.
std::string tree_text(const domain::PlacedDomain& placed, const TreeStyle& style);

}  // namespace busproof::report
