#include "viz/diff_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "engine/abi/diff.h"
#include "engine/abi/matching.h"
#include "engine/abi/rules.h"
#include "engine/report/device_words.h"
#include "viz/kinds.h"
#include "viz/names.h"

namespace busproof::viz {
namespace {

using abi::AbiDevice;
using abi::AbiSnapshot;
using abi::RuleId;

/// A device of both guests, or of one.
struct Both {
  const AbiDevice* was = nullptr;
  const AbiDevice* is = nullptr;
  std::string name{};  ///< of its cell
  std::vector<const Finding*> findings{};
  Look look = Look::Unchanged;

  [[nodiscard]] const AbiDevice& latest() const { return is != nullptr ? *is : *was; }
};

/// The bus that a controller makes in one of the guests or in both.
struct BothBus {
  std::size_t controller = 0;  ///< index of its Both
  std::string name{};
};

/// A cell and where it stands on its bus; what left a place comes before what came there.
struct Standing {
  std::uint8_t slot = 0, function = 0;
  bool came = false;
  Cell cell{};
};

struct LookWords {
  Look look;
  std::string_view mark;  ///< before the name, for those who see no colours
  std::string_view legend;
};
constexpr std::array kLookWords = {
    LookWords{Look::Added, "+ ", "added"},
    LookWords{Look::Removed, "− ", "removed"},
    LookWords{Look::Moved, "» ", "moved, from where the arrow begins"},
    LookWords{Look::MovedAway, "", "the place that it left"},
    LookWords{Look::Changed, "± ", "changed, or seen otherwise by the guest"},
    LookWords{Look::Unchanged, "", "unchanged"},
};

std::string_view mark_of(Look look) { return std::ranges::find(kLookWords, look, &LookWords::look)->mark; }

constexpr std::array kMoves = {RuleId::DeviceMoved, RuleId::AddressChanged, RuleId::PortChanged};

bool is_move(const Finding& finding) {
  return std::ranges::any_of(kMoves, [&](RuleId rule) { return abi::rule_of(rule).id == finding.rule; });
}

bool makes_bus(const AbiDevice* device) {
  return device != nullptr && device->controller && device->controller->pci_model.has_value();
}

Look look_of(const Both& both) {
  if (both.is == nullptr) return Look::Removed;
  if (both.was == nullptr) return Look::Added;
  if (std::ranges::any_of(both.findings, [](const Finding* finding) { return is_move(*finding); })) return Look::Moved;
  return both.findings.empty() ? Look::Unchanged : Look::Changed;
}

std::string finding_text(const Finding& finding) {
  const std::string_view separator = finding.change.empty() ? "" : ": ";
  std::string text = fmt::format("{} {}{}{} ({})", finding.rule, abi::find_rule(finding.rule)->name, separator,
                                 finding.change, to_string(finding.severity));
  for (const Witness& witness : finding.witness)
    text += fmt::format("\n{}: {}", to_string(witness.observer), witness.text);
  return text;
}

class DiffGraph {
 public:
  DiffGraph(const AbiSnapshot& before, const AbiSnapshot& after)
      : before_(before), after_(after), findings_(abi::diff(before, after)) {}

  Graph draw() && {
    pair_devices();
    hand_out_findings();
    find_buses();
    draw_heading();
    for (std::size_t i = 0; i < all_.size(); ++i) place(i);
    draw_domain();
    for (std::size_t i = 0; i < buses_.size(); ++i) draw_bus(i);
    for (std::size_t i = 0; i < buses_.size(); ++i) draw_link(i);
    draw_beside();
    draw_legend();
    return std::move(graph_);
  }

 private:
  void pair_devices() {
    const abi::Matching matching = abi::match(before_, after_);
    for (const auto& [was, is] : matching.same) all_.push_back({&before_.devices[was], &after_.devices[is]});
    for (const std::size_t i : matching.gone) all_.push_back({&before_.devices[i], nullptr});
    for (const std::size_t i : matching.come) all_.push_back({nullptr, &after_.devices[i]});
    for (Both& both : all_) both.name = names_.make(display_name(both.latest()));
  }

  /// A finding names its device and says where in which file that stands.
  void hand_out_findings() {
    std::map<std::tuple<Place::Side, std::string, std::size_t>, std::size_t> by_place;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const Place::Side side = all_[i].is != nullptr ? Place::Side::New : Place::Side::Old;
      by_place.try_emplace({side, display_name(all_[i].latest()), all_[i].latest().offset}, i);
    }
    for (const Finding& finding : findings_) {
      if (finding.device.empty())
        of_domain_.push_back(&finding);
      else
        all_[by_place.at({finding.place.side, finding.device, finding.place.offset})].findings.push_back(&finding);
    }
    for (Both& both : all_) both.look = look_of(both);
  }

  void find_buses() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const Both& both = all_[i];
      if (!makes_bus(both.was) && !makes_bus(both.is)) continue;
      if (makes_bus(both.was)) old_bus_[both.was->controller->index] = buses_.size();
      if (makes_bus(both.is)) new_bus_[both.is->controller->index] = buses_.size();
      buses_.push_back({i, names_.make(fmt::format("bus {}", both.latest().controller->index))});
    }
    standing_.resize(buses_.size());
  }

  void draw_heading() {
    const auto count = [&](Look look) { return std::ranges::count(all_, look, &Both::look); };
    graph_.title = before_.name == after_.name ? after_.name : fmt::format("{} → {}", before_.name, after_.name);
    graph_.title += " · what the guest would notice";
    graph_.subtitle = findings_.empty()
                          ? "nothing"
                          : fmt::format("{} finding{}: {} added, {} removed, {} moved, {} changed", findings_.size(),
                                        findings_.size() == 1 ? "" : "s", count(Look::Added), count(Look::Removed),
                                        count(Look::Moved), count(Look::Changed));
  }

  /// Puts the device where it is, and something in its stead where it was.
  void place(std::size_t i) {
    const Both& both = all_[i];
    const bool left = both.was != nullptr && both.was->pci && both.is != nullptr &&
                      (!both.is->pci || both.is->pci->at != both.was->pci->at);
    const AbiDevice& latest = both.latest();
    if (latest.pci) {
      const auto& buses = both.is != nullptr ? new_bus_ : old_bus_;
      stand(buses.at(latest.pci->at.bus()), latest.pci->at, both.is != nullptr, cell_of(both));
    } else if (!makes_bus(&latest)) {
      beside_.push_back(i);
    }
    if (!left) return;
    Cell trace{.name = names_.make("was " + display_name(*both.was)),
               .tag = tag_of(*both.was),
               .lines = {display_name(*both.was)},
               .tooltip = fmt::format("{} was at {}", display_name(*both.was), to_string(both.was->pci->at)),
               .look = Look::MovedAway};
    graph_.edges.push_back({.from = trace.name,
                            .to = both.name,
                            .look = Look::Moved,
                            .kind = EdgeKind::Arrow,
                            .tooltip = both.findings.empty() ? trace.tooltip : finding_text(*both.findings.front())});
    stand(old_bus_.at(both.was->pci->at.bus()), both.was->pci->at, false, std::move(trace));
  }

  void stand(std::size_t bus, const pci::GuestAddress& at, bool came, Cell cell) {
    cell.label = fmt::format(".{:x}", at.function());
    standing_[bus].push_back({at.slot(), at.function(), came, std::move(cell)});
  }

  static Tag tag_of(const AbiDevice& device) {
    return viz::tag_of(device.kind, device.controller ? std::optional(device.controller->type) : std::nullopt);
  }

  [[nodiscard]] Cell cell_of(const Both& both) const {
    Cell cell{
        .name = both.name, .tag = tag_of(both.latest()), .tooltip = display_name(both.latest()), .look = both.look};
    if (both.look == Look::Unchanged) cell.tag.hue = Hue::Bridge;  // grey
    cell.lines.push_back(std::string(mark_of(both.look)) + name_text(both.latest()));
    const std::string linux_name = newest_linux_name(both.latest());
    if (!linux_name.empty() && !tells_of_linux(both.findings)) cell.lines.push_back(linux_name);
    add_findings(cell, both.findings);
    return cell;
  }

  static bool tells_of_linux(const std::vector<const Finding*>& findings) {
    return std::ranges::any_of(findings, [](const Finding* finding) {
      return std::ranges::count(finding->witness, Observer::Linux, &Witness::observer) > 0;
    });
  }

  static std::string name_text(const AbiDevice& device) {
    if (!makes_bus(&device)) return display_name(device);
    return fmt::format("{} → bus {}", report::short_name(*device.controller->pci_model), device.controller->index);
  }

  static void add_findings(Cell& cell, const std::vector<const Finding*>& findings) {
    constexpr std::size_t kShownMax = 6;
    for (std::size_t i = 0; i < findings.size(); ++i) {
      const Finding& finding = *findings[i];
      cell.tooltip += '\n' + finding_text(finding);
      if (i < kShownMax) add_finding(cell, finding);
    }
    if (findings.size() > kShownMax) cell.lines.push_back(fmt::format("and {} more", findings.size() - kShownMax));
  }

  static void add_finding(Cell& cell, const Finding& finding) {
    const std::string& change = finding.change;
    const std::string name(abi::find_rule(finding.rule)->name);
    cell.lines.push_back(change.empty() ? name : is_move(finding) ? change : fmt::format("{}: {}", name, change));
    for (const Witness& witness : finding.witness)
      if (witness.observer == Observer::Linux) cell.lines.push_back(witness.text);
  }

  void draw_bus(std::size_t bus) {
    const Both& both = all_[buses_[bus].controller];
    const abi::AbiController& controller = *both.latest().controller;
    Node node{.look = both.look};
    node.heading = {.name = buses_[bus].name,
                    .lines = {fmt::format("bus {}{}", controller.index, number_text(both)),
                              std::string(report::short_name(*controller.pci_model))},
                    .tooltip = display_name(both.latest()),
                    .look = both.look};
    // The controller of a root bus has no cell of its own.
    if (!both.latest().pci) add_findings(node.heading, both.findings);
    std::ranges::stable_sort(standing_[bus], {}, [](const Standing& standing) {
      return std::tuple(standing.slot, standing.function, standing.came);
    });
    for (Standing& standing : standing_[bus]) {
      const std::string slot = fmt::format("{:02x}", standing.slot);
      if (node.rows.empty() || node.rows.back().label != slot) node.rows.push_back({slot, {}});
      node.rows.back().cells.push_back(std::move(standing.cell));
    }
    graph_.nodes.push_back(std::move(node));
  }

  /// " → 03", " → 03, was 02".
  static std::string number_text(const Both& both) {
    const auto number = [](const AbiDevice* device) {
      return device == nullptr || !device->controller ? std::nullopt : device->controller->guest_bus;
    };
    const auto words = [](std::optional<std::uint8_t> value) { return value ? fmt::format("{:02x}", *value) : "none"; };
    const auto was = number(both.was), is = number(both.is);
    if (both.was == nullptr || both.is == nullptr || was == is) return " → " + words(both.is != nullptr ? is : was);
    return fmt::format(" → {}, was {}", words(is), words(was));
  }

  void draw_link(std::size_t bus) {
    const Both& both = all_[buses_[bus].controller];
    if (!both.latest().pci) return;
    graph_.edges.push_back(
        {.from = both.name, .to = buses_[bus].name, .look = both.look, .tooltip = display_name(both.latest())});
  }

  void draw_domain() {
    Node domain{.heading = {.name = names_.make("domain"), .lines = {"the domain itself"}}, .look = Look::Changed};
    domain.heading.look = Look::Changed;
    for (const Finding* finding : of_domain_) {
      Cell cell{.name = names_.make("finding " + finding->rule),
                .lines = {std::string(abi::find_rule(finding->rule)->name), finding->change},
                .tooltip = finding_text(*finding)};
      domain.rows.push_back({"", {std::move(cell)}});
    }
    if (!domain.rows.empty()) graph_.nodes.push_back(std::move(domain));
  }

  void draw_beside() {
    Node off_bus{.heading = {.name = names_.make("off-bus"), .lines = {"not on a PCI bus"}, .look = Look::Unchanged},
                 .look = Look::Unchanged};
    std::size_t unchanged = 0;
    for (const std::size_t i : beside_) {
      if (all_[i].look == Look::Unchanged)
        ++unchanged;
      else
        off_bus.rows.push_back({"", {cell_of(all_[i])}});
    }
    if (unchanged > 0)
      off_bus.rows.push_back({"", {{.lines = {"", fmt::format("{} unchanged", unchanged)}, .look = Look::Quiet}}});
    if (!off_bus.rows.empty()) graph_.nodes.push_back(std::move(off_bus));
  }

  void draw_legend() {
    for (const LookWords& words : kLookWords) {
      const Look look = words.look == Look::MovedAway ? Look::Moved : words.look;
      if (std::ranges::count(all_, look, &Both::look) > 0)
        graph_.legend.push_back(
            {Key::Sample::Cell, {}, words.look, std::string(words.mark) + std::string(words.legend)});
    }
  }

  const AbiSnapshot& before_;
  const AbiSnapshot& after_;
  Findings findings_;
  std::vector<Both> all_;
  std::vector<BothBus> buses_;
  std::map<std::uint32_t, std::size_t> old_bus_, new_bus_;  ///< by index of the controller
  std::vector<std::vector<Standing>> standing_;             ///< by bus
  std::vector<std::size_t> beside_;                         ///< devices on no PCI bus
  std::vector<const Finding*> of_domain_;
  Names names_;
  Graph graph_;
};

}  // namespace

Graph diff_graph(const AbiSnapshot& before, const AbiSnapshot& after) { return DiffGraph(before, after).draw(); }

}  // namespace busproof::viz
