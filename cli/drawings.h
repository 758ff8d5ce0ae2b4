#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "cli/exit_code.h"
#include "engine/base/finding.h"
#include "viz/graph.h"

/// What `render` draws: from files and hosts to graphs.
namespace busproof::cli {

struct Drawing {
  std::string file;  ///< as messages call it
  std::string name;  ///< of the domain or host
  viz::Graph graph;
  Findings findings{};  ///< with Content::Page
  std::string tree{};   ///< the same: of a guest, or the functions of a host as a list
};

/// Why there is no drawing.
struct NoDrawing {
  std::string file;
  std::string message;  ///< for stderr
  ExitCode code{};
};

using DrawingResult = std::expected<Drawing, NoDrawing>;

enum class Content : std::uint8_t { Picture, Page };

/// A config as libvirt would complete it; "-" is standard input.
DrawingResult draw_config(const std::string& file, Content content);

/// What the guest of the one would notice as that of the other.
DrawingResult draw_difference(const std::string& old_file, const std::string& new_file, Content content);

/// The host that the file records; this one where the name is empty.
DrawingResult draw_host(const std::string& file, Content content);

}  // namespace busproof::cli
