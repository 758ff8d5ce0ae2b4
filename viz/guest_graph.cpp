#include "viz/guest_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/abi/snapshot.h"
#include "engine/report/device_words.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"
#include "engine/topology/controller_rules.h"
#include "viz/kinds.h"
#include "viz/names.h"

namespace busproof::viz {
namespace {

using domain::Device;
using topology::GuestBus;
using topology::Occupant;

void add_lines(std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) text += '\n' + line;
}

class GuestGraph {
 public:
  explicit GuestGraph(const domain::PlacedDomain& placed)
      : placed_(placed),
        domain_(placed.domain()),
        buses_(topology::buses_of(domain_)),
        numbers_(topology::number_buses(buses_)),
        names_(report::device_names(domain_)),
        abi_(abi::snapshot(placed)),
        box_of_(buses_.all.size()) {
    for (const abi::AbiDevice& device : abi_.devices)
      if (device.pci) seen_.try_emplace(device.pci->at, &device);
    for (const GuestBus& bus : buses_.all) bus_names_.push_back(element_names_.make(fmt::format("bus {}", bus.index)));
    for (const std::string& name : names_) cell_names_.push_back(element_names_.make(name));
  }

  Graph draw() && {
    draw_heading();
    for (std::size_t i = 0; i < buses_.all.size(); ++i) find_box(i);
    for (std::size_t i = 0; i < buses_.all.size(); ++i) draw_bus(i);
    for (std::size_t i = 0; i < buses_.all.size(); ++i) draw_links(i);
    draw_off_bus();
    draw_legend();
    return std::move(graph_);
  }

 private:
  void draw_heading() {
    std::size_t seated = 0;
    for (const GuestBus& bus : buses_.all) seated += bus.occupants.size();
    graph_.title = fmt::format("{} · {}", domain_.name.empty() ? "unnamed" : domain_.name, domain_.machine);
    graph_.subtitle = fmt::format("{}, {} PCI bus{}, {} PCI function{}", domain_.arch, buses_.all.size(),
                                  buses_.all.size() == 1 ? "" : "es", seated, seated == 1 ? "" : "s");
    graph_.warnings = topology::number_warnings(placed_);
    if (!numbers_.predicted) graph_.warnings.emplace_back("guest bus numbers are not predicted for this machine");
  }

  /// The NUMA node of a bus is a box, of the host bridge that leads to it.
  void find_box(std::size_t bus) {
    const GuestBus* host = topology::host_bus(buses_, buses_.all[bus]);
    const auto node = topology::node_of(domain_, buses_, buses_.all[bus]);
    if (!node) return;
    const auto [box, is_new] = boxes_.try_emplace(host->index, graph_.boxes.size());
    if (is_new)
      graph_.boxes.push_back({.name = element_names_.make(fmt::format("numa {} bus {}", *node, host->index)),
                              .label = fmt::format("NUMA node {}{}", *node,
                                                   buses_.tells_nodes() ? "" : " (not seen by the guest: no acpi)"),
                              .tint = static_cast<unsigned>(std::max(*node, 0))});
    box_of_[bus] = box->second;
  }

  [[nodiscard]] bool is_lost(std::size_t bus) const { return numbers_.predicted && !numbers_.number[bus]; }

  /// "03", or "03-07" where bridges below have numbers of their own.
  [[nodiscard]] std::string number_text(std::size_t bus) const {
    if (!numbers_.predicted) return "";
    if (!numbers_.number[bus]) return " → lost";
    const std::uint8_t last = last_number(bus, 0);
    if (last == *numbers_.number[bus]) return fmt::format(" → {:02x}", last);
    return fmt::format(" → {:02x}–{:02x}", *numbers_.number[bus], last);
  }

  [[nodiscard]] std::uint8_t last_number(std::size_t bus, std::size_t depth) const {
    std::uint8_t last = numbers_.number[bus].value_or(0);
    if (depth > pci::kBusMax) return last;
    for (const Occupant& occupant : buses_.all[bus].occupants)
      if (occupant.makes && numbers_.number[*occupant.makes] && !buses_.all[*occupant.makes].is_expander())
        last = std::max(last, last_number(*occupant.makes, depth + 1));
    return last;
  }

  void draw_bus(std::size_t bus) {
    const GuestBus& self = buses_.all[bus];
    const Device& controller = domain_.devices[self.controller];
    const std::string model(to_string(self.model));
    const bool waits = is_single(bus) && self.occupants.empty();
    Node node;
    node.box = box_of_[bus];
    node.look = is_lost(bus) ? Look::Lost : waits ? Look::Quiet : bus_look(self.model);
    node.heading = {.name = bus_names_[bus],
                    .lines = {fmt::format("bus {}{}", self.index, number_text(bus)), heading_details(controller)},
                    .tooltip = fmt::format("bus {} ({}){}", self.index, model, number_text(bus)),
                    .look = node.look};
    add_lines(node.heading.tooltip, report::controller_details(controller, buses_.tells_nodes()));
    for (const Occupant& occupant : self.occupants) {
      const std::string slot = fmt::format("{:02x}", occupant.at.slot());
      if (node.rows.empty() || node.rows.back().label != slot) node.rows.push_back({slot, {}});
      node.rows.back().cells.push_back(cell_of(bus, occupant));
    }
    add_free(node, bus);
    // The root bus's controller sits on no bus: its cell is the heading.
    graph_.nodes.push_back(std::move(node));
  }

  /// Its model and target, and what QEMU calls the controller where the XML wants another one than libvirt's own
  /// choice.
  [[nodiscard]] std::string heading_details(const Device& controller) const {
    std::vector<std::string> words = report::controller_details(controller, buses_.tells_nodes());
    words.insert(words.begin(), std::string(report::short_name(*controller.controller->pci_model)));
    const std::string& device = controller.controller->model_name;
    if (!device.empty() && device != topology::rule_for(*controller.controller->pci_model).device_name)
      words.push_back(report::printable(device));
    return fmt::format("{}", fmt::join(words, ", "));
  }

  [[nodiscard]] bool is_single(std::size_t bus) const {
    const topology::SlotRange slots = topology::rule_for(buses_.all[bus].model).slots;
    return slots.min == slots.max;
  }

  [[nodiscard]] bool takes_hotplug(std::size_t bus) const {
    const bool off = domain_.devices[buses_.all[bus].controller].controller->target.hotplug == domain::Switch::Off;
    return topology::rule_for(buses_.all[bus].model).plug == topology::Plug::Hot && !off;
  }

  void add_free(Node& node, std::size_t bus) const {
    const auto free = topology::free_slots(buses_, bus);
    if (free.empty()) return;
    std::string text = is_single(bus) ? "free" : report::free_text(free);
    if (takes_hotplug(bus)) text += ", hot-pluggable";
    Cell cell{.lines = {"", std::move(text)}, .look = Look::Quiet};
    node.rows.push_back({"", {std::move(cell)}});
  }

  Cell cell_of(std::size_t bus, const Occupant& occupant) {
    const Device& device = domain_.devices[occupant.device];
    const auto place = topology::guest_place(numbers_, bus, occupant);
    const bool lost = numbers_.predicted && !place;
    std::vector<std::string> words = report::device_details(device);
    if (occupant.makes) words = {std::string(report::short_name(*device.controller->pci_model))};
    if (occupant.multifunction) words.emplace_back("multifunction");
    Cell cell{.name = cell_names_[occupant.device],
              .label = fmt::format(".{:x}", occupant.at.function()),
              .tag = tag_of(device.kind, controller_type(device)),
              .lines = {occupant.makes ? fmt::format("→ bus {}", *device.controller->index) : names_[occupant.device]},
              .look = lost ? Look::Lost : Look::Plain};
    cell.tooltip = names_[occupant.device];
    add_lines(cell.tooltip, report::device_details(device));
    cell.tooltip += "\nXML: " + to_string(occupant.at);
    if (occupant.multifunction) cell.tooltip += ", multifunction";
    cell.tooltip += place  ? "\nguest: " + pci::format_address_parts(*place)
                    : lost ? "\nthe guest does not have it"
                           : "";
    if (const auto seen = seen_.find(occupant.at); seen != seen_.end()) {
      if (const std::string name = newest_linux_name(*seen->second); !name.empty()) words.insert(words.begin(), name);
      add_lines(cell.tooltip, linux_name_lines(*seen->second));
    }
    cell.lines.push_back(fmt::format("{}", fmt::join(words, ", ")));
    drawn_.insert(occupant.device);
    return cell;
  }

  static std::optional<domain::ControllerType> controller_type(const Device& device) {
    if (!device.controller) return std::nullopt;
    return device.controller->type;
  }

  void draw_links(std::size_t bus) {
    for (const Occupant& occupant : buses_.all[bus].occupants) {
      if (!occupant.makes) continue;
      const std::size_t below = *occupant.makes;
      graph_.edges.push_back(
          {.from = cell_names_[occupant.device],
           .to = bus_names_[below],
           .look = is_lost(below) ? Look::Lost : bus_look(buses_.all[below].model),
           .tooltip = fmt::format("{} makes bus {}", names_[occupant.device], buses_.all[below].index)});
    }
  }

  /// Devices on other buses, by address; the controllers of root buses are those buses.
  void draw_off_bus() {
    for (const GuestBus& bus : buses_.all)
      if (!bus.parent) drawn_.insert(bus.controller);
    Node node{.heading = {.name = element_names_.make("off-bus")}};
    for (std::size_t i = 0; i < domain_.devices.size(); ++i) {
      const Device& device = domain_.devices[i];
      if (drawn_.contains(i) || abi::is_nothing(device.kind, device.model)) continue;
      const std::string address = abi::address_text(device);
      std::vector<std::string> words = report::device_details(device);
      if (!address.empty()) words.insert(words.begin(), "at " + address);
      Cell cell{.name = cell_names_[i],
                .tag = tag_of(device.kind, controller_type(device)),
                .lines = {names_[i], fmt::format("{}", fmt::join(words, ", "))},
                .tooltip = names_[i]};
      add_lines(cell.tooltip, words);
      node.rows.push_back({"", {std::move(cell)}});
    }
    if (node.rows.empty()) return;
    node.heading.lines = {"not on a PCI bus"};
    node.heading.tooltip = fmt::format("{} devices that sit on no PCI bus", node.rows.size());
    graph_.nodes.push_back(std::move(node));
  }

  void draw_legend() {
    const auto add_if = [&](Look look, Key::Sample sample, std::string text) {
      const bool occurs = std::ranges::any_of(graph_.nodes, [&](const Node& node) { return node.look == look; }) ||
                          std::ranges::any_of(graph_.edges, [&](const Edge& edge) { return edge.look == look; });
      if (occurs) graph_.legend.push_back({sample, {}, look, std::move(text)});
    };
    add_if(Look::Express, Key::Sample::Line, "PCI Express");
    add_if(Look::Conventional, Key::Sample::Line, "conventional PCI");
    add_if(Look::Quiet, Key::Sample::Cell, "waits for a device");
    add_if(Look::Lost, Key::Sample::Cell, "lost to the guest");
    for (Key& key : tag_keys(graph_)) graph_.legend.push_back(std::move(key));
  }

  const domain::PlacedDomain& placed_;
  const domain::Domain& domain_;
  topology::Buses buses_;
  topology::BusNumbers numbers_;
  std::vector<std::string> names_;  ///< by device, as reports have them
  abi::AbiSnapshot abi_;
  std::map<pci::GuestAddress, const abi::AbiDevice*> seen_;
  Names element_names_;
  std::vector<std::string> bus_names_, cell_names_;  ///< by bus and by device
  std::map<std::size_t, std::size_t> boxes_;         ///< by the index of the host bridge
  std::vector<std::optional<std::size_t>> box_of_;   ///< by bus
  std::set<std::size_t> drawn_;                      ///< devices
  Graph graph_;
};

}  // namespace

Graph guest_graph(const domain::PlacedDomain& placed) { return GuestGraph(placed).draw(); }

}  // namespace busproof::viz
