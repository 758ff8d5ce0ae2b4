#include "engine/domain/xml_tree.h"

#include <algorithm>
#include <array>
#include <utility>

namespace busproof::domain {
namespace {

std::size_t distance(const char* copy, const char* part) { return static_cast<std::size_t>(part - copy); }

/// The end of a node that is no element. A text ends where the next tag begins.
std::size_t end_of_other(std::string_view text, const char* copy, pugi::xml_node node) {
  switch (node.type()) {
    case pugi::node_comment:
      return text.find("-->", distance(copy, node.value())) + 3;
    case pugi::node_cdata:
      return text.find("]]>", distance(copy, node.value())) + 3;
    case pugi::node_pi:
      return text.find("?>", distance(copy, node.name())) + 2;
    default:
      return text.find('<', distance(copy, node.value()));
  }
}

/// The node after this one, children first; null after the last one below `top`.
pugi::xml_node next_in_document(pugi::xml_node node, pugi::xml_node top) {
  if (node.first_child()) return node.first_child();
  while (node != top && !node.next_sibling()) node = node.parent();
  return node == top ? pugi::xml_node() : node.next_sibling();
}

/// What the name of a hidden element begins with; that of no other does.
constexpr char kHiddenMark = '\1';

/// Whether there may be a namespace at all; `xml` is declared everywhere.
bool may_have_namespaces(std::string_view text) {
  return text.find("xmlns") != std::string_view::npos || text.find("xml:") != std::string_view::npos;
}

/// What libvirt asks XPath for, which sees no attribute that is in a namespace. `parent` is "" for any.
struct AskedByXPath {
  std::string_view parent, element, attribute;
};
constexpr auto kAskedByXPath = std::to_array<AskedByXPath>({
    {"", "domain", "type"},
    {"os", "type", "arch"},
    {"os", "type", "machine"},
    {"domain", "os", "firmware"},
    {"os", "smbios", "mode"},
    {"numa", "cell", "memory"},
    {"", "alias", "name"},
    {"interface", "model", "type"},
    {"interface", "mtu", "size"},
    {"source", "address", "type"},
    {"source", "adapter", "name"},
    {"video", "model", "type"},
    {"video", "model", "primary"},
    {"video", "model", "vgamem"},
    {"filesystem", "target", "dir"},
    {"filesystem", "driver", "queue"},
    {"shmem", "size", "unit"},
});

bool is_asked_by_xpath(pugi::xml_node element, std::string_view attribute) {
  return std::ranges::any_of(kAskedByXPath, [&](const AskedByXPath& row) {
    return row.attribute == attribute && row.element == element.name() &&
           (row.parent.empty() || row.parent == element.parent().name());
  });
}

/// Without a declaration it is part of the name and nothing else.
bool is_declared(std::string_view prefix, pugi::xml_node element) {
  const std::string declaration = "xmlns:" + std::string(prefix);
  for (; element; element = element.parent())
    if (element.attribute(declaration.c_str())) return true;
  return prefix == "xml";
}

/// Whether it had any that is to be dropped.
bool drop_prefixes(pugi::xml_node element) {
  bool dropped = false;
  for (pugi::xml_attribute attribute : element.attributes()) {
    const std::string_view name = attribute.name();
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos || name.starts_with("xmlns:")) continue;
    const std::string local(name.substr(colon + 1));
    if (local.empty() || !is_declared(name.substr(0, colon), element) || is_asked_by_xpath(element, local)) continue;
    dropped = attribute.set_name(local.c_str());  // in place: it is shorter
  }
  return dropped;
}

}  // namespace

std::size_t offset_of(pugi::xml_node element) { return static_cast<std::size_t>(element.offset_debug()) - 1; }

TextRange value_range(std::string_view text, const char* copy, pugi::xml_attribute attribute) {
  const std::size_t begin = distance(copy, attribute.value());
  return {begin, text.find(text[begin - 1], begin) - begin};
}

StartTag start_tag_of(std::string_view text, const char* copy, pugi::xml_node element) {
  StartTag tag;
  tag.begin = offset_of(element);
  if (const pugi::xml_attribute last = element.last_attribute()) {
    const TextRange value = value_range(text, copy, last);
    tag.names_end = value.offset + value.length + 1;
  } else {
    tag.names_end = tag.begin + 1 + std::string_view(element.name()).size();
  }
  tag.end = text.find('>', tag.names_end) + 1;
  tag.is_empty_tag = text[tag.end - 2] == '/';
  return tag;
}

EndTag end_tag_of(std::string_view text, const char* copy, pugi::xml_node element) {
  pugi::xml_node deepest = element;
  while (const pugi::xml_node last = deepest.last_child()) deepest = last;

  EndTag tag;
  bool has_end_tag = false;  // whatever has children has one
  if (deepest.type() == pugi::node_element) {
    const StartTag start = start_tag_of(text, copy, deepest);
    tag = {start.end, start.end};
    has_end_tag = !start.is_empty_tag;
  } else {
    tag.end = end_of_other(text, copy, deepest);
  }
  for (pugi::xml_node node = deepest;; node = node.parent(), has_end_tag = true) {
    if (has_end_tag) {
      tag.begin = text.find('<', tag.end);
      tag.end = text.find('>', tag.begin) + 1;
    }
    if (node == element) return tag;
  }
}

bool opens_namespace(pugi::xml_node element) { return *element.attribute("xmlns").value() != '\0'; }

bool resolve_namespaces(std::string_view text, char* copy, const pugi::xml_document& document) {
  if (!may_have_namespaces(text)) return false;
  bool dropped = false;
  const pugi::xml_node root = document.document_element();
  for (pugi::xml_node node = root; node; node = next_in_document(node, root)) {
    dropped = drop_prefixes(node) || dropped;
    if (node != root && opens_namespace(node)) copy[distance(copy, node.name())] = kHiddenMark;
  }
  return dropped;
}

bool lost_a_prefix(std::string_view text, const char* copy, pugi::xml_node element) {
  return std::ranges::any_of(element.attributes(), [&](const pugi::xml_attribute& attribute) {
    return !text.substr(distance(copy, attribute.name())).starts_with(attribute.name());
  });
}

bool is_hidden(pugi::xml_node element) { return *element.name() == kHiddenMark; }

std::vector<pugi::xml_node> device_elements(const pugi::xml_document& document) {
  std::vector<pugi::xml_node> elements;
  for (const pugi::xml_node devices : document.document_element().children("devices"))
    for (const pugi::xml_node child : devices.children())
      if (child.type() == pugi::node_element && !is_hidden(child)) elements.push_back(child);
  return elements;
}

std::string text_content(pugi::xml_node element) {
  std::string content;
  if (!element) return content;
  for (pugi::xml_node node = next_in_document(element, element); node; node = next_in_document(node, element))
    if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) content += node.value();
  return content;
}

Element::Element(pugi::xml_node node) : node_(node) {
  for (pugi::xml_node child = node.first_child(); child; child = child.next_sibling()) {
    const std::uint8_t mark = mark_of(child.name());
    marks_ |= std::uint64_t{1} << mark;
    if (kept_ == kKeptMax || child.type() != pugi::node_element) continue;
    mark_[kept_] = mark;
    child_[kept_++] = child.internal_object();
  }
}

std::string_view value_of(pugi::xml_node element, const char* attribute) {
  return element.attribute(attribute).value();
}

std::string_view child_value(pugi::xml_node element, const char* child, const char* attribute) {
  for (const pugi::xml_node candidate : element.children(child))
    if (const pugi::xml_attribute found = candidate.attribute(attribute)) return found.value();
  return {};
}

std::string_view child_value(const Element& element, const char* child, const char* attribute) {
  for (pugi::xml_node candidate = element.child(child); candidate; candidate = candidate.next_sibling(child))
    if (const pugi::xml_attribute found = candidate.attribute(attribute)) return found.value();
  return {};
}

}  // namespace busproof::domain
