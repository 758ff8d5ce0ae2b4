#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

/// What may happen to a guest's config, one line of text each: "add 7 e1000", "pin 7 at 3 0 1", "reorder by 12345".
/// Devices are called by the number of their alias, ua-7; a change to one that is not there does nothing.
namespace busproof::verify {

enum class Verb : std::uint8_t {
  Add,                 ///< a device of row `a` of new_devices()
  AddMany,             ///< `b` of them, numbered on
  AddController,       ///< of row `a` of new_controllers(); `b`: its bus plus one, or 0, `c`: slot * 8 + function
  Remove,              ///< a device or a controller
  Replace,             ///< removed, and added back as it was
  Edit,                ///< the device becomes one of row `a`, and keeps its place
  Reorder,             ///< all devices, by seed `a`
  SetMultifunction,    ///< on where it sits
  ClearMultifunction,  ///< neither on nor off
  BusNr,               ///< of an expander: `a`, or none for 0
  Node,                ///< of an expander: `a`
  Model,               ///< of a controller: row `a` of new_controllers()
  Pin,                 ///< to bus `a`, slot `b`, function `c`
  Unpin,
  Regenerate,    ///< nothing is left of any place, as when a tool writes the config anew
  SaveAndLoad,   ///< through a file
  LockAndApply,  ///< its places are locked, it is written anew, and the lock is applied to that
  HotPlug,       ///< as Add, refused where it would need another controller
  Unplug,        ///< as Remove, refused while another function of its slot is in use
};
inline constexpr std::size_t kVerbCount = 19;
std::string_view to_string(Verb verb);

struct Change {
  Verb verb = Verb::Add;
  std::uint32_t id = 0;
  std::uint32_t a = 0, b = 0, c = 0;
  friend bool operator==(const Change&, const Change&) = default;
};

/// "hot-plug 12 e1000"
std::string to_string(const Change& change);
/// Errors: Unreadable, with the line.
Result<Change> parse_change(std::string_view line);

}  // namespace busproof::verify
