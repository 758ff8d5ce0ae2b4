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
  if (std::string_view(said[0].value()) != "pci") return false;
  const auto numbers = numbers_of(*address.at);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!is_hexadecimal(said[i + 1].value(), numbers[i], kPciNumbers[i].digits)) return false;
  return said[5].value() == kSwitches[static_cast<std::size_t>(address.multifunction)];
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
        style_(style_of(text, copy, root)),
        splices_(text.size()) {}

  void edit_device(xml_node element, const Device& device) {
    NewChildren added(*this, element);
    if (device.controller) edit_controller(element, device, added);
    edit_address(element, device, added);
    added.end();
  }

  /// An element that is no device to libvirt 9.0.0 keeps all but the place that it claims on a PCI bus: nothing sits
  /// there, and its function may have gone to somebody else.
  void edit_stranger(xml_node element) {
    if (value_of(element.child("address"), "type") == "pci") remove_addresses(element);
  }

  void add_devices(const std::vector<xml_node>& elements, const std::vector<const Device*>& devices) {
    std::array<std::vector<const Device*>, kElementOrder.size()> by_order;
    for (const Device* device : devices)
      if (is_written(*device)) by_order[*order_of(to_string(device->kind))].push_back(device);
    const auto anchors = anchors_of(elements);
    std::vector<const Device*> unanchored;
    for (std::size_t order = 0; order < by_order.size(); ++order) {
      if (by_order[order].empty()) continue;
      if (anchors[order])
        add_after(anchors[order], by_order[order]);
      else
        std::ranges::copy(by_order[order], std::back_inserter(unanchored));
    }
    if (!unanchored.empty()) add_first(unanchored);
  }

  [[nodiscard]] Splices splices() && { return std::move(splices_); }

 private:
  using Anchors = std::array<xml_node, kElementOrder.size()>;

  /// Children that an element is to get, which may be none.
  class NewChildren {
   public:
    NewChildren(Editor& editor, xml_node element)
        : editor_(editor), element_(element), at_end_(std::exchange(editor.spare_, {})) {}

    /// Adds what `write` writes: before that child of the element, or at its end where there is none.
    template <class Write>
    void add(xml_node before, const Write& write) {
      if (!has_looked_) look_around();
      const auto append = [&](std::string& text) { append_markup(text, inner_, editor_.style_, write); };
      if (before)
        editor_.splices_.add_written(blanks_begin(editor_.text_, offset_of(before)), 0, append);
      else
        append(at_end_);
    }

    void end() {
      if (!at_end_.empty()) put_at_end();
      at_end_.clear();
      editor_.spare_ = std::move(at_end_);
    }

   private:
    /// What stands before a child of the element: as before its last one, else one step more than before itself.
    void look_around() {
      has_looked_ = true;
      outer_ = separator_before(editor_.text_, offset_of(element_));
      if (const xml_node last = last_element(element_))
        inner_ = separator_before(editor_.text_, offset_of(last));
      else if (!outer_.empty())
        inner_.append(outer_).append(editor_.style_.unit);
    }

    void put_at_end() {
      if (!element_.first_child()) {
        const StartTag tag = start_tag_of(editor_.text_, editor_.copy_, element_);
        if (tag.is_empty_tag) {
          at_end_.insert(0, 1, '>');
          at_end_.append(outer_).append("</").append(element_.name()) += '>';
          editor_.splices_.add(tag.names_end, tag.end - tag.names_end, at_end_);
          return;
        }
      }
      const std::size_t close_begin = end_tag_of(editor_.text_, editor_.copy_, element_).begin;
      const std::size_t content_end = blanks_begin(editor_.text_, close_begin);
      const bool closes_on_new_line = !separator_before(editor_.text_, close_begin).empty();
      const bool closes_behind_a_child = !closes_on_new_line && last_element(element_);
      if (!closes_on_new_line && !closes_behind_a_child) at_end_ += outer_;
      editor_.splices_.add(content_end, 0, at_end_);
    }

    Editor& editor_;
    xml_node element_;
    bool has_looked_ = false;
    std::string_view outer_;
    std::string inner_, at_end_;
  };

  // Attributes.

  void set_attribute(xml_node element, const char* name, std::string_view value) {
    if (const pugi::xml_attribute attribute = element.attribute(name)) {
      const TextRange range = value_range(text_, copy_, attribute);
      splices_.add(range.offset, range.length, value);
      return;
    }
    char quote = style_.quote;
    if (const pugi::xml_attribute last = element.last_attribute())
      quote = text_[value_range(text_, copy_, last).offset - 1];
    splices_.add(start_tag_of(text_, copy_, element).names_end, 0,
                 ' ' + std::string(name) + '=' + quote + std::string(value) + quote);
  }

  void remove_attribute(xml_node element, const char* name) {
    const pugi::xml_attribute attribute = element.attribute(name);
    if (!attribute) return;
    const auto name_begin = static_cast<std::size_t>(attribute.name() - copy_);
    const TextRange range = value_range(text_, copy_, attribute);
    const std::size_t begin = blanks_begin(text_, name_begin);
    splices_.add(begin, range.offset + range.length + 1 - begin, "");
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
        splices_.add(begin, prefix_end - begin, "");
    }
  }

  // Children.

  static xml_node last_element(xml_node parent) {
    xml_node last = parent.last_child();
    while (last && last.type() != pugi::node_element) last = last.previous_sibling();
    return last;
  }

  void remove(xml_node element) {
    const std::size_t offset = offset_of(element);
    const std::size_t begin = offset - separator_before(text_, offset).size();
    splices_.add(begin, end_tag_of(text_, copy_, element).end - begin, "");
  }

  template <class Write>
  void replace(xml_node element, const Write& write) {
    const std::size_t begin = offset_of(element);
    const std::string_view separator = separator_before(text_, begin);
    splices_.add_written(begin, end_tag_of(text_, copy_, element).end - begin, [&](std::string& text) {
      const std::size_t size = text.size();
      append_markup(text, separator, style_, write);
      text.erase(size, separator.size());
    });
  }

  // Addresses.

  void edit_address(xml_node element, const Device& device, NewChildren& added) {
    const xml_node address = element.child("address");
    const bool is_wanted = is_written(device.address);
    const auto write = [&](MarkupWriter& writer) { write_address(writer, device.address); };
    if (!address) {
      if (is_wanted) added.add({}, write);
      return;
    }
    const auto* pci = std::get_if<PciAddress>(&device.address);
    const bool is_plain = all_read_alike(address);
    if (pci != nullptr && is_plain && says_exactly(address, *pci)) return;
    const auto said = read_address(address);
    // Only a device that is none, whose address nobody reads, may still have a malformed one.
    if (!said) return edit_stranger(element);
    if (*said == device.address && is_plain && !has_octal(address)) return;
    const auto* said_pci = std::get_if<PciAddress>(&*said);
    if (is_wanted && !is_plain) return replace(address, write);
    if (pci != nullptr && said_pci != nullptr) {
      if (pci->at) edit_pci_address(address, *said_pci, *pci);
    } else if (!is_wanted) {
      if (said_pci != nullptr) said_pci->at ? remove_addresses(element) : empty(address);
    } else if (said->index() == device.address.index()) {
      for (const auto& [name, value] : address_attributes(device.address))
        if (name != "type") set_attribute(address, std::string(name).c_str(), value);
    } else {
      replace(address, write);
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
    const auto wanted = numbers_of(*pci.at);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto& [name, digits] = kPciNumbers[i];
      const pugi::xml_attribute attribute = address.attribute(name);
      const bool is_said =
          attribute ? unsigned_32(attribute.value(), Radix::Literal) == wanted[i] && !is_octal(attribute.value())
                    : said.at.has_value() && wanted[i] == 0;
      if (!is_said) set_attribute(address, name, hexadecimal_text(wanted[i], digits));
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
      add_child(address, [&](MarkupWriter& writer) { write_zpci(writer, wanted); });
      return;
    }
    for (const auto& [name, value] : zpci_attributes(wanted))
      if (!zpci.attribute(std::string(name).c_str())) set_attribute(zpci, std::string(name).c_str(), value);
  }

  // Controllers.

  void edit_controller(xml_node element, const Device& device, NewChildren& added) {
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

  void edit_model_name(xml_node element, const std::string& model_name, NewChildren& added) {
    const xml_node model = element.child("model");
    if (!model)
      added.add(first_of(element, {"target", "boot", "alias", "master", "acpi", "address"}),
                [&](MarkupWriter& writer) { write_model_name(writer, model_name); });
    else if (value_of(model, "name") != model_name)
      set_attribute(model, "name", model_name);
  }

  void edit_target(xml_node element, const PciTarget& wanted, NewChildren& added) {
    const xml_node target = element.child("target");
    const bool is_plain = all_read_alike(target);
    if (target && is_plain) return edit_target_in_place(target, wanted);
    const auto write = [&](MarkupWriter& writer) { write_target(writer, wanted); };
    if (!is_plain) return replace(target, write);
    if (wanted != PciTarget{}) added.add(first_of(element, {"boot", "alias", "master", "acpi", "address"}), write);
  }

  void edit_target_in_place(xml_node target, const PciTarget& wanted) {
    // In the order of target_attributes().
    constexpr std::array kKnown = {"chassisNr", "chassis", "port", "busNr", "index", "hotplug"};
    const auto said = attributes_named(target, kKnown);
    const Attributes attributes = target_attributes(wanted);
    auto next = attributes.begin();
    for (std::size_t i = 0; i < kKnown.size(); ++i) {
      if (next != attributes.end() && next->first == kKnown[i]) {
        if (!says_number(said[i].value(), next->second)) set_attribute(target, kKnown[i], next->second);
        ++next;
      } else if (said[i]) {
        remove_attribute(target, said[i].name());
      }
    }
    edit_node(target, wanted.node);
  }

  /// Whether libvirt would store the one as the other.
  static bool says_number(std::string_view said, std::string_view wanted) {
    if (said == wanted) return true;
    const auto number = unsigned_32(wanted, Radix::Literal);
    return number && unsigned_32(said, Radix::Literal) == number && !is_octal(said);
  }

  void edit_node(xml_node target, std::optional<int> wanted) {
    const auto write = [&](MarkupWriter& writer) { write_node(writer, *wanted); };
    const xml_node node = target.child("node");
    if (!wanted) {
      if (!text_content(node).empty()) remove(node);
    } else if (!node) {
      add_child(target, write);
    } else if (signed_32(text_content(node), Radix::Decimal) != wanted) {
      replace(node, write);
    }
  }

  // New devices.

  /// For every rank the last element that libvirt would print before a new one; none when it would be the first.
  static Anchors anchors_of(const std::vector<xml_node>& elements) {
    std::array<std::size_t, kElementOrder.size()> last{};  // counted from 1
    std::string_view name;
    std::optional<std::size_t> order;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      // Those of a name mostly stand together.
      if (name != elements[i].name()) order = order_of(name = elements[i].name());
      if (order) last[*order] = i + 1;
    }
    Anchors anchors;
    std::size_t before = 0;
    for (std::size_t rank = 0; rank < last.size(); ++rank) {
      before = std::max(before, last[rank]);
      if (before != 0) anchors[rank] = elements[before - 1];
    }
    return anchors;
  }

  static void write_all(MarkupWriter& writer, const std::vector<const Device*>& devices) {
    for (const Device* device : devices) write_device(writer, *device);
  }

  void add_after(xml_node anchor, const std::vector<const Device*>& devices) {
    const std::string_view separator = separator_before(text_, offset_of(anchor));
    splices_.add_written(line_rest_end(text_, end_tag_of(text_, copy_, anchor).end), 0, [&](std::string& text) {
      append_markup(text, separator, style_, [&](MarkupWriter& writer) { write_all(writer, devices); });
    });
  }

  /// At the beginning of `<devices>`, which may be empty or missing.
  void add_first(const std::vector<const Device*>& devices) {
    const xml_node parent = root_.child("devices");
    if (!parent)
      return add_child(root_, [&](MarkupWriter& writer) {
        writer.begin("devices");
        write_all(writer, devices);
        writer.end();
      });
    NewChildren children(*this, parent);
    children.add(parent.find_child([](xml_node child) { return child.type() == pugi::node_element; }),
                 [&](MarkupWriter& writer) { write_all(writer, devices); });
    children.end();
  }

  template <class Write>
  void add_child(xml_node element, const Write& write) {
    NewChildren children(*this, element);
    children.add({}, write);
    children.end();
  }

  std::string_view text_;
  const char* copy_;
  xml_node root_;
  bool has_lost_prefixes_;
  MarkupStyle style_;
  Splices splices_;
  std::string spare_;  ///< memory for the next one's children
};

}  // namespace

std::string write_places(const XmlDocument& document, const PlacedDomain& placed) {
  const XmlDocument::Tree& tree = *document.tree_;
  const std::vector<xml_node> elements = device_elements(tree.document);
  Editor editor(tree.text, tree.copy.get(), tree.document.document_element(), tree.has_lost_prefixes);
  std::vector<const Device*> added;
  for (const Device& device : placed.domain().devices)
    if (device.element == kNoElement) added.push_back(&device);
  editor.add_devices(elements, added);
  std::vector<bool> is_device(elements.size(), false);
  for (const Device& device : placed.domain().devices) {
    if (device.element == kNoElement) continue;
    editor.edit_device(elements[device.element], device);
    is_device[device.element] = true;
  }
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (!is_device[i]) editor.edit_stranger(elements[i]);
  return std::move(editor).splices().made_in(tree.text);
}

}  // namespace busproof::domain
