#include "engine/report/tree_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/report/device_words.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "engine/topology/controller_rules.h"

namespace busproof::report {
namespace {

using topology::GuestBus;
using topology::Occupant;

struct GlyphSet {
  std::string_view branch, last, bar, gap, arrow, cut;
};
constexpr std::array kGlyphSets = {
    GlyphSet{"├─ ", "└─ ", "│  ", "   ", "→", "…"},
    GlyphSet{"|- ", "`- ", "|  ", "   ", "->", "..."},
};

constexpr std::size_t kGuestColumns = 9;     // "00:01.0  "
constexpr std::size_t kTextColumnsMin = 48;  // what a deep tree leaves for the device itself

enum class Mood : std::uint8_t { Plain, Bus, Quiet, Lost };
constexpr std::array<std::string_view, 4> kMoodCodes = {"", "\x1b[1m", "\x1b[2m", "\x1b[31m"};

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

class TreeText {
 public:
  TreeText(const domain::PlacedDomain& placed, const TreeStyle& style)
      : placed_(placed),
        domain_(placed.domain()),
        style_(style),
        glyphs_(kGlyphSets[static_cast<std::size_t>(style.glyphs)]),
        buses_(topology::buses_of(domain_)),
        numbers_(topology::number_buses(buses_)),
        names_(device_names(domain_)),
        drawn_(buses_.all.size(), false) {}

  std::string draw() {
    draw_heading();
    for (std::size_t i = 0; i < buses_.all.size(); ++i)
      if (!buses_.all[i].parent) draw_root(i);
    // Buses whose controllers sit on each other hang below no root.
    for (std::size_t i = 0; i < buses_.all.size(); ++i)
      if (!drawn_[i]) draw_root(i);
    draw_losses();
    return std::move(text_);
  }

 private:
  void draw_heading() {
    std::size_t device_count = 0;
    for (const GuestBus& bus : buses_.all)
      device_count += static_cast<std::size_t>(
          std::ranges::count_if(bus.occupants, [](const Occupant& occupant) { return !occupant.makes; }));
    add_whole_line(
        fmt::format("{}: {}, {} bus{}, {} device{}", printable(domain_.name), printable(domain_.machine),
                    buses_.all.size(), buses_.all.size() == 1 ? "" : "es", device_count, device_count == 1 ? "" : "s"),
        Mood::Bus);
    if (buses_.all.empty()) add_whole_line("no PCI bus", Mood::Plain);
  }

  void draw_root(std::size_t bus) {
    const auto number = numbers_.number[bus];
    add_line(number         ? fmt::format("{:02x}", *number)
             : is_lost(bus) ? "lost"
                            : "",
             "", bus_text(bus, nullptr), is_lost(bus) ? Mood::Lost : Mood::Bus);
    draw_below(bus, "");
  }

  void draw_below(std::size_t bus, const std::string& prefix) {
    drawn_[bus] = true;
    const GuestBus& self = buses_.all[bus];
    const auto free = topology::free_slots(buses_, bus);
    const bool says_free = !free.empty() && !is_single(bus);
    for (std::size_t i = 0; i < self.occupants.size(); ++i)
      draw_occupant(bus, self.occupants[i], prefix, i + 1 == self.occupants.size() && !says_free);
    if (says_free) add_line("", prefix + std::string(glyphs_.last), free_text(free), Mood::Quiet);
  }

  void draw_occupant(std::size_t bus, const Occupant& occupant, const std::string& prefix, bool last) {
    const auto place = topology::guest_place(numbers_, bus, occupant);
    const bool lost = numbers_.predicted && !place;
    const bool opens = occupant.makes && !drawn_[*occupant.makes];
    const std::string guest = place  ? fmt::format("{:02x}:{:02x}.{:x}", place->bus, place->slot, place->function)
                              : lost ? "lost"
                                     : "";
    std::string text = fmt::format("{:02x}.{:x}  ", occupant.at.slot(), occupant.at.function());
    text += opens ? bus_text(*occupant.makes, &occupant) : device_text(occupant);
    const bool is_gone = lost || (opens && is_lost(*occupant.makes));
    add_line(guest, prefix + std::string(last ? glyphs_.last : glyphs_.branch), text,
             is_gone ? Mood::Lost
             : opens ? Mood::Bus
                     : Mood::Plain);
    if (opens) draw_below(*occupant.makes, prefix + std::string(last ? glyphs_.gap : glyphs_.bar));
  }

  [[nodiscard]] bool is_lost(std::size_t bus) const { return numbers_.predicted && !numbers_.number[bus]; }

  [[nodiscard]] bool is_single(std::size_t bus) const {
    const topology::SlotRange slots = topology::rule_for(buses_.all[bus].model).slots;
    return slots.min == slots.max;
  }

  [[nodiscard]] std::string bus_text(std::size_t bus, const Occupant* occupant) const {
    const GuestBus& self = buses_.all[bus];
    const domain::Device& device = domain_.devices[self.controller];
    std::vector<std::string> words = controller_details(device, buses_.tells_nodes());
    if (occupant != nullptr && occupant->multifunction) words.emplace_back("multifunction");
    if (self.occupants.empty() && is_single(bus)) words.emplace_back("empty");
    words.emplace(words.begin(), short_name(self.model));
    const std::string number = numbers_.number[bus] ? fmt::format(" {} {:02x}", glyphs_.arrow, *numbers_.number[bus])
                               : numbers_.predicted ? fmt::format(" {} lost", glyphs_.arrow)
                                                    : "";
    return fmt::format("bus {}{}  {}", self.index, number, joined(words));
  }

  [[nodiscard]] std::string device_text(const Occupant& occupant) const {
    std::vector<std::string> words = device_details(domain_.devices[occupant.device]);
    words.insert(words.begin(), names_[occupant.device]);
    if (occupant.multifunction) words.emplace_back("multifunction");
    return joined(words);
  }

  void draw_losses() {
    for (const std::string& sentence : topology::number_warnings(placed_)) add_paragraph(sentence, Mood::Lost);
    if (!numbers_.predicted) add_paragraph("guest bus numbers are not predicted for this machine", Mood::Quiet);
  }

  void add_line(const std::string& guest, const std::string& prefix, const std::string& text, Mood mood) {
    const std::string stem = short_stem(prefix);
    const std::size_t used = kGuestColumns + column_count(stem);
    const std::string shown = fit(text, std::max(style_.columns_max, used + 1) - used, glyphs_.cut);
    text_ += fmt::format("{:<{}}{}{}\n", guest, kGuestColumns, stem, painted(shown, mood));
  }

  void add_whole_line(const std::string& text, Mood mood) {
    text_ += painted(fit(text, style_.columns_max, glyphs_.cut), mood) + '\n';
  }

  /// Below an empty line, broken between words, further lines indented.
  void add_paragraph(std::string_view sentence, Mood mood) {
    text_ += '\n';
    std::string line;
    for (std::size_t at = 0; at < sentence.size();) {
      const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
      const std::string_view word = sentence.substr(at, end - at);
      if (!line.empty() && column_count(line) + 1 + column_count(word) > style_.columns_max) {
        add_whole_line(line, mood);
        line = "  ";
      } else if (!line.empty()) {
        line += ' ';
      }
      line += word;
      at = end + 1;
    }
    add_whole_line(line, mood);
  }

  /// Of a tree so deep that it leaves no room, only the last branches.
  [[nodiscard]] std::string short_stem(const std::string& prefix) const {
    const std::size_t columns_max =
        style_.columns_max > kGuestColumns + kTextColumnsMin ? style_.columns_max - kGuestColumns - kTextColumnsMin : 3;
    std::size_t columns = column_count(prefix);
    if (columns <= columns_max) return prefix;
    std::size_t cut = 0;
    for (; columns + column_count(glyphs_.cut) > columns_max && cut < prefix.size(); --columns) do
        ++cut;
      while (cut < prefix.size() && (static_cast<unsigned char>(prefix[cut]) & 0xC0U) == 0x80U);
    return std::string(glyphs_.cut) + prefix.substr(cut);
  }

  [[nodiscard]] std::string painted(const std::string& text, Mood mood) const {
    const std::string_view code = kMoodCodes[static_cast<std::size_t>(mood)];
    if (style_.colour == Colour::Never || code.empty()) return text;
    return fmt::format("{}{}\x1b[0m", code, text);
  }

  const domain::PlacedDomain& placed_;
  const domain::Domain& domain_;
  const TreeStyle& style_;
  const GlyphSet& glyphs_;
  topology::Buses buses_;
  topology::BusNumbers numbers_;
  std::vector<std::string> names_;
  std::vector<bool> drawn_;
  std::string text_;
};

}  // namespace

std::string tree_text(const domain::PlacedDomain& placed, const TreeStyle& style) {
  return TreeText(placed, style).draw();
}

}  // namespace busproof::report
