#include "verify/change.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string>

#include "engine/base/text.h"
#include "verify/new_devices.h"

namespace busproof::verify {
namespace {

/// What stands behind the verb, a letter each: id, a device's row, a controller's row, or a number for a, b, c.
struct VerbRow {
  Verb verb;
  std::string_view word, arguments;
};
constexpr std::array kVerbs = {
    VerbRow{Verb::Add, "add", "id"},
    VerbRow{Verb::AddMany, "add-many", "idb"},
    VerbRow{Verb::AddController, "add-controller", "iCbc"},
    VerbRow{Verb::Remove, "remove", "i"},
    VerbRow{Verb::Replace, "replace", "i"},
    VerbRow{Verb::Edit, "edit", "id"},
    VerbRow{Verb::Reorder, "reorder", "a"},
    VerbRow{Verb::SetMultifunction, "set-multifunction", "i"},
    VerbRow{Verb::ClearMultifunction, "clear-multifunction", "i"},
    VerbRow{Verb::BusNr, "bus-nr", "ia"},
    VerbRow{Verb::Node, "node", "ia"},
    VerbRow{Verb::Model, "model", "iC"},
    VerbRow{Verb::Pin, "pin", "iabc"},
    VerbRow{Verb::Unpin, "unpin", "i"},
    VerbRow{Verb::Regenerate, "regenerate", ""},
    VerbRow{Verb::SaveAndLoad, "save-and-load", ""},
    VerbRow{Verb::LockAndApply, "lock-and-apply", ""},
    VerbRow{Verb::HotPlug, "hot-plug", "id"},
    VerbRow{Verb::Unplug, "unplug", "i"},
};
static_assert(kVerbs.size() == kVerbCount);

const VerbRow& row_of(Verb verb) { return *std::ranges::find(kVerbs, verb, &VerbRow::verb); }

/// The row of that name.
template <class Rows>
std::optional<std::uint32_t> named(const Rows& rows, const std::string& name) {
  for (std::uint32_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return i;
  return std::nullopt;
}

std::optional<std::uint32_t> read_argument(char kind, const std::string& word) {
  if (kind == 'd') return named(new_devices(), word);
  if (kind == 'C') return named(new_controllers(), word);
  return unsigned_32(word, Radix::Decimal);
}

std::uint32_t& field(Change& change, char kind) {
  if (kind == 'i') return change.id;
  if (kind == 'b') return change.b;
  return kind == 'c' ? change.c : change.a;
}

std::string written_argument(char kind, std::uint32_t value) {
  if (kind == 'd') return std::string(new_devices()[value % new_devices().size()].name);
  if (kind == 'C') return std::string(new_controllers()[value % new_controllers().size()].name);
  return std::to_string(value);
}

}  // namespace

std::string_view to_string(Verb verb) { return row_of(verb).word; }

std::string to_string(const Change& change) {
  Change copy = change;
  std::string text(row_of(change.verb).word);
  for (const char kind : row_of(change.verb).arguments) text += " " + written_argument(kind, field(copy, kind));
  return text;
}

Result<Change> parse_change(std::string_view line) {
  const auto unreadable = [&](std::string_view why) {
    return std::unexpected(Error{ErrorKind::Unreadable, "", fmt::format("'{}': {}", line, why), {}, {}, {}});
  };
  std::istringstream words{std::string(line)};
  std::string word;
  words >> word;
  const auto row = std::ranges::find(kVerbs, word, &VerbRow::word);
  if (row == kVerbs.end()) return unreadable("no such change");
  Change change{.verb = row->verb};
  for (const char kind : row->arguments) {
    if (!(words >> word)) return unreadable("something is missing at the end");
    const auto value = read_argument(kind, word);
    if (!value) return unreadable("'" + word + "' is not known");
    field(change, kind) = *value;
  }
  if (words >> word) return unreadable("'" + word + "' is too much");
  return change;
}

}  // namespace busproof::verify
