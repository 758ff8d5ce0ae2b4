#include "engine/report/host_tree_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "engine/report/device_words.h"
#include "engine/report/host_words.h"

namespace busproof::report {
namespace {

using host::HostAddress;
using host::HostDevice;

class HostTree {
 public:
  HostTree(const host::Inventory& inventory, const TreeStyle& style)
      : inventory_(inventory), style_(style), utf8_(style.glyphs == Glyphs::Utf8) {
    for (const HostDevice& device : inventory.devices) {
      address_columns_ = std::max(address_columns_, to_string(device.address).size());
      // What hangs below something that is not there is shown where its root bus is.
      const bool below = device.parent && find(inventory, *device.parent) != nullptr;
      if (below)
        below_[*device.parent].push_back(&device);
      else
        roots_[device.root_bus.empty() ? "elsewhere" : device.root_bus].push_back(&device);
    }
  }

  std::string draw(const std::string& name) {
    const auto count = [](std::size_t number, std::string_view one) {
      return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
    };
    add(fmt::format("{}: {}, {}", printable(name), count(inventory_.devices.size(), "function"),
                    count(inventory_.groups.size(), "IOMMU group")),
        0, Mood::Bus);
    for (const auto& [bus, devices] : roots_) {
      add(bus, 0, Mood::Bus);
      draw_below(devices, "", 0);
    }
    return std::move(text_);
  }

 private:
  enum class Mood : std::uint8_t { Plain, Bus };

  void draw_below(const std::vector<const HostDevice*>& devices, const std::string& prefix, std::size_t depth) {
    for (const HostDevice* device : devices) {
      if (!drawn_.insert(device->address).second) continue;
      const bool last = device == devices.back();
      const std::string_view branch = last ? (utf8_ ? "└─ " : "`- ") : (utf8_ ? "├─ " : "|- ");
      const std::string left =
          fmt::format("{:<{}}  {}{}", to_string(device->address), address_columns_, prefix, branch);
      const auto children = below_.find(device->address);
      const std::size_t columns = address_columns_ + 2 + (depth + 1) * kIndent;
      add(words_of(*device), columns, children == below_.end() ? Mood::Plain : Mood::Bus, left);
      if (children == below_.end()) continue;
      const std::string_view bar = last ? "   " : (utf8_ ? "│  " : "|  ");
      draw_below(children->second, prefix + std::string(bar), depth + 1);
    }
  }

  static std::string words_of(const HostDevice& device) {
    std::string text =
        fmt::format("{} {:04x}:{:04x}, {}", kind_word(kind_of(device)), device.pin.vendor, device.pin.device,
                    device.driver || device.override_to ? driver_word(device) : "no driver");
    if (device.group) text += fmt::format(", group {}", *device.group);
    if (const std::string notes = notes_of(device); !notes.empty()) text += ", " + notes;
    return printable(text);
  }

  /// A line whose first `columns` are `left`.
  void add(const std::string& text, std::size_t columns, Mood mood, const std::string& left = {}) {
    const std::string shown = fit(text, std::max(style_.columns_max, columns + 1) - columns, utf8_ ? "…" : "...");
    const bool bold = mood == Mood::Bus && style_.colour == Colour::Always;
    text_ += left + (bold ? "\x1b[1m" + shown + "\x1b[0m" : shown) + '\n';
  }

  static constexpr std::size_t kIndent = 3;

  const host::Inventory& inventory_;
  const TreeStyle& style_;
  bool utf8_;
  std::size_t address_columns_ = 0;
  std::map<HostAddress, std::vector<const HostDevice*>> below_;
  std::map<std::string, std::vector<const HostDevice*>> roots_;
  std::set<HostAddress> drawn_;
  std::string text_;
};

}  // namespace

std::string host_tree_text(const host::Inventory& inventory, const std::string& name, const TreeStyle& style) {
  return HostTree(inventory, style).draw(name);
}

}  // namespace busproof::report
