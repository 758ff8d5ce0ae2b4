#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/domain/xml_document.h"

/// What the reader and the editor share: pugixml's tree, and where in the text its parts lie.
namespace busproof::domain {

/// The bytes as they came and the tree parsed from a copy of them. pugixml works inside that copy, so the distance of
/// a name or a value from the copy's beginning is its offset in the text.
struct XmlDocument::Tree {
  std::string text;
  std::unique_ptr<char[]> copy;
  pugi::xml_document document;
  bool has_lost_prefixes = false;  ///< of attributes, in the tree alone
};

/// A piece of the text: `length` bytes from `offset`.
struct TextRange {
  std::size_t offset = 0;
  std::size_t length = 0;
};

/// Where the parts of `<name …>` or `<name …/>` lie.
struct StartTag {
  std::size_t begin = 0;      ///< of '<'
  std::size_t names_end = 0;  ///< after the last attribute's quote, or after the name
  std::size_t end = 0;        ///< after '>'
  bool is_empty_tag = false;  ///< `<name/>`
};

/// Where `</name>` lies; behind the start tag of an element that has none.
struct EndTag {
  std::size_t begin = 0, end = 0;
};

/// Offset of an element's '<'.
std::size_t offset_of(pugi::xml_node element);

/// The attribute's value as the text spells it, between its quotes.
TextRange value_range(std::string_view text, const char* copy, pugi::xml_attribute attribute);

StartTag start_tag_of(std::string_view text, const char* copy, pugi::xml_node element);
/// Takes time in proportion to the element's last child, that one's last child, and so on.
EndTag end_tag_of(std::string_view text, const char* copy, pugi::xml_node element);

/// Whether the element puts itself and all in it into a namespace, where libvirt does not see it: `xmlns='…'`.
bool opens_namespace(pugi::xml_node element);

/// Makes of namespaces what libvirt sees of them, in the tree alone. Every element below the root that is put into one
/// is renamed to what nobody looks for; an attribute with a prefix loses it where libvirt asks for its name regardless
/// of namespaces, which is nearly everywhere. `copy` is what the document was parsed from. Whether any prefix was lost.
bool resolve_namespaces(std::string_view text, char* copy, const pugi::xml_document& document);
bool is_hidden(pugi::xml_node element);
/// Whether the text says any attribute of the element with a prefix that the tree has lost.
bool lost_a_prefix(std::string_view text, const char* copy, pugi::xml_node element);

/// The element children of every `<devices>` below the root, in document order, but for those in a namespace: what
/// `Device::element` counts.
std::vector<pugi::xml_node> device_elements(const pugi::xml_document& document);

/// All text below the element, CDATA included: XPath's string().
std::string text_content(pugi::xml_node element);

/// The attributes of those names, found in one pass over all that the element has; null for one that it lacks. Quickest
/// where they come in the order of the names, as in what libvirt printed.
template <std::size_t kCount>
std::array<pugi::xml_attribute, kCount> attributes_named(pugi::xml_node element,
                                                         const std::array<const char*, kCount>& names) {
  std::array<pugi::xml_attribute, kCount> found;
  std::size_t expected = 0;
  for (pugi::xml_attribute attribute = element.first_attribute(); attribute; attribute = attribute.next_attribute()) {
    const char* const name = attribute.name();
    for (std::size_t tried = 0, i = expected; tried < kCount; ++tried, i = i + 1 == kCount ? 0 : i + 1) {
      if (*names[i] != *name || std::strcmp(names[i], name) != 0) continue;
      if (!found[i]) found[i] = attribute;
      expected = i + 1 == kCount ? 0 : i + 1;
      break;
    }
  }
  return found;
}

/// A device's element, and its children: there are rules for dozens of them and few are there, so those that cannot be
/// are not looked for, and the others quickly.
class Element {
 public:
  explicit Element(pugi::xml_node node);
  operator pugi::xml_node() const { return node_; }  ///< an element, and a bit more
  /// The first of that name.
  [[nodiscard]] pugi::xml_node child(const char* name) const {
    const std::uint8_t mark = mark_of(name);
    if ((marks_ >> mark & 1U) == 0) return {};
    for (std::size_t i = 0; i < kept_; ++i) {
      if (mark_[i] != mark) continue;
      if (const pugi::xml_node child(child_[i]); std::strcmp(child.name(), name) == 0) return child;
    }
    return kept_ < kKeptMax ? pugi::xml_node() : node_.child(name);
  }
  [[nodiscard]] pugi::xml_attribute attribute(const char* name) const { return node_.attribute(name); }

 private:
  static constexpr std::size_t kKeptMax = 12;

  /// A number below 64 for a name, which others may share. Two letters tell most children of devices apart.
  static std::uint8_t mark_of(const char* name) {
    const auto first = static_cast<unsigned char>(name[0]);
    const auto second = first == '\0' ? first : static_cast<unsigned char>(name[1]);
    return (5U * first + second) % 64U;
  }

  pugi::xml_node node_;
  std::uint64_t marks_ = 0;  ///< bit n: some child has mark n
  std::size_t kept_ = 0;
  std::array<std::uint8_t, kKeptMax> mark_{};             ///< of the first children, no more than are kept
  std::array<pugi::xml_node_struct*, kKeptMax> child_{};  ///< those
};

/// The attribute's value; empty when it is missing.
std::string_view value_of(pugi::xml_node element, const char* attribute);

/// The value of `attribute` at the first child named `child` that has it; empty when there is none.
std::string_view child_value(pugi::xml_node element, const char* child, const char* attribute);
std::string_view child_value(const Element& element, const char* child, const char* attribute);

}  // namespace busproof::domain
