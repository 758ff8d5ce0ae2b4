#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/hexadecimal.h"
#include "engine/base/text.h"
#include "engine/domain/xml_address.h"
#include "engine/domain/xml_layout.h"
#include "engine/domain/xml_markup.h"
#include "engine/domain/xml_splice.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// libvirt's order of the elements in `<devices>`.
constexpr std::array<std::string_view, 32> kElementOrder = {
    "emulator", "disk",    "controller", "lease",       "filesystem", "interface", "smartcard",  "serial",
    "parallel", "console", "channel",    "input",       "tpm",        "graphics",  "sound",      "audio",
    "video",    "hostdev", "redirdev",   "redirfilter", "hub",        "watchdog",  "memballoon", "rng",
    "nvram",    "panic",   "shmem",      "memory",      "crypto",     "iommu",     "vsock",      "pstore",
};

/// Nothing for an element that libvirt does not know.
std::optional<std::size_t> order_of(std::string_view element) {
  const auto found = std::ranges::find(kElementOrder, element);
  if (found == kElementOrder.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kElementOrder.begin());
}

/// A number that libvirt reads as octal, and nearly everybody else who reads its XML as decimal; libvirt stores it in
/// hexadecimal, which is the same to all.
bool is_octal(std::string_view number) {
  if (!number.empty() && number[0] > '0') return false;
  number.remove_prefix(std::min(number.find_first_not_of(" \t\r\n"), number.size()));
  return number.size() > 1 && number[0] == '0' && number[1] >= '0' && number[1] <= '9';
}

bool has_octal(xml_node address) {
  return std::ranges::any_of(address.attributes(),
                             [](const pugi::xml_attribute& attribute) { return is_octal(attribute.value()); });
}

/// "0x001f", in lower case and with just so many digits.
bool is_hexadecimal(std::string_view text, std::uint32_t value, std::size_t digits) {
  if (text.size() != digits + 2 || !text.starts_with("0x")) return false;
  for (std::size_t i = text.size(); i > 2; --i, value >>= 4U)
    if (text[i - 1] != kSmallHexadecimal[value & 0xfU]) return false;
  return value == 0;
}

/// Whether the element says the address in the very words that libvirt prints: so nearly all do that need no change.
bool says_exactly(xml_node element, const PciAddress& address) {
  constexpr std::array kNames = {"type", "domain", "bus", "slot", "function", "multifunction"};
  constexpr std::array<std::string_view, 3> kSwitches = {"", "on", "off"};
  if (!address.at || address.zpci != ZpciIds{} || element.first_child()) return false;
  const auto said = attributes_named(element, kNames);
  return std::string_view(said[0].value()) == "pci" && is_hexadecimal(said[1].value(), address.at->segment(), 4) &&
         is_hexadecimal(said[2].value(), address.at->bus(), 2) &&
         is_hexadecimal(said[3].value(), address.at->slot(), 2) &&
         is_hexadecimal(said[4].value(), address.at->function(), 1) &&
         said[5].value() == kSwitches[static_cast<std::size_t>(address.multifunction)];
}

xml_node first_of(xml_node parent, std::initializer_list<std::string_view> names) {
  return parent.find_child([&](xml_node child) { return std::ranges::find(names, child.name()) != names.end(); });
}

/// Decides what to change; the text itself is left alone.
class Editor {
 public:
  Editor(std::string_view text, const char* copy, xml_node root, bool has_lost_prefixes)
      : text_(text),
        copy_(copy),
        root_(root),
        has_lost_prefixes_(has_lost_prefixes),
        style_(style_of(text, copy, root)) {}

  void edit_device(xml_node element, const Device& device) {
    ChildList added;
    if (device.controller) edit_controller(element, device, added);
    edit_address(element, device, added);
    add_children(element, added);
  }

  /// An element that is no device to libvirt 9.0.0 keeps all but the place that it claims on a PCI bus: nothing sits
  /// there, and its function may have gone to somebody else.
  void edit_stranger(xml_node element) {
    if (value_of(element.child("address"), "type") == "pci") remove_addresses(element);
  }

  void add_devices(const std::vector<xml_node>& elements, const std::vector<const Device*>& devices) {
    std::array<std::string, kElementOrder.size()> inserted;
    std::array<std::optional<xml_node>, kElementOrder.size()> anchors;
    std::vector<std::pair<std::size_t, Markup>> unanchored;
    for (const Device* device : devices) {
      auto markup = device_markup(*device);
      if (!markup) continue;
      const std::size_t order = *order_of(markup->name);
      if (!anchors[order]) anchors[order] = anchor_of(order, elements);
      if (const xml_node anchor = *anchors[order])
        append_rendered(inserted[order], *markup, separator_before(text_, offset_of(anchor)), style_);
      else
        unanchored.emplace_back(order, std::move(*markup));
    }
    for (std::size_t order = 0; order < inserted.size(); ++order)
      if (!inserted[order].empty()) insert_after(*anchors[order], std::move(inserted[order]));
    if (!unanchored.empty()) add_first(std::move(unanchored));
  }

  [[nodiscard]] std::vector<Splice> splices() && { return std::move(splices_); }

 private:
  /// A child to be added, and the child before which it belongs; a null one for the end.
  struct NewChild {
    Markup markup;
    xml_node before;
  };
  using ChildList = std::vector<NewChild>;

  void splice(std::size_t offset, std::size_t length, std::string text) {
    splices_.push_back({offset, length, std::move(text)});
  }

  // Attributes.

  void set_attribute(xml_node element, const char* name, std::string_view value) {
    if (const pugi::xml_attribute attribute = element.attribute(name)) {
      const TextRange range = value_range(text_, copy_, attribute);
      splice(range.offset, range.length, std::string(value));
      return;
    }
    char quote = style_.quote;
    if (const pugi::xml_attribute last = element.last_attribute())
      quote = text_[value_range(text_, copy_, last).offset - 1];
    splice(span_of(text_, copy_, element).names_end, 0,
           ' ' + std::string(name) + '=' + quote + std::string(value) + quote);
  }

  void remove_attribute(xml_node element, const char* name) {
    const pugi::xml_attribute attribute = element.attribute(name);
    if (!attribute) return;
    const auto name_begin = static_cast<std::size_t>(attribute.name() - copy_);
    const TextRange range = value_range(text_, copy_, attribute);
    const std::size_t begin = blanks_begin(text_, name_begin);
    splice(begin, range.offset + range.length + 1 - begin, "");
  }

  /// Others who read the XML take a name with a prefix for another one.
  [[nodiscard]] bool all_read_alike(xml_node element) const {
    return !has_lost_prefixes_ || !lost_a_prefix(text_, copy_, element);
  }

  void drop_prefixes(xml_node element) {
    if (all_read_alike(element)) return;
    for (const pugi::xml_attribute attribute : element.attributes()) {
      const auto begin = static_cast<std::size_t>(attribute.name() - copy_);
      const std::size_t prefix_end = text_.find_first_of(":=", begin) + 1;
      if (text_[prefix_end - 1] == ':' && text_.substr(prefix_end).starts_with(attribute.name()))
        splice(begin, prefix_end - begin, "");
    }
  }

  // Children.

  void add_children(xml_node element, const ChildList& children) {
    if (children.empty()) return;
    const ElementSpan span = span_of(text_, copy_, element);
    const std::string outer(separator_before(text_, span.begin));
    const std::string inner = child_separator(element, outer);
    std::string at_end;
    for (const NewChild& child : children) {
      std::string before;
      append_rendered(child.before ? before : at_end, child.markup, inner, style_);
      if (child.before) splice(blanks_begin(text_, offset_of(child.before)), 0, std::move(before));
    }
    if (at_end.empty()) return;
    if (span.is_empty_tag) {
      splice(span.names_end, span.open_end - span.names_end, '>' + at_end + outer + "</" + element.name() + '>');
      return;
    }
    const std::size_t content_end = blanks_begin(text_, span.close_begin);
    const bool closes_on_new_line = !separator_before(text_, span.close_begin).empty();
    const bool closes_behind_a_child = !closes_on_new_line && last_element(element);
    if (!closes_on_new_line && !closes_behind_a_child) at_end += outer;
    splice(content_end, 0, std::move(at_end));
  }

  static xml_node last_element(xml_node parent) {
    xml_node last = parent.last_child();
    while (last && last.type() != pugi::node_element) last = last.previous_sibling();
    return last;
  }

  /// What stands before a child of the element: as before its last one, else one step more than before itself.
  std::string child_separator(xml_node element, std::string_view outer) {
    if (const xml_node last = last_element(element)) return std::string(separator_before(text_, offset_of(last)));
    return outer.empty() ? std::string() : std::string(outer) + style_.unit;
  }

  void remove(xml_node element) {
    const ElementSpan span = span_of(text_, copy_, element);
    const std::size_t begin = span.begin - separator_before(text_, span.begin).size();
    splice(begin, span.end - begin, "");
  }

  void replace(xml_node element, const Markup& markup) {
    const ElementSpan span = span_of(text_, copy_, element);
    splice(span.begin, span.end - span.begin, rendered(markup, separator_before(text_, span.begin), style_));
  }

  // Addresses.

  void edit_address(xml_node element, const Device& device, ChildList& added) {
    const xml_node address = element.child("address");
    const auto* pci = std::get_if<PciAddress>(&device.address);
    const bool is_plain = all_read_alike(address);
    if (pci != nullptr && is_plain && says_exactly(address, *pci)) return;
    const auto said = read_address(address);
    // Only a device that is none, whose address nobody reads, may still have a malformed one.
    if (!said) return edit_stranger(element);
    if (*said == device.address && is_plain && !has_octal(address)) return;
    const auto* said_pci = std::get_if<PciAddress>(&*said);
    auto markup = address_markup(device.address);
    if (markup && !is_plain) return replace(address, *markup);
    if (pci != nullptr && said_pci != nullptr) {
      if (pci->at) edit_pci_address(address, *said_pci, *pci);
    } else if (!markup) {
      if (said_pci != nullptr) said_pci->at ? remove_addresses(element) : empty(address);
    } else if (!address) {
      added.push_back({*std::move(markup), {}});
    } else if (said->index() == device.address.index()) {
      for (const auto& [name, value] : markup->attributes)
        if (name != "type") set_attribute(address, std::string(name).c_str(), value);
    } else {
      replace(address, *markup);
    }
  }

  /// All of them: without the first, the next one would count.
  void remove_addresses(xml_node element) {
    for (const xml_node address : element.children("address")) remove(address);
  }

  /// An empty one claims no place, and libvirt keeps it, without the zeros that others would read as a place.
  void empty(xml_node address) {
    for (const char* name : {"domain", "bus", "slot", "function"}) remove_attribute(address, name);
  }

  void edit_pci_address(xml_node address, const PciAddress& said, const PciAddress& pci) {
    const std::array<std::uint32_t, 4> wanted = {pci.at->segment(), pci.at->bus(), pci.at->slot(), pci.at->function()};
    const auto numbers = pci_numbers(*pci.at);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::string name(numbers[i].first);
      const pugi::xml_attribute attribute = address.attribute(name.c_str());
      const bool is_said =
          attribute ? unsigned_32(attribute.value(), Radix::Literal) == wanted[i] && !is_octal(attribute.value())
                    : said.at.has_value() && wanted[i] == 0;
      if (!is_said) set_attribute(address, name.c_str(), numbers[i].second);
    }
    edit_multifunction(address, pci.multifunction);
    edit_zpci(address, said.zpci, pci.zpci);
  }

  void edit_multifunction(xml_node address, Switch wanted) {
    if (wanted == Switch::Absent) {
      remove_attribute(address, "multifunction");
      return;
    }
    const std::string_view word = wanted == Switch::On ? "on" : "off";
    if (value_of(address, "multifunction") != word) set_attribute(address, "multifunction", word);
  }

  void edit_zpci(xml_node address, const ZpciIds& said, const ZpciIds& wanted) {
    if (said == wanted) return;
    xml_node zpci;
    for (const xml_node child : address.children("zpci")) zpci = child;
    if (!zpci) {
      add_children(address, {{Markup{"zpci", zpci_numbers(wanted)}, {}}});
      return;
    }
    for (const auto& [name, value] : zpci_numbers(wanted))
      if (!zpci.attribute(std::string(name).c_str())) set_attribute(zpci, std::string(name).c_str(), value);
  }

  // Controllers.

  void edit_controller(xml_node element, const Device& device, ChildList& added) {
    const Controller& controller = *device.controller;
    drop_prefixes(element);
    if (!element.attribute("type")) set_attribute(element, "type", to_string(controller.type));
    if (controller.index) {
      const std::string index = std::to_string(*controller.index);
      if (value_of(element, "index") != index) set_attribute(element, "index", index);
    }
    if (!device.model.empty() && value_of(element, "model") != device.model)
      set_attribute(element, "model", device.model);
    if (controller.ports && unsigned_32(value_of(element, "ports"), Radix::Decimal) != controller.ports)
      set_attribute(element, "ports", std::to_string(*controller.ports));
    if (!controller.model_name.empty()) edit_model_name(element, controller.model_name, added);
    if (controller.type == ControllerType::Pci) edit_target(element, controller.target, added);
  }

  void edit_model_name(xml_node element, const std::string& model_name, ChildList& added) {
    const xml_node model = element.child("model");
    if (!model)
      added.push_back({Markup{"model", {{"name", model_name}}},
                       first_of(element, {"target", "boot", "alias", "master", "acpi", "address"})});
    else if (value_of(model, "name") != model_name)
      set_attribute(model, "name", model_name);
  }

  void edit_target(xml_node element, const PciTarget& wanted, ChildList& added) {
    const xml_node target = element.child("target");
    Markup markup{"target", target_attributes(wanted)};
    const bool is_plain = all_read_alike(target);
    if (target && is_plain) return edit_target_in_place(target, markup, wanted.node);
    if (wanted.node) markup.children.push_back(node_markup(*wanted.node));
    if (!is_plain) return replace(target, markup);
    if (!markup.attributes.empty() || !markup.children.empty())
      added.push_back({std::move(markup), first_of(element, {"boot", "alias", "master", "acpi", "address"})});
  }

  void edit_target_in_place(xml_node target, const Markup& wanted, std::optional<int> node) {
    // In the order of target_attributes().
    constexpr std::array kKnown = {"chassisNr", "chassis", "port", "busNr", "index", "hotplug"};
    const auto said = attributes_named(target, kKnown);
    auto next = wanted.attributes.begin();
    for (std::size_t i = 0; i < kKnown.size(); ++i) {
      if (next != wanted.attributes.end() && next->first == kKnown[i]) {
        if (!says_number(said[i].value(), next->second)) set_attribute(target, kKnown[i], next->second);
        ++next;
      } else if (said[i]) {
        remove_attribute(target, said[i].name());
      }
    }
    edit_node(target, node);
  }

  /// Whether libvirt would store the one as the other.
  static bool says_number(std::string_view said, std::string_view wanted) {
    if (said == wanted) return true;
    const auto number = unsigned_32(wanted, Radix::Literal);
    return number && unsigned_32(said, Radix::Literal) == number && !is_octal(said);
  }

  void edit_node(xml_node target, std::optional<int> wanted) {
    const xml_node node = target.child("node");
    if (!wanted) {
      if (!text_content(node).empty()) remove(node);
    } else if (!node) {
      add_children(target, {{node_markup(*wanted), {}}});
    } else if (signed_32(text_content(node), Radix::Decimal) != wanted) {
      replace(node, node_markup(*wanted));
    }
  }

  // New devices.

  /// The last element that libvirt would print before a new one of that rank; none when it would be the first.
  static xml_node anchor_of(std::size_t order, const std::vector<xml_node>& elements) {
    xml_node anchor;
    for (const xml_node element : elements)
      if (const auto other = order_of(element.name()); other && *other <= order) anchor = element;
    return anchor;
  }

  void insert_after(xml_node anchor, std::string inserted) {
    splice(line_rest_end(text_, span_of(text_, copy_, anchor).end), 0, std::move(inserted));
  }

  /// At the beginning of `<devices>`, which may be empty or missing; each with its rank.
  void add_first(std::vector<std::pair<std::size_t, Markup>> ranked) {
    std::ranges::stable_sort(ranked, {}, &std::pair<std::size_t, Markup>::first);
    std::vector<Markup> devices;
    for (auto& [rank, markup] : ranked) devices.push_back(std::move(markup));
    const xml_node parent = root_.child("devices");
    if (!parent) {
      add_children(root_, {{Markup{"devices", {}, std::move(devices)}, {}}});
      return;
    }
    ChildList children;
    const xml_node first = parent.find_child([](xml_node child) { return child.type() == pugi::node_element; });
    for (Markup& markup : devices) children.push_back({std::move(markup), first});
    add_children(parent, children);
  }

  std::string_view text_;
  const char* copy_;
  xml_node root_;
  bool has_lost_prefixes_;
  MarkupStyle style_;
  std::vector<Splice> splices_;
};

}  // namespace

std::string write_places(const XmlDocument& document, const PlacedDomain& placed) {
  const XmlDocument::Tree& tree = *document.tree_;
  const std::vector<xml_node> elements = device_elements(tree.document);
  Editor editor(tree.text, tree.copy.get(), tree.document.document_element(), tree.has_lost_prefixes);
  std::vector<const Device*> added;
  std::vector<bool> is_device(elements.size(), false);
  for (const Device& device : placed.domain().devices) {
    if (device.element == kNoElement) {
      added.push_back(&device);
    } else {
      editor.edit_device(elements[device.element], device);
      is_device[device.element] = true;
    }
  }
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (!is_device[i]) editor.edit_stranger(elements[i]);
  editor.add_devices(elements, added);
  return with_splices(tree.text, std::move(editor).splices());
}

}  // namespace busproof::domain
