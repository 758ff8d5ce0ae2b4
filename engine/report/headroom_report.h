#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/assign/headroom.h"

namespace busproof::report {

/// A class's headroom, and what would make more.
struct HeadroomRow {
  assign::ClassHeadroom room;
  std::optional<assign::MoreRoom> more_cold{}, more_hot{};
};

struct HeadroomReport {
  std::string_view file;
  std::string_view domain;  ///< its name
  std::vector<HeadroomRow> rows;
};

/// One paragraph a class:
///
///     web01.xml: web01
///       pcie-endpoint  cold 236, hot 1
///         cold: slot: internal error: a PCI slot is needed …
///         hot: port: every root and downstream port has its device
///         for hot 2 add:
///           <controller type='pci' index='7' model='pcie-root-port'>…
std::string headroom_text(const HeadroomReport& report);

/// The same as one JSON object, by kHeadroomSchema, without a final newline.
std::string headroom_json(const HeadroomReport& report);

/// The same of a file that has no headroom: file, error, and no classes.
std::string headroom_json(const Error& error, std::string_view text, std::string_view file);

}  // namespace busproof::report
